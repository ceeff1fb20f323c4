// Thousands of routes, each through three upstreams that fail by seed in every way a server can: whatever
// comes, the host hears every word once, and what was promised of tries, breakers and money holds.
#include <dirent.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>

#include "http_model_fixture.h"

namespace tau::provider {
namespace {

constexpr size_t kUpstreams = 3;
constexpr int kWords = 6;
constexpr int64_t kFirstByteMs = 150;
constexpr int64_t kIdleMs = 150;
constexpr int64_t kBreakerFailures = 2;
constexpr int64_t kMostAttempts = 5;
constexpr int kCallsOfASeed = 3;  // one after the other: breakers and pauses of the first are the second's
constexpr size_t kTogether = 48;
constexpr int64_t kCap = 4'000;

// splitmix64: what a seed means never changes.
class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed) {}
  uint64_t operator()(uint64_t below) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
  }

 private:
  uint64_t state_;
};

std::string word(size_t upstream, int request, int n) { return format("<{}.{}.{}>", upstream, request, n); }

std::string delta(std::string_view text) {
  return format(
      R"({{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}]}})",
      text);
}
constexpr std::string_view kUsage =
    R"({"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";

std::string whole_stream(size_t upstream, int request, int words) {
  std::string out;
  for (int i = 0; i < words; ++i) out += format("data: {}\n\n", delta(word(upstream, request, i)));
  return out;
}
std::string end_of_stream() { return format("data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", kStop, kUsage); }

Reply sse_of(std::string bytes) { return Reply::sse().body(std::move(bytes)); }
Reply error_of(int status, std::string_view type, std::string_view code = "") {
  return Reply::json(format(R"({{"error":{{"message":"no","type":"{}","code":"{}"}}}})", type, code), status);
}

// Before anything of an answer. `draw` decides which.
constexpr uint64_t kEarlyFaults = 21;
Reply early_fault(uint64_t which) {
  switch (which) {
    case 0: return Reply::raw().close();
    case 1: return Reply::raw().reset();
    case 2: return Reply::raw().never();
    case 3: return error_of(429, "rate_limit_error").header("retry-after", "2");
    case 4:
      return error_of(429, "rate_limit_error")
          .header("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT")
          .header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    case 5: return error_of(429, "rate_limit_error").header("retry-after-ms", "40");
    case 6:
      return Reply::json(
          R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.04s"}]}})",
          429);
    case 7: return error_of(429, "insufficient_quota", "insufficient_quota");
    case 8: return error_of(402, "billing_error");
    case 9: return error_of(500, "server_error");
    case 10: return Reply(502).body("<html><h1>Bad Gateway</h1></html>").header("content-type", "text/html");
    case 11: return error_of(503, "overloaded_error");
    case 12: return error_of(529, "overloaded_error");
    case 13: return Reply(200).body("");
    case 14: return Reply(200).header("content-type", "text/html").body("<html>hello</html>");
    case 15: return error_of(200, "server_error");
    case 16:
      return sse_of(R"(data: {"error":{"message":"busy","type":"server_error"}})"
                    "\n\n");
    case 17: return Reply::sse().head().never();
    case 18:
      return Reply::raw().bytes("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef");
    case 19: return sse_of("data: {\"choices\":[{\"delta\":{\"content\": oops\n\n");
    default: return Reply::sse().event(std::string(1u << 20, ' ')).reset();
  }
}

constexpr uint64_t kLateFaults = 9;
// After `words` of them.
Reply late_fault(uint64_t which, size_t upstream, int request, int words) {
  const std::string said = whole_stream(upstream, request, words);
  switch (which) {
    case 0: return sse_of(said).close();
    case 1: return sse_of(said).reset();
    case 2: return sse_of(said).never();
    case 3: return sse_of(said);  // no end
    case 4: return sse_of(said + "data: {\"choices\":[{\"index\":0,\"del").close();
    case 5: return sse_of(said + "data: {\"choices\":[{\"delta\":{\"content\":\"\xc3").close();
    case 6:
      return sse_of(said + R"(data: {"error":{"message":"busy","type":"overloaded_error"}})"
                           "\n\n");
    case 7: return Reply::sse().declare_length(said.size() + 100).body(said).close();
    default: return sse_of(said + "data: }{\n\n");
  }
}

