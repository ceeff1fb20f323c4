// Which upstream answers, what follows a failure, and how much is retried.
#include <gtest/gtest.h>

#include <map>

#include "provider/router.h"
#include "seeds.h"

namespace tau::provider {
namespace {

constexpr int64_t kMs = kNanosPerMilli;

Candidate priced(int64_t input, int64_t output) {
  Candidate candidate;
  candidate.price = {.input_usd_micros = input, .output_usd_micros = output, .known = true};
  return candidate;
}

TEST(Router, KeepsTheOrderAndSkipsWhatCannotAnswer) {
  std::vector<Candidate> candidates(4);
  candidates[0].abilities.tools = Ability::kNo;
  candidates[2].context_tokens = 100;
  candidates[3].abilities.images = Ability::kNo;
  const Plan plan = plan_route(Strategy::kOrdered, candidates,
                               {.prompt_tokens = 90, .output_tokens = 11, .tools = true, .images = true}, 0);
  EXPECT_EQ(plan.order, std::vector<size_t>{1});
  ASSERT_EQ(plan.skipped.size(), 3u);
  EXPECT_EQ(plan.skipped[0].reason, "no_tools");
  EXPECT_EQ(plan.skipped[1].reason, "context_too_small");
  EXPECT_EQ(plan.skipped[2].reason, "no_images");
}

TEST(Router, TheCheapestIsThatForThisCall) {
  const std::vector<Candidate> candidates = {priced(10, 1), Candidate(), priced(1, 10)};
  const auto order = [&](int64_t in, int64_t out) {
    return plan_route(Strategy::kCost, candidates,
                      {.prompt_tokens = in * 1'000'000, .output_tokens = out * 1'000'000}, 0)
        .order;
  };
  EXPECT_EQ(order(1, 100), (std::vector<size_t>{0, 2, 1}));
  EXPECT_EQ(order(100, 1), (std::vector<size_t>{2, 0, 1}));
}

TEST(Router, TheFastestIsTriedFirstAndTheUnknownBeforeIt) {
  std::vector<Candidate> candidates(3);
  candidates[0].latency_ns = 30;
  candidates[1].latency_ns = 10;
  EXPECT_EQ(plan_route(Strategy::kLatency, candidates, {}, 0).order, (std::vector<size_t>{2, 1, 0}));
}

TEST(Router, WeightsAreKeptInTheLongRun) {
  std::vector<Candidate> candidates(3);
  candidates[0].weight = 1;
  candidates[1].weight = 3;
  candidates[2].weight = 0;
  std::map<size_t, int> first;
  test::Dice dice(1);
  for (int i = 0; i < 40'000; ++i) {
    const Plan plan = plan_route(Strategy::kWeighted, candidates, {}, dice.next());
    ASSERT_EQ(plan.order.size(), 3u);
    ASSERT_EQ(plan.order[2], 2u) << "no weight: only when no other is left";
    ++first[plan.order[0]];
  }
  EXPECT_NEAR(first[0], 10'000, 500);
  EXPECT_NEAR(first[1], 30'000, 500);
}

TEST(Router, KnowsWhatAFailureSays) {
  const auto status = [](Code code, std::string_view reason, bool retryable = false, int64_t after = -1) {
    ErrorInfo info;
    info.code = code, info.reason = reason, info.retryable = retryable, info.retry_after_ms = after;
    return Status(std::move(info));
  };
  const Status limited = status(Code::kResourceExhausted, "rate_limited", true, 2'000);
  const Status unlabelled = status(Code::kResourceExhausted, "rate_limited", true);
  const Status cut = status(Code::kUnavailable, "connection_reset");
  const Status bad = status(Code::kInvalidArgument, "invalid_request");
  EXPECT_EQ(fault_of(limited), Fault::kLimited);
  EXPECT_FALSE(counts_for_breaker(Fault::kLimited, limited));
  EXPECT_TRUE(counts_for_breaker(Fault::kLimited, unlabelled));
  EXPECT_EQ(fault_of(status(Code::kUnavailable, "overloaded", true, 100)), Fault::kLimited);
  EXPECT_EQ(fault_of(cut), Fault::kUpstream);
  EXPECT_TRUE(counts_for_breaker(Fault::kUpstream, cut));
  EXPECT_EQ(fault_of(bad), Fault::kRequest);
  EXPECT_FALSE(counts_for_breaker(Fault::kRequest, bad));
  EXPECT_EQ(fault_of(status(Code::kInvalidArgument, "context_length_exceeded")), Fault::kTooLong);
  EXPECT_EQ(fault_of(status(Code::kResourceExhausted, "quota_exhausted")), Fault::kAccount);
  EXPECT_EQ(fault_of(status(Code::kUnauthenticated, "authentication_failed")), Fault::kAccount);
}

TEST(Router, OnlyWhatCannotHaveBeenChargedCostsNothing) {
  const Status refused = unavailable("connect_failed", "");
  ErrorInfo info{.code = Code::kUnavailable,
                 .reason = "overloaded",
                 .message = "",
                 .details_json = R"({"http_status":529})"};
  const Status answered(info);
  EXPECT_TRUE(costs_nothing(refused, false));
  EXPECT_TRUE(costs_nothing(answered, false));
  EXPECT_FALSE(costs_nothing(answered, true));
  EXPECT_FALSE(costs_nothing(unavailable("connection_reset", ""), false));
  EXPECT_FALSE(costs_nothing(deadline_exceeded("first_byte_timeout", ""), false));
}

std::vector<size_t> upstreams_of(const std::vector<Failover::Next>& choices) {
  std::vector<size_t> out;
  for (const Failover::Next& next : choices) out.push_back(next.upstream);
  return out;
}

constexpr auto kFree = [](size_t) { return int64_t{0}; };

TEST(Failover, TriesOthersBeforeItTriesOneAgain) {
  Failover calls({2, 0, 1}, {0, 0, 0}, {.max_attempts = 4});
  calls.started(2);
  calls.failed(2, Fault::kUpstream, 0, 100);
  EXPECT_EQ(upstreams_of(calls.choices(0, kFree)), (std::vector<size_t>{0, 1, 2}));
  const auto choices = calls.choices(0, kFree);
  EXPECT_EQ(choices[0].at_ns, 0);
  EXPECT_EQ(choices[2].at_ns, 100 * kMs);
  EXPECT_TRUE(choices[2].again);
}

TEST(Failover, EndsAfterItsAttempts) {
  Failover calls({0}, {0}, {.max_attempts = 2});
  calls.started(0);
  calls.failed(0, Fault::kUpstream, 0, 0);
  EXPECT_EQ(calls.choices(0, kFree).size(), 1u);
  calls.started(0);
  calls.failed(0, Fault::kUpstream, 0, 0);
  EXPECT_TRUE(calls.choices(0, kFree).empty());
}

TEST(Failover, ARequestAtFaultGoesNowhereElse) {
  Failover calls({0, 1}, {0, 0}, {.max_attempts = 5});
  calls.started(0);
  calls.failed(0, Fault::kRequest, 0, 0);
  EXPECT_TRUE(calls.choices(0, kFree).empty());
}

TEST(Failover, OneTooLongGoesWhereThereIsMoreRoom) {
  Failover calls({0, 1, 2, 3}, {100, 50, 200, 0}, {.max_attempts = 5});
  calls.started(0);
  calls.failed(0, Fault::kTooLong, 0, 0);
  EXPECT_EQ(upstreams_of(calls.choices(0, kFree)), (std::vector<size_t>{2, 3}));
}

TEST(Failover, AKeyThatIsRefusedIsNotTriedAgain) {
  Failover calls({0, 1}, {0, 0}, {.max_attempts = 5});
  calls.started(0);
  calls.failed(0, Fault::kAccount, 0, 0);
  EXPECT_EQ(upstreams_of(calls.choices(0, kFree)), std::vector<size_t>{1});
}

TEST(Failover, WaitsForAnUpstreamThatAskedForTime) {
  Failover calls({0, 1}, {0, 0}, {.max_attempts = 5, .max_retry_after_ms = 1'000});
  const auto held = [](size_t upstream) { return upstream == 0 ? 500 * kMs : int64_t{0}; };
  const auto choices = calls.choices(0, held);
  EXPECT_EQ(choices[0].at_ns, 500 * kMs);
  EXPECT_TRUE(calls.may_wait_until(choices[0].at_ns, 0));
  EXPECT_FALSE(calls.may_wait_until(1'001 * kMs, 0));
}

TEST(RetryBudget, IsAShareOfWhatIsUnderWay) {
  RetryBudget budget(20, 1);
  for (int i = 0; i < 100; ++i) budget.call_began();
  int retries = 0;
  while (budget.try_retry()) ++retries;
  EXPECT_EQ(retries, 20);
  budget.retry_ended();
  EXPECT_TRUE(budget.try_retry());
  RetryBudget alone(20, 1);
  alone.call_began();
  EXPECT_TRUE(alone.try_retry());
  EXPECT_FALSE(alone.try_retry());
}

TEST(Latency, RisesAtOnceAndFallsSlowly) {
  Latency latency;
  EXPECT_EQ(latency.value_ns(0), 0);
  latency.measured(100, 0);
  latency.measured(900, 1);
  EXPECT_EQ(latency.value_ns(1), 900);
  latency.measured(100, 2);
  EXPECT_EQ(latency.value_ns(2), 800);
  EXPECT_EQ(latency.value_ns(2 + Latency::kForgetNs + 1), 0);
}

}  // namespace
}  // namespace tau::provider
