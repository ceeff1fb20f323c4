// Calls of several loops that share limits and budgets: exact, and nobody is forgotten.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "provider/provider.h"

namespace tau::provider {
namespace {

// Answers on a later turn of its loop, with a known cost.
class Echo final : public Model {
 public:
  Echo(net::Loop& loop, std::atomic<int>& running, std::atomic<int>& most)
      : loop_(loop), running_(running), most_(most) {}
  CallId start(ModelCall, CallSink& sink) override {
    const int now = ++running_;
    for (int seen = most_; now > seen && !most_.compare_exchange_weak(seen, now);) {}
    loop_.set_timer(loop_.now_ns() + 100'000, [this, &sink] {
      --running_;
      wire::Response response;
      response.usage.input = 10;
      response.usage.output = 5;
      response.usage.known = true;
      sink.on_response(std::move(response));
    });
    return ++last_;
  }
  wire::Response cancel(CallId) override { return {}; }
  const Route& route() const override { return route_; }

 private:
  net::Loop& loop_;
  std::atomic<int>& running_;
  std::atomic<int>& most_;
  Route route_;
  CallId last_ = 0;
};

class Sink final : public CallSink {
 public:
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int, const Status&) override {}
  void on_response(wire::Response) override { answered = over = true; }
  void on_failure(const Status& status, wire::Response) override {
    reason = status.reason();
    over = true;
  }
  bool over = false;
  bool answered = false;
  std::string reason;
};

// Lends on a thread of its own, as the store does.
class SlowDesk final : public LoanDesk {
 public:
  explicit SlowDesk(std::atomic<int64_t>& lent) : lent_(lent) {}
  ~SlowDesk() override { join(); }
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, ask = std::move(ask), done = std::move(done)]() mutable {
      Loan loan{.block = 1, .granted_usd_micros = 0, .remaining_usd_micros = 0};
      {
        const std::lock_guard ledger(ledger_);
        const int64_t left = ask.cap_usd_micros - lent_;
        loan.granted_usd_micros = left < ask.need_usd_micros ? 0 : std::min(left, ask.want_usd_micros);
        loan.remaining_usd_micros = left - loan.granted_usd_micros;
        lent_ += loan.granted_usd_micros;
      }
      done(loan);
    });
  }
  void repay(Repayment repayment) override {
    const std::lock_guard ledger(ledger_);
    lent_ -= repayment.unused_usd_micros;
  }
  void join() {
    const std::lock_guard lock(mutex_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<int64_t>& lent_;
  std::mutex mutex_;
  std::mutex ledger_;
  std::vector<std::thread> threads_;
};

struct Total {
  int answered = 0;
  int most_at_once = 0;
  int64_t lent = 0;
  std::vector<std::string> reasons;
};

// A thousand calls from four loops at once.
Total thousand_calls(const RouteSpec& like, const BudgetSpec& budgets) {
  constexpr int kLoops = 4;
  constexpr int kCalls = 250;
  const auto spec = std::make_shared<const RouteSpec>(like);
  std::atomic<int64_t> lent{0};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  Total total;
  {
    auto desk = std::make_unique<SlowDesk>(lent);
    SlowDesk* const ledger = desk.get();
    auto traffic = std::make_shared<Traffic>(system_clock(), std::move(desk), budgets);
    wire::Request request;
    request.max_tokens = 5;
    std::vector<std::vector<Sink>> sinks(kLoops);
    // The loops outlive all calls, as those of a runtime do.
    std::vector<std::unique_ptr<net::EventLoop>> loops;
    for (int i = 0; i < kLoops; ++i) loops.push_back(*net::EventLoop::create(system_clock()));
    std::vector<std::thread> threads;
    for (size_t t = 0; t < kLoops; ++t)
      threads.emplace_back([&, t] {
        net::EventLoop& loop = *loops[t];
        (void)loop.process(0);
        std::vector<std::unique_ptr<Model>> upstreams;
        upstreams.push_back(std::make_unique<Echo>(loop, running, most));
        const auto model = make_routed_model(spec, std::move(upstreams), traffic, loop, system_random());
        sinks[t] = std::vector<Sink>(kCalls);
        for (Sink& sink : sinks[t]) {
          ModelCall call;
          call.request = &request;
          (void)model->start(std::move(call), sink);
        }
        const int64_t end = system_clock().monotonic_ns() + 30'000 * kNanosPerMilli;
        const auto over = [&] { return std::ranges::all_of(sinks[t], [](const Sink& s) { return s.over; }); };
        while (!over() && system_clock().monotonic_ns() < end) (void)loop.process(10);
      });
    for (std::thread& thread : threads) thread.join();
    ledger->join();
    for (const auto& some : sinks)
      for (const Sink& sink : some) {
        EXPECT_TRUE(sink.over) << "a call was forgotten";
        total.answered += sink.answered ? 1 : 0;
        if (!sink.answered && std::ranges::find(total.reasons, sink.reason) == total.reasons.end())
          total.reasons.push_back(sink.reason);
      }
    traffic->close();
  }
  total.most_at_once = most;
  total.lent = lent;
  return total;
}

RouteSpec spec_of(int64_t price) {
  RouteSpec spec;
  spec.name = "main";
  Upstream upstream;
  upstream.route.provider = "p";
  upstream.route.model = "m";
  upstream.route.price = {.input_usd_micros = price, .output_usd_micros = price, .known = true};
  spec.upstreams.push_back(std::move(upstream));
  return spec;
}

TEST(Traffic, AThousandCallsOfFourLoopsKeepALimitOfRequests) {
  RouteSpec spec = spec_of(0);
  spec.limits = {.requests_per_minute = 137};
  const Total total = thousand_calls(spec, {});
  EXPECT_EQ(total.answered, 137);
  EXPECT_EQ(total.reasons, std::vector<std::string>{"limit_requests"});
}

TEST(Traffic, AllOfAThousandCallsGetTheirTurnThroughANarrowDoor) {
  RouteSpec spec = spec_of(0);
  spec.limits = {.concurrency = 16, .max_waiting = 1'000, .max_wait_ms = 60'000};
  const Total total = thousand_calls(spec, {});
  EXPECT_EQ(total.answered, 1'000);
  EXPECT_LE(total.most_at_once, 16);
}

TEST(Traffic, AThousandCallsOfFourLoopsSpendWhatTheyCost) {
  // 15 micro-dollars each, of a bound of about two thousand.
  const Total total = thousand_calls(spec_of(1'000'000), {.day_usd_micros = 100'000'000});
  EXPECT_EQ(total.answered, 1'000);
  EXPECT_EQ(total.lent, 15'000);
}

TEST(Traffic, ABudgetThatIsTooSmallForAllIsNeverPassed) {
  const Total total = thousand_calls(spec_of(1'000'000), {.day_usd_micros = 50'000});
  EXPECT_GT(total.answered, 0);
  EXPECT_LT(total.answered, 1'000);
  EXPECT_EQ(total.lent, 15 * total.answered);
  EXPECT_EQ(total.reasons, std::vector<std::string>{"budget_exceeded"});
}

}  // namespace
}  // namespace tau::provider
