// Anthropic messages: habits of servers that recordings do not show, and requests from other dialects.
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

const std::string kStart =
    R"({"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":4,"cache_creation_input_tokens":5,"output_tokens":1}}})";
const std::string kEnd =
    R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":0,"output_tokens":9}})";
const std::string kStop = R"({"type":"message_stop"})";

std::string block(int index, const std::string& content) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) + R"(,"content_block":)" +
         content + "}";
}
std::string delta(int index, const std::string& content) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" + content + "}";
}
std::string stop(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}";
}

test::Decoded decode(const std::vector<std::string>& events, const Quirks& quirks = {}) {
  return test::decode_stream(anthropic_messages(), body_of(events), quirks, {});
}

const std::string kText = R"({"type":"text","text":""})";
const std::string kTool = R"({"type":"tool_use","id":"t1","name":"f","input":{}})";

TEST(MessagesStream, AToolWithoutArgumentsHasAnEmptyObject) {
  const test::Decoded decoded =
      decode({kStart, block(0, kTool), delta(0, R"({"type":"input_json_delta","partial_json":""})"), stop(0),
              kEnd, kStop});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.message.parts[0].as<ToolCall>()->arguments, "{}");
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
}

TEST(MessagesStream, UsageHoldsAllPromptTokens) {
  const test::Decoded decoded = decode({kStart, kEnd, kStop});
  EXPECT_EQ(decoded.response.usage.input, 12);
  EXPECT_EQ(decoded.response.usage.cached_input, 4);
  EXPECT_EQ(decoded.response.usage.cache_write, 5);
  EXPECT_EQ(decoded.response.usage.output, 9);
}

TEST(MessagesStream, BlocksStandInTheOrderOfTheirIndices) {
  const test::Decoded decoded = decode({kStart, kStart, block(1, kTool), block(0, kText),
                                        delta(0, R"({"type":"text_delta","text":"a"})"),
                                        delta(1, R"({"type":"input_json_delta","partial_json":"{\"k\":1}"})"),
                                        stop(0), stop(1), kEnd, kStop, kStop});
  ASSERT_TRUE(decoded.status.ok());
  ASSERT_EQ(decoded.response.message.parts.size(), 2u);
  EXPECT_EQ(decoded.response.message.parts[0].as<Text>()->text, "a");
  EXPECT_EQ(decoded.response.message.parts[1].as<ToolCall>()->arguments, R"({"k":1})");
  EXPECT_EQ(test::event_order_error(decoded), "");
}

TEST(MessagesStream, AnIndexUsedAgainIsAnotherBlock) {
  const test::Decoded decoded = decode(
      {kStart, block(0, kText), delta(0, R"({"type":"text_delta","text":"a"})"), stop(0), block(0, kTool),
       delta(0, R"({"type":"input_json_delta","partial_json":"{}"})"), stop(0), kEnd, kStop});
  ASSERT_EQ(decoded.response.message.parts.size(), 2u);
  EXPECT_NE(decoded.response.message.parts[1].as<ToolCall>(), nullptr);
}

TEST(MessagesStream, SignaturesAreByteExactAndServerBlocksOpaque) {
  const std::string body =
      body_of({kStart, block(0, R"({"type":"thinking","thinking":"","signature":""})"),
               delta(0, R"({"type":"thinking_delta","thinking":"hm\u00e9"})"),
               delta(0, R"({"type":"signature_delta","signature":"Eq/+=="})"), stop(0),
               block(1, R"({"type":"redacted_thinking","data":"ZZ=="})"), stop(1),
               block(2, R"({"type":"server_tool_use","id":"s1","name":"web_search","input":{}})"),
               delta(2, R"({"type":"input_json_delta","partial_json":"{\"q\":\"x\"}"})"), stop(2),
               block(3, R"({"type":"text","text":"","citations":[]})"),
               delta(3, R"({"type":"citations_delta","citation":{"type":"char_location","cited_text":"y"}})"),
               delta(3, R"({"type":"text_delta","text":"t"})"), stop(3), kEnd, kStop});
  const test::Decoded decoded = test::decode_stream(anthropic_messages(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok());
  const std::vector<Part>& parts = decoded.response.message.parts;
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].as<Reasoning>()->opaque, "Eq/+==");
  EXPECT_EQ(parts[1].as<Reasoning>()->opaque, "ZZ==");
  EXPECT_EQ((*json::parse(parts[2].as<Opaque>()->json))["input"]["q"].as_string(), "x");
  EXPECT_NE(to_json(decoded.response).find("cited_text"), std::string::npos);
  const std::string again = test::reencode_stream(anthropic_messages(), body, {});
  const test::Decoded second = test::decode_stream(anthropic_messages(), again, {}, {});
  EXPECT_TRUE(*json::parse(to_json(second.response)) == *json::parse(to_json(decoded.response))) << again;
}

