// The text-to-text door: neutral event lines carry everything that another stream needs.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/transcode.h"

namespace tau::wire {
namespace {

const std::string& stream() {
  static const std::string body = test::chat_body(
      {test::chat_chunk(R"({"role":"assistant","reasoning":"why"})"),
       test::chat_chunk(R"({"content":"so é"})"),
       test::chat_chunk(
           R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"s":1}}]})"),
       test::chat_chunk(R"({"refusal":null})", R"("tool_calls")"),
       R"({"id":"c1","choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5},"system_fingerprint":"fp"})"});
  return body;
}

std::string lines_of(std::string_view body, size_t piece) {
  auto coder = StreamTranscoder::create("openai_chat", {});
  std::string lines;
  while (!body.empty()) {
    const std::string_view part = body.substr(0, piece);
    body.remove_prefix(part.size());
    EXPECT_TRUE((*coder)->feed(part, lines).ok());
  }
  EXPECT_TRUE((*coder)->end(lines).ok());
  return lines;
}

TEST(Transcode, LinesDoNotDependOnTheSplit) {
  EXPECT_EQ(lines_of(stream(), 1), lines_of(stream(), stream().size()));
}

TEST(Transcode, LinesEncodeToTheSameStream) {
  const std::string lines = lines_of(stream(), 7);
  auto encoder = StreamReencoder::create("openai_chat");
  ASSERT_TRUE(encoder.ok());
  std::string bytes;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    ASSERT_TRUE((*encoder)->line(std::string_view(lines).substr(begin, end - begin), bytes).ok());
    begin = end + 1;
  }
  const test::Decoded a = test::decode_stream(openai_chat(), stream(), {}, {});
  const test::Decoded b = test::decode_stream(openai_chat(), bytes, {}, {});
  ASSERT_TRUE(b.status.ok()) << bytes;
  EXPECT_TRUE(*json::parse(to_json(a.response)) == *json::parse(to_json(b.response))) << bytes;
}

std::string reencoded(std::string_view lines, size_t piece) {
  auto encoder = StreamReencoder::create("anthropic_messages");
  std::string bytes;
  while (!lines.empty()) {
    const std::string_view part = lines.substr(0, piece);
    lines.remove_prefix(part.size());
    EXPECT_TRUE((*encoder)->feed(part, bytes).ok());
  }
  EXPECT_TRUE((*encoder)->end(bytes).ok());
  return bytes;
}

TEST(Transcode, LinesAreEncodedInAnySplit) {
  std::string lines = lines_of(stream(), 7);
  const std::string whole = reencoded(lines, lines.size());
  lines.pop_back();  // the last line may lack its end
  EXPECT_EQ(reencoded(lines, 1), whole);
  EXPECT_TRUE(test::decode_stream(anthropic_messages(), whole, {}, {}).status.ok());
}

// Whatever dialect an answer came in, every other one says the same text and makes the same calls.
TEST(Transcode, AStreamSaysTheSameInEveryDialect) {
  const test::Decoded said = test::decode_stream(openai_chat(), stream(), {}, {});
  for (const Dialect* dialect : dialects()) {
    const std::string bytes = test::transcode_stream(openai_chat(), *dialect, stream(), {});
    const test::Decoded heard = test::decode_stream(*dialect, bytes, {}, {});
    ASSERT_TRUE(heard.status.ok()) << heard.status.to_string() << bytes;
    EXPECT_EQ(test::event_order_error(heard), "") << bytes;
    EXPECT_EQ(heard.response.message.text(), said.response.message.text()) << bytes;
    EXPECT_EQ(heard.response.finish, said.response.finish) << bytes;
    EXPECT_EQ(heard.response.usage.input, 2) << bytes;
    EXPECT_EQ(heard.response.usage.output, 3) << bytes;
    const auto calls = [](const Response& response) {
      std::string out;
      for (const Part& part : response.message.parts)
        if (const auto* call = part.as<ToolCall>()) out += call->name + call->arguments;
      return out;
    };
    EXPECT_EQ(calls(heard.response), calls(said.response)) << bytes;
  }
}

