// Prices with tiers and caches of an hour, the counts of further dialects, images under a bound.
#include <gtest/gtest.h>

#include <random>

#include "provider/provider.h"

namespace tau::provider {
namespace {

constexpr Price kTiers = {.input_usd_micros = 2'000'000,
                          .output_usd_micros = 12'000'000,
                          .cached_input_usd_micros = 200'000,
                          .known = true,
                          .long_above_tokens = 200'000,
                          .long_input_usd_micros = 4'000'000,
                          .long_output_usd_micros = 18'000'000,
                          .long_cached_input_usd_micros = 400'000};

constexpr Price kHours = {.input_usd_micros = 3'000'000,
                          .output_usd_micros = 15'000'000,
                          .cached_input_usd_micros = 300'000,
                          .cache_write_usd_micros = 3'750'000,
                          .known = true,
                          .cache_write_hour_usd_micros = 6'000'000};

wire::Usage usage(int64_t input, int64_t output, int64_t cached = 0, int64_t written = 0) {
  wire::Usage u;
  u.input = input, u.output = output, u.cached_input = cached, u.cache_write = written, u.known = true;
  return u;
}

TEST(Price, ALongPromptMakesTheWholeCallDearer) {
  EXPECT_EQ(cost_usd_micros(kTiers, usage(200'000, 1'000)), 400'000 + 12'000);
  EXPECT_EQ(cost_usd_micros(kTiers, usage(200'001, 1'000)), 800'004 + 18'000);
  EXPECT_EQ(cost_usd_micros(kTiers, usage(300'000, 0, 200'000)), 400'000 + 80'000);
  // What was cached counts to the length although a provider says less of the whole.
  EXPECT_EQ(cost_usd_micros(kTiers, usage(1, 0, 300'000)), 120'000);
}

TEST(Price, TheBoundTakesTheDearestTierThatMayCome) {
  EXPECT_LT(*cost_bound_usd_micros(kTiers, 200'000, 1'000), 412'010);
  EXPECT_GE(*cost_bound_usd_micros(kTiers, 200'001, 1'000), 818'004);
  Price cheaper = kTiers;  // where long prompts cost less, the short ones count
  cheaper.long_input_usd_micros = cheaper.long_output_usd_micros = 1;
  EXPECT_GE(*cost_bound_usd_micros(cheaper, 300'000, 1'000), 612'000);
}

TEST(Price, NoAnswerWithinTheBoundCostsMoreThanIt) {
  std::mt19937_64 random(7);
  const auto upto = [&](int64_t most) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1));
  };
  for (int i = 0; i < 20'000; ++i) {
    const Price price = {.input_usd_micros = upto(20'000'000),
                         .output_usd_micros = upto(90'000'000),
                         .cached_input_usd_micros = upto(2'000'000),
                         .cache_write_usd_micros = upto(30'000'000),
                         .known = true,
                         .cache_write_hour_usd_micros = upto(40'000'000),
                         .long_above_tokens = upto(1'000),
                         .long_input_usd_micros = upto(40'000'000),
                         .long_output_usd_micros = upto(90'000'000),
                         .long_cached_input_usd_micros = upto(3'000'000),
                         .long_cache_write_usd_micros = upto(50'000'000)};
    const int64_t prompt = upto(2'000);
    const int64_t output = upto(2'000);
    const int64_t input = upto(prompt);
    const int64_t cached = upto(input);
    wire::Usage used = usage(input, upto(output), cached, upto(input - cached));
    const bool hour = i % 2 == 0;
    if (hour) used.extras.add("cache_creation", format(R"({{"ephemeral_1h_input_tokens":{}}})", upto(input)));
    const auto bound = cost_bound_usd_micros(price, prompt, output, hour);
    if (!bound.ok()) {
      EXPECT_EQ(price.cache_write_hour_usd_micros, 0);
      continue;
    }
    ASSERT_LE(cost_usd_micros(price, used), *bound) << i;
  }
}

TEST(Price, ACacheOfAnHourIsChargedForItself) {
  wire::Usage used = usage(1'000, 0, 0, 500);
  EXPECT_EQ(cost_usd_micros(kHours, used), 1'500 + 1'875);
  used.extras.add("cache_creation", R"({"ephemeral_5m_input_tokens":300,"ephemeral_1h_input_tokens":200})");
  EXPECT_EQ(cost_usd_micros(kHours, used), 1'500 + 1'125 + 1'200);
  Price unknown = kHours;
  unknown.cache_write_hour_usd_micros = 0;
  EXPECT_EQ(cost_usd_micros(unknown, used), 1'500 + 1'875);
  EXPECT_EQ(cost_bound_usd_micros(unknown, 1, 1, true).status().reason(), "price_unknown");
  EXPECT_EQ(*cost_bound_usd_micros(kHours, 1'000'000, 0, true), 6'000'003);
  EXPECT_EQ(*cost_bound_usd_micros(kHours, 1'000'000, 0, false), 3'750'003);
}

TEST(Price, TheHourIsReadFromAnthropicsAnswer) {
  const auto response = wire::anthropic_messages().decode_response(
      R"({"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"x"}],
          "stop_reason":"end_turn","usage":{"input_tokens":500,"cache_read_input_tokens":0,"output_tokens":0,
          "cache_creation_input_tokens":500,"cache_creation":{"ephemeral_5m_input_tokens":300,"ephemeral_1h_input_tokens":200}}})",
      {});
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(cost_usd_micros(kHours, response->usage), 1'500 + 1'125 + 1'200);
}

// 1,000 tokens of input of which 400 were cached, 200 of output of which 50 were thought.
TEST(Price, GeminiAndBedrockAreBroughtToTheSameMeaning) {
  const auto cost = [](const wire::Dialect& dialect, std::string_view body) {
    const auto response = dialect.decode_response(body, {});
    EXPECT_TRUE(response.ok()) << response.status().to_string();
    return response.ok() ? cost_usd_micros(kHours, response->usage) : -1;
  };
  constexpr int64_t kExpected = 1'800 + 120 + 3'000;
  EXPECT_EQ(cost(wire::gemini_generate(),
                 R"({"candidates":[{"content":{"parts":[{"text":"x"}],"role":"model"},"finishReason":"STOP"}],
                     "usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":150,"thoughtsTokenCount":50,
                     "cachedContentTokenCount":400,"totalTokenCount":1200}})"),
            kExpected);
  EXPECT_EQ(
      cost(wire::bedrock_converse(),
           R"({"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn",
                     "usage":{"inputTokens":600,"outputTokens":200,"totalTokens":1200,"cacheReadInputTokens":400,
                     "cacheWriteInputTokens":0}})"),
      kExpected);
  EXPECT_EQ(
      cost(
          wire::openai_responses(),
          R"({"id":"r","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message",
                     "id":"i","role":"assistant","status":"completed","content":[{"type":"output_text","text":"x","annotations":[]}]}],
                     "usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":400},"output_tokens":200,
                     "output_tokens_details":{"reasoning_tokens":50},"total_tokens":1200}})"),
      kExpected);
}

