// The tries of a call. Every callback of the sink may end the call: over_ is looked at after each.
#include "provider/routed_call.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "provider/retry.h"

namespace tau::provider {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostHeldMs = 86'400'000;  // whatever an upstream asks for

uint64_t number(Random& random) {
  std::array<std::byte, 8> bytes;
  random.fill(bytes);
  uint64_t n = 0;
  std::memcpy(&n, bytes.data(), sizeof n);
  return n;
}

bool has_images(const wire::Request& request) {
  for (const wire::Message& message : request.messages)
    for (const wire::Part& part : message.parts)
      if (const auto* media = part.as<wire::Media>();
          media != nullptr && media->kind == wire::MediaKind::kImage)
        return true;
  return false;
}

// Whether an event is something that the host sees of an answer.
bool is_content(wire::StreamEvent::Kind kind) {
  using enum wire::StreamEvent::Kind;
  return kind != kStart && kind != kPing && kind != kUsage;
}

int64_t wait_ms(int64_t at_ns, int64_t now_ns) {
  return (std::max<int64_t>(0, at_ns - now_ns) + kNanosPerMilli - 1) / kNanosPerMilli;
}

}  // namespace

void Leg::on_event(const wire::StreamEvent& event) { call_.leg_event(*this, event); }
void Leg::on_decision(const RouteDecision& decision) { call_.leg_adapted(decision); }
void Leg::on_response(wire::Response response) { call_.leg_answered(*this, std::move(response)); }
void Leg::on_failure(const Status& status, wire::Response partial) {
  call_.leg_failed(*this, status, std::move(partial));
}

RoutedCall::RoutedCall(RoutedShared& shared, ModelCall call, CallSink& sink, UniqueFunction<void()> ended)
    : shared_(shared), health_(shared.health), call_(std::move(call)), sink_(sink), ended_(std::move(ended)) {
  const std::lock_guard lock(health_->mutex);
  health_->retries.call_began();
}

RoutedCall::~RoutedCall() {
  if (!over_) (void)cut();
  const std::lock_guard lock(health_->mutex);
  health_->retries.call_ended();
}

wire::Response RoutedCall::cut() {
  if (timer_ != 0) shared_.loop.cancel_timer(std::exchange(timer_, 0));
  if (hedge_timer_ != 0) shared_.loop.cancel_timer(std::exchange(hedge_timer_, 0));
  over_ = true;
  wire::Response partial;
  for (const auto& leg : legs_) {
    if (leg->phase == Leg::Phase::kOver) continue;
    wire::Response had;
    if (leg->phase == Leg::Phase::kRunning) had = shared_.upstreams[leg->upstream]->cancel(leg->inner);
    if (leg.get() == winner_) partial = std::move(had);
    cancel(*leg);
  }
  return partial;
}

bool RoutedCall::waits_for_limits() const {
  return std::ranges::any_of(legs_, [](const auto& leg) { return leg->phase == Leg::Phase::kLimits; });
}

void RoutedCall::begin() {
  const wire::Request& request = *call_.request;
  needs_.prompt_tokens = wire::estimate_tokens(request);
  needs_.output_tokens = call_.target.max_tokens.value_or(request.max_tokens.value_or(0));
  needs_.tools = !request.tools.empty();
  needs_.images = has_images(request);
  caps_ = caps();
  if (!plan() || over_) return;
  next();
}

// The order in which upstreams are tried; false when there is none.
bool RoutedCall::plan() {
  std::vector<Candidate> candidates;
  candidates.reserve(spec().upstreams.size());
  {
    const std::lock_guard lock(health_->mutex);
    for (size_t i = 0; i < spec().upstreams.size(); ++i) {
      const Route& route = route_of(i);
      candidates.push_back({.price = route.price,
                            .abilities = route.abilities,
                            .context_tokens = route.context_tokens,
                            .max_output_tokens = route.max_output_tokens,
                            .weight = spec().upstreams[i].weight,
                            .latency_ns = health_->upstreams[i].latency.value_ns(now())});
    }
  }
  const bool draws = spec().strategy == Strategy::kWeighted;
  Plan made = plan_route(spec().strategy, candidates, needs_, draws ? number(shared_.random) : 0);
  for (const auto& [model, why] : spec().unavailable) {
    tell_name("skipped", why.reason(), model, why.message());
    if (over_) return false;
  }
  for (const Plan::Skip& skip : made.skipped) {
    tell_upstream("skipped", skip.reason, skip.upstream);
    if (over_) return false;
  }
  std::vector<int64_t> contexts;
  for (const size_t i : made.order) contexts.push_back(candidates[i].context_tokens);
  const bool any = !made.order.empty();
  failover_ = Failover(std::move(made.order), std::move(contexts), spec().retry);
  if (any) return true;
  last_refusal_ = failed_precondition(
      "no_fitting_upstream", format("no upstream of the route {} can answer such a call: {}", spec().name,
                                    made.skipped.empty() ? "it has none" : made.skipped[0].reason));
  give_up();
  return false;
}

