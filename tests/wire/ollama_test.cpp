// Ollama's own chat: what recordings do not show, and requests from other dialects.
#include <gtest/gtest.h>

#include "base/base.h"
#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

test::Decoded decode(const std::string& lines, const Quirks& quirks = {}) {
  return test::decode_stream(ollama_chat(), lines, quirks, {});
}
std::string line(std::string_view message) {
  return R"({"model":"q","created_at":"2026-07-28T06:32:45.004109Z","message":)" + std::string(message) +
         R"(,"done":false})" + "\n";
}
const std::string kDone =
    R"({"model":"q","created_at":"2026-07-28T06:32:46Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":9,"prompt_eval_count":7,"eval_count":3})";

TEST(OllamaStream, CallsWithoutIdsGetTheirOwn) {
  const test::Decoded decoded = decode(
      line(
          R"({"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"f","arguments":{}}}]})") +
      kDone);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  const std::vector<Part>& parts = decoded.response.message.parts;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].as<ToolCall>()->arguments, R"({"a":1})");
  EXPECT_NE(parts[0].as<ToolCall>()->id, parts[1].as<ToolCall>()->id);
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.usage.input, 7);
  EXPECT_EQ(decoded.response.created, 1'785'220'366);
}

TEST(OllamaStream, ErrorsAreFailures) {
  const std::string begun = line(R"({"role":"assistant","content":"so far"})");
  EXPECT_EQ(decode(begun).status.reason(), "stream_truncated");
  const test::Decoded failed = decode(begun + R"({"error":"model runner has unexpectedly stopped"})" + "\n");
  EXPECT_EQ(failed.status.message(), "model runner has unexpectedly stopped");
  EXPECT_EQ(failed.response.message.text(), "so far");
  EXPECT_EQ(decode("{\"model\":\"q\"}\n").status.reason(), "invalid_response");
  EXPECT_EQ(decode("not json\n").status.reason(), "invalid_response");
}

TEST(OllamaStream, TextThatIsACallIsOneWhenAskedFor) {
  Quirks quirks;
  quirks.text_tool_calls = true;
  const test::Decoded decoded =
      decode(line(R"({"role":"assistant","content":"<tool_call>{\"name\":\"f\","})") +
                 line(R"({"role":"assistant","content":"\"arguments\":{}}</tool_call>"})") + kDone,
             quirks);
  ASSERT_TRUE(decoded.status.ok());
  ASSERT_EQ(decoded.response.message.parts.size(), 1u);
  EXPECT_EQ(decoded.response.message.parts[0].as<ToolCall>()->name, "f");
}

TEST(OllamaStream, HalvesOfCharactersMeet) {
  const test::Decoded decoded = decode(line(R"({"role":"assistant","content":"a\ud83d"})") +
                                       line(R"({"role":"assistant","content":"\ude00"})") + kDone);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(decoded.response.message.text(), "a\xF0\x9F\x98\x80");
}

TEST(OllamaRequest, KeepsAllOfWhatItIsGiven) {
  for (
      const std::string body :
      {R"({"model":"m","messages":[{"role":"user","content":"u","images":["iVBORw==","/9j/4A=="]},{"role":"assistant","content":"","thinking":"t","tool_calls":[{"function":{"name":"f","arguments":{"a":1},"index":0}},{"id":"x","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_name":"f","content":"r"},{"role":"tool","tool_name":"g","tool_call_id":"x","content":"r","images":["iVBORw=="]},{"role":"odd","content":1}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"format":{"type":"object"},"options":{"num_predict":-1,"temperature":0.1,"top_k":4,"stop":["a"],"seed":-3,"num_ctx":8192},"think":true,"keep_alive":"5m"})",
       R"({"model":"m","messages":[{"role":"user","content":"u"}],"format":"json","options":{},"think":"high","stream":false,"keep_alive":0})",
       R"({"model":"m","messages":[{"role":"user","content":"u","images":["not base 64"]}],"think":"none","stream":true,"options":{"num_predict":5,"stop":"x"}})"}) {
    const StatusOr<Request> request = ollama_chat().decode_request(body);
    ASSERT_TRUE(request.ok()) << request.status().to_string();
    EXPECT_EQ(*json::parse(body), *json::parse(*ollama_chat().encode_request(*request, {})))
        << *ollama_chat().encode_request(*request, {});
  }
}

TEST(OllamaRequest, StreamsUnlessToldNotTo) {
  EXPECT_TRUE(ollama_chat().decode_request(R"({"messages":[]})")->stream);
  Request request;
  EXPECT_NE(ollama_chat().encode_request(request, {})->find(R"("stream":false)"), std::string::npos);
}

TEST(OllamaRequest, ResultsFindTheirCallsAndOtherDialectsAreMadeFit) {
  const StatusOr<Request> request = ollama_chat().decode_request(
      R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}},{"function":{"name":"g","arguments":{}}}]},
      {"role":"tool","tool_name":"g","content":"1"},{"role":"tool","tool_name":"f","content":"2"}]})");
  ASSERT_TRUE(request.ok());
  const json::Value chat = *json::parse(*openai_chat().encode_request(*request, {}));
  const json::Value::Array& messages = chat["messages"].as_array();
  EXPECT_EQ(messages[1]["tool_call_id"].as_string(),
            messages[0]["tool_calls"].as_array()[1]["id"].as_string());
  EXPECT_EQ(messages[2]["tool_call_id"].as_string(),
            messages[0]["tool_calls"].as_array()[0]["id"].as_string());
  const StatusOr<Request> other = openai_chat().decode_request(
      R"({"model":"m","max_tokens":4,"reasoning_effort":"xhigh","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw=="}}]},
      {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}]})");
  EXPECT_EQ(
      *json::parse(*ollama_chat().encode_request(*other, {})),
      *json::parse(
          R"({"model":"m","messages":[{"role":"user","content":"a","images":["iVBORw=="]},{"role":"assistant","content":"","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","tool_call_id":"c","tool_name":"f","content":"r"}],"options":{"num_predict":4},"think":true,"stream":false})"));
}

TEST(Utc, TimesAreReadWithFractionsAndOffsets) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:10Z"), 10);
  EXPECT_EQ(parse_utc("2026-07-28T06:32:46.004109Z"), 1'785'220'366);
  EXPECT_EQ(parse_utc("2026-07-28T08:32:46.1+02:00"), 1'785'220'366);
  EXPECT_EQ(utc_text(1'785'220'366), "2026-07-28T06:32:46Z");
  for (const std::string_view bad :
       {"", "2026-07-28", "2026-13-28T06:32:46Z", "2026-07-28T06:32:46", "2026-07-28T0x:32:46Z"})
    EXPECT_EQ(parse_utc(bad), 0) << bad;
}

}  // namespace
}  // namespace tau::wire