TEST(Transcode, LinesOutOfOrderAreRefused) {
  const std::string start = R"({"event":"start","response":{"message":{"role":"assistant","parts":[]}}})";
  const std::string finish = R"({"event":"finish","response":{"message":{"role":"assistant","parts":[]}}})";
  const std::string text = R"({"event":"text","part":0,"text":"a"})";
  struct Case {
    std::vector<std::string> lines;
    const char* reason;
  };
  const Case cases[] = {{{text}, "invalid_event"},
                        {{start, start}, "invalid_event"},
                        {{start, finish, text}, "invalid_event"},
                        {{start, R"({"event":"explode"})"}, "invalid_event"},
                        {{start, "{"}, "invalid_json"},
                        {{start, text}, "stream_truncated"}};
  for (const Case& c : cases) {
    auto encoder = StreamReencoder::create("openai_chat");
    std::string bytes;
    for (const std::string& line : c.lines) {
      SCOPED_TRACE(line);
      const Status status = (*encoder)->feed(line + "\n", bytes);
      EXPECT_TRUE(status.ok() || status.reason() == c.reason) << status.to_string();
    }
    EXPECT_EQ((*encoder)->end(bytes).reason(), c.reason);
  }
}

TEST(Transcode, AnErrorEndsAStreamInItsDialect) {
  const std::string error =
      R"({"event":"error","error":{"code":"unavailable","reason":"overloaded","message":"m","retryable":true}})";
  for (const Dialect* dialect : dialects()) {
    auto encoder = StreamReencoder::create(dialect->name());
    std::string bytes;
    ASSERT_TRUE((*encoder)->feed(error, bytes).ok());
    ASSERT_TRUE((*encoder)->end(bytes).ok());
    const test::Decoded decoded = test::decode_stream(*dialect, bytes, {}, {});
    EXPECT_EQ(decoded.status.code(), Code::kUnavailable) << bytes;
  }
}

TEST(Transcode, NamesWhatIsUnknown) {
  EXPECT_EQ(request_to_neutral("morse", "{}").status().reason(), "unknown_dialect");
  EXPECT_EQ(StreamTranscoder::create("morse", {}).status().reason(), "unknown_dialect");
  EXPECT_EQ(quirks_from_json(R"({"flies":true})").status().reason(), "invalid_quirks");
  EXPECT_TRUE(quirks_from_json(R"({"text_tool_calls":true})")->text_tool_calls);
}

TEST(Transcode, DocumentsGoThroughNeutralJson) {
  const std::string request = R"({"model":"m","messages":[{"role":"user","content":"q"}],"max_tokens":3})";
  const StatusOr<std::string> neutral = request_to_neutral("openai_chat", request);
  ASSERT_TRUE(neutral.ok());
  EXPECT_TRUE(*json::parse(*neutral_to_request("openai_chat", *neutral, {})) == *json::parse(request));
  const std::string response =
      R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]})";
  const StatusOr<std::string> answer = response_to_neutral("openai_chat", response, {});
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(*json::parse(*neutral_to_response("openai_chat", *answer)) == *json::parse(response));
  const StatusOr<json::Value> other = json::parse(*neutral_to_response("anthropic_messages", *answer));
  EXPECT_EQ((*other)["content"].as_array()[0]["text"].as_string(), "a");
  EXPECT_EQ((*other)["stop_reason"].as_string(), "end_turn");
}

TEST(Transcode, AnErrorAnswerTellsWhenToTryAgain) {
  const auto wait = [](const char* headers) {
    const StatusOr<std::string> error = error_to_neutral("openai_chat", 429, headers, "");
    EXPECT_EQ((*json::parse(*error))["reason"].as_string(), "rate_limited");
    return (*json::parse(*error))["retry_after_ms"].as_int(-1);
  };
  EXPECT_EQ(wait(""), -1);
  EXPECT_EQ(wait(R"({"content-type":"text/html"})"), -1);
  EXPECT_EQ(wait(R"({"Retry-After":"7"})"), 7000);
  EXPECT_EQ(wait(R"({"Retry-After":"99999999999999999999"})"), 86'400'000);
  EXPECT_EQ(wait(R"({"Retry-After-Ms":"9999999999999"})"), 86'400'000);
  EXPECT_EQ(wait(R"({"Retry-After":"-5"})"), -1);
  EXPECT_EQ(wait(R"({"date":"Sun, 06 Nov 1994 08:49:37 GMT","retry-after":"Sun, 06 Nov 1994 08:49:40 GMT"})"),
            3000);
  EXPECT_EQ(wait(R"({"date":"Sun, 06 Nov 1994 08:49:37 GMT","retry-after":"Sun, 06 Nov 2994 08:49:37 GMT"})"),
            86'400'000);
  EXPECT_EQ(error_to_neutral("openai_chat", 429, R"({"retry-after":7})", "").status().reason(),
            "invalid_headers");
  EXPECT_EQ(error_to_neutral("openai_chat", 429, "[]", "").status().reason(), "invalid_headers");
}

}  // namespace
}  // namespace tau::wire
