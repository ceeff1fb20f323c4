// Lines of neutral events, as a program that supplies a model writes them.
#include <gtest/gtest.h>

#include "wire/wire.h"

namespace tau::wire {
namespace {

struct Sink final : StreamSink {
  void on_event(const StreamEvent& event) override {
    ++events;
    if (event.kind == StreamEvent::Kind::kText) text += event.text;
    if (event.kind == StreamEvent::Kind::kReasoning) reasoning += event.text;
    if (event.kind == StreamEvent::Kind::kToolCall) ++calls;
    if (event.kind == StreamEvent::Kind::kToolCallArgs) arguments += event.text;
    if (event.kind == StreamEvent::Kind::kFinish) ++finishes;
  }
  int events = 0, calls = 0, finishes = 0;
  std::string text, reasoning, arguments;
};

struct Played {
  Status status;
  Response response;
  Sink sink;
};

Played play(std::string_view lines) {
  Played out;
  const auto decoder = neutral_stream_decoder();
  FrameReader frames(Framing::kLines);
  const Status framing = frames.feed(lines, [&](std::string_view type, std::string_view data) {
    out.status = decoder->event(type, data, out.sink);
    return out.status.ok();
  });
  if (out.status.ok()) out.status = framing;
  if (out.status.ok()) out.status = decoder->end(out.sink);
  out.response = decoder->take_response();
  return out;
}

TEST(Neutral, TextAloneIsEnough) {
  const Played p = play(
      "{\"event\":\"text\",\"text\":\"a\"}\n{\"event\":\"text\",\"text\":\"b\"}\n{\"event\":\"finish\"}\n");
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  EXPECT_EQ(p.sink.text, "ab");
  ASSERT_EQ(p.response.message.parts.size(), 1U);
  EXPECT_EQ(p.response.message.text(), "ab");
  EXPECT_EQ(p.response.finish, FinishReason::kStop);
  EXPECT_EQ(p.response.message.role, Role::kAssistant);
}

TEST(Neutral, PartsCallsAndUsage) {
  const Played p = play(
      "{\"event\":\"start\",\"response\":{\"id\":\"r\",\"model\":\"m\"}}\n"
      "{\"event\":\"reasoning\",\"text\":\"hm\"}\n"
      "{\"event\":\"text\",\"text\":\"x\"}\n"
      "{\"event\":\"tool_call\",\"id\":\"1\",\"name\":\"f\",\"arguments\":{\"a\":1}}\n"
      "{\"event\":\"tool_call\",\"part\":7,\"id\":\"2\",\"name\":\"g\"}\n"
      "{\"event\":\"tool_call_args\",\"part\":7,\"text\":\"{}\"}\n"
      "{\"event\":\"tool_call_end\",\"part\":7}\n"
      "{\"event\":\"ping\"}\n"
      "{\"event\":\"usage\",\"usage\":{\"input\":3,\"output\":4}}\n"
      "{\"event\":\"finish\"}\n");
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  EXPECT_EQ(p.sink.calls, 2);
  ASSERT_EQ(p.response.message.parts.size(), 4U);
  EXPECT_EQ(p.response.message.parts[2].as<ToolCall>()->arguments, R"({"a":1})");
  EXPECT_EQ(p.response.message.parts[3].as<ToolCall>()->arguments, "{}");
  EXPECT_EQ(p.response.finish, FinishReason::kToolCalls);
  EXPECT_EQ(p.response.usage.input, 3);
  EXPECT_TRUE(p.response.usage.known);
  EXPECT_EQ(p.response.id, "r");
}

TEST(Neutral, AWholeResponseAtTheEndIsShown) {
  const Played p = play(
      "{\"event\":\"finish\",\"response\":{\"message\":{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\","
      "\"text\":\"all\"}]},"
      "\"finish\":\"length\"}}\n");
  ASSERT_TRUE(p.status.ok()) << p.status.message();
  EXPECT_EQ(p.sink.text, "all");
  EXPECT_EQ(p.response.finish, FinishReason::kLength);
}

// What a decoder of any dialect writes is read back to the same response.
TEST(Neutral, ReadsWhatTranscodersWrite) {
  auto transcoder = StreamTranscoder::create("openai_chat", {});
  std::string lines;
  ASSERT_TRUE(
      (*transcoder)
          ->feed(
              "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
              "data: "
              "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
              "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},\"finish_reason\":\"tool_"
              "calls\"}]}\n\n"
              "data: [DONE]\n\n",
              lines)
          .ok());
  (void)(*transcoder)->end(lines);
  const Played p = play(lines);
  ASSERT_TRUE(p.status.ok()) << p.status.message() << lines;
  EXPECT_EQ(p.sink.text, "a");
  EXPECT_EQ(p.sink.arguments, R"({"a":1})");
  EXPECT_EQ(p.sink.finishes, 1);
}

TEST(Neutral, ErrorsAreTheProviders) {
  const Played p = play(
      "{\"event\":\"text\",\"text\":\"a\"}\n"
      "{\"event\":\"error\",\"error\":{\"code\":\"resource_exhausted\",\"reason\":\"rate_limited\","
      "\"message\":\"m\",\"retryable\":true,"
      "\"retry_after_ms\":5}}\n");
  EXPECT_EQ(p.status.reason(), "rate_limited");
  EXPECT_EQ(p.status.retry_after_ms(), 5);
  EXPECT_EQ(p.response.message.text(), "a");
}

TEST(Neutral, WhatIsNoEventIsDamage) {
  for (const char* line :
       {"x", "[]", "7", "{}", R"({"event":"sing"})", R"({"event":"text"})", R"({"event":"text","text":7})",
        R"({"event":"tool_call"})", R"({"event":"tool_call_args","text":"{}"})",
        R"({"event":"tool_call_end"})", R"({"event":"part"})", R"({"event":"part","body":{"type":"magic"}})",
        R"({"event":"usage"})", R"({"event":"usage","usage":{"input":-1}})",
        R"({"event":"finish","response":7})",
        R"({"event":"finish","response":{"message":{"role":"assistant"},"usage":{"output":-5}}})"}) {
    const Played p = play(std::string(line) + "\n");
    EXPECT_EQ(p.status.reason(), "invalid_response") << line;
    EXPECT_TRUE(p.status.retryable()) << line;
  }
  EXPECT_EQ(play("").status.reason(), "stream_truncated");
  EXPECT_EQ(play("{\"event\":\"text\",\"text\":\"a\"}\n").status.reason(), "stream_truncated");
}

TEST(Neutral, TextDoesNotGoIntoACall) {
  const Played p = play(
      "{\"event\":\"tool_call\",\"part\":0,\"name\":\"f\"}\n{\"event\":\"text\",\"part\":0,\"text\":\"a\"}"
      "\n");
  EXPECT_EQ(p.status.reason(), "invalid_response");
}

}  // namespace
}  // namespace tau::wire
