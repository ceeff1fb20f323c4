// Gemini: what recordings do not show, and conversations of other dialects.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

std::string body_of(const std::vector<std::string>& chunks) { return test::chat_body(chunks, false); }

test::Decoded decode(const std::vector<std::string>& chunks) {
  return test::decode_stream(gemini_generate(), body_of(chunks), {}, {});
}

// A chunk with these parts, and what its candidate says beside them.
std::string chunk(std::string_view parts, std::string_view more = "") {
  return R"({"candidates":[{"content":{"parts":[)" + std::string(parts) + R"(],"role":"model"},"index":0)" +
         std::string(more) +
         R"(}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":3,)"
         R"("thoughtsTokenCount":2,"cachedContentTokenCount":1,"totalTokenCount":9},)"
         R"("modelVersion":"g","responseId":"r"})";
}
const std::string kStop = chunk(R"({"text":""})", R"(,"finishReason":"STOP")");

json::Value encoded(const Dialect& from, std::string_view body) {
  const StatusOr<Request> request = from.decode_request(body);
  EXPECT_TRUE(request.ok()) << request.status().to_string();
  return json::parse(*gemini_generate().encode_request(*request, {})).value();
}

void expect_reencodes(const std::string& body, const test::Decoded& decoded) {
  const std::string again = test::reencode_stream(gemini_generate(), body, {});
  const test::Decoded second = test::decode_stream(gemini_generate(), again, {}, {});
  EXPECT_TRUE(*json::parse(to_json(second.response)) == *json::parse(to_json(decoded.response)))
      << again << to_json(decoded.response);
}

TEST(GeminiStream, TextOfOneKindIsOnePart) {
  const std::string body =
      body_of({chunk(R"({"text":"hm","thought":true})"), chunk(R"({"text":"m","thought":true})"),
               chunk(R"({"text":"Hel"})"), chunk(R"({"text":"lo"})"), kStop});
  const test::Decoded decoded = test::decode_stream(gemini_generate(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  ASSERT_EQ(decoded.response.message.parts.size(), 2u);
  EXPECT_EQ(decoded.response.message.parts[0].as<Reasoning>()->text, "hmm");
  EXPECT_EQ(decoded.response.message.text(), "Hello");
  EXPECT_EQ(decoded.response.id, "r");
  EXPECT_EQ(decoded.response.finish, FinishReason::kStop);
  expect_reencodes(body, decoded);
}

TEST(GeminiUsage, ThoughtsAreBesideTheCandidates) {
  const test::Decoded decoded = decode({chunk(R"({"text":"a"})"), kStop});
  EXPECT_EQ(decoded.response.usage.input, 4);
  EXPECT_EQ(decoded.response.usage.output, 5);
  EXPECT_EQ(decoded.response.usage.reasoning, 2);
  EXPECT_EQ(decoded.response.usage.cached_input, 1);
  const auto usage = [](const std::string& counts) {
    return gemini_generate()
        .decode_response(R"({"candidates":[{}],"usageMetadata":{)" + counts + "}}", {})
        ->usage;
  };
  const Usage tools = usage(
      R"("promptTokenCount":10,"candidatesTokenCount":3,"toolUsePromptTokenCount":5,"thoughtsTokenCount":2,"totalTokenCount":20)");
  EXPECT_EQ(tools.input, 15);
  EXPECT_EQ(tools.output, 5);
  const Usage within =
      usage(R"("promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":2,"totalTokenCount":15)");
  EXPECT_EQ(within.output, 5);
}

TEST(GeminiStream, SignaturesStayInTheirPlace) {
  const std::string body = body_of(
      {chunk(R"({"text":"a","thought":true,"thoughtSignature":"T/+=="})"), chunk(R"({"text":"b"})"),
       chunk(R"({"text":"c","thoughtSignature":"S/+=="})"), chunk(R"({"text":"d"})"),
       chunk(
           R"({"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"F/+=="},{"functionCall":{"name":"f","args":{}}})"),
       chunk(R"({"text":"","thoughtSignature":"E/+=="})", R"(,"finishReason":"STOP")")});
  const test::Decoded decoded = test::decode_stream(gemini_generate(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
  Request request;
  request.messages.push_back(text_message(Role::kUser, "q", {}));
  request.messages.push_back(decoded.response.message);
  const json::Value sent = json::parse(*gemini_generate().encode_request(request, {})).value();
  const json::Value expected =
      json::parse(
          R"([{"text":"a","thought":true,"thoughtSignature":"T/+=="},{"text":"bc"},{"text":"","thoughtSignature":"S/+=="},{"text":"d"},)"
          R"({"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"F/+=="},{"functionCall":{"name":"f","args":{}}},{"text":"","thoughtSignature":"E/+=="}])")
          .value();
  EXPECT_TRUE(sent["contents"].as_array().at(1)["parts"] == expected) << json::write(sent);
  expect_reencodes(body, decoded);
  // They mean nothing to another provider.
  EXPECT_EQ(anthropic_messages().encode_request(request, {})->find("T/+=="), std::string::npos);
}

TEST(GeminiStream, ArgumentsThatComeInPiecesArePutTogether) {
  const auto call = [](std::string_view members) {
    return chunk(R"({"functionCall":{)" + std::string(members) + "}}");
  };
  const std::vector<std::string> chunks = {
      call(R"("name":"f","willContinue":true)"),
      call(
          R"("partialArgs":[{"jsonPath":"$.city","stringValue":"Bos","willContinue":true}],"willContinue":true)"),
      call(
          R"("partialArgs":[{"jsonPath":"$.city","stringValue":"ton"},{"jsonPath":"$.days[0]","numberValue":3},{"jsonPath":"$['a b'].c","boolValue":true}],"willContinue":true)"),
      call(
          R"("partialArgs":[{"jsonPath":"$.days[999999999]","numberValue":3},{"jsonPath":"days"}],"willContinue":true)")};
  std::vector<std::string> whole = chunks;
  whole.push_back(call(""));
  // Some servers forget the last of them.
  for (std::vector<std::string> some : {whole, chunks}) {
    some.push_back(kStop);
    const test::Decoded decoded = decode(some);
    ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
    EXPECT_EQ(test::event_order_error(decoded), "");
    ASSERT_EQ(decoded.response.message.parts.size(), 1u);
    EXPECT_EQ(decoded.response.message.parts[0].as<ToolCall>()->arguments,
              R"({"city":"Boston","days":[3],"a b":{"c":true}})");
  }
}

TEST(GeminiStream, HalvesOfACharacterMeet) {
  const test::Decoded decoded = decode({chunk(R"({"text":"a\ud83d"})"), chunk(R"({"text":"\ude00\ud83d"})"),
                                        chunk(R"({"text":"x","thought":true})"), kStop});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(), "a\xF0\x9F\x98\x80\xEF\xBF\xBD");
}

