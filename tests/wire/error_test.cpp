// Typed errors out of every shape of error body.
#include <gtest/gtest.h>

#include "wire/wire.h"

namespace tau::wire {
namespace {

struct Case {
  int http;
  const char* body;
  const char* reason;
  bool retryable;
  int64_t after_ms = -1;
};

TEST(DecodeError, ReadsEveryEnvelope) {
  const Case cases[] = {
      {400, R"({"error":{"message":"bad","type":"invalid_request_error","code":null}})", "invalid_request",
       false},
      {400, R"({"error":{"message":"x","code":"context_length_exceeded"}})", "context_length_exceeded",
       false},
      {400,
       R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}})",
       "context_length_exceeded", false},
      {400, R"({"error":{"code":400,"message":"no","type":"exceed_context_size_error"}})",
       "context_length_exceeded", false},
      {401, R"({"detail":"Invalid API Key"})", "authentication_failed", false},
      {403, R"({"error":{"code":"forbidden","message":"Forbidden","type":"invalid_request_error"}})",
       "authentication_failed", false},
      {402, R"({"error":{"message":"Insufficient Balance"}})", "quota_exhausted", false},
      {404, R"({"error":"model not found"})", "not_found", false},
      {422, R"({"detail":[{"loc":["body"],"msg":"field required"}]})", "invalid_request", false},
      {429, R"({"error":{"message":"slow down","type":"tokens"}})", "rate_limited", true},
      {429, "", "rate_limited", true},
      {429, R"({"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}})",
       "quota_exhausted", false},
      {429,
       R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota",
           "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}])",
       "rate_limited", true, 34'400},
      {429, R"({"error":{"message":"Rate limit reached. Please try again in 1m2.5s."}})", "rate_limited",
       true, 62'500},
      {429, R"({"error":{"message":"Please try again in 250ms"}})", "rate_limited", true, 250},
      {500, R"({"error":{"message":"oops","type":"server_error"}})", "server_error", true},
      {502, "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>", "server_error",
       true},
      {503, "upstream connect error", "overloaded", true},
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})", "overloaded",
       true},
      {408, "", "server_error", true},
      {418, "\xff\xfe", "invalid_request", false},
  };
  for (const Case& c : cases)
    for (const Dialect* dialect : {&openai_chat(), &anthropic_messages()}) {
      const Status status = dialect->decode_error(c.http, c.body);
      SCOPED_TRACE(c.body);
      EXPECT_FALSE(status.ok());
      EXPECT_EQ(status.reason(), c.reason);
      EXPECT_EQ(status.retryable(), c.retryable);
      EXPECT_EQ(status.retry_after_ms(), c.after_ms);
      EXPECT_TRUE(is_valid_utf8(status.message()));
      EXPECT_NE(status.details_json().find(std::to_string(c.http)), std::string_view::npos);
    }
}

TEST(DecodeError, HtmlBecomesItsText) {
  const Status status =
      openai_chat().decode_error(502, "<html><style>a{b}</style><h1>502</h1>\n <p>Bad   Gateway</p></html>");
  EXPECT_EQ(status.message(), "HTTP 502: 502 Bad Gateway");
}

TEST(EncodeError, SurvivesItsOwnDialect) {
  const int https[] = {400, 401, 404, 429, 529};
  for (const Dialect* dialect : {&openai_chat(), &anthropic_messages()})
    for (const int http : https) {
      const Status status = dialect->decode_error(http, R"({"error":{"message":"m"}})");
      const Status back = dialect->decode_error(http, dialect->encode_error(status));
      EXPECT_EQ(back.reason(), status.reason()) << http;
      EXPECT_EQ(back.retryable(), status.retryable()) << http;
    }
}

}  // namespace
}  // namespace tau::wire
