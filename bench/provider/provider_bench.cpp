// What routing, limits, budgets and accounting add to a call, as CPU time: the state machines one by one, and
// whole calls through a route beside the same calls to the model itself.
#include <cstdio>
#include <cstdlib>

#include "provider/provider.h"
#include "provider/router.h"
#include "support/report.h"

namespace {

using namespace tau;            // NOLINT: a program of one file
using namespace tau::provider;  // NOLINT

// A model that answers at once, on the next turn of the loop.
class Instant final : public Model {
 public:
  explicit Instant(net::Loop& loop) : loop_(loop) {}
  CallId start(ModelCall, CallSink& sink) override {
    loop_.post([&sink] {
      sink.on_event({.kind = wire::StreamEvent::Kind::kText, .text = "x", .id = {}, .name = {}});
      wire::Response response;
      response.usage.input = 100;
      response.usage.output = 10;
      response.usage.known = true;
      sink.on_response(std::move(response));
    });
    return ++last_;
  }
  wire::Response cancel(CallId) override { return {}; }
  const Route& route() const override { return route_; }

 private:
  net::Loop& loop_;
  Route route_;
  CallId last_ = 0;
};

class Counter final : public CallSink {
 public:
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int, const Status&) override {}
  void on_response(wire::Response) override { ++answers; }
  void on_failure(const Status& status, wire::Response) override {
    std::fprintf(stderr, "bench_provider: %s\n", status.to_string().c_str());
    std::abort();
  }
  int64_t answers = 0;
};

class FreeDesk final : public LoanDesk {
 public:
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    done(Loan{.block = 1, .granted_usd_micros = ask.want_usd_micros, .remaining_usd_micros = 1});
  }
  void repay(Repayment) override {}
};

std::shared_ptr<RouteSpec> full_spec() {
  constexpr int64_t kPlenty = int64_t{1} << 39;
  auto spec = std::make_shared<RouteSpec>();
  spec->name = "main";
  spec->limits = {.requests_per_minute = kPlenty, .tokens_per_minute = kPlenty, .concurrency = kPlenty};
  spec->principal_limits = spec->limits;
  spec->day_usd_micros = int64_t{1} << 50;
  for (const char* name : {"first", "second", "third"}) {
    Upstream upstream;
    upstream.route.provider = name;
    upstream.route.model = "m";
    upstream.route.max_output_tokens = 1'000;
    upstream.route.price = {.input_usd_micros = 1'000'000, .output_usd_micros = 2'000'000, .known = true};
    upstream.limits = spec->limits;
    spec->upstreams.push_back(upstream);
  }
  return spec;
}

void whole_calls(bench::Report& report) {
  auto loop = *net::EventLoop::create(system_clock());
  const auto spec = full_spec();
  const BudgetSpec budgets = {.run_usd_micros = int64_t{1} << 50,
                              .session_usd_micros = int64_t{1} << 50,
                              .principal_day_usd_micros = int64_t{1} << 50,
                              .day_usd_micros = int64_t{1} << 50};
  auto traffic = std::make_shared<Traffic>(system_clock(), std::make_unique<FreeDesk>(), budgets);
  std::vector<std::unique_ptr<Model>> upstreams;
  for (size_t i = 0; i < spec->upstreams.size(); ++i) upstreams.push_back(std::make_unique<Instant>(*loop));
  const auto routed = make_routed_model(spec, std::move(upstreams), traffic, *loop, system_random());
  Instant plain(*loop);
  wire::Request request;
  for (int i = 0; i < 10; ++i)
    request.messages.push_back(wire::text_message(wire::Role::kUser, std::string(200, 'x'), {}));
  const auto call = [&](Model& model) {
    constexpr int64_t kTogether = 64;
    Counter counter;
    for (int64_t i = 0; i < kTogether; ++i) {
      ModelCall one;
      one.request = &request;
      one.run_id = "run_01jd2m0000000000000000";
      one.session_id = "ses_01jd2m0000000000000000";
      one.principal = "alice";
      (void)model.start(std::move(one), counter);
    }
    while (counter.answers < kTogether) (void)loop->process(0);
  };
  report.compare(
      "sixty_four_calls_routed", {.iterations = 500}, [&] { call(*routed); }, [&] { call(plain); });
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report(argc, argv);
  constexpr bench::Plan kPlan = {.iterations = 100'000};
  int64_t now = 1;

  Breaker breaker({});
  report.measure("breaker_call", kPlan, [&] {
    now += 1'000;
    breaker.succeeded(*breaker.try_acquire(now), now);
  });

  Limiter limiter;
  const LimitRule rule = {
      .requests_per_minute = int64_t{1} << 39, .tokens_per_minute = int64_t{1} << 39, .concurrency = 1'000};
  const Limiter::Use uses[] = {
      {"route:main", rule}, {"principal:alice@main", rule}, {"provider:first", rule}};
  report.measure("limits_of_three_names", kPlan, [&] {
    now += 1'000;
    limiter.settle(limiter.acquire(uses, 1'000, true, now).id, 900, now);
  });

  Budget budget;
  const BudgetCap caps[] = {{"run:r", int64_t{1} << 50},
                            {"session:s", int64_t{1} << 50},
                            {"principal:alice day:2026-11-27", int64_t{1} << 50},
                            {"day:2026-11-27", int64_t{1} << 50}};
  (void)budget.reserve(caps, 1, now);
  for (Budget::Ask ask; budget.next_ask(&ask);)
    budget.on_loan(ask.account,
                   Loan{.block = 1, .granted_usd_micros = int64_t{1} << 50, .remaining_usd_micros = 0}, now);
  report.measure("budget_of_four_scopes", kPlan, [&] {
    now += 1'000;
    budget.settle(budget.reserve(caps, 1'000, now).id, 700, now);
  });

  const std::vector<Candidate> candidates(3);
  report.measure("plan_of_three", kPlan,
                 [&] { bench::keep(plan_route(Strategy::kOrdered, candidates, {.prompt_tokens = 100}, 0)); });

  whole_calls(report);
  return report.finish();
}