void RoutedCall::next() {
  const int64_t at = now();
  std::vector<int64_t> held(spec().upstreams.size());
  {
    const std::lock_guard lock(health_->mutex);
    for (size_t i = 0; i < held.size(); ++i) {
      const RouteHealth::Upstream& u = health_->upstreams[i];
      const bool open = u.breaker.state(at) == Breaker::State::kOpen;
      held[i] = std::max(u.held_until_ns, open ? u.breaker.open_until_ns() : 0);
    }
  }
  int64_t earliest = kNever;
  bool backoff = false;
  std::vector<Failover::Next> refused;  // by limits, which may be waited for
  for (const Failover::Next& choice : failover_.choices(at, [&](size_t u) { return held[u]; })) {
    if (choice.at_ns > at) {
      const bool cools = held[choice.upstream] > at;
      if (choice.at_ns < earliest) backoff = !cools;
      earliest = std::min(earliest, choice.at_ns);
      if (cools) tell_upstream("skipped", "cooling_down", choice.upstream);
    } else if (try_leg(choice, false, false) == Started::kGoing) {
      return;
    } else if (last_refusal_.reason().starts_with("limit_") && may_wait_for_limits(choice.upstream)) {
      refused.push_back(choice);
    }
    if (over_) return;
  }
  if (wait_for_limits(refused) || over_) return;
  if (earliest != kNever && failover_.may_wait_until(earliest, at))
    return wait_until(earliest, backoff ? "backoff" : "cooling_down");
  if (earliest != kNever && last_refusal_.ok()) {
    ErrorInfo info;
    info.code = Code::kUnavailable;
    info.reason = "upstreams_unavailable";
    info.message = format("every upstream of the route {} failed lately or asks to wait", spec().name);
    info.retryable = true;
    info.retry_after_ms = wait_ms(earliest, at);
    last_refusal_ = Status(std::move(info));
  }
  give_up();
}

bool RoutedCall::may_wait_for_limits(size_t upstream) const {
  if (last_refusal_.reason() == "limit_too_small") return false;
  return spec().limits.max_wait_ms > 0 || spec().principal_limits.max_wait_ms > 0 ||
         spec().upstreams[upstream].limits.max_wait_ms > 0;
}

bool RoutedCall::wait_for_limits(const std::vector<Failover::Next>& refused) {
  for (const Failover::Next& choice : refused)
    if (try_leg(choice, true, false) == Started::kGoing || over_) return true;
  return false;
}

void RoutedCall::wait_until(int64_t at_ns, std::string_view reason) {
  tell("waiting", reason, nullptr, {}, wait_ms(at_ns, now()));
  if (over_) return;
  timer_ = shared_.loop.set_timer(at_ns, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->over_) return;
    self->timer_ = 0;
    self->next();
  });
}

RoutedCall::Started RoutedCall::try_leg(const Failover::Next& choice, bool may_wait, bool hedge) {
  std::optional<Breaker::Permit> permit;
  const bool counts = choice.again || hedge;
  std::string_view refusal;
  uint64_t times_opened = 0;
  {
    const std::lock_guard lock(health_->mutex);
    if (counts && !health_->retries.try_retry()) {
      refusal = "retry_budget";
    } else {
      Breaker& breaker = health_->upstreams[choice.upstream].breaker;
      permit = breaker.try_acquire(now());
      times_opened = breaker.times_opened();
      if (!permit && counts) health_->retries.retry_ended();
      if (!permit) refusal = "breaker_open";
    }
  }
  if (!permit) {
    last_refusal_ = unavailable(refusal, format("{}: {}", health_->names[choice.upstream], refusal));
    tell_upstream("skipped", refusal, choice.upstream);
    return Started::kSkipped;
  }
  legs_.push_back(std::make_unique<Leg>(*this, choice.upstream, choice.again, *permit));
  Leg& leg = *legs_.back();
  leg.counts_as_retry = counts;
  leg.times_opened = times_opened;
  return limit(leg, may_wait);
}

