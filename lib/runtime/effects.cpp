// What the driver does for each effect of the engine, and what comes back from tools and timers. Calls of
// models are in model_effects.cpp.
#include <algorithm>

#include "runtime/driver.h"
#include "runtime/run_audit.h"

namespace tau::runtime {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

constexpr size_t kEntriesOfABatch = 4;  // as a rule

agent::Verdict verdict_of(tool::Prepared& prepared, const std::string& call_id) {
  agent::Verdict v;
  v.call_id = call_id;
  static const tool::Manifest* const kNone = new tool::Manifest();
  const tool::Manifest& m = prepared.tool != nullptr ? prepared.tool->manifest() : *kNone;
  v.effect = tool::effect_name(m.effect);
  v.pure = m.effect == tool::Effect::kPure;
  v.idempotent = m.idempotent;
  v.parallel = m.parallel;
  v.sandboxed = m.sandboxed || m.effect <= tool::Effect::kRead;
  if (!prepared.refusal.empty()) {
    v.decision = agent::Verdict::Decision::kDeny;
    v.reason = std::move(prepared.refusal);
    v.message = std::move(prepared.message);
    return v;
  }
  switch (prepared.verdict.decision) {
    case tool::Decision::kAllow: v.decision = agent::Verdict::Decision::kAllow; break;
    case tool::Decision::kAsk: v.decision = agent::Verdict::Decision::kAsk; break;
    case tool::Decision::kDeny: v.decision = agent::Verdict::Decision::kDeny; break;
  }
  v.reason = std::move(prepared.verdict.reason);
  v.message = std::move(prepared.verdict.message);
  v.policy_epoch = prepared.verdict.policy_epoch;
  v.binding = std::move(prepared.verdict.binding);
  v.scope = std::move(prepared.verdict.scope);
  return v;
}

// Why a call failed, where the runtime says so itself: the tool has no words in it.
std::string_view own_reason(std::string_view reason) {
  constexpr std::string_view kOwn[] = {"cancelled", "tool_timeout", "reply_dropped", "out_of_memory"};
  return std::ranges::find(kOwn, reason) != std::end(kOwn) ? reason : std::string_view();
}

// Whether a call would write, or have run, what stands for a secret that the model was not shown.
bool puts_placeholder(const tool::Prepared& prepared) {
  if (prepared.tool == nullptr) return false;
  const tool::Effect effect = prepared.tool->manifest().effect;
  return (effect == tool::Effect::kWrite || effect == tool::Effect::kExec) &&
         prepared.call.raw_arguments.find("[redacted:") != std::string::npos;
}

}  // namespace

// Effects on the world are not repeated while a journal is re-fed; the conversation is rebuilt.
bool Driver::perform(agent::Effect& effect) {
  return std::visit(Overloaded{
                        [&](agent::AssemblePrompt& e) {
                          if (!refeeding_) assemble(e);
                          return true;
                        },
                        [&](agent::CallModel& e) {
                          if (!refeeding_) call_model(e);
                          return true;
                        },
                        [&](agent::CancelModel& e) {
                          if (!refeeding_) cancel_model(e);
                          return true;
                        },
                        [&](agent::AskPolicy& e) {
                          if (!refeeding_) ask_policy(e.call);
                          return true;
                        },
                        [&](agent::CallTool& e) {
                          if (!refeeding_) call_tool(e);
                          return true;
                        },
                        [&](agent::CancelTool& e) {
                          if (!refeeding_) cancel_tool(e.call_id);
                          return true;
                        },
                        [&](agent::Commit&) { return commit(); },
                        [&](agent::Append& e) {
                          append(e);
                          return true;
                        },
                        [&](agent::Emit& e) { return emit(e.event); },
                        [&](agent::SetTimer& e) {
                          set_timer(e);
                          return true;
                        },
                        [&](agent::CancelTimer& e) {
                          cancel_timer(e.name);
                          stops_waiting(e.name);
                          return true;
                        },
                        [&](agent::TurnBoundary& e) {
                          turn_boundary(e);
                          return true;
                        },
                        [&](agent::Finish& e) {
                          finish(e);
                          return true;
                        },
                    },
                    effect);
}

tool::Prepared Driver::prepare(const wire::ToolCall& tool_call, const Labels& labels) {
  tool::Call call;
  call.id = tool_call.id;
  call.name = tool_call.name;
  call.raw_arguments = tool_call.arguments;
  call.labels = labels;
  call.principal = setup_.config.principal;
  call.run_id = record_.id;
  call.session_id = record_.session_id;
  tool::Prepared prepared = executor_->prepare(std::move(call), &setup_.session->conversation);
  if (prepared.refusal.empty() && puts_placeholder(prepared)) {
    prepared.refusal = "redacted_argument";
    prepared.message =
        "the arguments hold a placeholder where a secret was taken out; to write it would destroy the secret";
    if (setup_.audit != nullptr) setup_.audit->refused(prepared.call, prepared.refusal);
  }
  return prepared;
}

