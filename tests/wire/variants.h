// The same traffic as another server or gateway would send it: what has to be read all the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "wire/wire.h"

namespace tau::wire::test {

struct Variant {
  std::string name;
  std::string body;
};

// Of a document: its members in another order, members that nobody knows, numbers as text.
std::vector<Variant> document_variants(std::string_view body);
// Of a stream: also other line ends, and of server-sent events comments and fields, and no end mark.
std::vector<Variant> stream_variants(Framing framing, std::string_view body);

}  // namespace tau::wire::test
