#include "wire/openai_tool_deltas.h"

#include "wire/error.h"
#include "wire/form.h"
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

// Calls are numbered after the reasoning and the text.
constexpr uint32_t kFirstCallPart = 2;

// Text that parse() refuses for its duplicate keys stays.
void make_compact(Extras& extras) {
  Extras compact;
  for (const auto& [key, json] : extras) {
    const StatusOr<json::Value> value = json::parse(json, json::Halves::kReplace);
    if (value.ok())
      compact.add(key, json::write(*value));
    else
      compact.add(key, json);
  }
  extras = std::move(compact);
}

bool is_whole_object(std::string_view text) {
  return text.size() >= 2 && text.front() == '{' && text.back() == '}' && json::parse(text).ok();
}

}  // namespace

void ToolCallAssembler::chunk(const Reused<CallDelta>& deltas, StreamSink& sink) {
  for (const CallDelta& delta : deltas) apply(delta, sink);
  ++chunks_;
}

void ToolCallAssembler::apply(const CallDelta& delta, StreamSink& sink) {
  Call* call = find(delta);
  if (call != nullptr && is_repeat(*call, delta)) return;
  if (call == nullptr) {
    for (Call& earlier : calls_) announce(earlier, sink);
    call = &open(delta);
  }
  if (call->wire_id.empty() && !delta.id.text.empty()) {
    call->wire_id = delta.id.text;
    if (!call->announced) body(*call).id = delta.id.text;
  }
  add_name(*call, delta.name.text);
  if (!delta.extras.empty()) add_extras(*call, delta);
  add_arguments(*call, delta, sink);
}

void ToolCallAssembler::add_extras(const Call& call, const CallDelta& delta) {
  Extras& extras = response_.message.parts[call.part].extras;
  for (const auto& [key, json] : delta.extras) extras.set(extra_key(key.text), json.text);
  mark_origin(extras, kOpenAiResponse);
}

// The call a delta continues; null when it begins one.
ToolCallAssembler::Call* ToolCallAssembler::find(const CallDelta& delta) {
  if (delta.id.text.empty()) return find_without_id(delta);
  const int64_t index = index_of(delta.index).value_or(-1);
  for (Call& call : calls_)
    if (call.wire_id == delta.id.text) return &call;
  // An id that comes late, or changes while the call goes on: a call that begins says its name.
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    if (index < 0 || call->index != index) continue;
    const bool late = call->wire_id.empty() && body(*call).arguments.empty();
    if (late || delta.name.text.empty()) return &*call;
    break;
  }
  return nullptr;
}

ToolCallAssembler::Call* ToolCallAssembler::find_without_id(const CallDelta& delta) {
  const int64_t index = index_of(delta.index).value_or(-1);
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    const bool same = index >= 0 ? call->index == index : call->position == delta.position;
    if (!same) continue;
    if (delta.name.text.empty()) return &*call;
    // A name again: a piece of it or a repetition while nothing else came, else another call.
    const ToolCall& known = body(*call);
    const bool whole = is_whole_object(known.arguments);
    if (known.arguments.empty() && (index >= 0 || call->chunk != chunks_)) return &*call;
    if (index >= 0 && !whole && known.name == delta.name.text) return &*call;
    return nullptr;
  }
  if (delta.name.text.empty() && index < 0 && !calls_.empty()) return &calls_.back();
  return nullptr;
}

ToolCallAssembler::Call& ToolCallAssembler::open(const CallDelta& delta) {
  Call call;
  call.part = response_.message.parts.size();
  call.wire_id = delta.id.text;
  call.index = index_of(delta.index).value_or(-1);
  call.position = delta.position;
  call.chunk = chunks_;
  ToolCall fresh;
  fresh.id =
      delta.id.text.empty() ? synthetic_call_id(response_.id, calls_.size()) : std::string(delta.id.text);
  response_.message.parts.push_back({std::move(fresh), {}});
  calls_.push_back(std::move(call));
  return calls_.back();
}

// A delta that says again all that is known: some servers send it twice, or the whole call once more at the
// end.
bool ToolCallAssembler::is_repeat(const Call& call, const CallDelta& delta) {
  const ToolCall& known = body(call);
  return !delta.arguments.text.empty() && known.arguments == delta.arguments.text &&
         is_whole_object(known.arguments) && (delta.name.text.empty() || delta.name.text == known.name);
}

void ToolCallAssembler::add_name(Call& call, std::string_view name) {
  ToolCall& known = body(call);
  if (name.empty() || call.announced || known.name == name) return;
  known.name += name;
}

void ToolCallAssembler::add_arguments(Call& call, const CallDelta& delta, StreamSink& sink) {
  const std::string_view piece = delta.arguments.text;
  const bool begun = call.half != 0 || !body(call).arguments.empty();
  // "{}" may stand before the real arguments; it says nothing that the end would not.
  if (piece.empty() || (piece == "{}" && !begun)) return;
  if (delta.arguments_whole && begun) return;
  append_arguments(call, halves_.join(piece, call.half), sink);
}

void ToolCallAssembler::append_arguments(Call& call, std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  announce(call, sink);
  body(call).arguments += text;
  StreamEvent event = make_event(StreamEvent::Kind::kToolCallArgs, call);
  event.text = text;
  sink.on_event(event);
}

void ToolCallAssembler::announce(Call& call, StreamSink& sink) {
  if (call.announced) return;
  call.announced = true;
  StreamEvent event = make_event(StreamEvent::Kind::kToolCall, call);
  event.body = &response_.message.parts[call.part];
  sink.on_event(event);
}

StreamEvent ToolCallAssembler::make_event(StreamEvent::Kind kind, const Call& call) {
  StreamEvent event{};
  event.kind = kind;
  event.index = static_cast<uint32_t>(&call - calls_.data());
  event.id = body(call).id;
  event.name = body(call).name;
  event.part = kFirstCallPart + event.index;
  return event;
}

void ToolCallAssembler::add_whole(std::string_view name, std::string_view arguments, StreamSink& sink) {
  CallDelta delta;
  delta.position = calls_.size();
  Call& call = open(delta);
  add_name(call, name);
  delta.arguments.text = arguments;
  add_arguments(call, delta, sink);
}

void ToolCallAssembler::finish(StreamSink& sink) {
  for (Call& call : calls_) {
    announce(call, sink);
    append_arguments(call, HalfJoiner::finish(call.half), sink);
    ToolCall& known = body(call);
    if (known.arguments.find_first_not_of(" \t\r\n") == std::string::npos) {
      known.arguments = "{}";
      StreamEvent empty = make_event(StreamEvent::Kind::kToolCallArgs, call);
      empty.text = known.arguments;
      sink.on_event(empty);
    }
    make_compact(response_.message.parts[call.part].extras);
    StreamEvent end = make_event(StreamEvent::Kind::kToolCallEnd, call);
    end.body = &response_.message.parts[call.part];
    sink.on_event(end);
  }
}

void ToolCallAssembler::shift_parts() {
  for (Call& call : calls_) ++call.part;
}

}  // namespace tau::wire::openai
