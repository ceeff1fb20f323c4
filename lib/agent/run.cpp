// The turn: start, model calls, limits, steering, structured answers, the end.
#include "agent/state.h"

namespace tau::agent {
Engine::Engine() : state_(std::make_unique<State>()) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::step(const Input& input, Effects& effects) {
  if (spare_ == nullptr) {
    spare_ = std::make_unique<State>(*state_);
  } else {
    *spare_ = *state_;
  }
  text_.clear();
  Step(*spare_, input, effects, text_).run();
  state_.swap(spare_);
}

void Engine::State::clear() noexcept {
  State empty;
  empty.pending.swap(pending);
  empty.calls.swap(calls);
  *this = std::move(empty);
  pending.clear();
  calls.clear();
}

void Engine::reset() noexcept {
  constexpr size_t kKeptBytes = 4096;
  state_->clear();
  if (spare_ != nullptr) spare_->clear();
  if (text_.capacity() > kKeptBytes) text_ = std::string();
}

bool Engine::finished() const { return state_->phase == Phase::kFinished; }

int64_t Engine::open_model_call() const {
  const bool open = state_->phase == Phase::kModel || state_->phase == Phase::kCutting;
  return open ? state_->call : 0;
}

void Step::run() {
  if (s_.phase != Phase::kFinished) {
    std::visit([this](const auto& body) { on(body); }, input_.body);
  } else if (const auto* op = std::get_if<HostOp>(&input_.body); op != nullptr && !op->op_id.empty()) {
    Event& event = emit(EventKind::kOpRejected);
    event.text = "the run has ended";
    event.name = op->op_id;
    event.reason = "run_ended";
  }
}

void Step::on(const Recalled& in) {
  if (s_.phase != Phase::kNew) return;
  append_row(input_.seq);
  s_.recall_report = in.report;
}

void Step::on(const Start& in) {
  if (s_.phase != Phase::kNew) return;
  Event& event = emit(EventKind::kRunStarted);
  event.name = in.config.model;
  event.json = in.config.session_id;
  append_row(input_.seq);
  if (!s_.recall_report.empty()) emit(EventKind::kRecalled).json = std::exchange(s_.recall_report, {});
  if (configure(in.config)) begin_turn();
}

void Step::on(const Continued& in) {
  if (s_.phase != Phase::kNew) return;
  s_.turn = in.turn;
  s_.call = in.call;
  s_.input_tokens = in.input_tokens;
  s_.output_tokens = in.output_tokens;
  s_.cached_tokens = in.cached_tokens;
  s_.cost_usd_micros = in.cost_usd_micros;
  s_.structured_failures = in.structured_failures;
  s_.stopping = in.stop;
  if (!configure(in.config)) return;
  s_.response = in.answer;
  if (in.answer != nullptr) {
    answer_complete();
  } else {
    begin_turn();
  }
}

// False when the run is over already.
bool Step::configure(const RunConfig& config) {
  s_.config = std::make_shared<const RunConfig>(config);
  if (config.limits.max_wall_ms > 0) set_timer(std::string(kDeadlineTimer), config.limits.max_wall_ms);
  if (config.response_schema.empty()) return true;
  auto parsed = json::parse(config.response_schema);
  auto schema = parsed.ok() ? json::Schema::compile(*parsed) : StatusOr<json::Schema>(parsed.status());
  if (!schema.ok()) {
    finish(Code::kInvalidArgument, "invalid_response_schema", schema.status().message());
    return false;
  }
  s_.schema = std::make_shared<const json::Schema>(*std::move(schema));
  return true;
}

void Step::begin_turn() {
  add<TurnBoundary>();
  if (s_.stopping != nullptr) {
    finish_stopped();
    return;
  }
  if (limit_reached()) return;
  s_.response = nullptr;
  s_.calls.clear();
  s_.steered = false;
  s_.turn += 1;
  s_.call += 1;
  s_.phase = Phase::kAssembling;
  emit(EventKind::kTurnStarted).number = s_.turn;
  add<AssemblePrompt>().call = s_.call;
}

bool Step::limit_reached() {
  const Limits& limits = s_.config->limits;
  const auto over = [&](int64_t used, int64_t limit, std::string_view reason, std::string_view what) {
    if (limit <= 0 || used < limit) return false;
    finish(Code::kResourceExhausted, reason,
           format("the run used {} {}, its limit is {}", used, fmt::string_view(what.data(), what.size()),
                  limit));
    return true;
  };
  return over(s_.turn, limits.max_turns, "max_turns", "turns") ||
         over(tokens_used(), limits.max_tokens, "max_tokens", "tokens") ||
         over(s_.cost_usd_micros, limits.max_cost_usd_micros, "max_cost", "micro-dollars");
}

void Step::on(const PromptReady& in) {
  if (s_.phase != Phase::kAssembling || in.call != s_.call) return;
  const Limits& limits = s_.config->limits;
  if (limits.max_prompt_bytes > 0 && in.prompt_bytes > limits.max_prompt_bytes) {
    finish(
        Code::kResourceExhausted, "max_memory",
        format("the conversation takes {} bytes, its limit is {}", in.prompt_bytes, limits.max_prompt_bytes));
    return;
  }
  if (limits.max_tokens > 0 && tokens_used() + in.input_tokens > limits.max_tokens) {
    finish(Code::kResourceExhausted, "max_tokens",
           format("the next call needs about {} tokens, {} of {} are used", in.input_tokens, tokens_used(),
                  limits.max_tokens));
    return;
  }
  if (limits.max_cost_usd_micros > 0 &&
      s_.cost_usd_micros + in.cost_bound_usd_micros > limits.max_cost_usd_micros) {
    finish(Code::kResourceExhausted, "max_cost",
           format("the next call may cost {} micro-dollars, {} of {} are spent", in.cost_bound_usd_micros,
                  s_.cost_usd_micros, limits.max_cost_usd_micros));
    return;
  }
  s_.prompt_tokens = in.input_tokens;
  s_.phase = Phase::kModel;
  call_model();
}

int64_t Step::tokens_used() const { return s_.input_tokens + s_.output_tokens + s_.unreported_tokens; }

void Step::account(const wire::Response& response, int64_t cost) {
  s_.input_tokens += response.usage.input;
  s_.output_tokens += response.usage.output;
  s_.cached_tokens += response.usage.cached_input;
  const wire::CountedTokens counted = wire::counted_tokens(response, s_.prompt_tokens);
  s_.unreported_tokens += counted.input + counted.output - response.usage.input - response.usage.output;
  s_.cost_usd_micros += cost;
}

void Step::on(const ModelDone& in) {
  const bool cutting = s_.phase == Phase::kCutting;  // the whole answer won the race against the cut
  if ((s_.phase != Phase::kModel && !cutting) || in.call != s_.call) return;
  s_.response = in.response;
  s_.prompt_bytes = in.prompt_bytes;
  s_.prompt_prefix_bytes = in.prompt_prefix_bytes;
  account(*in.response, in.cost_usd_micros);
  append_row(input_.seq);
  Event& event = emit(EventKind::kMessage);
  if (in.response->message.sole_text() == nullptr) event.text = in.response->message.text();
  event.number = s_.call;
  event.response = in.response;
  begin_calls();
  if (cutting) settle_unstarted("cancelled", "the run was cancelled");
  if (!s_.calls.empty()) {
    s_.phase = Phase::kTools;
    advance_calls();
    return;
  }
  answer_complete();
}

void Step::answer_complete() {
  emit_turn_done();
  if (s_.stopping != nullptr) {
    begin_turn();  // ends the run
    return;
  }
  if (append_pending(/*steering_only=*/false) || s_.response->finish == wire::FinishReason::kPause) {
    begin_turn();
    return;
  }
  if (s_.schema != nullptr && !structured_answer_accepted()) return;
  finish(Code::kOk, "", "");
}

bool Step::structured_answer_accepted() {
  const std::string text = s_.response->message.text();
  const auto value = json::parse(find_json_answer(text));
  const std::string problem = value.ok() ? s_.schema->explain(*value) : std::string(value.status().message());
  if (problem.empty()) return true;
  if (s_.structured_failures >= s_.config->limits.structured_retries) {
    finish(Code::kFailedPrecondition, "structured_output",
           "the answer does not fit the response schema: " + problem);
    return false;
  }
  s_.structured_failures += 1;
  append_message(wire::text_message(wire::Role::kUser,
                                    "Your answer does not fit the required JSON Schema: " + problem +
                                        "\nAnswer again with the corrected JSON only.",
                                    Labels::from(Source::kSystem)));
  begin_turn();
  return false;
}

// Steering comes before the next model call, further messages after the whole answer.
bool Step::append_pending(bool steering_only) {
  std::vector<PendingMessage> later;
  bool any = false;
  for (const PendingMessage& p : s_.pending) {
    if (steering_only && !p.steer) {
      later.push_back(p);
      continue;
    }
    append_row(p.seq);
    any = true;
  }
  s_.pending = std::move(later);
  return any;
}

// What of a broken-off answer is kept: the text that the host has seen. Tool calls were not run: they go.
void Step::append_partial(const wire::Response& partial) {
  account(partial, 0);
  wire::Message message;
  message.role = wire::Role::kAssistant;
  message.labels = partial.message.labels;
  for (const wire::Part& part : partial.message.parts)
    if (const auto* text = part.as<wire::Text>(); text != nullptr && !text->text.empty())
      message.parts.push_back(part);
  if (!message.parts.empty()) append_message(std::move(message));
}

void Step::on(const ModelFailed& in) {
  if ((s_.phase != Phase::kModel && s_.phase != Phase::kCutting) || in.call != s_.call) return;
  append_partial(*in.partial);
  s_.cost_usd_micros += in.cost_usd_micros;
  if (s_.stopping != nullptr) {
    finish_stopped();
    return;
  }
  finish(in.error.code, in.error.reason, in.error.message);
}

void Step::on(const ModelCut& in) {
  if (s_.phase != Phase::kCutting || in.call != s_.call) return;
  append_partial(*in.partial);
  s_.cost_usd_micros += in.cost_usd_micros;
  finish_stopped();
}

void Step::on(const HostOp& in) {
  if (in.kind == HostOp::Kind::kApproval) {
    CallState* call = find_call(in.call_id);
    const bool waits = call != nullptr && call->phase == CallState::Phase::kWaiting;
    // What was shown when the answer was given is not what waits now.
    const bool stale = waits && !in.binding.empty() && call->binding != in.binding;
    if (!waits || stale) {
      Event& event = emit(EventKind::kOpRejected);
      event.call_id = in.call_id;
      event.text = stale ? "the call that waits is not the one that was approved"
                         : "no call of this id waits for approval";
      event.name = in.op_id;
      event.reason = stale ? "approval_stale" : "no_such_approval";
      return;
    }
    approve(*call, in);
  } else {
    s_.pending.push_back({.seq = input_.seq, .steer = in.kind == HostOp::Kind::kSteer});
    if (in.kind == HostOp::Kind::kSteer) s_.steered = true;
  }
  if (!in.op_id.empty()) {
    add<Commit>();
    emit(EventKind::kOpAccepted).name = in.op_id;
  }
  if (s_.phase == Phase::kTools) advance_calls();
}

void Step::on(const Timer& in) {
  if (in.name == kDeadlineTimer) {
    stop({.code = Code::kDeadlineExceeded,
          .reason = "max_wall_time",
          .message = format("the run took longer than {} ms", s_.config->limits.max_wall_ms)});
    return;
  }
  if (in.name.starts_with(kApprovalTimer)) {
    CallState* call = find_call(std::string_view(in.name).substr(kApprovalTimer.size()));
    if (call == nullptr || call->phase != CallState::Phase::kWaiting) return;
    refuse(*call, "approval_timeout", "nobody approved the call in time");
    advance_calls();
  }
}

void Step::on(const Cancel& in) { stop(in.why); }

void Step::stop(ErrorInfo why) {
  if (s_.stopping != nullptr) return;
  s_.stopping = std::make_shared<const ErrorInfo>(std::move(why));
  switch (s_.phase) {
    case Phase::kNew:
    case Phase::kAssembling: finish_stopped(); return;
    case Phase::kModel:
      s_.phase = Phase::kCutting;
      add<CancelModel>().call = s_.call;
      return;
    case Phase::kTools:
      interrupt_calls();
      advance_calls();
      return;
    case Phase::kCutting:
    case Phase::kFinished: return;
  }
}

void Step::on(const Resumed&) {
  // The clock of the process that died is gone: the run gets its whole time again.
  if (s_.config != nullptr && s_.config->limits.max_wall_ms > 0)
    set_timer(std::string(kDeadlineTimer), s_.config->limits.max_wall_ms);
  if (s_.phase == Phase::kModel) {
    // The call has no outcome: it is made again under the same request id.
    return call_model();
  }
  if (s_.phase == Phase::kAssembling) {
    add<AssemblePrompt>().call = s_.call;
    return;
  }
  if (s_.phase == Phase::kCutting) {
    finish_stopped();
    return;
  }
  if (s_.phase != Phase::kTools) return;
  for (CallState& call : s_.calls) {
    switch (call.phase) {
      case CallState::Phase::kAsked: add<AskPolicy>().call = tool_call(call); break;
      case CallState::Phase::kWaiting:  // the approval that was asked for died with the process
        call.phase = CallState::Phase::kAsked;
        add<AskPolicy>().call = tool_call(call);
        break;
      case CallState::Phase::kRunning:
        if (call.idempotent) {
          call.phase = CallState::Phase::kReady;
        } else {
          refuse(call, "outcome_unknown", kOutcomeUnknown);
        }
        break;
      case CallState::Phase::kReady:
      case CallState::Phase::kDone: break;
    }
  }
  advance_calls();
}

void Step::call_model() {
  CallModel& effect = add<CallModel>();
  effect.call = s_.call;
  effect.request_id = SharedString::concat({s_.config->run_id, ".m", std::to_string(s_.call)});
}

void Step::set_timer(std::string name, int64_t delay_ms) {
  SetTimer& timer = add<SetTimer>();
  timer.name = std::move(name);
  timer.delay_ms = delay_ms;
}

void Step::write_usage(json::Writer& w) const {
  w.begin_object()
      .field("input_tokens", s_.input_tokens)
      .field("output_tokens", s_.output_tokens)
      .field("cached_input_tokens", s_.cached_tokens)
      .field("cost_usd_micros", s_.cost_usd_micros)
      .end_object();
}

void Step::emit_turn_done() {
  text_.clear();
  json::Writer w(text_);
  write_usage(w);
  Event& event = emit(EventKind::kTurnDone);
  event.json = text_;
  event.number = s_.turn;
  if (s_.prompt_bytes <= 0) return;
  event.scope = std::to_string(s_.prompt_bytes);
  event.binding = std::to_string(s_.prompt_prefix_bytes);
}

// The end that a cancel, a deadline or a limit of the driver asked for.
void Step::finish_stopped() {
  const Code code = s_.stopping->code == Code::kOk ? Code::kCancelled : s_.stopping->code;
  finish(code, s_.stopping->reason, s_.stopping->message);
}

void Step::finish(Code code, std::string_view reason, std::string_view message) {
  settle_unstarted("cancelled", "the run ended");
  report_results();
  append_pending(/*steering_only=*/false);  // said but not answered: the next run sees it
  if (s_.config != nullptr && s_.config->limits.max_wall_ms > 0) cancel_timer(std::string(kDeadlineTimer));
  const std::string* const sole = s_.response != nullptr ? s_.response->message.sole_text() : nullptr;
  std::string joined;  // of several parts
  if (sole == nullptr && s_.response != nullptr) joined = s_.response->message.text();
  const std::string& text = sole != nullptr ? *sole : joined;
  text_.clear();
  json::Writer w(text_);
  w.begin_object();
  w.field("status", code == Code::kOk ? "done" : code == Code::kCancelled ? "cancelled" : "failed");
  w.field("code", code_name(code));
  if (code != Code::kOk) w.field("reason", reason).field("message", message);
  w.field("turns", s_.turn);
  write_usage(w.key("usage"));
  if (s_.response != nullptr) {
    w.field("finish", wire::finish_reason_name(s_.response->finish));
    w.field("text", text);
  }
  if (code == Code::kOk && s_.schema != nullptr) w.key("output").raw(find_json_answer(text));
  w.end_object();
  s_.phase = Phase::kFinished;
  Finish& end = add<Finish>();
  end.code = code;
  end.outcome = text_;
  const SharedString outcome = end.outcome;
  add<Commit>();
  Event& event = emit(EventKind::kRunDone);
  if (sole != nullptr) event.response = s_.response;
  event.text = std::move(joined);
  event.reason = reason;
  event.json = outcome;
}

}  // namespace tau::agent
