// Chat completions: habits of servers that recordings do not show.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "stream_support.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

using test::chat_body;
using test::chat_chunk;

const ToolCall* call_at(const Response& response, size_t n) {
  for (const Part& part : response.message.parts)
    if (const auto* call = part.as<ToolCall>(); call != nullptr && n-- == 0) return call;
  return nullptr;
}

size_t call_count(const Response& response) {
  size_t n = 0;
  while (call_at(response, n) != nullptr) ++n;
  return n;
}

test::Decoded decode(const std::vector<std::string>& chunks, Quirks quirks = {}, bool done = true) {
  return test::decode_stream(openai_chat(), chat_body(chunks, done), quirks, {});
}

struct CallCase {
  const char* name;
  std::vector<std::string> deltas;                            // tool_calls arrays
  std::vector<std::pair<std::string, std::string>> expected;  // name, arguments
};

TEST(ChatToolDeltas, ArePutTogetherHoweverTheyAreKeyed) {
  const CallCase cases[] = {
      {"by index",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":""}}])",
        R"([{"index":0,"function":{"arguments":"{\"x\":"}}])",
        R"([{"index":0,"function":{"arguments":"1}"}}])"},
       {{"f", R"({"x":1})"}}},
      {"index always 0, new ids",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}])",
        R"([{"index":0,"id":"b","function":{"name":"g","arguments":"{\"y\":2}"}}])"},
       {{"f", "{}"}, {"g", R"({"y":2})"}}},
      {"index missing, whole calls in one delta",
       {R"([{"id":"a","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"b","function":{"name":"f","arguments":"{\"a\":2}"}}])"},
       {{"f", R"({"a":1})"}, {"f", R"({"a":2})"}}},
      {"neither index nor id",
       {R"([{"function":{"name":"f","arguments":"{\"a\""}}])", R"([{"function":{"arguments":":1}"}}])",
        R"([{"function":{"name":"g","arguments":"{}"}}])"},
       {{"f", R"({"a":1})"}, {"g", "{}"}}},
      {"id and name repeated on every delta",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\""}}])",
        R"([{"index":0,"id":"a","function":{"name":"f","arguments":":1}"}}])"},
       {{"f", R"({"a":1})"}}},
      {"the same delta twice in one chunk",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":1}"}},{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":1}"}}])"},
       {{"f", R"({"a":1})"}}},
      {"name in pieces",
       {R"([{"index":0,"id":"a","function":{"name":"get_"}}])", R"([{"index":0,"function":{"name":"time"}}])",
        R"([{"index":0,"function":{"arguments":"{}"}}])"},
       {{"get_time", "{}"}}},
      {"null and object arguments",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":null}}])",
        R"([{"index":1,"id":"b","function":{"name":"g","arguments":{"k":[1]}}}])"},
       {{"f", "{}"}, {"g", R"({"k":[1]})"}}},
      {"empty object before the real arguments",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}])",
        R"([{"index":0,"function":{"arguments":"{\"a\":1}"}}])"},
       {{"f", R"({"a":1})"}}},
      {"interleaved",
       {R"([{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}])",
        R"([{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}])",
        R"([{"index":0,"function":{"arguments":"}"}}])", R"([{"index":1,"function":{"arguments":"}"}}])"},
       {{"f", "{}"}, {"g", "{}"}}},
  };
  for (const CallCase& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> chunks;
    for (const std::string& calls : c.deltas) chunks.push_back(chat_chunk(R"({"tool_calls":)" + calls + "}"));
    chunks.push_back(chat_chunk("{}", R"("stop")"));
    const test::Decoded decoded = decode(chunks);
    ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
    EXPECT_EQ(test::event_order_error(decoded), "");
    ASSERT_EQ(call_count(decoded.response), c.expected.size());
    for (size_t i = 0; i < c.expected.size(); ++i) {
      EXPECT_EQ(call_at(decoded.response, i)->name, c.expected[i].first);
      EXPECT_EQ(call_at(decoded.response, i)->arguments, c.expected[i].second);
      EXPECT_FALSE(call_at(decoded.response, i)->id.empty());
    }
    EXPECT_EQ(decoded.response.finish, FinishReason::kToolCalls);
    EXPECT_EQ(decoded.response.finish_text, "stop");
  }
}