RoutedCall::Started RoutedCall::limit(Leg& leg, bool may_wait) {
  const Upstream& upstream = spec().upstreams[leg.upstream];
  std::array<Limiter::Use, 3> uses;
  size_t count = 0;
  SharedString of_principal;
  if (spec().limits.any()) uses[count++] = {shared_.names.route(), spec().limits};
  if (spec().principal_limits.any()) {
    of_principal = SharedString::concat({"principal:", call_.principal, "@", spec().name});
    uses[count++] = {of_principal, spec().principal_limits};
  }
  if (upstream.limits.any()) uses[count++] = {shared_.names.key(leg.upstream), upstream.limits};
  if (count == 0) return fund(leg);
  leg.tokens = needs_.prompt_tokens + output_limit(leg.upstream);
  Limiter::Answer answer =
      shared_.traffic->acquire(std::span(uses).first(count), leg.tokens, may_wait, now(), shared_.loop,
                               [weak = weak_from_this(), traffic = shared_.traffic, &loop = shared_.loop,
                                at = legs_.size() - 1](uint64_t id, Status status) {
                                 if (const auto self = weak.lock(); self != nullptr && !self->over_)
                                   return self->limits_decided(at, id, status);
                                 if (status.ok()) traffic->undo_limits(id, loop.now_ns());
                               });
  if (answer.kind == Limiter::Answer::Kind::kRefused) {
    if (answer.refusal.reason() == "limit_too_small") failover_.give_up_on(leg.upstream);
    drop(leg, "skipped", answer.refusal);
    return Started::kSkipped;
  }
  leg.limits = answer.id;
  if (answer.kind == Limiter::Answer::Kind::kGranted) return fund(leg);
  shared_.limits_wait();
  tell("waiting", "limit", &leg);
  return Started::kGoing;
}

void RoutedCall::limits_decided(size_t at, uint64_t id, const Status& status) {
  Leg& leg = *legs_[at];
  if (leg.phase != Leg::Phase::kLimits || leg.limits != id) {
    if (status.ok()) shared_.traffic->undo_limits(id, now());
    return;
  }
  if (!status.ok()) {
    leg.limits = 0;
    drop(leg, "skipped", status);
    if (!over_ && live() == 0) give_up();
    return;
  }
  leg.phase = Leg::Phase::kBudget;  // what was granted is undone if nothing comes of it
  const bool goes = renew(leg) && fund(leg) == Started::kGoing;
  if (!goes && !over_ && live() == 0) next();
}

// While a try waited its upstream may have failed others, or have asked to be left alone: a queue must not go
// on to where nobody is sent any more.
bool RoutedCall::renew(Leg& leg) {
  std::string_view refusal;
  {
    const std::lock_guard lock(health_->mutex);
    RouteHealth::Upstream& upstream = health_->upstreams[leg.upstream];
    if (upstream.held_until_ns > now()) {
      refusal = "cooling_down";
    } else if (upstream.breaker.times_opened() != leg.times_opened) {
      const auto permit = upstream.breaker.try_acquire(now());
      if (permit) leg.permit = *permit;
      leg.times_opened = upstream.breaker.times_opened();
      if (!permit) refusal = "breaker_open";
    }
  }
  if (refusal.empty()) return true;
  drop(leg, "skipped",
       unavailable(refusal, format("{}: {} since the call waits", health_->names[leg.upstream], refusal)));
  last_refusal_ = ok_status();  // why none is left is for next() to say
  return false;
}

// The most tokens of an answer: what was asked for, within what the model can. 0: nobody said.
int64_t RoutedCall::output_limit(size_t upstream) const {
  const int64_t most = route_of(upstream).max_output_tokens;
  if (needs_.output_tokens <= 0) return most;
  return most > 0 ? std::min(most, needs_.output_tokens) : needs_.output_tokens;
}

