#include "runtime/runtime.h"

#include <algorithm>
#include <chrono>

#include "runtime/access.h"
#include "runtime/audit_report.h"
#include "runtime/auth_ops.h"
#include "runtime/core.h"
#include "runtime/home.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/own_thread.h"
#include "runtime/replay.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

constexpr int kStopSliceMs = 20;
constexpr int kTurnMs = 100;  // for a loop that has nothing to do but to say so

// Milliseconds left of a timeout that began at `start_ns`; -1 stays -1.
int left_ms(int timeout_ms, int64_t start_ns) {
  if (timeout_ms < 0) return -1;
  const int64_t gone = (system_clock().monotonic_ns() - start_ns) / kNanosPerMilli;
  return static_cast<int>(std::max<int64_t>(0, timeout_ms - gone));
}

// What was lent of the budgets of days and routes: the most that was spent, and of that what processes hold
// now or lost when they died.
void write_budgets(json::Writer& w, store::Store& store) {
  w.key("budgets").begin_array();
  for (const std::string_view prefix : {"day:", "route:"}) {
    const auto budgets = store.list_budgets(prefix);
    if (!budgets.ok()) continue;  // a store that is read may be older
    for (const store::BudgetRecord& budget : *budgets)
      w.begin_object()
          .field("scope", budget.scope)
          .field("lent_usd_micros", budget.lent_usd_micros)
          .field("held_usd_micros", budget.held_usd_micros)
          .field("lost_usd_micros", budget.lost_usd_micros)
          .end_object();
  }
  w.end_array();
}

}  // namespace

Runtime::Runtime(std::shared_ptr<Core> core) : core_(std::move(core)) {}

StatusOr<std::shared_ptr<Runtime>> Runtime::open(RuntimeOptions options) {
  options.loops = std::max<uint32_t>(1, options.loops);
  if (options.loops > 64) return Status(Code::kOutOfRange, "too_many_loops", "at most 64 loops are possible");
  const bool manual = options.manual;
  TAU_ASSIGN_OR_RETURN(auto core, Core::open(std::move(options)));
  // First: when a thread cannot be started, its destructor stops the others.
  std::shared_ptr<Runtime> runtime(new Runtime(core));
  if (!manual) TAU_RETURN_IF_ERROR(core->start_threads());
  return runtime;
}

// Never waits for what may take long: loop threads end on their own and the last one frees the core. After a
// stop they have nothing to do, and the home is closed here, so that the program may do with it what it
// likes.
Runtime::~Runtime() {
  if (core_->forked()) return;
  core_->begin_stop();
  core_->depart();
  core_->close_queues();
  core_->stop_threads();
  if (stopped_ && !OwnThread::is_this()) core_->wait_threads();
}

const std::shared_ptr<safety::Screening>& Runtime::screening() const { return core_->shared_screening(); }
bool Runtime::forked() const { return core_->forked(); }

Status Runtime::check() const {
  if (!forked()) return ok_status();
  return failed_precondition("forked",
                             "this runtime belongs to the parent process; open a new one after fork");
}

bool Runtime::manual() const { return core_->options().manual; }
uint32_t Runtime::loops() const { return core_->loop_count(); }

Status Runtime::no_such_loop(uint32_t loop) const {
  return Status(Code::kOutOfRange, "no_such_loop", format("loop {} of {} does not exist", loop, loops()));
}

int Runtime::fd(uint32_t loop) const {
  if (loop >= loops()) return -1;
  LoopHost& host = core_->loop(loop);
  return manual() || host.lent() ? host.loop().fd() : -1;
}

StatusOr<bool> Runtime::process(uint32_t loop, int timeout_ms) {
  if (loop < loops() && (manual() || core_->loop(loop).lent())) return core_->loop(loop).process(timeout_ms);
  if (loop >= loops() && manual()) return no_such_loop(loop);
  return failed_precondition("not_manual", "the runtime drives this loop");
}

