// Requests for one's own reading: redirects followed one by one, everything bounded. Part of the face of net.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/base.h"

namespace tau::net {

class HttpClient;
class Loop;
struct HttpRequest;
using Headers = std::vector<std::pair<std::string, std::string>>;

// What an answer asks for next, by RFC 9110 section 15.4: nothing (the answer is final), or another request.
// The target is resolved against the URL of `sent`; after 303, and after 301 and 302 to a POST, it is a GET
// without a body. To another origin go no credential and no header but those that name a form or a language.
// Errors: INVALID_ARGUMENT "redirect_invalid" (a Location that resolve_url() refuses, or two that differ),
// PERMISSION_DENIED "redirect_downgrade" (https to http), "redirect_refused" (a body to another origin).
StatusOr<std::optional<HttpRequest>> next_request(const HttpRequest& sent, int status,
                                                  const Headers& headers);

struct FetchOptions {
  int max_redirects = 5;
  int64_t total_ms = 30'000;          // over all hops
  uint64_t max_body_bytes = 1 << 20;  // after decompression; the rest is not read
  // Whether a redirect may lead to another host. If not, its answer is the result and `elsewhere` says where
  // it leads, for the caller to decide. A leading "www." makes no other host.
  bool to_other_hosts = true;
  // Asked about each further request; false: as above. May be empty.
  std::function<bool(const HttpRequest& next)> may_follow = {};
};

struct FetchResponse {
  int status = 0;
  std::string url;   // that was asked last
  Headers headers;   // names in lower case; those of the body's encoding are left out
  std::string body;  // decompressed
  bool truncated = false;
  int redirects = 0;
  std::string elsewhere;  // see FetchOptions
};

// One request and what it leads to. Owner thread of the loop. The egress policy of the client judges each
// hop; a credential of the request goes along within its origin.
class Fetch {
 public:
  using Done = UniqueFunction<void(StatusOr<FetchResponse>)>;

  // `request`: its timeouts count for each hop; its cap and its decoding are set here.
  // `done` comes exactly once, never from inside start(), and may destroy the Fetch; not after that is
  // destroyed. Errors are those of HttpSink::on_done and of next_request, and RESOURCE_EXHAUSTED
  // "redirect_limit" and "redirect_loop" (a hop that repeats an earlier one). Loop and client must outlive
  // it.
  static std::unique_ptr<Fetch> start(Loop& loop, HttpClient& client, HttpRequest request,
                                      FetchOptions options, Done done);
  // Cancels what is under way.
  virtual ~Fetch() = default;
};

}  // namespace tau::net
