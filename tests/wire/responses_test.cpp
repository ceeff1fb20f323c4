// OpenAI Responses: what recordings do not show, and conversations of other dialects.
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

test::Decoded decode(const std::vector<std::string>& events, const Quirks& quirks = {}) {
  return test::decode_stream(openai_responses(), body_of(events), quirks, {});
}

std::string event(std::string_view type, std::string_view members) {
  return R"({"type":"response.)" + std::string(type) + R"(","sequence_number":1,)" + std::string(members) +
         "}";
}

std::string ended(std::string_view output, std::string_view status = "completed") {
  return event(status, R"("response":{"id":"r1","object":"response","created_at":7,"model":"m","status":")" +
                           std::string(status) + R"(","output":)" + std::string(output) +
                           R"(,"usage":{"input_tokens":5,"output_tokens":4,"total_tokens":9,)"
                           R"("input_tokens_details":{"cached_tokens":3},)"
                           R"("output_tokens_details":{"reasoning_tokens":2}}})");
}

const std::string kCreated = event(
    "created", R"("response":{"id":"r1","created_at":7,"model":"m","status":"in_progress","output":[]})");
const std::string kMessage = event(
    "output_item.added",
    R"("output_index":0,"item":{"type":"message","id":"m1","status":"in_progress","role":"assistant","content":[]})");

std::string text_delta(std::string_view text, int output = 0, int content = 0) {
  return event("output_text.delta", R"("item_id":"m1","output_index":)" + std::to_string(output) +
                                        R"(,"content_index":)" + std::to_string(content) + R"(,"delta":")" +
                                        std::string(text) + '"');
}

json::Value encoded(const Dialect& from, std::string_view body) {
  const StatusOr<Request> request = from.decode_request(body);
  EXPECT_TRUE(request.ok()) << request.status().to_string();
  return json::parse(*openai_responses().encode_request(*request, {})).value();
}

TEST(ResponsesStream, HoldsTextUsageAndTheItemsOwnMembers) {
  const test::Decoded decoded = decode(
      {kCreated, kMessage, text_delta("Hel"), text_delta("lo"),
       event(
           "output_item.done",
           R"("output_index":0,"item":{"type":"message","id":"m1","status":"completed","role":"assistant",)"
           R"("phase":"final_answer","content":[{"type":"output_text","text":"Hello!","annotations":[{"a":1}]}]})"),
       ended("[]")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "Hello!");
  EXPECT_EQ(decoded.response.finish, FinishReason::kStop);
  EXPECT_EQ(decoded.response.usage.input, 5);
  EXPECT_EQ(decoded.response.usage.cached_input, 3);
  EXPECT_EQ(decoded.response.usage.reasoning, 2);
  EXPECT_EQ(decoded.response.created, 7);
  const std::string again = openai_responses().encode_response(decoded.response);
  EXPECT_NE(again.find(R"("phase":"final_answer")"), std::string::npos) << again;
  EXPECT_NE(again.find(R"("annotations":[{"a":1}])"), std::string::npos) << again;
}

TEST(ResponsesStream, CallsThatInterleaveKeepTheirArguments) {
  const auto added = [](int output, const char* id) {
    return event("output_item.added", R"("output_index":)" + std::to_string(output) +
                                          R"(,"item":{"type":"function_call","id":"fc","call_id":")" + id +
                                          R"(","name":"f","arguments":"","status":"in_progress"})");
  };
  const auto piece = [](int output, const char* text) {
    return event("function_call_arguments.delta",
                 R"("output_index":)" + std::to_string(output) + R"(,"item_id":"fc","delta":")" + text + '"');
  };
  const test::Decoded decoded =
      decode({kCreated, added(0, "a"), added(1, "b"), added(2, "c"), piece(1, R"({\"x\":)"), piece(0, "{"),
              piece(1, "2}"), event("function_call_arguments.done", R"("output_index":0,"arguments":"{}")"),
              ended("[]")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  const std::vector<Part>& parts = decoded.response.message.parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].as<ToolCall>()->arguments, "{}");
  EXPECT_EQ(parts[1].as<ToolCall>()->arguments, R"({"x":2})");
  EXPECT_EQ(parts[2].as<ToolCall>()->arguments, "{}");
  EXPECT_EQ(parts[1].as<ToolCall>()->id, "b");
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
}