StatusOr<int64_t> RoutedCall::bound_of(size_t upstream) {
  if (!prompt_bound_) prompt_bound_ = bound_prompt(*call_.request);
  if (!prompt_bound_->ok()) return prompt_bound_->status();
  const Route& route = route_of(upstream);
  TAU_ASSIGN_OR_RETURN(const int64_t most, (*prompt_bound_)->with_images(route.image_tokens));
  const int64_t output = output_limit(upstream);
  if (output <= 0)
    return failed_precondition("output_unbounded",
                               format("under a budget, {}/{} needs max_output_tokens, or the request "
                                      "max_tokens",
                                      route.provider, route.model));
  // The provider refuses what does not fit its window: more than that it cannot count.
  const int64_t prompt = route.context_tokens > 0 ? std::min(most, route.context_tokens) : most;
  auto bound = cost_bound_usd_micros(route.price, prompt, output, (*prompt_bound_)->hour_cache);
  if (bound.ok()) return bound;
  return bound.status().annotate(format("{}/{}", route.provider, route.model));
}

std::vector<BudgetCap> RoutedCall::caps() const {
  std::vector<BudgetCap> made;
  const BudgetSpec& all = shared_.traffic->budgets();
  if (!all.any() && spec().day_usd_micros <= 0) return made;
  RoutedNames& names = shared_.names;
  names.at(shared_.traffic->wall_ms());
  made.reserve(5);
  const auto add = [&](int64_t cap, const auto& scope) {
    if (cap > 0) made.push_back({scope(), cap});
  };
  add(all.run_usd_micros, [&] { return SharedString::concat({"run:", call_.run_id}); });
  add(all.session_usd_micros, [&] { return SharedString::concat({"session:", call_.session_id}); });
  add(all.principal_day_usd_micros, [&] {
    return SharedString::concat({"principal:", call_.principal, names.day()});
  });
  add(all.day_usd_micros, [&] { return names.home_day(); });
  add(spec().day_usd_micros, [&] { return names.route_day(); });
  return made;
}

RoutedCall::Started RoutedCall::fund(Leg& leg) {
  leg.phase = Leg::Phase::kBudget;
  const auto at = static_cast<size_t>(
      std::ranges::find_if(legs_, [&](const auto& l) { return l.get() == &leg; }) - legs_.begin());
  if (caps_.empty()) {
    launch(leg);
    return Started::kGoing;
  }
  const StatusOr<int64_t> bound = bound_of(leg.upstream);
  if (!bound.ok()) {
    failover_.give_up_on(leg.upstream);
    drop(leg, "skipped", bound.status());
    return Started::kSkipped;
  }
  Budget::Answer answer =
      shared_.traffic->reserve(caps_, *bound, now(), shared_.loop,
                               [weak = weak_from_this(), traffic = shared_.traffic, &loop = shared_.loop, at](
                                   uint64_t id, Status status) {
                                 if (const auto self = weak.lock(); self != nullptr && !self->over_)
                                   return self->money_decided(at, id, status);
                                 if (status.ok())
                                   traffic->settle_budget(id, 0, loop.now_ns());  // the call was never made
                               });
  if (answer.kind == Budget::Answer::Kind::kRefused) {
    failover_.give_up_on(leg.upstream);
    drop(leg, "skipped", answer.refusal);
    return Started::kSkipped;
  }
  leg.money = answer.id;
  if (answer.kind == Budget::Answer::Kind::kReserved) launch(leg);
  return Started::kGoing;
}

void RoutedCall::money_decided(size_t at, uint64_t id, const Status& status) {
  Leg& leg = *legs_[at];
  if (leg.phase != Leg::Phase::kBudget || leg.money != id) {
    if (status.ok()) shared_.traffic->settle_budget(id, 0, now());
    return;
  }
  if (status.ok()) {
    leg.funded = true;
    if (renew(leg)) return launch(leg);
  } else {
    leg.money = 0;
    failover_.give_up_on(leg.upstream);
    drop(leg, "skipped", status);
  }
  if (!over_ && live() == 0) next();
}

