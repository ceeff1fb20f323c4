// Dialects over HTTP: the path, the headers and the framing of each.
#include "provider/endpoint.h"

#include "http_model_fixture.h"
#include "provider/aws_signature.h"
#include "wire/event_stream.h"

namespace tau::provider {
namespace {

using HeaderType = wire::EventHeader::Type;

std::string converse_event(std::string_view type, std::string_view payload) {
  std::string out;
  wire::append_event_message(
      out, {{":event-type", HeaderType::kString, type}, {":message-type", HeaderType::kString, "event"}},
      payload);
  return out;
}

std::string converse_stream() {
  return converse_event("messageStart", R"({"role":"assistant"})") +
         converse_event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"hello"}})") +
         converse_event("messageStop", R"({"stopReason":"end_turn"})") +
         converse_event("metadata", R"({"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}})");
}

class EndpointTest : public HttpModelTest {
 protected:
  void use(const wire::Dialect& dialect, std::string_view base, std::string model) {
    route_.dialect = &dialect;
    route_.base_url = server_.url(base);
    route_.model = std::move(model);
    request_.model = route_.model;
    route_.credential_id = "k";
  }
};

TEST(Endpoint, UrlsOfTheDialects) {
  const auto url = [](std::string_view dialect, std::string base, std::string query = {}) {
    Route route;
    route.dialect = wire::find_dialect(dialect);
    route.base_url = std::move(base);
    route.query = std::move(query);
    route.model = "a.b:1/c d";
    return endpoint_url(route, true);
  };
  EXPECT_EQ(url("openai_chat", "https://h/v1"), "https://h/v1/chat/completions");
  EXPECT_EQ(url("openai_chat", "https://h/openai/deployments/{model}", "api-version=1"),
            "https://h/openai/deployments/a.b%3A1%2Fc%20d/chat/completions?api-version=1");
  EXPECT_EQ(url("anthropic_messages", "https://h/v1"), "https://h/v1/messages");
  EXPECT_EQ(url("openai_responses", "https://h/v1"), "https://h/v1/responses");
  const std::string gemini = "https://h/v1beta/models/a.b%3A1%2Fc%20d:streamGenerateContent?alt=sse";
  EXPECT_EQ(url("gemini", "https://h/v1beta"), gemini);
  EXPECT_EQ(url("gemini", "https://h/v1beta", "a=b"), gemini + "&a=b");
  EXPECT_EQ(url("bedrock_converse", "https://h"), "https://h/model/a.b%3A1%2Fc%20d/converse-stream");
  EXPECT_EQ(url("cohere_chat", "https://h/v2"), "https://h/v2/chat");
  EXPECT_EQ(url("ollama_chat", "http://h"), "http://h/api/chat");
}

TEST_F(EndpointTest, BedrockWithABearerKey) {
  use(wire::bedrock_converse(), "", "amazon.nova:0");
  server_.enqueue(
      Reply().header("content-type", "application/vnd.amazon.eventstream").chunked().body(converse_stream()));
  start();
  finish();
  ASSERT_TRUE(sink_.response) << (sink_.failure ? sink_.failure->to_string() : "");
  EXPECT_EQ(sink_.response->message.text(), "hello");
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/model/amazon.nova%3A0/converse-stream");
  EXPECT_EQ(request.header("authorization"), "Bearer " + test_key());
  EXPECT_EQ(request.header("accept"), "application/vnd.amazon.eventstream");
}

TEST_F(EndpointTest, BedrockThrottledByTheNameOfTheError) {
  use(wire::bedrock_converse(), "", "m");
  server_.enqueue(Reply::json(R"({"message":"slow down"})", 400)
                      .header("x-amzn-errortype", "ThrottlingException:http://x/"));
  server_.enqueue(
      Reply().header("content-type", "application/vnd.amazon.eventstream").chunked().body(converse_stream()));
  start();
  finish();
  EXPECT_TRUE(sink_.response);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(EndpointTest, ADamagedEventStreamIsAFailure) {
  use(wire::bedrock_converse(), "", "m");
  route_.retry.max_attempts = 1;
  std::string body = converse_stream();
  body[body.size() / 2] = static_cast<char>(body[body.size() / 2] ^ 1);
  server_.enqueue(Reply().header("content-type", "application/vnd.amazon.eventstream").chunked().body(body));
  start();
  finish();
  ASSERT_TRUE(sink_.failure);
  EXPECT_EQ(sink_.failure->reason(), "event_stream_corrupt");
}

TEST_F(EndpointTest, CohereOverServerSentEvents) {
  use(wire::cohere_chat(), "/v2", "command");
  server_.enqueue(
      Reply::sse()
          .event(R"({"type":"message-start","id":"i","delta":{"message":{"role":"assistant"}}})",
                 "message-start")
          .event(R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"hello"}}}})",
                 "content-delta")
          .event(R"({"type":"message-end","delta":{"finish_reason":"COMPLETE"}})", "message-end"));
  start();
  finish();
  ASSERT_TRUE(sink_.response) << (sink_.failure ? sink_.failure->to_string() : "");
  EXPECT_EQ(sink_.response->message.text(), "hello");
  EXPECT_EQ(server_.requests().at(0).target, "/v2/chat");
}

TEST_F(EndpointTest, OllamaOverLinesTheLastWithoutAnEnd) {
  use(wire::ollama_chat(), "", "q");
  route_.credential_id.clear();
  server_.enqueue(
      Reply()
          .header("content-type", "application/x-ndjson")
          .chunked()
          .body(R"({"model":"q","message":{"role":"assistant","content":"hel)")
          .body("lo\"},\"done\":false}\n")
          .body(
              R"({"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"})"));
  start();
  finish();
  ASSERT_TRUE(sink_.response) << (sink_.failure ? sink_.failure->to_string() : "");
  EXPECT_EQ(sink_.response->message.text(), "hello");
  EXPECT_EQ(server_.requests().at(0).target, "/api/chat");
}

TEST_F(EndpointTest, AzureHasADeploymentAVersionAndAHeaderOfItsOwn) {
  use(wire::openai_chat(), "/openai/deployments/{model}", "gpt");
  route_.query = "api-version=2024-10-21";
  route_.credential_header = "api-key";
  server_.enqueue(good());
  start();
  finish();
  EXPECT_TRUE(sink_.response);
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/openai/deployments/gpt/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(request.header("api-key"), test_key());
}

}  // namespace
}  // namespace tau::provider