TEST(ChatStream, EndsOnlyWithItsMark) {
  const std::vector<std::string> chunks = {chat_chunk(R"({"content":"hi"})"), chat_chunk("{}", R"("stop")")};
  EXPECT_TRUE(decode(chunks).status.ok());
  const test::Decoded cut = decode(chunks, {}, false);
  EXPECT_EQ(cut.status.reason(), "stream_truncated");
  EXPECT_TRUE(cut.status.retryable());
  EXPECT_EQ(cut.response.message.text(), "hi");
  Quirks optional;
  optional.done_mark_optional = true;
  EXPECT_TRUE(decode(chunks, optional, false).status.ok());
  EXPECT_EQ(decode({chunks[0]}, optional, false).status.reason(), "stream_truncated");
  const test::Decoded twice =
      test::decode_stream(openai_chat(), chat_body(chunks) + "data: [DONE]\n\n", {}, {});
  EXPECT_TRUE(twice.status.ok());
  EXPECT_EQ(test::event_order_error(twice), "");
}

TEST(ChatStream, ErrorsInsideA200AreTyped) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"error":{"message":"busy","type":"overloaded_error"}})", "overloaded"},
      {R"({"id":"x","object":"chat.completion.chunk","choices":[],"error":{"code":429,"message":"slow"}})",
       "rate_limited"},
      {R"({"error":"something odd"})", "provider_error"},
      {R"({"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":502,"message":"up"}}]})",
       "server_error"},
      {R"({"message":"no chunk at all"})", "provider_error"},
  };
  for (const auto& [chunk, reason] : cases) {
    const test::Decoded decoded = decode({chat_chunk(R"({"content":"a"})"), chunk});
    EXPECT_EQ(decoded.status.reason(), reason) << chunk;
    EXPECT_EQ(decoded.response.message.text(), "a");
  }
  const test::Decoded broken = decode({"{\"choices\":[{\"delta\":{\"content\":"});
  EXPECT_EQ(broken.status.reason(), "invalid_response");
  EXPECT_TRUE(broken.status.retryable());
}

TEST(ChatStream, AFailureIsSticky) {
  const std::unique_ptr<StreamDecoder> decoder = openai_chat().stream_decoder({});
  struct : StreamSink {
    void on_event(const StreamEvent&) override { ++events; }
    int events = 0;
  } sink;
  EXPECT_FALSE(decoder->event("error", "overloaded", sink).ok());
  EXPECT_FALSE(decoder->event("", chat_chunk(R"({"content":"a"})"), sink).ok());
  EXPECT_FALSE(decoder->end(sink).ok());
  EXPECT_EQ(sink.events, 0);
}

TEST(ChatStream, WhatCannotBeACountIsNotTakenForOne) {
  const test::Decoded decoded = decode(
      {R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]})",
       R"({"id":"c","choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":9223372036854775807,"total_tokens":2,"reasoning_tokens":-3,"cache_read_input_tokens":4}})"});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.usage.input, 0);
  EXPECT_EQ(decoded.response.usage.output, 0);
  EXPECT_EQ(decoded.response.usage.reasoning, 0);
  EXPECT_EQ(decoded.response.usage.cached_input, 4);
}

TEST(ChatStream, UsageMayTrailOrComeWithEveryChunk) {
  const test::Decoded decoded = decode(
      {R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}})",
       R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null})",
       R"({"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":10,"prompt_cache_hit_tokens":4,"reasoning_tokens":3}})"});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(decoded.response.usage.input, 5);
  EXPECT_EQ(decoded.response.usage.output, 5) << "reasoning that is counted beside the completion is output";
  EXPECT_EQ(decoded.response.usage.cached_input, 4);
  EXPECT_EQ(decoded.response.usage.reasoning, 3);
}

