// The neutral model: JSON round trip, text, names, the token estimate.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "wire/wire.h"

namespace tau::wire {
namespace {

std::string ascii() { return *rc::gen::container<std::string>(rc::gen::inRange<char>(32, 127)); }

Extras any_extras() {
  if (*rc::gen::inRange(0, 3) != 0) return {};
  return {{"tau:from", R"("openai_chat.request")"}, {"cache_control", R"({"type":"ephemeral"})"}};
}

Part any_part(int depth) {
  Part part;
  part.extras = any_extras();
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 5)) {
    case 0: part.body = Text{ascii()}; break;
    case 1: {
      Media media;
      media.kind = static_cast<MediaKind>(*rc::gen::inRange(0, 3));
      media.mime = ascii();
      media.data = *rc::gen::arbitrary<std::string>();
      media.url = ascii();
      media.name = ascii();
      part.body = media;
      break;
    }
    case 2: part.body = ToolCall{ascii(), ascii(), ascii()}; break;
    case 3:
      part.body = Reasoning{ascii(), ascii(), static_cast<Reasoning::Form>(*rc::gen::inRange(0, 4))};
      break;
    case 4: part.body = Opaque{ascii(), ascii()}; break;
    default: {
      ToolResult result{ascii(), ascii(), {}, *rc::gen::arbitrary<bool>()};
      const int n = *rc::gen::inRange(0, 3);
      for (int i = 0; i < n; ++i) result.content.push_back(any_part(depth - 1));
      part.body = std::move(result);
    }
  }
  return part;
}

Message any_message() {
  Message message;
  message.role = static_cast<Role>(*rc::gen::inRange(0, 5));
  const int n = *rc::gen::inRange(0, 5);
  for (int i = 0; i < n; ++i) message.parts.push_back(any_part(1));
  if (*rc::gen::arbitrary<bool>()) message.labels.join(Labels::from(Source::kWeb));
  if (*rc::gen::arbitrary<bool>()) message.labels.join(Labels::tool("read"));
  if (*rc::gen::arbitrary<bool>()) message.labels.restrict_readers({"alice", "bob"});
  message.extras = any_extras();
  return message;
}

RC_GTEST_PROP(Model, MessagesReadBackAsTheyWereWritten, ()) {
  const Message message = any_message();
  const std::string text = to_json(message);
  const StatusOr<Message> back = message_from_json(text);
  RC_ASSERT(back.ok());
  RC_ASSERT(to_json(*back) == text);
  RC_ASSERT(back->parts.size() == message.parts.size());
  RC_ASSERT(back->labels == message.labels);
  RC_ASSERT(back->extras == message.extras);
  for (size_t i = 0; i < message.parts.size(); ++i) {
    RC_ASSERT(back->parts[i].body.index() == message.parts[i].body.index());
    if (const auto* media = message.parts[i].as<Media>())
      RC_ASSERT(back->parts[i].as<Media>()->data == media->data);
    if (const auto* call = message.parts[i].as<ToolCall>())
      RC_ASSERT(back->parts[i].as<ToolCall>()->arguments == call->arguments);
  }
}

std::string brief(const Response& response) {
  std::string text;
  json::Writer out(text);
  write_brief(out, response);
  return text;
}

RC_GTEST_PROP(Model, TheBriefFormReadsBackAsTheSame, ()) {
  Response response;
  response.message = any_message();
  response.finish = static_cast<FinishReason>(*rc::gen::inRange(0, 9));
  response.usage.known = *rc::gen::arbitrary<bool>();
  for (int64_t* count : {&response.usage.input, &response.usage.output, &response.usage.cached_input,
                         &response.usage.cache_write, &response.usage.reasoning, &response.created})
    *count = *rc::gen::inRange<int64_t>(0, 2);
  for (std::string* text : {&response.id, &response.model, &response.finish_text})
    if (*rc::gen::arbitrary<bool>()) *text = ascii();
  response.extras = any_extras();
  response.usage.extras = any_extras();
  const auto back = response_from_json(brief(response));
  RC_ASSERT(back.ok());
  RC_ASSERT(to_json(*back) == to_json(response));
  RC_ASSERT(back->message.labels == response.message.labels);
}

