// Prices, costs and bounds: whole micro-dollars, never too little, whatever a provider counts.
#include <gtest/gtest.h>

#include <limits>

#include "provider/money.h"
#include "seeds.h"

namespace tau::provider {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

constexpr Price kPrice = {.input_usd_micros = 3'000'000,
                          .output_usd_micros = 15'000'000,
                          .cached_input_usd_micros = 300'000,
                          .cache_write_usd_micros = 3'750'000,
                          .known = true};

wire::Usage usage(int64_t input, int64_t output, int64_t cached = 0, int64_t written = 0,
                  int64_t reasoning = 0) {
  wire::Usage u;
  u.input = input, u.output = output, u.cached_input = cached, u.cache_write = written;
  u.reasoning = reasoning;
  u.known = true;
  return u;
}

// The same call as each provider reports it.
TEST(Money, CachedAndReasoningTokensCostTheSameInEveryProvidersWords) {
  const auto cost = [](const wire::Dialect& dialect, std::string_view body) {
    const auto response = dialect.decode_response(body, {});
    EXPECT_TRUE(response.ok()) << response.status().to_string();
    return response.ok() ? cost_usd_micros(kPrice, response->usage) : -1;
  };
  // 1,000 input of which 400 were cached, 200 output of which 50 reasoned: 600 * 3 + 400 * 0.3 + 200 * 15.
  constexpr int64_t kExpected = 1'800 + 120 + 3'000;
  EXPECT_EQ(
      cost(wire::openai_chat(),
           R"({"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],
                 "usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200,
                 "prompt_tokens_details":{"cached_tokens":400},"completion_tokens_details":{"reasoning_tokens":50}}})"),
      kExpected);
  // xAI: reasoning beside the completion.
  EXPECT_EQ(
      cost(wire::openai_chat(),
           R"({"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],
                 "usage":{"prompt_tokens":1000,"completion_tokens":150,"total_tokens":1200,
                 "prompt_tokens_details":{"cached_tokens":400},"completion_tokens_details":{"reasoning_tokens":50}}})"),
      kExpected);
  // DeepSeek.
  EXPECT_EQ(
      cost(wire::openai_chat(),
           R"({"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],
                 "usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200,
                 "prompt_cache_hit_tokens":400,"prompt_cache_miss_tokens":600}})"),
      kExpected);
  // Anthropic: input beside what was cached.
  EXPECT_EQ(
      cost(
          wire::anthropic_messages(),
          R"({"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],
                 "stop_reason":"end_turn","usage":{"input_tokens":600,"cache_read_input_tokens":400,
                 "cache_creation_input_tokens":0,"output_tokens":200}})"),
      kExpected);
  // Written to the cache: 100 * 3.75 in the place of 100 * 3.
  EXPECT_EQ(
      cost(
          wire::anthropic_messages(),
          R"({"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],
                 "stop_reason":"end_turn","usage":{"input_tokens":500,"cache_read_input_tokens":400,
                 "cache_creation_input_tokens":100,"output_tokens":200}})"),
      kExpected + 75);
}

TEST(Money, CostsAreRoundedUpAndSaturate) {
  EXPECT_EQ(cost_usd_micros({.input_usd_micros = 1, .known = true}, usage(1, 0)), 1);
  EXPECT_EQ(cost_usd_micros(kPrice, usage(kMost, kMost)), kMost);
  EXPECT_EQ(cost_usd_micros({.input_usd_micros = kMost, .output_usd_micros = kMost}, usage(kMost, kMost)),
            kMost);
  EXPECT_EQ(cost_usd_micros(kPrice, usage(0, 0)), 0);
}

