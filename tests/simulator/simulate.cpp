// One simulated run: the host, the model and the tools act at random; the invariants are checked at the end.
#include <algorithm>

#include "agent/agent.h"
#include "simulator/world.h"

namespace tau::sim {
namespace {

constexpr int64_t kMs = kNanosPerMilli;
constexpr int kMaxSteps = 4'000;
constexpr std::string_view kSession = "ses_sim";

struct Sim;

// A tool whose effect on the world is one line in the ledger.
class SimTool final : public tool::Tool {
 public:
  SimTool(Sim& sim, tool::Manifest manifest) : sim_(sim), manifest_(std::move(manifest)) {}
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
             const std::atomic<bool>& cancelled) override;
  void cancel(std::string_view call_id) override;

 private:
  Sim& sim_;
  tool::Manifest manifest_;
  std::map<std::string, tool::Reply, std::less<>> hanging_;
};

class SimModel final : public provider::Model {
 public:
  explicit SimModel(Sim& sim) : sim_(sim) { route_.provider = "sim"; }
  provider::CallId start(provider::ModelCall call, provider::CallSink& sink) override;
  wire::Response cancel(provider::CallId id) override;
  const provider::Route& route() const override { return route_; }
  bool active() const { return current_ != 0; }

 private:
  void play(provider::CallId id, provider::CallSink& sink);
  wire::Response answer();
  Sim& sim_;
  provider::Route route_;
  provider::CallId last_ = 0;
  provider::CallId current_ = 0;
};

class SimPolicy final : public tool::PolicyHook {
 public:
  explicit SimPolicy(Sim& sim) : sim_(sim) {}
  tool::Verdict decide(const tool::Facts& facts) override;

 private:
  Sim& sim_;
};

// Blocking tools run on the loop here: there is one thread.
class SimWorkers final : public tool::Workers {
 public:
  explicit SimWorkers(SimLoop*& loop) : loop_(loop) {}
  bool available() const override { return true; }
  void submit(net::Task task) override { loop_->post(std::move(task)); }

 private:
  SimLoop*& loop_;
};

class SimOutput final : public runtime::EventOutput {
 public:
  explicit SimOutput(Sim& sim) : sim_(sim) {}
  void emit(agent::Event event) override;
  void delta(agent::EventKind, std::string_view, std::string_view) override {}
  bool parked() const override { return parked_; }
  bool parked_ = false;

 private:
  Sim& sim_;
};

struct Sim {
  Sim(uint64_t seed, const Options& options, Coverage& c)
      : rng(seed), coverage(c), store(clock), workers(loop_ptr) {
    store.acknowledges_early = options.acknowledge_early;
  }

  void boot();
  void crash();
  void begin();
  void recover();
  std::unique_ptr<tool::Executor> make_executor(const tool::Registry& registry, tool::HostCalls& host);
  void host_acts();
  void op(agent::HostOp::Kind kind);
  void after(int64_t delay_ms, net::Task task) {
    loop->set_timer(clock.now_ns + delay_ms * kMs, std::move(task));
  }
  void hit(Fault fault);
  When phase() const;
  bool over() const { return driver == nullptr || driver->ended(); }
  void violate(const std::string& what) { ledger.violations.push_back(what); }
  void check_durable_intent(const tool::Call& call, const tool::Manifest& manifest);
  void check_end();
  void check_conversation(const std::vector<store::JournalEntry>& lineage);
  void check_replay();

