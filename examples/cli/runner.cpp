#include "runner.h"

#include "failure.h"
#include "interrupts.h"
#include "terminal.h"

namespace cli {
namespace {

constexpr int32_t kSpinMs = 120;
constexpr std::string_view kAbandon = R"({"abandon":true})";

void answer(tau_run* run, const Json& approval, const Decision& decision) {
  Json op = Json::object();
  op.set("op", Json::string("approval"));
  op.set("call_id", Json::string(approval["call_id"].as_string()));
  op.set("allow", Json::boolean(decision.allow));
  if (!decision.reason.empty()) op.set("reason", Json::string(decision.reason));
  const std::string text = op.dump();
  tau_run_submit(run, to_tau(text), nullptr, 0, nullptr);  // fails only when the run has ended meanwhile
}

class Silent final : public EventView {
 public:
  bool show(const tau_event&, std::string_view) override { return true; }
  bool finish(const Json&) override { return true; }
};

}  // namespace

Result<RunPtr> start_run(tau_session* session, tau_queue* queue, const RunRequest& request) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.flags = request.flags;
  options.prompt = to_tau(request.prompt);
  options.options = to_tau(request.options_json);
  options.queue = queue;
  options.deadline_ms = request.deadline_ms;
  tau_run* run = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_run_start(session, &options, &run, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return RunPtr(run);
}

Result<Json> drive(tau_run* run, tau_queue* queue, EventView& events, Approver& approver) {
  const Watched watched(run);
  for (;;) {
    tau_event event{};
    event.struct_size = sizeof event;
    tau_error* error = nullptr;
    const tau_status status = tau_queue_next(queue, kSpinMs, &event, &error);
    if (status == TAU_AGAIN) {
      events.idle();
      continue;
    }
    if (status == TAU_DONE) return Failure{kExitFailed, "runtime_stopped", "the runtime was stopped"};
    if (status != TAU_OK) return library_failure(status, error);
    tau_str body{};
    tau_event_json(queue, &event, &body, nullptr);
    if (!events.show(event, view(body))) tau_run_cancel(run);
    if (event.kind != TAU_EVENT_APPROVAL && event.kind != TAU_EVENT_RUN_DONE) continue;
    const auto document = Json::parse(view(body));
    if (!document) return Failure{kExitFailed, "bad_answer", "the library's event is no JSON"};
    if (event.kind == TAU_EVENT_RUN_DONE) {
      const Json& outcome = (*document)["outcome"];
      events.finish(outcome);
      Buffer settled;  // the session takes its next run once this returns
      tau_run_wait(run, -1, settled.out(), nullptr);
      return outcome;
    }
    events.pause();
    const Decision decision = approver.decide(*document);
    if (!decision.elsewhere && !interrupted())
      answer(run, *document, decision);  // else the run is being cancelled, and the call with it
  }
}

Result<Json> abandon_open_run(tau_session* session, tau_queue* queue) {
  RunRequest request;
  request.flags = TAU_RUN_RESUME | TAU_RUN_QUIET;
  request.options_json = kAbandon;
  auto run = start_run(session, queue, request);
  if (!run.ok()) return run.failure();
  Silent silent;
  Approver nobody(Approver::Whom::kNobody);
  return drive(run->get(), queue, silent, nobody);
}

int run_to_end(tau_session* session, tau_queue* queue, const RunRequest& request, EventView& events,
               Approver& approver) {
  const auto run = start_run(session, queue, request);
  if (!run.ok()) return report(run.failure());
  const auto outcome = drive((*run).get(), queue, events, approver);
  if (!outcome.ok()) return report(outcome.failure());
  if ((*outcome)["status"].as_string() != "done") return report(outcome_failure(*outcome));
  return approver.was_missing() ? kExitDenied : kExitOk;
}

}  // namespace cli