TEST(ResponsesStream, ReasoningHasItsSummariesAndWhatIsEncrypted) {
  const auto summary = [](int index, const char* text) {
    return event("reasoning_summary_text.delta", R"("item_id":"rs","output_index":0,"summary_index":)" +
                                                     std::to_string(index) + R"(,"delta":")" + text + '"');
  };
  const std::string item =
      R"({"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"b64=="})";
  const std::string body = body_of(
      {kCreated,
       event("output_item.added", R"("output_index":0,"item":{"type":"reasoning","id":"rs","summary":[]})"),
       summary(0, "o"), summary(0, "ne"), summary(1, "two"),
       event("output_item.done", R"("output_index":0,"item":)" + item), ended("[" + item + "]")});
  const test::Decoded decoded = test::decode_stream(openai_responses(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  const auto& reasoning = *decoded.response.message.parts.at(0).as<Reasoning>();
  EXPECT_EQ(reasoning.text, "one\n\ntwo");
  EXPECT_EQ(reasoning.opaque, "b64==");
  std::string streamed;
  for (const test::Logged& logged : decoded.log)
    if (logged.kind == StreamEvent::Kind::kReasoning) streamed += logged.text;
  EXPECT_EQ(streamed, reasoning.text);
  const std::string again = test::reencode_stream(openai_responses(), body, {});
  const test::Decoded second = test::decode_stream(openai_responses(), again, {}, {});
  EXPECT_TRUE(*json::parse(to_json(second.response)) == *json::parse(to_json(decoded.response))) << again;
}

TEST(ResponsesStream, RefusalsAreTextWithTheirOwnReason) {
  const std::string body = body_of(
      {kCreated, kMessage,
       event("refusal.delta", R"("item_id":"m1","output_index":0,"content_index":0,"delta":"I can")"),
       event("refusal.delta", R"("item_id":"m1","output_index":0,"content_index":0,"delta":"not.")"),
       event("refusal.done", R"("item_id":"m1","output_index":0,"content_index":0,"refusal":"I cannot.")"),
       ended(R"([{"type":"message","id":"m1","status":"completed","role":"assistant",)"
             R"("content":[{"type":"refusal","refusal":"I cannot."}]}])")});
  const test::Decoded decoded = test::decode_stream(openai_responses(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "I cannot.");
  EXPECT_EQ(decoded.response.finish, FinishReason::kRefusal);
  const std::string again = test::reencode_stream(openai_responses(), body, {});
  EXPECT_NE(again.find("response.refusal.delta"), std::string::npos);
}

TEST(ResponsesStream, FreeTextOfACustomToolIsAMemberOfItsArguments) {
  const std::string body = body_of(
      {kCreated,
       event(
           "output_item.added",
           R"("output_index":0,"item":{"type":"custom_tool_call","id":"c1","call_id":"k1","name":"patch","input":""})"),
       event("custom_tool_call_input.delta", R"("output_index":0,"item_id":"c1","delta":"a \"q")"),
       event("custom_tool_call_input.delta", R"("output_index":0,"item_id":"c1","delta":"\"\nb")"),
       event(
           "output_item.done",
           R"("output_index":0,"item":{"type":"custom_tool_call","id":"c1","call_id":"k1","name":"patch","input":"a \"q\"\nb"})"),
       ended("[]")});
  const test::Decoded decoded = test::decode_stream(openai_responses(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  const std::string arguments = decoded.response.message.parts.at(0).as<ToolCall>()->arguments;
  EXPECT_EQ((*json::parse(arguments))["input"].as_string(), "a \"q\"\nb");
  const test::Decoded again =
      test::decode_stream(openai_responses(), test::reencode_stream(openai_responses(), body, {}), {}, {});
  EXPECT_TRUE(*json::parse(to_json(again.response)) == *json::parse(to_json(decoded.response)));
}

TEST(ResponsesStream, HalvesOfACharacterMeetWithinTheirPart) {
  const test::Decoded decoded = decode({kCreated, kMessage, text_delta(R"(a\ud83d)"),
                                        text_delta(R"(\ud83d)", 0, 1), text_delta(R"(\ude00)"), ended("[]")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "a\xF0\x9F\x98\x80\n\xEF\xBF\xBD");
}

TEST(ResponsesStream, ServersThatNumberNothingAreRead) {
  const test::Decoded decoded = decode(
      {kCreated,
       event("output_item.added", R"("item":{"type":"message","id":"a","role":"assistant","content":[]})"),
       event("output_text.delta", R"("item_id":"a","delta":"one")"),
       event("output_item.added",
             R"("item":{"type":"function_call","id":"b","call_id":"k","name":"f","arguments":""})"),
       event("function_call_arguments.delta", R"("item_id":"b","delta":"{}")"),
       event(
           "output_item.done",
           R"("item":{"type":"message","id":"a","role":"assistant","content":[{"type":"output_text","text":"one"}]})"),
       event("output_item.done",
             R"("item":{"type":"function_call","id":"b","call_id":"k","name":"f","arguments":"{}"})"),
       ended("[]")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  ASSERT_EQ(decoded.response.message.parts.size(), 2u);
  EXPECT_EQ(decoded.response.message.text(), "one");
}

TEST(ResponsesStream, WhatWasToldStaysWhateverTheEndSays) {
  const test::Decoded decoded = decode(
      {kCreated, kMessage, text_delta("told"),
       ended(
           R"([{"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"other"}]}])")});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "told");
}

TEST(ResponsesStream, ItemsThatOnlyTheEndNamesAreTold) {
  const test::Decoded decoded = decode(
      {kCreated,
       ended(
           R"([{"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"late"}]},)"
           R"({"type":"web_search_call","id":"w","status":"completed"}])")});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "late");
  EXPECT_EQ(decoded.response.message.parts.at(1).as<Opaque>()->type, "web_search_call");
}

