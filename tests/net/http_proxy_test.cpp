// Pins proxies: what goes through them, and what they never get to see.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "support/loopback.h"
#include "tls_fixture.h"

namespace tau::net {
namespace {

using test::Reply;

// A proxy that knows CONNECT alone: it notes the head of each request, answers, and on 200 joins the client
// with the one server that it knows.
class ConnectProxy {
 public:
  explicit ConnectProxy(uint16_t target, std::string answer = "HTTP/1.1 200 OK\r\nx-proxy: 1\r\n\r\n")
      : target_(target), answer_(std::move(answer)) {}

  std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  std::vector<std::string> heads() const {
    const std::lock_guard lock(mutex_);
    return heads_;
  }

 private:
  void serve(int client) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      head.append(buffer, static_cast<size_t>(n));
    }
    {
      const std::lock_guard lock(mutex_);
      heads_.push_back(head);
    }
    test::send_all(client, answer_);
    while (answer_.empty() && recv(client, buffer, sizeof buffer, 0) > 0) {}
    if (answer_.find(" 200 ") == std::string::npos) return;
    const int backend = test::connect_to_loopback(target_);
    std::thread up([&] { copy(client, backend); });
    copy(backend, client);
    up.join();
    close(backend);
  }
  static void copy(int from, int to) {
    char buffer[16384];
    ssize_t n = 0;
    while ((n = recv(from, buffer, sizeof buffer, 0)) > 0 &&
           test::send_all(to, {buffer, static_cast<size_t>(n)})) {}
    shutdown(to, SHUT_RDWR);
    shutdown(from, SHUT_RDWR);
  }

  const uint16_t target_;
  const std::string answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> heads_;
  test::LoopbackServer server_{[this](int fd, int) { serve(fd); }};
};

class ProxyTest : public TlsTest {
 protected:
  void use(const std::string& proxy) {
    options.proxy = proxy;
    client = make_http_client(*loop, policy, credentials, options);
  }
  std::unique_ptr<test::TlsFront> tls = front({.identity = authority.issue("DNS:api.example")});
};

TEST_F(ProxyTest, HttpsGoesThroughATunnelThatSeesNoSecret) {
  ConnectProxy proxy(tls->port());
  use(proxy.origin());
  setenv("no_proxy", "*", 1);
  setenv("NO_PROXY", "api.example", 1);
  server.enqueue(Reply::sse().event("1"));
  credentials.origin = "https://api.example:443";
  HttpRequest request = get_from("https://api.example/x");
  request.credential_id = "provider";
  request.headers = {{"x-private", "1"}};
  EXPECT_TRUE(run(std::move(request), sink).ok()) << sink.result.to_string();
  unsetenv("no_proxy");
  unsetenv("NO_PROXY");
  EXPECT_EQ(sink.body, "data: 1\n\n");
  EXPECT_EQ(sink.header("x-proxy"), "") << "the proxy's answer is not the server's";
  EXPECT_EQ(server.requests().at(0).header("authorization"), "Bearer " + credentials.value);
  EXPECT_EQ(server.requests().at(0).target, "/x");
  ASSERT_EQ(proxy.heads().size(), 1u);
  EXPECT_TRUE(proxy.heads()[0].starts_with("CONNECT api.example:443 HTTP/1.1\r\n")) << proxy.heads()[0];
  EXPECT_EQ(proxy.heads()[0].find("uthorization"), std::string::npos);
  EXPECT_EQ(proxy.heads()[0].find(credentials.value), std::string::npos);
  EXPECT_EQ(proxy.heads()[0].find("x-private"), std::string::npos);
}

TEST_F(ProxyTest, TheCertificateBehindATunnelMustStillBeTheServers) {
  ConnectProxy proxy(tls->port());
  use(proxy.origin());
  const Status status = run(get_from("https://another.example/"), sink);
  EXPECT_EQ(status.reason(), "tls_failed") << status.to_string();
  EXPECT_FALSE(status.retryable());
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(ProxyTest, ACredentialIsNotSentInTheClearToAProxy) {
  use(server.url(""));
  credentials.origin = "http://api.example:80";
  HttpRequest request = get_from("http://api.example/");
  request.credential_id = "provider";
  const Status status = run(std::move(request), sink);
  EXPECT_EQ(status.reason(), "credential_over_proxy") << status.to_string();
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_TRUE(credentials.asked.empty());
}

TEST_F(ProxyTest, WhatAProxyRefusesIsItsOwnFailure) {
  struct Case {
    const char* answer;
    bool retryable;
  };
  for (const Case& c : {Case{"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", false},
                        Case{"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n", false},
                        Case{"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", true}}) {
    ConnectProxy proxy(tls->port(), c.answer);
    use(proxy.origin());
    TestSink each;
    const Status status = run(get_from("https://api.example/"), each);
    EXPECT_EQ(status.reason(), "proxy_refused") << status.to_string();
    EXPECT_EQ(status.retryable(), c.retryable) << status.to_string();
    EXPECT_NE(status.message().find(std::string(c.answer).substr(9, 3)), std::string_view::npos);
    EXPECT_EQ(each.heads, 0);
  }
}

// 127.0.0.1 of a proxy is another machine's.
TEST_F(ProxyTest, ThisMachineIsReachedWithoutTheProxy) {
  ConnectProxy proxy(tls->port());
  use(proxy.origin());
  server.enqueue(Reply::json("direct"));
  EXPECT_TRUE(run(get("/"), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(server.requests().at(0).target, "/");
  TestSink second;
  server.enqueue(Reply::json("direct"));
  EXPECT_TRUE(run(get_from("http://localhost:" + std::to_string(server.port()) + "/"), second).ok());
  EXPECT_TRUE(proxy.heads().empty());
  for (const std::string& address : policy.addresses) {
    EXPECT_EQ(address.find(proxy.origin()), std::string::npos) << address;
  }
}

TEST_F(ProxyTest, ASilentProxyMeetsTheConnectDeadline) {
  ConnectProxy proxy(tls->port(), "");
  use(proxy.origin());
  client->start(get_from("https://api.example/"), sink);
  ASSERT_TRUE(turn_until([&] { return proxy.heads().size() == 1; }));
  clock.advance_ms(Timeouts().connect_ms);
  run_ready();
  ASSERT_TRUE(sink.done);
  EXPECT_EQ(sink.result.reason(), "connect_timeout") << sink.result.to_string();
}

}  // namespace
}  // namespace tau::net
