// Routes over HTTP, with upstreams that fail in every way: what the host gets, whom it is told about, and
// that nothing is said twice.
#include <gtest/gtest.h>

#include <atomic>

#include "http_model_fixture.h"

namespace tau::provider {
namespace {

// A ledger that lends to whoever asks, in memory.
class FreeDesk final : public LoanDesk {
 public:
  struct Book {
    std::atomic<int64_t> lent{0};
  };
  explicit FreeDesk(std::shared_ptr<Book> book) : book_(std::move(book)) {}
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    const int64_t left = ask.cap_usd_micros - book_->lent;
    if (left < ask.need_usd_micros)
      return done(Loan{.block = ask.block, .granted_usd_micros = 0, .remaining_usd_micros = left});
    const int64_t granted = std::min(left, ask.want_usd_micros);
    book_->lent += granted;
    done(Loan{.block = 1, .granted_usd_micros = granted, .remaining_usd_micros = left - granted});
  }
  void repay(Repayment repayment) override { book_->lent -= repayment.unused_usd_micros; }

 private:
  std::shared_ptr<Book> book_;
};

class RouteSink final : public CallSink {
 public:
  void on_event(const wire::StreamEvent& event) override {
    if (event.kind == wire::StreamEvent::Kind::kText) text += event.text;
  }
  void on_attempt(int attempt, const Status&) override {
    attempts = attempt;
    text.clear();
  }
  void on_response(wire::Response) override { ++answers; }
  void on_failure(const Status& status, wire::Response partial) override {
    failure = status;
    cut = partial.message.text();
  }
  void on_decision(const RouteDecision& d) override {
    decisions.push_back(std::string(d.decision) + ":" + std::string(d.reason) + "@" +
                        std::string(d.upstream));
    if (d.route != nullptr) chosen = d.route;
  }
  bool over() const { return answers > 0 || failure.has_value(); }
  bool told(std::string_view decision) const {
    return std::ranges::find(decisions, decision) != decisions.end();
  }