TEST(MessagesStream, HalvesOfACharacterMeetWithinTheirBlock) {
  const auto text = [](const char* t) {
    return delta(0, std::string(R"({"type":"text_delta","text":")") + t + "\"}");
  };
  const auto thought = [](const char* t) {
    return delta(1, std::string(R"({"type":"thinking_delta","thinking":")") + t + "\"}");
  };
  const auto input = [](const char* t) {
    return delta(2, std::string(R"({"type":"input_json_delta","partial_json":")") + t + "\"}");
  };
  const test::Decoded decoded =
      decode({kStart, block(0, kText), block(1, R"({"type":"thinking","thinking":"","signature":""})"),
              block(2, kTool), text(R"(a\ud83d)"), thought(R"(\ud83d)"), input(R"({\"x\":\"\ud83d)"),
              text(R"(\ude00)"), thought(R"(\ude01\ud83d)"), input(R"(\ude02\"})"), stop(0), stop(1), stop(2),
              kEnd, kStop});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  const std::vector<Part>& parts = decoded.response.message.parts;
  EXPECT_EQ(parts[0].as<Text>()->text, "a\xF0\x9F\x98\x80");
  EXPECT_EQ(parts[1].as<Reasoning>()->text, "\xF0\x9F\x98\x81\xEF\xBF\xBD");
  EXPECT_EQ(parts[2].as<ToolCall>()->arguments, "{\"x\":\"\xF0\x9F\x98\x82\"}");
}

TEST(MessagesStream, AHalfThatNeverMeetsIsReplacedWhenItsBlockEnds) {
  const test::Decoded decoded =
      decode({kStart, block(0, kText), delta(0, R"({"type":"text_delta","text":"a\ud83d"})"), stop(0),
              block(1, kText), delta(1, R"({"type":"text_delta","text":"\ude00"})"), kEnd, kStop});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "a\xEF\xBF\xBD\n\xEF\xBF\xBD");
}

TEST(MessagesStream, ADeltaBeforeTheStartBeginsTheStream) {
  const test::Decoded decoded =
      decode({delta(0, R"({"type":"text_delta","text":"a"})"), kStart, kEnd, kStop});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.log.front().kind, StreamEvent::Kind::kStart);
}

TEST(MessagesStream, ErrorsAndTruncationAreTyped) {
  const std::string overloaded =
      R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  EXPECT_EQ(decode({kStart, overloaded}).status.reason(), "overloaded");
  EXPECT_EQ(
      decode({kStart, R"({"type":"error","error":{"type":"api_error","message":"x"}})"}).status.reason(),
      "server_error");
  EXPECT_EQ(decode({kStart, block(0, kText)}).status.reason(), "stream_truncated");
  EXPECT_EQ(decode({kStart, kEnd}).status.reason(), "stream_truncated");
  Quirks optional;
  optional.done_mark_optional = true;
  EXPECT_TRUE(decode({kStart, kEnd}, optional).status.ok());
  EXPECT_EQ(decode({"{\"type\":"}).status.reason(), "invalid_response");
  EXPECT_TRUE(
      decode({kStart, R"({"type":"ping"})", R"({"type":"from_the_future","x":1})", kEnd, kStop}).status.ok());
}

TEST(MessagesResponse, StopReasonsAreMapped) {
  const std::pair<const char*, FinishReason> cases[] = {
      {"end_turn", FinishReason::kStop},      {"max_tokens", FinishReason::kLength},
      {"pause_turn", FinishReason::kPause},   {"refusal", FinishReason::kRefusal},
      {"tool_use", FinishReason::kToolCalls}, {"model_context_window_exceeded", FinishReason::kLength},
      {"compaction", FinishReason::kOther}};
  for (const auto& [text, reason] : cases) {
    const std::string body =
        R"({"id":"m","type":"message","role":"assistant","model":"c","content":[],"stop_reason":")" +
        std::string(text) + R"(","stop_sequence":null})";
    const StatusOr<Response> response = anthropic_messages().decode_response(body, {});
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(response->finish, reason);
    EXPECT_TRUE(*json::parse(anthropic_messages().encode_response(*response)) == *json::parse(body));
  }
}