TEST(ResponsesStream, ErrorsAndTruncationAreTyped) {
  EXPECT_EQ(decode({kCreated, R"({"type":"error","code":"server_is_overloaded","message":"m","param":null})"})
                .status.reason(),
            "overloaded");
  EXPECT_EQ(
      decode({kCreated,
              R"({"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"m"}})"})
          .status.reason(),
      "rate_limited");
  EXPECT_EQ(decode({kCreated,
                    event("failed",
                          R"("response":{"status":"failed","error":{"code":"server_error","message":"m"}})")})
                .status.reason(),
            "server_error");
  EXPECT_FALSE(
      decode({kCreated, event("failed", R"("response":{"status":"failed","error":null})")}).status.ok());
  EXPECT_EQ(decode({kCreated, kMessage, text_delta("a")}).status.reason(), "stream_truncated");
  EXPECT_EQ(decode({"{\"type\":"}).status.reason(), "invalid_response");
  EXPECT_EQ(decode({}).status.reason(), "stream_truncated");
  const std::string done = event(
      "output_item.done",
      R"("output_index":0,"item":{"type":"message","id":"m1","role":"assistant","content":[{"type":"output_text","text":"a"}]})");
  Quirks optional;
  optional.done_mark_optional = true;
  EXPECT_TRUE(decode({kCreated, kMessage, text_delta("a"), done}, optional).status.ok());
  EXPECT_EQ(decode({kCreated, kMessage, text_delta("a")}, optional).status.reason(), "stream_truncated");
  EXPECT_TRUE(decode({kCreated, R"({"type":"response.from_the_future","x":1})", ended("[]")}).status.ok());
}