void Driver::remember_verdict(const agent::InputBody& body) {
  if (const auto* verdict = std::get_if<agent::Verdict>(&body))
    earlier_verdicts_.push_back(
        {verdict->call_id, setup_.session->conversation.labels(), verdict->policy_epoch, verdict->binding});
}

// A call that was decided before a crash runs only as what it was decided: an approval holds for the same
// arguments, labels and policy; where nobody approved, the policy in force must still allow it.
tool::Prepared Driver::prepare_again(const wire::ToolCall& tool_call) {
  const auto verdict = std::ranges::find(earlier_verdicts_, tool_call.id, &EarlierVerdict::call_id);
  if (verdict == earlier_verdicts_.end()) return prepare(tool_call, setup_.session->conversation.labels());
  tool::Prepared prepared = prepare(tool_call, verdict->labels);
  if (!prepared.refusal.empty()) return prepared;
  const tool::Verdict& now = prepared.verdict;
  const bool approved = !verdict->binding.empty() && now.binding == verdict->binding;
  if (now.decision == tool::Decision::kAllow || approved) return prepared;
  const bool same = now.policy_epoch == verdict->policy_epoch && now.decision != tool::Decision::kDeny;
  if (same && verdict->binding.empty()) return prepared;
  prepared.refusal = verdict->binding.empty() ? "policy_changed" : "approval_stale";
  prepared.message = "what was decided of this call before the program stopped does not hold any more";
  if (setup_.audit != nullptr) setup_.audit->refused(prepared.call, prepared.refusal);
  return prepared;
}

void Driver::ask_policy(const wire::ToolCall& tool_call) {
  tool::Prepared prepared = prepare(tool_call, setup_.session->conversation.labels());
  agent::Verdict verdict = verdict_of(prepared, tool_call.id);
  if (verdict.decision != agent::Verdict::Decision::kDeny)
    open_call(tool_call.id).prepared = std::move(prepared.call);
  feed(std::move(verdict));
}

OpenCall* Driver::find_call(std::string_view call_id) {
  for (OpenCall& call : scratch_->open_calls)
    if (call.id == call_id) return &call;
  return nullptr;
}

OpenCall& Driver::open_call(const std::string& call_id) {
  if (OpenCall* call = find_call(call_id)) return *call;
  OpenCall& call = scratch_->open_calls.emplace_back();
  call.id = call_id;
  return call;
}

void Driver::close_call(std::string_view call_id) {
  std::erase_if(scratch_->open_calls, [&](const OpenCall& call) { return call.id == call_id; });
}

void Driver::call_tool(const agent::CallTool& effect) {
  const std::string& call_id = effect.call_id;
  OpenCall& open = open_call(call_id);
  open.tokens_left = effect.tokens_left;
  open.cost_left_usd_micros = effect.cost_left_usd_micros;
  if (!open.prepared) {
    // After a crash the verdict comes from the journal and the call from the conversation.
    const wire::ToolCall* tool_call = setup_.session->conversation.find_call(call_id);
    if (tool_call == nullptr)
      return die(internal_error("lost_call", "call " + call_id + " is not in the conversation"));
    tool::Prepared prepared = prepare_again(*tool_call);
    if (!prepared.refusal.empty()) {
      return tool_finished(call_id, tool::error_result(prepared.refusal, prepared.message));
    }
    open.prepared = std::move(prepared.call);
  }
  open.name = open.prepared->name;
  if (cancel_requested_) {
    return tool_finished(call_id,
                         tool::error_result("cancelled", "the run was cancelled before this call started"));
  }
  tool::Call call = *std::move(open.prepared);
  open.prepared.reset();
  executor_->execute(std::move(call),
                     [weak = weak_from_this(), id = std::string(call_id)](tool::Result result) {
                       if (const auto self = weak.lock()) self->tool_finished(id, std::move(result));
                     });
}

void Driver::cancel_tool(const std::string& call_id) {
  executor_->cancel(record_.id, call_id);
  reader_.stop(call_id);
  // The host is told by the end of the run; nobody waits for its answer.
  OpenCall* call = find_call(call_id);
  if (call == nullptr || !call->reply) return;
  const tool::Reply reply = *std::exchange(call->reply, std::nullopt);
  reply.complete(tool::error_result("cancelled", "the run was cancelled"));
}

