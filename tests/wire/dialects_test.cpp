// What holds of every dialect: conversations survive the way there and back, whole and streamed, whatever
// text they hold and however the bytes are cut.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "stream_support.h"
#include "wire/framing.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

// Texts that try escapes, characters of all lengths, and what looks like framing.
std::string text_of(uint32_t n) {
  static const std::string kTexts[] = {"a",
                                       "\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x98\x80",
                                       "\n\n",
                                       "data: x\n",
                                       "\"quoted\"",
                                       "{\"a\":1}",
                                       "\x7F",
                                       "\\u0041",
                                       " ",
                                       "<think>\r\n",
                                       "\xEF\xBB\xBF",
                                       "[DONE]",
                                       "ok"};
  std::string out = "t";
  for (; n != 0; n /= 7) out += kTexts[n % std::size(kTexts)];
  return out;
}

// An answer of text, signed thinking and calls.
Response answer_of(const std::vector<uint32_t>& picks) {
  Response out;
  out.id = "r1";
  out.model = "m";
  out.message.role = Role::kAssistant;
  out.message.labels = Labels::from(Source::kModel);
  bool calls = false;
  for (const uint32_t pick : picks) {
    if (pick % 3 != 0) continue;
    json::Value arguments = json::Value::object();
    arguments.set("text", text_of(pick));
    const std::string id = "call_" + std::to_string(out.message.parts.size());
    out.message.parts.push_back({ToolCall{id, "tool", json::write(arguments)}, {}});
    calls = true;
  }
  std::string text = picks.empty() ? "" : text_of(picks.front());
  if (!text.empty()) out.message.parts.insert(out.message.parts.begin(), {Text{text}, {}});
  out.finish = calls ? FinishReason::kToolCalls : FinishReason::kStop;
  out.usage.known = true;
  out.usage.input = 7;
  out.usage.output = 3;
  return out;
}

// What is the same in every dialect.
std::string gist(const Message& message) {
  std::string out = message.text();
  for (const Part& part : message.parts) {
    if (const auto* call = part.as<ToolCall>()) out += "\ncall " + call->name + " " + call->arguments;
    if (const auto* result = part.as<ToolResult>()) {
      out += "\nresult";
      for (const Part& piece : result->content)
        if (const auto* text = piece.as<Text>()) out += " " + text->text;
    }
  }
  return out;
}

std::string encode_stream(const Dialect& dialect, const Response& response, std::mt19937& random) {
  const auto encoder = dialect.stream_encoder();
  std::string out;
  Response head;
  head.id = response.id;
  head.model = response.model;
  encoder->begin(head, out);
  StreamEvent event{};
  uint32_t calls = 0;
  for (const Part& part : response.message.parts) {
    Part begun = part;
    event.body = &begun;
    const auto* call = part.as<ToolCall>();
    if (call != nullptr) {
      event.index = calls++;
      event.id = call->id;
      event.name = call->name;
      event.kind = StreamEvent::Kind::kToolCall;
      begun.as<ToolCall>()->arguments.clear();
      encoder->event(event, out);
    }
    std::string_view rest = call != nullptr ? call->arguments : part.as<Text>()->text;
    while (!rest.empty()) {
      size_t size = std::min<size_t>(1 + random() % 6, rest.size());
      while (size < rest.size() && (rest[size] & 0xC0) == 0x80) ++size;
      event.kind = call != nullptr ? StreamEvent::Kind::kToolCallArgs : StreamEvent::Kind::kText;
      event.text = rest.substr(0, size);
      encoder->event(event, out);
      rest.remove_prefix(size);
    }
    event.text = {};
    event.kind = StreamEvent::Kind::kToolCallEnd;
    begun = part;
    if (call != nullptr) encoder->event(event, out);
    ++event.part;
  }
  encoder->finish(response, out);
  return out;
}

RC_GTEST_PROP(EveryDialect, StreamsKeepWhatAnAnswerSays,
              (const std::vector<uint32_t>& picks, uint32_t seed)) {
  const Response response = answer_of(picks);
  for (const Dialect* dialect : dialects()) {
    std::mt19937 random(seed);
    const std::string bytes = encode_stream(*dialect, response, random);
    const test::Decoded whole = test::decode_stream(*dialect, bytes, {}, {});
    const test::Decoded pieces = test::decode_stream(*dialect, bytes, {}, test::Split::random(seed | 1));
    if (!whole.status.ok()) RC_FAIL(std::string(dialect->name()) + whole.status.to_string() + bytes);
    RC_ASSERT(test::event_order_error(whole) == "");
    RC_ASSERT(gist(whole.response.message) == gist(response.message));
    RC_ASSERT(whole.response.finish == response.finish);
    RC_ASSERT(whole.response.usage.input == 7 && whole.response.usage.output == 3);
    RC_ASSERT(pieces.log == whole.log && to_json(pieces.response) == to_json(whole.response));
  }
}

