// The one executor: prepare, execute, finalize.
#include <algorithm>
#include <mutex>
#include <new>

#include "tool/finalize.h"
#include "tool/tool.h"

namespace tau::tool {
namespace {

// A cancelled tool gets this long to stop by itself; then its call ends without it.
constexpr int64_t kCancelGraceNs = 2'000 * kNanosPerMilli;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The object that a model meant: models leave arguments out, or encode them twice.
StatusOr<json::Value> parse_arguments(std::string_view raw) {
  if (trimmed(raw).empty()) return json::Value::object();
  TAU_ASSIGN_OR_RETURN(json::Value value, json::parse(raw));
  if (value.is_string()) {
    TAU_ASSIGN_OR_RETURN(json::Value inner, json::parse(value.as_string()));
    value = std::move(inner);
  }
  if (!value.is_object())
    return invalid_argument("invalid_arguments", "the arguments must be one JSON object");
  return value;
}

// The host is handed the arguments as text, as it would be without handles.
Status put_texts(const safety::Quarantine& held, Call& call) {
  TAU_ASSIGN_OR_RETURN(call.given_held, held.put_texts(call.arguments, call.labels));
  if (call.given_held) call.raw_arguments = json::write(call.arguments);
  return ok_status();
}

Context with_audit(Context context, AuditSink* audit) {
  context.audit = audit;
  return context;
}

Result cancelled_result(Result answer) {
  if (answer.is_error && answer.reason == "cancelled") return answer;
  Result cancelled = error_result("cancelled", "the call was cancelled");
  cancelled.model_use = answer.model_use;
  return cancelled;
}

}  // namespace

// One call being executed. Shared with the reply and the worker, so that the call outlives its use.
struct Executor::Flight {
  Call call;
  std::shared_ptr<Impl> executor;
  std::shared_ptr<Tool> tool;
  UniqueFunction<void(Result)> done;
  Result answer;  // on its way to the loop
  net::TimerId timer = 0;
  const net::Owner owner = net::OwnerScope::current();
  std::atomic<bool> cancelled{false};
  std::atomic<bool> started{false};
  bool cancel_requested = false;
};

// Lives as long as a tool runs, for what tools may touch and for the way back to the loop. When the executor
// goes, the way back is closed: a late reply then falls on the floor.
struct Executor::Impl {
  Impl(const Registry& r, PolicyHook& p, AuditSink* a, FinalizeHook* f, Workers& w, net::Loop& l, Context&& c)
      : context(with_audit(std::move(c), a)),
        open_loop(&l),
        registry(r),
        policy(p),
        audit(a),
        hook(f),
        workers(w),
        loop(l) {}

  Reply make_reply(const std::shared_ptr<Flight>& flight);
  void admit(const std::shared_ptr<Flight>& flight);
  void admitted(const std::shared_ptr<Flight>& flight, const Status& status);
  void launch(const std::shared_ptr<Flight>& flight);
  void finish(const std::shared_ptr<Flight>& flight, Result result);
  void on_timeout(const std::shared_ptr<Flight>& flight);
  void abandon();
  std::vector<std::shared_ptr<Flight>>::iterator find(std::string_view run_id, std::string_view call_id) {
    return std::find_if(flights.begin(), flights.end(), [&](const std::shared_ptr<Flight>& flight) {
      return flight->call.id == call_id && flight->call.run_id == run_id;
    });
  }

  const Context context;
  std::mutex mutex;
  net::Loop* open_loop;  // guarded by the mutex; null once closed