TEST(ChatStream, ReasoningComesUnderAnyNameOnce) {
  const char* deltas[] = {
      R"({"reasoning_content":"why"})",
      R"({"reasoning":"why"})",
      R"({"reasoning":"why","reasoning_content":"why"})",
      R"({"reasoning":"why","reasoning_details":[{"type":"reasoning.text","text":"why","index":0}]})",
      R"({"reasoning_details":[{"type":"reasoning.text","text":"why","index":0}]})",
      R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"why"}]}]})"};
  for (const char* delta : deltas) {
    const test::Decoded decoded =
        decode({chat_chunk(R"({"content":"so"})"), chat_chunk(delta), chat_chunk("{}", R"("stop")")});
    ASSERT_TRUE(decoded.status.ok());
    ASSERT_EQ(decoded.response.message.parts.size(), 2u) << delta;
    EXPECT_EQ(decoded.response.message.parts[0].as<Reasoning>()->text, "why") << delta;
    EXPECT_EQ(decoded.response.message.text(), "so");
  }
}

TEST(ChatStream, OtherChoicesAreKeptAndRestored) {
  const std::string body = chat_body(
      {R"({"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"role":"assistant","content":"x"}}]})",
       R"({"id":"c","model":"m","choices":[{"index":1,"delta":{"content":"y"},"finish_reason":"stop"}]})",
       R"({"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"});
  const test::Decoded decoded = test::decode_stream(openai_chat(), body, {}, {});
  EXPECT_EQ(decoded.response.message.text(), "a");
  const StatusOr<json::Value> whole = json::parse(openai_chat().encode_response(decoded.response));
  ASSERT_TRUE(whole.ok());
  ASSERT_EQ((*whole)["choices"].size(), 2u);
  EXPECT_EQ((*whole)["choices"].as_array()[1]["message"]["content"].as_string(), "xy");
}

struct TextCallCase {
  const char* text;
  const char* visible;
  std::vector<std::pair<std::string, std::string>> calls;
};

TEST(TextToolCalls, AreFoundWholeAndInEverySplit) {
  const TextCallCase cases[] = {
      {"Sure. <tool_call>\n{\"name\":\"f\",\"arguments\":{\"a\": 1}}\n</tool_call>",
       "Sure. ",
       {{"f", "{\"a\": 1}"}}},
      {"<function=f>{\"a\":1}</function><function=g></function>", "", {{"f", "{\"a\":1}"}, {"g", "{}"}}},
      {"{\"name\":\"f\",\"parameters\":{\"a\":1}}", "", {{"f", "{\"a\":1}"}}},
      {" {\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"} ", "", {{"f", "{\"a\":1}"}}},
      {"{\"title\":\"no call\"}", "{\"title\":\"no call\"}", {}},
      {"a < b and <tool box", "a < b and <tool box", {}},
      {"<tool_call>not json</tool_call>", "<tool_call>not json</tool_call>", {}},
      {"<tool_call>{\"name\":\"f\",\"arguments\":{}}", "", {{"f", "{}"}}},
  };
  Quirks quirks;
  quirks.text_tool_calls = true;
  for (const TextCallCase& c : cases) {
    SCOPED_TRACE(c.text);
    std::vector<std::string> chunks;
    for (const char* p = c.text; *p != '\0'; ++p) {
      std::string delta = R"({"content":)";
      json::append_string(delta, std::string_view(p, 1));
      chunks.push_back(chat_chunk(delta + "}"));
    }
    chunks.push_back(chat_chunk("{}", R"("stop")"));
    std::string whole_text;
    json::append_string(whole_text, c.text);
    const StatusOr<Response> whole =
        openai_chat().decode_response(R"({"id":"c","choices":[{"index":0,"message":{"content":)" +
                                          whole_text + R"(},"finish_reason":"stop"}]})",
                                      quirks);
    ASSERT_TRUE(whole.ok());
    const test::Decoded streamed = decode(chunks, quirks);
    ASSERT_TRUE(streamed.status.ok());
    EXPECT_EQ(test::event_order_error(streamed), "");
    for (const Response* response : {&*whole, &streamed.response}) {
      EXPECT_EQ(response->message.text(), c.visible);
      ASSERT_EQ(call_count(*response), c.calls.size());
      for (size_t i = 0; i < c.calls.size(); ++i) {
        EXPECT_EQ(call_at(*response, i)->name, c.calls[i].first);
        EXPECT_EQ(call_at(*response, i)->arguments, c.calls[i].second);
      }
      EXPECT_EQ(response->finish, c.calls.empty() ? FinishReason::kStop : FinishReason::kToolCalls);
    }
  }
}

