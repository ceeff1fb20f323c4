// The arguments of the http tool as a request, without any I/O. Private to tool.
#pragma once

#include "tool/tool.h"

namespace tau::tool {

inline constexpr int64_t kDefaultFetchBytes = 64 * 1024;
inline constexpr int64_t kMaxFetchBytes = 240 * 1024;
inline constexpr int64_t kDefaultFetchMs = 30'000;
inline constexpr int64_t kMaxFetchMs = 120'000;

struct HttpCall {
  net::HttpRequest request;
  net::FetchOptions options;
};

// Whether a request of this method may change something where it goes.
bool is_mutating(std::string_view method);

// INVALID_ARGUMENT "invalid_url", "unsupported_scheme" or "header_not_allowed". The arguments fit the schema.
StatusOr<HttpCall> http_call(const json::Value& arguments);

}  // namespace tau::tool