RC_GTEST_PROP(EveryDialect, AnswersKeepWhatTheySay, (const std::vector<uint32_t>& picks)) {
  const Response response = answer_of(picks);
  for (const Dialect* dialect : dialects()) {
    const StatusOr<Response> back = dialect->decode_response(dialect->encode_response(response), {});
    if (!back.ok()) RC_FAIL(std::string(dialect->name()) + back.status().to_string());
    RC_ASSERT(gist(back->message) == gist(response.message));
    RC_ASSERT(back->finish == response.finish && back->usage.input == 7);
  }
}

RC_GTEST_PROP(EveryDialect, RequestsKeepWhatTheySay, (const std::vector<uint32_t>& picks)) {
  Request request;
  request.model = "m";
  request.messages.push_back(text_message(Role::kSystem, "be brief", Labels::from(Source::kSystem)));
  request.messages.push_back(text_message(Role::kUser, "go", Labels::from(Source::kUser)));
  request.tools.push_back({"tool", "does it", R"({"type":"object"})", false, {}});
  request.max_tokens = 2'000;
  request.stop = {"END"};
  const Response answer = answer_of(picks);
  request.messages.push_back(answer.message);
  Message results;
  results.role = Role::kTool;
  for (const Part& part : answer.message.parts)
    if (const auto* call = part.as<ToolCall>())
      results.parts.push_back(
          {ToolResult{call->id, call->name, {{Text{"out of " + call->id}, {}}}, false}, {}});
  if (!results.parts.empty()) request.messages.push_back(results);
  std::string expected;
  for (const Message& message : request.messages) expected += gist(message) + "\n";
  for (const Dialect* dialect : dialects()) {
    const StatusOr<std::string> body = dialect->encode_request(request, {});
    RC_ASSERT(body.ok());
    const StatusOr<Request> back = dialect->decode_request(*body);
    if (!back.ok()) RC_FAIL(std::string(dialect->name()) + back.status().to_string());
    std::string got;
    for (const Message& message : back->messages) got += gist(message) + "\n";
    // One result a message, or all in one.
    std::erase(got, '\n');
    std::string wanted = expected;
    std::erase(wanted, '\n');
    if (got != wanted) RC_FAIL(std::string(dialect->name()) + got + " | " + wanted);
    RC_ASSERT(back->max_tokens == 2'000 && back->tools.size() == 1);
    // Responses have no word for it.
    const bool has_stop = dialect != &openai_responses();
    RC_ASSERT(back->stop == (has_stop ? request.stop : std::vector<std::string>()));
    RC_ASSERT(*dialect->encode_request(*back, {}) == *body);
  }
}

TEST(EveryDialect, ARequestGoesToAnotherModelWithAnotherLimit) {
  Request request;
  request.model = "first";
  request.max_tokens = 2'000;
  request.messages.push_back(text_message(Role::kUser, "go", Labels::from(Source::kUser)));
  for (const Dialect* dialect : dialects()) {
    SCOPED_TRACE(std::string(dialect->name()));
    const StatusOr<std::string> body =
        dialect->encode_request(request, {}, {.model = "second", .max_tokens = 500});
    ASSERT_TRUE(body.ok());
    const StatusOr<Request> back = dialect->decode_request(*body);
    ASSERT_TRUE(back.ok());
    // Some have the model in the URL.
    EXPECT_TRUE(back->model == "second" || back->model.empty()) << back->model;
    EXPECT_EQ(back->max_tokens, 500);
    EXPECT_EQ(body->find("first"), std::string::npos);
  }
}

TEST(EveryDialect, AStreamThatStopsEarlyIsAFailure) {
  const Response response = answer_of({5, 3});
  for (const Dialect* dialect : dialects()) {
    SCOPED_TRACE(std::string(dialect->name()));
    std::mt19937 random(1);
    const std::string bytes = encode_stream(*dialect, response, random);
    // What comes behind the last word of an answer may be missing.
    for (size_t size = 0; size + 600 < bytes.size(); size += 7) {
      const test::Decoded cut = test::decode_stream(*dialect, bytes.substr(0, size), {}, {});
      EXPECT_FALSE(cut.status.ok()) << size;
      EXPECT_TRUE(cut.status.retryable()) << cut.status.to_string();
    }
  }
}

TEST(EveryDialect, AnErrorInAStreamIsAFailure) {
  const Status error(Code::kUnavailable, "overloaded", "come back later");
  for (const Dialect* dialect : dialects()) {
    SCOPED_TRACE(std::string(dialect->name()));
    const auto encoder = dialect->stream_encoder();
    std::string bytes;
    encoder->begin(Response(), bytes);
    StreamEvent text{};
    text.kind = StreamEvent::Kind::kText;
    text.text = "so far";
    encoder->event(text, bytes);
    encoder->error(error, bytes);
    const test::Decoded decoded = test::decode_stream(*dialect, bytes, {}, {});
    EXPECT_FALSE(decoded.status.ok());
    EXPECT_NE(decoded.status.message().find("come back later"), std::string::npos);
    EXPECT_EQ(decoded.response.message.text(), "so far");
  }
}

}  // namespace
}  // namespace tau::wire