TEST(GeminiStream, OtherCandidatesStayAsTheyCame) {
  const auto both = [](const char* a, const char* b, const char* more) {
    return format(
        R"({{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}],"role":"model"}},"index":1{}}},{{"content":{{"parts":[{{"text":"{}"}}],"role":"model"}},"index":0{}}}],"responseId":"r"}})",
        b, more, a, more);
  };
  const std::string body = body_of({both("a", "x", ""), both("b", "y", R"(,"finishReason":"STOP")")});
  const test::Decoded decoded = test::decode_stream(gemini_generate(), body, {}, {});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.message.text(), "ab");
  EXPECT_NE(to_json(decoded.response).find(R"({"text":"y"})"), std::string::npos);
  expect_reencodes(body, decoded);
}

TEST(GeminiStream, ErrorsAndTruncationAreTyped) {
  EXPECT_EQ(decode({chunk(R"({"text":"a"})"),
                    R"({"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}})"})
                .status.reason(),
            "overloaded");
  EXPECT_EQ(decode({R"({"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}})"}).status.reason(),
            "rate_limited");
  EXPECT_EQ(decode({chunk(R"({"text":"a"})")}).status.reason(), "stream_truncated");
  EXPECT_EQ(decode({}).status.reason(), "stream_truncated");
  EXPECT_EQ(decode({"{\"candidates\":"}).status.reason(), "invalid_response");
  const test::Decoded blocked = decode({R"({"promptFeedback":{"blockReason":"SAFETY"},"responseId":"r"})"});
  ASSERT_TRUE(blocked.status.ok()) << blocked.status.to_string();
  EXPECT_EQ(blocked.response.finish, FinishReason::kContentFilter);
}