TEST(ResponsesResponse, StatusesAreMapped) {
  const auto finish = [](const char* members) {
    const StatusOr<Response> response =
        openai_responses().decode_response(R"({"id":"r","output":[],)" + std::string(members) + "}", {});
    return response.ok() ? response->finish : FinishReason::kError;
  };
  EXPECT_EQ(finish(R"("status":"completed")"), FinishReason::kStop);
  EXPECT_EQ(finish(R"("status":"incomplete","incomplete_details":{"reason":"max_output_tokens"})"),
            FinishReason::kLength);
  EXPECT_EQ(finish(R"("status":"incomplete","incomplete_details":{"reason":"content_filter"})"),
            FinishReason::kContentFilter);
  EXPECT_EQ(finish(R"("status":"cancelled")"), FinishReason::kOther);
  EXPECT_EQ(
      openai_responses()
          .decode_response(
              R"({"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"m"}})", {})
          .status()
          .reason(),
      "rate_limited");
  EXPECT_EQ(openai_responses().decode_response("{}", {}).status().reason(), "invalid_response");
}

TEST(ResponsesRequest, ItemsOfOneTurnAreOneMessage) {
  const std::string body =
      R"({"model":"m","instructions":"be brief","previous_response_id":"p","store":false,"include":["reasoning.encrypted_content"],"input":[)"
      R"({"role":"user","content":[{"type":"input_text","text":"q"},{"type":"input_image","image_url":"data:image/png;base64,AAEC","detail":"low"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AAEC"},{"type":"input_audio","input_audio":{"data":"AAEC","format":"wav"}}]},)"
      R"({"type":"reasoning","id":"rs","summary":[],"encrypted_content":"e"},)"
      R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},)"
      R"({"type":"function_call","call_id":"k","name":"f","arguments":"{}"},)"
      R"({"type":"function_call_output","call_id":"k","output":[{"type":"input_text","text":"r"}]},)"
      R"({"type":"item_reference","id":"x"}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},)"
      R"({"type":"web_search"},{"type":"custom","name":"c","format":{"type":"text"}}],"tool_choice":{"type":"function","name":"f"}})";
  const StatusOr<Request> request = openai_responses().decode_request(body);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  ASSERT_EQ(request->messages.size(), 5u);
  EXPECT_EQ(request->messages[0].role, Role::kSystem);
  EXPECT_EQ(request->messages[1].parts.at(1).as<Media>()->data, std::string("\0\1\2", 3));
  EXPECT_EQ(request->messages[1].parts.at(3).as<Media>()->mime, "audio/wav");
  EXPECT_EQ(request->messages[2].parts.size(), 3u);
  EXPECT_EQ(request->messages[3].role, Role::kTool);
  EXPECT_EQ(request->messages[3].labels, Labels::tool("f"));
  EXPECT_EQ(request->tool_choice.name, "f");
  EXPECT_TRUE(encoded(openai_responses(), body) == *json::parse(body));
  // The same conversation for another API.
  const StatusOr<json::Value> chat = json::parse(*openai_chat().encode_request(*request, {}));
  EXPECT_EQ((*chat)["messages"].as_array().at(2)["tool_calls"].size(), 1u);
  EXPECT_EQ((*chat)["tools"].size(), 2u);
}

TEST(ResponsesRequest, AConversationOfAnotherDialectIsSentWhole) {
  const json::Value request = encoded(
      openai_chat(),
      R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"k","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"k","content":"r"}],"max_tokens":99,"reasoning_effort":"low","stop":["x"],)"
      R"("tools":[{"type":"function","function":{"name":"f"}}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}})");
  EXPECT_EQ(request["instructions"].as_string(), "s");
  const json::Value::Array& input = request["input"].as_array();
  ASSERT_EQ(input.size(), 3u);
  EXPECT_EQ(input[1]["call_id"].as_string(), "k");
  EXPECT_FALSE(input[1].contains("id"));
  EXPECT_EQ(input[2]["output"].as_string(), "r");
  EXPECT_EQ(request["max_output_tokens"].as_int(), 99);
  EXPECT_EQ(request["store"].as_bool(true), false);
  EXPECT_EQ(request["include"].as_array().at(0).as_string(), "reasoning.encrypted_content");
  EXPECT_EQ(request["text"]["format"]["name"].as_string(), "n");
  EXPECT_EQ(request["tools"].as_array().at(0)["strict"].as_bool(true), false);
  EXPECT_FALSE(request.contains("stop"));
}