  std::string text;
  std::string cut;
  int attempts = 0;
  int answers = 0;
  std::optional<Status> failure;
  std::vector<std::string> decisions;
  const Route* chosen = nullptr;
};

constexpr std::string_view kUsage =
    R"({"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";

Reply answer() { return Reply::sse().event(kHello).event(kStop).event(kUsage).event("[DONE]"); }
Reply limited(std::string header, std::string value) {
  Reply reply = Reply::json(R"({"error":{"message":"slow down","type":"rate_limit_error"}})", 429);
  reply.header(std::move(header), std::move(value));
  return reply;
}
Reply server_error() { return Reply::json(R"({"error":{"message":"oops","type":"server_error"}})", 500); }

class RoutedModel : public testing::Test {
 protected:
  RoutedModel() : loop_(*net::EventLoop::create(system_clock())) {}
  void SetUp() override {
    http_ = net::make_http_client(*loop_, egress_, keys_, test::client_options());
    spec_ = std::make_shared<RouteSpec>();
    spec_->name = "main";
    spec_->retry = {.max_attempts = 4, .base_delay_ms = 1, .max_delay_ms = 2, .max_retry_after_ms = 1'000};
    add("first", first_.url("/v1"));
    add("second", second_.url("/v1"));
    request_.model = "whatever";
    request_.stream = true;
    request_.max_tokens = 100;
    request_.messages.push_back(wire::text_message(wire::Role::kUser, "hi", Labels::from(Source::kUser)));
  }
  Upstream& add(std::string name, std::string url) {
    Upstream upstream;
    upstream.route.provider = std::move(name);
    upstream.route.model = "m";
    upstream.route.base_url = std::move(url);
    upstream.route.dialect = &wire::openai_chat();
    upstream.route.price = {.input_usd_micros = 1'000'000, .output_usd_micros = 2'000'000, .known = true};
    upstream.route.retry.max_attempts = 1;
    spec_->upstreams.push_back(std::move(upstream));
    return spec_->upstreams.back();
  }
  void make() {
    if (traffic_ == nullptr)
      traffic_ = std::make_shared<Traffic>(system_clock(), std::make_unique<FreeDesk>(book_), budgets_);
    std::vector<std::unique_ptr<Model>> models;
    for (const Upstream& u : spec_->upstreams)
      models.push_back(make_http_model(u.route, *http_, *loop_, system_random()));
    model_ = make_routed_model(spec_, std::move(models), traffic_, *loop_, system_random());
  }
  CallId start(RouteSink& sink) {
    if (model_ == nullptr) make();
    ModelCall call;
    call.request_id = "run_1.m1";
    call.request = &request_;
    call.principal = "alice";
    call.run_id = "run_1";
    call.session_id = "s";
    return model_->start(std::move(call), sink);
  }
  void finish(RouteSink& sink) {
    spin([&] { return sink.over(); });
    ASSERT_TRUE(sink.over());
  }
  template <class Done>
  void spin(const Done& done) {
    const int64_t end = system_clock().monotonic_ns() + 20'000 * kNanosPerMilli;
    while (!done() && system_clock().monotonic_ns() < end) EXPECT_TRUE(loop_->process(20).ok());
  }
  void run() {
    (void)start(sink_);
    finish(sink_);
  }

  ScriptedServer first_;
  ScriptedServer second_;
  AllowAll egress_;
  OneKey keys_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::HttpClient> http_;
  std::shared_ptr<RouteSpec> spec_;
  BudgetSpec budgets_;
  std::shared_ptr<FreeDesk::Book> book_ = std::make_shared<FreeDesk::Book>();
  std::shared_ptr<Traffic> traffic_;
  wire::Request request_;
  std::unique_ptr<Model> model_;
  RouteSink sink_;
};

TEST_F(RoutedModel, AsksTheFirstAndNamesItsModel) {
  first_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_EQ(sink_.decisions, std::vector<std::string>{"selected:ordered@first/m"});
  EXPECT_EQ(sink_.chosen->provider, "first");
  const json::Value body = *json::parse(first_.requests()[0].body);
  EXPECT_EQ(body["model"].as_string(), "m");
  EXPECT_EQ(body["max_tokens"].as_int(), 100);
  EXPECT_TRUE(second_.requests().empty());
}

TEST_F(RoutedModel, TheOutputLimitIsThatOfTheModelThatAnswers) {
  spec_->upstreams[0].route.base_url = "http://127.0.0.1:" + std::to_string(ScriptedServer::closed_port());
  spec_->upstreams[1].route.max_output_tokens = 40;
  second_.enqueue(answer());
  run();
  EXPECT_EQ((*json::parse(second_.requests()[0].body))["max_tokens"].as_int(), 40);
}

TEST_F(RoutedModel, FailsOverWhenAnUpstreamRefusesConnections) {
  spec_->upstreams[0].route.base_url = "http://127.0.0.1:" + std::to_string(ScriptedServer::closed_port());
  second_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_TRUE(sink_.told("failed:connect_failed@first/m"));
  EXPECT_TRUE(sink_.told("failover:connect_failed@second/m"));
  EXPECT_EQ(sink_.attempts, 2);
}

struct Failing {
  const char* name;
  std::function<Reply()> reply;
  const char* reason;
};

class RoutedModelFails : public RoutedModel, public testing::WithParamInterface<Failing> {};

TEST_P(RoutedModelFails, OverToTheNext) {
  first_.enqueue(GetParam().reply());
  second_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_TRUE(sink_.told("failed:" + std::string(GetParam().reason) + "@first/m"))
      << testing::PrintToString(sink_.decisions);
  EXPECT_EQ(sink_.chosen->provider, "second");
}

INSTANTIATE_TEST_SUITE_P(
    Faults, RoutedModelFails,
    testing::Values(
        Failing{"status_500", server_error, "server_error"},
        Failing{"status_529",
                [] { return Reply::json(R"({"error":{"type":"overloaded_error","message":"x"}})", 529); },
                "overloaded"},
        Failing{"retry_after_seconds", [] { return limited("retry-after", "30"); }, "rate_limited"},
        Failing{"retry_after_ms", [] { return limited("retry-after-ms", "30000"); }, "rate_limited"},
        Failing{"retry_after_date",
                [] {
                  return limited("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")
                      .header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
                },
                "rate_limited"},
        Failing{
            "retry_after_in_the_body",
            [] {
              return Reply::json(
                  R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"30s"}]}})",
                  429);
            },
            "rate_limited"},
        Failing{"without_a_time", [] { return limited("x", "y"); }, "rate_limited"},
        Failing{"error_inside_a_200",
                [] { return Reply::sse().event(R"({"error":{"message":"busy","type":"server_error"}})"); },
                "server_error"},
        Failing{"whole_error_with_200",
                [] { return Reply::json(R"({"error":{"message":"busy","type":"overloaded_error"}})"); },
                "overloaded"},
        Failing{
            "key_refused",
            [] { return Reply::json(R"({"error":{"message":"no","type":"authentication_error"}})", 401); },
            "authentication_failed"},
        Failing{"no_credit",
                [] { return Reply::json(R"({"error":{"message":"no","code":"insufficient_quota"}})", 429); },
                "quota_exhausted"},
        Failing{"dies_before_a_word", [] { return Reply::sse().head().reset(); }, "connection_reset"},
        Failing{"ends_before_a_word", [] { return Reply::sse().body(": nothing\n\n"); }, "stream_truncated"}),
    [](const auto& info) { return info.param.name; });

