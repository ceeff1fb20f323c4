// The seams of a simulated process and its life from boot to end.
#include "simulator/process.h"

#include "simulator/tools.h"

namespace tau::sim {

World::World(uint64_t seed, Coverage& c, bool trace_on)
    : rng(seed), disk(store::make_memory_store(clock)), ledger(clock, *disk), coverage(c), tracing(trace_on) {
  plan.dialect = rng.chance(50) ? &wire::openai_chat() : &wire::anthropic_messages();
  plan.fault_percent = static_cast<int>(rng.below(3)) * 25;
  plan.disk_latency_ns = (rng.chance(70) ? 3 : 15) * kMs;
  plan.turns = 4 + static_cast<int>(rng.below(10));
  turns_left = plan.turns;
  if (seed % 3 == 0) plan.quarantine.held = {"label:tool"};
  plan.limits.max_wall_ms = rng.chance(50) ? 60'000 : rng.chance(50) ? 6'000 : 1'500;
  plan.limits.approval_timeout_ms = 1'000;
  plan.limits.max_parallel_tools = 1 + rng.below(3);
  if (rng.chance(10)) plan.limits.max_turns = 1 + rng.below(4);
  if (rng.chance(10)) plan.limits.max_cost_usd_micros = 20 + rng.below(400);
  if (rng.chance(10)) plan.limits.max_calls_per_turn = 1 + rng.below(3);
}

void World::trace(const char* what, std::string_view detail) {
  if (!tracing) return;
  log += format("{:>12.3f} ms  {} {}\n", static_cast<double>(clock.now_ns) / 1e6, what,
                fmt::string_view(detail.data(), detail.size()));
}

class Process::Output final : public runtime::EventOutput {
 public:
  explicit Output(Process& process) : process_(process) {}
  void emit(agent::Event&& event) override { process_.emit(event); }
  void delta(agent::EventKind kind, std::string_view, std::string_view text) override {
    process_.view_.delta(kind, text);
  }
  void expect_end(size_t) override {}
  bool parked() const override { return process_.parked_; }

 private:
  Process& process_;
};

// The same call always gets the same verdict, as from a policy in a file.
class Process::Policy final : public tool::PolicyHook {
 public:
  explicit Policy(World& world) : world_(world) {}
  tool::Verdict decide(const tool::Facts& facts) override {
    const size_t what = std::hash<std::string>()(facts.call.id + facts.call.name) % 10;
    const bool asks = what <= 5 && facts.manifest.effect >= tool::Effect::kWrite;
    tool::Verdict verdict{tool::Decision::kAllow, "allowed", "", 1};
    if (what == 0)
      verdict = {tool::Decision::kDeny, "denied", "no", 1};
    else if (asks)
      verdict = {tool::Decision::kAsk, "ask", "", 1};
    world_.ledger.decided(facts.call.id, verdict.decision);
    return verdict;
  }

 private:
  World& world_;
};

class Process::Audit final : public tool::AuditSink {
 public:
  explicit Audit(Process& process) : process_(process) {}
  void on_decision(const tool::Facts&, const tool::Verdict&) override {}
  void on_result(const tool::Call& call, const tool::Result&) override { process_.view_.tool_ended(call.id); }

 private:
  Process& process_;
};

// Blocking tools run on the one thread there is, as if it were another.
class Process::OneThread final : public tool::Workers {
 public:
  explicit OneThread(SimLoop& loop) : loop_(loop) {}
  bool available() const override { return true; }
  void submit(net::Task task) override {
    loop_.post([this, task = std::move(task)]() mutable { loop_.as_foreign_thread([&] { task(); }); });
  }

