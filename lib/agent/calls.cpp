// The tool calls of a turn: verdicts, approvals, start order, results in call order, exactly one per call.
#include <algorithm>

#include "agent/state.h"

namespace tau::agent {

wire::Message tool_error_message(const wire::ToolCall& call, std::string_view text) {
  wire::ToolResult result;
  result.call_id = call.id;
  result.name = call.name;
  result.is_error = true;
  result.content.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
  wire::Message message;
  message.role = wire::Role::kTool;
  message.parts.push_back({.body = std::move(result), .extras = {}});
  message.labels = Labels::from(Source::kSystem);
  return message;
}

const wire::ToolCall& Step::tool_call(const CallState& call) const {
  return *s_.response->message.parts[call.index].as<wire::ToolCall>();
}

CallState* Step::find_call(std::string_view call_id) {
  for (CallState& call : s_.calls)
    if (tool_call(call).id == call_id) return &call;
  return nullptr;
}

void Step::begin_calls() {
  s_.calls.clear();
  const auto& parts = s_.response->message.parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].as<wire::ToolCall>() == nullptr) continue;
    CallState call;
    call.index = i;
    s_.calls.push_back(std::move(call));
  }
  const auto limit = static_cast<size_t>(std::max<int64_t>(0, s_.config->limits.max_calls_per_turn));
  for (size_t i = 0; i < s_.calls.size(); ++i) {
    if (limit > 0 && i >= limit) {
      refuse(s_.calls[i], "too_many_calls", format("only {} calls per turn are allowed", limit));
    } else if (s_.phase != Phase::kCutting) {
      add<AskPolicy>().call = tool_call(s_.calls[i]);
    }
  }
}

void Step::on(const Verdict& in) {
  CallState* call = find_call(in.call_id);
  if (s_.phase != Phase::kTools || call == nullptr || call->phase != CallState::Phase::kAsked) return;
  call->pure = in.pure;
  call->idempotent = in.idempotent;
  call->parallel = in.parallel;
  call->sandboxed = in.sandboxed;
  switch (in.decision) {
    case Verdict::Decision::kDeny: refuse(*call, in.reason, in.message); break;
    case Verdict::Decision::kAllow: call->phase = CallState::Phase::kReady; break;
    case Verdict::Decision::kAsk: {
      call->phase = CallState::Phase::kWaiting;
      const wire::ToolCall& c = tool_call(*call);
      Event& event = emit(EventKind::kApproval);
      event.call_id = c.id;
      event.text = c.name;
      event.name = in.effect;
      event.reason = in.reason;
      event.json = c.arguments;
      event.flag = !in.sandboxed;
      event.number = in.policy_epoch;
      event.binding = in.binding;
      event.scope = in.scope;
      call->binding = in.binding;
      if (s_.config->limits.approval_timeout_ms > 0)
        set_timer(std::string(kApprovalTimer) + c.id, s_.config->limits.approval_timeout_ms);
      break;
    }
  }
  advance_calls();
}

void Step::approve(CallState& call, const HostOp& in) {
  cancel_timer(std::string(kApprovalTimer) + tool_call(call).id);
  if (in.allow) {
    call.phase = CallState::Phase::kReady;
    return;
  }
  refuse(call, "approval_denied",
         in.reason.empty() ? "the user denied the call" : "the user denied the call: " + in.reason);
}

// What a result says, for its event.
std::string Step::result_text(const wire::Message& message) {
  std::string text;
  for (const wire::Part& part : message.parts)
    if (const auto* result = part.as<wire::ToolResult>())
      for (const wire::Part& piece : result->content)
        if (const auto* t = piece.as<wire::Text>()) text += t->text;
  return text;
}

void Step::on(const ToolDone& in) {
  CallState* call = find_call(in.call_id);
  if (call == nullptr || call->phase != CallState::Phase::kRunning) return;
  call->phase = CallState::Phase::kDone;
  call->result_seq = input_.seq;
  for (const wire::Part& part : in.message.parts)
    if (const auto* result = part.as<wire::ToolResult>()) call->is_error = result->is_error;
  call->reason = in.reason;
  call->signals = in.signals;
  if (in.held != nullptr) call->handle = in.held->handle;
  s_.input_tokens += in.use.input_tokens;
  s_.output_tokens += in.use.output_tokens;
  s_.cached_tokens += in.use.cached_tokens;
  s_.unreported_tokens += in.use.unreported_tokens;
  s_.cost_usd_micros += in.use.cost_usd_micros;
  const bool waits = std::any_of(s_.calls.data(), call, [](const CallState& earlier) {
    return earlier.phase != CallState::Phase::kDone;
  });
  if (waits) call->text = std::make_shared<const std::string>(result_text(in.message));
  advance_calls();
}

