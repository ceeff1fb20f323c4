// Routes with a thousand calls at once, and with very many one after the other: no limit is passed by one, no
// call is forgotten, nothing grows.
#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "http_model_fixture.h"
#include "support/stream_server.h"

namespace tau::provider {
namespace {

// A sanitizer keeps what was freed, to find uses of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsTheProgramsOwn = false;
#else
constexpr bool kMemoryIsTheProgramsOwn = true;
#endif

int64_t number_from(const char* variable, int64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

int64_t resident_bytes() {
  long pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

int open_descriptors() {
  int count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

class CountingDesk final : public LoanDesk {
 public:
  struct Book {
    std::atomic<int64_t> lent{0};
    std::atomic<int64_t> most{0};
  };
  explicit CountingDesk(std::shared_ptr<Book> book) : book_(std::move(book)) {}
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    const int64_t left = ask.cap_usd_micros - book_->lent;
    if (left < ask.need_usd_micros)
      return done(Loan{.block = ask.block, .granted_usd_micros = 0, .remaining_usd_micros = left});
    const int64_t granted = std::min(left, ask.want_usd_micros);
    book_->lent += granted;
    book_->most = std::max<int64_t>(book_->most, book_->lent);
    done(Loan{.block = 1, .granted_usd_micros = granted, .remaining_usd_micros = left - granted});
  }
  void repay(Repayment repayment) override { book_->lent -= repayment.unused_usd_micros; }

 private:
  std::shared_ptr<Book> book_;
};

struct Counts {
  int64_t running = 0;
  int64_t most_running = 0;
  int64_t answers = 0;
  int64_t failures = 0;
  int64_t events = 0;
  std::map<std::string, int64_t> reasons;  // of failures
  std::map<std::string, int64_t> asked;    // by upstream
};

class LoadSink final : public CallSink {
 public:
  explicit LoadSink(Counts& counts) : counts_(counts) {}
  void on_event(const wire::StreamEvent& event) override {
    if (event.kind == wire::StreamEvent::Kind::kText) ++counts_.events;
  }
  void on_attempt(int, const Status&) override {}
  void on_response(wire::Response) override {
    end();
    ++counts_.answers;
  }
  void on_failure(const Status& status, wire::Response) override {
    end();
    ++counts_.failures;
    ++counts_.reasons[std::string(status.reason())];
  }
  void on_decision(const RouteDecision& d) override {
    if (d.decision == "failed") end();
    const std::string_view asks[] = {"selected", "failover", "retry"};
    if (std::ranges::find(asks, d.decision) == std::end(asks)) return;
    running_ = true;
    counts_.most_running = std::max(counts_.most_running, ++counts_.running);
    ++counts_.asked[d.route->provider];
  }
  bool over = false;

 private:
  void end() {
    if (std::exchange(running_, false)) --counts_.running;
  }
  Counts& counts_;
  bool running_ = false;
};

class RouteLoad : public testing::Test {
 protected:
  void SetUp() override {
    http_ = net::make_http_client(*loop_, egress_, keys_, test::client_options());
    spec_ = std::make_shared<RouteSpec>();
    spec_->name = "main";
    spec_->retry = {.max_attempts = 3, .base_delay_ms = 1, .max_delay_ms = 2, .max_retry_after_ms = 1'000};
    request_.model = "m";
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
    traffic_ = std::make_shared<Traffic>(system_clock(), std::make_unique<CountingDesk>(book_), budgets_);
    std::vector<std::unique_ptr<Model>> models;
    for (const Upstream& u : spec_->upstreams)
      models.push_back(make_http_model(u.route, *http_, *loop_, system_random()));
    model_ = make_routed_model(spec_, std::move(models), traffic_, *loop_, system_random());
  }
  void start(LoadSink& sink) {
    ModelCall call;
    call.request_id = "run_1.m1";
    call.request = &request_;
    call.principal = "alice";
    call.run_id = "run_1";
    call.session_id = "s";
    (void)model_->start(std::move(call), sink);
  }
  void run_at_once(int64_t calls) {
    if (model_ == nullptr) make();
    const int64_t before = counts_.answers + counts_.failures;
    std::vector<std::unique_ptr<LoadSink>> sinks;
    for (int64_t i = 0; i < calls; ++i) {
      sinks.push_back(std::make_unique<LoadSink>(counts_));
      start(*sinks.back());
    }
    const int64_t end = system_clock().monotonic_ns() + 120'000 * kNanosPerMilli;
    while (counts_.answers + counts_.failures - before < calls && system_clock().monotonic_ns() < end)
      ASSERT_TRUE(loop_->process(100).ok());
    ASSERT_EQ(counts_.answers + counts_.failures - before, calls) << "a call was forgotten";
    EXPECT_EQ(counts_.running, 0);
    loop_->post([] {});
    ASSERT_TRUE(loop_->process(0).ok());  // what ended is gone
  }

  test::StreamServer server_;
  AllowAll egress_;
  OneKey keys_;
  std::unique_ptr<net::EventLoop> loop_ = *net::EventLoop::create(system_clock());
  std::unique_ptr<net::HttpClient> http_;
  std::shared_ptr<RouteSpec> spec_;
  BudgetSpec budgets_;
  std::shared_ptr<CountingDesk::Book> book_ = std::make_shared<CountingDesk::Book>();
  std::shared_ptr<Traffic> traffic_;
  wire::Request request_;
  std::unique_ptr<Model> model_;
  Counts counts_;
};

TEST_F(RouteLoad, AThousandCallsAtOnceKeepTheLimitOfConcurrency) {
  add("first", server_.url("/events/3/v1")).limits = {
      .concurrency = 23, .max_waiting = 2'000, .max_wait_ms = 60'000};
  spec_->limits = {.concurrency = 17, .max_waiting = 2'000, .max_wait_ms = 60'000};
  run_at_once(1'000);
  EXPECT_EQ(counts_.answers, 1'000) << testing::PrintToString(counts_.reasons);
  EXPECT_EQ(counts_.most_running, 17);
  for (const char* name : {"route:main", "provider:first"}) {
    const Limiter::Load load = traffic_->load(name, loop_->now_ns());
    EXPECT_EQ(load.active, 0) << name;
    EXPECT_EQ(load.waiting, 0) << name;
  }
}

TEST_F(RouteLoad, AThousandCallsAtOnceKeepTheLimitOfRequests) {
  add("first", server_.url("/events/1/v1"));
  spec_->limits = {.requests_per_minute = 137};
  run_at_once(1'000);
  EXPECT_EQ(counts_.answers, 137);
  EXPECT_EQ(counts_.reasons["limit_requests"], 863) << testing::PrintToString(counts_.reasons);
}

TEST_F(RouteLoad, AThousandCallsAtOnceKeepTheBudget) {
  add("first", server_.url("/events/1/v1"));
  budgets_.day_usd_micros = 50'000;
  run_at_once(1'000);
  EXPECT_GT(counts_.answers, 0);
  EXPECT_GT(counts_.reasons["budget_exceeded"], 0) << testing::PrintToString(counts_.reasons);
  EXPECT_LE(book_->most, 50'000);
  model_.reset();
  traffic_->close();
  EXPECT_EQ(book_->lent, counts_.answers * 20) << "what the answers cost, and nothing is reserved any more";
}

TEST_F(RouteLoad, AnUpstreamThatFailsIsLeftAloneByAThousandCalls) {
  test::ScriptedServer broken;
  broken.set_handler([](const test::RecordedRequest&) {
    return Reply::json(R"({"error":{"message":"oops","type":"server_error"}})", 500);
  });
  add("broken", broken.url("/v1"));
  add("first", server_.url("/events/2/v1"));
  constexpr int64_t kTogether = 17;
  spec_->limits = {.concurrency = kTogether, .max_waiting = 2'000, .max_wait_ms = 60'000};
  spec_->breaker = {.failures = 5, .failure_percent = 0, .open_ms = 600'000, .max_open_ms = 600'000};
  run_at_once(1'000);
  EXPECT_EQ(counts_.answers, 1'000) << testing::PrintToString(counts_.reasons);
  EXPECT_LT(counts_.asked["broken"], 5 + kTogether) << "those under way when it opened, and no more";
  EXPECT_GE(counts_.asked["broken"], 5);
}

// Measured after a warm-up, in which pools and caches fill.
TEST_F(RouteLoad, VeryManyCallsLeaveNothingBehind) {
  const int64_t requests = number_from("TAU_SOAK_REQUESTS", 2'000);
  const int64_t events = number_from("TAU_SOAK_EVENTS", 200'000) / requests;
  add("first", server_.url("/events/" + std::to_string(events) + "/v1"));
  spec_->limits = {.requests_per_minute = 1 << 30, .tokens_per_minute = int64_t{1} << 39, .concurrency = 200};
  spec_->principal_limits = spec_->limits;
  budgets_ = {.run_usd_micros = int64_t{1} << 50, .day_usd_micros = int64_t{1} << 50};
  constexpr int64_t kTogether = 50;
  for (int64_t done = 0; done < std::max<int64_t>(requests / 10, 500); done += kTogether)
    run_at_once(kTogether);
  const int64_t memory = resident_bytes();
  const int descriptors = open_descriptors();
  const int64_t answers = counts_.answers;
  const int64_t heard = counts_.events;
  for (int64_t done = 0; done < requests; done += kTogether) run_at_once(kTogether);
  const int64_t asked = counts_.answers - answers;
  const int64_t growth = resident_bytes() - memory;
  std::printf(
      "soak: %lld requests, %lld events; resident memory grew by %lld bytes (%.1f a request) to "
      "%.1f MB; %d descriptors, %d before; libcurl %s\n",
      static_cast<long long>(asked), static_cast<long long>(counts_.events - heard),
      static_cast<long long>(growth), static_cast<double>(growth) / static_cast<double>(asked),
      static_cast<double>(resident_bytes()) / 1e6, open_descriptors(), descriptors,
      net::http_library_loaded() ? "loaded" : "not loaded");
  EXPECT_EQ(counts_.failures, 0) << testing::PrintToString(counts_.reasons);
  EXPECT_EQ(counts_.events - heard, asked * events);
  EXPECT_LE(open_descriptors(), descriptors);
  // A page or two of the allocator's, not something of every request.
  const int64_t most = kMemoryIsTheProgramsOwn ? std::max<int64_t>(512 << 10, asked * 16) : INT64_MAX;
  EXPECT_LE(growth, most);
}

}  // namespace
}  // namespace tau::provider