// Good, byte by byte or with bytes behind it, too.
Reply good_answer(uint64_t which, size_t upstream, int request) {
  const std::string all = whole_stream(upstream, request, kWords) + end_of_stream();
  if (which == 0) {
    Reply reply = Reply::sse();
    for (size_t i = 0; i < all.size(); i += 7) reply.body(all.substr(i, 7));
    return reply;
  }
  if (which == 1) return Reply(200).header("content-type", "text/event-stream").until_close().body(all);
  if (which == 2) return sse_of(all + "data: {\"late\":true}\n\n");
  return sse_of(all);
}

class CappedDesk final : public LoanDesk {
 public:
  struct Book {
    int64_t lent = 0;
    int64_t most = 0;
    int blocks = 0;
  };
  explicit CappedDesk(std::shared_ptr<Book> book) : book_(std::move(book)) {}
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    const int64_t left = ask.cap_usd_micros - book_->lent;
    if (left < ask.need_usd_micros)
      return done(Loan{.block = ask.block, .granted_usd_micros = 0, .remaining_usd_micros = left});
    const int64_t granted = std::min(left, ask.want_usd_micros);
    book_->lent += granted;
    book_->most = std::max(book_->most, book_->lent);
    if (ask.block == 0) ++book_->blocks;
    done(Loan{.block = 1, .granted_usd_micros = granted, .remaining_usd_micros = left - granted});
  }
  void repay(Repayment repayment) override {
    book_->lent -= repayment.unused_usd_micros;
    --book_->blocks;
  }

 private:
  std::shared_ptr<Book> book_;
};

// What all trials saw, so that a campaign in which nothing happens is one that fails.
struct Totals {
  int calls = 0;
  int answers = 0;
  int partial = 0;  // failures after some words
  std::map<std::string, int> decisions;
};

// One seed: a route and its calls.
class Trial final : public CallSink {
 public:
  using Servers = std::array<std::unique_ptr<ScriptedServer>, kUpstreams>;

