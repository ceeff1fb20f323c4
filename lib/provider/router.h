// Which upstream of a route answers a call, and what follows a failure. Pure functions and one small state
// machine: health, time and randomness come in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "provider/money.h"
#include "provider/provider.h"

namespace tau::provider {

// What a call asks of a model.
struct Needs {
  int64_t prompt_tokens = 0;  // estimate
  int64_t output_tokens = 0;  // that the request names; 0: none
  bool tools = false;
  bool images = false;
};

// What is known of a model that may answer.
struct Candidate {
  Price price;
  Abilities abilities;
  int64_t context_tokens = 0;     // 0: unknown
  int64_t max_output_tokens = 0;  // 0: unknown
  int64_t weight = 1;             // 0: only when no other is left
  int64_t latency_ns = 0;         // to the first event, as measured; 0: unknown or too old
};

struct Plan {
  struct Skip {
    size_t upstream = 0;
    std::string_view reason;  // "no_tools", "no_images", "context_too_small"
  };
  std::vector<size_t> order;  // of those that can answer such a call
  std::vector<Skip> skipped;
};
// Ties keep the order of the configuration. Latency: the unknown first, so that it becomes known. Cost: by
// what the call would cost at the estimate; the unknown last.
Plan plan_route(Strategy strategy, std::span<const Candidate> candidates, const Needs& needs,
                uint64_t random);

// What a failure says, and so what can help.
enum class Fault : uint8_t {
  kRequest,   // the request is at fault: every model would refuse it
  kTooLong,   // too much for this model: one with a larger context may do
  kLimited,   // this upstream asks to wait
  kUpstream,  // it is broken, or out of reach
  kAccount,   // its key or its credit: nothing that a new try helps
};
Fault fault_of(const Status& status);
// Whether a failure counts for the breaker. One that names a time to wait is obeyed, not counted.
bool counts_for_breaker(Fault fault, const Status& status);
// Whether such a failure costs nothing for sure: the request never left, or the answer was an error before
// any event. All else may have been charged.
bool costs_nothing(const Status& status, bool saw_event);

// The tries of one call: which upstream is next, and when. An upstream that failed has its turn again when
// all others had theirs.
class Failover {
 public:
  struct Next {
    size_t upstream = 0;
    int64_t at_ns = 0;   // not before
    bool again = false;  // this upstream failed before in this call
  };

  Failover() = default;
  Failover(std::vector<size_t> order, std::vector<int64_t> contexts, const RetryPolicy& retry);

  // Upstreams that may be tried now, the best first; empty: none is left. `held_until(upstream)` tells until
  // when it asked to be left alone.
  template <class HeldUntil>
  std::vector<Next> choices(int64_t now_ns, const HeldUntil& held_until) const {
    std::vector<Next> free;
    if (attempts_ >= retry_.max_attempts) return free;
    free.reserve(order_.size());
    for (size_t i = 0; i < order_.size(); ++i) {
      if (dead_[i]) continue;
      const int64_t backoff_ns = tries_[i] > 0 ? not_before_ns_ : 0;
      free.push_back({order_[i], std::max({now_ns, backoff_ns, held_until(order_[i])}), tries_[i] > 0});
    }
    sort(free);
    return free;
  }
  void started(size_t upstream);
  // `delay_ms`: the pause before an upstream that failed is asked again.
  void failed(size_t upstream, Fault fault, int64_t now_ns, int64_t delay_ms);
  // It cannot answer this call at all: the budget, the bound, a limit that is too small.
  void give_up_on(size_t upstream);
  int attempts() const { return attempts_; }
  bool may_wait_until(int64_t at_ns, int64_t now_ns) const {
    return at_ns - now_ns <= retry_.max_retry_after_ms * kNanosPerMilli;
  }

 private:
  size_t place(size_t upstream) const;
  static void sort(std::vector<Next>& free);

  std::vector<size_t> order_;
  std::vector<int64_t> contexts_;  // by place in the order
  std::vector<int> tries_;
  std::vector<bool> dead_;
  RetryPolicy retry_;
  int attempts_ = 0;
  int64_t not_before_ns_ = 0;
};

// Retries as a share of the calls under way, so that an outage is not made worse by those who suffer from it.
class RetryBudget {
 public:
  explicit RetryBudget(int64_t percent = 20, int64_t least = 3) : percent_(percent), least_(least) {}
  void call_began() { ++active_; }
  void call_ended() { --active_; }
  bool try_retry() {
    if (retries_ >= std::max(least_, active_ * percent_ / 100)) return false;
    ++retries_;
    return true;
  }
  void retry_ended() { --retries_; }
  int64_t active() const { return active_; }
  int64_t retries() const { return retries_; }

 private:
  int64_t percent_;
  int64_t least_;
  int64_t active_ = 0;
  int64_t retries_ = 0;
};

// How long an upstream takes to its first event: a moving average that rises at once and falls slowly, so
// that one that has become slow is seen soon. Forgotten after a minute without a call.
class Latency {
 public:
  static constexpr int64_t kForgetNs = 60'000 * kNanosPerMilli;
  void measured(int64_t took_ns, int64_t now_ns);
  int64_t value_ns(int64_t now_ns) const { return now_ns - at_ns_ > kForgetNs ? 0 : value_ns_; }

 private:
  int64_t value_ns_ = 0;
  int64_t at_ns_ = 0;
};

}  // namespace tau::provider