TEST(Model, TheBriefFormLeavesOutWhatIsAtItsDefault) {
  Response response;
  response.message = text_message(Role::kAssistant, "hi", Labels::from(Source::kModel));
  EXPECT_EQ(
      brief(response),
      R"({"message":{"role":"assistant","parts":[{"type":"text","text":"hi"}],"labels":"model"},"finish":"unknown"})");
}

json::Schema published_schema(const std::string& name) {
  std::ifstream file(std::string(std::getenv("TAU_SCHEMA_DIR")) + "/" + name);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return *json::Schema::compile(*json::parse(text));
}

RC_GTEST_PROP(Model, WhatIsWrittenConformsToThePublishedSchemas, ()) {
  static const json::Schema message_schema = published_schema("message.json");
  static const json::Schema response_schema = published_schema("response.json");
  Response response;
  response.message = any_message();
  RC_ASSERT(message_schema.explain(*json::parse(to_json(response.message))) == "");
  RC_ASSERT(response_schema.explain(*json::parse(to_json(response))) == "");
}

TEST(Model, TheSchemasRefuseWhatTheModelHasNot) {
  const json::Schema schema = published_schema("message.json");
  EXPECT_NE(schema.explain(*json::parse(R"({"role":"robot","parts":[]})")), "");
  EXPECT_NE(schema.explain(*json::parse(R"({"role":"user","parts":[{"type":"text"}]})")), "");
}

TEST(Model, TextJoinsTextPartsByNewlines) {
  Message message = text_message(Role::kUser, "a", Labels::from(Source::kUser));
  message.parts.push_back({Reasoning{"hidden", "", Reasoning::Form::kPlain}, {}});
  message.parts.push_back({Text{"b"}, {}});
  EXPECT_EQ(message.text(), "a\nb");
}

TEST(Model, UnknownNamesAreRefusedByName) {
  EXPECT_EQ(message_from_json(R"({"role":"robot","parts":[]})").status().reason(), "invalid_message");
  EXPECT_EQ(message_from_json(R"({"role":"user","parts":[{"type":"smell"}]})").status().reason(),
            "invalid_message");
  EXPECT_EQ(response_from_json(R"({"message":{"role":"user"},"finish":"maybe"})").status().reason(),
            "invalid_response");
  EXPECT_EQ(request_from_json(R"({"tool_choice":{"mode":"maybe"}})").status().reason(), "invalid_request");
  EXPECT_FALSE(message_from_json(R"({"role":"user","parts":[{"type":"image","data":"!"}]})").ok());
}

TEST(Model, EstimateCountsTextMessagesToolsAndImages) {
  Request request;
  EXPECT_EQ(estimate_tokens(request), 0);
  request.messages.push_back(text_message(Role::kUser, "abcd", {}));
  EXPECT_EQ(estimate_tokens(request), 8 + 2);
  request.messages[0].parts.push_back({Media{MediaKind::kImage, "image/png", "", "bytes", "", ""}, {}});
  EXPECT_EQ(estimate_tokens(request), 8 + 2 + 1600);
  request.tools.push_back({"ab", "", "{}", false, {}});
  EXPECT_EQ(estimate_tokens(request), 16 + 1600 + 3);
}

TEST(Model, EveryNameIsKnown) {
  EXPECT_EQ(role_name(Role::kDeveloper), "developer");
  EXPECT_EQ(finish_reason_name(FinishReason::kPause), "pause");
  EXPECT_EQ(finish_reason_name(FinishReason::kOther), "other");
  EXPECT_EQ(find_dialect("openai_chat"), &openai_chat());
  EXPECT_EQ(find_dialect("anthropic_messages"), &anthropic_messages());
  EXPECT_EQ(find_dialect("telegraph"), nullptr);
}

}  // namespace
}  // namespace tau::wire
