#include "wire/stream_parts.h"

#include <utility>

namespace tau::wire {

void StreamParts::reset() {
  response_ = Response();
  response_.message.role = Role::kAssistant;
  response_.message.labels = Labels::from(Source::kModel);
  states_.clear();
  calls_ = 0;
  started_ = false;
}

void StreamParts::tell(StreamEvent::Kind kind, size_t at, std::string_view text, StreamSink& sink,
                       std::string_view field) {
  StreamEvent event{};
  event.kind = kind;
  event.part = static_cast<uint32_t>(at);
  event.text = text;
  event.name = field;
  event.body = &part(at);
  if (const auto* call = event.body->as<ToolCall>()) {
    event.index = states_[at].call;
    event.id = call->id;
    event.name = call->name;
  }
  sink.on_event(event);
}

void StreamParts::start(StreamSink& sink) {
  if (started_) return;
  started_ = true;
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kStart;
  event.id = response_.id;
  sink.on_event(event);
}

size_t StreamParts::add(Part part, StreamSink& sink) {
  const size_t at = states_.size();
  State& state = states_.emplace_back();
  Part& body = response_.message.parts.emplace_back(std::move(part));
  std::string begun;
  if (auto* call = body.as<ToolCall>()) {
    state.call = calls_++;
    call->arguments.clear();
    tell(StreamEvent::Kind::kToolCall, at, {}, sink);
  } else if (auto* text = body.as<Text>()) {
    begun = std::exchange(text->text, {});
  } else if (auto* reasoning = body.as<Reasoning>()) {
    begun = std::exchange(reasoning->text, {});
  }
  add_text(at, begun, sink, {});
  return at;
}

void StreamParts::append(size_t at, std::string_view piece, StreamSink& sink, std::string_view field) {
  add_text(at, halves_.join(piece, states_[at].half), sink, field);
}

void StreamParts::add_text(size_t at, std::string_view text, StreamSink& sink, std::string_view field) {
  if (text.empty()) return;
  Part& body = part(at);
  if (auto* plain = body.as<Text>()) {
    plain->text += text;
    tell(StreamEvent::Kind::kText, at, text, sink);
  } else if (auto* reasoning = body.as<Reasoning>()) {
    reasoning->text += text;
    tell(StreamEvent::Kind::kReasoning, at, text, sink, field);
  } else if (auto* call = body.as<ToolCall>()) {
    call->arguments += text;
    tell(StreamEvent::Kind::kToolCallArgs, at, text, sink);
  }
}

void StreamParts::close(size_t at, StreamSink& sink) {
  State& state = states_[at];
  if (!state.open) return;
  state.open = false;
  add_text(at, HalfJoiner::finish(state.half), sink, {});
  const Part& body = part(at);
  if (const auto* call = body.as<ToolCall>()) {
    if (call->arguments.empty()) add_text(at, "{}", sink, {});
    return tell(StreamEvent::Kind::kToolCallEnd, at, {}, sink);
  }
  const auto* reasoning = body.as<Reasoning>();
  const bool is_told = (body.as<Text>() != nullptr || (reasoning != nullptr && reasoning->opaque.empty()));
  if (!is_told || !body.extras.empty()) tell(StreamEvent::Kind::kPart, at, {}, sink);
}

void StreamParts::close_all(StreamSink& sink) {
  for (size_t at = 0; at < states_.size(); ++at) close(at, sink);
}

void StreamParts::usage(StreamSink& sink) {
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kUsage;
  sink.on_event(event);
}

void StreamParts::finish(StreamSink& sink) {
  close_all(sink);
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kFinish;
  event.text = response_.finish_text;
  sink.on_event(event);
}

}  // namespace tau::wire
