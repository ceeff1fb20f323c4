// What a run does for a call of its model, and what comes back: deltas, decisions of a route, the answer.
#include "runtime/driver.h"
#include "runtime/run_audit.h"

namespace tau::runtime {
namespace {

constexpr int64_t kHeldMs = 200;  // that the end of a delta waits for what follows
constexpr std::string_view kRoutePrefix = "route/";

store::UsageCounts counts_of(const wire::Usage& usage, int64_t cost, bool failed) {
  return {.calls = 1,
          .failures = failed ? 1 : 0,
          .input = usage.input,
          .cached_input = usage.cached_input,
          .cache_write = usage.cache_write,
          .output = usage.output,
          .reasoning = usage.reasoning,
          .cost_usd_micros = cost};
}

// What an input tells of a call of a model that has ended.
std::optional<store::UsageCounts> used_by(const agent::InputBody& body) {
  if (const auto* in = std::get_if<agent::ModelDone>(&body))
    return counts_of(in->response->usage, in->cost_usd_micros, false);
  if (const auto* in = std::get_if<agent::ModelFailed>(&body))
    return counts_of(in->partial->usage, in->cost_usd_micros, true);
  if (const auto* in = std::get_if<agent::ModelCut>(&body))
    return counts_of(in->partial->usage, in->cost_usd_micros, false);
  const auto* in = std::get_if<agent::ToolDone>(&body);
  if (in == nullptr || !in->use.any()) return std::nullopt;
  wire::Usage usage;
  usage.input = in->use.input_tokens;
  usage.output = in->use.output_tokens;
  usage.cached_input = in->use.cached_tokens;
  return counts_of(usage, in->use.cost_usd_micros, false);
}

}  // namespace

void Driver::assemble(const agent::AssemblePrompt& effect) {
  const Conversation& c = setup_.session->conversation;
  const provider::Route& route = seams_.model.route();
  agent::PromptReady ready;
  answering_ = nullptr;  // the next one is not chosen yet
  failed_ = nullptr;
  ready.call = effect.call;
  ready.input_tokens = c.tokens();
  ready.prompt_bytes = c.bytes() + c.prefix_bytes();
  ready.stable_prefix_bytes = c.prefix_bytes();
  ready.prefix_digest = c.prefix_digest();
  ready.head_entry = c.head();
  wire::Usage bound;
  bound.input = ready.input_tokens;
  bound.output = c.request().max_tokens.value_or(route.max_output_tokens);
  ready.cost_bound_usd_micros = cost(bound);
  feed(std::move(ready));
}

int64_t Driver::cost(const wire::Usage& usage) const {
  return provider::cost_usd_micros(route().price, usage);
}

int64_t Driver::cost_of_answer(const wire::Response& response) const {
  if (response.usage.input > 0 && response.usage.output > 0) return cost(response.usage);
  const wire::CountedTokens counted = wire::counted_tokens(response, setup_.session->conversation.tokens());
  wire::Usage usage = response.usage;
  usage.input = counted.input;
  usage.output = counted.output;
  return cost(usage);
}

void Driver::call_model(agent::CallModel& effect) {
  model_number_ = effect.call;
  model_call_id_ = std::move(effect.request_id);
  provider::ModelCall call;
  call.request_id = model_call_id_;
  call.traceparent = setup_.traceparent;
  call.request = &setup_.session->conversation.request();
  call.run_id = setup_.config.run_id;
  call.session_id = setup_.config.session_id;
  call.principal = setup_.config.principal;
  prompt_ = {};
  call.port = this;
  redaction();
  deltas_.begin(redaction_);
  if (setup_.audit != nullptr) setup_.audit->model_called();
  model_call_ = seams_.model.start(std::move(call), *this);
}

// In the batch of the row that tells of it: one is durable when the other is.
void Driver::note_usage(const agent::Input& input) {
  const auto counts = used_by(input.body);
  if (!counts) return;
  const provider::Route& who = route();
  const std::string_view asked = setup_.config.model;
  store::UsageNote& note = scratch_->batch.usage.emplace_back();
  note.session_id = setup_.config.session_id;
  note.principal = setup_.config.principal;
  note.model = SharedString::concat({who.provider, "/", who.model});
  if (asked.starts_with(kRoutePrefix)) note.route = asked.substr(kRoutePrefix.size());
  note.time_ms = input.time_ms;
  note.counts = *counts;
  note.counts.unpriced = who.price.known ? 0 : note.counts.calls;
}

void Driver::cancel_model(const agent::CancelModel& effect) {
  agent::ModelCut cut;
  cut.call = effect.call;
  wire::Response partial = seams_.model.cancel(std::exchange(model_call_, 0));
  show_rest_of_deltas();
  if (const Redaction* now = redaction()) now->clean(partial);
  cut.partial = labelled(std::move(partial));
  cut.cost_usd_micros = cost(cut.partial->usage);
  if (setup_.audit != nullptr)
    setup_.audit->model_failed(route(), Status(Code::kCancelled, "cancelled", ""), cut.partial->usage,
                               cut.cost_usd_micros);
  feed(std::move(cut));
}

// What a model says comes from all that it was shown, and from itself.
std::shared_ptr<const wire::Response> Driver::labelled(wire::Response&& response) const {
  response.message.labels = setup_.session->conversation.labels();
  response.message.labels.join(Labels::from(Source::kModel));
  return std::make_shared<const wire::Response>(std::move(response));
}

void Driver::on_event(const wire::StreamEvent& event) {
  if (event.kind != wire::StreamEvent::Kind::kText && event.kind != wire::StreamEvent::Kind::kReasoning)
    return;  // tool calls are shown when they are whole
  deltas_.feed(event,
               [this](wire::StreamEvent::Kind kind, std::string_view text) { show_delta(kind, text); });
  if (!deltas_.holds()) return;
  held_since_ns_ = seams_.loop.now_ns();
  if (held_timer_ == 0) show_held_soon();
}

// A model that stops in the middle of a word is not to look as if it had said nothing.
void Driver::show_held_soon() {
  const int64_t deadline = held_since_ns_ + kHeldMs * kNanosPerMilli;
  held_timer_ = seams_.loop.set_timer(deadline, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->held_timer_ = 0;
    if (self->ended_ || !self->deltas_.holds()) return;
    if (self->seams_.loop.now_ns() - self->held_since_ns_ < kHeldMs * kNanosPerMilli)
      return self->show_held_soon();
    self->deltas_.flush(
        [&](wire::StreamEvent::Kind kind, std::string_view text) { self->show_delta(kind, text); });
  });
}

