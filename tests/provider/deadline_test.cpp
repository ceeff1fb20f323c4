// When a route gives up and when it tries again, on a clock that the test moves, against a real server.
#include "http_model_fixture.h"
#include "support/fake_clock.h"

namespace tau::provider {
namespace {

struct FakeTime {
  test::FakeClock time_;
};

// Every byte the same: the extremes of what jitter may be.
class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(std::byte value) : value_(value) {}
  void fill(std::span<std::byte> out) override { std::fill(out.begin(), out.end(), value_); }

 private:
  std::byte value_;
};

class DeadlineTest : protected FakeTime, public HttpModelTest {
 protected:
  DeadlineTest() : HttpModelTest(time_) {}

  bool until(const std::function<bool()>& condition) {
    for (int turn = 0; turn < 10'000 && !condition(); ++turn) {
      if (!loop_->process(1).ok()) return false;
    }
    return condition();
  }
  // What is in the sockets is read, what is due is done.
  void settle() {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(loop_->process(0).ok());
  }
  void advance(int64_t ms) {
    time_.advance_ms(ms);
    settle();
  }
  // The reply has come to the gate and the client has read what came before.
  void arrive(const std::string& gate) {
    ASSERT_TRUE(until([&] { return server_.requests().size() > 0; }));
    ASSERT_TRUE(server_.wait_reached(gate));
    settle();
  }
};

constexpr const char* kGates[] = {"0", "1", "2", "3", "4"};

// A stream that says `part` at each gate.
Reply ticking(const std::string& part) {
  Reply reply = Reply::sse();
  for (const char* gate : kGates) reply.hold(gate).body(part);
  return reply.never();
}

TEST_F(DeadlineTest, KeepAlivesFeedTheIdleDeadlineAndNotThatOfContent) {
  struct Case {
    const wire::Dialect* dialect;
    const char* keep_alive;
  };
  for (const Case& c : {Case{&wire::openai_chat(), ": OPENROUTER PROCESSING\n\n"},
                        Case{&wire::anthropic_messages(), "event: ping\ndata: {\"type\": \"ping\"}\n\n"}}) {
    route_.dialect = c.dialect;
    route_.deadlines.idle_ms = 400;
    route_.deadlines.progress_ms = 1'000;
    route_.retry.max_attempts = 1;
    test::ScriptedServer server;
    route_.base_url = server.url("/v1");
    server.enqueue(ticking(c.keep_alive));
    sink_ = RecordingSink();
    start();
    ASSERT_TRUE(until([&] { return server.requests().size() == 1; }));
    for (size_t i = 0; i + 1 < std::size(kGates); ++i) {
      ASSERT_TRUE(server.wait_reached(kGates[i]));
      settle();
      EXPECT_FALSE(sink_.over()) << "at " << i * 300 << " ms";
      advance(300);
      server.release(kGates[i]);
    }
    ASSERT_TRUE(until([&] { return sink_.over(); }));
    EXPECT_EQ(sink_.failure->reason(), "progress_timeout") << c.keep_alive;
  }
}

TEST_F(DeadlineTest, ContentFeedsBoth) {
  route_.deadlines.idle_ms = 1'000;
  route_.deadlines.progress_ms = 1'000;
  server_.enqueue(ticking("data: " + std::string(kHello) + "\n\n"));
  start();
  for (const char* gate : kGates) {
    arrive(gate);
    EXPECT_FALSE(sink_.over());
    advance(900);
    server_.release(gate);
  }
  ASSERT_TRUE(until([&] { return sink_.text.size() == 25; }));
  EXPECT_FALSE(sink_.over());
  advance(1'000);
  ASSERT_TRUE(sink_.over());
  EXPECT_EQ(sink_.partial.message.text().size(), 25u);
  EXPECT_EQ(sink_.attempts, 1);
}

TEST_F(DeadlineTest, TheWholeAttemptIsBoundedHoweverBusyItIs) {
  route_.deadlines.total_ms = 1'000;
  server_.enqueue(ticking("data: " + std::string(kHello) + "\n\n"));
  start();
  for (const char* gate : {"0", "1"}) {
    arrive(gate);
    advance(400);
    server_.release(gate);
  }
  arrive("2");
  EXPECT_FALSE(sink_.over());
  advance(200);
  ASSERT_TRUE(sink_.over());
  EXPECT_EQ(sink_.failure->reason(), "total_timeout");
  EXPECT_EQ(sink_.attempts, 1);
}

TEST_F(DeadlineTest, ASilenceBeforeAnyContentIsTriedAgain) {
  route_.deadlines.idle_ms = 500;
  server_.enqueue(Reply::sse().body(": hold on\n\n").hold("0").never());
  server_.enqueue(good());
  start();
  arrive("0");
  advance(500);
  advance(route_.retry.max_delay_ms);
  ASSERT_TRUE(until([&] { return sink_.over(); }));
  ASSERT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
  EXPECT_EQ(sink_.attempts, 2);
  EXPECT_EQ(sink_.previous_reason, "idle_timeout");
}

TEST_F(DeadlineTest, AConnectionThatBreaksBeforeAnyContentIsTriedAgainAndAfterItIsNot) {
  server_.enqueue(Reply::sse().body(": hold on\n\n").close());
  server_.enqueue(Reply::sse().event(kHello).close());
  server_.enqueue(good());
  start();
  ASSERT_TRUE(until([&] {
    time_.advance_ms(1);
    return sink_.over();
  }));
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.failure->reason(), "connection_reset");
  EXPECT_EQ(sink_.attempts, 2);
  EXPECT_EQ(sink_.partial.message.text(), "hello");
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(DeadlineTest, RetryAfterIsWaitedForInEachOfItsForms) {
  const std::vector<std::pair<std::string, std::string>> forms[] = {
      {{"retry-after", "2"}},
      {{"retry-after-ms", "2000"}},
      {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"retry-after", "Sun, 06 Nov 1994 08:49:39 GMT"}},
  };
  route_.retry.max_retry_after_ms = 2'000;
  for (const auto& form : forms) {
    Reply busy = Reply::json(R"({"error":{"message":"slow down"}})", 429);
    for (const auto& [name, value] : form) busy.header(name, value);
    server_.enqueue(busy);
    server_.enqueue(good());
    sink_ = RecordingSink();
    const size_t before = server_.requests().size();
    start();
    ASSERT_TRUE(until([&] { return server_.requests().size() == before + 1; }));
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(loop_->process(1).ok());
    advance(1'999);
    EXPECT_EQ(sink_.attempts, 1) << form.back().second;
    advance(1);
    EXPECT_EQ(sink_.attempts, 2) << form.back().second;
    ASSERT_TRUE(until([&] { return sink_.over(); }));
    EXPECT_TRUE(sink_.response.has_value());
  }
}

TEST_F(DeadlineTest, BackoffDoublesAndItsJitterStaysInTheUpperHalf) {
  route_.retry = {.max_attempts = 3, .base_delay_ms = 1'000, .max_delay_ms = 60'000, .max_retry_after_ms = 0};
  for (const int value : {0x00, 0xff}) {
    ConstantRandom random{std::byte(value)};
    random_ = &random;
    server_.set_handler([](const test::RecordedRequest&) { return Reply::json("busy", 503); });
    sink_ = RecordingSink();
    start();
    for (const int64_t full : {1'000, 2'000}) {
      const int attempt = full / 1'000;
      ASSERT_TRUE(until([&] { return sink_.attempts == attempt; }));
      for (int i = 0; i < 50; ++i) ASSERT_TRUE(loop_->process(1).ok());
      advance(full / 2 - 1);
      EXPECT_EQ(sink_.attempts, attempt) << "sooner than half of " << full;
      advance(full / 2 + 1);
      EXPECT_EQ(sink_.attempts, attempt + 1) << "later than " << full;
    }
    ASSERT_TRUE(until([&] { return sink_.over(); }));
    EXPECT_EQ(sink_.attempts, 3);
    model_.reset();
  }
}

TEST_F(DeadlineTest, ARedirectIsNotFollowedAndTheKeyStaysHome) {
  test::ScriptedServer elsewhere;
  elsewhere.enqueue(good());
  route_.credential_id = "test";
  server_.enqueue(Reply::json("{}", 307).header("location", elsewhere.url("/v1/chat/completions")));
  start();
  ASSERT_TRUE(until([&] { return sink_.over(); }));
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.failure->reason(), "redirect_refused");
  EXPECT_FALSE(sink_.failure->retryable());
  EXPECT_NE(sink_.failure->message().find(elsewhere.url("")), std::string::npos) << sink_.failure->message();
  EXPECT_EQ(elsewhere.connections(), 0u);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(DeadlineTest, ARedirectToAnotherPathNamesItWithoutItsQuery) {
  server_.enqueue(Reply::json("{}", 308).header("location", "/v2/chat?secret=1"));
  start();
  ASSERT_TRUE(until([&] { return sink_.over(); }));
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_NE(sink_.failure->message().find("to its /v2/chat (HTTP 308)"), std::string::npos)
      << sink_.failure->message();
}

}  // namespace
}  // namespace tau::provider
