// Pins the proxy for commands: what it passes on, what it refuses and says of it, and that nothing holds it
// up.
#include "net/proxy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "support/loopback.h"

namespace tau::net {
namespace {

using test::Reply;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A client of the proxy: it never waits, the test turns the loop.
class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(test::connect_to_loopback(port)) {
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Peer() { hang_up(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void say(std::string_view bytes) const { EXPECT_TRUE(test::send_all(fd_, bytes)); }
  void end() const { shutdown(fd_, SHUT_WR); }
  void hang_up() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  // What has come so far, and whether the proxy has ended it.
  const std::string& heard() {
    char buffer[65536];
    for (ssize_t n = 1; !over_ && n > 0;) {
      n = recv(fd_, buffer, sizeof buffer, 0);
      if (n > 0) heard_.append(buffer, static_cast<size_t>(n));
      over_ = n == 0 || (n < 0 && errno != EAGAIN);
    }
    return heard_;
  }
  bool over() {
    heard();
    return over_;
  }

 private:
  int fd_;
  std::string heard_;
  bool over_ = false;
};

class CommandProxyTest : public HttpTest {
 protected:
  void serve(ProxyLimits limits = {}) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<struct sockaddr*>(&address);
    ASSERT_EQ(bind(fd, generic, size), 0);
    ASSERT_EQ(listen(fd, 64), 0);
    ASSERT_EQ(getsockname(fd, generic, &size), 0);
    port = ntohs(address.sin_port);
    auto served = Proxy::serve(*loop, *client, fd, limits,
                               {.decided = [this](const ProxyRecord& record) { decided.push_back(record); },
                                .ended = [this](const ProxyRecord& record) { records.push_back(record); }});
    ASSERT_TRUE(served.ok()) << served.status().to_string();
    proxy = *std::move(served);
  }
  std::string authority() const { return format("127.0.0.1:{}", server.port()); }
  std::string connect_request() const {
    return format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", authority());
  }
  // Says it all at once and waits for the end.
  std::string ask(std::string_view bytes) {
    Peer peer(port);
    peer.say(bytes);
    EXPECT_TRUE(turn_until([&] { return peer.over(); }));
    return peer.heard();
  }

  uint16_t port = 0;
  std::vector<ProxyRecord> decided;
  std::vector<ProxyRecord> records;
  std::unique_ptr<Proxy> proxy;
};

TEST_F(CommandProxyTest, ATunnelPassesBytesBothWaysAndEndsInOrder) {
  serve();
  server.enqueue(Reply(200).header("x", "1").until_close().body("hello"));
  Peer peer(port);
  peer.say(connect_request());
  ASSERT_TRUE(turn_until([&] { return peer.heard().ends_with("\r\n\r\n"); }));
  EXPECT_THAT(peer.heard(), StartsWith("HTTP/1.1 200 "));
  peer.say("GET /inside HTTP/1.1\r\nhost: any\r\nconnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(turn_until([&] { return peer.heard().ends_with("hello"); }));
  peer.end();
  ASSERT_TRUE(turn_until([&] { return peer.over(); }));
  EXPECT_EQ(server.requests().at(0).header("connection"), "keep-alive") << "a tunnel is not read";
  ASSERT_TRUE(turn_until([&] { return !records.empty(); }));
  EXPECT_EQ(records[0].host, "127.0.0.1");
  EXPECT_EQ(records[0].port, server.port());
  EXPECT_EQ(records[0].verdict, "ok");
  EXPECT_TRUE(records[0].tunnel);
  EXPECT_EQ(records[0].sent_bytes, 59u);
  ASSERT_EQ(decided.size(), 1u) << "before a byte was passed on";
  EXPECT_EQ(decided[0].decision, ProxyRecord::Decision::kAllowed);
  EXPECT_EQ(decided[0].verdict, "ok");
  EXPECT_EQ(decided[0].received_bytes, 0u);
  EXPECT_GT(records[0].received_bytes, 20u);
  EXPECT_EQ(policy.urls.front(), format("https://{}", authority()));
  EXPECT_EQ(policy.addresses.front(), format("https://{0} {0}", authority()));
}

TEST_F(CommandProxyTest, HalfOfATunnelMayEndFirst) {
  test::LoopbackServer raw([](int fd, int) {
    char buffer[256];
    std::string all;
    for (ssize_t n = 0; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    test::send_all(fd, "all of " + all);
  });
  serve();
  Peer peer(port);
  peer.say(format("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\nit", raw.port()));
  peer.end();
  ASSERT_TRUE(turn_until([&] { return peer.over(); }));
  EXPECT_THAT(peer.heard(), HasSubstr("\r\n\r\nall of it"));
}

// What a server keeps open is not for another request, which may be for another server.
TEST_F(CommandProxyTest, AConnectionCarriesOneRequest) {
  serve();
  server.enqueue(Reply(200).body("one"));
  const std::string get = format("GET http://{}/ HTTP/1.1\r\n\r\n", authority());
  Peer peer(port);
  peer.say(get);
  ASSERT_TRUE(turn_until([&] { return peer.heard().ends_with("one"); }));
  EXPECT_FALSE(peer.over());
  peer.say(get);
  ASSERT_TRUE(turn_until([&] { return peer.over(); }));
  EXPECT_EQ(server.requests().size(), 1u);
  server.enqueue(Reply(200).body("two"));
  Peer gone(port);
  gone.say(get);
  ASSERT_TRUE(turn_until([&] { return gone.heard().ends_with("two"); }));
  gone.hang_up();
  ASSERT_TRUE(turn_until([&] { return records.size() == 2; }));
  EXPECT_EQ(records[1].verdict, "ok");
}

TEST_F(CommandProxyTest, BytesBehindTheHeadOfATunnelAreNotLost) {
  serve();
  server.enqueue(Reply(200).until_close().body("hello"));
  EXPECT_THAT(ask(connect_request() + "GET / HTTP/1.1\r\nhost: any\r\n\r\n"), HasSubstr("hello"));
}

TEST_F(CommandProxyTest, ALotPassesWhoeverIsSlow) {
  serve();
  const std::string big(3u << 20, 'x');
  server.enqueue(Reply(200).body(big).close());
  Peer peer(port);
  peer.say(format("GET http://{}/big HTTP/1.1\r\n\r\n", authority()));
  run_ready();  // nothing is read here: the proxy waits
  ASSERT_TRUE(turn_until([&] { return peer.over(); }));
  EXPECT_GE(peer.heard().size(), big.size());
  ASSERT_TRUE(turn_until([&] { return !records.empty(); }));
  EXPECT_EQ(records[0].verdict, "ok");
  EXPECT_EQ(records[0].received_bytes, peer.heard().size());
}

TEST_F(CommandProxyTest, ARequestIsForwardedInOriginFormAndAlone) {
  serve();
  server.enqueue(Reply(201).body("made").close());
  const std::string heard = ask(
      format("POST http://{}/a?b HTTP/1.1\r\nHost: elsewhere.example\r\nProxy-Authorization: Basic x\r\n"
             "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nTE: trailers\r\nProxy-Connection: "
             "keep-alive\r\nContent-Length: 4\r\n\r\nbodyGET http://{}/second HTTP/1.1\r\n\r\n",
             authority(), authority()));
  EXPECT_THAT(heard, StartsWith("HTTP/1.1 201 "));
  EXPECT_THAT(heard, HasSubstr("made"));
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 1u) << "what came behind the body is not forwarded";
  EXPECT_EQ(seen[0].method + " " + seen[0].target + " " + seen[0].body, "POST /a?b body");
  EXPECT_EQ(seen[0].header("host"), authority());
  EXPECT_EQ(seen[0].header("x-kept"), "2");
  EXPECT_EQ(seen[0].header("connection"), "close");
  EXPECT_EQ(seen[0].header("via"), "1.1 tau");
  for (const char* gone : {"x-hop", "te", "proxy-authorization", "proxy-connection", "keep-alive"})
    EXPECT_FALSE(seen[0].has_header(gone)) << gone;
}

TEST_F(CommandProxyTest, WhatPolicyRefusesIsAnsweredWithTheReason) {
  serve();
  policy.allow_urls = false;
  EXPECT_THAT(ask(connect_request()), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(ask(format("GET http://{}/ HTTP/1.1\r\n\r\n", authority())),
              HasSubstr("\r\n\r\negress_denied: "));
  policy.allow_urls = true;
  policy.allow_addresses = false;
  EXPECT_THAT(ask(connect_request()), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  policy.allow_addresses = true;
  policy.forbidden_text = "hush";
  const std::string with_header = format("GET http://{}/ HTTP/1.1\r\nx: hush\r\n\r\n", authority());
  EXPECT_THAT(ask(with_header), HasSubstr("egress_test"));
  EXPECT_THAT(ask(format("GET http://{}/hush HTTP/1.1\r\n\r\n", authority())), HasSubstr("egress_test"));
  EXPECT_EQ(server.connections(), 0u);
  ASSERT_TRUE(turn_until([&] { return records.size() == 5; }));
  for (const ProxyRecord& record : records) {
    EXPECT_THAT(record.verdict, StartsWith("egress_"));
    EXPECT_EQ(record.host, "127.0.0.1");
    EXPECT_EQ(record.sent_bytes + record.received_bytes, 0u);
  }
}

TEST_F(CommandProxyTest, WhatIsNoRequestIsRefused) {
  struct Case {
    const char* bytes;
    const char* start;
  };
  const Case cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET https://h.example/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://h.example/ HTTP/2.0\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://u:p@h.example/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://0x7f.1/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"CONNECT h.example HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"CONNECT h.example:0 HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"CONNECT h.example:443/x HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"CONNECT u@h.example:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"\r\n\r\n", "HTTP/1.1 400"},
      {"\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://h.example/ HTTP/1.1\nhost: x\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://h.example/ HTTP/1.1\r\nx : 1\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://h.example/ HTTP/1.1\r\nx: 1\r\n folded\r\n\r\n", "HTTP/1.1 400"},
      {"POST http://h.example/ HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "HTTP/1.1 400"},
      {"POST http://h.example/ HTTP/1.1\r\ncontent-length: +1\r\n\r\n", "HTTP/1.1 400"},
      {"POST http://h.example/ HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\n", "HTTP/1.1 400"},
      {"POST http://h.example/ HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 411"},
  };
  serve();
  for (const Case& c : cases) EXPECT_THAT(ask(c.bytes), StartsWith(c.start)) << c.bytes;
  EXPECT_TRUE(policy.addresses.empty());
}

TEST_F(CommandProxyTest, AHeadThatNeverEndsIsGivenUp) {
  serve({.head_ms = 1'000});
  EXPECT_THAT(ask("GET http://h.example/ HTTP/1.1\r\nx: " + std::string(40'000, 'a')),
              StartsWith("HTTP/1.1 431"));
  Peer slow(port);
  for (const char c : std::string("GET http://h.example/ HTTP/1.1\r\nx:")) {
    slow.say({&c, 1});
    run_ready();
    clock.advance_ms(40);
  }
  ASSERT_TRUE(turn_until([&] { return slow.over(); }));
  EXPECT_THAT(slow.heard(), StartsWith("HTTP/1.1 408"));
  slow.hang_up();
  ASSERT_TRUE(turn_until([&] { return records.size() == 2; }));
  EXPECT_EQ(records[0].verdict, "proxy_head_too_large");
  EXPECT_EQ(records[1].verdict, "proxy_head_timeout");
  EXPECT_EQ(decided.size(), 2u);
  for (const ProxyRecord& record : decided) EXPECT_EQ(record.decision, ProxyRecord::Decision::kRefused);
}

TEST_F(CommandProxyTest, SilenceEndsAConnection) {
  serve({.idle_ms = 1'000});
  server.enqueue(Reply(200).hold("mid").body("late"));
  Peer peer(port);
  peer.say(format("GET http://{}/ HTTP/1.1\r\n\r\n", authority()));
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 1; }));
  clock.advance_ms(1'100);
  ASSERT_TRUE(turn_until([&] { return peer.over(); }));
  EXPECT_EQ(records.at(0).verdict, "idle_timeout");
  server.release("mid");
}

TEST_F(CommandProxyTest, BytesAreCappedOverAllConnections) {
  serve({.max_bytes = 100'000});
  server.enqueue(Reply(200).body(std::string(1u << 20, 'x')));
  const std::string heard = ask(format("GET http://{}/ HTTP/1.1\r\n\r\n", authority()));
  EXPECT_LT(heard.size(), 100'000u + (256u << 10)) << "what one turn passes on beyond";
  EXPECT_EQ(records.at(0).verdict, "proxy_bytes");
  EXPECT_THAT(ask(connect_request()), HasSubstr("proxy_bytes: "));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(CommandProxyTest, MoreConnectionsThanAllowedWait) {
  serve({.max_connections = 2});
  Peer first(port), second(port), third(port);
  first.say(connect_request());
  second.say(connect_request());
  third.say(connect_request());
  ASSERT_TRUE(turn_until([&] { return !first.heard().empty() && !second.heard().empty(); }));
  run_ready();
  EXPECT_EQ(third.heard(), "");
  first.hang_up();
  ASSERT_TRUE(turn_until([&] { return !third.heard().empty(); }));
  EXPECT_THAT(third.heard(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(CommandProxyTest, TheEndOfTheProxyEndsAllAndTellsOfIt) {
  serve();
  Peer connected(port), waiting(port);
  connected.say(connect_request());
  ASSERT_TRUE(turn_until([&] { return !connected.heard().empty(); }));
  waiting.say("GET http");
  run_ready();
  proxy = nullptr;
  EXPECT_TRUE(connected.over());
  EXPECT_TRUE(waiting.over());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].verdict, "ok");
  EXPECT_EQ(records[1].verdict, "client_closed");
  EXPECT_EQ(records[1].decision, ProxyRecord::Decision::kNone) << "nothing was asked";
  run_ready();
}

TEST_F(CommandProxyTest, ADeadServerIsABadGateway) {
  serve();
  const std::string dead = format("127.0.0.1:{}", test::ScriptedServer::closed_port());
  EXPECT_THAT(ask(format("CONNECT {} HTTP/1.1\r\n\r\n", dead)), StartsWith("HTTP/1.1 502"));
  ASSERT_TRUE(turn_until([&] { return records.size() == 1; }));
  EXPECT_EQ(records[0].verdict, "connect_failed");
  EXPECT_EQ(records[0].decision, ProxyRecord::Decision::kAllowed) << "the rules had nothing against it";
}

TEST_F(CommandProxyTest, AnHttpProxyOfTheHostIsATunnelToo) {
  options.proxy = server.url("");
  client = make_http_client(*loop, policy, credentials, options);
  serve();
  server.enqueue(Reply::raw().bytes("HTTP/1.1 200 OK\r\n\r\n").never());
  Peer peer(port);
  peer.say("GET http://h.example/x HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 1; }));
  EXPECT_EQ(server.requests()[0].method + " " + server.requests()[0].target, "CONNECT h.example:80");
  EXPECT_EQ(policy.addresses.front(), format("{} {}", server.url(""), authority()));
}

}  // namespace
}  // namespace tau::net