void Driver::tool_finished(const std::string& call_id, tool::Result result) {
  if (ended_) return;
  std::string name;
  std::string result_op;
  if (OpenCall* call = find_call(call_id)) {
    name = std::move(call->name);
    result_op = std::move(call->result_op);
  }
  const bool from_held = result.from_held;
  agent::ToolDone done = tool_done(call_id, name, std::move(result));
  hold_back(done, name, from_held);
  close_call(call_id);
  feed(std::move(done));
  if (result_op.empty() || ended_) return;
  agent::Effects& effects = scratch_->performances.push().effects;
  effects.emplace_back(agent::Commit{});
  effects.emplace_back(agent::Emit{{.kind = agent::EventKind::kOpAccepted, .name = result_op}});
  pump();
}

agent::ToolDone Driver::tool_done(const std::string& call_id, std::string_view name,
                                  tool::Result result) const {
  agent::ToolDone done;
  auto& part = done.message.parts.emplace_back().body.emplace<wire::ToolResult>();
  part.call_id = call_id;
  part.name = name;
  part.is_error = result.is_error;
  part.content.emplace_back().body.emplace<wire::Text>().text = std::move(result.content);
  done.call_id = call_id;
  done.reason = std::move(result.reason);
  done.details = std::move(result.details_json);
  done.signals = std::move(result.signals);
  const tool::ModelUse& use = result.model_use;
  done.use = {use.input_tokens, use.output_tokens, use.cached_tokens, use.unreported_tokens,
              use.cost_usd_micros};
  done.message.role = wire::Role::kTool;
  done.message.labels = std::move(result.labels);
  return done;
}

// In the place of a result of this tool the model gets a handle, or, where no more can be held, nothing of
// it.
void Driver::hold_back(agent::ToolDone& done, std::string_view tool, bool from_held) const {
  if (setup_.quarantine == nullptr || tool.empty()) return;
  if (!from_held && !setup_.quarantine->holds(tool, done.message.labels)) return;
  const safety::Quarantine& held = setup_.session->conversation.held();
  auto& shown = *done.message.parts[0].as<wire::ToolResult>();
  std::string& text = shown.content[0].as<wire::Text>()->text;
  const Status room = held.check_room(text.size());
  std::string note =
      shown.is_error ? format("{} failed", tool) : format("The result of {} is held back", tool);
  if (const std::string_view reason = own_reason(done.reason); shown.is_error && !reason.empty())
    note += format(" ({})", reason);
  if (room.ok()) {
    const std::string handle = held.next_handle();
    note += format(
        "{} as {}: its text is not shown to you. Read single values out of it with the tool extract, or pass "
        "\"{}\" as the whole of an argument to another tool.",
        shown.is_error ? "; what it said is held back" : "", handle, handle);
    done.held = std::make_shared<agent::HeldResult>(agent::HeldResult{handle, done.message});
  } else {
    note += format("{}: it was dropped, since {}.", shown.is_error ? "; what it said was held back" : "",
                   room.message());
    if (!shown.is_error) done.reason = room.reason();
    shown.is_error = true;
  }
  text = std::move(note);
  done.message.labels = Labels::from(Source::kSystem);
}

void Driver::read_held(std::string_view handle, const std::string& op_id) {
  if (ended_) return;
  const auto held = setup_.session->conversation.held().find(handle);
  if (!held.ok()) return reject(op_id, {}, held.status().reason(), held.status().message());
  seams_.output.emit({.kind = agent::EventKind::kHeldText,
                      .text = (*held)->text,
                      .name = op_id,
                      .json = (*held)->labels.to_json(),
                      .binding = handle});
}

// A tool of the host was started: tell the host and keep the reply for its answer.
void Driver::call(const tool::Call& call, tool::Reply reply) {
  open_call(call.id).reply = std::move(reply);
  seams_.output.emit({.kind = agent::EventKind::kToolCall,
                      .call_id = call.id,
                      .text = call.name,
                      .json = call.raw_arguments});
}

// A text that is held is asked about under the limits of the run, as its own model calls are.
void Driver::ask_model(const tool::Call& call, tool::HeldQuestion question, tool::Reply reply) {
  const OpenCall& open = open_call(call.id);
  reader_.ask(call, std::move(question),
              {.request_id = SharedString::concat({record_.id, ".", call.id}),
               .traceparent = setup_.traceparent,
               .model = setup_.session->conversation.request().model,
               .tokens_left = open.tokens_left,
               .cost_left_usd_micros = open.cost_left_usd_micros,
               .port = this},
              std::move(reply));
}

void Driver::progress(const tool::Call& call, std::string text) {
  if (ended_) return;
  if (const Redaction* now = redaction()) now->clean(text, Author::kForeign);
  seams_.output.delta(agent::EventKind::kToolProgress, call.id, text);
}

