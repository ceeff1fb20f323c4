// Cohere's chat: what recordings do not show, and requests from other dialects.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

std::string body_of(const std::vector<std::string>& events) {
  std::string out;
  for (const std::string& event : events) out += "event: x\ndata: " + event + "\n\n";
  return out;
}
test::Decoded decode(const std::vector<std::string>& events) {
  return test::decode_stream(cohere_chat(), body_of(events), {}, {});
}

const std::string kStart =
    R"({"type":"message-start","id":"r1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}})";
const std::string kEnd =
    R"({"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":10.0,"output_tokens":4},"cached_tokens":6}}})";
const std::vector<std::string> kToolStream = {
    kStart,
    R"({"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}})",
    R"({"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look."}}})",
    R"({"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function","function":{"name":"f","arguments":""}}}}})",
    R"({"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\""}}}}})",
    R"({"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"c2","type":"function","function":{"name":"g","arguments":""}}}}})",
    R"({"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":":1}"}}}}})",
    R"({"type":"tool-call-end","index":0})",
    R"({"type":"tool-call-end","index":1})",
    kEnd,
};

TEST(CohereStream, PlanAndCallsComeTogether) {
  const test::Decoded decoded = decode(kToolStream);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  const std::vector<Part>& parts = decoded.response.message.parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].as<Reasoning>()->text, "I will look.");
  EXPECT_EQ(parts[1].as<ToolCall>()->arguments, R"({"a":1})");
  EXPECT_EQ(parts[2].as<ToolCall>()->arguments, "{}");
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.usage.input, 10);
  EXPECT_EQ(decoded.response.usage.cached_input, 6);
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
  EXPECT_EQ(
      *json::parse(cohere_chat().encode_response(decoded.response)),
      *json::parse(
          R"({"id":"r1","message":{"role":"assistant","tool_plan":"I will look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":10,"output_tokens":4},"cached_tokens":6}})"));
}

TEST(CohereStream, IsWrittenAsItCame) {
  const std::string again = test::reencode_stream(cohere_chat(), body_of(kToolStream), {});
  EXPECT_NE(again.find("event: tool-plan-delta\n"), std::string::npos);
  EXPECT_NE(again.find(R"("arguments":""}}}}})"), std::string::npos) << again;
  const test::Decoded back = test::decode_stream(cohere_chat(), again, {}, {});
  EXPECT_EQ(to_json(back.response), to_json(decode(kToolStream).response));
}

TEST(CohereStream, CitationsAreExtrasOfTheMessage) {
  const std::vector<std::string> events = {
      kStart,
      R"({"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":"","x":1}}}})",
      R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"-3"}}}})",
      R"({"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"-3","sources":[{"type":"document","id":"d1"}]}}}})",
      R"({"type":"citation-end","index":0})",
      R"({"type":"content-end","index":0})",
      R"({"type":"message-end","delta":{"finish_reason":"COMPLETE"}})"};
  const test::Decoded decoded = decode(events);
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.message.extras.find("citations"),
            R"([{"start":0,"end":2,"text":"-3","sources":[{"type":"document","id":"d1"}]}])");
  EXPECT_EQ(decoded.response.message.parts[0].extras.find("x"), "1");
  const test::Decoded back =
      test::decode_stream(cohere_chat(), test::reencode_stream(cohere_chat(), body_of(events), {}), {}, {});
  EXPECT_EQ(to_json(back.response), to_json(decoded.response));
}

TEST(CohereStream, ErrorsAreFailures) {
  EXPECT_EQ(decode({kStart}).status.reason(), "stream_truncated");
  EXPECT_EQ(decode({kStart, R"({"message":"too many requests"})"}).status.message(), "too many requests");
  const test::Decoded failed =
      decode({kStart, R"({"type":"message-end","delta":{"finish_reason":"ERROR","error":"it broke"}})"});
  EXPECT_EQ(failed.status.message(), "it broke");
  EXPECT_TRUE(failed.status.retryable());
  EXPECT_FALSE(
      decode({kStart, R"({"type":"tool-call-delta","index":3,"delta":{"message":{}}})"}).status.ok());
}

TEST(CohereRequest, KeepsAllOfWhatItIsGiven) {
  const std::string body =
      R"({"model":"m","stream":true,"documents":[{"id":"d","data":{"text":"t"}},"plain"],"citation_options":{"mode":"FAST"},
      "messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"u"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw==","detail":"low"}}]},
       {"role":"assistant","tool_plan":"p","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}],"citations":[{"start":0}],
        "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
       {"role":"tool","tool_call_id":"c","content":[{"type":"document","document":{"id":"1","data":"x"}}]},
       {"role":"tool","tool_call_id":"c","content":"plain"},{"role":"assistant","content":[],"tool_plan":null,"tool_calls":[]}],
      "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}],
      "strict_tools":true,"tool_choice":"REQUIRED","response_format":{"type":"json_object","schema":{"type":"object"}},
      "safety_mode":"OFF","max_tokens":5,"stop_sequences":["x"],"temperature":0.3,"seed":4,"frequency_penalty":0.1,"k":3,"p":0.9,
      "logprobs":true,"thinking":{"type":"enabled","token_budget":500}})";
  const StatusOr<Request> request = cohere_chat().decode_request(body);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->reasoning_effort, "minimal");
  EXPECT_TRUE(request->tools[0].strict);
  EXPECT_EQ(*json::parse(body), *json::parse(*cohere_chat().encode_request(*request, {})));
}

TEST(CohereRequest, OtherDialectsAreMadeFit) {
  const StatusOr<Request> request = openai_chat().decode_request(
      R"({"model":"m","temperature":1.5,"reasoning_effort":"low","tool_choice":{"type":"function","function":{"name":"g"}},
      "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}},
      "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
      "messages":[{"role":"developer","content":"d"},{"role":"user","content":"u"},
       {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
       {"role":"tool","tool_call_id":"c","content":"r"}]})");
  const json::Value body = *json::parse(*cohere_chat().encode_request(*request, {}));
  EXPECT_EQ(body["tool_choice"].as_string(), "REQUIRED");
  EXPECT_EQ(body["tools"].as_array().size(), 1u);
  EXPECT_EQ(json::write(body["response_format"]),
            R"({"type":"json_object","json_schema":{"type":"object"}})");
  EXPECT_EQ(json::write(body["thinking"]), R"({"type":"enabled","token_budget":2048})");
  EXPECT_EQ(body["temperature"].as_double(), 1.0);
  EXPECT_EQ(body["messages"].as_array()[0]["role"].as_string(), "system");
  EXPECT_FALSE(body["messages"].as_array()[2].contains("content"));
}

}  // namespace
}  // namespace tau::wire