void RoutedCall::launch(Leg& leg) {
  leg.phase = Leg::Phase::kRunning;
  leg.started_ns = now();
  failover_.started(leg.upstream);
  const bool hedge = leg.counts_as_retry && !leg.again;
  const std::string_view decision = failover_.attempts() == 1 ? "selected"
                                    : hedge                   ? "hedge"
                                    : recovering_             ? "recovery"
                                    : leg.again               ? "retry"
                                                              : "failover";
  const std::string_view reason = failover_.attempts() == 1 ? strategy_name(spec().strategy)
                                  : hedge                   ? "slow_first_byte"
                                                            : last_failure_.reason();
  recovering_ = false;
  tell(decision, reason, &leg);
  if (over_ || leg.phase != Leg::Phase::kRunning) return;
  sink_.on_attempt(failover_.attempts(), last_failure_);
  if (over_ || leg.phase != Leg::Phase::kRunning) return;
  ModelCall inner = call_;
  inner.target.model = route_of(leg.upstream).model;
  if (const int64_t most = output_limit(leg.upstream);
      most > 0 && (needs_.output_tokens > 0 || !caps_.empty()))
    inner.target.max_tokens = most;
  leg.inner = shared_.upstreams[leg.upstream]->start(std::move(inner), leg);
  arm_hedge();
}

void RoutedCall::arm_hedge() {
  if (spec().hedge_after_ms <= 0 || hedge_timer_ != 0 || live() != 1) return;
  hedge_timer_ =
      shared_.loop.set_timer(now() + spec().hedge_after_ms * kNanosPerMilli, [weak = weak_from_this()] {
        if (const auto self = weak.lock(); self != nullptr) self->hedge_due();
      });
}

void RoutedCall::hedge_due() {
  hedge_timer_ = 0;
  if (over_ || winner_ != nullptr || live() != 1) return;
  const int64_t at = now();
  for (const Failover::Next& choice : failover_.choices(at, [](size_t) { return int64_t{0}; })) {
    if (choice.again || choice.at_ns > at) continue;
    if (try_leg(choice, false, true) == Started::kGoing || over_) return;
  }
}

int RoutedCall::live() const {
  return static_cast<int>(
      std::ranges::count_if(legs_, [](const auto& leg) { return leg->phase != Leg::Phase::kOver; }));
}

// A try that ends before it began.
void RoutedCall::drop(Leg& leg, std::string_view decision, const Status& why) {
  last_refusal_ = why;
  cancel(leg);
  tell_upstream(decision, why.reason(), leg.upstream, why.message());
}

// Gives back what a try holds when nothing is known of its outcome: one that ran may have cost all.
void RoutedCall::cancel(Leg& leg) {
  const Leg::Phase phase = leg.phase;
  if (phase == Leg::Phase::kRunning) return settle(leg, {}, Verdict::kNone);
  leg.phase = Leg::Phase::kOver;
  const int64_t at = now();
  if (leg.limits != 0 && phase == Leg::Phase::kLimits) shared_.traffic->cancel_limits(leg.limits, at);
  if (leg.limits != 0 && phase == Leg::Phase::kBudget) shared_.traffic->undo_limits(leg.limits, at);
  if (leg.money != 0 && leg.funded) shared_.traffic->settle_budget(leg.money, 0, at);
  if (leg.money != 0 && !leg.funded) shared_.traffic->cancel_budget(leg.money, at);
  const std::lock_guard lock(health_->mutex);
  health_->upstreams[leg.upstream].breaker.abandoned(leg.permit);
  if (leg.counts_as_retry) health_->retries.retry_ended();
}

void RoutedCall::settle(Leg& leg, const Cost& cost, Verdict verdict) {
  leg.phase = Leg::Phase::kOver;
  const int64_t at = now();
  if (leg.limits != 0)
    shared_.traffic->settle_limits(leg.limits, cost.tokens < 0 ? leg.tokens : cost.tokens, at);
  if (leg.money != 0 && cost.known) shared_.traffic->settle_budget(leg.money, cost.usd_micros, at);
  if (leg.money != 0 && !cost.known) shared_.traffic->forfeit_budget(leg.money, at);
  Breaker::State before;
  Breaker::State after;
  {
    const std::lock_guard lock(health_->mutex);
    Breaker& breaker = health_->upstreams[leg.upstream].breaker;
    before = breaker.state(at);
    if (verdict == Verdict::kGood) breaker.succeeded(leg.permit, at);
    if (verdict == Verdict::kBad) breaker.failed(leg.permit, at);
    if (verdict == Verdict::kNone) breaker.abandoned(leg.permit);
    after = breaker.state(at);
    if (leg.counts_as_retry) health_->retries.retry_ended();
  }
  if (over_ || before == after) return;
  if (after == Breaker::State::kOpen) tell_upstream("breaker_opened", "failures", leg.upstream);
  if (after == Breaker::State::kClosed) tell_upstream("breaker_closed", "probe_succeeded", leg.upstream);
}

