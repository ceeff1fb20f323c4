// One route over real HTTP: streaming, retries, deadlines, typed errors, keys bound to their origin.
#include "http_model_fixture.h"

namespace tau::provider {
namespace {

TEST_F(HttpModelTest, StreamsAnAnswerAndSendsTheKeyAndTheRequestId) {
  server_.enqueue(good());
  route_.credential_id = "test";
  start();
  finish();
  ASSERT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_EQ(sink_.response->finish, wire::FinishReason::kStop);
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/v1/chat/completions");
  EXPECT_EQ(request.header("authorization"), "Bearer " + test_key());
  EXPECT_EQ(request.header("x-request-id"), "run_1.m1");
}

TEST_F(HttpModelTest, AKeyNeverLeavesForAnotherOrigin) {
  keys_.origin = "https://elsewhere.example:443";
  route_.credential_id = "test";
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "credential_origin_mismatch");
  EXPECT_TRUE(server_.requests().empty());
}

// Errors come as servers write them; whoever shows one screens it, and the key is known by then.
TEST_F(HttpModelTest, AnErrorThatRepeatsTheKeyIsScreenedByWhoShowsIt) {
  const std::string key = test_key();
  for (const char* place :
       {R"({"error":{"message":"Incorrect API key provided: Bearer %"}})", "no: %%", "% %"}) {
    std::string body = place;
    for (size_t at = body.find('%'); at != body.npos; at = body.find('%')) body.replace(at, 1, key);
    route_.credential_id = "test";
    server_.enqueue(Reply::json(body, 401));
    start();
    finish();
    EXPECT_EQ(sink_.failure->code(), Code::kUnauthenticated);
    const auto& screen = keys_.screening.current()->secrets;
    const std::string shown = safety::redact(screen, sink_.failure->message());
    EXPECT_EQ(shown.find(key), std::string::npos) << shown;
    EXPECT_NE(shown.find("[redacted:"), std::string::npos) << shown;
    EXPECT_EQ(safety::redact(screen, sink_.failure->details_json()).find(key), std::string::npos);
  }
}

TEST_F(HttpModelTest, AWebPageIsNamedAndNotAskedForAgain) {
  server_.enqueue(Reply(200).header("content-type", "text/html; charset=utf-8").body("<html>log in</html>"));
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "unexpected_content");
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HttpModelTest, AnAnswerWithVeryManyToolCallsIsRefused) {
  Reply streamed = Reply::sse();
  std::string whole;
  for (int i = 0; i < 1025; ++i) {
    const std::string call = format(
        R"({{"index":{},"id":"c{}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}})", i, i);
    streamed.event(R"({"choices":[{"index":0,"delta":{"tool_calls":[)" + call + "]}}]}");
    whole += (i == 0 ? "" : ",") + call;
  }
  server_.enqueue(streamed.event("[DONE]"));
  server_.enqueue(
      Reply::json(R"({"choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant",)"
                  R"("content":null,"tool_calls":[)" +
                  whole + "]}}]}"));
  for (int i = 0; i < 2; ++i) {
    start();
    finish();
    ASSERT_TRUE(sink_.failure.has_value());
    EXPECT_EQ(sink_.failure->reason(), "too_many_tool_calls");
    sink_.failure.reset();
  }
}

TEST_F(HttpModelTest, AnthropicUsesItsOwnHeaders) {
  route_.dialect = &wire::anthropic_messages();
  route_.credential_id = "test";
  server_.enqueue(
      Reply::json(R"({"type":"error","error":{"type":"authentication_error","message":"bad key"}})", 401));
  start();
  finish();
  EXPECT_EQ(sink_.failure->code(), Code::kUnauthenticated);
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.target, "/v1/messages");
  EXPECT_EQ(request.header("x-api-key"), test_key());
  EXPECT_FALSE(request.header("anthropic-version").empty());
}

TEST_F(HttpModelTest, GeminiHasTheModelInItsUrl) {
  route_.dialect = &wire::gemini_generate();
  route_.credential_id = "test";
  route_.model = "a/../b?c";
  const std::string answer =
      R"({"candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"finishReason":"STOP"}]})";
  server_.enqueue(Reply::sse().event(answer));
  server_.enqueue(Reply::json(answer));
  for (const bool stream : {true, false}) {
    request_.stream = stream;
    sink_ = {};
    start();
    finish();
    ASSERT_TRUE(sink_.response.has_value());
    EXPECT_EQ(sink_.response->message.text(), "hello");
  }
  const auto streamed = server_.requests().at(0);
  EXPECT_EQ(streamed.target, "/v1/models/a%2F..%2Fb%3Fc:streamGenerateContent?alt=sse");
  EXPECT_EQ(streamed.header("x-goog-api-key"), test_key());
  EXPECT_EQ(server_.requests().at(1).target, "/v1/models/a%2F..%2Fb%3Fc:generateContent");
}