Status Runtime::borrow_loop(uint32_t loop) {
  if (manual()) return failed_precondition("manual", "the program drives every loop in manual mode");
  if (loop >= loops()) return no_such_loop(loop);
  if (core_->stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  return core_->loop(loop).lend();
}

Status Runtime::return_loop(uint32_t loop) {
  if (loop >= loops()) return no_such_loop(loop);
  if (manual() || !core_->loop(loop).lent())
    return failed_precondition("loop_not_borrowed", "nobody borrowed this loop");
  core_->loop(loop).take_back();
  return ok_status();
}

Status Runtime::stop(int timeout_ms) {
  const int64_t start = system_clock().monotonic_ns();
  for (uint32_t i = 0; i < loops(); ++i)
    if (core_->loop(i).inside())
      return failed_precondition("reentrant", "a loop cannot wait for itself to stop");
  core_->begin_stop();
  for (uint32_t i = 0; i < loops(); ++i) core_->loop(i).take_back();
  const ErrorInfo why{
      .code = Code::kCancelled, .reason = "runtime_stopped", .message = "the runtime was stopped"};
  for (uint32_t i = 0; i < loops(); ++i)
    core_->loop(i).loop().post([host = &core_->loop(i), why] { host->cancel_all(why); });
  while (!core_->idle()) {
    const int left = left_ms(timeout_ms, start);
    if (manual()) {
      const int slice = left < 0 ? kStopSliceMs : std::min(left, kStopSliceMs);
      for (uint32_t i = 0; i < loops(); ++i) {
        const auto ran = process(i, slice);
        if (!ran.ok()) return ran.status();
      }
    } else if (core_->wait_idle(left)) {
      break;
    }
    if (left == 0 && !core_->idle()) return deadline_exceeded("stop_timeout", "some runs have not ended yet");
  }
  // Runs do not wait for tools that were cancelled; whoever stops does.
  const bool tools_ended = core_->workers().wait_idle(left_ms(timeout_ms, start)) &&
                           core_->memory().wait_watches(left_ms(timeout_ms, start));
  TAU_ASSIGN_OR_RETURN(const bool loops_rest, rest_loops(left_ms(timeout_ms, start)));
  core_->release_sessions();
  core_->memory().settle();
  if (Audit* const audit = core_->audit()) audit->finish();
  const Status flushed = core_->store().flush();
  core_->close_queues();
  if (!tools_ended || !loops_rest)
    return flushed.ok() ? deadline_exceeded("stop_timeout",
                                            "all runs have ended, but a tool, a watch of a folder or an "
                                            "embedder has not returned yet")
                        : flushed;
  stopped_ = flushed.ok();
  return flushed;
}

// Until all that was posted to the loops has run, and nothing there holds runs or tools any more.
StatusOr<bool> Runtime::rest_loops(int timeout_ms) {
  for (uint32_t i = 0; manual() && i < loops(); ++i) TAU_RETURN_IF_ERROR(process(i, 0).status());
  if (manual()) return true;
  struct Marks {
    std::mutex mutex;
    std::condition_variable passed;
    uint32_t ahead = 0;
  };
  const auto marks = std::make_shared<Marks>();
  marks->ahead = loops();
  for (uint32_t i = 0; i < loops(); ++i)
    core_->loop(i).loop().post([marks] {
      const std::lock_guard lock(marks->mutex);
      if (--marks->ahead == 0) marks->passed.notify_all();
    });
  std::unique_lock lock(marks->mutex);
  const auto all = [&] { return marks->ahead == 0; };
  if (timeout_ms < 0) {
    marks->passed.wait(lock, all);
    return true;
  }
  return marks->passed.wait_for(lock, std::chrono::milliseconds(std::max(timeout_ms, kTurnMs)), all);
}

StatusOr<std::shared_ptr<EventQueue>> Runtime::make_queue(uint32_t loop, std::function<void()> notify) {
  if (loop >= loops())
    return invalid_argument("no_such_loop", format("loop {} of {} does not exist", loop, loops()));
  auto queue = std::make_shared<EventQueue>(loop, std::move(notify), &core_->loop(loop).wakes());
  core_->add_queue(queue);
  return queue;
}

Status Runtime::may_read(const EventQueue& queue) const {
  TAU_RETURN_IF_ERROR(check());
  if (!EventQueue::is_notifying() && !core_->loop(queue.loop()).inside()) return ok_status();
  return failed_precondition("reentrant", "a queue cannot be read from inside of a callback");
}

Status Runtime::wait_for(EventQueue& queue, int timeout_ms) {
  LoopHost& host = core_->loop(queue.loop());
  if (!manual() && !host.lent_to_this_thread()) {
    queue.wait(timeout_ms);
    return ok_status();
  }
  const int64_t start = system_clock().monotonic_ns();
  while (!queue.ready()) {
    const int left = left_ms(timeout_ms, start);
    const auto ran = host.process(left);
    if (!ran.ok() && manual()) return ran.status();
    if (!ran.ok()) {  // taken back meanwhile
      queue.wait(left);
      break;
    }
    if (left == 0 && !*ran) break;
    if (!queue.ready() && timeout_ms >= 0 && left_ms(timeout_ms, start) == 0) break;
  }
  return ok_status();
}

void Runtime::wake(EventQueue& queue) {
  queue.wakeup();
  LoopHost& host = core_->loop(queue.loop());
  if (manual() || host.lent()) host.loop().wake();
}

std::string Runtime::describe() const {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  w.field("home", core_->options().home).field("workspace", core_->options().workspace);
  w.field("manual", manual()).field("loops", static_cast<int64_t>(loops()));
  w.field("durable", !core_->options().no_store);
  if (const Audit* const audit = core_->audit()) w.field_raw("audit", audit->describe());
  const AgentConfig agent = core_->config().agent().ok() ? *core_->config().agent() : AgentConfig();
  const bool configured = !agent.model.empty();
  w.field("model", configured ? agent.model : core_->detected().model);
  w.field("model_reason", configured ? std::string("configured") : core_->detected().reason);
  w.field_raw("providers", core_->config().describe_providers(core_->environment()));
  w.field_raw("routes", core_->config().describe_routes(core_->environment()));
  core_->host_models().describe(w.key("host_models"));
  write_budgets(w, core_->store());
  w.field_raw("config", core_->config().describe());
  w.end_object();
  return out;
}

StatusOr<std::string> Runtime::list_sessions(uint32_t limit, std::string_view after) {
  if (limit < 1 || limit > 1000) return Status(Code::kOutOfRange, "bad_limit", "limit should be 1 to 1000");
  TAU_ASSIGN_OR_RETURN(const auto sessions, core_->store().list_sessions(limit, after));
  // Those that it may not see are left out: a page can be short, and there is another one all the same.
  std::string out;
  json::Writer w(out);
  w.begin_object().key("sessions").begin_array();
  for (const store::SessionRecord& s : sessions)
    if (core_->authorize({}, "session:list", session_resource(s.id)).ok()) write_session(w, s);
  w.end_array();
  if (sessions.size() == limit) w.field("next", sessions.back().id);
  w.end_object();
  return out;
}

Status Runtime::remove_session(std::string_view id) {
  TAU_RETURN_IF_ERROR(core_->authorize({}, "session:remove", session_resource(id)));
  TAU_ASSIGN_OR_RETURN(const store::SessionRecord record, core_->store().load_session(id));
  const auto shared = core_->share_session(record.id);
  if (shared->busy.exchange(true))
    return unavailable("session_busy", format("a run of this process is writing session {}", record.id));
  Status status;
  if (shared->lease.epoch == 0) {
    auto lease = core_->acquire(record.id);
    if (lease.ok()) {
      shared->lease = *lease;
    } else {
      status = lease.status();
    }
  }
  if (status.ok()) status = core_->store().remove_session(record.id);
  shared->busy = false;
  return status;
}

StatusOr<std::string> Runtime::backup(std::string_view directory) {
  TAU_RETURN_IF_ERROR(core_->authorize({}, "home:backup", "home"));
  if (Audit* const audit = core_->audit()) (void)audit->sign();
  return backup_home(core_->store(), core_->options().home, directory);
}

Status Runtime::add_model(std::string_view document_json, HostModelHooks hooks) {
  if (core_->stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  return core_->host_models().add(document_json, std::move(hooks), core_->workers());
}

Status Runtime::set_embedder(std::shared_ptr<const memory::Embedder> embedder) {
  if (core_->stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  return core_->memory().set_embedder(std::move(embedder));
}

StatusOr<std::string> Runtime::perform(std::string_view request_json) {
  using Perform = StatusOr<std::string> (*)(Core & core, const json::Value& request);
  constexpr std::pair<std::string_view, Perform> kOps[] = {
      {"approvals", list_approvals}, {"approval", show_approval},    {"decide", decide_approval},
      {"resolve_did", resolve_did},  {"models", list_models},        {"model", show_model},
      {"estimate", estimate_call},   {"remove_model", remove_model}, {"traffic", report_traffic},
      {"usage", report_usage},
  };
  TAU_ASSIGN_OR_RETURN(const json::Value request, json::parse(request_json));
  if (!request.is_object()) return invalid_argument("wrong_type", "a request should be a JSON object");
  TAU_ASSIGN_OR_RETURN(const std::string op, need_string(request, "request", "op"));
  for (const auto& [name, perform] : kOps)
    if (op == name) return perform(*core_, request);
  for (const auto& [name, perform] : kAuthOps)
    if (op == name) return perform(*core_, request);
  std::string known;
  for (const auto& [name, perform] : kOps) known.append(known.empty() ? "" : ", ").append(name);
  for (const auto& [name, perform] : kAuthOps) known.append(", ").append(name);
  return invalid_argument("unknown_op", format("unknown op \"{}\"; known are {}", op, known));
}

Status Runtime::append_audit(std::string_view record_json) {
  TAU_ASSIGN_OR_RETURN(const AuditNote note, AuditNote::parse(record_json));
  Audit* const audit = core_->audit();
  return audit != nullptr ? audit->append(note.record()) : no_audit_log(core_->options().home);
}

StatusOr<std::string> Runtime::audit_head() {
  Audit* const audit = core_->audit();
  if (audit == nullptr) return no_audit_log(core_->options().home);
  TAU_RETURN_IF_ERROR(audit->sign());
  return runtime::audit_head(core_->options().home);
}

StatusOr<std::string> Runtime::prune(std::string_view limits_json) {
  TAU_RETURN_IF_ERROR(core_->authorize({}, "home:prune", "home"));
  return prune_home(core_->store(), core_->config().retention(), limits_json);
}

StatusOr<std::string> Runtime::replay(std::string_view run_id, bool* identical) {
  if (core_->access() != nullptr) {
    TAU_ASSIGN_OR_RETURN(const store::RunRecord run, core_->store().load_run(run_id));
    TAU_RETURN_IF_ERROR(core_->authorize({}, "session:replay", session_resource(run.session_id)));
  }
  return replay_run(core_->store(), run_id, identical);
}

}  // namespace tau::runtime
