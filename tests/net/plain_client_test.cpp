// Pins what libtau's own HTTP client adds to what both clients do: the ages of its connections, its one
// silent repeat, its addresses, its share of the loop.
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "support/loopback.h"

namespace tau::net {
namespace {

using test::Reply;

class PlainClientTest : public HttpTest {
 protected:
  void SetUp() override {
    if (!test::native_http()) GTEST_SKIP() << "libcurl's connections are its own";
    server.set_handler([](const test::RecordedRequest&) { return Reply::json("{}"); });
  }
  void ask() {
    TestSink each;
    EXPECT_TRUE(run(get(), each).ok()) << each.result.to_string();
  }
};

TEST_F(PlainClientTest, AnIdleConnectionEndsByItsIdleAgeWithoutAnotherRequest) {
  ask();
  clock.advance_ms(options.max_connection_idle_ms - 1);
  run_ready();
  ask();
  EXPECT_EQ(server.connections(), 1u);
  clock.advance_ms(options.max_connection_idle_ms);
  run_ready();
  EXPECT_TRUE(server.wait_disconnects(1));
}

TEST_F(PlainClientTest, ABusyConnectionEndsByItsAge) {
  int64_t age_ms = 0;
  for (; age_ms < options.max_connection_age_ms; age_ms += 50'000) {
    ask();
    EXPECT_EQ(server.connections(), 1u) << age_ms;
    clock.advance_ms(50'000);
    run_ready();
  }
  ask();
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_TRUE(server.wait_disconnects(1));
}

TEST_F(PlainClientTest, ARequestIsNeverRepeatedAfterAByte) {
  ask();
  server.enqueue(Reply::raw().bytes("H").close());
  EXPECT_EQ(run(post("payload"), sink).reason(), "connection_reset") << sink.result.to_string();
  EXPECT_FALSE(sink.result.retryable());
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(PlainClientTest, TheRepeatGoesOutOnAFreshConnection) {
  server.enqueue(Reply::sse().hold("both"));
  server.enqueue(Reply::sse().hold("both"));
  TestSink a;
  TestSink b;
  client->start(get(), a);
  client->start(get(), b);
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 2; }));
  server.release("both");
  ASSERT_TRUE(run_until([&] { return a.done && b.done; }));
  server.enqueue(Reply::raw().reset());
  EXPECT_TRUE(run(post("payload"), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(server.requests().back().connection, 2) << "not on the other pooled one";
}

TEST_F(PlainClientTest, ThePolicyIsAskedAgainForTheRepeat) {
  ask();
  server.enqueue(Reply::raw().hold("denied").reset());
  client->start(post("payload"), sink);
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 2; }));
  policy.allow_addresses = false;
  server.release("denied");
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_EQ(sink.result.reason(), "egress_denied");
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(PlainClientTest, LocalhostIsThisMachineWhereverItListens) {
  HttpRequest request = get();
  request.url = "http://localhost:" + std::to_string(server.port()) + "/";
  ASSERT_TRUE(run(request, sink).ok()) << sink.result.to_string();
  EXPECT_EQ(server.requests().at(0).header("host"), "localhost:" + std::to_string(server.port()));
  request.url = "http://localhost:" + std::to_string(test::ScriptedServer::closed_port()) + "/";
  policy.addresses.clear();
  TestSink nobody;
  EXPECT_EQ(run(request, nobody).reason(), "connect_failed");
  EXPECT_EQ(policy.addresses.size(), 2u) << "both families were tried";
}

TEST_F(PlainClientTest, ALargeBodyThatIsRefusedUnreadHasItsAnswer) {
  const test::LoopbackServer curt([](int fd, int) {
    char buffer[1024];
    if (recv(fd, buffer, sizeof buffer, 0) > 0)
      test::send_all(fd, "HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
    while (recv(fd, buffer, sizeof buffer, 0) > 0) {}
  });
  HttpRequest request = post(std::string(16u << 20, 'x'));
  request.url = "http://127.0.0.1:" + std::to_string(curt.port()) + "/";
  ASSERT_TRUE(run(std::move(request), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(sink.status, 413);
  EXPECT_EQ(sink.body, "big");
}

TEST_F(PlainClientTest, ALargeBodyArrivesWhole) {
  std::string body(8u << 20, 'x');
  for (size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  ASSERT_TRUE(run(post(body), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(server.requests().at(0).body, body);
}

TEST_F(PlainClientTest, APausedSinkWhoseServerEndsGetsTheRestWhenItResumes) {
  server.enqueue(Reply().chunked().body("one").body("two").body("three"));
  RequestId id = 0;
  sink.at_body = [&] { client->pause(id); };
  id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  run_ready();
  EXPECT_EQ(sink.body, "one");
  EXPECT_FALSE(sink.done);
  client->resume(id);
  ASSERT_TRUE(run_until([&] { return sink.body.size() > 3; }));  // the server may be slower than this
  run_ready();
  EXPECT_EQ(sink.body, "onetwo");
  sink.at_body = nullptr;
  client->resume(id);
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
  EXPECT_EQ(sink.body, "onetwothree");
}

TEST_F(PlainClientTest, APauseAtTheLastByteHidesNotTheEnd) {
  server.enqueue(Reply::json("all"));
  RequestId id = 0;
  sink.at_body = [&] { client->pause(id); };
  id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
}

TEST_F(PlainClientTest, ACancelFromAResumedBodyIsHarmless) {
  server.enqueue(Reply().chunked().body("one").body("two").body("three"));
  RequestId id = 0;
  sink.at_body = [&] { sink.body == "one" ? client->pause(id) : client->cancel(id); };
  id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  run_ready();
  client->resume(id);
  run_ready();
  EXPECT_EQ(sink.body, "onetwo");
  EXPECT_FALSE(sink.done);
  EXPECT_TRUE(server.wait_disconnects(1));
}

TEST_F(PlainClientTest, NoDescriptorLeftIsAFailedConnection) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // The lowest that is free is one too many; what is open already may be polled on.
  const int free_one = dup(STDERR_FILENO);
  ASSERT_GE(free_one, 0);
  close(free_one);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(free_one);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  client->start(get(), sink);
  run_ready();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(sink.done);
  EXPECT_EQ(sink.result.reason(), "connect_failed") << sink.result.to_string();
}

TEST_F(PlainClientTest, ManyRequestsLeaveNoConnectionBehind) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<TestSink>> sinks;
    for (int i = 0; i < 300; ++i) {
      sinks.push_back(std::make_unique<TestSink>());
      client->start(get(), *sinks.back());
    }
    const auto is_done = [](const auto& one) { return one->done; };
    ASSERT_TRUE(run_until([&] { return std::all_of(sinks.begin(), sinks.end(), is_done); }));
    for (const auto& one : sinks) EXPECT_TRUE(one->result.ok()) << one->result.to_string();
  }
  EXPECT_TRUE(turn_until([&] { return server.connections() - server.disconnects() <= 64; }))
      << "more is kept of one origin";
  client = nullptr;
  EXPECT_TRUE(server.wait_disconnects(server.connections()));
}

}  // namespace
}  // namespace tau::net