TEST_F(RoutedModel, ARequestThatEveryoneWouldRefuseIsNotRepeated) {
  first_.enqueue(Reply::json(R"({"error":{"message":"bad","type":"invalid_request_error"}})", 400));
  run();
  EXPECT_EQ(sink_.failure->reason(), "invalid_request");
  EXPECT_TRUE(second_.requests().empty());
}

TEST_F(RoutedModel, NothingIsRepeatedAfterTheFirstByte) {
  first_.enqueue(Reply::sse().event(kHello).close());
  run();
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_EQ(sink_.cut, "hello");
  EXPECT_EQ(sink_.attempts, 1);
  EXPECT_TRUE(second_.requests().empty());
}

TEST_F(RoutedModel, UnlessStreamRecoveryIsOn) {
  spec_->stream_recovery = true;
  first_.enqueue(Reply::sse().event(kHello).close());
  second_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.answers, 1);
  EXPECT_EQ(sink_.attempts, 2);
  EXPECT_EQ(sink_.text, "hello") << "what came before the new attempt is void";
  EXPECT_EQ(sink_.decisions.back().substr(0, 9), "recovery:");
}

// A queue does not go on to an upstream that failed those before it, or that asked to be left alone
// meanwhile.
TEST_F(RoutedModel, CallsThatWaitedAskNobodyWhoFailedMeanwhile) {
  spec_->limits = {.concurrency = 1, .max_waiting = 100, .max_wait_ms = 10'000};
  spec_->breaker = {.failures = 1, .failure_percent = 0};
  first_.set_handler([](const test::RecordedRequest&) { return server_error(); });
  second_.set_handler([](const test::RecordedRequest&) { return answer(); });
  std::vector<std::unique_ptr<RouteSink>> sinks;
  for (int i = 0; i < 20; ++i) {
    sinks.push_back(std::make_unique<RouteSink>());
    (void)start(*sinks.back());
  }
  for (const auto& sink : sinks) {
    finish(*sink);
    EXPECT_EQ(sink->answers, 1) << testing::PrintToString(sink->decisions);
  }
  EXPECT_EQ(first_.requests().size(), 1u);
  EXPECT_TRUE(sinks.back()->told("skipped:breaker_open@first/m"))
      << testing::PrintToString(sinks.back()->decisions);
  EXPECT_EQ(traffic_->load("route:main", loop_->now_ns()).active, 0);
}

TEST_F(RoutedModel, CallsThatWaitedLeaveAloneWhoAskedForIt) {
  spec_->limits = {.concurrency = 1, .max_waiting = 100, .max_wait_ms = 10'000};
  first_.set_handler([](const test::RecordedRequest&) { return limited("retry-after", "30"); });
  second_.set_handler([](const test::RecordedRequest&) { return answer(); });
  std::vector<std::unique_ptr<RouteSink>> sinks;
  for (int i = 0; i < 10; ++i) {
    sinks.push_back(std::make_unique<RouteSink>());
    (void)start(*sinks.back());
  }
  for (const auto& sink : sinks) {
    finish(*sink);
    EXPECT_EQ(sink->answers, 1) << testing::PrintToString(sink->decisions);
  }
  EXPECT_EQ(first_.requests().size(), 1u);
}

// Nobody else is there whose end would serve it, and nothing but time can end its wait.
TEST_F(RoutedModel, ACallThatComesToWaitForALimitAfterAFailureIsNotForgotten) {
  spec_->upstreams[1].limits = {.concurrency = 1, .max_wait_ms = 100};
  make();
  const Limiter::Use taken{"provider:second", spec_->upstreams[1].limits};
  ASSERT_EQ(traffic_->acquire(std::span(&taken, 1), 0, false, loop_->now_ns(), *loop_, {}).kind,
            Limiter::Answer::Kind::kGranted);
  first_.enqueue(server_error());
  run();
  EXPECT_TRUE(sink_.told("waiting:limit@second/m")) << testing::PrintToString(sink_.decisions);
  EXPECT_TRUE(sink_.told("skipped:limit_wait_timeout@second/m")) << testing::PrintToString(sink_.decisions);
  EXPECT_EQ(sink_.failure->reason(), "server_error");
}

TEST_F(RoutedModel, OneUpstreamIsAskedAgainAfterThePauseItNames) {
  spec_->upstreams.pop_back();
  first_.enqueue(limited("retry-after-ms", "30"));
  first_.enqueue(answer());
  const int64_t began = system_clock().monotonic_ns();
  run();
  EXPECT_EQ(sink_.answers, 1);
  EXPECT_GE(system_clock().monotonic_ns() - began, 30 * kNanosPerMilli);
  EXPECT_TRUE(sink_.told("waiting:cooling_down@"));
  EXPECT_TRUE(sink_.told("retry:rate_limited@first/m"));
}

TEST_F(RoutedModel, APauseThatIsTooLongIsHandedOn) {
  spec_->upstreams.pop_back();
  first_.enqueue(limited("retry-after", "60"));
  run();
  EXPECT_EQ(sink_.failure->reason(), "rate_limited");
  EXPECT_EQ(sink_.failure->retry_after_ms(), 60'000);
  // The next call does not even ask.
  RouteSink next;
  (void)start(next);
  finish(next);
  EXPECT_EQ(next.failure->reason(), "upstreams_unavailable");
  EXPECT_GT(next.failure->retry_after_ms(), 50'000);
  EXPECT_EQ(first_.requests().size(), 1u);
}

TEST_F(RoutedModel, NoAnswerTakesAnUpstreamAwayForYears) {
  spec_->upstreams.pop_back();
  first_.enqueue(Reply::json(
      R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"900000000s"}]}})",
      429));
  run();
  RouteSink next;
  (void)start(next);
  finish(next);
  EXPECT_EQ(next.failure->reason(), "upstreams_unavailable");
  EXPECT_LE(next.failure->retry_after_ms(), 86'400'000);
}

