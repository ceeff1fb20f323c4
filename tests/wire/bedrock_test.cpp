// Bedrock Converse: habits of the API that recordings do not show, and requests from other dialects.
#include <gtest/gtest.h>

#include "stream_support.h"
#include "wire/event_stream.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

using Type = EventHeader::Type;

std::string event(std::string_view type, std::string_view payload) {
  std::string out;
  append_event_message(out,
                       {{":event-type", Type::kString, type},
                        {":content-type", Type::kString, "application/json"},
                        {":message-type", Type::kString, "event"}},
                       payload);
  return out;
}
std::string delta(int index, std::string_view content) {
  return event("contentBlockDelta", R"({"contentBlockIndex":)" + std::to_string(index) + R"(,"delta":)" +
                                        std::string(content) + "}");
}
std::string stop(int index) {
  return event("contentBlockStop", R"({"contentBlockIndex":)" + std::to_string(index) + "}");
}
const std::string kStart = event("messageStart", R"({"role":"assistant","p":"abc"})");
const std::string kStop = event("messageStop", R"({"stopReason":"end_turn"})");
const std::string kMetadata = event(
    "metadata",
    R"({"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":12,"cacheReadInputTokens":5,"cacheWriteInputTokens":2},"metrics":{"latencyMs":1}})");

test::Decoded decode(const std::string& body) {
  return test::decode_stream(bedrock_converse(), body, {}, {});
}

TEST(ConverseStream, ABlockNeedsNeitherStartNorStop) {
  const test::Decoded decoded =
      decode(kStart + delta(0, R"({"text":"a"})") + delta(1, R"({"text":"b"})") + kStop + kMetadata);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(decoded.response.message.parts.size(), 2u);
  EXPECT_EQ(test::event_order_error(decoded), "");
}

TEST(ConverseStream, OneIndexMayServeBlocksOfSeveralKinds) {
  const test::Decoded decoded =
      decode(kStart + delta(0, R"({"reasoningContent":{"text":"hm"}})") +
             delta(0, R"({"reasoningContent":{"signature":"sig"}})") + delta(0, R"({"text":"hello"})") +
             event("contentBlockStart",
                   R"({"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"f"}}})") +
             delta(0, R"({"toolUse":{"input":"{\"a\""}})") + delta(0, R"({"toolUse":{"input":":1}"}})") +
             stop(0) + event("messageStop", R"({"stopReason":"tool_use"})") + kMetadata);
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  const std::vector<Part>& parts = decoded.response.message.parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].as<Reasoning>()->opaque, "sig");
  EXPECT_EQ(parts[0].as<Reasoning>()->form, Reasoning::Form::kSignature);
  EXPECT_EQ(parts[1].as<Text>()->text, "hello");
  EXPECT_EQ(parts[2].as<ToolCall>()->arguments, R"({"a":1})");
  EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
  EXPECT_EQ(test::event_order_error(decoded), "");
}

TEST(ConverseStream, CountsHoldAllPromptTokensAndAreNotErased) {
  const test::Decoded decoded = decode(kStart + delta(0, R"({"text":"a"})") + kMetadata + kStop +
                                       event("metadata", R"({"metrics":{"latencyMs":2}})"));
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(decoded.response.usage.input, 10);
  EXPECT_EQ(decoded.response.usage.cached_input, 5);
  EXPECT_EQ(decoded.response.usage.cache_write, 2);
  EXPECT_EQ(decoded.response.usage.output, 2);
}

TEST(ConverseStream, WithoutMetadataTheAnswerIsWholeWithoutMessageStopItIsNot) {
  EXPECT_TRUE(decode(kStart + delta(0, R"({"text":"a"})") + kStop).status.ok());
  EXPECT_EQ(decode(kStart + delta(0, R"({"text":"a"})") + stop(0)).status.reason(), "stream_truncated");
}

TEST(ConverseStream, BlocksThatNeverEndAreBounded) {
  constexpr int kBlocks = 20'000;
  std::string body = kStart;
  for (int i = 0; i < kBlocks; ++i) body += delta(i, R"({"text":"a"})");
  const test::Decoded decoded = decode(body + kStop + kMetadata);
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.message.parts.size(), size_t{kBlocks});
}

TEST(ConverseStream, RedactedThinkingComesTogetherFromItsBytes) {
  const test::Decoded decoded =
      decode(kStart + delta(0, R"({"reasoningContent":{"redactedContent":"YQ=="}})") +
             delta(0, R"({"reasoningContent":{"redactedContent":"YmM="}})") + stop(0) + kStop + kMetadata);
  ASSERT_TRUE(decoded.status.ok());
  const auto* reasoning = decoded.response.message.parts[0].as<Reasoning>();
  EXPECT_EQ(reasoning->form, Reasoning::Form::kRedacted);
  EXPECT_EQ(reasoning->opaque, "YWJj");
  const std::string again = test::reencode_stream(
      bedrock_converse(),
      kStart + delta(0, R"({"reasoningContent":{"redactedContent":"YWJj"}})") + kStop + kMetadata, {});
  EXPECT_EQ(decode(again).response.message.parts[0].as<Reasoning>()->opaque, "YWJj");
}