TEST_F(HttpModelTest, ResponsesAreAskedBelowTheirPath) {
  route_.dialect = &wire::openai_responses();
  route_.credential_id = "test";
  server_.enqueue(
      Reply::sse()
          .event(R"({"type":"response.created","response":{"id":"r","model":"m","output":[]}})")
          .event(
              R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hello"})")
          .event(R"({"type":"response.completed","response":{"id":"r","status":"completed","output":[]}})"));
  start();
  finish();
  ASSERT_TRUE(sink_.response.has_value());
  EXPECT_EQ(sink_.response->message.text(), "hello");
  EXPECT_EQ(server_.requests().at(0).target, "/v1/responses");
  EXPECT_EQ(server_.requests().at(0).header("authorization"), "Bearer " + test_key());
}

TEST_F(HttpModelTest, RetriesWhatMayHelpAndSaysHowTheFirstAttemptFailed) {
  server_.enqueue(Reply::json(R"({"error":{"message":"slow down","type":"rate_limit"}})", 429));
  server_.enqueue(Reply::json("busy", 503));
  server_.enqueue(good());
  start();
  finish();
  ASSERT_TRUE(sink_.response.has_value());
  EXPECT_EQ(sink_.attempts, 3);
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(server_.requests()[0].body, server_.requests()[2].body);
}

TEST_F(HttpModelTest, GivesUpAfterTheLastAttemptWithTheProvidersReason) {
  for (int i = 0; i < 3; ++i) server_.enqueue(Reply::json(R"({"error":{"message":"slow down"}})", 429));
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "rate_limited");
  EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(HttpModelTest, ALongRetryAfterFailsAtOnceAndIsReported) {
  server_.enqueue(Reply::json(R"({"error":{"message":"slow down"}})", 429).header("retry-after", "3600"));
  start();
  finish();
  EXPECT_EQ(sink_.failure->retry_after_ms(), 3'600'000);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HttpModelTest, BadRequestsAreNotRetried) {
  server_.enqueue(
      Reply::json(R"({"error":{"message":"no such parameter","type":"invalid_request_error"}})", 400));
  start();
  finish();
  EXPECT_EQ(sink_.failure->code(), Code::kInvalidArgument);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(HttpModelTest, NothingIsRetriedOnceTheHostHasSeenText) {
  server_.enqueue(Reply::sse().event(kHello).reset());
  server_.enqueue(good());
  start();
  finish();
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(sink_.partial.message.text(), "hello");
}

TEST_F(HttpModelTest, AStreamWithoutItsEndIsTruncated) {
  server_.enqueue(Reply::sse().event(kHello));
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "stream_truncated");
}

TEST_F(HttpModelTest, AnErrorInsideA200StreamIsAFailure) {
  server_.enqueue(Reply::sse().event(R"({"error":{"message":"overloaded","code":529}})"));
  server_.enqueue(good());
  start();
  finish();
  // Nothing had been shown: it was tried again if the provider's error allows that.
  EXPECT_TRUE(sink_.over());
  EXPECT_GE(server_.requests().size(), 1u);
}

TEST_F(HttpModelTest, PingsDoNotCountAsProgress) {
  route_.deadlines.progress_ms = 60;
  route_.retry.max_attempts = 1;
  server_.enqueue(Reply::sse().body(": ping\n\n").hold("never"));
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "progress_timeout");
  server_.release("never");
}

TEST_F(HttpModelTest, ASilentServerMeetsTheFirstByteDeadline) {
  route_.deadlines.first_byte_ms = 60;
  route_.retry.max_attempts = 1;
  server_.enqueue(Reply::sse().never());
  start();
  finish();
  EXPECT_EQ(sink_.failure->code(), Code::kDeadlineExceeded);
  EXPECT_EQ(sink_.failure->reason(), "first_byte_timeout");
}

TEST_F(HttpModelTest, CancelReturnsWhatHadArrivedAndClosesTheConnection) {
  server_.enqueue(Reply::sse().event(kHello).hold("mid"));
  start();
  const int64_t end = system_clock().monotonic_ns() + 20'000 * kNanosPerMilli;
  while (sink_.text.empty() && system_clock().monotonic_ns() < end) ASSERT_TRUE(loop_->process(20).ok());
  const wire::Response partial = model_->cancel(id_);
  EXPECT_EQ(partial.message.text(), "hello");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(loop_->process(5).ok());
  server_.release("mid");
  EXPECT_TRUE(server_.wait_disconnects(1));
  EXPECT_FALSE(sink_.over());
}

TEST_F(HttpModelTest, AWholeAnswerIsAcceptedWhereAStreamWasAskedFor) {
  server_.enqueue(Reply::json(
      R"({"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]})"));
  start();
  finish();
  ASSERT_TRUE(sink_.response.has_value());
  EXPECT_EQ(sink_.text, "whole");
}

TEST_F(HttpModelTest, NobodyListeningIsUnavailable) {
  route_.base_url = "http://127.0.0.1:" + std::to_string(ScriptedServer::closed_port());
  start();
  finish();
  EXPECT_EQ(sink_.failure->reason(), "connect_failed");
  EXPECT_EQ(sink_.attempts, 3);
}

}  // namespace
}  // namespace tau::provider