// The host hears this one; whoever was asked beside it is given up.
void RoutedCall::win(Leg& leg) {
  winner_ = &leg;
  if (live() == 1) return;
  tell("answers", "first_event", &leg);
  for (const auto& other : legs_) {
    if (over_) return;
    if (other.get() == &leg || other->phase == Leg::Phase::kOver) continue;
    if (other->phase == Leg::Phase::kRunning) (void)shared_.upstreams[other->upstream]->cancel(other->inner);
    cancel(*other);
    tell_upstream("hedge_lost", "another_was_first", other->upstream);
  }
}

void RoutedCall::leg_event(Leg& leg, const wire::StreamEvent& event) {
  if (over_) return;
  if (!leg.saw_event) {
    leg.saw_event = true;
    const std::lock_guard lock(health_->mutex);
    health_->upstreams[leg.upstream].latency.measured(now() - leg.started_ns, now());
  }
  if (winner_ == nullptr && is_content(event.kind)) win(leg);
  if (over_ || (winner_ != nullptr && winner_ != &leg)) return;
  if (winner_ == &leg || live() == 1) sink_.on_event(event);
}

void RoutedCall::leg_answered(Leg& leg, wire::Response response) {
  if (over_) return;
  if (winner_ == nullptr) win(leg);
  if (over_) return;
  if (leg.size.bytes > 0) sink_.on_prompt(leg.size);
  const wire::Usage& usage = response.usage;
  const bool known = usage.known && usage.input > 0;
  settle(leg,
         {.known = known,
          .usd_micros = known ? cost_usd_micros(route_of(leg.upstream).price, usage) : 0,
          .tokens = known ? std::max<int64_t>(0, usage.input) + std::max<int64_t>(0, usage.output) : -1},
         Verdict::kGood);
  if (over_) return;
  over_ = true;
  finish();
  sink_.on_response(std::move(response));
}

void RoutedCall::leg_failed(Leg& leg, const Status& status, wire::Response partial) {
  if (over_) return;
  const Fault fault = fault_of(status);
  const bool free = costs_nothing(status, leg.saw_event);
  if (status.retry_after_ms() > 0) {
    const std::lock_guard lock(health_->mutex);
    int64_t& held = health_->upstreams[leg.upstream].held_until_ns;
    held = std::max(held, now() + std::min(status.retry_after_ms(), kMostHeldMs) * kNanosPerMilli);
  }
  last_failure_ = status;
  tell("failed", status.reason(), &leg, status.message());
  if (over_) return;
  const Verdict verdict = fault == Fault::kRequest || fault == Fault::kTooLong ? Verdict::kNone
                          : counts_for_breaker(fault, status)                  ? Verdict::kBad
                                                                               : Verdict::kNone;
  settle(leg, {.known = free, .usd_micros = 0, .tokens = free ? 0 : -1}, verdict);
  if (over_) return;
  const bool delivered = winner_ == &leg;
  if (fault == Fault::kRequest || (delivered && !spec().stream_recovery)) {
    if (live() == 0) fail(status, std::move(partial));
    return;
  }
  if (delivered) {
    winner_ = nullptr;
    recovering_ = true;
  }
  const int64_t delay = retry_delay_ms(spec().retry, failover_.attempts() + 1, 0, shared_.random);
  failover_.failed(leg.upstream, fault, now(), delay);
  last_refusal_ = ok_status();
  if (live() == 0) next();
}

// The failure of an upstream says more than why no other was asked.
void RoutedCall::give_up() {
  if (over_) return;
  const Status why = !last_failure_.ok()   ? last_failure_
                     : !last_refusal_.ok() ? last_refusal_
                                           : unavailable("route_exhausted", "no upstream is left to try");
  tell("gave_up", why.reason(), nullptr, why.message());
  if (!over_) fail(why, {});
}

void RoutedCall::fail(const Status& status, wire::Response partial) {
  over_ = true;
  finish();
  sink_.on_failure(status, std::move(partial));
}

void RoutedCall::finish() {
  (void)cut();
  ended_();
}

}  // namespace tau::provider
