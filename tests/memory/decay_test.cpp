// How memories fade: a closed form of age, bounded and monotone, whatever the schedule of maintenance.
#include "memory/decay.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace tau::memory {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

rc::Gen<Type> any_type() {
  return rc::gen::map(rc::gen::inRange(0, kTypes), [](int i) { return static_cast<Type>(i); });
}
rc::Gen<double> unit() {
  return rc::gen::map(rc::gen::inRange(0, 1'001), [](int n) { return n / 1000.0; });
}

Worth worth(Type type, double importance, int64_t updated_ms, int64_t uses) {
  return {importance, type, updated_ms, uses > 0 ? updated_ms : 0, uses};
}

TEST(Decay, HalfOfAFactIsLeftAfterItsHalfLife) {
  const Worth fact{0.8, Type::kFact, kNow, 0, 0};
  EXPECT_DOUBLE_EQ(strength({}, fact, kNow), 0.8);
  EXPECT_DOUBLE_EQ(strength({}, fact, kNow + 180 * kDayMs), 0.4);
  EXPECT_DOUBLE_EQ(strength({}, fact, kNow + 360 * kDayMs), 0.2);
}

TEST(Decay, UseRestartsTheClockAndSlowsItDown) {
  const Worth unused{0.5, Type::kObservation, kNow, 0, 0};
  const Worth used{0.5, Type::kObservation, kNow, kNow + 7 * kDayMs, 1};
  EXPECT_DOUBLE_EQ(strength({}, unused, kNow + 14 * kDayMs), 0.125);
  EXPECT_DOUBLE_EQ(strength({}, used, kNow + 14 * kDayMs), 0.5 * std::exp2(-0.5));
  const Worth popular{0.5, Type::kObservation, kNow, kNow, 1'000'000'000};
  EXPECT_DOUBLE_EQ(strength({}, popular, kNow + 28 * kDayMs), 0.25);  // four half-lives in one, no more
}

TEST(Decay, APolicyOverridesAHalfLifeButNotThatIdentityStays) {
  DecayPolicy policy;
  policy.half_life_days[static_cast<size_t>(Type::kEvent)] = 1;
  EXPECT_TRUE(check(policy).ok());
  EXPECT_DOUBLE_EQ(strength(policy, {1, Type::kEvent, kNow, 0, 0}, kNow + kDayMs), 0.5);
  policy.half_life_days[static_cast<size_t>(Type::kIdentity)] = 1;
  EXPECT_EQ(check(policy).reason(), "invalid_decay");
  EXPECT_EQ(strength(policy, {1, Type::kIdentity, kNow, 0, 0}, kNow + 1000 * kDayMs), 1);
}

TEST(Decay, RefusesWhatIsNoPolicy) {
  EXPECT_FALSE(DecayPolicy::from_rate(0, kDayMs).ok());
  EXPECT_FALSE(DecayPolicy::from_rate(1.1, kDayMs).ok());
  EXPECT_FALSE(DecayPolicy::from_rate(std::nan(""), kDayMs).ok());
  EXPECT_FALSE(DecayPolicy::from_rate(0.9, 0).ok());
  DecayPolicy policy;
  policy.half_life_days[0] = 0;
  EXPECT_FALSE(check(policy).ok());
  policy.half_life_days[0] = std::nan("");
  EXPECT_FALSE(check(policy).ok());
  policy = {};
  policy.max_stability = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(check(policy).ok());
}

TEST(Decay, ExtremeRowsStayInBounds) {
  const auto least = std::numeric_limits<int64_t>::min();
  const auto most = std::numeric_limits<int64_t>::max();
  for (const double importance : {std::nan(""), -1.0, 2.0, std::numeric_limits<double>::infinity()}) {
    for (const int64_t updated : {least, most, int64_t{0}}) {
      const double s = strength({}, {importance, Type::kFact, updated, least, most}, most);
      EXPECT_GE(s, 0);
      EXPECT_LE(s, 1);
    }
  }
}

RC_GTEST_PROP(DecayProperty, MonotoneInAgeAndWithinZeroToOne, ()) {
  const Type type = *any_type();
  const Worth of = worth(type, *unit(), kNow, *rc::gen::inRange<int64_t>(0, 100));
  const int64_t early = *rc::gen::inRange<int64_t>(0, 5'000 * kDayMs);
  const int64_t late = early + *rc::gen::inRange<int64_t>(0, 5'000 * kDayMs);
  const double before = strength({}, of, kNow + early);
  const double after = strength({}, of, kNow + late);
  RC_ASSERT(after <= before);
  RC_ASSERT(after >= 0 && before <= of.importance);
  if (never_fades(type)) RC_ASSERT(after == of.importance);
}

RC_GTEST_PROP(DecayProperty, AClockThatGoesBackIsHarmless, ()) {
  const Worth of = worth(*any_type(), *unit(), kNow, *rc::gen::inRange<int64_t>(0, 9));
  const int64_t back = *rc::gen::inRange<int64_t>(0, kNow);
  RC_ASSERT(strength({}, of, kNow - back) == of.importance);
}

RC_GTEST_PROP(DecayProperty, IdlePeriodsOfTheOldRuleWhateverTheSchedule, ()) {
  const double rate = *rc::gen::inRange(500, 1'000) / 1000.0;
  const int64_t period_ms = *rc::gen::inRange<int64_t>(60'000, 60 * kDayMs);
  const DecayPolicy policy = *DecayPolicy::from_rate(rate, period_ms);
  RC_ASSERT(check(policy).ok());
  Type type = *any_type();
  RC_PRE(!never_fades(type));
  const Worth of{*unit(), type, kNow, 0, 0};
  const int k = *rc::gen::inRange(0, 40);
  // Looking at it in between, at any times, writes nothing and so changes nothing.
  for (const int64_t at : *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, kNow)))
    (void)strength(policy, of, at);
  const double expected = of.importance * std::pow(rate, k);
  RC_ASSERT(std::abs(strength(policy, of, kNow + k * period_ms) - expected) <= 1e-12);
}

RC_GTEST_PROP(DecayProperty, MoreUseNeverWeakens, ()) {
  const double importance = *unit();
  const Type type = *any_type();
  const int64_t age = *rc::gen::inRange<int64_t>(0, 500 * kDayMs);
  const int64_t uses = *rc::gen::inRange<int64_t>(0, 50);
  const double fewer = strength({}, {importance, type, kNow, 0, uses}, kNow + age);
  RC_ASSERT(strength({}, {importance, type, kNow, 0, uses + 1}, kNow + age) >= fewer);
}

}  // namespace
}  // namespace tau::memory