TEST_F(RoutedModel, TheLastFailureIsTheOneThatIsTold) {
  for (int i = 0; i < 2; ++i) {
    first_.enqueue(server_error());
    second_.enqueue(Reply::json(R"({"error":{"message":"x","type":"overloaded_error"}})", 529));
  }
  run();
  EXPECT_EQ(sink_.attempts, 4);
  EXPECT_TRUE(sink_.failure->reason() == "overloaded" || sink_.failure->reason() == "server_error");
  EXPECT_EQ(sink_.decisions.back().substr(0, 8), "gave_up:");
}

TEST_F(RoutedModel, StreamsThatBreakOffOpenTheBreaker) {
  spec_->breaker = {.failures = 2, .failure_percent = 0};
  for (int i = 0; i < 2; ++i) {
    first_.enqueue(Reply::sse().event(kHello).close());
    RouteSink sink;
    (void)start(sink);
    finish(sink);
    EXPECT_EQ(sink.told("breaker_opened:failures@first/m"), i == 1);
  }
  second_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.answers, 1);
  EXPECT_TRUE(sink_.told("skipped:cooling_down@first/m"));
  EXPECT_EQ(first_.requests().size(), 2u);
}

TEST_F(RoutedModel, ASlowFirstByteIsHedged) {
  spec_->hedge_after_ms = 10;
  first_.enqueue(Reply::sse().hold("slow").event(kHello).event(kStop).event("[DONE]"));
  second_.enqueue(answer());
  run();
  EXPECT_EQ(sink_.text, "hello");
  EXPECT_EQ(sink_.answers, 1);
  EXPECT_TRUE(sink_.told("hedge:slow_first_byte@second/m"));
  EXPECT_TRUE(sink_.told("answers:first_event@second/m"));
  EXPECT_TRUE(sink_.told("hedge_lost:another_was_first@first/m"));
  EXPECT_TRUE(first_.wait_disconnects(1));
}