  // For the executor alone.
  const Registry& registry;
  PolicyHook& policy;
  AuditSink* audit;
  FinalizeHook* hook;
  Workers& workers;
  net::Loop& loop;
  std::vector<std::shared_ptr<Flight>> flights;  // few at a time
};

// The reply keeps the flight alive, and the flight never holds the reply: no cycle. A result that there is no
// memory to hand over ends the run.
Reply Executor::Impl::make_reply(const std::shared_ptr<Flight>& flight) {
  return Reply([flight](Result result) {
    Impl& executor = *flight->executor;
    const std::lock_guard<std::mutex> lock(executor.mutex);
    if (executor.open_loop == nullptr) return;
    flight->answer = std::move(result);
    try {
      executor.open_loop->post([flight] { flight->executor->finish(flight, std::move(flight->answer)); });
    } catch (const std::bad_alloc&) { executor.open_loop->out_of_memory(flight->owner); }
  });
}

// Whoever keeps the records says when.
void Executor::Impl::admit(const std::shared_ptr<Flight>& flight) {
  const auto later = [flight](const Status& status) {
    Impl& executor = *flight->executor;
    const std::lock_guard<std::mutex> lock(executor.mutex);
    if (executor.open_loop == nullptr) return;
    const net::OwnerScope scope(flight->owner);
    try {
      executor.open_loop->post([flight, status] { flight->executor->admitted(flight, status); });
    } catch (const std::bad_alloc&) { executor.open_loop->out_of_memory(flight->owner); }
  };
  if (audit == nullptr || audit->admit(flight->call, flight->tool->manifest(), later)) launch(flight);
}

void Executor::Impl::admitted(const std::shared_ptr<Flight>& flight, const Status& status) {
  const bool open = std::find(flights.begin(), flights.end(), flight) != flights.end();
  if (!open || flight->cancelled) return;  // its result is there, or on its way
  if (status.ok()) return launch(flight);
  finish(flight,
         error_result("audit_unavailable",
                      format("the call was not executed: its record could not be written to the audit "
                             "log, which audit.required demands ({})",
                             status.reason())));
}

void Executor::Impl::launch(const std::shared_ptr<Flight>& flight) {
  const Manifest& manifest = flight->tool->manifest();
  Reply reply = make_reply(flight);
  flight->timer = loop.set_timer(loop.now_ns() + manifest.timeout_ms * kNanosPerMilli,
                                 [flight] { flight->executor->on_timeout(flight); });
  if (manifest.runs == Manifest::Runs::kLoop) {
    flight->started = true;
    flight->tool->start(flight->call, context, std::move(reply), flight->cancelled);
    return;
  }
  workers.submit([flight, reply = std::move(reply)] {
    // `started` first: whoever cancels later sees it and leaves the result to the tool.
    flight->started = true;
    if (flight->cancelled)
      return reply.complete(error_result("cancelled", "the call was cancelled before it began"));
    try {
      flight->tool->start(flight->call, flight->executor->context, reply, flight->cancelled);
    } catch (const std::bad_alloc&) { reply.complete(out_of_memory_result()); }
  });
}

void Executor::Impl::finish(const std::shared_ptr<Flight>& flight, Result result) {
  const auto at = std::find(flights.begin(), flights.end(), flight);
  if (at == flights.end()) return;  // it has ended already: timeout, or grace over
  flights.erase(at);
  loop.cancel_timer(flight->timer);
  if (flight->cancel_requested) result = cancelled_result(std::move(result));
  result.from_held = flight->call.given_held;
  if (result.from_held) result.labels.join(flight->call.labels);
  finalize(flight->call, flight->tool->manifest(), hook, result);
  if (audit != nullptr) audit->on_result(flight->call, result);
  auto done = std::move(flight->done);
  done(std::move(result));
}

void Executor::Impl::on_timeout(const std::shared_ptr<Flight>& flight) {
  if (flight->cancel_requested) return finish(flight, error_result("cancelled", "the call was cancelled"));
  flight->cancelled = true;
  if (flight->started) flight->tool->stop(flight->call);
  finish(flight, error_result("tool_timeout", format("the tool gave no result within {} ms",
                                                     flight->tool->manifest().timeout_ms)));
}

void Executor::Impl::abandon() {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    open_loop = nullptr;
  }
  for (const auto& flight : flights) {
    loop.cancel_timer(flight->timer);
    flight->cancelled = true;
    if (flight->started) flight->tool->stop(flight->call);
  }
  flights.clear();
}

Executor::Executor(const Registry& registry, PolicyHook& policy, AuditSink* audit, FinalizeHook* finalize,
                   Workers& workers, net::Loop& loop, Context context)
    : impl_(std::make_shared<Impl>(registry, policy, audit, finalize, workers, loop, std::move(context))) {}

Executor::~Executor() { impl_->abandon(); }

