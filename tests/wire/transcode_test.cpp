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
  EXPECT_NE((*encoder)->line(R"({"event":"explode"})", bytes).reason(), "");
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
  const StatusOr<json::Value> error = json::parse(*error_to_neutral("openai_chat", 429, ""));
  EXPECT_EQ((*error)["reason"].as_string(), "rate_limited");
}

}  // namespace
}  // namespace tau::wire