TEST(GeminiResponse, FinishReasonsAndBlocksAreMapped) {
  const auto finish = [](std::string_view reason) {
    return gemini_generate()
        .decode_response(R"({"candidates":[{"finishReason":")" + std::string(reason) + R"("}]})", {})
        ->finish;
  };
  EXPECT_EQ(finish("STOP"), FinishReason::kStop);
  EXPECT_EQ(finish("MAX_TOKENS"), FinishReason::kLength);
  for (const char* reason : {"SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST"})
    EXPECT_EQ(finish(reason), FinishReason::kContentFilter) << reason;
  EXPECT_EQ(finish("MALFORMED_FUNCTION_CALL"), FinishReason::kError);
  EXPECT_EQ(finish("OTHER"), FinishReason::kOther);
  const std::string body =
      R"({"promptFeedback":{"blockReason":"BLOCKLIST"},"usageMetadata":{"promptTokenCount":3}})";
  const StatusOr<Response> blocked = gemini_generate().decode_response(body, {});
  ASSERT_TRUE(blocked.ok());
  EXPECT_EQ(blocked->finish, FinishReason::kContentFilter);
  EXPECT_EQ(blocked->finish_text, "BLOCKLIST");
  EXPECT_TRUE(*json::parse(gemini_generate().encode_response(*blocked)) == *json::parse(body));
  EXPECT_EQ(gemini_generate().decode_response("{}", {}).status().reason(), "invalid_response");
}

// What the model has no field for goes back all the same.
TEST(GeminiResponse, CandidatesThatAreNoneStayAsTheyCame) {
  for (const char* body :
       {R"({"candidates":[{"content":{"parts":[{"text":""}],"role":"model"}}],"responseId":"r"})",
        R"({"candidates":["odd",{"index":1}],"responseId":"r"})", R"({"candidates":[[{}]]})"}) {
    const StatusOr<Response> response = gemini_generate().decode_response(body, {});
    ASSERT_TRUE(response.ok()) << body;
    EXPECT_TRUE(*json::parse(gemini_generate().encode_response(*response)) == *json::parse(body)) << body;
  }
}

TEST(GeminiRequest, AFormatWithoutASchemaIsJson) {
  const json::Value request =
      encoded(openai_chat(),
              R"({"messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}})");
  EXPECT_EQ(request["generationConfig"].size(), 1u) << json::write(request);
}

TEST(GeminiError, AKeyThatIsNotOneIsTold) {
  const Status status = gemini_generate().decode_error(
      400,
      R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})");
  EXPECT_EQ(status.reason(), "authentication_failed");
  const Status busy = gemini_generate().decode_error(
      429,
      R"({"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}})");
  EXPECT_EQ(busy.retry_after_ms(), 34'400);
  const StatusOr<json::Value> body = json::parse(gemini_generate().encode_error(busy));
  EXPECT_EQ((*body)["error"]["code"].as_int(), 429);
  EXPECT_EQ((*body)["error"]["status"].as_string(), "RESOURCE_EXHAUSTED");
}

TEST(GeminiRequest, ResultsAnswerTheCallsOfTheirNameInOrder) {
  const std::string body =
      R"({"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"g","args":{}}},{"functionCall":{"name":"f","args":{"n":2}}}]},)"
      R"({"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"one"}}},{"functionResponse":{"name":"g","response":{"error":"bad"}}},{"functionResponse":{"name":"f","response":{"a":[1]}}}]}]})";
  const StatusOr<Request> request = gemini_generate().decode_request(body);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  const std::vector<Part>& calls = request->messages.at(1).parts;
  const std::vector<Part>& results = request->messages.at(2).parts;
  EXPECT_EQ(request->messages[2].role, Role::kTool);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(results[i].as<ToolResult>()->call_id, calls[i].as<ToolCall>()->id);
  EXPECT_NE(calls[0].as<ToolCall>()->id, calls[2].as<ToolCall>()->id);
  EXPECT_TRUE(results[1].as<ToolResult>()->is_error);
  EXPECT_EQ(results[2].as<ToolResult>()->content.at(0).as<Text>()->text, R"({"a":[1]})");
  EXPECT_TRUE(encoded(gemini_generate(), body) == *json::parse(body));
}

