// Choice and failover.
#include "provider/router.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace tau::provider {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

std::string_view unfit(const Candidate& candidate, const Needs& needs) {
  if (needs.tools && candidate.abilities.tools == Ability::kNo) return "no_tools";
  if (needs.images && candidate.abilities.images == Ability::kNo) return "no_images";
  const bool fits = candidate.context_tokens <= 0 ||
                    needs.prompt_tokens + std::min(needs.output_tokens, candidate.context_tokens) <=
                        candidate.context_tokens;
  return fits ? std::string_view() : "context_too_small";
}

int64_t estimated_cost(const Candidate& candidate, const Needs& needs) {
  if (!candidate.price.known) return kMost;
  wire::Usage usage;
  usage.input = needs.prompt_tokens;
  usage.output = needs.output_tokens > 0 ? needs.output_tokens : needs.prompt_tokens / 4 + 1;
  return cost_usd_micros(candidate.price, usage);
}

// The next number of a splitmix64 sequence (Steele, Lea, Flood 2014).
uint64_t next_random(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Drawn without replacement, each in proportion to its weight among those left.
void shuffle_by_weight(std::vector<size_t>& order, std::span<const Candidate> candidates, uint64_t random) {
  for (size_t begin = 0; begin + 1 < order.size(); ++begin) {
    uint64_t total = 0;
    for (size_t i = begin; i < order.size(); ++i)
      total += static_cast<uint64_t>(std::max<int64_t>(0, candidates[order[i]].weight));
    if (total == 0) return;
    uint64_t point = next_random(random) % total;
    size_t drawn = begin;
    for (;; ++drawn) {
      const auto weight = static_cast<uint64_t>(std::max<int64_t>(0, candidates[order[drawn]].weight));
      if (point < weight) break;
      point -= weight;
    }
    std::rotate(order.begin() + static_cast<std::ptrdiff_t>(begin),
                order.begin() + static_cast<std::ptrdiff_t>(drawn),
                order.begin() + static_cast<std::ptrdiff_t>(drawn) + 1);
  }
}

template <class Key>
void sort_by(std::vector<size_t>& order, const Key& key) {
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
}

bool is_one_of(std::string_view reason, std::initializer_list<std::string_view> reasons) {
  return std::ranges::find(reasons, reason) != reasons.end();
}

}  // namespace

Plan plan_route(Strategy strategy, std::span<const Candidate> candidates, const Needs& needs,
                uint64_t random) {
  Plan plan;
  plan.order.reserve(candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    const std::string_view reason = unfit(candidates[i], needs);
    if (reason.empty()) {
      plan.order.push_back(i);
    } else {
      plan.skipped.push_back({i, reason});
    }
  }
  switch (strategy) {
    case Strategy::kOrdered: break;
    case Strategy::kWeighted: shuffle_by_weight(plan.order, candidates, random); break;
    case Strategy::kLatency: sort_by(plan.order, [&](size_t i) { return candidates[i].latency_ns; }); break;
    case Strategy::kCost:
      sort_by(plan.order, [&](size_t i) { return estimated_cost(candidates[i], needs); });
      break;
  }
  return plan;
}

Fault fault_of(const Status& status) {
  const std::string_view reason = status.reason();
  if (reason == "context_length_exceeded") return Fault::kTooLong;
  if (is_one_of(reason, {"authentication_failed", "quota_exhausted", "not_found", "missing_key",
                         "key_refused", "unexpected_content", "redirect_refused"}))
    return Fault::kAccount;
  if (reason == "rate_limited") return Fault::kLimited;
  if (reason == "egress_secret") return Fault::kRequest;  // it stands in the prompt
  if (status.retryable()) return status.retry_after_ms() >= 0 ? Fault::kLimited : Fault::kUpstream;
  switch (status.code()) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kUnknown:
    case Code::kDataLoss:
    case Code::kAborted: return Fault::kUpstream;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kNotFound: return Fault::kAccount;
    default:
      return is_one_of(reason, {"connection_reset", "idle_timeout", "tls_failed", "invalid_response"})
                 ? Fault::kUpstream
                 : Fault::kRequest;
  }
}

bool counts_for_breaker(Fault fault, const Status& status) {
  if (fault == Fault::kLimited) return status.retry_after_ms() < 0;
  return fault == Fault::kUpstream || fault == Fault::kAccount;
}

bool costs_nothing(const Status& status, bool saw_event) {
  if (saw_event) return false;
  if (is_one_of(status.reason(),
                {"connect_failed", "dns_failed", "tls_failed", "connect_timeout", "missing_key",
                 "login_required", "credential_origin_mismatch", "invalid_url", "invalid_request",
                 "libcurl_missing", "proxy_refused", "credential_over_proxy"}) ||
      status.reason().starts_with("egress_"))
    return true;
  return status.details_json().find(R"("http_status")") != std::string_view::npos;
}

Failover::Failover(std::vector<size_t> order, std::vector<int64_t> contexts, const RetryPolicy& retry)
    : order_(std::move(order)),
      contexts_(std::move(contexts)),
      tries_(order_.size(), 0),
      dead_(order_.size(), false),
      retry_(retry) {}

size_t Failover::place(size_t upstream) const {
  return static_cast<size_t>(std::ranges::find(order_, upstream) - order_.begin());
}

// The untried first, in order; then the one that is free soonest.
void Failover::sort(std::vector<Next>& free) {
  const auto before = [](const Next& a, const Next& b) {
    if (a.again != b.again) return !a.again;
    return a.again && a.at_ns < b.at_ns;
  };
  // By insertion: there are a few, mostly in order, and a stable sort of the library asks for memory.
  for (size_t i = 1; i < free.size(); ++i)
    for (size_t j = i; j > 0 && before(free[j], free[j - 1]); --j) std::swap(free[j], free[j - 1]);
}

void Failover::started(size_t upstream) {
  ++attempts_;
  const size_t at = place(upstream);
  if (at < tries_.size()) ++tries_[at];
}

void Failover::failed(size_t upstream, Fault fault, int64_t now_ns, int64_t delay_ms) {
  not_before_ns_ = now_ns + delay_ms * kNanosPerMilli;
  const size_t at = place(upstream);
  if (at >= order_.size()) return;
  switch (fault) {
    case Fault::kRequest: dead_.assign(dead_.size(), true); break;
    case Fault::kAccount: dead_[at] = true; break;
    case Fault::kTooLong:
      // Only a context that is known to be larger can help.
      for (size_t i = 0; i < order_.size(); ++i)
        if (contexts_[at] <= 0 ? i == at : contexts_[i] > 0 && contexts_[i] <= contexts_[at]) dead_[i] = true;
      break;
    case Fault::kLimited:
    case Fault::kUpstream: break;
  }
}

void Failover::give_up_on(size_t upstream) {
  if (const size_t at = place(upstream); at < dead_.size()) dead_[at] = true;
}

void Latency::measured(int64_t took_ns, int64_t now_ns) {
  const int64_t took = std::max<int64_t>(took_ns, 1);
  const bool fresh = value_ns_ == 0 || now_ns - at_ns_ > kForgetNs;
  value_ns_ = fresh || took > value_ns_ ? took : value_ns_ + (took - value_ns_) / 8;
  at_ns_ = std::max(at_ns_, now_ns);
}

}  // namespace tau::provider
