// URLs before rules of egress that a document gives, for programs that send requests themselves.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::runtime {

// What a URL is to rules of egress that a document gives (tau/safety.h); empty: https to public hosts.
// INVALID_ARGUMENT as only_keys and check_type give it, "invalid_egress_rule" or "invalid_address".
StatusOr<std::string> check_url(std::string_view url, std::string_view rules);

}  // namespace tau::runtime