void Driver::show_delta(wire::StreamEvent::Kind kind, std::string_view text) {
  const bool reasons = kind == wire::StreamEvent::Kind::kReasoning;
  seams_.output.delta(reasons ? agent::EventKind::kReasoning : agent::EventKind::kText, model_call_id_, text);
}

void Driver::show_rest_of_deltas() {
  deltas_.finish([this](wire::StreamEvent::Kind kind, std::string_view text) { show_delta(kind, text); });
}

void Driver::on_attempt(int attempt, const Status& previous) {
  if (attempt == 1) return;
  if (setup_.audit != nullptr)
    setup_.audit->model_failed(failed_ != nullptr ? *failed_ : route(), previous, {}, 0);
  deltas_.begin(redaction_);
  std::string why(previous.message());
  if (const Redaction* now = redaction()) now->clean(why, Author::kForeign);
  seams_.output.emit({.kind = agent::EventKind::kAttempt,
                      .call_id = model_call_id_.str(),
                      .text = std::move(why),
                      .reason = previous.reason(),
                      .number = attempt});
}

void Driver::on_decision(const provider::RouteDecision& decision) {
  if (decision.decision == "failed") {
    failed_ = decision.route;
  } else if (decision.route != nullptr && decision.decision != "waiting") {
    answering_ = decision.route;
  }
  std::string why(decision.message);
  if (const Redaction* now = redaction()) now->clean(why, Author::kForeign);
  agent::Event event;
  event.kind = agent::EventKind::kRoute;
  event.call_id = model_call_id_.str();
  event.binding = decision.decision;
  event.reason = decision.reason;
  event.name = decision.upstream;
  event.text = std::move(why);
  event.number = decision.attempt;
  if (decision.wait_ms >= 0) event.json = std::to_string(decision.wait_ms);
  seams_.output.emit(std::move(event));
}

// A model of the host is to answer: tell the host, and keep the way back for its ops.
void Driver::model_called(const provider::HostCall& call, std::shared_ptr<provider::HostReply> reply) {
  if (setup_.replies == nullptr)
    return reply->end(failed_precondition("no_host", "no host program answers such calls here"));
  setup_.replies->add(call.call_id, std::move(reply));
  agent::Event event;
  event.kind = agent::EventKind::kModelCall;
  event.call_id = call.call_id;
  event.text = call.model;
  event.name = call.request_id;
  event.binding = call.path;
  event.json = call.request;
  event.number = call.timeout_ms;
  seams_.output.emit(std::move(event));
}

void Driver::model_call_over(const provider::HostCall& call, bool answered) {
  if (setup_.replies == nullptr) return;
  setup_.replies->remove(call.call_id);
  if (told_) return;
  agent::Event event;
  event.kind = agent::EventKind::kModelCallOver;
  event.call_id = call.call_id;
  event.text = call.model;
  event.flag = answered;
  seams_.output.emit(std::move(event));
}

void Driver::on_response(wire::Response response) {
  const auto keep_alive = shared_from_this();
  model_call_ = 0;
  show_rest_of_deltas();
  if (const Redaction* now = redaction()) now->clean(response);
  setup_.session->conversation.settle_call_ids(response.message, "call_" + std::to_string(model_number_));
  agent::ModelDone done;
  done.call = model_number_;
  done.response = labelled(std::move(response));
  done.cost_usd_micros = cost_of_answer(*done.response);
  done.prompt_bytes = prompt_.bytes;
  done.prompt_prefix_bytes = prompt_.prefix_bytes;
  if (setup_.audit != nullptr) setup_.audit->model_done(route(), done.response->usage, done.cost_usd_micros);
  feed(std::move(done));
}

void Driver::on_failure(const Status& status, wire::Response partial) {
  const auto keep_alive = shared_from_this();
  model_call_ = 0;
  agent::ModelFailed failed;
  failed.call = model_number_;
  show_rest_of_deltas();
  if (const Redaction* now = redaction()) now->clean(partial);
  failed.partial = labelled(std::move(partial));
  failed.cost_usd_micros = cost(failed.partial->usage);
  if (setup_.audit != nullptr)
    setup_.audit->model_failed(route(), status, failed.partial->usage, failed.cost_usd_micros);
  failed.error = status.info();
  feed(std::move(failed));
}

}  // namespace tau::runtime
