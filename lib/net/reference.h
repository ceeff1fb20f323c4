// URL references as browsers read them. Part of the face of net.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::net {

// A parsed absolute URL with scheme http or https.
struct Url {
  std::string scheme;          // lower case
  std::string host;            // lower case, no brackets
  uint16_t port = 0;           // explicit or the scheme's default
  std::string target;          // path and query, begins with '/'
  std::string origin() const;  // "https://api.example.com:443"
};

// What a reference means to a browser, and what makes its host doubtful.
struct Reference {
  Url url;  // as the standard reads it: port 0 and hosts that parse_url refuses are possible
  bool user_information = false;
  // The host was no name and no address in its usual form: 127.1, 0x7f000001, 0177.0.0.1, %31%32%37.0.0.1.
  bool disguised = false;
};

// `reference` as the WHATWG URL standard reads it, relative to `base` (an absolute URL; empty: none; one
// of another scheme counts as none), for the schemes http and https; a fragment is dropped. For telling what
// others would reach; it refuses only what the standard refuses: INVALID_ARGUMENT "invalid_url", or
// "unsupported_scheme". Names outside ASCII need libidn2, loaded at the first of them; without it they are
// refused.
StatusOr<Reference> read_reference(std::string_view reference, std::string_view base = {});

// The same for use: what two parsers might read differently is refused as by parse_url(), which reads the
// result: user information and disguised addresses. INVALID_ARGUMENT "invalid_url", "unsupported_scheme".
StatusOr<Url> resolve_url(std::string_view reference, std::string_view base = {});

}  // namespace tau::net