  Rng rng;
  Coverage& coverage;
  SimClock clock;
  SimStore store;
  Ledger ledger;
  std::unique_ptr<SimLoop> loop;
  SimLoop* loop_ptr = nullptr;
  SimWorkers workers;
  std::unique_ptr<SimPolicy> policy;
  std::unique_ptr<SimModel> model;
  std::unique_ptr<SimOutput> output;
  std::shared_ptr<runtime::SessionState> session;
  std::shared_ptr<tool::Registry> registry;
  std::shared_ptr<runtime::Driver> driver;
  std::set<std::string> waiting_approvals;
  std::set<std::string> host_calls;
  std::string run_id = "run_sim";
  int turns_left = 8;
  int next_op = 0;
  int next_call = 0;
  int crashes = 0;
  int64_t steps = 0;
  bool started = false;
};

void SimTool::start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
                    const std::atomic<bool>&) {
  sim_.check_durable_intent(call, manifest_);
  sim_.ledger.effects[call.id] += 1;
  if (manifest_.idempotent) sim_.ledger.repeatable.insert(call.id);
  if (manifest_.name == "host") return context.host->call(call, std::move(reply));
  const int64_t what = sim_.rng.below(20);
  if (what == 0) {
    sim_.hit(Fault::kToolHang);
    hanging_.insert_or_assign(call.id, std::move(reply));
    return;
  }
  if (what == 1) return sim_.hit(Fault::kToolDropsReply);  // `reply` dies here
  const bool twice = what == 2;
  const bool error = what == 3 || what == 4;
  if (twice) sim_.hit(Fault::kToolAnswersTwice);
  if (error) sim_.hit(Fault::kToolError);
  sim_.after(sim_.rng.below(20), [reply, twice, error] {
    tool::Result result;
    result.content = "ok";
    if (error) result = tool::error_result("tool_failed", "it did not work");
    reply.complete(result);
    if (twice) reply.complete(tool::error_result("second", "a second answer"));
  });
}

void SimTool::cancel(std::string_view call_id) {
  const auto it = hanging_.find(call_id);
  if (it == hanging_.end()) return;
  const tool::Reply reply = it->second;
  hanging_.erase(it);
  if (sim_.rng.chance(50)) reply.complete(tool::error_result("cancelled", "stopped"));
}

provider::CallId SimModel::start(provider::ModelCall, provider::CallSink& sink) {
  current_ = ++last_;
  sim_.after(1 + sim_.rng.below(10), [this, id = current_, &sink] { play(id, sink); });
  return current_;
}

wire::Response SimModel::cancel(provider::CallId id) {
  if (id == current_) current_ = 0;
  wire::Response partial;
  partial.message.role = wire::Role::kAssistant;
  if (sim_.rng.chance(50)) partial.message.parts.push_back({.body = wire::Text{"partial"}, .extras = {}});
  return partial;
}

void SimModel::play(provider::CallId id, provider::CallSink& sink) {
  if (id != current_) return;
  const int64_t what = sim_.rng.below(20);
  if (what == 0) return sim_.hit(Fault::kModelHang);  // only cancel or the deadline ends it
  sink.on_attempt(1, ok_status());
  sink.on_event({.kind = wire::StreamEvent::Kind::kText, .text = "some"});
  if (id != current_) return;
  if (what == 1) sim_.hit(Fault::kModelError);
  current_ = 0;
  if (what == 1) return sink.on_failure(unavailable("overloaded", "try later"), {});
  sink.on_response(answer());
}

wire::Response SimModel::answer() {
  wire::Response r;
  r.message.role = wire::Role::kAssistant;
  r.usage.input = 3;
  r.usage.output = 2;
  const bool last = sim_.turns_left-- <= 0 || sim_.rng.chance(15);
  const int64_t calls = last ? 0 : 1 + sim_.rng.below(3);
  static constexpr const char* kTools[] = {"pure", "read", "write", "serial", "again", "host", "unknown"};
  for (int64_t i = 0; i < calls; ++i) {
    wire::ToolCall call;
    call.name = kTools[sim_.rng.below(7)];
    call.id = sim_.rng.chance(5) ? "same" : "c" + std::to_string(sim_.next_call++);
    call.arguments = sim_.rng.chance(5) ? "{\"a\":1,\"a\":2}" : "{}";
    r.message.parts.push_back({.body = std::move(call), .extras = {}});
  }
  if (calls == 0) r.message.parts.push_back({.body = wire::Text{"answer"}, .extras = {}});
  r.finish = calls == 0 ? wire::FinishReason::kStop : wire::FinishReason::kToolCalls;
  return r;
}