void Step::refuse(CallState& call, std::string_view reason, std::string_view message) {
  call.phase = CallState::Phase::kDone;
  call.result_seq = 0;
  call.reason = reason;
  call.is_error = true;
  call.text = std::make_shared<const std::string>(message);
  call.result = std::make_shared<const wire::Message>(tool_error_message(tool_call(call), message));
}

// Calls that have not started get a result without running.
void Step::settle_unstarted(std::string_view reason, std::string_view message) {
  for (CallState& call : s_.calls) {
    if (call.phase == CallState::Phase::kDone || call.phase == CallState::Phase::kRunning) continue;
    if (call.phase == CallState::Phase::kWaiting)
      cancel_timer(std::string(kApprovalTimer) + tool_call(call).id);
    refuse(call, reason, message);
  }
}

void Step::interrupt_calls() {
  settle_unstarted(s_.stopping->reason, "the run was stopped before this call started");
  for (const CallState& call : s_.calls)
    if (call.phase == CallState::Phase::kRunning) add<CancelTool>().call_id = tool_call(call).id;
}

// A parallel call waits only for earlier calls that are not; any other call waits for all earlier ones.
bool Step::may_start(size_t i) const {
  int64_t running = 0;
  for (size_t k = 0; k < s_.calls.size(); ++k) {
    const CallState& other = s_.calls[k];
    if (other.phase == CallState::Phase::kRunning) ++running;
    if (k >= i || other.phase == CallState::Phase::kDone) continue;
    if (!s_.calls[i].parallel || !other.parallel) return false;
  }
  return running < std::max<int64_t>(1, s_.config->limits.max_parallel_tools);
}

void Step::start_call(CallState& call) {
  call.phase = CallState::Phase::kRunning;
  const wire::ToolCall& c = tool_call(call);
  Event& event = emit(EventKind::kToolStarted);
  event.call_id = c.id;
  event.text = c.name;
  event.json = c.arguments;
  event.flag = !call.sandboxed;
  if (!call.pure) add<Commit>();
  const Limits& limits = s_.config->limits;
  CallTool& effect = add<CallTool>();
  effect.call_id = c.id;
  if (limits.max_tokens > 0) effect.tokens_left = std::max<int64_t>(0, limits.max_tokens - tokens_used());
  if (limits.max_cost_usd_micros > 0)
    effect.cost_left_usd_micros = std::max<int64_t>(0, limits.max_cost_usd_micros - s_.cost_usd_micros);
}

// Results are reported in the order of the calls, each once, as soon as all earlier ones are in.
void Step::report_results() {
  for (CallState& call : s_.calls) {
    if (call.phase != CallState::Phase::kDone) return;
    if (call.reported) continue;
    call.reported = true;
    Event& event = emit(EventKind::kToolResult);
    event.call_id = tool_call(call).id;
    event.text = call.text != nullptr ? *call.text : result_text(std::get<ToolDone>(input_.body).message);
    event.name = tool_call(call).name;
    event.reason = call.reason;
    event.flag = call.is_error;
    event.json = call.signals;
    event.binding = call.handle;
    if (call.result_seq != 0) {
      append_row(call.result_seq);
    } else {
      append_message(*call.result);
    }
  }
}

void Step::advance_calls() {
  if (s_.phase != Phase::kTools) return;
  if (s_.steered) settle_unstarted("skipped", "skipped: the user changed course");
  for (size_t i = 0; i < s_.calls.size(); ++i)
    if (s_.calls[i].phase == CallState::Phase::kReady && may_start(i)) start_call(s_.calls[i]);
  report_results();
  const bool all_done = std::all_of(s_.calls.begin(), s_.calls.end(),
                                    [](const CallState& c) { return c.phase == CallState::Phase::kDone; });
  if (!all_done) return;
  emit_turn_done();
  append_pending(/*steering_only=*/true);
  begin_turn();
}

std::vector<std::string> Engine::open_tool_calls() const {
  std::vector<std::string> open;
  if (state_->phase != Phase::kTools) return open;
  for (const CallState& call : state_->calls)
    if (call.phase == CallState::Phase::kRunning)
      open.push_back(state_->response->message.parts[call.index].as<wire::ToolCall>()->id);
  return open;
}

}  // namespace tau::agent