std::string round_trip(const std::string& body) {
  const StatusOr<Request> request = openai_chat().decode_request(body);
  if (!request.ok()) return request.status().to_string();
  return *openai_chat().encode_request(*request, {});
}

TEST(ChatRequest, UnusualFormsAreRestored) {
  const char* bodies[] = {
      R"({"model":"m","messages":[]})",
      R"({"messages":[{"role":"user","content":""},{"role":"user","content":[]},{"role":"user"}],"tau:from":1})",
      R"({"model":"m","messages":[{"role":"function","name":"f","content":"x"},{"role":"critic","content":3}]})",
      R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}},{"type":"custom","id":"b","custom":{"name":"g","input":"text"}}]},{"role":"tool","tool_call_id":"a","name":"f","content":[{"type":"text","text":"r"}]}]})",
      R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"id":null,"function":{"name":"f"}}]}]})",
      R"({"model":"m","messages":[{"role":"assistant","reasoning_content":"r","reasoning":"other","content":"t","refusal":null}]})",
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"image_url","image_url":"https://x/y.png"},{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"}},{"type":"file","file":{"file_id":"f1"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"hologram","x":[1]}]}]})",
      R"({"model":"m","messages":[],"tools":[{"type":"web_search"},{"type":"function","function":{"name":"f","strict":false,"parameters":null}}],"tool_choice":"any","stop":"x","stream":false,"max_completion_tokens":5,"max_tokens":null,"seed":18446744073709551615})",
      R"({"model":"m","messages":[],"tool_choice":{"type":"allowed_tools","allowed_tools":{}},"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"},"strict":true,"description":"d"}},"reasoning":{"effort":"low","max_tokens":3},"stop":["a","b"],"stream":true})",
  };
  for (const char* body : bodies) {
    const StatusOr<json::Value> before = json::parse(body);
    const StatusOr<json::Value> after = json::parse(round_trip(body));
    ASSERT_TRUE(before.ok() && after.ok()) << body << "\n" << round_trip(body);
    EXPECT_TRUE(*before == *after) << body << "\n" << json::write(*after);
  }
}

TEST(ChatRequest, AChangedFieldWinsOverWhatWasReceived) {
  StatusOr<Request> request =
      openai_chat().decode_request(R"({"model":"m","messages":[],"max_tokens":null,"stream":false,"x":1})");
  ASSERT_TRUE(request.ok());
  request->max_tokens = 9;
  request->stream = true;
  request->model = "n";
  const StatusOr<json::Value> body = json::parse(*openai_chat().encode_request(*request, {}));
  EXPECT_EQ((*body)["max_tokens"].as_int(), 9);
  EXPECT_TRUE((*body)["stream"].as_bool());
  EXPECT_EQ((*body)["model"].as_string(), "n");
  EXPECT_EQ((*body)["x"].as_int(), 1);
}