tool::Verdict SimPolicy::decide(const tool::Facts& facts) {
  const int64_t what = sim_.rng.below(10);
  if (what == 0) return {tool::Decision::kDeny, "denied", "no", 1};
  if (what <= 5 && facts.manifest.effect >= tool::Effect::kWrite) return {tool::Decision::kAsk, "ask", "", 1};
  return {tool::Decision::kAllow, "allowed", "", 1};
}

void SimOutput::emit(agent::Event event) {
  switch (event.kind) {
    case agent::EventKind::kApproval: sim_.waiting_approvals.insert(event.call_id); break;
    case agent::EventKind::kToolCall: sim_.host_calls.insert(event.call_id); break;
    case agent::EventKind::kOpAccepted: {
      sim_.ledger.accepted.insert(event.name);
      break;
    }
    case agent::EventKind::kRunDone: {
      sim_.ledger.terminal_events += 1;
      sim_.ledger.terminal_json = event.json;
      if (sim_.ledger.terminal_events > 1) sim_.violate("a second terminal event");
      if (sim_.store.poisoned()) break;  // it says so itself
      const auto run = sim_.store.disk().load_run(sim_.run_id);
      if (!run.ok() || run->state == store::RunState::kOpen)
        sim_.violate("the terminal event came before it was durable");
      break;
    }
    default:
      if (sim_.ledger.terminal_events > 0) sim_.violate("an event after the terminal one");
      break;
  }
}

void Sim::hit(Fault fault) { coverage[static_cast<size_t>(fault)][static_cast<size_t>(phase())] += 1; }

When Sim::phase() const {
  if (driver != nullptr && driver->waits_for_store()) return When::kCommitting;
  if (!waiting_approvals.empty()) return When::kApproval;
  if (model != nullptr && model->active()) return When::kModel;
  return When::kTools;
}

std::unique_ptr<tool::Executor> Sim::make_executor(const tool::Registry& tools, tool::HostCalls& host) {
  tool::Context context;
  context.host = &host;
  return std::make_unique<tool::Executor>(tools, *policy, nullptr, nullptr, workers, *loop, context);
}

void Sim::boot() {
  loop = std::make_unique<SimLoop>(clock);
  loop_ptr = loop.get();
  store.attach(loop.get(), &rng);
  policy = std::make_unique<SimPolicy>(*this);
  model = std::make_unique<SimModel>(*this);
  output = std::make_unique<SimOutput>(*this);
  waiting_approvals.clear();
  host_calls.clear();
  registry = std::make_shared<tool::Registry>();
  const auto add = [&](std::string_view name, tool::Effect effect, bool parallel, bool idempotent) {
    tool::Manifest m;
    m.name = name;
    m.effect = effect;
    m.parallel = parallel;
    m.idempotent = idempotent;
    m.timeout_ms = 500;
    m.runs = name == "read" ? tool::Manifest::Runs::kWorker : tool::Manifest::Runs::kLoop;
    const Status added = registry->add(std::make_shared<SimTool>(*this, std::move(m)));
    if (!added.ok()) violate(added.to_string());
  };
  add("pure", tool::Effect::kPure, true, true);
  add("read", tool::Effect::kRead, true, true);
  add("write", tool::Effect::kWrite, true, false);
  add("serial", tool::Effect::kExec, false, false);
  add("again", tool::Effect::kWrite, true, true);
  add("host", tool::Effect::kEgress, true, false);
  session = std::make_shared<runtime::SessionState>();
  session->record.id = kSession;
}

void Sim::begin() {
  runtime::Driver::Setup setup;
  setup.config.run_id = run_id;
  setup.config.session_id = kSession;
  setup.config.limits.max_wall_ms = 60'000;
  setup.config.limits.approval_timeout_ms = 1'000;
  setup.config.limits.max_parallel_tools = 2;
  setup.session = session;
  setup.tools = registry;
  driver = std::make_shared<runtime::Driver>(
      runtime::DriverSeams{*loop, clock, store, *model, *output}, std::move(setup),
      [this](const tool::Registry& tools, tool::HostCalls& host) { return make_executor(tools, host); });
  wire::Request parameters;
  session->conversation.configure({}, parameters);
}

