// What the tests of the HTTP client share: a loop on a fake clock, a scripted server, a policy, a vault, a
// sink.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/net.h"
#include "support/clients.h"
#include "support/fake_clock.h"
#include "support/scripted_server.h"

namespace tau::net {

class TestPolicy final : public EgressPolicy {
 public:
  Status check_url(const Url& url) override {
    urls.push_back(url.origin());
    return allow_urls ? ok_status() : permission_denied("test_policy", "no such place");
  }
  Status check_address(const Url& url, const Address& address) override {
    addresses.push_back(url.origin() + " " + address.to_string());
    return allow_addresses ? ok_status() : permission_denied("test_policy", "no such address");
  }
  Status check_content(const Url&, std::string_view text) override {
    const bool forbidden = !forbidden_text.empty() && text.find(forbidden_text) != text.npos;
    return forbidden ? permission_denied("egress_test", "not this text") : ok_status();
  }
  std::string forbidden_text;
  bool allow_urls = true;
  bool allow_addresses = true;
  std::vector<std::string> urls;
  std::vector<std::string> addresses;
};

class TestCredentials final : public CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view id, const Url& url) override {
    asked.emplace_back(id);
    if (url.origin() != origin)
      return permission_denied("credential_origin_mismatch", "bound to another origin");
    return Secret(value);
  }
  std::string origin;
  std::string value = std::string(3, 'k') + "-1";
  std::vector<std::string> asked;
};

// Records what it is told and runs what a test hangs into it.
class TestSink final : public HttpSink {
 public:
  void on_head(int s, const std::vector<std::pair<std::string, std::string>>& h) override {
    EXPECT_FALSE(done);
    EXPECT_EQ(heads++, 0);
    status = s;
    headers = h;
    if (at_head) at_head();
  }
  void on_body(std::string_view bytes) override {
    EXPECT_FALSE(done);
    EXPECT_EQ(heads, 1);
    body += bytes;
    if (at_body) at_body();
  }
  void on_done(const Status& s) override {
    EXPECT_FALSE(done) << "on_done came twice";
    done = true;
    result = s;
    if (at_done) at_done();
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }

  int heads = 0;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool done = false;
  Status result;
  std::function<void()> at_head;
  std::function<void()> at_body;
  std::function<void()> at_done;
};

class HttpTest : public testing::Test {
 protected:
  HttpTest() { credentials.origin = server.url(""); }

  HttpRequest get(std::string_view target = "/") {
    HttpRequest request;
    request.method = "GET";
    request.url = server.url(target);
    return request;
  }
  HttpRequest post(std::string body, std::string_view target = "/") {
    HttpRequest request = get(target);
    request.method = "POST";
    request.body = std::move(body);
    return request;
  }

  // Turns the loop until the condition holds; false when nothing happens for ten seconds.
  bool run_until(const std::function<bool()>& condition) {
    while (!condition()) {
      const int before = turns_;
      StatusOr<int> ran = loop->process(10'000);
      if (!ran.ok()) return false;
      turns_ += *ran;
      if (turns_ == before && ++silent_turns_ > 100) return false;
    }
    return true;
  }
  // The same for a condition that no event of the loop announces, such as what a server has seen.
  bool turn_until(const std::function<bool()>& condition) {
    for (int turn = 0; turn < 10'000 && !condition(); ++turn) {
      if (!loop->process(1).ok()) return false;
    }
    return condition();
  }
  // Runs what is ready, and what that makes ready.
  void run_ready() {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(loop->process(0).ok());
  }
  // Runs one request to its end.
  Status run(HttpRequest request, TestSink& sink) {
    client->start(std::move(request), sink);
    EXPECT_FALSE(sink.done);
    EXPECT_TRUE(run_until([&] { return sink.done; }));
    return sink.result;
  }

  test::FakeClock clock;
  std::unique_ptr<EventLoop> loop = *EventLoop::create(clock);
  test::ScriptedServer server;
  TestPolicy policy;
  TestCredentials credentials;
  HttpClientOptions options = test::client_options();
  std::unique_ptr<HttpClient> client = make_http_client(*loop, policy, credentials, options);
  TestSink sink;

 private:
  int turns_ = 0;
  int silent_turns_ = 0;
};

}  // namespace tau::net