TEST(ConverseStream, ExceptionsAreTypedByTheirName) {
  const auto failure = [](std::string_view name, std::string_view kind) {
    std::string bytes = kStart + delta(0, R"({"text":"so far"})");
    const bool error = kind == "error";
    append_event_message(bytes,
                         {{error ? ":error-code" : ":exception-type", Type::kString, name},
                          {":error-message", Type::kString, "try later"},
                          {":message-type", Type::kString, kind}},
                         error ? "" : R"({"message":"try later"})");
    const test::Decoded decoded = decode(bytes);
    EXPECT_EQ(decoded.response.message.text(), "so far");
    EXPECT_NE(decoded.status.message().find("try later"), std::string::npos) << name;
    return std::string(decoded.status.reason()) + (decoded.status.retryable() ? "+" : "-");
  };
  EXPECT_EQ(failure("throttlingException", "exception"), "rate_limited+");
  EXPECT_EQ(failure("serviceUnavailableException", "exception"), "server_error+");
  EXPECT_EQ(failure("internalServerException", "exception"), "server_error+");
  EXPECT_EQ(failure("modelStreamErrorException", "exception"), "provider_error+");
  EXPECT_EQ(failure("validationException", "exception"), "invalid_request-");
  EXPECT_EQ(failure("InternalServerError", "error"), "server_error+");
}

TEST(ConverseStream, CitationsStayWithTheirText) {
  const std::string body =
      kStart + delta(0, R"({"text":"Paris"})") +
      delta(0, R"({"citation":{"title":"Atlas","sourceContent":[{"text":"Paris is"}]}})") + stop(0) + kStop +
      kMetadata;
  const test::Decoded decoded = decode(body);
  ASSERT_TRUE(decoded.status.ok());
  const std::string whole = bedrock_converse().encode_response(decoded.response);
  EXPECT_NE(whole.find(R"({"citationsContent":{"content":[{"text":"Paris"}],"citations":[{"title":"Atlas")"),
            std::string::npos)
      << whole;
  const test::Decoded again = decode(test::reencode_stream(bedrock_converse(), body, {}));
  EXPECT_EQ(to_json(again.response), to_json(decoded.response));
}

void expect_same(std::string_view body) {
  const StatusOr<Request> request = bedrock_converse().decode_request(body);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  const StatusOr<std::string> encoded = bedrock_converse().encode_request(*request, {});
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(*json::parse(body), *json::parse(*encoded)) << *encoded;
  const StatusOr<Request> neutral = request_from_json(to_json(*request));
  ASSERT_TRUE(neutral.ok());
  EXPECT_EQ(*bedrock_converse().encode_request(*neutral, {}), *encoded);
}

TEST(ConverseRequest, KeepsAllOfWhatItIsGiven) {
  expect_same(
      R"({"system":[{"text":"s"},{"cachePoint":{"type":"default","ttl":"1h"}},{"image":{"format":"png"}}],
    "messages":[{"role":"user","content":[
      {"text":"t","x":1},{"text":" "},
      {"image":{"format":"jpeg","source":{"bytes":"/9j/4A=="}}},
      {"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k","bucketOwner":"1"}}}},
      {"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k"}},"error":{"message":"m"}}},
      {"document":{"format":"pdf","name":"a b","source":{"bytes":"JVBERg=="},"citations":{"enabled":true},"context":"c"}},
      {"document":{"name":"n","source":{"text":"plain"}}},
      {"document":{"format":"odd","name":"n","source":{"bytes":"JVBERg=="}}},
      {"video":{"format":"mp4","source":{"bytes":"AAAA"}}},
      {"audio":{"format":"wav","source":{"bytes":"UklGRg=="}}},
      {"guardContent":{"text":{"text":"g"}}},{"cachePoint":{"type":"default"}}]},
     {"role":"assistant","content":[
      {"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln","x":true}}},
      {"reasoningContent":{"reasoningText":{"text":"no signature"}}},
      {"reasoningContent":{"redactedContent":"cmVk"}},
      {"citationsContent":{"content":[{"text":"a"}],"citations":[{"title":"t"}],"x":0}},
      {"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[]}},
      {"toolUse":{"toolUseId":"t 1","name":"f","input":{"a":[1,2.5]},"type":"server_tool_use"}}]},
     {"role":"user","content":[{"toolResult":{"toolUseId":"t 1","status":"success","content":[{"json":{"b":[1]}},{"text":"x"},
        {"image":{"format":"png","source":{"bytes":"iVBORw=="}}},{"json":null}]}},
      {"toolResult":{"toolUseId":"t2","status":"error","content":[]}},{"toolResult":{"toolUseId":"t3"}}]},
     {"role":"user","content":[{"text":"apart"}],"x":[]}],
    "inferenceConfig":{"maxTokens":10,"temperature":0.5,"topP":1,"stopSequences":["a"],"x":1},
    "toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object"}},"strict":true,"y":1}},
      {"toolSpec":{"name":"g"}},{"cachePoint":{"type":"default"}},{"systemTool":{"name":"nova_grounding"}}],
      "toolChoice":{"tool":{"name":"f"}},"z":0},
    "additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000},"top_k":5},
    "additionalModelResponseFieldPaths":["/a"],"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"},
    "outputConfig":{"effort":"high","textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\": \"object\"}","name":"n","description":"d"}}}},
    "requestMetadata":{"k":"v"},"performanceConfig":{"latency":"optimized"}})");
}