TEST(GeminiRequest, MembersInSnakeCaseStaySo) {
  const std::string body =
      R"({"system_instruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"AAEC"}},{"file_data":{"file_uri":"https://h/f","mime_type":"application/pdf"}}]}],)"
      R"("generation_config":{"max_output_tokens":5,"top_p":0.5,"stop_sequences":["x"],"response_mime_type":"application/json","response_schema":{"type":"OBJECT","properties":{"a":{"type":"STRING"}}},"thinking_config":{"thinkingBudget":0}},)"
      R"("tools":[{"function_declarations":[{"name":"f"}]}],"tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":["f"]}}})";
  const StatusOr<Request> request = gemini_generate().decode_request(body);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_EQ(request->messages.at(0).role, Role::kSystem);
  EXPECT_EQ(request->messages.at(1).parts.at(0).as<Media>()->mime, "image/png");
  EXPECT_EQ(request->max_tokens, 5);
  EXPECT_EQ(request->tool_choice.name, "f");
  EXPECT_EQ(request->reasoning_effort, "none");
  EXPECT_EQ(request->response_format.schema, R"({"type":"object","properties":{"a":{"type":"string"}}})");
  EXPECT_TRUE(encoded(gemini_generate(), body) == *json::parse(body))
      << json::write(encoded(gemini_generate(), body));
}

TEST(GeminiRequest, AConversationOfAnotherDialectFits) {
  const json::Value request = encoded(
      anthropic_messages(),
      R"({"model":"gemini-3-pro","system":"s","max_tokens":9,"messages":[{"role":"user","content":"q"},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"two"},{"type":"tool_result","tool_use_id":"a","is_error":true,"content":[{"type":"text","text":"one"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAEC"}}]}]},)"
      R"({"role":"user","content":"more"}],"thinking":{"type":"enabled","budget_tokens":2048},"tool_choice":{"type":"any"},)"
      R"("tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{"type":"integer"}}}},{"name":"g","input_schema":{"type":"object","properties":{}}},)"
      R"({"name":"h","input_schema":{"type":"object","properties":{"x":{"oneOf":[{"type":"string"}]}}}},{"type":"web_search_1","name":"web_search"}]})");
  EXPECT_EQ(request["systemInstruction"]["parts"].as_array().at(0)["text"].as_string(), "s");
  const json::Value::Array& contents = request["contents"].as_array();
  ASSERT_EQ(contents.size(), 3u) << json::write(request);
  const json::Value::Array& calls = contents[1]["parts"].as_array();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_FALSE(calls[0]["functionCall"].contains("id"));
  EXPECT_FALSE(calls[0]["thoughtSignature"].as_string().empty());
  EXPECT_FALSE(calls[1].contains("thoughtSignature"));
  const json::Value::Array& results = contents[2]["parts"].as_array();
  ASSERT_EQ(results.size(), 4u) << json::write(request);
  EXPECT_EQ(results[0]["functionResponse"]["response"]["error"].as_string(), "one");
  EXPECT_EQ(results[1]["functionResponse"]["name"].as_string(), "g");
  EXPECT_EQ(results[2]["text"].as_string(), "more");
  EXPECT_EQ(results[3]["inlineData"]["mimeType"].as_string(), "image/png");
  const json::Value::Array& tools = request["tools"].as_array().at(0)["functionDeclarations"].as_array();
  ASSERT_EQ(tools.size(), 3u);
  EXPECT_TRUE(tools[0].contains("parameters"));
  EXPECT_EQ(tools[1].size(), 1u);
  EXPECT_TRUE(tools[2].contains("parametersJsonSchema"));
  EXPECT_EQ(request["toolConfig"]["functionCallingConfig"]["mode"].as_string(), "ANY");
  EXPECT_EQ(request["generationConfig"]["thinkingConfig"]["thinkingBudget"].as_int(), 2048);
}

TEST(GeminiRequest, WhatIsNotOneIsRefused) {
  for (const char* body : {R"({"messages":[]})", R"({"contents":[{"role":"system","parts":[]}]})",
                           R"({"contents":[7]})", R"({"contents":[],"tools":[7]})"})
    EXPECT_EQ(gemini_generate().decode_request(body).status().reason(), "invalid_request") << body;
}

}  // namespace
}  // namespace tau::wire