std::string round_trip(const char* body) {
  const StatusOr<Request> request = anthropic_messages().decode_request(body);
  return request.ok() ? *anthropic_messages().encode_request(*request, {}) : request.status().to_string();
}

TEST(MessagesRequest, UnusualFormsAreRestored) {
  const char* bodies[] = {
      R"({"messages":[]})",
      R"({"model":"m","max_tokens":1,"system":"s","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]})",
      R"({"model":"m","max_tokens":1,"system":[],"messages":[{"role":"user","content":[{"type":"text","text":""}]},{"role":"assistant","content":""},{"role":"assistant"}]})",
      R"({"model":"m","max_tokens":1,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a:1"},{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"b","content":"","is_error":false}]},{"role":"system","content":"inline"}]})",
      R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"plain"},"citations":{"enabled":true}},{"type":"document","source":{"type":"content","content":[]}},{"type":"image","source":{"type":"file","file_id":"f"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"AAAA"}}]}]})",
      R"({"model":"m","max_tokens":9,"messages":[],"tools":[{"type":"custom","name":"f","input_schema":{}},{"name":"g"},{"type":"bash_20250124","name":"bash"},{"type":"mcp_toolset"}],"tool_choice":{"type":"any","disable_parallel_tool_use":false},"thinking":{"type":"enabled","budget_tokens":2000},"temperature":1.5,"stream":false,"stop_sequences":[],"metadata":{"user_id":"u"}})",
      R"({"model":"m","max_tokens":9,"messages":[],"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"thinking":{"type":"adaptive"},"tool_choice":{"type":"none"}})",
  };
  for (const char* body : bodies) {
    const StatusOr<json::Value> after = json::parse(round_trip(body));
    ASSERT_TRUE(after.ok()) << round_trip(body);
    EXPECT_TRUE(*json::parse(body) == *after) << body << "\n" << json::write(*after);
  }
}

const char* kChat = R"({"model":"m","temperature":1.7,"parallel_tool_calls":false,
  "messages":[{"role":"system","content":"one"},{"role":"user","content":"go"},
    {"role":"assistant","content":"","tool_calls":[
      {"id":"call:1","type":"function","function":{"name":"f","arguments":"{\"a\": 1.0}"}},
      {"id":"call:2","type":"function","function":{"name":"f","arguments":"oops"}}]},
    {"role":"tool","tool_call_id":"call:1","content":"r1"},{"role":"tool","tool_call_id":"call:2","content":"r2"},
    {"role":"user","content":[{"type":"text","text":"next"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
    {"role":"developer","content":"two"}],
  "tools":[{"type":"function","function":{"name":"f","parameters":{}}},{"type":"web_search"}],"logprobs":true})";

TEST(CrossDialect, AChatRequestBecomesAValidMessagesRequest) {
  const StatusOr<Request> request = openai_chat().decode_request(kChat);
  ASSERT_TRUE(request.ok());
  const std::string text = *anthropic_messages().encode_request(*request, {});
  const StatusOr<json::Value> parsed = json::parse(text);
  ASSERT_TRUE(parsed.ok()) << text;
  const json::Value& body = *parsed;
  EXPECT_EQ(body["system"].as_array().size(), 2u);
  EXPECT_GT(body["max_tokens"].as_int(), 0);
  EXPECT_EQ(body["temperature"].as_double(), 1.0);
  EXPECT_FALSE(body.contains("logprobs"));
  EXPECT_TRUE(body["tool_choice"]["disable_parallel_tool_use"].as_bool());
  EXPECT_EQ(body["tools"].size(), 1u);
  EXPECT_EQ(body["tools"].as_array()[0]["input_schema"]["type"].as_string(), "object");
  const json::Value::Array& messages = body["messages"].as_array();
  ASSERT_EQ(messages.size(), 3u) << text;
  const json::Value::Array& calls = messages[1]["content"].as_array();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["id"].as_string(), "call_1");
  EXPECT_NE(text.find(R"("input":{"a": 1.0})"), std::string::npos) << "arguments keep their bytes";
  EXPECT_TRUE(calls[1]["input"].is_object());
  const json::Value::Array& results = messages[2]["content"].as_array();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0]["tool_use_id"].as_string(), "call_1");
  EXPECT_EQ(results[1]["tool_use_id"].as_string(), "call_2");
  EXPECT_EQ(results[3]["source"]["data"].as_string(), "AAAA");
}

