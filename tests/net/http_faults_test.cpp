// Pins what each fault of a server or a network is called, whether a retry may help, and the time limits.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "net/transfer_error.h"

namespace tau::net {
namespace {

using test::Reply;

class HttpFaultTest : public HttpTest {
 protected:
  void expect_failure(const Status& status, std::string_view reason, bool retryable) {
    EXPECT_EQ(status.reason(), reason) << status.to_string();
    EXPECT_EQ(status.retryable(), retryable) << status.to_string();
  }
  // It fails that way when `ms` have passed, and not before.
  void expect_expiry(int64_t ms, std::string_view reason, bool retryable) {
    clock.advance_ms(ms - 1);
    run_ready();
    EXPECT_FALSE(sink.done);
    clock.advance_ms(1);
    run_ready();
    ASSERT_TRUE(sink.done);
    expect_failure(sink.result, reason, retryable);
  }
};

TEST_F(HttpFaultTest, NobodyListens) {
  HttpRequest request = get();
  request.url = "http://127.0.0.1:" + std::to_string(test::ScriptedServer::closed_port()) + "/";
  expect_failure(run(std::move(request), sink), "connect_failed", true);
}

TEST_F(HttpFaultTest, BadUrls) {
  for (const char* url : {"", "ftp://a/", "http://u:p@127.0.0.1/", "http://0x7f000001/", "file:///etc/passwd",
                          "unix:///run/a.sock", "http+unix://%2Frun%2Fa.sock/", "http://%2Frun%2Fa.sock/",
                          "http:///run/a.sock", "data:,x"}) {
    HttpRequest request = get();
    request.url = url;
    TestSink each;
    expect_failure(run(std::move(request), each), "invalid_url", false);
  }
}

TEST_F(HttpFaultTest, ConnectionsThatBreak) {
  struct Case {
    const char* name;
    Reply reply;
    const char* reason;
    bool retryable;
  };
  const Case cases[] = {
      {"closed before the response", Reply::raw().close(), "connection_reset", true},
      {"reset before the response", Reply::raw().reset(), "connection_reset", true},
      {"cut in the head", Reply::raw().bytes("HTTP/1.1 200 OK\r\ncontent-"), "connection_reset", false},
      {"cut by length", Reply().declare_length(10).body("abc").close(), "connection_reset", false},
      {"cut in a chunk", Reply().chunked().body("abc").bytes("5\r\nab").close(), "connection_reset", false},
      {"no last chunk", Reply::sse().event("1").close(), "connection_reset", false},
  };
  for (const Case& c : cases) {
    server.enqueue(c.reply);
    TestSink each;
    SCOPED_TRACE(c.name);
    expect_failure(run(post("x"), each), c.reason, c.retryable);
  }
}

TEST_F(HttpFaultTest, AResetInMidBodyIsNotRetryable) {
  server.enqueue(Reply::sse().event("1").hold("seen").reset());
  client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  server.release("seen");
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  expect_failure(sink.result, "connection_reset", false);
}

TEST_F(HttpFaultTest, ResponsesThatAreNotHttp) {
  const Reply replies[] = {
      Reply::raw().bytes("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
      Reply::raw().bytes("HTTP/1.1 abc\r\n\r\n"),
      Reply::raw().bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"),
      Reply::raw().bytes("HTTP/1.1 200 OK\r\nx: " + std::string(300'000, 'h') + "\r\n\r\n"),
      Reply()
          .header("x-a", std::string(90'000, 'a'))
          .header("x-b", std::string(90'000, 'b'))
          .header("x-c", std::string(90'000, 'c')),
  };
  for (const Reply& reply : replies) {
    server.enqueue(reply);
    TestSink each;
    expect_failure(run(get(), each), "invalid_response", false);
    EXPECT_EQ(each.body, "");
  }
}

TEST_F(HttpFaultTest, ABodyBeyondTheLimit) {
  server.enqueue(Reply().body("0123456789"));
  HttpRequest request = get();
  request.max_response_bytes = 10;
  EXPECT_TRUE(run(request, sink).ok());
  server.enqueue(Reply::sse().body("0123456789").hold("ten").body("x").never());
  TestSink second;
  client->start(request, second);
  ASSERT_TRUE(run_until([&] { return second.body.size() == 10; }));
  server.release("ten");
  ASSERT_TRUE(run_until([&] { return second.done; }));
  expect_failure(second.result, "response_too_large", false);
  EXPECT_EQ(second.result.code(), Code::kResourceExhausted);
  EXPECT_EQ(second.body, "0123456789");
  EXPECT_TRUE(server.wait_disconnects(1));
}

// A pooled connection that broke says nothing about the server: the request is repeated on a new one.
TEST_F(HttpFaultTest, AResetOfAPooledConnectionIsRetriedOnceSilently) {
  server.enqueue(Reply::json("1"));
  ASSERT_TRUE(run(get(), sink).ok());
  server.enqueue(Reply::raw().reset());
  server.enqueue(Reply::json("again"));
  TestSink second;
  ASSERT_TRUE(run(post("payload"), second).ok()) << second.result.to_string();
  EXPECT_EQ(second.body, "again");
  EXPECT_EQ(second.heads, 1);
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(server.requests().at(1).body, "payload");
  EXPECT_EQ(server.requests().at(2).body, "payload");
}

TEST_F(HttpFaultTest, ASecondResetIsReported) {
  server.enqueue(Reply::json("1"));
  ASSERT_TRUE(run(get(), sink).ok());
  server.enqueue(Reply::raw().reset());
  server.enqueue(Reply::raw().reset());
  TestSink second;
  expect_failure(run(post("payload"), second), "connection_reset", true);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(HttpFaultTest, APooledConnectionThatBreaksAfterALineIsNotRetried) {
  for (const bool reset : {false, true}) {
    server.enqueue(Reply::json("1"));
    TestSink before;
    ASSERT_TRUE(run(get(), before).ok());
    const size_t asked = server.requests().size();
    Reply cut = Reply::raw().bytes("HTTP/1.1 200 OK\r\n").hold(reset ? "reset" : "close");
    server.enqueue(reset ? cut.reset() : cut.close());
    TestSink each;
    client->start(post("payload"), each);
    ASSERT_TRUE(turn_until([&] { return server.requests().size() == asked + 1; }));
    run_ready();
    server.release(reset ? "reset" : "close");
    ASSERT_TRUE(run_until([&] { return each.done; }));
    expect_failure(each.result, "connection_reset", false);
    EXPECT_EQ(server.requests().size(), asked + 1);
  }
}

TEST_F(HttpFaultTest, AFreshConnectionThatBreaksIsNotRetried) {
  server.enqueue(Reply::raw().reset());
  expect_failure(run(post("payload"), sink), "connection_reset", true);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(HttpFaultTest, TwoStalePooledConnectionsEndInAReportNotInAThirdTry) {
  server.enqueue(Reply::sse().hold("both"));
  server.enqueue(Reply::sse().hold("both"));
  TestSink a;
  TestSink b;
  client->start(get(), a);
  client->start(get(), b);
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 2; }));
  server.release("both");
  ASSERT_TRUE(run_until([&] { return a.done && b.done; }));
  ASSERT_EQ(server.connections(), 2u);
  server.set_handler([](const test::RecordedRequest&) { return Reply::raw().reset(); });
  expect_failure(run(post("payload"), sink), "connection_reset", true);
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST_F(HttpFaultTest, AConnectionThatTheServerClosedWhileIdleIsNotUsed) {
  server.enqueue(Reply::json("1"));
  server.enqueue(Reply::json("2"));
  ASSERT_TRUE(run(get(), sink).ok());
  server.close_idle();
  TestSink second;
  ASSERT_TRUE(run(get(), second).ok());
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(HttpFaultTest, FirstByteTimeout) {
  server.enqueue(Reply::raw().never());
  HttpRequest request = post("x");
  request.timeouts.first_byte_ms = 500;
  client->start(request, sink);
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 1; }));
  expect_expiry(500, "first_byte_timeout", true);
  EXPECT_TRUE(server.wait_disconnects(1));
}

TEST_F(HttpFaultTest, IdleTimeoutCountsFromTheLastByte) {
  server.enqueue(Reply::sse().event("1").hold("a").event("2").never());
  HttpRequest request = get();
  request.timeouts.idle_ms = 500;
  client->start(request, sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  clock.advance_ms(400);
  server.release("a");
  ASSERT_TRUE(run_until([&] { return sink.body.size() > 10; }));
  expect_expiry(500, "idle_timeout", false);
  EXPECT_TRUE(server.wait_disconnects(1));
}

TEST_F(HttpFaultTest, TotalTimeoutHoldsHoweverBusyTheStreamIs) {
  server.enqueue(Reply::sse().event("1").hold("a").event("2").hold("b").event("3").never());
  HttpRequest request = get();
  request.timeouts.total_ms = 1000;
  client->start(request, sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  clock.advance_ms(600);
  server.release("a");
  ASSERT_TRUE(run_until([&] { return sink.body.size() > 10; }));
  clock.advance_ms(400);
  run_ready();
  ASSERT_TRUE(sink.done);
  expect_failure(sink.result, "total_timeout", false);
}

TEST_F(HttpFaultTest, TotalTimeoutCountsTheTimeInTheQueue) {
  options.max_connections = 0;
  client = make_http_client(*loop, policy, credentials, options);
  HttpRequest request = get();
  request.timeouts.total_ms = 1000;
  client->start(request, sink);
  run_ready();
  clock.advance_ms(1000);
  run_ready();
  ASSERT_TRUE(sink.done);
  expect_failure(sink.result, "total_timeout", false);
}

TEST_F(HttpFaultTest, ZeroMeansNoLimit) {
  server.enqueue(Reply::raw().never());
  HttpRequest request = get();
  request.timeouts = {0, 0, 0, 0};
  const RequestId id = client->start(request, sink);
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 1; }));
  clock.advance_ms(1000LL * 3600 * 24 * 365);
  run_ready();
  EXPECT_FALSE(sink.done);
  client->cancel(id);
}

// A listening socket that accepts nobody.
class Listener {
 public:
  explicit Listener(int backlog) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_, generic, size), 0);
    EXPECT_EQ(listen(fd_, backlog), 0);
    EXPECT_EQ(getsockname(fd_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  int fd() const { return fd_; }
  std::string url(std::string_view scheme) const {
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_);
  }
  // Takes places in the queue of connections until the kernel leaves new ones unanswered.
  void fill() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    for (int i = 0; i < 8; ++i) {
      fillers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      EXPECT_NE(connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
  }
  void drop_fillers() {
    for (int fd : fillers_) close(fd);
  }

 private:
  int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::vector<int> fillers_;
};

TEST_F(HttpFaultTest, ConnectTimeout) {
  Listener listener(0);
  listener.fill();
  HttpRequest request = get();
  request.url = listener.url("http");
  request.timeouts.connect_ms = 5000;
  client->start(request, sink);
  run_ready();
  expect_expiry(5000, "connect_timeout", true);
  listener.drop_fillers();
}

TEST_F(HttpFaultTest, AServerThatDoesNotSpeakTls) {
  Listener listener(1);
  HttpRequest request = get();
  request.url = listener.url("https");
  client->start(request, sink);
  run_ready();
  const int fd = accept(listener.fd(), nullptr, nullptr);
  ASSERT_GE(fd, 0);
  constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_EQ(write(fd, kAnswer.data(), kAnswer.size()), static_cast<ssize_t>(kAnswer.size()));
  EXPECT_TRUE(run_until([&] { return sink.done; }));
  expect_failure(sink.result, "tls_failed", true);
  close(fd);
}

TEST_F(HttpFaultTest, ATrustStoreThatCannotBeRead) {
  options.ca_file = "/nonexistent/ca.pem";
  client = make_http_client(*loop, policy, credentials, options);
  Listener listener(1);
  HttpRequest request = get();
  request.url = listener.url("https");
  expect_failure(run(request, sink), "tls_failed", false);
}

TEST(TransferFailure, NamesWhatLibcurlReports) {
  struct Case {
    CURLcode code;
    TransferProgress progress;
    const char* detail;
    const char* reason;
    bool retryable;
  };
  const TransferProgress early = {};
  const TransferProgress sent = {true, false, false};
  const TransferProgress in_head = {true, true, false};
  const TransferProgress in_body = {true, true, true};
  const Case cases[] = {
      {CURLE_COULDNT_RESOLVE_HOST, early, "", "dns_failed", true},
      {CURLE_COULDNT_RESOLVE_PROXY, early, "", "dns_failed", true},
      {CURLE_COULDNT_CONNECT, early, "", "connect_failed", true},
      {CURLE_OPERATION_TIMEDOUT, early, "", "connect_timeout", true},
      {CURLE_PEER_FAILED_VERIFICATION, early, "", "tls_failed", false},
      {CURLE_SSL_CONNECT_ERROR, early, "", "tls_failed", true},
      {CURLE_SSL_CONNECT_ERROR, early, "error:0A000126:SSL routines::unexpected eof", "tls_failed", true},
      {CURLE_SSL_CONNECT_ERROR, early, "error:06880006:asn1 encoding routines::EVP lib", "tls_failed", false},
      {CURLE_HTTP2_STREAM, sent, "", "connection_reset", true},
      {CURLE_HTTP2, in_body, "", "connection_reset", false},
      {CURLE_RECV_ERROR, sent, "Recv failure: Connection reset by peer", "connection_reset", true},
      {CURLE_RECV_ERROR, in_body, "Illegal or missing hexadecimal sequence in chunked-encoding",
       "invalid_response", false},
      {CURLE_WEIRD_SERVER_REPLY, in_head, "", "connection_reset", false},
      {CURLE_WEIRD_SERVER_REPLY, in_head, "Invalid status line", "invalid_response", false},
      {CURLE_OUT_OF_MEMORY, in_head, "", "invalid_response", false},
      {CURLE_OUT_OF_MEMORY, in_body, "", "transfer_failed", false},
      {static_cast<CURLcode>(100), in_head, "", "invalid_response", false},
      {CURLE_BAD_FUNCTION_ARGUMENT, early, "", "transfer_failed", false},
  };
  for (const Case& c : cases) {
    const Status status = transfer_failure(c.code, c.progress, "https://a:1", c.detail);
    EXPECT_EQ(status.reason(), c.reason) << c.code;
    EXPECT_EQ(status.retryable(), c.retryable) << c.code;
    EXPECT_NE(status.message().find(c.detail), std::string_view::npos);
    EXPECT_NE(status.message().find("https://a:1"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace tau::net