void Sim::crash() {
  hit(Fault::kCrash);
  ++crashes;
  steps += loop->steps();
  driver.reset();
  store.power_cut();
  loop.reset();
}

// What a new process finds: the last durable state.
void Sim::recover() {
  boot();
  const auto record = store.disk().load_session(kSession);
  const auto run = store.disk().load_run(run_id);
  if (!record.ok() || !run.ok()) {
    if (ledger.terminal_events > 0 || !ledger.accepted.empty())
      violate("acknowledged, and gone after a crash");
    begin();
    driver->start(wire::text_message(wire::Role::kUser, "go", Labels::from(Source::kUser)));
    return;
  }
  session->record = *record;
  const auto lineage = store.disk().load_lineage(record->head_entry);
  if (!lineage.ok() || !session->conversation.load(*lineage).ok())
    return violate("the conversation does not load");
  if (run->state != store::RunState::kOpen) {
    if (!record->open_run.empty()) violate("a run that ended is still the open one");
    return;  // over: `driver` stays empty
  }
  const auto journal =
      store.disk().load_journal(run_id, agent::first_needed_seq(run->snapshot_json, run->snapshot_seq));
  if (!journal.ok()) return violate("the journal does not load");
  begin();
  driver->resume(*run, *journal, /*cancel=*/rng.chance(5));
}

void Sim::op(agent::HostOp::Kind kind) {
  agent::HostOp op;
  op.kind = kind;
  op.op_id = "op" + std::to_string(next_op++);
  const std::string text = "said " + op.op_id;
  op.message = wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
  ledger.op_texts[op.op_id] = text;
  driver->submit(std::move(op));
}

void Sim::host_acts() {
  if (!waiting_approvals.empty() && rng.chance(15)) {
    agent::HostOp answer;
    answer.kind = agent::HostOp::Kind::kApproval;
    answer.call_id = *waiting_approvals.begin();
    answer.allow = rng.chance(70);
    if (!answer.allow) hit(Fault::kApprovalDenied);
    if (rng.chance(20)) {
      hit(Fault::kApprovalUnanswered);
    } else {
      driver->submit(std::move(answer));
    }
    waiting_approvals.erase(waiting_approvals.begin());
    return;
  }
  if (!host_calls.empty() && rng.chance(40)) {
    const std::string id = *host_calls.begin();
    host_calls.erase(host_calls.begin());
    tool::Result result;
    result.content = "from the host";
    return driver->tool_result(id, std::move(result), rng.chance(50) ? "op" + std::to_string(next_op++) : "");
  }
  switch (rng.below(60)) {
    case 0:
      hit(Fault::kCancel);
      return driver->cancel({.code = Code::kCancelled, .reason = "cancelled", .message = "stop"});
    case 1: hit(Fault::kSteer); return op(agent::HostOp::Kind::kSteer);
    case 2: hit(Fault::kMessage); return op(agent::HostOp::Kind::kMessage);
    case 3:
      hit(Fault::kClockJump);
      clock.wall_offset_ms += (rng.below(2) == 0 ? -1 : 1) * rng.below(86'400'000);
      return;
    case 4:
      hit(Fault::kSlowReader);
      output->parked_ = true;
      return after(rng.below(50), [this] {
        output->parked_ = false;
        if (driver != nullptr) driver->unpark();
      });
    case 5:
      if (rng.chance(25)) {
        hit(Fault::kCommitFailure);
        store.fail_next_commit();
      }
      return;
    case 6: return driver->tool_result("nobody", {}, "");
    default: return;
  }
}

// Before a tool that is not pure acts, the decision that let it must be on the disk.
void Sim::check_durable_intent(const tool::Call& call, const tool::Manifest& manifest) {
  if (manifest.effect == tool::Effect::kPure) return;
  const auto journal = store.disk().load_journal(run_id, 0);
  if (!journal.ok()) return violate("a tool ran with no journal");
  for (const store::JournalEntry& entry : *journal)
    if (entry.row.kind == "verdict" && entry.row.body.find('"' + call.id + '"') != std::string::npos) return;
  violate("tool " + manifest.name + " acted before its intent was durable");
}

