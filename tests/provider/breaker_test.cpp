// The circuit breaker: when it opens, what it lets through, and that late news change nothing.
#include <gtest/gtest.h>

#include <deque>

#include "provider/breaker.h"
#include "seeds.h"

namespace tau::provider {
namespace {

constexpr int64_t kMs = kNanosPerMilli;

TEST(Breaker, OpensAtTheFailureThatReachesTheThreshold) {
  Breaker breaker({.failures = 3, .failure_percent = 0});
  for (int i = 0; i < 3; ++i) {
    const auto permit = breaker.try_acquire(i);
    ASSERT_TRUE(permit.has_value()) << i;
    breaker.failed(*permit, i);
  }
  EXPECT_FALSE(breaker.try_acquire(4).has_value());
  EXPECT_EQ(breaker.state(4), Breaker::State::kOpen);
  EXPECT_EQ(breaker.times_opened(), 1u);
}

TEST(Breaker, ASuccessStartsTheRowAnew) {
  Breaker breaker({.failures = 2, .failure_percent = 0});
  for (int i = 0; i < 10; ++i) {
    breaker.failed(*breaker.try_acquire(i), i);
    breaker.succeeded(*breaker.try_acquire(i), i);
  }
  EXPECT_EQ(breaker.state(10), Breaker::State::kClosed);
}

TEST(Breaker, OpensAtAShareOfTheWindowOnlyWithEnoughCalls) {
  const BreakerPolicy policy = {.failures = 0, .failure_percent = 50, .min_calls = 10, .window_ms = 1'000};
  Breaker few(policy);
  for (int i = 0; i < 9; ++i) few.failed(*few.try_acquire(i), i);
  EXPECT_EQ(few.state(9), Breaker::State::kClosed);
  few.failed(*few.try_acquire(9), 9);
  EXPECT_EQ(few.state(10), Breaker::State::kOpen);

  Breaker old(policy);
  for (int i = 0; i < 9; ++i) old.failed(*old.try_acquire(0), 0);
  // Those are out of the window now.
  old.failed(*old.try_acquire(1'100 * kMs), 1'100 * kMs);
  EXPECT_EQ(old.state(1'100 * kMs), Breaker::State::kClosed);
}

TEST(Breaker, LetsOneProbeThroughAndClosesWhenItSucceeds) {
  Breaker breaker({.failures = 1, .open_ms = 100});
  breaker.failed(*breaker.try_acquire(0), 0);
  EXPECT_FALSE(breaker.try_acquire(99 * kMs).has_value());
  const auto probe = breaker.try_acquire(100 * kMs);
  ASSERT_TRUE(probe.has_value());
  EXPECT_TRUE(probe->probe);
  EXPECT_FALSE(breaker.try_acquire(101 * kMs).has_value());
  breaker.succeeded(*probe, 102 * kMs);
  EXPECT_EQ(breaker.state(102 * kMs), Breaker::State::kClosed);
  EXPECT_FALSE(breaker.try_acquire(102 * kMs)->probe);
}

TEST(Breaker, StaysOpenTwiceAsLongAfterAProbeThatFailed) {
  Breaker breaker({.failures = 1, .open_ms = 100, .max_open_ms = 250});
  breaker.failed(*breaker.try_acquire(0), 0);
  int64_t now = 100 * kMs;
  for (const int64_t wait_ms : {200, 250, 250}) {
    breaker.failed(*breaker.try_acquire(now), now);
    EXPECT_EQ(breaker.open_until_ns(), now + wait_ms * kMs);
    now = breaker.open_until_ns();
  }
}

TEST(Breaker, AProbeThatSaysNothingMakesRoomForAnother) {
  Breaker breaker({.failures = 1, .open_ms = 100});
  breaker.failed(*breaker.try_acquire(0), 0);
  const auto probe = breaker.try_acquire(100 * kMs);
  breaker.abandoned(*probe);
  EXPECT_TRUE(breaker.try_acquire(100 * kMs).has_value());
}

TEST(Breaker, LateOutcomesOfAnEarlierStateAreDropped) {
  Breaker breaker({.failures = 1, .open_ms = 100});
  const auto late = breaker.try_acquire(0);
  const auto later = breaker.try_acquire(0);
  breaker.failed(*breaker.try_acquire(0), 0);
  breaker.succeeded(*late, 1);
  EXPECT_EQ(breaker.state(1), Breaker::State::kOpen);
  breaker.succeeded(*breaker.try_acquire(100 * kMs), 100 * kMs);
  breaker.failed(*later, 101 * kMs);
  EXPECT_EQ(breaker.state(101 * kMs), Breaker::State::kClosed);
}

TEST(Breaker, ClocksThatGoBackDoNotReopenNorClose) {
  Breaker breaker({.failures = 1, .open_ms = 100});
  breaker.failed(*breaker.try_acquire(1'000 * kMs), 1'000 * kMs);
  EXPECT_FALSE(breaker.try_acquire(0).has_value());
  EXPECT_FALSE(breaker.try_acquire(-5).has_value());
  EXPECT_TRUE(breaker.try_acquire(1'100 * kMs).has_value());
}

TEST(Breaker, PoliciesWithoutSenseAreBounded) {
  Breaker breaker({.failures = -1,
                   .failure_percent = 1'000,
                   .min_calls = -5,
                   .window_ms = 0,
                   .open_ms = -1,
                   .max_open_ms = -1});
  breaker.failed(*breaker.try_acquire(0), 0);  // one of one failed: 100 per cent
  EXPECT_FALSE(breaker.try_acquire(0).has_value());
  EXPECT_TRUE(breaker.try_acquire(kMs).has_value());
}

// Never more than one probe, never a permit while open, and open as soon as the row is full.
class BreakerHistory {
 public:
  explicit BreakerHistory(uint64_t seed)
      : dice_(seed),
        threshold_(1 + dice_.below(6)),
        breaker_({.failures = threshold_, .failure_percent = 0, .open_ms = 1 + dice_.below(50)}) {}

  void run() {
    for (int step = 0; step < 200 && !testing::Test::HasFatalFailure(); ++step) {
      now_ += dice_.below(5) * kMs;
      if (dice_.one_in(2) || out_.empty()) {
        begin();
      } else {
        end();
      }
    }
  }

 private:
  struct Call {
    Breaker::Permit permit;
    uint64_t era = 0;  // changes of state before it
  };

  void begin() {
    const Breaker::State before = breaker_.state(now_);
    const auto permit = breaker_.try_acquire(now_);
    ASSERT_FALSE(before == Breaker::State::kOpen && permit);
    ASSERT_TRUE(before != Breaker::State::kClosed || permit);
    ASSERT_TRUE(before != Breaker::State::kHalfOpen || permit.has_value() == (probes_ == 0));
    if (!permit) return;
    probes_ += permit->probe ? 1 : 0;
    out_.push_back({*permit, era_});
  }
  void end() {
    const auto at = out_.begin() + dice_.below(static_cast<int64_t>(out_.size()));
    const Call call = *at;
    out_.erase(at);
    probes_ -= call.permit.probe ? 1 : 0;
    const bool counts = call.era == era_;
    const uint64_t opened = breaker_.times_opened();
    switch (dice_.below(3)) {
      case 0:
        breaker_.succeeded(call.permit, now_);
        if (counts) row_ = 0;
        if (counts && call.permit.probe) ++era_;
        break;
      case 1:
        breaker_.failed(call.permit, now_);
        row_ += counts && !call.permit.probe ? 1 : 0;
        ASSERT_EQ(breaker_.times_opened() - opened,
                  counts && (call.permit.probe || row_ == threshold_) ? 1u : 0u);
        break;
      default: breaker_.abandoned(call.permit); break;
    }
    if (breaker_.times_opened() == opened) return;
    ++era_;
    row_ = 0;
  }

  test::Dice dice_;
  const int64_t threshold_;
  Breaker breaker_;
  std::deque<Call> out_;
  int probes_ = 0;
  int64_t row_ = 0;
  uint64_t era_ = 0;
  int64_t now_ = 0;
};

TEST(Breaker, HoldsItsRulesUnderAnyInterleaving) {
  for (uint64_t seed = 0; seed < test::kSeeds; ++seed) {
    BreakerHistory(seed).run();
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace tau::provider
