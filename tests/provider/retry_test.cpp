// Backoff, Retry-After in its forms, model references, prices.
#include "provider/retry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tau::provider {
namespace {

TEST(RetryAfterTest, ReadsSecondsMillisecondsAndDates) {
  EXPECT_EQ(retry_after_ms({{"retry-after", "7"}}), 7'000);
  EXPECT_EQ(retry_after_ms({{"retry-after-ms", "250"}, {"retry-after", "7"}}), 250);
  EXPECT_EQ(retry_after_ms({{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                            {"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}),
            30'000);
  EXPECT_EQ(retry_after_ms({{"date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                            {"retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"}}),
            0);
  EXPECT_EQ(retry_after_ms({}), -1);
}

TEST(RetryAfterTest, NonsenseIsNotSaid) {
  for (const char* bad : {"soon", "-1", "1.5", "", "Sun, 06 Foo 1994 08:49:37 GMT"})
    EXPECT_EQ(retry_after_ms({{"retry-after", bad}}), -1) << bad;
}

TEST(RetryAfterTest, VeryLongIsADay) {
  for (const char* name : {"retry-after", "retry-after-ms"})
    for (const char* seconds : {"99999999999999999999", "9223372036854775807", "900000000000"})
      EXPECT_EQ(retry_after_ms({{name, seconds}}), 86'400'000) << seconds;
}

TEST(HttpDateTest, KnowsTheCalendar) {
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  EXPECT_EQ(parse_http_date("Tue, 29 Feb 2000 12:00:00 GMT"), 951'825'600);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), -1);
}

RC_GTEST_PROP(RetryDelayProperty, StaysWithinItsBoundsAndAboveWhatWasAsked, ()) {
  RetryPolicy policy;
  policy.base_delay_ms = *rc::gen::inRange<int64_t>(1, 5'000);
  policy.max_delay_ms = *rc::gen::inRange<int64_t>(policy.base_delay_ms, 60'000);
  const int next = *rc::gen::inRange(2, 40);
  const int64_t asked = *rc::gen::inRange<int64_t>(-1, 90'000);
  const int64_t delay = retry_delay_ms(policy, next, asked, system_random());
  RC_ASSERT(delay >= asked);
  RC_ASSERT(delay >= policy.base_delay_ms / 2);
  RC_ASSERT(delay <= std::max(policy.max_delay_ms, asked));
}

TEST(ModelReferenceTest, SplitsAtTheFirstSlash) {
  const auto ref = parse_model_reference("openrouter/openai/gpt-5");
  ASSERT_TRUE(ref.ok());
  EXPECT_EQ(ref->provider, "openrouter");
  EXPECT_EQ(ref->model, "openai/gpt-5");
  for (const char* bad : {"", "gpt-5", "/gpt", "openai/", "open ai/x", "openai/\xFF"})
    EXPECT_EQ(parse_model_reference(bad).status().reason(), "invalid_model_reference") << bad;
}

TEST(CostTest, CachedTokensHaveTheirOwnPriceAndNothingIsRoundedDown) {
  Price price{
      .input_usd_micros = 3'000'000, .output_usd_micros = 15'000'000, .cached_input_usd_micros = 300'000};
  wire::Usage usage;
  usage.input = 1'000;
  usage.cached_input = 900;
  usage.output = 10;
  EXPECT_EQ(cost_usd_micros(price, usage), 300 + 270 + 150);
  price = {.input_usd_micros = 1};
  usage = {};
  usage.input = 1;
  EXPECT_EQ(cost_usd_micros(price, usage), 1);
  EXPECT_EQ(cost_usd_micros({}, usage), 0);
}

TEST(CatalogTest, EveryKnownProviderHasADialectAndABaseUrl) {
  for (const KnownProvider& p : known_providers()) {
    EXPECT_NE(wire::find_dialect(p.dialect), nullptr) << p.name;
    EXPECT_TRUE(net::parse_url(p.base_url).ok()) << p.name;
    EXPECT_EQ(find_provider(p.name), &p);
  }
  EXPECT_EQ(find_provider("nobody"), nullptr);
}

}  // namespace
}  // namespace tau::provider
