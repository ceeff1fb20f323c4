// Host names outside ASCII. Private to net.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::net {

// A name in UTF-8 as UTS #46 maps it to ASCII, without transitional processing; empty labels stay. Maps
// libidn2 at the first use. INVALID_ARGUMENT "invalid_url", also when there is no libidn2.
StatusOr<std::string> name_to_ascii(std::string_view name);

}  // namespace tau::net