TEST(Money, CountsWithoutSenseDoNotMakeACallCheap) {
  EXPECT_EQ(cost_usd_micros(kPrice, usage(-5, -5, -5, -5, -5)), 0);
  EXPECT_GE(cost_usd_micros(kPrice, usage(10, 0, 1'000)), cost_usd_micros(kPrice, usage(1'000, 0, 1'000)));
  EXPECT_EQ(cost_usd_micros(kPrice, usage(0, 5, 0, 0, 50)), cost_usd_micros(kPrice, usage(0, 50)));
}

TEST(Money, AKindWithoutAPriceCostsWhatInputCosts) {
  Price price = kPrice;
  price.cached_input_usd_micros = 0;
  price.cache_write_usd_micros = 0;
  EXPECT_EQ(cost_usd_micros(price, usage(1'000, 0, 400, 100)), 3'000);
}

TEST(Money, NoAnswerWithinTheBoundCostsMoreThanIt) {
  for (uint64_t seed = 0; seed < test::kSeeds; ++seed) {
    test::Dice dice(seed);
    const auto amount = [&] { return dice.one_in(4) ? 0 : dice.below(int64_t{1} << dice.below(40)); };
    const Price price = {amount(), amount(), amount(), amount(), true};
    const int64_t prompt = dice.below(1'000'000);
    const int64_t output = dice.below(200'000);
    const int64_t input = dice.below(prompt + 1);
    const int64_t cached = dice.below(input + 1);
    const int64_t written = dice.below(input - cached + 1);
    const wire::Usage u = usage(input, dice.below(output + 1), cached, written);
    const StatusOr<int64_t> bound = cost_bound_usd_micros(price, prompt, output);
    ASSERT_TRUE(bound.ok());
    ASSERT_LE(cost_usd_micros(price, u), *bound) << seed;
  }
}

TEST(Money, WhatHasNoPriceHasNoBound) {
  EXPECT_EQ(cost_bound_usd_micros({}, 1, 1).status().reason(), "price_unknown");
  EXPECT_EQ(cost_bound_usd_micros({.input_usd_micros = -1, .known = true}, 1, 1).status().reason(),
            "invalid_price");
  EXPECT_EQ(cost_bound_usd_micros(kPrice, -1, 1).status().reason(), "invalid_tokens");
  EXPECT_EQ(*cost_bound_usd_micros({.known = true}, 1'000, 1'000), 0) << "free is a price";
  EXPECT_EQ(*cost_bound_usd_micros(kPrice, kMost, kMost), kMost);
}

wire::Request request_of(wire::Message message) {
  wire::Request request;
  request.messages.push_back(std::move(message));
  return request;
}

TEST(Money, APromptHasNoMoreTokensThanItsBytes) {
  const std::string text(10'000, 'x');
  const wire::Request request =
      request_of(wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser)));
  EXPECT_GE(*prompt_token_bound(request), 10'000);
  EXPECT_LT(*prompt_token_bound(request), 13'000);
  EXPECT_GE(*prompt_token_bound(request), wire::estimate_tokens(request));
}

TEST(Money, WhatCannotBeBoundedIsNamed) {
  wire::Message picture;
  picture.parts.push_back({wire::Media{.kind = wire::MediaKind::kImage,
                                       .mime = "image/png",
                                       .url = {},
                                       .data = "x",
                                       .id = {},
                                       .name = {}},
                           {}});
  EXPECT_EQ(prompt_token_bound(request_of(picture)).status().reason(), "prompt_unbounded");
  wire::Message result;
  result.role = wire::Role::kTool;
  result.parts.push_back({wire::ToolResult{.call_id = "c", .name = "t", .content = picture.parts}, {}});
  EXPECT_EQ(prompt_token_bound(request_of(result)).status().reason(), "prompt_unbounded");
  wire::Message opaque;
  opaque.parts.push_back({wire::Opaque{"server_tool_use", "{}"}, {}});
  EXPECT_EQ(prompt_token_bound(request_of(opaque)).status().reason(), "prompt_unbounded");

  wire::Request several;
  several.extras.add("n", "3");
  EXPECT_NE(prompt_token_bound(several).status().message().find("\"n\""), std::string_view::npos);
  wire::Request named;
  named.extras.add("user", "\"u\"");
  EXPECT_TRUE(prompt_token_bound(named).ok());
}

}  // namespace
}  // namespace tau::provider