TEST(ChatRequest, QuirksNameTheFields) {
  Request request;
  request.model = "m";
  request.messages.push_back(text_message(Role::kSystem, "s", {}));
  Message said;
  said.role = Role::kAssistant;
  said.parts = {{Reasoning{"why", "", Reasoning::Form::kPlain}, {}}, {Text{"t"}, {}}};
  request.messages.push_back(said);
  request.max_tokens = 3;
  request.stream = true;
  const auto encode = [&](const Quirks& quirks) {
    return *json::parse(*openai_chat().encode_request(request, quirks));
  };
  const json::Value plain = encode({});
  EXPECT_EQ(plain["max_tokens"].as_int(), 3);
  EXPECT_TRUE(plain["stream_options"]["include_usage"].as_bool());
  EXPECT_EQ(plain["messages"].as_array()[0]["role"].as_string(), "system");
  EXPECT_FALSE(plain["messages"].as_array()[1].contains("reasoning_content"));
  Quirks quirks;
  quirks.max_completion_tokens = quirks.developer_role = quirks.reasoning_back = true;
  quirks.usage_in_stream_option = false;
  const json::Value other = encode(quirks);
  EXPECT_EQ(other["max_completion_tokens"].as_int(), 3);
  EXPECT_FALSE(other.contains("stream_options"));
  EXPECT_EQ(other["messages"].as_array()[0]["role"].as_string(), "developer");
  EXPECT_EQ(other["messages"].as_array()[1]["reasoning_content"].as_string(), "why");
}

TEST(ChatRequest, BadBodiesNameTheField) {
  EXPECT_NE(openai_chat().decode_request("{}").status().message().find("messages"), std::string_view::npos);
  EXPECT_NE(openai_chat().decode_request(R"({"messages":[1]})").status().message().find("role"),
            std::string_view::npos);
  EXPECT_NE(openai_chat().decode_request(R"({"model":1,"messages":[]})").status().message().find("model"),
            std::string_view::npos);
  EXPECT_EQ(openai_chat().decode_request("{").status().reason(), "invalid_json");
}

TEST(ChatResponse, ARefusalAndAFilterAreNotStops) {
  const StatusOr<Response> refusal = openai_chat().decode_response(
      R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"no"},"finish_reason":"stop"}]})",
      {});
  ASSERT_TRUE(refusal.ok());
  EXPECT_EQ(refusal->finish, FinishReason::kRefusal);
  EXPECT_EQ(openai_chat().decode_response(R"({"error":{"message":"m","code":503}})", {}).status().reason(),
            "overloaded");
  EXPECT_EQ(openai_chat().decode_response("<html>", {}).status().reason(), "invalid_response");
}

// A chunk of its own shape: text, another choice, another id, or anything else that must not be taken for the
// repetition of the chunk before.
std::string any_chunk(size_t n) {
  switch (n % 20) {
    case 0: return chat_chunk(R"({"content":"a"})");
    case 1: return chat_chunk(R"({"content":"longer \u00e9\n\"é\""})");
    case 2: return chat_chunk(R"({"content":""})");
    case 3: return chat_chunk(R"({"reasoning_content":"r"})");
    case 4: return chat_chunk(R"({"reasoning_content":"other"})");
    case 5: return chat_chunk(R"({"reasoning":"r","reasoning_content":"r"})");
    case 6: return chat_chunk(R"({"content":"a","reasoning_content":"r"})");
    case 7: return chat_chunk(R"({"content":"a","refusal":null})");
    case 8: return chat_chunk(R"({"content":"b","refusal":"no"})");
    case 9:
      return R"({"id":"c2","model":"n","choices":[{"delta":{"content":"a"},"index":0}],"obfuscation":"x"})";
    case 10:
      return R"({"id":"c2","model":"n","choices":[{"delta":{"content":"b"},"index":0}],"obfuscation":"y"})";
    case 11: return R"({"id":"c1","choices":[{"index":1,"delta":{"content":"other choice"}}]})";
    case 12:
      return R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a"}]}}]})";
    case 13:
      return R"({"choices":[{"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}],"model":"m"})";
    case 14:
      return R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}})";
    case 15: return chat_chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"1"}}]})");
    case 16: return chat_chunk(R"({"tool_calls":[{"index":1,"function":{"arguments":"\"\ud83d"},"x":7}]})");
    case 17: return chat_chunk(R"({"content":[{"type":"text","text":"p"},{"thinking":[{"text":"q"}]}]})");
    case 18:
      return chat_chunk(R"({"reasoning":"r","reasoning_details":[{"type":"t","text":"r","index":0}]})");
    default:
      return chat_chunk(R"({"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"1"}}]})");
  }
}