Prepared Executor::prepare(Call&& call, const SessionFacts* session) {
  static const Manifest* const kNone = new Manifest();
  Prepared out;
  out.call = std::move(call);
  auto refuse = [&](std::string_view reason, std::string message) {
    out.refusal = reason;
    out.message = std::move(message);
    if (impl_->audit != nullptr)
      impl_->audit->on_decision({out.call, out.tool != nullptr ? out.tool->manifest() : *kNone, session},
                                {.decision = Decision::kDeny, .reason = reason});
    return std::move(out);
  };
  out.tool = impl_->registry.find(out.call.name);
  if (out.tool == nullptr)
    return refuse("unknown_tool", format("there is no tool named \"{}\"", out.call.name));
  const Manifest& manifest = out.tool->manifest();
  StatusOr<json::Value> arguments = parse_arguments(out.call.raw_arguments);
  if (!arguments.ok())
    return refuse("invalid_arguments", format("the arguments of {} are not usable: {}", out.call.name,
                                              arguments.status().message()));
  out.call.arguments = *std::move(arguments);
  const safety::Quarantine* const held = impl_->context.held;
  if (held != nullptr && !held->empty() && !manifest.takes_handles)
    if (const Status put = put_texts(*held, out.call); !put.ok())
      return refuse(put.reason(), std::string(put.message()));
  const std::string wrong = impl_->registry.schema(out.call.name)->explain(out.call.arguments);
  // What is wrong may quote the arguments: of held texts nothing is told.
  if (!wrong.empty())
    return refuse("invalid_arguments", format("the arguments of {} do not fit its schema: {}", out.call.name,
                                              out.call.given_held ? "a held text is no such value" : wrong));
  if (manifest.runs == Manifest::Runs::kWorker && !impl_->workers.available())
    return refuse("needs_worker", format("{} blocks, and this runtime has no worker threads", out.call.name));
  const Facts facts = {out.call, manifest, session};
  out.verdict = impl_->policy.decide(facts);
  if (impl_->audit != nullptr) impl_->audit->on_decision(facts, out.verdict);
  return out;
}

void Executor::execute(Call&& given, UniqueFunction<void(Result)> done) {
  auto flight = std::make_shared<Flight>();
  flight->call = std::move(given);
  const Call& call = flight->call;
  flight->executor = impl_;
  flight->tool = impl_->registry.find(call.name);
  flight->done = std::move(done);
  const bool fresh = impl_->find(call.run_id, call.id) == impl_->flights.end();
  if (fresh) impl_->flights.push_back(flight);
  const Result problem =
      !fresh ? error_result("duplicate_call", format("a call with the id \"{}\" is running already", call.id))
      : flight->tool == nullptr
          ? error_result("unknown_tool", format("there is no tool named \"{}\"", call.name))
      : flight->tool->manifest().runs == Manifest::Runs::kWorker && !impl_->workers.available()
          ? error_result("needs_worker",
                         format("{} blocks, and this runtime has no worker threads", call.name))
          : Result();
  if (!problem.is_error) return impl_->admit(flight);
  // No tool to finalize for, or no place in the table: answered from the loop all the same.
  if (fresh) impl_->flights.pop_back();
  impl_->loop.post([flight, problem] {
    const Impl& self = *flight->executor;
    if (self.open_loop == nullptr) return;
    if (self.audit != nullptr) self.audit->on_result(flight->call, problem);
    flight->done(problem);
  });
}

void Executor::cancel(std::string_view run_id, std::string_view call_id) {
  const auto at = impl_->find(run_id, call_id);
  if (at == impl_->flights.end() || (*at)->cancel_requested) return;
  const std::shared_ptr<Flight> flight = *at;
  flight->cancel_requested = true;
  flight->cancelled = true;
  impl_->loop.cancel_timer(flight->timer);
  // A worker that has not taken the call yet will see the flag: no need to wait for it.
  if (!flight->started)
    return impl_->make_reply(flight).complete(error_result("cancelled", "the call was cancelled"));
  flight->timer = impl_->loop.set_timer(impl_->loop.now_ns() + kCancelGraceNs,
                                        [flight] { flight->executor->on_timeout(flight); });
  flight->tool->stop(flight->call);
}

}  // namespace tau::tool
