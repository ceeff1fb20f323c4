// What a client asks of a proxy, read from the head of its request, without any I/O. Private to net.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/fetch.h"
#include "net/reference.h"

namespace tau::net {

// RFC 9110 section 9.3.6, RFC 9112 section 3.2.
struct ProxyRequest {
  bool tunnel = false;  // CONNECT: bytes go through as they are
  Url url;              // of a tunnel with the scheme https and the target "/"
  Headers headers;      // as they are forwarded; empty of a tunnel
  std::string head;     // the request in origin form, with its blank line; empty of a tunnel
  uint64_t body_bytes = 0;
};

inline constexpr size_t kMaxProxyHeadBytes = 32u << 10;

// How many bytes of `bytes` are the head with its blank line; 0 when that is not there yet.
size_t proxy_head_bytes(std::string_view bytes);

// `head` ends with its blank line. Strict, as two programs read the same bytes: bare line feeds, folded
// lines, blanks before a colon, controls, lengths that differ and bodies without a length are refused. What
// is said from hop to hop is left out of what is forwarded, and the server is asked to close the connection,
// which so carries one request. INVALID_ARGUMENT "proxy_bad_request", "proxy_length_required" (a body whose
// end only its chunks tell) or "proxy_needs_connect" (https, or no absolute URL).
StatusOr<ProxyRequest> parse_proxy_request(std::string_view head);

}  // namespace tau::net