RC_GTEST_PROP(ChatStream, RepeatedShapesReadAsIfEachWereNew, (const std::vector<uint8_t>& picks)) {
  std::vector<std::string> chunks;
  for (const uint8_t pick : picks) {
    for (size_t i = 0; i < 1u + pick / 64; ++i) chunks.push_back(any_chunk(pick));
  }
  chunks.push_back(chat_chunk("{}", R"("stop")"));
  Quirks quirks;
  quirks.text_tool_calls = picks.size() % 2 == 1;
  const test::Decoded fast = decode(chunks, quirks);
  const test::Decoded slow = test::decode_stream(
      openai_chat(), test::without_repetition(Framing::kSse, chat_body(chunks)), quirks, {});
  RC_ASSERT(fast.status.to_string() == slow.status.to_string());
  RC_ASSERT(fast.log == slow.log);
  RC_ASSERT(to_json(fast.response) == to_json(slow.response));
}

TEST(ChatStream, AChunkLikeTheOneBeforeIsCheckedAsStrictly) {
  const std::string head = R"({"choices":[{"delta":{"content":)";
  const std::string tail = R"(}}]})";
  for (const std::string piece : {R"("a" "b")", R"("a""b")", R"("a)", R"(a")", R"("\x")", "\"\x01\"",
                                  "\"\xFF\"", R"("\ud80")", R"("a\")", ""}) {
    SCOPED_TRACE(piece);
    const test::Decoded decoded = decode({head + R"("ok")" + tail, head + piece + tail});
    EXPECT_EQ(decoded.status.reason(), "invalid_response");
    EXPECT_EQ(decoded.response.message.text(), "ok");
  }
  const test::Decoded more = decode({head + R"("ok")" + tail, head + R"("!","role":"assistant")" + tail,
                                     head + R"("?","content":" twice")" + tail, head + "null" + tail});
  EXPECT_TRUE(more.status.ok()) << more.status.to_string();
  EXPECT_EQ(more.response.message.text(), "ok! twice");
}

// Half a character at the end of one delta, the other at the start of the next.
TEST(ChatStream, HalvesOfACharacterMeetWithinTheirPart) {
  const test::Decoded decoded = decode(
      {chat_chunk(R"({"content":"a\ud83d","reasoning_content":"r\ud83d"})"),
       chat_chunk(
           R"({"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\"x\":\"\ud83d"}}]})"),
       chat_chunk(R"({"content":"\ude00b"})"), chat_chunk(R"({"reasoning_content":"\ude01"})"),
       chat_chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"\ude02\"}"}}]})")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  EXPECT_EQ(decoded.response.message.text(),
            "a\xF0\x9F\x98\x80"
            "b");
  EXPECT_EQ(decoded.response.message.parts[0].as<Reasoning>()->text, "r\xF0\x9F\x98\x81");
  EXPECT_EQ(call_at(decoded.response, 0)->arguments, "{\"x\":\"\xF0\x9F\x98\x82\"}");
}

