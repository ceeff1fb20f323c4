// Answers that were given before to the same question: docs/routing.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/net.h"
#include "provider/provider.h"

namespace tau::provider {

struct CachePolicy {
  int64_t ttl_ms = 0;     // 0: nothing is kept
  int64_t max_bytes = 0;  // of all answers of this cache
  bool shared = false;    // one principal may be given what another was answered
  bool enabled() const { return ttl_ms > 0 && max_bytes > 0; }
};

struct CachedAnswer {
  std::string provider;  // who gave it
  std::string model;
  wire::Response response;
};

// Whole answers by exact match: the meaning of the request (request_match.h), the model and the principal.
// The answer that was not used for longest goes first. Any thread.
class ResponseCache {
 public:
  // `now_ms` need not be steady: an answer whose age cannot be told is none any more.
  explicit ResponseCache(CachePolicy policy, std::function<int64_t()> now_ms);
  ~ResponseCache();

  // The key of a call to that model; empty when it may not be answered from here, nor kept: it names media by
  // reference, which may change, or holds what only its provider can read or do.
  std::string key_of(std::string_view model, const ModelCall& call) const;
  // Null: there is none, or none any more.
  std::shared_ptr<const CachedAnswer> find(std::string_view key);
  // Keeps an answer that is whole (it ended with stop or tool_calls) and fits; any other is left.
  void keep(std::string_view key, CachedAnswer answer);

  int64_t bytes() const;
  size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `inner`, asked only for what the cache does not have. An answer of the cache comes as the events of a
// stream, after the decision "answers" with the reason "cache_hit" and a route without a price; its usage
// says that the prompt was cached in whole and that nothing was put out. The loop outlives it.
std::unique_ptr<Model> make_cached_model(std::unique_ptr<Model> inner, std::shared_ptr<ResponseCache> cache,
                                         net::Loop& loop);

}  // namespace tau::provider
