// Pins TLS: whom the client trusts, what it speaks, and what a handshake that goes wrong is called.
#include <csignal>
#include <cstdlib>

#include "tls_fixture.h"

namespace tau::net {
namespace {

using test::Reply;
using Fault = test::TlsOptions::Fault;

TEST_F(TlsTest, AnAuthorityOfTheUsersOwnIsTrusted) {
  const auto tls = front({});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    server.enqueue(Reply::sse().event("1").event("2"));
    TestSink each;
    ASSERT_TRUE(run(get_from(tls->url(host, "/x")), each).ok()) << each.result.to_string();
    EXPECT_EQ(each.body, "data: 1\n\ndata: 2\n\n");
    EXPECT_EQ(server.requests().back().target, "/x");
  }
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  const test::Authority stranger("another authority");
  expect_untrusted(*front({.identity = stranger.issue("DNS:localhost")}), "localhost", "issuer certificate");
  const test::Authority impostor("test authority");
  expect_untrusted(*front({.identity = impostor.issue("DNS:localhost")}), "localhost", "signature is false");
  // The system's trust store does not know the test's authority either.
  options.ca_file.clear();
  client = make_http_client(*loop, policy, credentials, options);
  expect_untrusted(*front({}), "localhost", "issuer certificate");
}

TEST_F(TlsTest, ACertificateForAnotherHostIsRefused) {
  const auto named = front({.identity = authority.issue("DNS:other.example")});
  expect_untrusted(*named, "localhost", "localhost");
  const auto by_name_only = front({.identity = authority.issue("DNS:localhost")});
  expect_untrusted(*by_name_only, "127.0.0.1", "127.0.0.1");
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  expect_untrusted(*front({.identity = authority.issue("DNS:localhost", -1)}), "localhost", "expired");
}

TEST_F(TlsTest, VersionsBeforeTls12AreRefusedWhateverTheSystemAllows) {
  const auto old = front({.old_versions_only = true});
  const Status status = run(get_from(old->url("localhost")), sink);
  EXPECT_EQ(status.reason(), "tls_failed") << status.to_string();
  EXPECT_EQ(old->connections(), 1u);
  EXPECT_EQ(old->handshakes(), 0u);
}

TEST_F(TlsTest, AHandshakeThatStallsMeetsTheConnectDeadline) {
  const auto silent = front({.fault = Fault::kSilent});
  HttpRequest request = get_from(silent->url("127.0.0.1"));
  request.timeouts.connect_ms = 5'000;
  client->start(request, sink);
  ASSERT_TRUE(turn_until([&] { return silent->connections() == 1; }));
  run_ready();
  clock.advance_ms(4'999);
  run_ready();
  EXPECT_FALSE(sink.done);
  clock.advance_ms(1);
  run_ready();
  ASSERT_TRUE(sink.done);
  EXPECT_EQ(sink.result.reason(), "connect_timeout");
  EXPECT_TRUE(sink.result.retryable());
}

TEST_F(TlsTest, AServerThatGoesAwayInMidHandshakeMayBeTriedAgain) {
  for (const Fault fault : {Fault::kCloseOnHello, Fault::kResetOnHello}) {
    const auto broken = front({.fault = fault});
    TestSink each;
    const Status status = run(get_from(broken->url("127.0.0.1")), each);
    EXPECT_EQ(status.reason(), "tls_failed") << status.to_string();
    EXPECT_TRUE(status.retryable()) << status.to_string();
    EXPECT_EQ(broken->connections(), 1u) << "no silent second handshake";
  }
}

TEST_F(TlsTest, ReusesConnectionsAndAsksThePolicyAgain) {
  const auto tls = front({});
  const std::string url = tls->url("127.0.0.1");
  server.enqueue(Reply::json("1"));
  server.enqueue(Reply::json("2"));
  ASSERT_TRUE(run(get_from(url), sink).ok()) << sink.result.to_string();
  policy.addresses.clear();
  TestSink second;
  ASSERT_TRUE(run(get_from(url), second).ok());
  EXPECT_EQ(tls->handshakes(), 1u);
  const std::string place = "127.0.0.1:" + std::to_string(tls->port());
  EXPECT_EQ(policy.addresses, std::vector<std::string>{"https://" + place + " " + place});
  policy.allow_addresses = false;
  TestSink third;
  EXPECT_EQ(run(get_from(url), third).reason(), "egress_denied");
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(TlsTest, AResetOfAPooledConnectionIsRetriedOnceSilently) {
  const auto tls = front({});
  server.enqueue(Reply::json("1"));
  ASSERT_TRUE(run(get_from(tls->url("127.0.0.1")), sink).ok()) << sink.result.to_string();
  server.enqueue(Reply::raw().reset());
  server.enqueue(Reply::json("again"));
  TestSink second;
  ASSERT_TRUE(run(get_from(tls->url("127.0.0.1")), second).ok()) << second.result.to_string();
  EXPECT_EQ(second.body, "again");
  EXPECT_EQ(tls->handshakes(), 2u);
}

TEST_F(TlsTest, ABodyThatIsCutOffIsAnError) {
  const auto tls = front({});
  const Reply cuts[] = {
      Reply().declare_length(10).body("abc").close(),
      Reply::sse().event("1").close(),
      Reply::sse().event("1").reset(),
  };
  for (const Reply& reply : cuts) {
    server.enqueue(reply);
    TestSink each;
    const Status status = run(get_from(tls->url("127.0.0.1")), each);
    EXPECT_EQ(status.reason(), "connection_reset") << status.to_string();
    EXPECT_FALSE(status.retryable());
  }
}

// TLS libraries write to sockets without asking for no signal; a host that kept the default for SIGPIPE must
// live on, and keep its disposition, its mask and a SIGPIPE of its own.
TEST_F(TlsTest, AConnectionThatBreaksUnderAnUploadRaisesNoSignal) {
  struct sigaction before = {};
  struct sigaction fallback = {};
  fallback.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &fallback, &before);
  const auto tls = front({.fault = Fault::kResetAfterHandshake});
  for (int i = 0; i < 20; ++i) {
    HttpRequest request = get_from(tls->url("127.0.0.1"));
    request.method = "POST";
    request.body = std::string(4u << 20, 'x');
    TestSink each;
    EXPECT_EQ(run(std::move(request), each).reason(), "connection_reset") << each.result.to_string();
  }
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_FALSE(sigismember(&mask, SIGPIPE));
  sigpending(&mask);
  EXPECT_FALSE(sigismember(&mask, SIGPIPE));
  sigaction(SIGPIPE, &before, &fallback);
  EXPECT_EQ(fallback.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace tau::net