TEST(ChatStream, HalvesThatNeverMeetAreReplaced) {
  const test::Decoded decoded = decode(
      {chat_chunk(R"({"content":"\ude00a\ud83d"})"), chat_chunk(R"({"content":"b\ud83d\ud83d"})"),
       chat_chunk(R"({"reasoning_content":"\ud83d"})"),
       chat_chunk(
           R"({"tool_calls":[{"index":0,"id":"\ud83d","function":{"name":"f","arguments":"1\ud83d"}}]})"),
       chat_chunk(R"({"refusal":"no\ud83d"})")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  EXPECT_EQ(test::event_order_error(decoded), "");
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(decoded.response.message.text(), mark + "a" + mark + "b" + mark + mark + "\nno" + mark);
  EXPECT_EQ(decoded.response.message.parts[0].as<Reasoning>()->text, mark);
  EXPECT_EQ(call_at(decoded.response, 0)->arguments, "1" + mark);
  EXPECT_EQ(call_at(decoded.response, 0)->id, mark);
  EXPECT_EQ(decoded.response.finish, FinishReason::kUnknown);
}

TEST(ChatStream, ReasoningDetailsAreMergedByIndexTypeAndId) {
  const auto details = [](const char* list) {
    return chat_chunk(std::string(R"({"reasoning_details":)") + list + "}");
  };
  const test::Decoded decoded = decode(
      {details(R"([{"type":"reasoning.text","index":0,"format":"f","text":"a\ud83d","signature":null}])"),
       details(R"([{"type":"reasoning.text","index":0,"format":"f","text":"\ude00b"}])"),
       details(R"([{"type":"reasoning.text","index":0,"format":"f","text":"c"}])"),
       details(
           R"([{"type":"reasoning.text","index":0,"format":"g","text":"d\ud83d"},{"index":1.5,"id":"n"}])"),
       details(R"([{"type":"reasoning.encrypted","index":0,"data":"x"}])"),
       details(R"([{"type":"reasoning.encrypted","index":0,"data":"y","signature":"s"}])"),
       details(R"([{"type":"reasoning.summary","index":2,"summary":"e","nested":[1]}])"),
       details(R"([{"type":"reasoning.summary","index":2,"summary":"f","nested":[2]}])")});
  ASSERT_TRUE(decoded.status.ok()) << decoded.status.to_string();
  const auto* reasoning = decoded.response.message.parts[0].as<Reasoning>();
  EXPECT_EQ(reasoning->text,
            "a\xF0\x9F\x98\x80"
            "bcd\xEF\xBF\xBD"
            "ef");
  EXPECT_EQ(
      json::parse(reasoning->opaque).value(),
      json::parse("[{\"type\":\"reasoning.text\",\"index\":0,\"format\":\"g\",\"text\":\"a\xF0\x9F\x98\x80"
                  "bcd\xEF\xBF\xBD\",\"signature\":null},{\"index\":1.5,\"id\":\"n\"},"
                  R"({"type":"reasoning.encrypted","index":0,"data":"y","signature":"s"},)"
                  R"({"type":"reasoning.summary","index":2,"summary":"ef","nested":[1,2]}])")
          .value());
}

// The escape is within the arguments, not in the chunk: its bytes belong to the model.
TEST(ChatStream, EscapesWithinArgumentsStayAsTheyAre) {
  const test::Decoded decoded = decode(
      {chat_chunk(
           R"({"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\"x\":\"\\ud83d"}}]})"),
       chat_chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"\\ude00\"}"}}]})")});
  ASSERT_TRUE(decoded.status.ok());
  EXPECT_EQ(call_at(decoded.response, 0)->arguments, R"({"x":"\ud83d\ude00"})");
}

TEST(ChatResponse, AMessageOfAnotherRoleKeepsWhatItSays) {
  const std::string body =
      R"({"choices":[{"index":0,"message":{"role":"robot","content":"a"},"finish_reason":"stop"}]})";
  const StatusOr<Response> response = openai_chat().decode_response(body, {});
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->message.text(), "a");
  EXPECT_TRUE(*json::parse(openai_chat().encode_response(*response)) == *json::parse(body));
}

}  // namespace
}  // namespace tau::wire
