// A route as a model: it keeps the calls, and the timers that they have in common.
#include <algorithm>
#include <array>
#include <map>

#include "provider/routed_call.h"

namespace tau::provider {
namespace {

constexpr int64_t kLookNs = 250 * kNanosPerMilli;  // while calls wait: others may have changed what is due
constexpr std::array<std::pair<Strategy, std::string_view>, 4> kStrategies = {{
    {Strategy::kOrdered, "ordered"},
    {Strategy::kWeighted, "weighted"},
    {Strategy::kLatency, "latency"},
    {Strategy::kCost, "cost"},
}};

class RoutedModel final : public Model {
 public:
  RoutedModel(std::shared_ptr<const RouteSpec> spec, std::vector<std::unique_ptr<Model>> upstreams,
              std::shared_ptr<Traffic> traffic, net::Loop& loop, Random& random)
      : shared_{spec,   std::move(upstreams), std::move(traffic),     nullptr, loop,
                random, RoutedNames(*spec),   [this] { look_soon(); }},
        outline_(outline(*shared_.spec)),
        self_(std::make_shared<RoutedModel*>(this)) {
    shared_.health = shared_.traffic->health(*shared_.spec);
  }
  ~RoutedModel() override {
    *self_ = nullptr;
    for (net::TimerId* const timer : {&look_timer_, &idle_timer_})
      if (*timer != 0) shared_.loop.cancel_timer(std::exchange(*timer, 0));
    calls_.clear();
  }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    auto made = std::make_shared<RoutedCall>(shared_, std::move(call), sink, [this, id] { retire(id); });
    calls_.emplace(id, std::move(made));
    shared_.loop.post([self = self_, id] {
      if (*self != nullptr) (*self)->begin(id);
    });
    return id;
  }

  wire::Response cancel(CallId id) override {
    const auto at = calls_.find(id);
    if (at == calls_.end()) return {};
    wire::Response partial = at->second->cut();
    retire(id);
    return partial;
  }

  const Route& route() const override { return outline_; }

 private:
  void begin(CallId id) {
    const auto at = calls_.find(id);
    if (at == calls_.end()) return;
    const std::shared_ptr<RoutedCall> call = at->second;
    call->begin();
  }

  // The call may be on the stack: it is destroyed on the next turn of the loop.
  void retire(CallId id) {
    auto node = calls_.extract(id);
    if (node.empty()) return;
    shared_.loop.post([call = std::move(node.mapped())]() mutable { call.reset(); });
    give_back_soon();
    look_soon();
  }

  void look_soon() {
    if (look_timer_ != 0) return;
    const bool any = std::ranges::any_of(calls_, [](const auto& c) { return c.second->waits_for_limits(); });
    if (!any) return;
    const int64_t at = std::min(shared_.traffic->next_due_ns(), shared_.loop.now_ns() + kLookNs);
    look_timer_ = shared_.loop.set_timer(at, [this] {
      look_timer_ = 0;
      shared_.traffic->tick(shared_.loop.now_ns());
      look_soon();
    });
  }

  void give_back_soon() {
    if (idle_timer_ != 0) return;
    if (!shared_.traffic->budgets().any() && shared_.spec->day_usd_micros <= 0) return;
    idle_timer_ = shared_.loop.set_timer(shared_.loop.now_ns() + Budget::kIdleNs + kLookNs, [this] {
      idle_timer_ = 0;
      shared_.traffic->give_back(shared_.loop.now_ns(), false);
    });
  }

  RoutedShared shared_;
  const Route outline_;
  std::shared_ptr<RoutedModel*> self_;
  std::map<CallId, std::shared_ptr<RoutedCall>> calls_;
  CallId last_id_ = 0;
  net::TimerId look_timer_ = 0;
  net::TimerId idle_timer_ = 0;
};

}  // namespace

Route outline(const RouteSpec& spec) {
  Route route;
  route.provider = "route";
  route.model = spec.name;
  route.price.known = !spec.upstreams.empty();
  for (const Upstream& u : spec.upstreams) {
    const Price& p = u.route.price;
    const auto raise = [](int64_t& most, int64_t value) { most = std::max(most, value); };
    raise(route.price.input_usd_micros, p.input_usd_micros);
    raise(route.price.output_usd_micros, p.output_usd_micros);
    raise(route.price.cached_input_usd_micros, std::max(p.cached_input_usd_micros, p.input_usd_micros));
    raise(route.price.cache_write_usd_micros, std::max(p.cache_write_usd_micros, p.input_usd_micros));
    route.price.known = route.price.known && p.known;
    raise(route.context_tokens, u.route.context_tokens);
    raise(route.max_output_tokens, u.route.max_output_tokens);
  }
  return route;
}

std::string_view strategy_name(Strategy strategy) {
  for (const auto& [value, name] : kStrategies)
    if (value == strategy) return name;
  return {};
}

std::optional<Strategy> find_strategy(std::string_view name) {
  for (const auto& [value, known] : kStrategies)
    if (known == name) return value;
  return std::nullopt;
}

std::unique_ptr<Model> make_routed_model(std::shared_ptr<const RouteSpec> spec,
                                         std::vector<std::unique_ptr<Model>> upstreams,
                                         std::shared_ptr<Traffic> traffic, net::Loop& loop, Random& random) {
  return std::make_unique<RoutedModel>(std::move(spec), std::move(upstreams), std::move(traffic), loop,
                                       random);
}

}  // namespace tau::provider
