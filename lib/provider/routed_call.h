// One call through a route: its tries, one after the other or, hedged, side by side. Private to the module.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "provider/health.h"
#include "provider/route.h"
#include "provider/router.h"

namespace tau::provider {

class RoutedCall;

// Names of limits and budgets that calls have in common. Owner thread of the loop.
class RoutedNames {
 public:
  explicit RoutedNames(const RouteSpec& spec);
  const SharedString& route() const { return route_; }  // the limit of the route
  const SharedString& key(size_t upstream) const { return keys_[upstream]; }
  // Of the day of that wall clock.
  void at(int64_t wall_ms);
  const SharedString& day() const { return day_; }  // " day:2026-11-27"
  const SharedString& home_day() const { return home_day_; }
  const SharedString& route_day() const { return route_day_; }

 private:
  SharedString route_;
  std::vector<SharedString> keys_;
  int64_t day_number_ = -1;
  SharedString day_;
  SharedString home_day_;
  SharedString route_day_;
};

// What the calls of one model share.
struct RoutedShared {
  std::shared_ptr<const RouteSpec> spec;
  std::vector<std::unique_ptr<Model>> upstreams;
  std::shared_ptr<Traffic> traffic;
  std::shared_ptr<RouteHealth> health;
  net::Loop& loop;
  Random& random;
  RoutedNames names;
  // A call begins to wait for limits: nobody else may be there whose end would serve it.
  UniqueFunction<void()> limits_wait;
};

// A try: it waits for limits, then for money, then for the upstream. Whatever it holds it gives back once.
class Leg final : public CallSink {
 public:
  enum class Phase : uint8_t { kLimits, kBudget, kRunning, kOver };

  Leg(RoutedCall& call, size_t of_upstream, bool is_again, const Breaker::Permit& held)
      : call_(call), upstream(of_upstream), again(is_again), permit(held) {}

  void on_event(const wire::StreamEvent& event) override;
  void on_attempt(int, const Status&) override {}
  void on_decision(const RouteDecision& decision) override;
  void on_prompt(const PromptSize& prompt) override { size = prompt; }
  void on_response(wire::Response response) override;
  void on_failure(const Status& status, wire::Response partial) override;

 private:
  RoutedCall& call_;

 public:
  const size_t upstream;
  const bool again;  // this upstream failed before in this call
  Breaker::Permit permit;
  uint64_t times_opened = 0;  // its breaker, when the permit was given
  Phase phase = Phase::kLimits;
  bool counts_as_retry = false;
  bool saw_event = false;
  PromptSize size;      // of what was sent
  uint64_t limits = 0;  // the grant, or what waits for it
  int64_t tokens = 0;   // that were asked of the limits
  uint64_t money = 0;   // the reservation, or what waits for it; 0: no cap
  bool funded = false;  // it waited for money, and has it
  CallId inner = 0;
  int64_t started_ns = 0;
};

class RoutedCall final : public std::enable_shared_from_this<RoutedCall> {
 public:
  // `ended` is called once, when the sink has had its last word; the call may be on the stack.
  RoutedCall(RoutedShared& shared, ModelCall call, CallSink& sink, UniqueFunction<void()> ended);
  ~RoutedCall();

  void begin();
  // Gives up; what of the answer the host has seen.
  wire::Response cut();
  bool waits_for_limits() const;

  // Of its legs.
  void leg_event(Leg& leg, const wire::StreamEvent& event);
  void leg_answered(Leg& leg, wire::Response response);
  void leg_failed(Leg& leg, const Status& status, wire::Response partial);
  // An upstream was asked again in another way.
  void leg_adapted(const RouteDecision& decision) { sink_.on_decision(decision); }

 private:
  enum class Started : uint8_t { kGoing, kSkipped };
  enum class Verdict : uint8_t { kGood, kBad, kNone };  // on the upstream
  struct Cost {
    bool known = false;
    int64_t usd_micros = 0;
    int64_t tokens = -1;  // -1: unknown
  };

  const RouteSpec& spec() const { return *shared_.spec; }
  const Route& route_of(size_t upstream) const { return spec().upstreams[upstream].route; }
  int64_t now() { return shared_.loop.now_ns(); }

  bool plan();
  void next();
  bool may_wait_for_limits(size_t upstream) const;
  bool wait_for_limits(const std::vector<Failover::Next>& refused);
  void wait_until(int64_t at_ns, std::string_view reason);
  Started try_leg(const Failover::Next& choice, bool may_wait, bool hedge);
  Started limit(Leg& leg, bool may_wait);
  Started fund(Leg& leg);
  void launch(Leg& leg);
  void limits_decided(size_t leg, uint64_t id, const Status& status);
  void money_decided(size_t leg, uint64_t id, const Status& status);
  bool renew(Leg& leg);
  void drop(Leg& leg, std::string_view decision, const Status& why);
  void settle(Leg& leg, const Cost& cost, Verdict verdict);
  void cancel(Leg& leg);
  void win(Leg& leg);
  void arm_hedge();
  void hedge_due();
  int live() const;
  StatusOr<int64_t> bound_of(size_t upstream);
  int64_t output_limit(size_t upstream) const;
  std::vector<BudgetCap> caps() const;
  void give_up();
  void fail(const Status& status, wire::Response partial);
  void finish();
  void tell(std::string_view decision, std::string_view reason, const Leg* leg, std::string_view message = {},
            int64_t wait_ms = -1);
  void tell_name(std::string_view decision, std::string_view reason, std::string_view upstream,
                 std::string_view message);
  void tell_upstream(std::string_view decision, std::string_view reason, size_t upstream,
                     std::string_view message = {});

  RoutedShared& shared_;  // gone once the call is over and its model, too
  const std::shared_ptr<RouteHealth> health_;
  ModelCall call_;
  CallSink& sink_;
  UniqueFunction<void()> ended_;
  Needs needs_;
  Failover failover_;
  std::vector<std::unique_ptr<Leg>> legs_;
  Leg* winner_ = nullptr;  // the one that the host hears
  std::vector<BudgetCap> caps_;
  std::optional<StatusOr<PromptBound>> prompt_bound_;
  Status last_failure_;
  Status last_refusal_;
  bool recovering_ = false;
  bool over_ = false;
  net::TimerId timer_ = 0;
  net::TimerId hedge_timer_ = 0;
};

}  // namespace tau::provider
