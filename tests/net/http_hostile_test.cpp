// Pins what servers that err or mean harm cannot do: no flood is unbounded, no bytes of one response become
// another's.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "support/loopback.h"

namespace tau::net {
namespace {

using test::Reply;

class HostileServerTest : public HttpTest {
 protected:
  Status ask(const Reply& reply, TestSink& each) {
    server.enqueue(reply);
    return run(get(), each);
  }
};

// A server that answers each connection with the same piece over and over, for as long as somebody reads.
class Fountain {
 public:
  Fountain(std::string head, std::string piece) : head_(std::move(head)), piece_(std::move(piece)) {}
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()) + "/"; }

 private:
  void serve(int fd) {
    char buffer[4096];
    if (recv(fd, buffer, sizeof buffer, 0) <= 0) return;
    for (bool open = test::send_all(fd, head_); open;) open = test::send_all(fd, piece_);
  }
  const std::string head_;
  const std::string piece_;
  test::LoopbackServer server_{[this](int fd, int) { serve(fd); }};
};

TEST_F(HostileServerTest, FloodsAreCutOff) {
  const std::string line = "x-flood: " + std::string(1000, 'x') + "\r\n";
  struct Case {
    const char* name;
    std::string head;
    std::string piece;
    const char* reason;
  };
  const Case cases[] = {
      {"interim responses", "", "HTTP/1.1 102 Processing\r\n\r\n", "invalid_response"},
      {"headers", "HTTP/1.1 200 OK\r\n", line, "invalid_response"},
      {"trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", line, "invalid_response"},
      {"one header without end", "HTTP/1.1 200 OK\r\nx: ", std::string(4096, 'x'), "invalid_response"},
      {"one status line without end", "HTTP/1.1 200 ", std::string(4096, 'x'), "invalid_response"},
      {"a body", "HTTP/1.1 200 OK\r\n\r\n", std::string(65536, 'x'), "response_too_large"},
      {"chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "5\r\nhello\r\n",
       "response_too_large"},
      {"a chunk's extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;",
       std::string(4096, 'x'), test::native_http() ? "invalid_response" : "total_timeout"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Fountain fountain(c.head, c.piece);
    HttpRequest request = get();
    request.url = fountain.url();
    request.max_response_bytes = 1u << 16;
    TestSink each;
    client->start(request, each);
    // What libcurl swallows without a word is ended by the limit on the whole request.
    const bool silent = c.reason == std::string_view("total_timeout");
    for (int i = 0; silent && i < 5; ++i) ASSERT_TRUE(loop->process(1).ok());
    if (silent) clock.advance_ms(request.timeouts.total_ms);
    ASSERT_TRUE(run_until([&] { return each.done; }));
    EXPECT_EQ(each.result.reason(), c.reason) << each.result.to_string();
    EXPECT_LE(each.body.size(), request.max_response_bytes);
  }
}

TEST_F(HostileServerTest, FramesThatContradictThemselvesAreErrors) {
  constexpr const char* kChunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  const std::pair<const char*, std::string> cases[] = {
      {"a chunk size beyond 64 bits", std::string(kChunked) + "fffffffffffffffff\r\nx"},
      {"a negative chunk size", std::string(kChunked) + "-1\r\nx\r\n0\r\n\r\n"},
      {"a chunk longer than it says", std::string(kChunked) + "2\r\nabcd\r\n0\r\n\r\n"},
      {"a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx"},
      {"a length beyond 64 bits", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nx"},
      {"a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: 3x\r\n\r\nabc"},
      {"two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd"},
      {"a NUL in a header", std::string("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", 27)},
      {"an encoding that was not asked for", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b"},
      {"a transfer encoding that was not asked for",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"},
  };
  for (const auto& [name, bytes] : cases) {
    SCOPED_TRACE(name);
    TestSink each;
    const Status status = ask(Reply::raw().bytes(bytes), each);
    EXPECT_EQ(status.reason(), "invalid_response") << status.to_string() << " body: " << each.body;
    EXPECT_FALSE(status.retryable());
  }
}

// libcurl reads by the encoding then, as RFC 9112 section 6.3 allows.
TEST_F(HostileServerTest, ALengthBesideATransferEncodingIsAnError) {
  if (!test::native_http()) GTEST_SKIP() << "libcurl's way: the next test";
  const Status status = ask(Reply::raw().bytes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n"
                                               "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                            sink);
  EXPECT_EQ(status.reason(), "invalid_response") << status.to_string();
  EXPECT_EQ(sink.heads, 0);
}

TEST_F(HostileServerTest, BytesBeyondAResponseDoNotAnswerTheNextRequest) {
  constexpr const char* kForged = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
  for (const char* first : {"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
                            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                            "HTTP/1.1 204 No Content\r\n\r\n",
                            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n"
                            "2\r\nok\r\n0\r\n\r\n"}) {
    SCOPED_TRACE(first);
    if (test::native_http() && std::string_view(first).find("length: 9") != std::string_view::npos) continue;
    server.enqueue(Reply::raw().bytes(std::string(first) + kForged).hold(first));
    server.set_handler([](const test::RecordedRequest&) { return Reply::json("honest"); });
    TestSink one;
    EXPECT_TRUE(run(get(), one).ok()) << one.result.to_string();
    EXPECT_EQ(one.body, std::string_view(first).find("204") == std::string_view::npos ? "ok" : "");
    server.release(first);
    TestSink two;
    EXPECT_TRUE(run(get(), two).ok()) << two.result.to_string();
    EXPECT_EQ(two.body, "honest");
  }
}

TEST_F(HostileServerTest, AServerThatNeverReadsMeetsTheFirstByteDeadline) {
  const test::LoopbackServer deaf([](int fd, int) {
    pollfd end = {fd, POLLRDHUP, 0};
    poll(&end, 1, -1);
  });
  HttpRequest request = post(std::string(32u << 20, 'x'));
  request.url = "http://127.0.0.1:" + std::to_string(deaf.port()) + "/";
  request.timeouts.first_byte_ms = 500;
  client->start(std::move(request), sink);
  ASSERT_TRUE(turn_until([&] { return deaf.connections() == 1; }));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(loop->process(1).ok());
  clock.advance_ms(500);
  run_ready();
  ASSERT_TRUE(sink.done);
  EXPECT_EQ(sink.result.reason(), "first_byte_timeout") << sink.result.to_string();
}

TEST_F(HostileServerTest, AnIpv6LiteralIsJudgedAndReached) {
  HttpRequest request = get();
  request.url = "http://[0:0::1]:" + std::to_string(test::ScriptedServer::closed_port()) + "/";
  EXPECT_EQ(run(request, sink).reason(), "connect_failed") << sink.result.to_string();
  ASSERT_EQ(policy.addresses.size(), 1u);
  EXPECT_NE(policy.addresses[0].find(" [::1]:"), std::string::npos) << policy.addresses[0];
}

}  // namespace
}  // namespace tau::net
