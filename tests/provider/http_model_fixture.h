// What the tests of one route over HTTP share: a scripted provider, a key, a sink.
#pragma once

#include <gtest/gtest.h>

#include "recording_sink.h"
#include "safety/safety.h"
#include "support/clients.h"
#include "support/scripted_server.h"

namespace tau::provider {

using test::Reply;
using test::ScriptedServer;

class AllowAll final : public net::EgressPolicy {
 public:
  Status check_url(const net::Url&) override { return ok_status(); }
  Status check_address(const net::Url&, const net::Address&) override { return ok_status(); }
};

inline std::string test_key() { return "k-" + std::string("1234567"); }

// Known to the scanners before it goes out, as the runtime's are.
class OneKey final : public net::CredentialSource {
 public:
  std::string origin;
  safety::Screening screening{{.credentials = false, .personal = {}}};
  StatusOr<Secret> get(std::string_view id, const net::Url& url) override {
    if (url.origin() != origin) return permission_denied("credential_origin_mismatch", "not its origin");
    EXPECT_TRUE(screening.add_secret(id, Secret(test_key())).ok());
    return Secret(test_key());
  }
};

inline constexpr std::string_view kHello =
    R"({"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":null}]})";
inline constexpr std::string_view kStop =
    R"({"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

inline Reply good() { return Reply::sse().event(kHello).event(kStop).event("[DONE]"); }

class HttpModelTest : public testing::Test {
 protected:
  explicit HttpModelTest(Clock& clock = system_clock()) : loop_(*net::EventLoop::create(clock)) {}
  void SetUp() override {
    http_ = net::make_http_client(*loop_, egress_, keys_, test::client_options());
    route_.provider = "test";
    route_.model = "m";
    route_.base_url = server_.url("/v1");
    route_.dialect = &wire::openai_chat();
    route_.retry = {.max_attempts = 3, .base_delay_ms = 1, .max_delay_ms = 2, .max_retry_after_ms = 1'000};
    keys_.origin = net::parse_url(route_.base_url)->origin();
    request_.model = "m";
    request_.stream = true;
    request_.messages.push_back(wire::text_message(wire::Role::kUser, "hi", Labels::from(Source::kUser)));
  }
  void start() {
    model_ = make_http_model(route_, *http_, *loop_, *random_);
    ModelCall call;
    call.request_id = "run_1.m1";
    call.request = &request_;
    id_ = model_->start(std::move(call), sink_);
  }
  void finish() {
    const int64_t end = system_clock().monotonic_ns() + 20'000 * kNanosPerMilli;
    while (!sink_.over() && system_clock().monotonic_ns() < end) EXPECT_TRUE(loop_->process(20).ok());
    ASSERT_TRUE(sink_.over());
  }

  ScriptedServer server_;
  AllowAll egress_;
  OneKey keys_;
  std::unique_ptr<net::EventLoop> loop_;
  Random* random_ = &system_random();
  std::unique_ptr<net::HttpClient> http_;
  Route route_;
  wire::Request request_;
  std::unique_ptr<Model> model_;
  RecordingSink sink_;
  CallId id_ = 0;
};

}  // namespace tau::provider
