// The limiter: never over, in no window; nobody who waits is forgotten; unknown names cost no memory for
// ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "provider/limiter.h"
#include "seeds.h"

namespace tau::provider {
namespace {

using Kind = Limiter::Answer::Kind;
constexpr int64_t kMs = kNanosPerMilli;
constexpr int64_t kMinuteNs = 60'000 * kMs;

Limiter::Answer ask(Limiter& limiter, const LimitRule& rule, int64_t now, int64_t tokens = 0,
                    bool wait = true) {
  const Limiter::Use use{"x", rule};
  return limiter.acquire({&use, 1}, tokens, wait, now);
}

TEST(Limiter, AThousandAtOnceGetExactlyWhatThereIs) {
  Limiter limiter;
  int granted = 0;
  for (int i = 0; i < 1'000; ++i)
    granted += ask(limiter, {.requests_per_minute = 137}, i * kMs).kind == Kind::kGranted ? 1 : 0;
  EXPECT_EQ(granted, 137);
}

TEST(Limiter, TellsWhenThereIsRoomAgain) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 1};
  ASSERT_EQ(ask(limiter, rule, 0).kind, Kind::kGranted);
  const Limiter::Answer refused = ask(limiter, rule, 1'000 * kMs);
  EXPECT_EQ(refused.refusal.reason(), "limit_requests");
  EXPECT_TRUE(refused.refusal.retryable());
  const int64_t after = refused.refusal.retry_after_ms();
  EXPECT_EQ(ask(limiter, rule, (1'000 + after - 1) * kMs).kind, Kind::kRefused);
  EXPECT_EQ(ask(limiter, rule, (1'000 + after) * kMs).kind, Kind::kGranted);
}

TEST(Limiter, ACallThatNeverFitsIsToldSo) {
  Limiter limiter;
  const Limiter::Answer answer = ask(limiter, {.tokens_per_minute = 100, .max_wait_ms = 1'000}, 0, 101);
  EXPECT_EQ(answer.refusal.reason(), "limit_too_small");
  EXPECT_FALSE(answer.refusal.retryable());
}

TEST(Limiter, TokensThatWereNotUsedComeBack) {
  Limiter limiter;
  const LimitRule rule = {.tokens_per_minute = 100};
  const Limiter::Answer first = ask(limiter, rule, 0, 100);
  EXPECT_EQ(ask(limiter, rule, 0, 1).refusal.reason(), "limit_tokens");
  limiter.settle(first.id, 40, kMs);
  EXPECT_EQ(ask(limiter, rule, kMs, 61).kind, Kind::kRefused);
  EXPECT_EQ(ask(limiter, rule, kMs, 60).kind, Kind::kGranted);
}

TEST(Limiter, AQueueIsBoundedAndSeen) {
  Limiter limiter;
  const LimitRule rule = {.concurrency = 1, .max_waiting = 2, .max_wait_ms = 100};
  const Limiter::Answer running = ask(limiter, rule, 0);
  const Limiter::Answer a = ask(limiter, rule, 0);
  const Limiter::Answer b = ask(limiter, rule, 0);
  EXPECT_EQ(a.kind, Kind::kWaiting);
  EXPECT_EQ(b.kind, Kind::kWaiting);
  EXPECT_EQ(ask(limiter, rule, 0).refusal.reason(), "limit_queue_full");
  EXPECT_EQ(limiter.load("x", 0).waiting, 2);
  limiter.settle(running.id, 0, kMs);
  Limiter::Decision decision;
  ASSERT_TRUE(limiter.next_decision(&decision));
  EXPECT_EQ(decision.id, a.id);
  EXPECT_TRUE(decision.status.ok());
  EXPECT_FALSE(limiter.next_decision(&decision));
  limiter.advance(limiter.next_due_ns());
  ASSERT_TRUE(limiter.next_decision(&decision));
  EXPECT_EQ(decision.id, b.id);
  EXPECT_EQ(decision.status.reason(), "limit_wait_timeout");
  EXPECT_EQ(limiter.waiting(), 0u);
}

TEST(Limiter, WhoCouldOnlyWaitTooLongIsRefusedAtOnce) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 1, .max_wait_ms = 5'000};
  ASSERT_EQ(ask(limiter, rule, 0).kind, Kind::kGranted);
  EXPECT_EQ(ask(limiter, rule, 0).refusal.reason(), "limit_requests");
}

TEST(Limiter, WhoWaitsForOneNameDoesNotHoldUpAnother) {
  Limiter limiter;
  const LimitRule route = {.concurrency = 10, .max_wait_ms = 1'000};
  const LimitRule own = {.concurrency = 1, .max_wait_ms = 1'000};
  const auto call = [&](std::string_view who) {
    const Limiter::Use uses[] = {{"route", route}, {who, own}};
    return limiter.acquire(uses, 0, true, 0).kind;
  };
  EXPECT_EQ(call("alice"), Kind::kGranted);
  EXPECT_EQ(call("alice"), Kind::kWaiting);
  EXPECT_EQ(call("bob"), Kind::kGranted);
}

TEST(Limiter, ALargeCallIsNotStarvedBySmallOnes) {
  Limiter limiter;
  const LimitRule rule = {.tokens_per_minute = 100, .max_wait_ms = 120'000};
  (void)ask(limiter, rule, 0, 60);
  const Limiter::Answer large = ask(limiter, rule, 0, 90);
  ASSERT_EQ(large.kind, Kind::kWaiting);
  EXPECT_EQ(ask(limiter, rule, kMs, 10).kind, Kind::kWaiting);
  EXPECT_EQ(ask(limiter, rule, kMs, 10, false).refusal.reason(), "limit_queue");
  limiter.advance(limiter.next_due_ns());
  Limiter::Decision decision;
  ASSERT_TRUE(limiter.next_decision(&decision));
  EXPECT_EQ(decision.id, large.id);
}

TEST(Limiter, TheSameLimitTwiceCountsOnce) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 2, .concurrency = 2};
  const Limiter::Use uses[] = {{"x", rule}, {"x", rule}};
  EXPECT_EQ(limiter.acquire(uses, 0, false, 0).kind, Kind::kGranted);
  EXPECT_EQ(limiter.load("x", 0).active, 1);
  EXPECT_EQ(limiter.load("x", 0).requests, 1);
}

TEST(Limiter, ACallThatWasNeverMadeLeavesNothing) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 1, .tokens_per_minute = 5, .concurrency = 1};
  limiter.undo(ask(limiter, rule, 0, 5).id, kMs);
  EXPECT_EQ(ask(limiter, rule, kMs, 5).kind, Kind::kGranted);
}

TEST(Limiter, NamesThatNobodyUsesAreForgotten) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 1};
  const auto call = [&](size_t i, int64_t now) {
    const std::string name = "principal:" + std::to_string(i);
    const Limiter::Use use{name, rule};
    return limiter.acquire({&use, 1}, 0, false, now);
  };
  for (size_t i = 0; i < Limiter::kMaxLimits; ++i) limiter.settle(call(i, 0).id, 0, 0);
  EXPECT_EQ(call(Limiter::kMaxLimits, 0).refusal.reason(), "limiter_full");
  for (size_t i = 0; i < 1'000; ++i)
    EXPECT_EQ(call(Limiter::kMaxLimits + i, 2 * kMinuteNs).kind, Kind::kGranted) << i;
}

TEST(Limiter, ClocksThatJumpMakeNoRoomTwice) {
  Limiter limiter;
  const LimitRule rule = {.requests_per_minute = 3};
  int granted = 0;
  for (const int64_t now : {5 * kMinuteNs, int64_t{0}, -kMinuteNs, 5 * kMinuteNs, 5 * kMinuteNs + kMs})
    granted += ask(limiter, rule, now).kind == Kind::kGranted ? 1 : 0;
  EXPECT_EQ(granted, 3);
  EXPECT_EQ(ask(limiter, rule, 5'000 * kMinuteNs).kind, Kind::kGranted);
}

// One history of calls that share limits, checked against what the words of the limits say.
class History {
 public:
  explicit History(uint64_t seed) : dice_(seed), seed_(seed) {
    for (size_t i = 0; i < 3; ++i) {
      rules_.push_back({.requests_per_minute = dice_.one_in(3) ? 0 : 1 + dice_.below(20),
                        .tokens_per_minute = dice_.one_in(2) ? 0 : 50 + dice_.below(500),
                        .concurrency = dice_.one_in(2) ? 0 : 1 + dice_.below(5),
                        .max_waiting = 1 + dice_.below(8),
                        .max_wait_ms = dice_.one_in(4) ? 0 : dice_.below(90'000)});
      names_.push_back("limit " + std::to_string(i));
    }
  }

  void run() {
    for (int step = 0; step < 120 && !testing::Test::HasFatalFailure(); ++step) {
      move_to(now_ + dice_.below(3'000) * kMs);
      switch (dice_.below(3)) {
        case 0: end_one(); break;
        case 1:
          if (dice_.one_in(8)) cancel_one();
          [[fallthrough]];
        default: begin_one();
      }
      decide();
      check_now();
    }
    // Whoever waits is served or refused although nothing else happens.
    while (!waiting_.empty()) {
      ASSERT_NE(limiter_.next_due_ns(), Limiter::kNever) << seed_;
      move_to(limiter_.next_due_ns());
    }
    check_windows();
  }

 private:
  struct Call {
    std::vector<size_t> limits;
    int64_t reserved = 0;
    int64_t tokens = 0;
    int64_t at = 0;
    int64_t deadline = 0;
    bool active = false;
  };

  // Only when the limiter says that something may be due is it told of the time.
  void move_to(int64_t when) {
    while (limiter_.next_due_ns() <= when) {
      const int64_t due = limiter_.next_due_ns();
      now_ = std::max(now_, due);
      limiter_.advance(now_);
      decide();
      ASSERT_TRUE(limiter_.next_due_ns() > due) << seed_;
    }
    now_ = std::max(now_, when);
  }
  void begin_one() {
    Call call;
    std::vector<Limiter::Use> uses;
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (dice_.one_in(3)) continue;
      call.limits.push_back(i);
      uses.push_back({names_[i], rules_[i]});
    }
    call.reserved = dice_.below(120);
    const Limiter::Answer answer = limiter_.acquire(uses, call.reserved, !dice_.one_in(5), now_);
    decide();
    if (answer.kind == Kind::kRefused) return;
    if (answer.kind == Kind::kWaiting) {
      call.deadline =
          now_ + rules_[call.limits[answer.which < call.limits.size() ? answer.which : 0]].max_wait_ms * kMs;
      waiting_.emplace(answer.id, call);
      return;
    }
    start(answer.id, call);
  }
  void start(uint64_t id, Call call) {
    call.at = now_;
    call.tokens = call.reserved;
    call.active = true;
    calls_.emplace(id, call);
  }
  void end_one() {
    std::vector<uint64_t> active;
    for (const auto& [id, call] : calls_)
      if (call.active) active.push_back(id);
    if (active.empty()) return;
    const uint64_t id = active[static_cast<size_t>(dice_.below(static_cast<int64_t>(active.size())))];
    Call& call = calls_.at(id);
    call.active = false;
    call.tokens = dice_.below(call.reserved + 1);
    limiter_.settle(id, call.tokens, now_);
  }
  void cancel_one() {
    if (waiting_.empty()) return;
    const uint64_t id = waiting_.begin()->first;
    waiting_.erase(id);
    limiter_.cancel(id, now_);
  }
  void decide() {
    Limiter::Decision decision;
    while (limiter_.next_decision(&decision)) {
      const auto at = waiting_.find(decision.id);
      ASSERT_NE(at, waiting_.end()) << seed_;
      ASSERT_LE(now_, at->second.deadline) << seed_;
      if (decision.status.ok()) start(decision.id, at->second);
      waiting_.erase(at);
    }
  }
  int64_t active(size_t limit) const {
    return std::ranges::count_if(calls_, [&](const auto& entry) {
      return entry.second.active && std::ranges::count(entry.second.limits, limit) > 0;
    });
  }
  void check_now() {
    for (size_t i = 0; i < rules_.size(); ++i) {
      const int64_t most = rules_[i].concurrency;
      ASSERT_TRUE(most == 0 || active(i) <= most) << seed_;
    }
    // The oldest who waits is held up by a limit that is really used up.
    if (waiting_.empty()) return;
    const Call& oldest = waiting_.begin()->second;
    const bool held_up = std::ranges::any_of(oldest.limits, [&](size_t i) {
      const Limiter::Load load = limiter_.load(names_[i], now_);
      const LimitRule& rule = rules_[i];
      return (rule.requests_per_minute > 0 && load.requests >= rule.requests_per_minute) ||
             (rule.tokens_per_minute > 0 && load.tokens + oldest.reserved > rule.tokens_per_minute) ||
             (rule.concurrency > 0 && load.active >= rule.concurrency);
    });
    ASSERT_TRUE(held_up || limiter_.next_due_ns() <= now_) << seed_;
  }
  static bool within(int64_t sum, int64_t most) { return most == 0 || sum <= most; }
  void check_windows() const {
    for (size_t i = 0; i < rules_.size(); ++i) {
      std::vector<std::pair<int64_t, int64_t>> admitted;
      for (const auto& [id, call] : calls_)
        if (std::ranges::count(call.limits, i) > 0) admitted.emplace_back(call.at, call.tokens);
      std::ranges::sort(admitted);
      int64_t tokens = 0;
      for (size_t first = 0, last = 0; last < admitted.size(); ++last) {
        tokens += admitted[last].second;
        while (admitted[first].first <= admitted[last].first - kMinuteNs) tokens -= admitted[first++].second;
        const auto requests = static_cast<int64_t>(last - first + 1);
        ASSERT_TRUE(within(requests, rules_[i].requests_per_minute)) << seed_;
        ASSERT_TRUE(within(tokens, rules_[i].tokens_per_minute)) << seed_;
      }
    }
  }

  test::Dice dice_;
  const uint64_t seed_;
  Limiter limiter_;
  std::vector<LimitRule> rules_;
  std::vector<std::string> names_;
  std::map<uint64_t, Call> calls_;
  std::map<uint64_t, Call> waiting_;
  int64_t now_ = 0;
};

TEST(Limiter, IsNeverOverAndForgetsNobodyInAnyHistory) {
  for (uint64_t seed = 0; seed < test::kSeeds; ++seed) {
    History(seed).run();
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace tau::provider
