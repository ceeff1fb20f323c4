// Which of the HTTP clients a test runs against: the suites that ask servers run twice, once by libtau itself
// and once (TAU_TEST_LIBCURL is set) by libcurl.
#pragma once

#include <cstdlib>

#include "net/net.h"

namespace tau::test {

inline bool native_http() { return std::getenv("TAU_TEST_LIBCURL") == nullptr; }

inline net::HttpClientOptions client_options() {
  net::HttpClientOptions options;
  options.native_http = native_http();
  return options;
}

}  // namespace tau::test