  Trial(uint64_t seed, const Servers& servers, net::HttpClient& http, net::Loop& loop, Totals& totals)
      : seed_(seed), loop_(loop), totals_(totals) {
    Draw draw(seed);
    spec_ = std::make_shared<RouteSpec>();
    spec_->name = "main";
    spec_->strategy = draw(2) == 0 ? Strategy::kOrdered : Strategy::kWeighted;
    spec_->stream_recovery = draw(4) == 0;
    spec_->hedge_after_ms = draw(8) == 0 ? 20 : 0;
    spec_->breaker = {.failures = kBreakerFailures, .failure_percent = 0, .open_ms = 600'000};
    spec_->retry = {
        .max_attempts = kMostAttempts, .base_delay_ms = 1, .max_delay_ms = 4, .max_retry_after_ms = 100};
    spec_->limits = {.concurrency = 2};
    budgeted_ = draw(2) == 0;
    if (budgeted_) spec_->day_usd_micros = kCap;
    for (size_t u = 0; u < kUpstreams; ++u) {
      Upstream upstream;
      upstream.route.provider = format("u{}", u);
      upstream.route.model = "m";
      const bool refuses = draw(10) == 0;
      upstream.route.base_url = refuses ? format("http://127.0.0.1:{}/v1", ScriptedServer::closed_port())
                                        : servers[u]->url(format("/s{}/v1", seed));
      upstream.route.dialect = &wire::openai_chat();
      upstream.route.deadlines = {.connect_ms = 1'000, .first_byte_ms = kFirstByteMs, .idle_ms = kIdleMs};
      upstream.route.price = {.input_usd_micros = 1'000'000, .output_usd_micros = 2'000'000, .known = true};
      upstream.route.retry.max_attempts = 1;
      spec_->upstreams.push_back(std::move(upstream));
    }
    traffic_ = std::make_shared<Traffic>(system_clock(), std::make_unique<CappedDesk>(book_), BudgetSpec());
    std::vector<std::unique_ptr<Model>> models;
    for (const Upstream& u : spec_->upstreams)
      models.push_back(make_http_model(u.route, http, loop, system_random()));
    model_ = make_routed_model(spec_, std::move(models), traffic_, loop, system_random());
    request_.model = "m";
    request_.stream = true;
    request_.max_tokens = 50;
    request_.messages.push_back(wire::text_message(wire::Role::kUser, "hi", Labels::from(Source::kUser)));
  }

  void begin() {
    text_.clear();
    attempts_ = 0;
    began_ns_ = loop_.now_ns();
    over_ = false;
    ModelCall call;
    call.request_id = "run_1.m1";
    call.request = &request_;
    call.principal = "alice";
    (void)model_->start(std::move(call), *this);
  }
  bool over() const { return over_; }
  int calls = 0;

  void on_event(const wire::StreamEvent& event) override {
    EXPECT_FALSE(over_) << what();
    if (event.kind != wire::StreamEvent::Kind::kText) return;
    text_ += event.text;
    check_text();
  }
  void on_attempt(int attempt, const Status&) override {
    EXPECT_EQ(attempt, ++attempts_) << what();
    EXPECT_LE(attempt, kMostAttempts) << what();
    EXPECT_TRUE(text_.empty() || spec_->stream_recovery) << what() << " repeats after " << text_;
    text_.clear();
  }
  void on_response(wire::Response) override {
    EXPECT_FALSE(std::exchange(over_, true)) << what();
    EXPECT_NE(text_.find(format(".{}>", kWords - 1)), text_.npos) << what() << " ended early: " << text_;
    paid_ += 20;
    ++totals_.answers;
    end();
  }
  void on_failure(const Status& status, wire::Response partial) override {
    EXPECT_FALSE(std::exchange(over_, true)) << what();
    EXPECT_FALSE(status.ok()) << what();
    if (!partial.message.parts.empty()) { EXPECT_EQ(partial.message.text(), text_) << what(); }
    if (!text_.empty()) ++totals_.partial;
    end();
  }
  void on_decision(const RouteDecision& d) override {
    decisions_ += format(" {}:{}@{}", d.decision, d.reason, d.upstream);
    ++totals_.decisions[std::string(d.decision)];
    Seen& seen = upstreams_[std::string(d.upstream)];
    if (d.decision == "breaker_opened") seen.open = true;
    const std::string_view asks[] = {"selected", "failover", "retry", "hedge", "recovery"};
    if (std::ranges::find(asks, d.decision) == std::end(asks)) return;
    EXPECT_FALSE(seen.open) << what() << " asked one whose breaker is open";
    ++seen.asked;
  }

  // After its last call.
  void finish() {
    model_.reset();
    for (int i = 0; i < 3; ++i) loop_.post([] {});
    for (const char* name : {"route:main"})
      EXPECT_EQ(traffic_->load(name, loop_.now_ns()).active, 0) << what();
    traffic_->close();
    EXPECT_LE(book_->most, kCap) << what();
    EXPECT_EQ(book_->blocks, 0) << what() << " keeps money reserved";
    if (budgeted_) { EXPECT_GE(book_->lent, paid_) << what(); }
  }

 private:
  struct Seen {
    bool open = false;
    int asked = 0;
  };
  std::string what() const { return format("seed {}, call {}:{}", seed_, calls, decisions_); }
  void end() {
    ++calls;
    ++totals_.calls;
    const int64_t took_ms = (loop_.now_ns() - began_ns_) / kNanosPerMilli;
    // Every try ends by its deadlines, and the pauses between them are bounded.
    EXPECT_LE(took_ms, kMostAttempts * (kFirstByteMs + kIdleMs + 1'000)) << what();
    for (const auto& [name, seen] : upstreams_)
      EXPECT_LE(seen.asked, kCallsOfASeed * kMostAttempts) << what();
  }
  // Words of one try, each once, in order.
  void check_text() {
    size_t at = 0;
    std::string first;
    for (int n = 0; at < text_.size(); ++n) {
      const size_t end = text_.find('>', at);
      ASSERT_NE(end, text_.npos) << what() << text_;
      const std::string one = text_.substr(at, end - at + 1);
      const size_t dot = one.rfind('.');
      ASSERT_EQ(one.substr(dot), format(".{}>", n)) << what() << text_;
      if (n == 0) first = one.substr(0, dot);
      ASSERT_EQ(one.substr(0, dot), first) << what() << text_;
      at = end + 1;
    }
  }

  const uint64_t seed_;
  net::Loop& loop_;
  Totals& totals_;
  std::shared_ptr<RouteSpec> spec_;
  std::shared_ptr<CappedDesk::Book> book_ = std::make_shared<CappedDesk::Book>();
  std::shared_ptr<Traffic> traffic_;
  std::unique_ptr<Model> model_;
  wire::Request request_;
  bool budgeted_ = false;
  std::map<std::string, Seen> upstreams_;
  std::string decisions_;
  std::string text_;
  int attempts_ = 0;
  int64_t began_ns_ = 0;
  int64_t paid_ = 0;
  bool over_ = false;
};

// What an upstream answers: by seed, by its place, by how often that route asked it.
class Script {
 public:
  explicit Script(size_t upstream) : upstream_(upstream) {}
  Reply operator()(const test::RecordedRequest& request) {
    const uint64_t seed = std::strtoull(request.target.c_str() + 2, nullptr, 10);
    const int asked = (*asked_)[seed]++;
    Draw draw(seed * 1'000 + upstream_ * 100 + static_cast<uint64_t>(asked) + 7);
    const uint64_t kind = draw(10);
    if (kind < 4) return early_fault(draw(kEarlyFaults));
    if (kind < 6) return late_fault(draw(kLateFaults), upstream_, asked, static_cast<int>(draw(kWords)) + 1);
    return good_answer(draw(8), upstream_, asked);
  }

 private:
  size_t upstream_;
  std::shared_ptr<std::map<uint64_t, int>> asked_ = std::make_shared<std::map<uint64_t, int>>();
};

int open_descriptors() {
  int count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

// TAU_FAULT_SEEDS: how many; TAU_FAULT_FIRST: the first one, to play one that failed again.
TEST(FaultCampaign, WhateverComesTheHostHearsEveryWordOnce) {
  const auto number = [](const char* variable, uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  const uint64_t first = number("TAU_FAULT_FIRST", 1);
  const uint64_t end = first + number("TAU_FAULT_SEEDS", 300);
  auto loop = *net::EventLoop::create(system_clock());
  AllowAll egress;
  OneKey keys;
  const int descriptors = open_descriptors();
  Totals totals;
  {
    Trial::Servers servers;
    for (size_t u = 0; u < kUpstreams; ++u) {
      servers[u] = std::make_unique<ScriptedServer>();
      servers[u]->set_handler(Script(u));
    }
    auto http = net::make_http_client(*loop, egress, keys, test::client_options());
    std::vector<std::unique_ptr<Trial>> running;
    const int64_t stop = system_clock().monotonic_ns() + 1'500'000 * kNanosPerMilli;
    for (uint64_t next = first; next < end || !running.empty();) {
      while (running.size() < kTogether && next < end) {
        running.push_back(std::make_unique<Trial>(next++, servers, *http, *loop, totals));
        running.back()->begin();
      }
      ASSERT_TRUE(loop->process(20).ok());
      for (auto& trial : running)
        if (trial->over() && trial->calls < kCallsOfASeed) trial->begin();
      std::erase_if(running, [](const auto& trial) {
        const bool ends = trial->over() && trial->calls == kCallsOfASeed;
        if (ends) trial->finish();
        return ends;
      });
      ASSERT_LT(system_clock().monotonic_ns(), stop) << "calls hang";
      if (testing::Test::HasFailure()) break;
    }
    http.reset();
  }
  EXPECT_LE(open_descriptors(), descriptors);
  std::string told;
  for (const auto& [decision, count] : totals.decisions) told += format(" {} {}", count, decision);
  std::printf("fault campaign: %d calls, %d answers, %d broke off;%s\n", totals.calls, totals.answers,
              totals.partial, told.c_str());
  if (end - first < 100) return;
  EXPECT_GT(totals.answers, totals.calls / 10);
  EXPECT_GT(totals.partial, totals.calls / 100);
  for (const char* decision :
       {"selected", "failover", "retry", "recovery", "breaker_opened", "gave_up", "hedge"})
    EXPECT_GT(totals.decisions[decision], 0) << decision;
}

}  // namespace
}  // namespace tau::provider
