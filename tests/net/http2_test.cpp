// Pins HTTP/2: streams that share a connection live and die each by itself, and none ends well by being cut.
#include "support/h2_server.h"
#include "tls_fixture.h"

namespace tau::net {
namespace {

using test::H2Error;

class Http2Test : public TlsTest {
 protected:
  // `count` requests whose heads and first events have arrived, all on one connection.
  void open_streams(size_t count) {
    sinks = std::vector<TestSink>(count);
    for (TestSink& each : sinks) ids.push_back(client->start(get_from(url()), each));
    ASSERT_TRUE(turn_until([&] { return h2.streams() == count; }));
    for (size_t i = 0; i < count; ++i) {
      h2.head(h2.stream(i));
      h2.data(h2.stream(i), event(i));
    }
    ASSERT_TRUE(run_until([&] {
      return std::all_of(sinks.begin(), sinks.end(), [](const TestSink& s) { return !s.body.empty(); });
    }));
  }
  std::string url() const { return tls->url("127.0.0.1"); }
  static std::string event(size_t n) { return "data: " + std::to_string(n) + "\n\n"; }
  // Which of the sinks belongs to a stream: its first event says so.
  size_t sink_of(size_t stream) const {
    for (size_t i = 0; i < sinks.size(); ++i) {
      if (sinks[i].body == event(stream)) return i;
    }
    return sinks.size();
  }
  void end_well(size_t stream) {
    const size_t i = sink_of(stream);
    ASSERT_LT(i, sinks.size());
    h2.data(h2.stream(stream), "data: more\n\n");
    h2.end(h2.stream(stream));
    ASSERT_TRUE(run_until([&] { return sinks[i].done; }));
    EXPECT_TRUE(sinks[i].result.ok()) << sinks[i].result.to_string();
    EXPECT_EQ(sinks[i].body, event(stream) + "data: more\n\n");
  }
  void expect_cut(size_t i) {
    ASSERT_TRUE(run_until([&] { return sinks[i].done; }));
    EXPECT_EQ(sinks[i].result.reason(), "connection_reset") << sinks[i].result.to_string();
    EXPECT_FALSE(sinks[i].result.retryable());
  }