void Sim::check_end() {
  for (const auto& [call_id, count] : ledger.effects)
    if (count > 1 && !ledger.repeatable.contains(call_id)) violate("call " + call_id + " took effect twice");
  if (store.poisoned())
    return;  // the disk is gone; only what was promised before counts, and that was checked
  const auto run = store.disk().load_run(run_id);
  if (!run.ok() || run->state == store::RunState::kOpen) return violate("the run has no end on the disk");
  const auto record = store.disk().load_session(kSession);
  const auto lineage = record.ok() ? store.disk().load_lineage(record->head_entry)
                                   : StatusOr<std::vector<store::JournalEntry>>(record.status());
  if (!lineage.ok()) return violate("the conversation does not load");
  check_conversation(*lineage);
  check_replay();
}

void Sim::check_conversation(const std::vector<store::JournalEntry>& lineage) {
  std::map<std::string, int> open;
  std::string text;
  for (const store::JournalEntry& entry : lineage) {
    const auto message = agent::message_of_row(entry.row.body);
    if (!message.ok()) return violate("an entry is no message");
    text += message->text() + "\n";
    for (const wire::Part& part : message->parts) {
      if (const auto* call = part.as<wire::ToolCall>()) {
        if (open.contains(call->id)) violate("call id " + call->id + " is used twice");
        open[call->id] = 0;
      }
      if (const auto* result = part.as<wire::ToolResult>()) {
        if (!open.contains(result->call_id)) violate("a result without a call");
        if (++open[result->call_id] > 1) violate("a second result for " + result->call_id);
      }
    }
  }
  for (const auto& [id, results] : open)
    if (results != 1) violate("call " + id + " has " + std::to_string(results) + " results");
  for (const std::string& op_id : ledger.accepted)
    if (ledger.op_texts.contains(op_id) && text.find(ledger.op_texts[op_id] + "\n") == std::string::npos)
      violate("acknowledged and lost: " + op_id);
}

void Sim::check_replay() {
  if (!store.disk().verify_chain(run_id).ok()) violate("the chain is broken");
  const auto journal = store.disk().load_journal(run_id, 0);
  if (!journal.ok()) return violate("the journal does not load");
  agent::Engine engine;
  for (const store::JournalEntry& entry : *journal) {
    if (entry.row.kind == "message") continue;
    auto body = agent::input_from_json(entry.row.kind, entry.row.body);
    if (!body.ok()) return violate("a journaled input does not read back");
    const auto effects = engine.step({entry.row.seq, entry.row.time_ms, *std::move(body)});
    if (agent::digest_of(effects) != entry.row.effects_digest)
      return violate("replay diverges at row " + std::to_string(entry.row.seq));
  }
}

}  // namespace

Outcome simulate(uint64_t seed, const Options& options, Coverage& coverage) {
  Sim sim(seed, options, coverage);
  sim.boot();
  sim.begin();
  sim.driver->start(wire::text_message(wire::Role::kUser, "go", Labels::from(Source::kUser)));
  bool idle = false;
  for (int i = 0; i < kMaxSteps && !sim.over() && !idle; ++i) {
    if (sim.crashes < 4 && sim.rng.below(80) == 0) {
      sim.crash();
      sim.recover();
      continue;
    }
    sim.host_acts();
    if (sim.over()) break;
    idle = !sim.loop->step();
  }
  if (!sim.over()) sim.violate(idle ? "the run hangs" : "the run does not end");
  if (sim.loop != nullptr) sim.steps += sim.loop->steps();
  if (sim.ledger.terminal_events == 0 && sim.crashes == 0) sim.violate("no terminal event");
  if (sim.over()) sim.check_end();
  Outcome out;
  out.violations = sim.ledger.violations;
  out.steps = sim.steps;
  out.crashes = sim.crashes;
  sim.driver.reset();
  return out;
}

}  // namespace tau::sim
