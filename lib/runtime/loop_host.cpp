// One loop and the runs that live on it.
#include <unistd.h>

#include <algorithm>
#include <new>

#include "runtime/agent_model.h"
#include "runtime/auth_desk.h"
#include "runtime/core.h"
#include "runtime/memory_recall.h"

namespace tau::runtime {
namespace {

// The desk of logins, for the models of one loop.
class LoopAuthorizer final : public provider::Authorizer {
 public:
  LoopAuthorizer(std::shared_ptr<AuthDesk> desk, net::EventLoop& loop)
      : desk_(std::move(desk)), poster_(loop.poster()) {}
  std::optional<int64_t> ready(const std::string& auth, int64_t refused) override {
    return desk_->ready(auth, refused);
  }
  void wait(const std::string& auth, int64_t refused, Done done) override {
    desk_->wait(auth, refused, Answer{poster_, net::OwnerScope::current(), std::move(done)});
  }

 private:
  // The task works for whoever asked, on whatever thread the answer comes.
  struct Answer {
    std::shared_ptr<net::EventLoop::Poster> poster;
    net::Owner owner;
    Done done;
    void operator()(StatusOr<int64_t> generation) {
      const net::OwnerScope scope(owner);
      poster->post([f = std::move(done), g = std::move(generation)]() mutable { f(std::move(g)); });
    }
  };
  const std::shared_ptr<AuthDesk> desk_;
  const std::shared_ptr<net::EventLoop::Poster> poster_;
};

constexpr size_t kModelsKept = 8;
constexpr size_t kScratchKept = 16;  // memory of drivers that ended, for those to come

// A number for the calling thread that is never 0, and no other thread's while it lives.
uint64_t this_thread() {
  thread_local const char mark = 0;
  return reinterpret_cast<uintptr_t>(&mark);
}

}  // namespace

LoopHost::LoopHost(Core& core, std::unique_ptr<net::EventLoop> loop) : core_(core), loop_(std::move(loop)) {
  scratch_.reserve(kScratchKept);
  (void)out_of_memory_outcome();
  loop_->on_out_of_memory([this](net::Owner owner) { out_of_memory(owner); });
}

StatusOr<std::unique_ptr<LoopHost>> LoopHost::create(Core& core) {
  TAU_ASSIGN_OR_RETURN(auto loop, net::EventLoop::create(system_clock()));
  return std::unique_ptr<LoopHost>(new LoopHost(core, std::move(loop)));
}

LoopHost::~LoopHost() {
  drop_runs();
  models_.clear();
  recorded_.clear();
  http_.reset();
  web_.reset();
}

void LoopHost::drop_runs() {
  drop_ended();
  for (const auto& run : runs_) {
    if (run->beginning && run->beginning->recall) run->beginning->recall->drop();
    run->driver.reset();
    run->model.reset();
  }
  runs_.clear();
}

net::HttpClient& LoopHost::http() {
  if (http_ == nullptr)
    http_ = net::make_http_client(*loop_, core_.egress(), core_.credentials(),
                                  http_client_options(core_.config()));
  return *http_;
}

net::HttpClient& LoopHost::web() {
  if (web_ == nullptr)
    web_ = net::make_http_client(*loop_, core_.fetch_egress(), core_.fetch_credentials(),
                                 http_client_options(core_.config()));
  return *web_;
}

StatusOr<bool> LoopHost::process(int timeout_ms) {
  const uint64_t me = this_thread();
  uint64_t nobody = 0;
  if (!inside_.compare_exchange_strong(nobody, me))
    return failed_precondition(nobody == me ? "reentrant" : "loop_busy",
                               nobody == me ? "this loop is being processed further up on this stack"
                                            : "another thread is processing this loop");
  wakes_.begin_turn();
  auto ran = loop_->process(timeout_ms);
  service_cancels();
  drop_ended();
  wakes_.end_turn();
  inside_ = 0;
  if (resting_ && !lent_) tell_resting();
  if (!ran.ok()) return ran.status();
  return *ran > 0;
}

bool LoopHost::inside() const { return inside_ == this_thread(); }

void LoopHost::run_until_stopped() {
  while (!stop_) {
    if (lent_ || inside_ != 0) rest_while_lent();
    const auto ran = process(-1);
    if (ran.ok() || ran.status().reason() == "loop_busy") continue;
    core_.log(LogLevel::kError, "net", ran.status().message());
    break;
  }
}

void LoopHost::request_stop() {
  stop_ = true;
  loop_->wake();
  tell_resting();
}

Status LoopHost::lend() {
  if (inside()) return failed_precondition("reentrant", "a loop cannot be lent from inside of its callbacks");
  std::unique_lock lock(lending_);
  if (lent_) return unavailable("loop_borrowed", "another part of the program drives this loop");
  borrower_ = this_thread();
  lent_ = true;
  loop_->wake();
  lending_changed_.wait(lock, [this] { return resting_ || stop_; });
  return ok_status();
}

bool LoopHost::lent_to_this_thread() const { return lent_ && borrower_ == this_thread(); }

void LoopHost::take_back() {
  {
    const std::lock_guard lock(lending_);
    lent_ = false;
  }
  lending_changed_.notify_all();
}

// Also until a borrower that was overtaken by take_back() has left.
void LoopHost::rest_while_lent() {
  std::unique_lock lock(lending_);
  resting_ = true;
  lending_changed_.notify_all();
  lending_changed_.wait(lock, [this] { return stop_ || (!lent_ && inside_ == 0); });
  resting_ = false;
}

void LoopHost::tell_resting() {
  { const std::lock_guard lock(lending_); }  // between its look at what it waits for and its sleep
  lending_changed_.notify_all();
}

void LoopHost::cancel_soon() noexcept {
  cancel_pending_ = true;
  loop_->wake();
}

void LoopHost::service_cancels() {
  if (!cancel_pending_.exchange(false)) return;
  for (size_t i = runs_.size(); i-- > 0;)
    if (runs_[i]->cancel_requested) cancel(*runs_[i], cancelled_by_host);
}

void LoopHost::cancel_all(const ErrorInfo& why) {
  for (size_t i = runs_.size(); i-- > 0;) cancel(*runs_[i], [&why] { return why; });
}

// From the last run to the first: one that ends leaves its place to a run that was visited. A run without the
// memory to be cancelled ends, too.
template <class Why>
void LoopHost::cancel(const RunState& run, Why why) {
  const net::OwnerScope scope(run.owner);
  try {
    hurry(run);
    if (run.driver != nullptr) run.driver->cancel(why());
  } catch (const std::bad_alloc&) {
    const auto driver = run.driver;
    driver != nullptr ? driver->out_of_memory() : run.host->loop_->out_of_memory(run.owner);
  }
}

void LoopHost::begin(const std::shared_ptr<RunState>& run) {
  try {
    runs_.reserve(runs_.size() + 1);
    ended_.reserve(ended_.size() + runs_.size() + 1);
    loop_->expect_owners(runs_.size() + 1);
  } catch (const std::bad_alloc&) {
    never_began(*run);
    return core_.run_ended();
  }
  run->index = runs_.size();
  runs_.push_back(run);
  run->beginning->recall != nullptr ? recall(run) : set_off(run);
  if (run->cancel_requested) cancel_soon();
}

void LoopHost::hurry(const RunState& run) {
  const auto recall = run.beginning ? run.beginning->recall : nullptr;
  if (recall != nullptr) recall->hurry();
}

// What is waited for counts to the time that the run may take.
void LoopHost::recall(const std::shared_ptr<RunState>& run) {
  const int64_t most_ms = run->beginning->setup.config.limits.max_wall_ms;
  const auto done = [this, weak = std::weak_ptr<RunState>(run)](std::optional<agent::Recalled> recalled) {
    const auto state = weak.lock();
    if (state == nullptr || !state->beginning) return;
    Beginning& beginning = *state->beginning;
    int64_t& wall_ms = beginning.setup.config.limits.max_wall_ms;
    if (wall_ms > 0) wall_ms = std::max<int64_t>(1, wall_ms - beginning.recall->waited_ms());
    beginning.recalled = std::move(recalled);
    beginning.recall = nullptr;
    set_off(state);
  };
  run->beginning->recall->start(core_, *loop_, most_ms, done);
}

void LoopHost::set_off(const std::shared_ptr<RunState>& run) {
  build(run);
  run->channel->set_unpark([loop = loop_.get(), weak = std::weak_ptr<RunState>(run), owner = run->owner] {
    const net::OwnerScope scope(owner);
    try {
      loop->post([weak] {
        const auto state = weak.lock();
        if (state != nullptr && state->driver != nullptr) state->driver->unpark();
      });
    } catch (const std::bad_alloc&) { loop->out_of_memory(owner); }
  });
  run->beginning->first(*run->driver);
  auto early = std::move(run->beginning->early);
  run->beginning.reset();
  for (auto& act : early) act(*run->driver);
}

void LoopHost::build(const std::shared_ptr<RunState>& run) {
  const AgentSnapshot& agent = *run->agent;
  run->model = model_of(agent);
  const DriverSeams seams{*loop_, system_clock(), core_.store(), *run->model, *run->channel};
  Driver::Setup& setup = run->beginning->setup;
  if (!scratch_.empty()) {
    setup.scratch = std::move(scratch_.back());
    scratch_.pop_back();
  }
  run->policy.emplace(agent.policy, system_clock(), &core_.web_access()->places);
  if (Audit* const audit = core_.audit())
    run->audit.emplace(*audit, system_clock(),
                       AuditedRun{.principal = setup.config.principal,
                                  .session = setup.config.session_id,
                                  .run = run->id,
                                  .model = setup.config.model,
                                  .policy_epoch = agent.policy->epoch()});
  RunAudit* const records = run->audit ? &*run->audit : nullptr;
  setup.audit = records;
  setup.shares_approvals = setup.durable;
  setup.access = core_.access().get();
  setup.replies = run->replies;
  setup.on_last = [run] { settle(*run); };
  setup.on_end = [this, run] { ended(run); };
  run->driver = std::make_shared<Driver>(
      seams, std::move(setup), [&](const tool::Registry& tools, tool::HostCalls& host) {
        const bool runs_commands = tools.find("bash") != nullptr;
        const auto proxy = runs_commands ? core_.command_proxy() : nullptr;
        const bool asks = proxy != nullptr || tools.find(tool::kHttpTool) != nullptr;
        const tool::Context context{loop_.get(),
                                    core_.workspace(),
                                    core_.launcher(),
                                    &host,
                                    core_.command_environment(),
                                    asks ? &web() : nullptr,
                                    runs_commands ? core_.sandbox().sandbox : nullptr,
                                    &run->session->conversation.held(),
                                    core_.web_access(),
                                    proxy};
        return std::make_unique<tool::Executor>(tools, *run->policy, records, &core_.result_screen(),
                                                core_.workers(), *loop_, context);
      });
}

std::unique_ptr<provider::Model> LoopHost::make_model(const AgentSnapshot& agent) {
  std::unique_ptr<provider::Model> model = make_asked(agent);
  // Two agents may play two scripts under one name.
  auto cache = agent.script == nullptr ? core_.response_cache(agent.spec.get()) : nullptr;
  return cache == nullptr ? std::move(model)
                          : provider::make_cached_model(std::move(model), std::move(cache), *loop_);
}

// What gives out the tokens of a login; null for a route without one.
provider::Authorizer* LoopHost::authorizer_of(const provider::Route& route) {
  if (route.auth.empty()) return nullptr;
  if (authorizer_ == nullptr) authorizer_ = make_authorizer(core_, *loop_);
  return authorizer_.get();
}

std::unique_ptr<provider::Model> LoopHost::make_asked(const AgentSnapshot& agent) {
  return make_agent_model(core_, agent, *loop_,
                          [this](const provider::Route& route) { return make_upstream(route); });
}

std::unique_ptr<provider::Model> make_agent_model(Core& core, const AgentSnapshot& agent,
                                                  net::EventLoop& loop, const MakeUpstream& make_upstream) {
  const provider::Route& route = **agent.route;
  if (route.provider == "scripted") return provider::make_scripted_model(agent.script, loop);
  if (agent.spec == nullptr) return make_upstream(route);
  std::vector<std::unique_ptr<provider::Model>> upstreams;
  for (const provider::Upstream& upstream : agent.spec->upstreams)
    upstreams.push_back(make_upstream(upstream.route));
  return provider::make_routed_model(agent.spec, std::move(upstreams), core.traffic(), loop, system_random());
}

std::unique_ptr<provider::Authorizer> make_authorizer(Core& core, net::EventLoop& loop) {
  return std::make_unique<LoopAuthorizer>(core.auth(), loop);
}

std::shared_ptr<provider::Model> LoopHost::model_of(const AgentSnapshot& agent) {
  for (const Kept& kept : models_) {
    // Compared by owner: no reference is counted, and an address that is used again is another owner.
    const bool same = !kept.route.owner_before(*agent.route) && !agent.route->owner_before(kept.route);
    if (same) return kept.model;
  }
  std::erase_if(models_, [](const Kept& kept) { return kept.route.expired(); });
  if (models_.size() >= kModelsKept) models_.erase(models_.begin());
  models_.push_back({*agent.route, make_model(agent)});
  return models_.back().model;
}

// Ends just that run.
void LoopHost::out_of_memory(net::Owner owner) {
  const auto at = std::ranges::find_if(runs_, [&](const auto& run) { return run->owner == owner; });
  if (at == runs_.end()) return;
  const std::shared_ptr<RunState> run = *at;
  if (run->driver != nullptr) return run->driver->out_of_memory();
  never_began(*run);
  ended(run);
}

// The terminal event of a run that has no driver to give it.
void LoopHost::never_began(RunState& run) {
  if (run.beginning && run.beginning->recall) run.beginning->recall->drop();
  {
    const std::lock_guard lock(run.mutex);
    run.outcome = out_of_memory_outcome();
    run.code = Code::kResourceExhausted;
    run.done = true;
  }
  run.beginning.reset();
  run.session->loaded = false;
  run.session->busy = false;
  run.channel->emit(
      {.kind = agent::EventKind::kRunDone, .reason = "out_of_memory", .json = out_of_memory_outcome()});
  told(run);
}

// The outcome is there and the session is free before anybody can see the terminal event.
void LoopHost::settle(RunState& run) {
  {
    const std::lock_guard lock(run.mutex);
    run.outcome = run.driver->outcome();
    run.code = run.driver->outcome_code();
    run.done = true;
  }
  // What broke off in the middle may have left half a step in the conversation: it is read anew.
  if (run.code == Code::kResourceExhausted) run.session->loaded = false;
  run.session->busy = false;
}

// Whoever waits for the end of a run finds its terminal event in the queue.
void LoopHost::told(RunState& run) {
  run.channel->publish();
  {
    const std::lock_guard lock(run.mutex);
    run.told = true;
  }
  run.finished.notify_all();
}

// The driver is on the stack: it and its model go when this turn of the loop is over. Allocates nothing.
void LoopHost::ended(const std::shared_ptr<RunState>& run) {
  ended_.push_back(run);
  runs_.back()->index = run->index;
  std::swap(runs_[run->index], runs_.back());
  runs_.pop_back();
  told(*run);
}

void LoopHost::drop_ended() {
  for (const auto& run : ended_) {
    if (run->driver != nullptr && scratch_.size() < kScratchKept)
      scratch_.push_back(run->driver->take_scratch());
    run->driver.reset();
    run->model.reset();
  }
  const size_t count = ended_.size();
  ended_.clear();
  for (size_t i = 0; i < count; ++i) core_.run_ended();  // nothing here holds what is theirs
}

}  // namespace tau::runtime