 private:
  SimLoop& loop_;
};

Process::Process(World& world, store::Lease lease)
    : world_(world), loop_(world.clock), view_(world.ledger, world.clock, world.plan.limits) {
  store_ = std::make_unique<SimStore>(
      *world.disk, loop_, world.rng, world.plan.disk_latency_ns,
      SimStore::Hooks{[this] { return next_disk_fault(); },
                      [this](const store::Batch& batch) { world_.ledger.committed(batch); }});
  http_ = std::make_unique<SimHttp>(
      loop_, SimHttp::Hooks{[this](const net::HttpRequest& request) { return answer(request); },
                            [this](Fault fault) { race(fault); }, [this](Fault fault) { hit(fault); }});
  policy_ = std::make_unique<Policy>(world);
  audit_ = std::make_unique<Audit>(*this);
  output_ = std::make_unique<Output>(*this);
  workers_ = std::make_unique<OneThread>(loop_);
  registry_ = std::make_shared<tool::Registry>();
  add_tools();
  provider::Route route;
  route.provider = "sim";
  route.model = "sim";
  route.base_url = "https://sim.example/v1";
  route.dialect = world.plan.dialect;
  route.deadlines = {1'000, 3'000, 2'000, 4'000, 20'000};
  route.retry = {.max_attempts = 3, .base_delay_ms = 100, .max_delay_ms = 400, .max_retry_after_ms = 2'000};
  route.price = {.input_usd_micros = 1'000'000, .output_usd_micros = 1'000'000};
  route.max_output_tokens = 2;
  model_ = provider::make_http_model(std::move(route), *http_, loop_, world.rng);
  session_ = std::make_shared<runtime::SessionState>();
  session_->record.id = kSession;
  session_->lease = std::move(lease);
}

Process::~Process() {
  retired_ = true;
  driver_.reset();
  model_.reset();
  for (const auto& tools : tools_) tools->let_go();
}

std::unique_ptr<tool::Executor> Process::make_executor(const tool::Registry& tools, tool::HostCalls& host) {
  tool::Context context;
  context.host = &host;
  context.held = &session_->conversation.held();
  return std::make_unique<tool::Executor>(tools, *policy_, audit_.get(), nullptr, *workers_, loop_, context);
}

void Process::make_driver() {
  runtime::Driver::Setup setup;
  setup.config.run_id = kRun;
  setup.config.session_id = kSession;
  setup.config.limits = world_.plan.limits;
  setup.session = session_;
  setup.tools = registry_;
  if (world_.plan.quarantine.any()) setup.quarantine = &world_.plan.quarantine;
  setup.on_last = [this] {
    if (std::exchange(settled_, true)) world_.ledger.violate("the session was freed twice");
  };
  setup.on_end = [this] {
    if (std::exchange(ended_, true)) world_.ledger.violate("a run ended twice");
    if (!view_.ended()) world_.ledger.violate("a run ended without a terminal event");
  };
  driver_ = std::make_shared<runtime::Driver>(
      runtime::DriverSeams{loop_, world_.clock, *store_, *model_, *output_}, std::move(setup),
      [this](const tool::Registry& tools, tool::HostCalls& host) { return make_executor(tools, host); });
  wire::Request parameters;
  parameters.model = "sim";
  parameters.stream = true;
  session_->conversation.configure({}, parameters);
}

void Process::begin() {
  make_driver();
  world_.trace("start");
  driver_->start(wire::text_message(wire::Role::kUser, "go", Labels::from(Source::kUser)));
}

bool Process::recover() {
  Ledger& ledger = world_.ledger;
  ledger.rebooted();
  const auto record = store_->load_session(kSession);
  const auto run = store_->load_run(kRun);
  if (!record.ok() || !run.ok()) {
    if (ledger.promised()) ledger.violate("acknowledged, and gone after a crash");
    return begin(), true;
  }
  session_->record = *record;
  const auto lineage = store_->load_lineage(record->head_entry);
  if (!lineage.ok() || !session_->conversation.load(*lineage).ok()) {
    ledger.violate("the conversation does not load");
    return false;
  }
  check_held(*lineage);
  if (run->state != store::RunState::kOpen) return false;
  if (ledger.promised_end()) ledger.violate("the terminal event was delivered, and the run is open again");
  const auto journal =
      store_->load_journal(kRun, agent::first_needed_seq(run->snapshot_json, run->snapshot_seq));
  if (!journal.ok()) {
    ledger.violate("the journal does not load");
    return false;
  }
  make_driver();
  view_.resumed();
  const bool abandon = world_.rng.chance(5);
  world_.trace("resume", abandon ? "and cancel" : "");
  driver_->resume(*run, *journal, abandon);
  return true;
}

// What was held back is known under its handle, and was shown to nobody.
void Process::check_held(const std::vector<store::JournalEntry>& lineage) {
  for (const store::JournalEntry& entry : lineage) {
    const auto row = agent::row_message(entry.row.body);
    if (!row.ok() || row->message.role != wire::Role::kTool) continue;
    const auto* const shown = row->message.parts[0].as<wire::ToolResult>();
    const bool answered = shown != nullptr && shown->content[0].as<wire::Text>()->text == "ok";
    if (world_.plan.quarantine.any() ? answered : row->held != nullptr)
      world_.ledger.violate("a result was held, or not, against the plan");
    if (row->held != nullptr && !session_->conversation.held().find(row->held->handle).ok())
      world_.ledger.violate("a held text is lost: " + row->held->handle.str());
  }
}

When Process::phase() const {
  if (driver_ != nullptr && driver_->waits_for_store()) return When::kCommitting;
  if (stopping_ && view_.tools_run()) return When::kStopping;
  if (!view_.waiting_approvals().empty()) return When::kApproval;
  if (!calling_) return When::kTools;
  return view_.streaming() ? When::kStreaming : When::kAsking;
}

void Process::hit(Fault fault) {
  if (fault == Fault::kCancelledBytes && !calling_) return;  // the rest of a connection that was done with
  const When when = phase();
  world_.trace(retired_ ? "  fault of the old process:" : "  fault:",
               std::string(fault_name(fault)) + " while " + std::string(when_name(when)));
  if (!retired_) world_.coverage[static_cast<size_t>(fault)][static_cast<size_t>(when)] += 1;
}

DiskFault Process::next_disk_fault() {
  if (retired_) return DiskFault::kNone;
  const DiskFault fault = std::exchange(world_.disk_fault, DiskFault::kNone);
  if (fault == DiskFault::kCommitFailure) hit(Fault::kCommitFailure);
  if (fault == DiskFault::kDiskFull) hit(Fault::kDiskFull);
  return fault;
}

void Process::emit(const agent::Event& event) {
  if (world_.tracing) world_.trace("event", agent::event_json(event, kRun));
  if (event.kind == agent::EventKind::kToolCall) host_calls_.insert(event.call_id);
  if (event.kind == agent::EventKind::kMessage || event.kind == agent::EventKind::kRunDone) calling_ = false;
  const bool last = event.kind == agent::EventKind::kRunDone;
  if (last && !settled_) world_.ledger.violate("the terminal event came before the session was free");
  view_.event(event);
  // A process that lost its disk or its session says so, and that is all it can say.
  if (last && !store_->poisoned() && event.reason != "lease_lost") view_.check_end();
  if (last && event.reason == "lease_lost" && !retired_)
    world_.ledger.violate("the owner of the session was taken for another");
}

// Whether anything is under way that will end by itself.
bool Process::busy() const {
  return loop_.ready() || store_->waiting() || http_->open() != 0 || parked_ || view_.tools_run() ||
         !view_.waiting_approvals().empty();
}

bool Process::step() {
  constexpr int64_t kLongestPauseNs = 3'000 * kMs;  // between two attempts at a model call
  const bool idle = !ended_ && !busy();
  const int64_t before_ns = world_.clock.now_ns;
  const bool stepped = loop_.step();
  if (idle && world_.clock.now_ns - before_ns > kLongestPauseNs)
    world_.ledger.violate("the run waits for nothing");
  return stepped;
}

void Process::check_leftovers() {
  loop_.drain();
  if (store_->poisoned()) return;
  world_.ledger.check_memory(session_->conversation);
  driver_.reset();
  model_.reset();
  loop_.drain();
  if (loop_.library_timers() != 0) world_.ledger.violate("a timer outlived its run");
  if (http_->open() != 0) world_.ledger.violate("a transfer outlived its run");
}

}  // namespace tau::sim