// Without a stored response an id names nothing, and reasoning goes back encrypted or not at all.
TEST(ResponsesRequest, AnAnswerGoesBackWithoutTheServersIds) {
  const StatusOr<Response> answer = openai_responses().decode_response(
      R"({"id":"r","object":"response","created_at":1,"model":"m","status":"completed","output":[)"
      R"({"type":"reasoning","id":"rs1","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"e","status":"completed"},)"
      R"({"type":"reasoning","id":"rs2","summary":[]},)"
      R"({"type":"message","id":"m1","status":"completed","phase":"commentary","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[{"x":1}],"logprobs":[]}]},)"
      R"({"type":"function_call","id":"fc1","status":"completed","call_id":"k","name":"f","arguments":""}]})",
      {});
  ASSERT_TRUE(answer.ok());
  Request request;
  request.model = "m";
  request.messages.push_back(text_message(Role::kUser, "q", {}));
  request.messages.push_back(answer->message);
  const json::Value sent = json::parse(*openai_responses().encode_request(request, {})).value();
  const json::Value::Array& input = sent["input"].as_array();
  ASSERT_EQ(input.size(), 4u);
  EXPECT_TRUE(
      input[1] ==
      *json::parse(
          R"({"type":"reasoning","id":"rs1","summary":[{"type":"summary_text","text":"t"}],"encrypted_content":"e"})"))
      << json::write(input[1]);
  EXPECT_TRUE(
      input[2] ==
      *json::parse(
          R"({"type":"message","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"a"}]})"))
      << json::write(input[2]);
  EXPECT_FALSE(input[3].contains("id"));
  // Another provider cannot check what this one encrypted.
  const std::string other = *anthropic_messages().encode_request(request, {});
  EXPECT_EQ(other.find("redacted_thinking"), std::string::npos) << other;
}

TEST(ResponsesRequest, WhatIsNotOneIsRefused) {
  for (const char* body :
       {R"({"model":"m","messages":[]})", R"({"model":7,"input":"a"})", R"({"input":7})", R"({"input":[7]})",
        R"({"input":[{"role":"robot","content":"a"}]})", R"({"input":"a","tools":[7]})"})
    EXPECT_EQ(openai_responses().decode_request(body).status().reason(), "invalid_request") << body;
}

TEST(ResponsesResponse, OfAnotherDialectHasWhatTheSchemaDemands) {
  const StatusOr<Response> response = openai_chat().decode_response(
      R"({"id":"c","object":"chat.completion","created":3,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a","tool_calls":[{"id":"k","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})",
      {});
  const json::Value out = json::parse(openai_responses().encode_response(*response)).value();
  EXPECT_EQ(out["status"].as_string(), "incomplete");
  EXPECT_EQ(out["incomplete_details"]["reason"].as_string(), "max_output_tokens");
  EXPECT_EQ(out["output"].as_array().at(0)["id"].as_string(), "msg_c_0");
  EXPECT_EQ(out["output"].as_array().at(1)["id"].as_string(), "fc_c_1");
  EXPECT_EQ(out["usage"]["input_tokens_details"]["cached_tokens"].as_int(-1), 0);
  for (const char* key :
       {"error", "instructions", "metadata", "parallel_tool_calls", "text", "tools", "truncation"})
    EXPECT_TRUE(out.contains(key)) << key;
}

}  // namespace
}  // namespace tau::wire
