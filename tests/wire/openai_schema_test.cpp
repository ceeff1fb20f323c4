// What is encoded in the dialects of OpenAI, against the schemas that are published.
#include <gtest/gtest.h>

#include <cstdlib>

#include "recordings.h"
#include "wire/transcode.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

std::string data_folder() {
  const char* data = std::getenv("TAU_SHARED_DATA");
  return data != nullptr ? data : "";
}

// The document is OpenAPI 3.1 with the "nullable" of 3.0, which JSON Schema does not know.
void allow_null(json::Value& value) {
  if (value.is_array())
    for (json::Value& item : value.mutable_array()) allow_null(item);
  if (!value.is_object()) return;
  for (auto& [key, member] : value.mutable_object()) allow_null(member);
  if (!value["nullable"].as_bool()) return;
  json::Value null = json::Value::object();
  null.set("type", "null");
  json::Value either = json::Value::object();
  value.erase("nullable");
  either.set("anyOf", json::Value(json::Value::Array{value, null}));
  value = either;
}

// Alternatives of which several fit: a message with a role and a list of contents is two kinds of item.
void let_overlap(json::Value& value) {
  if (value.is_array())
    for (json::Value& item : value.mutable_array()) let_overlap(item);
  if (!value.is_object()) return;
  for (auto& [key, member] : value.mutable_object()) {
    let_overlap(member);
    if (key == "oneOf") key = "anyOf";
  }
}

StatusOr<json::Schema> schema_of(const std::string& file, const std::string& name, bool overlaps = false) {
  std::string text;
  if (!test::read_xz(data_folder() + "/specs/" + file, text)) return not_found("no_schema", "xz");
  // A bound that was rounded beyond 64 bits says nothing.
  constexpr std::string_view kRounded = "9223372036854776000";
  for (size_t at = 0; (at = text.find(kRounded, at)) != text.npos;)
    text.replace(at, kRounded.size(), "9223372036854775807");
  TAU_ASSIGN_OR_RETURN(json::Value api, json::parse(text));
  allow_null(*api.find("components"));
  if (overlaps) let_overlap(*api.find("components"));
  json::Value schema = json::Value::object();
  schema.set("$ref", "#/components/schemas/" + name);
  schema.set("components", *api.find("components"));
  return json::Schema::compile(schema);
}

StatusOr<json::Schema> request_schema() {
  return schema_of("openai-openapi.json.xz", "CreateChatCompletionRequest");
}

class ChatSchema : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::have_recordings(data_folder() + "/provider-recordings"))
      GTEST_SKIP() << "no shared data in \"" << data_folder() << "\" (set TAU_SHARED_DATA)";
  }

  // Every recorded request of paths with this end.
  static void for_each(std::string_view path_end,
                       const std::function<void(const test::Interaction&)>& visit) {
    std::string error;
    const bool read = test::for_each_interaction(
        data_folder() + "/provider-recordings",
        [&](const test::Interaction& i) {
          if (i.path.ends_with(path_end)) visit(i);
        },
        error);
    EXPECT_TRUE(read) << error;
  }
};

// What a client sent may go beyond the schema, as the extensions of a provider do; encoding adds nothing to
// it.
TEST_F(ChatSchema, EncodingKeepsARequestValid) {
  const StatusOr<json::Schema> schema = request_schema();
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  int valid = 0;
  for_each("/chat/completions", [&](const test::Interaction& i) {
    const StatusOr<json::Value> sent = json::parse(i.request);
    if (!sent.ok() || !schema->validate(*sent).empty()) return;
    ++valid;
    const StatusOr<Request> request = openai_chat().decode_request(i.request);
    ASSERT_TRUE(request.ok()) << i.name;
    const std::string encoded = openai_chat().encode_request(*request, {}).value();
    EXPECT_EQ(schema->explain(json::parse(encoded).value()), "") << i.provider << " " << i.name;
  });
  EXPECT_GT(valid, 0);
}

TEST_F(ChatSchema, RequestsOfAnotherDialectBecomeValid) {
  const StatusOr<json::Schema> schema = request_schema();
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  Quirks reasoning_model;
  reasoning_model.max_completion_tokens = reasoning_model.developer_role = true;
  int checked = 0;
  for_each("/v1/messages", [&](const test::Interaction& i) {
    const StatusOr<Request> request = anthropic_messages().decode_request(i.request);
    if (!request.ok()) return;
    for (const Quirks& quirks : {Quirks(), reasoning_model}) {
      ++checked;
      const std::string encoded = openai_chat().encode_request(*request, quirks).value();
      EXPECT_EQ(schema->explain(json::parse(encoded).value()), "") << i.name << "\n"
                                                                   << encoded.substr(0, 3000);
    }
  });
  EXPECT_GT(checked, 0);
}

// The answers of chat completions as an agent that speaks Open Responses gets them.
TEST_F(ChatSchema, AnswersOfAnotherDialectAreOpenResponses) {
  const StatusOr<json::Schema> schema = schema_of("open-responses-openapi.json.xz", "ResponseResource");
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  int checked = 0;
  for_each("/chat/completions", [&](const test::Interaction& i) {
    if (i.status != 200 || !i.response.starts_with('{')) return;
    const StatusOr<Response> response = openai_chat().decode_response(i.response, {});
    if (!response.ok() || !response->usage.known) return;
    ++checked;
    const std::string encoded = openai_responses().encode_response(*response);
    EXPECT_EQ(schema->explain(json::parse(encoded).value()), "") << i.name << "\n" << encoded.substr(0, 3000);
  });
  EXPECT_GT(checked, 0);
}

TEST_F(ChatSchema, RequestsOfAnotherDialectBecomeRequestsForResponses) {
  const StatusOr<json::Schema> schema = schema_of("openai-openapi.json.xz", "CreateResponse", true);
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  int checked = 0;
  for (const std::string_view path : {"/chat/completions", "/v1/messages"})
    for_each(path, [&](const test::Interaction& i) {
      const Dialect& from = path == "/v1/messages" ? anthropic_messages() : openai_chat();
      const StatusOr<Request> request = from.decode_request(i.request);
      if (!request.ok()) return;
      // Servers take audio that the published schema does not know.
      if (i.request.find("input_audio") != i.request.npos) return;
      ++checked;
      const std::string encoded = openai_responses().encode_request(*request, {}).value();
      EXPECT_EQ(schema->explain(json::parse(encoded).value()), "") << i.name << "\n"
                                                                   << encoded.substr(0, 3000);
    });
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace tau::wire