Request foreign(std::string_view chat) { return *openai_chat().decode_request(chat); }

TEST(ConverseRequest, OtherDialectsAreMadeFit) {
  const Request request =
      foreign(R"({"model":"anthropic.claude-x","max_tokens":9000,"reasoning_effort":"low","temperature":1.5,
    "messages":[{"role":"system","content":"be brief"},{"role":"user","content":"  "},{"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,/9j/4A=="}},
      {"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]},
     {"role":"assistant","content":null,"tool_calls":[{"id":"call/1","type":"function","function":{"name":"f","arguments":"not json"}}]},
     {"role":"tool","tool_call_id":"call/1","content":""}]})");
  const json::Value body = *json::parse(*bedrock_converse().encode_request(request, {}));
  EXPECT_EQ(json::write(body["system"]), R"([{"text":"be brief"}])");
  const json::Value::Array& messages = body["messages"].as_array();
  ASSERT_EQ(messages.size(), 3u);
  ASSERT_EQ(messages[0]["content"].as_array().size(), 3u);
  EXPECT_EQ(messages[0]["content"].as_array()[2]["text"].as_string(),
            "[image left out: bedrock_converse takes none by URL: https://example.org/a.png]");
  EXPECT_EQ(json::write(messages[1]["content"]),
            R"([{"toolUse":{"toolUseId":"call_1","name":"f","input":{"invalid_arguments":"not json"}}}])");
  EXPECT_EQ(json::write(messages[2]["content"]),
            R"x([{"toolResult":{"toolUseId":"call_1","content":[{"text":"(no output)"}]}}])x");
  // The history has tools, so that a configuration of them is needed.
  EXPECT_EQ(body["toolConfig"]["tools"].as_array()[0]["toolSpec"]["name"].as_string(), "f");
  // Thinking stays off in a turn of tools without signed thinking, and with it a temperature may stay.
  EXPECT_FALSE(body.contains("additionalModelRequestFields"));
  EXPECT_EQ(body["inferenceConfig"]["maxTokens"].as_int(), 9000);
}

TEST(ConverseRequest, AnEffortIsSaidInTheWordsOfTheModel) {
  const auto more = [](std::string_view model) {
    const Request request =
        foreign(R"({"model":")" + std::string(model) +
                R"(","reasoning_effort":"low","temperature":1,"messages":[{"role":"user","content":"x"}]})");
    return *json::parse(*bedrock_converse().encode_request(request, {}));
  };
  EXPECT_EQ(json::write(more("us.anthropic.claude-x")["additionalModelRequestFields"]),
            R"({"thinking":{"type":"enabled","budget_tokens":2048}})");
  EXPECT_FALSE(more("us.anthropic.claude-x")["inferenceConfig"].contains("temperature"));
  EXPECT_EQ(json::write(more("openai.gpt-oss-120b")["additionalModelRequestFields"]),
            R"({"reasoning_effort":"low"})");
  EXPECT_FALSE(more("amazon.nova-lite").contains("additionalModelRequestFields"));
}

TEST(ConverseRequest, CacheBreakpointsBecomeCachePoints) {
  const StatusOr<Request> request = anthropic_messages().decode_request(
      R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]})");
  const json::Value body = *json::parse(*bedrock_converse().encode_request(*request, {}));
  EXPECT_EQ(json::write(body["messages"].as_array()[0]["content"]),
            R"([{"text":"a"},{"cachePoint":{"type":"default"}}])");
}

TEST(ConverseResponse, KeepsAllOfWhatItIsGiven) {
  const std::string body =
      R"({"output":{"message":{"role":"assistant","content":[{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}},
      {"reasoningContent":{"reasoningText":{"text":"h"}}},{"odd":{"x":1}}],"x":1},"y":2},"stopReason":"malformed_tool_use",
      "usage":{"inputTokens":3,"outputTokens":2,"totalTokens":12,"cacheReadInputTokens":5,"cacheWriteInputTokens":2,"cacheDetails":[]},
      "metrics":{"latencyMs":5},"trace":{"guardrail":{}},"additionalModelResponseFields":{"a":1},"serviceTier":{"type":"flex"}})";
  const StatusOr<Response> response = bedrock_converse().decode_response(body, {});
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->usage.input, 10);
  EXPECT_EQ(response->finish, FinishReason::kError);
  EXPECT_EQ(*json::parse(body), *json::parse(bedrock_converse().encode_response(*response)));
}

TEST(ConverseResponse, AMessageAloneIsAnError) {
  EXPECT_FALSE(bedrock_converse().decode_response(R"({"message":"Too many requests"})", {}).ok());
  EXPECT_FALSE(bedrock_converse().decode_response(R"({"output":{}})", {}).ok());
}

}  // namespace
}  // namespace tau::wire