  test::H2Server h2;
  std::unique_ptr<test::TlsFront> tls = std::make_unique<test::TlsFront>(
      test::TlsOptions{.identity = authority.issue("IP:127.0.0.1"), .protocols = {"h2", "http/1.1"}},
      h2.port());
  std::vector<TestSink> sinks;
  std::vector<RequestId> ids;
};

TEST_F(Http2Test, ManyStreamsShareOneConnection) {
  open_streams(8);
  EXPECT_EQ(tls->connections(), 1u);
  EXPECT_EQ(sinks[0].status, 200);
  EXPECT_EQ(sinks[0].header("content-type"), "text/event-stream");
  for (size_t i = 8; i-- > 0;) end_well(i);
  EXPECT_EQ(h2.connections(), 1u);
}

TEST_F(Http2Test, ThePolicyIsAskedForEveryStream) {
  open_streams(3);
  const std::string place = "127.0.0.1:" + std::to_string(tls->port());
  EXPECT_EQ(std::count(policy.addresses.begin(), policy.addresses.end(), "https://" + place + " " + place), 4)
      << "when the connection is made, and once for each request";
  policy.allow_addresses = false;
  TestSink refused;
  EXPECT_EQ(run(get_from(url()), refused).reason(), "egress_denied");
  EXPECT_EQ(h2.streams(), 3u);
  policy.allow_addresses = true;
  for (size_t i = 0; i < 3; ++i) end_well(i);
}

TEST_F(Http2Test, CancellingOneStreamLeavesTheOthersAlone) {
  open_streams(3);
  const size_t victim = sink_of(1);
  client->cancel(ids[victim]);
  h2.data(h2.stream(1), "data: the server has not heard of it\n\n");
  EXPECT_TRUE(turn_until([&] { return h2.is_reset(h2.stream(1)); }))
      << "it would go on writing, and charging";
  end_well(0);
  end_well(2);
  EXPECT_FALSE(sinks[victim].done);
  EXPECT_EQ(sinks[victim].body, event(1));
  EXPECT_EQ(h2.connections(), 1u);
}

// Nothing else happens on the connection that would carry the news of the reset.
TEST_F(Http2Test, GivingUpTheOnlyStreamEndsTheConnection) {
  open_streams(1);
  client->cancel(ids[0]);
  EXPECT_TRUE(turn_until([&] { return h2.open_connections() == 0; }));
  HttpRequest hasty = get_from(url());
  hasty.timeouts.first_byte_ms = 500;
  client->start(hasty, sink);
  ASSERT_TRUE(turn_until([&] { return h2.streams() == 2; }));
  clock.advance_ms(500);
  EXPECT_TRUE(turn_until([&] { return h2.open_connections() == 0; }));
  HttpRequest small = get_from(url());
  small.max_response_bytes = 3;
  TestSink third;
  client->start(small, third);
  ASSERT_TRUE(turn_until([&] { return h2.streams() == 3; }));
  h2.head(h2.stream(2));
  h2.data(h2.stream(2), "four");
  EXPECT_TRUE(turn_until([&] { return third.done && h2.open_connections() == 0; }));
  EXPECT_EQ(third.result.reason(), "response_too_large");
}

TEST_F(Http2Test, AStreamThatIsResetIsCutAndTheOthersGoOn) {
  for (const H2Error error : {H2Error::kInternal, H2Error::kCancel}) {
    SCOPED_TRACE(static_cast<int>(error));
    ids.clear();
    const size_t first = h2.streams();
    sinks = std::vector<TestSink>(2);
    for (TestSink& each : sinks) ids.push_back(client->start(get_from(url()), each));
    ASSERT_TRUE(turn_until([&] { return h2.streams() == first + 2; }));
    for (size_t i = first; i < first + 2; ++i) {
      h2.head(h2.stream(i));
      h2.data(h2.stream(i), event(i));
    }
    ASSERT_TRUE(run_until([&] { return !sinks[0].body.empty() && !sinks[1].body.empty(); }));
    const size_t victim = sink_of(first);
    h2.reset(h2.stream(first), error);
    expect_cut(victim);
    end_well(first + 1);
  }
  EXPECT_EQ(h2.connections(), 1u);
}

TEST_F(Http2Test, AStreamThatIsRefusedBeforeItsHeadMayBeTriedAgain) {
  client->start(get_from(url()), sink);
  ASSERT_TRUE(turn_until([&] { return h2.streams() == 1; }));
  h2.reset(h2.stream(0), H2Error::kInternal);
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_EQ(sink.result.reason(), "connection_reset") << sink.result.to_string();
  EXPECT_TRUE(sink.result.retryable());
}

TEST_F(Http2Test, GoAwayEndsWhatItDoesNotCoverAndNewRequestsConnectAnew) {
  open_streams(2);
  const test::H2Stream covered = h2.stream(0);
  h2.go_away(0, covered.id, H2Error::kNoError);
  expect_cut(sink_of(1));
  end_well(0);
  TestSink next;
  client->start(get_from(url()), next);
  ASSERT_TRUE(turn_until([&] { return h2.streams() == 3; }));
  EXPECT_EQ(h2.stream(2).connection, 1);
  h2.head(h2.stream(2));
  h2.end(h2.stream(2));
  ASSERT_TRUE(run_until([&] { return next.done; }));
  EXPECT_TRUE(next.result.ok()) << next.result.to_string();
}

TEST_F(Http2Test, AConnectionThatClosesInMidStreamCutsAllStreams) {
  open_streams(2);
  h2.close(0);
  expect_cut(0);
  expect_cut(1);
}

TEST_F(Http2Test, ADeadlineOfOneStreamLeavesTheOthersAlone) {
  HttpRequest hasty = get_from(url());
  hasty.timeouts.first_byte_ms = 500;
  open_streams(1);
  client->start(hasty, sink);
  ASSERT_TRUE(turn_until([&] { return h2.streams() == 2; }));
  clock.advance_ms(500);
  run_ready();
  ASSERT_TRUE(sink.done);
  EXPECT_EQ(sink.result.reason(), "first_byte_timeout");
  end_well(0);
  EXPECT_TRUE(turn_until([&] { return h2.is_reset(h2.stream(1)); }));
}

}  // namespace
}  // namespace tau::net