TEST_F(RoutedModel, AHedgeThatComesTooLateCostsTheAnswerNothing) {
  spec_->hedge_after_ms = 10;
  first_.enqueue(Reply::sse().hold("slow").event(kHello).event(kStop).event("[DONE]"));
  second_.enqueue(Reply::sse().never());
  (void)start(sink_);
  spin([&] { return sink_.told("hedge:slow_first_byte@second/m") && !second_.requests().empty(); });
  first_.release("slow");
  finish(sink_);
  EXPECT_EQ(sink_.answers, 1);
  EXPECT_TRUE(sink_.told("answers:first_event@first/m"));
  EXPECT_EQ(sink_.chosen->provider, "first");
}

TEST_F(RoutedModel, CallsBeyondTheLimitWaitInOrder) {
  spec_->upstreams.pop_back();
  spec_->limits = {.concurrency = 1, .max_waiting = 1, .max_wait_ms = 10'000};
  first_.enqueue(Reply::sse().hold("one").event(kHello).event(kStop).event("[DONE]"));
  first_.enqueue(answer());
  RouteSink waits;
  RouteSink refused;
  (void)start(sink_);
  (void)start(waits);
  (void)start(refused);
  finish(refused);
  EXPECT_EQ(refused.failure->reason(), "limit_queue_full");
  EXPECT_TRUE(waits.told("waiting:limit@first/m"));
  EXPECT_EQ(traffic_->load("route:main", loop_->now_ns()).waiting, 1);
  first_.release("one");
  finish(sink_);
  finish(waits);
  EXPECT_EQ(waits.answers, 1);
}

TEST_F(RoutedModel, AnUpstreamThatIsUsedUpIsPassedOver) {
  spec_->upstreams[0].limits = {.requests_per_minute = 1};
  first_.enqueue(answer());
  second_.enqueue(answer());
  run();
  RouteSink next;
  (void)start(next);
  finish(next);
  EXPECT_TRUE(next.told("skipped:limit_requests@first/m"));
  EXPECT_EQ(next.chosen->provider, "second");
}

TEST_F(RoutedModel, WaitingCallsCanBeCancelled) {
  spec_->upstreams.pop_back();
  spec_->limits = {.concurrency = 1, .max_wait_ms = 10'000};
  first_.enqueue(Reply::sse().never());
  RouteSink waits;
  const CallId running = start(sink_);
  const CallId waiting = start(waits);
  spin([&] { return waits.told("waiting:limit@first/m") && !first_.requests().empty(); });
  (void)model_->cancel(waiting);
  (void)model_->cancel(running);
  spin([&] { return traffic_->load("route:main", loop_->now_ns()).active == 0; });
  EXPECT_EQ(traffic_->load("route:main", loop_->now_ns()).waiting, 0);
  EXPECT_FALSE(waits.over());
  EXPECT_FALSE(sink_.over());
}

TEST_F(RoutedModel, SpendsWhatTheAnswerCost) {
  budgets_.day_usd_micros = 100'000'000;
  first_.enqueue(answer());
  run();
  model_.reset();
  traffic_.reset();
  EXPECT_EQ(book_->lent, 10 * 1 + 5 * 2);
}

TEST_F(RoutedModel, AnUnknownOutcomeCostsItsBound) {
  budgets_.day_usd_micros = 100'000'000;
  spec_->upstreams.pop_back();
  first_.enqueue(Reply::sse().event(kHello).close());
  run();
  model_.reset();
  traffic_.reset();
  EXPECT_GE(book_->lent, 2'048 + 200);
}

TEST_F(RoutedModel, AFailureBeforeAnythingWasSentCostsNothing) {
  budgets_.day_usd_micros = 100'000'000;
  spec_->upstreams[0].route.base_url = "http://127.0.0.1:" + std::to_string(ScriptedServer::closed_port());
  second_.enqueue(answer());
  run();
  model_.reset();
  traffic_.reset();
  EXPECT_EQ(book_->lent, 20);
}

TEST_F(RoutedModel, ABudgetThatIsUsedUpRefusesBeforeAnythingIsSent) {
  budgets_.day_usd_micros = 100;
  run();
  EXPECT_EQ(sink_.failure->reason(), "budget_exceeded");
  EXPECT_TRUE(first_.requests().empty());
}

TEST_F(RoutedModel, ACheaperUpstreamAnswersWhereTheDearOneIsTooDear) {
  budgets_.day_usd_micros = 100;
  spec_->upstreams[1].route.price = {.input_usd_micros = 1, .output_usd_micros = 1, .known = true};
  second_.enqueue(answer());
  run();
  EXPECT_TRUE(sink_.told("skipped:budget_exceeded@first/m"));
  EXPECT_EQ(sink_.chosen->provider, "second");
}

TEST_F(RoutedModel, UnderACapAModelWithoutAPriceIsNotAsked) {
  budgets_.session_usd_micros = 1'000'000;
  for (Upstream& u : spec_->upstreams) u.route.price = {};
  run();
  EXPECT_EQ(sink_.failure->reason(), "price_unknown");
  EXPECT_TRUE(sink_.told("skipped:price_unknown@first/m"));
}

TEST_F(RoutedModel, UnderACapTheOutputLimitIsSent) {
  budgets_.session_usd_micros = 1'000'000'000;
  request_.max_tokens.reset();
  spec_->upstreams[0].route.max_output_tokens = 500;
  spec_->upstreams[1].route.max_output_tokens = 0;
  first_.enqueue(answer());
  run();
  EXPECT_EQ((*json::parse(first_.requests()[0].body))["max_tokens"].as_int(), 500);
  // Without any limit there is no bound.
  spec_->upstreams.erase(spec_->upstreams.begin());
  model_.reset();
  RouteSink unbounded;
  (void)start(unbounded);
  finish(unbounded);
  EXPECT_EQ(unbounded.failure->reason(), "output_unbounded");
}

TEST_F(RoutedModel, DestroyingItEndsWhatIsUnderWay) {
  budgets_.day_usd_micros = 100'000'000;
  first_.enqueue(Reply::sse().event(kHello).never());
  (void)start(sink_);
  spin([&] { return sink_.text == "hello"; });
  model_.reset();
  traffic_.reset();
  EXPECT_TRUE(first_.wait_disconnects(1));
  EXPECT_GE(book_->lent, 2'048 + 200) << "nobody knows what it cost";
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(loop_->process(0).ok());
}

}  // namespace
}  // namespace tau::provider
