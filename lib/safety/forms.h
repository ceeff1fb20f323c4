// The forms in which a secret may stand in text: every encoding that clients, servers and logs put around it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tau::safety {

// Each distinct form once. The caller wipes them.
std::vector<std::string> encoded_forms(std::string_view secret);

}  // namespace tau::safety
