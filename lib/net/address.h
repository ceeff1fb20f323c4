// Conversions into Address from what the system and libcurl hand out. Private to net.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "net/net.h"

namespace tau::net {

// Nothing for families other than IPv4 and IPv6, and for a `size` that does not hold the address.
std::optional<Address> address_from_sockaddr(const sockaddr* address, size_t size);

}  // namespace tau::net