void Driver::tool_result(const std::string& call_id, tool::Result result, const std::string& op_id) {
  if (ended_) return;
  OpenCall* call = find_call(call_id);
  if (call == nullptr || !call->reply)
    return reject(op_id, call_id, "no_such_call", "no tool call of this id waits for a result");
  if (!op_id.empty()) call->result_op = op_id;
  const tool::Reply reply = *std::exchange(call->reply, std::nullopt);
  reply.complete(std::move(result));
}

void Driver::tool_progress(const std::string& call_id, std::string text) {
  if (ended_) return;
  OpenCall* call = find_call(call_id);
  if (call == nullptr || !call->reply) return;
  if (const Redaction* now = redaction()) now->clean_next(text, call->progress, Author::kForeign);
  seams_.output.delta(agent::EventKind::kToolProgress, call_id, text);
}

void Driver::reject(const std::string& op_id, const std::string& call_id, std::string_view reason,
                    std::string_view text) {
  std::string why(text);
  if (const Redaction* now = redaction()) now->clean(why, Author::kHost);
  seams_.output.emit({.kind = agent::EventKind::kOpRejected,
                      .call_id = call_id,
                      .text = std::move(why),
                      .name = op_id,
                      .reason = reason});
}

// The entry is named after its row, so that appending it again after a crash changes nothing.
void Driver::append(agent::Append& effect) {
  wire::Message message;
  if (effect.message) {
    message = *std::move(effect.message);
  } else {
    const auto it = std::ranges::find(scratch_->unappended, effect.seq, &Unappended::seq);
    if (it == scratch_->unappended.end()) return;
    message = std::move(it->message);
    setup_.session->conversation.note_signals(it->signals);
    scratch_->unappended.erase(it);
  }
  Conversation& conversation = setup_.session->conversation;
  if (scratch_->batch.entries.capacity() == 0) scratch_->batch.entries.reserve(kEntriesOfABatch);
  store::EntryRow& entry = scratch_->batch.entries.emplace_back();
  entry.id = SharedString::concat({record_.id, ".e", std::to_string(effect.seq)});
  entry.parent = conversation.head();
  entry.session_id = record_.session_id;
  entry.run_id = record_.id;
  entry.seq = effect.seq;
  conversation.append(std::move(message), entry.id);
}

void Driver::set_timer(const agent::SetTimer& effect) {
  if (refeeding_) {
    std::erase_if(refed_timers_, [&](const agent::SetTimer& timer) { return timer.name == effect.name; });
    refed_timers_.push_back(effect);
    return;
  }
  cancel_timer(effect.name);
  const int64_t deadline = seams_.loop.now_ns() + effect.delay_ms * kNanosPerMilli;
  const net::TimerId id = seams_.loop.set_timer(deadline, [weak = weak_from_this(), name = effect.name] {
    const auto self = weak.lock();
    if (self == nullptr || self->ended_) return;
    std::erase_if(self->timers_, [&](const NamedTimer& timer) { return timer.name == name; });
    self->timer_fired(name);
  });
  timers_.push_back({effect.name, id});
}

void Driver::cancel_timer(const std::string& name) {
  std::erase_if(refed_timers_, [&](const agent::SetTimer& timer) { return timer.name == name; });
  const auto it = std::ranges::find(timers_, name, &NamedTimer::name);
  if (it == timers_.end()) return;
  seams_.loop.cancel_timer(it->id);
  timers_.erase(it);
}

void Driver::turn_boundary(agent::TurnBoundary& effect) {
  if (refeeding_ || !setup_.durable) return;
  update_session_record();
  if (effect.snapshot.empty()) return;
  record_.snapshot_json = std::move(effect.snapshot);
  record_.snapshot_seq = effect.seq;
  record_.updated_ms = seams_.clock.wall_ms();
  scratch_->batch.run = record_;
}

void Driver::update_session_record() {
  store::SessionRecord& session = setup_.session->record;
  const Conversation& conversation = setup_.session->conversation;
  session.head_entry = conversation.head();
  if (session.title.empty()) session.title = conversation.title();
  session.updated_ms = seams_.clock.wall_ms();
  scratch_->batch.session = session;
}

void Driver::finish(const agent::Finish& effect) {
  seams_.output.expect_end(effect.outcome.size());  // what is decided below can be told
  refeeding_ = false;
  outcome_ = effect.outcome;
  outcome_code_ = effect.code;
  record_.state = effect.code == Code::kOk          ? store::RunState::kDone
                  : effect.code == Code::kCancelled ? store::RunState::kCancelled
                                                    : store::RunState::kFailed;
  record_.outcome_json = effect.outcome;
  record_.snapshot_json.clear();
  record_.updated_ms = seams_.clock.wall_ms();
  setup_.session->record.open_run.clear();
  setup_.session->record.turns += 1;
  scratch_->batch.run = record_;
  update_session_record();
}

}  // namespace tau::runtime
