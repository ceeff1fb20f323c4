// Requests made fit for their provider, and prompts whose beginning stays what it was.
#include "wire/fit.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "recordings.h"
#include "wire/quirks.h"

namespace tau::wire {
namespace {

Message said(Role role, std::string_view text) { return text_message(role, text, {}); }

Message called(std::string_view id, std::string_view arguments) {
  Message message;
  message.role = Role::kAssistant;
  message.parts.push_back({ToolCall{std::string(id), "look", std::string(arguments)}, {}});
  return message;
}

Message answered(std::string_view id, std::string_view text) {
  Message message;
  message.role = Role::kTool;
  message.parts.push_back({ToolResult{std::string(id), "look", {{Text{std::string(text)}, {}}}}, {}});
  return message;
}

// A conversation of many turns, with tools whose schemas have members in an order of their own.
Request conversation() {
  Request request;
  request.model = "m";
  request.stream = true;
  request.max_tokens = 100;
  request.tools.push_back(
      {.name = "look",
       .description = std::string(3'000, 'd'),
       .parameters =
           R"({"type":"object","properties":{"z":{"type":"string"},"a":{"type":"number"}},"required":["z"]})",
       .extras = {}});
  request.tools.push_back({.name = "other",
                           .description = "o",
                           .parameters = R"({"type":"object","properties":{}})",
                           .extras = {}});
  request.messages.push_back(said(Role::kSystem, std::string(3'000, 's')));
  for (int turn = 0; turn < 6; ++turn) {
    const std::string id = "call_" + std::to_string(turn);
    request.messages.push_back(said(Role::kUser, "question " + std::to_string(turn) + " \"quoted\" \n ü"));
    request.messages.push_back(called(id, R"({"z":"1","a":2})"));
    request.messages.push_back(answered(id, std::string(400, 'r')));
    request.messages.push_back(said(Role::kAssistant, "answer " + std::to_string(turn)));
  }
  request.messages.push_back(said(Role::kUser, "last"));
  return request;
}

std::string encode(const Request& request, const Dialect& dialect, const Quirks& quirks) {
  Request scratch;
  const Request& fitted = fit(request, dialect, quirks, scratch);
  auto body = dialect.encode_request(fitted, quirks, {});
  EXPECT_TRUE(body.ok()) << body.status().to_string();
  return body.ok() ? *body : "";
}

std::string without(std::string text, std::string_view piece) {
  for (size_t at; !piece.empty() && (at = text.find(piece)) != text.npos;) text.erase(at, piece.size());
  return text;
}

// Whether `longer` is `shorter` with something put in at one place.
bool grew_in_one_place(std::string_view shorter, std::string_view longer) {
  if (longer.size() < shorter.size()) return false;
  size_t head = 0;
  while (head < shorter.size() && shorter[head] == longer[head]) ++head;
  size_t tail = 0;
  while (tail < shorter.size() && shorter[shorter.size() - 1 - tail] == longer[longer.size() - 1 - tail])
    ++tail;
  return head + tail >= shorter.size();
}

// The requests that the same conversation made before: each ends with a message of the user or of tools.
void expect_stable(const Request& whole, const Dialect& dialect, const Quirks& quirks,
                   std::string_view what) {
  const std::string_view mark = breakpoint_text(dialect, whole.prompt_cache);
  std::string previous;
  for (size_t n = 1; n <= whole.messages.size(); ++n) {
    const Role last = whole.messages[n - 1].role;
    if (last != Role::kUser && last != Role::kTool) continue;
    if (n < whole.messages.size() && whole.messages[n].role != Role::kAssistant) continue;
    Request request = whole;
    request.messages.resize(n);
    std::string body = without(encode(request, dialect, quirks), mark);
    const bool grew = previous.empty() || grew_in_one_place(previous, body);
    ASSERT_TRUE(grew) << what << " " << dialect.name() << "\n" << previous << "\n" << body;
    EXPECT_EQ(body, without(encode(request, dialect, quirks), mark));
    previous = std::move(body);
  }
}

TEST(Fit, PromptsGrowAtTheirEndAlone) {
  for (const Dialect* dialect : dialects())
    for (const PromptCache cache : {PromptCache::kAuto, PromptCache::kOff, PromptCache::kHour}) {
      Request request = conversation();
      request.prompt_cache = cache;
      Quirks quirks;
      quirks.cache_min_tokens = 1;
      expect_stable(request, *dialect, quirks, "plain");
      quirks.call_ids = CallIds::kAlnum9;
      quirks.reasoning_back = quirks.reasoning_required = true;
      expect_stable(request, *dialect, quirks, "fitted");
    }
}

TEST(Fit, RecordedConversationsGrowAtTheirEndAlone) {
  const char* const data = std::getenv("TAU_SHARED_DATA");
  const std::string folder = std::string(data != nullptr ? data : "") + "/provider-recordings";
  if (!test::have_recordings(folder)) GTEST_SKIP() << "no shared data in \"" << folder << "\"";
  Quirks quirks;
  quirks.cache_min_tokens = 100;
  int conversations = 0;
  std::string error;
  const bool read = test::for_each_interaction(
      folder,
      [&](const test::Interaction& i) {
        const Dialect* const own = test::dialect_of(i.path);
        if (own == nullptr || testing::Test::HasFailure()) return;
        // Breakpoints of the host's own come and go with the messages that have them.
        if (i.request.find("cache_control") != i.request.npos) return;
        const StatusOr<Request> request = own->decode_request(i.request);
        if (!request.ok() || request->messages.size() < 3) return;
        ++conversations;
        expect_stable(*request, *own, quirks, i.name);
      },
      error);
  EXPECT_TRUE(read) << error;
  EXPECT_GT(conversations, 50);
}

TEST(Fit, NothingToChangeIsNoCopy) {
  const Request request = conversation();
  Request scratch;
  for (const Dialect* dialect : dialects()) EXPECT_EQ(&fit(request, *dialect, {}, scratch), &request);
}

size_t count(std::string_view text, std::string_view piece) {
  size_t n = 0;
  for (size_t at = text.find(piece); at != text.npos; at = text.find(piece, at + piece.size())) ++n;
  return n;
}

TEST(Breakpoints, StandAtToolsSystemAndTheLastTwoRequests) {
  Quirks quirks;
  quirks.cache_min_tokens = 100;
  Request request = conversation();
  const json::Value body = *json::parse(encode(request, anthropic_messages(), quirks));
  EXPECT_TRUE(body["tools"].as_array()[1].contains("cache_control"));
  EXPECT_FALSE(body["tools"].as_array()[0].contains("cache_control"));
  EXPECT_TRUE(body["system"].as_array().back().contains("cache_control"));
  const auto& messages = body["messages"].as_array();
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool marked = messages[i]["content"].as_array().back().contains("cache_control");
    // The last one, and what ended the request before: the message in front of the last answer.
    EXPECT_EQ(marked, i == messages.size() - 1 || i == messages.size() - 3) << i;
  }
  // Bedrock has points of their own, in the same places.
  EXPECT_EQ(count(encode(request, bedrock_converse(), quirks), "cachePoint"), 4u);
  EXPECT_EQ(count(encode(request, bedrock_converse(), quirks), "cache_control"), 0u);
  request.model = "amazon.nova-pro-v1:0";
  EXPECT_EQ(count(encode(request, bedrock_converse(), quirks), "cachePoint"), 3u);
  // Dialects without them are sent none.
  for (const Dialect* dialect : dialects()) {
    if (!breakpoint_text(*dialect, PromptCache::kAuto).empty()) continue;
    EXPECT_EQ(encode(request, *dialect, quirks), encode(request, *dialect, {})) << dialect->name();
  }
}

TEST(Breakpoints, AreNotSetWhereTheyAreNotWanted) {
  Quirks quirks;
  quirks.cache_min_tokens = 100'000;
  Request request = conversation();
  EXPECT_EQ(count(encode(request, anthropic_messages(), quirks), "cache_control"), 0u);
  quirks.cache_min_tokens = 3'000;  // the tools and the system prompt are shorter
  EXPECT_EQ(count(encode(request, anthropic_messages(), quirks), "cache_control"), 2u);
  quirks.cache_min_tokens = 1;
  request.prompt_cache = PromptCache::kOff;
  EXPECT_EQ(count(encode(request, anthropic_messages(), quirks), "cache_control"), 0u);
  request.prompt_cache = PromptCache::kHour;
  EXPECT_EQ(count(encode(request, anthropic_messages(), quirks), R"("ttl":"1h")"), 4u);
}

TEST(Breakpoints, OfTheHostStayWhereTheyAre) {
  Quirks quirks;
  quirks.cache_min_tokens = 1;
  Request request = conversation();
  request.messages[1].parts[0].extras.add("cache_control", R"({"type":"ephemeral"})");
  Request scratch;
  EXPECT_EQ(&fit(request, anthropic_messages(), quirks, scratch), &request);
  EXPECT_EQ(count(encode(request, anthropic_messages(), quirks), "cache_control"), 1u);
}

TEST(CallIdsTest, AreReplacedByOnesOfTheForm) {
  EXPECT_EQ(fitted_call_id("anything: at/all", CallIds::kAny), "anything: at/all");
  EXPECT_EQ(fitted_call_id("abcDEF123", CallIds::kAlnum9), "abcDEF123");
  for (const CallIds form : {CallIds::kAlnum9, CallIds::kWord40, CallIds::kWord64})
    for (const std::string& id : {std::string(), std::string("a"), std::string(300, 'x'),
                                  std::string("call: 1"), std::string("\xFF\x00z", 3)}) {
      const std::string fitted = fitted_call_id(id, form);
      EXPECT_EQ(fitted_call_id(fitted, form), fitted);
      EXPECT_EQ(fitted_call_id(id, form), fitted);
      EXPECT_LE(fitted.size(), form == CallIds::kAlnum9 ? 9u : form == CallIds::kWord40 ? 40u : 64u);
      EXPECT_FALSE(fitted.empty());
    }
  EXPECT_NE(fitted_call_id("call_1", CallIds::kAlnum9), fitted_call_id("call_2", CallIds::kAlnum9));
  Quirks quirks;
  quirks.call_ids = CallIds::kAlnum9;
  const json::Value body = *json::parse(encode(conversation(), openai_chat(), quirks));
  const auto& messages = body["messages"].as_array();
  EXPECT_EQ(messages[2]["tool_calls"].as_array()[0]["id"].as_string(),
            messages[3]["tool_call_id"].as_string());
  EXPECT_EQ(messages[3]["tool_call_id"].as_string().size(), 9u);
}

TEST(Fit, WhatAServerRefusesIsNotSent) {
  Request request = conversation();
  request.temperature = 0.5;
  request.top_p = 0.5;
  request.seed = 7;
  request.stop = {"x"};
  request.reasoning_effort = "high";
  request.parallel_tool_calls = true;
  request.tool_choice = {ToolChoice::Mode::kNamed, "other"};
  request.tools[0].strict = request.tools[1].strict = true;
  request.response_format = {ResponseFormat::Kind::kJsonSchema, "r", R"({"type":"object"})", true};
  request.extras.add("prompt_cache_key", R"("k")");
  request.extras.add("previous_response_id", R"("p")");
  Quirks quirks;
  ASSERT_TRUE(set_quirks(*json::parse(R"({"no_temperature":true,"no_top_p":true,"no_seed":true,"no_stop":true,
    "no_effort":true,"no_parallel_tool_calls":true,"no_tool_choice_named":true,"no_strict":true,"no_json_schema":true,
    "no_cache_key":true,"no_previous_response":true})"),
                         quirks)
                  .ok());
  json::Value body = *json::parse(encode(request, openai_chat(), quirks));
  for (const char* gone : {"temperature", "top_p", "seed", "stop", "reasoning_effort", "parallel_tool_calls",
                           "prompt_cache_key", "previous_response_id"})
    EXPECT_FALSE(body.contains(gone)) << gone;
  EXPECT_EQ(body["tools"].size(), 1u);
  EXPECT_FALSE(body["tools"].as_array()[0]["function"].contains("strict"));
  EXPECT_EQ(body["tool_choice"].as_string(), "required");
  EXPECT_EQ(body["response_format"]["type"].as_string(), "json_object");
  quirks.no_tool_choice_required = true;
  EXPECT_EQ((*json::parse(encode(request, openai_chat(), quirks)))["tool_choice"].as_string(), "auto");
  // And with none of them it is all there.
  body = *json::parse(encode(request, openai_chat(), {}));
  EXPECT_TRUE(body.contains("seed"));
  EXPECT_EQ(body["tools"].size(), 2u);
}

TEST(Fit, ThinkingIsAskedForAsTheModelTakesIt) {
  Request request = conversation();
  request.reasoning_effort = "high";
  Quirks quirks;
  quirks.adaptive_thinking = true;
  json::Value body = *json::parse(encode(request, anthropic_messages(), quirks));
  EXPECT_EQ(body["thinking"]["type"].as_string(), "adaptive");
  EXPECT_FALSE(body["thinking"].contains("budget_tokens"));
  EXPECT_EQ(body["output_config"]["effort"].as_string(), "high");
  request.response_format = {ResponseFormat::Kind::kJsonSchema, "r", R"({"type":"object"})", false};
  body = *json::parse(encode(request, anthropic_messages(), quirks));
  EXPECT_EQ(body["output_config"]["effort"].as_string(), "high");
  EXPECT_EQ(body["output_config"]["format"]["type"].as_string(), "json_schema");
}

TEST(Quirks, HoldForTextsToo) {
  Request request = conversation();
  request.temperature = 0.5;
  const auto quirks = quirks_from_json(R"({"no_temperature":true,"call_ids":"alnum9"})");
  ASSERT_TRUE(quirks.ok());
  const auto body = neutral_to_request("openai_chat", to_json(request), *quirks);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(*body, encode(request, openai_chat(), *quirks));
  EXPECT_EQ(body->find("temperature"), body->npos);
}

TEST(Quirks, AreReadAndWrittenByName) {
  Quirks quirks;
  std::string text;
  json::Writer w(text);
  write_quirks(w, quirks);
  Quirks again;
  again.no_seed = true;
  ASSERT_TRUE(set_quirks(*json::parse(text), again).ok());
  EXPECT_EQ(again, quirks);
  EXPECT_EQ(set_quirks(*json::parse("[]"), quirks).reason(), "invalid_quirks");
  EXPECT_EQ(set_quirks(*json::parse(R"({"call_ids":7})"), quirks).reason(), "invalid_quirks");
  EXPECT_EQ(set_quirks(*json::parse(R"({"cache_min_tokens":1e99})"), quirks).reason(), "invalid_quirks");
}

}  // namespace
}  // namespace tau::wire