TEST(CrossDialect, AMessagesRequestBecomesAValidChatRequest) {
  const StatusOr<Request> request = anthropic_messages().decode_request(
      R"({"model":"m","max_tokens":5,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
          "messages":[{"role":"user","content":"q"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"x"},{"type":"tool_use","id":"a","name":"f","input":{"k":1}},{"type":"tool_use","id":"b","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"type":"tool_result","tool_use_id":"b","content":"r"},{"type":"text","text":"and"}]}],
          "tools":[{"name":"f","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"any"},"top_k":4})");
  ASSERT_TRUE(request.ok());
  const json::Value body = *json::parse(*openai_chat().encode_request(*request, {}));
  EXPECT_FALSE(body.contains("top_k"));
  EXPECT_EQ(body["tool_choice"].as_string(), "required");
  EXPECT_EQ(body["tools"].size(), 1u);
  const json::Value::Array& messages = body["messages"].as_array();
  ASSERT_EQ(messages.size(), 6u) << json::write(body);
  EXPECT_EQ(messages[0]["content"].as_string(), "s");
  EXPECT_EQ(messages[2]["tool_calls"].size(), 2u);
  EXPECT_FALSE(messages[2].contains("reasoning_content"))
      << "signed reasoning is dropped on a change of provider";
  EXPECT_EQ(messages[3]["tool_call_id"].as_string(), "a");
  EXPECT_EQ(messages[4]["content"].as_string(), "r");
  EXPECT_EQ(messages[5]["content"].size(), 2u) << "the image and the text follow the results";
}

TEST(CrossDialect, StreamsKeepTextReasoningAndCalls) {
  const std::string chat = test::chat_body(
      {test::chat_chunk(R"({"reasoning_content":"why"})"), test::chat_chunk(R"({"content":"so"})"),
       test::chat_chunk(
           R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"k\":1}"}}]})"),
       test::chat_chunk("{}", R"("tool_calls")")});
  const std::string messages = test::transcode_stream(openai_chat(), anthropic_messages(), chat, {});
  const test::Decoded decoded = test::decode_stream(anthropic_messages(), messages, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << messages;
  ASSERT_EQ(decoded.response.message.parts.size(), 3u);
  EXPECT_EQ(decoded.response.message.parts[0].as<Reasoning>()->text, "why");
  EXPECT_EQ(decoded.response.message.text(), "so");
  EXPECT_EQ(decoded.response.message.parts[2].as<ToolCall>()->arguments, R"({"k":1})");
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
  const std::string back = test::transcode_stream(anthropic_messages(), openai_chat(), messages, {});
  const test::Decoded again = test::decode_stream(openai_chat(), back, {}, {});
  ASSERT_TRUE(again.status.ok()) << back;
  EXPECT_EQ(again.response.message.text(), "so");
  EXPECT_EQ(again.response.message.parts[2].as<ToolCall>()->arguments, R"({"k":1})");
  EXPECT_EQ(again.response.finish, FinishReason::kToolCalls);
}

TEST(CrossDialect, EffortBecomesAThinkingBudgetWithinTheLimit) {
  Request request;
  request.model = "m";
  request.messages.push_back(text_message(Role::kUser, "q", {}));
  request.reasoning_effort = "high";
  request.max_tokens = 4000;
  request.temperature = 0.5;
  const json::Value body = *json::parse(*anthropic_messages().encode_request(request, {}));
  EXPECT_EQ(body["thinking"]["budget_tokens"].as_int(), 2000);
  EXPECT_EQ(body["max_tokens"].as_int(), 4000);
  EXPECT_FALSE(body.contains("temperature"));
  request.max_tokens = 100;
  EXPECT_FALSE((*json::parse(*anthropic_messages().encode_request(request, {}))).contains("thinking"));
}

// One request may go to several models: who is asked stands in the place of what the request says.
TEST(RequestTarget, ReplacesModelAndOutputLimit) {
  Request request;
  request.model = "said";
  request.max_tokens = 9;
  request.messages.push_back(text_message(Role::kUser, "x", {}));
  for (const Dialect* const dialect : {&openai_chat(), &anthropic_messages()}) {
    const json::Value as_said = *json::parse(*dialect->encode_request(request, {}));
    EXPECT_EQ(as_said["model"].as_string(), "said");
    EXPECT_EQ(as_said["max_tokens"].as_int(), 9);
    const Target target = {.model = "other", .max_tokens = 7};
    const json::Value body = *json::parse(*dialect->encode_request(request, {}, target));
    EXPECT_EQ(body["model"].as_string(), "other");
    EXPECT_EQ(body["max_tokens"].as_int(), 7);
  }
}

}  // namespace
}  // namespace tau::wire
