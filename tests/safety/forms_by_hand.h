// The encoded forms of a secret, written down independently of the library, and a scanner that is nothing but
// std::string::find: what the exact layer is compared with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tau::test {

struct EncodedForm {
  const char* name;
  std::string text;
};

std::string base64_of(std::string_view bytes, bool url);
// Every encoding that the exact layer promises, each as a sender would write it, with something around it
// where the encoding has phases.
std::vector<EncodedForm> forms_by_hand(std::string_view secret);

}  // namespace tau::test
