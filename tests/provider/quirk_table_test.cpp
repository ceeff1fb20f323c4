// Tables of quirks: what the library ships, what wins, and what is refused.
#include <gtest/gtest.h>

#include <set>

#include "provider/prompt_prefix.h"
#include "provider/provider.h"

namespace tau::provider {
namespace {

wire::Quirks quirks_of(std::string_view provider, std::string_view model) {
  wire::Quirks quirks;
  QuirkTable::built_in().apply(provider, model, quirks);
  return quirks;
}

TEST(QuirkTable, TheBuiltInOneIsSound) {
  const QuirkTable& table = QuirkTable::built_in();
  ASSERT_GT(table.rows().size(), 30u);
  ASSERT_GT(table.rules().size(), 20u);
  std::set<std::string> names;
  for (const auto& rule : table.rules()) EXPECT_TRUE(names.insert(rule->name).second) << rule->name;
  for (const QuirkRow& row : table.rows()) EXPECT_FALSE(row.source.empty());
}

TEST(QuirkTable, RowsSayWhatProvidersWant) {
  EXPECT_TRUE(quirks_of("openai", "gpt-4o").max_completion_tokens);
  EXPECT_FALSE(quirks_of("openai", "gpt-4o").no_temperature);
  EXPECT_TRUE(quirks_of("openai", "o3-mini").no_temperature);
  EXPECT_TRUE(quirks_of("openai", "gpt-5.4").developer_role);
  EXPECT_FALSE(quirks_of("openai", "gpt-5-chat-latest").no_temperature);
  EXPECT_TRUE(quirks_of("openrouter", "openai/gpt-5").reasoning_details_back);
  EXPECT_TRUE(quirks_of("openrouter", "moonshotai/kimi-k2.5").reasoning_required);
  EXPECT_FALSE(quirks_of("mistral", "mistral-large-latest").usage_in_stream_option);
  EXPECT_EQ(quirks_of("mistral", "mistral-large-latest").call_ids, wire::CallIds::kAlnum9);
  EXPECT_TRUE(quirks_of("ollama", "qwen3").text_tool_calls);
  EXPECT_TRUE(quirks_of("llamacpp", "x").done_mark_optional);
  EXPECT_EQ(quirks_of("anthropic", "claude-sonnet-4-5").cache_min_tokens, 1'024);
  EXPECT_EQ(quirks_of("anthropic", "claude-haiku-4-5-20251001").cache_min_tokens, 4'096);
  EXPECT_EQ(quirks_of("anthropic", "claude-opus-5-5").cache_min_tokens, 512);
  EXPECT_TRUE(quirks_of("anthropic", "claude-opus-5-5").adaptive_thinking);
  EXPECT_EQ(quirks_of("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0").cache_min_tokens, 4'096);
  EXPECT_EQ(quirks_of("bedrock", "mistral.mistral-large-3").cache_min_tokens, 0);
  EXPECT_EQ(quirks_of("nobody", "knows"), wire::Quirks());
}

TEST(QuirkTable, PatternsMatchWholeTexts) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("a*b?c", "aXXbYc"));
  EXPECT_TRUE(matches_glob("**x", "aaax"));
  EXPECT_FALSE(matches_glob("gpt-5", "gpt-5.1"));
  EXPECT_FALSE(matches_glob("?", ""));
  EXPECT_FALSE(matches_glob("a*b", "abc"));
  // Stars upon stars take no time out of proportion.
  std::string stars;
  for (int i = 0; i < 150; ++i) stars += "*a";
  EXPECT_FALSE(matches_glob(stars + "b", std::string(100'000, 'a')));
}

TEST(QuirkTable, LaterRowsAndRulesWin) {
  const auto more = QuirkTable::parse(R"({"schema_version":1,
    "rows":[{"provider":"openai","model":"gpt-4o","since":"2026-01-02","source":"s","set":{"max_completion_tokens":false}}],
    "retries":[{"name":"no_temperature","provider":"*","when":["too warm"],"since":"2026-01-02","source":"s","set":{"no_temperature":true}}]})");
  ASSERT_TRUE(more.ok()) << more.status().to_string();
  const QuirkTable table = QuirkTable::with(*more);
  wire::Quirks quirks;
  table.apply("openai", "gpt-4o", quirks);
  EXPECT_FALSE(quirks.max_completion_tokens);
  EXPECT_EQ(table.rules().size(), QuirkTable::built_in().rules().size());
  EXPECT_EQ(table.find_rule("x", "It is TOO WARM", {}, {})->name, "no_temperature");
  EXPECT_EQ(table.find_rule("x", "It is too warm", {}, {"no_temperature"}), nullptr);
  quirks.no_temperature = true;
  EXPECT_EQ(table.find_rule("x", "It is too warm", quirks, {}), nullptr);  // it would change nothing
}

std::string refusal(std::string_view text) {
  const auto table = QuirkTable::parse(text);
  EXPECT_FALSE(table.ok()) << text;
  if (table.ok()) return "";
  EXPECT_EQ(table.status().code(), Code::kInvalidArgument);
  return std::string(table.status().message());
}

TEST(QuirkTable, WhatMakesNoSenseIsNamed) {
  const auto row = [](std::string_view members) {
    return refusal(R"({"schema_version":1,"rows":[{)" + std::string(members) + "}]}");
  };
  constexpr std::string_view kHead = R"("provider":"a","model":"b","since":"2026-01-02","source":"s")";
  const std::string head(kHead);
  EXPECT_NE(row(head + R"(,"set":{"no_such":true})").find("no_such"), std::string::npos);
  EXPECT_NE(row(head + R"(,"set":{"no_seed":1})").find("no_seed"), std::string::npos);
  EXPECT_NE(row(head + R"(,"set":{"call_ids":"many"})").find("call_ids"), std::string::npos);
  EXPECT_NE(row(head + R"(,"set":{"cache_min_tokens":-1})").find("cache_min_tokens"), std::string::npos);
  EXPECT_NE(row(head + R"(,"set":{})").find("rows[0].set"), std::string::npos);
  EXPECT_NE(row(head + R"(,"more":1,"set":{"no_seed":true})").find("more"), std::string::npos);
  EXPECT_NE(
      row(R"("provider":"a","model":"b","since":"soon","source":"s","set":{"no_seed":true})").find("since"),
      std::string::npos);
  EXPECT_NE(row(R"("model":"b","since":"2026-01-02","source":"s","set":{"no_seed":true})").find("provider"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"schema_version":2})").find("schema_version"), std::string::npos);
  refusal("[]");
  refusal("{");
  refusal(R"({"schema_version":1,"rows":{}})");
  refusal(R"({"schema_version":1,"rows":[7]})");
  const auto rule = [](std::string_view members) {
    return refusal(
        R"({"schema_version":1,"retries":[{"provider":"a","since":"2026-01-02","source":"s","set":{"no_seed":true},)" +
        std::string(members) + "}]}");
  };
  EXPECT_NE(rule(R"("name":"n","when":["ok"])").find("when"), std::string::npos);     // stands in everything
  EXPECT_NE(rule(R"("name":"n","when":["Upper"])").find("when"), std::string::npos);  // would never match
  EXPECT_NE(rule(R"("name":"n","when":[])").find("when"), std::string::npos);
  EXPECT_NE(rule(R"("name":"a b","when":["words"])").find("name"), std::string::npos);
  EXPECT_NE(rule(R"("name":"n","when":["words"],"remember":"for ever")").find("remember"), std::string::npos);
  std::string many = R"({"schema_version":1,"rows":[)";
  for (int i = 0; i < 1'001; ++i) many += (i == 0 ? "{" : ",{") + head + R"(,"set":{"no_seed":true}})";
  EXPECT_NE(refusal(many + "]}").find("1000"), std::string::npos);
}

TEST(PromptPrefixes, TellsWhatIsTheSame) {
  PromptPrefixes prefixes;
  const std::string body(1'000, 'x');
  EXPECT_EQ(prefixes.follow("a", body, {}), 0);
  EXPECT_EQ(prefixes.follow("a", body + "more", {}), 960);
  EXPECT_EQ(prefixes.follow("b", body, {}), 0);
  std::string other = body;
  other[500] = 'y';
  EXPECT_EQ(prefixes.follow("a", other, {}), 448);
  EXPECT_EQ(prefixes.follow("a", "", {}), 0);
}

TEST(PromptPrefixes, BreakpointsCountAsNotThere) {
  PromptPrefixes prefixes;
  const std::string mark = R"(,"cache":1)";
  const std::string head(300, 'h');
  const std::string tail(300, 't');
  EXPECT_EQ(prefixes.follow("a", head + mark + tail + mark, mark), 0);
  EXPECT_EQ(prefixes.follow("a", head + tail + mark + "new", mark), 576);
}

TEST(PromptPrefixes, MemoryIsBounded) {
  PromptPrefixes prefixes;
  const std::string large(8u << 20, 'x');
  for (int i = 0; i < 40; ++i) prefixes.follow("s" + std::to_string(i), large, {});
  EXPECT_LE(prefixes.digest_bytes(), PromptPrefixes::kMaxDigestBytes);
  EXPECT_EQ(prefixes.follow("s39", large, {}), int64_t{PromptPrefixes::kMaxPieces * PromptPrefixes::kPiece});
  for (int i = 0; i < 5'000; ++i) prefixes.follow("t" + std::to_string(i), "short", {});
  EXPECT_LE(prefixes.sessions(), PromptPrefixes::kMaxSessions);
}

}  // namespace
}  // namespace tau::provider