TEST(Price, ImagesHaveABoundWhereTheCatalogHasOne) {
  wire::Request request;
  request.messages.push_back(wire::text_message(wire::Role::kUser, "what is this?", {}));
  for (int i = 0; i < 3; ++i) {
    wire::Media media;
    media.url = "https://example.com/x.png";
    request.messages[0].parts.push_back({media, {}});
  }
  const auto bound = bound_prompt(request);
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->images, 3);
  EXPECT_EQ(*bound->with_images(1'600), bound->tokens + 4'800);
  EXPECT_EQ(bound->with_images(0).status().reason(), "prompt_unbounded");
  EXPECT_EQ(*bound->with_images(std::numeric_limits<int64_t>::max()), std::numeric_limits<int64_t>::max());
  wire::Media sound;
  sound.kind = wire::MediaKind::kAudio;
  request.messages[0].parts.push_back({sound, {}});
  EXPECT_EQ(bound_prompt(request).status().reason(), "prompt_unbounded");
}

TEST(Price, TheCatalogReadsTiersAndRefusesHalfOfThem) {
  const auto read = [](std::string_view price) {
    return ModelCatalog::parse(R"({"schema_version":1,"sources":{"a":{"source":"list","as_of":"2026-01-02"}},
      "models":{"a/b":{"image_tokens":7,"price":)" +
                               std::string(price) + "}}}");
  };
  const auto good = read(
      R"({"input":1,"output":2,"cache_write_hour":3,"long":{"above_tokens":4,"input":5,"output":6,"cached_input":7}})");
  ASSERT_TRUE(good.ok()) << good.status().to_string();
  const ModelFacts& facts = *good->find("a/b");
  EXPECT_EQ(facts.image_tokens, 7);
  EXPECT_EQ(facts.price.cache_write_hour_usd_micros, 3);
  EXPECT_EQ(facts.price.long_above_tokens, 4);
  EXPECT_EQ(facts.price.long_output_usd_micros, 6);
  EXPECT_EQ(facts.source.view(), "list");
  EXPECT_EQ(facts.as_of.view(), "2026-01-02");
  for (const char* bad :
       {R"({"input":1,"output":2,"long":7})", R"({"input":1,"output":2,"long":{"above_tokens":4,"input":5}})",
        R"({"input":1,"output":2,"long":{"input":5,"output":5}})"})
    EXPECT_EQ(read(bad).status().reason(), "invalid_catalog") << bad;
  EXPECT_EQ(
      read(R"({"input":1,"output":2,"long":{"above_tokens":4,"input":-5,"output":5}})").status().reason(),
      "invalid_price");
  EXPECT_EQ(read(R"({"input":1,"output":2,"cache_write_hour":-1})").status().reason(), "invalid_price");
  EXPECT_EQ(ModelCatalog::parse(R"({"schema_version":1,"sources":{"a":7},"models":{}})").status().reason(),
            "invalid_catalog");
}

TEST(Estimate, IsBelowTheBoundAndGrowsWithTheText) {
  wire::Request request;
  int64_t before = 0;
  for (int i = 0; i < 5; ++i) {
    request.messages.push_back(
        wire::text_message(wire::Role::kUser, "some words, and some more of them ü", {}));
    const int64_t now = estimate_prompt_tokens(request, 0);
    EXPECT_GT(now, before);
    EXPECT_LT(now, *prompt_token_bound(request));
    before = now;
  }
}

}  // namespace
}  // namespace tau::provider
