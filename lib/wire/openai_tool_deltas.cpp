#include "wire/openai_tool_deltas.h"

#include "wire/error.h"
#include "wire/form.h"
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

// Calls are numbered after the reasoning and the text.
constexpr uint32_t kFirstCallPart = 2;

bool is_whole_object(std::string_view text) {
  return text.size() >= 2 && text.front() == '{' && text.back() == '}' && json::parse(text).ok();
}

}  // namespace

Status ToolCallAssembler::chunk(std::string_view calls_json, StreamSink& sink) {
  const bool loaded = reader_.load(calls_json) && reader_.enter_array();
  for (size_t position = 0; loaded && reader_.next_element(); ++position) {
    Delta delta;
    delta.position = position;
    if (!read_delta(delta)) break;
    apply(delta, sink);
  }
  ++chunks_;
  if (reader_.status().ok()) return ok_status();
  return bad_response(format("tool_calls: {}", reader_.status().message()));
}

bool ToolCallAssembler::read_delta(Delta& delta) {
  extras_.clear();
  if (reader_.kind() != json::Value::Kind::kObject) return reader_.skip();
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const json::Value::Kind kind = reader_.kind();
    const bool text = kind == json::Value::Kind::kString;
    if (key == "index" && kind == json::Value::Kind::kInt) {
      if (!reader_.integer(delta.index)) return false;
    } else if (key == "id" && text) {
      if (!reader_.string(delta.id)) return false;
    } else if (key == "function" && kind == json::Value::Kind::kObject) {
      if (!read_function(delta)) return false;
    } else if (key == "id" || key == "index" || key == "type" || key == "function") {
      if (!reader_.skip()) return false;
    } else {
      std::string name(key);
      std::string_view raw;
      if (!reader_.raw(raw)) return false;
      extras_.emplace_back(std::move(name), std::string(raw));
    }
  }
  return reader_.status().ok();
}

bool ToolCallAssembler::read_function(Delta& delta) {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const json::Value::Kind kind = reader_.kind();
    if (key == "name" && kind == json::Value::Kind::kString) {
      if (!reader_.string(delta.name)) return false;
    } else if (key == "arguments" && kind == json::Value::Kind::kString) {
      if (!reader_.string(delta.arguments)) return false;
    } else if (key == "arguments" && kind != json::Value::Kind::kNull) {
      delta.arguments_whole = true;
      if (!reader_.raw(delta.arguments)) return false;
    } else if (!reader_.skip()) {
      return false;
    }
  }
  return reader_.status().ok();
}

void ToolCallAssembler::apply(const Delta& delta, StreamSink& sink) {
  Call* call = find(delta);
  if (call != nullptr && is_repeat(*call, delta)) return;
  if (call == nullptr) {
    for (Call& earlier : calls_) announce(earlier, sink);
    call = &open(delta);
  }
  if (call->wire_id.empty() && !delta.id.empty()) {
    call->wire_id = delta.id;
    if (!call->announced) body(*call).id = delta.id;
  }
  add_name(*call, delta.name);
  Extras& extras = response_.message.parts[call->part].extras;
  for (auto& [key, json] : extras_) set_extra(extras, extra_key(key), std::move(json));
  mark_origin(extras, kOpenAiResponse);
  add_arguments(*call, delta, sink);
}

// The call a delta continues; null when it begins one.
ToolCallAssembler::Call* ToolCallAssembler::find(const Delta& delta) {
  if (delta.id.empty()) return find_without_id(delta);
  for (Call& call : calls_)
    if (call.wire_id == delta.id) return &call;
  // An id that comes late, or changes while the call goes on: a call that begins says its name.
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    if (delta.index < 0 || call->index != delta.index) continue;
    const bool late = call->wire_id.empty() && body(*call).arguments.empty();
    if (late || delta.name.empty()) return &*call;
    break;
  }
  return nullptr;
}

ToolCallAssembler::Call* ToolCallAssembler::find_without_id(const Delta& delta) {
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    const bool same = delta.index >= 0 ? call->index == delta.index : call->position == delta.position;
    if (!same) continue;
    if (delta.name.empty()) return &*call;
    // A name again: a piece of it or a repetition while nothing else came, else another call.
    const ToolCall& known = body(*call);
    const bool whole = is_whole_object(known.arguments);
    if (known.arguments.empty() && (delta.index >= 0 || call->chunk != chunks_)) return &*call;
    if (delta.index >= 0 && !whole && known.name == delta.name) return &*call;
    return nullptr;
  }
  if (delta.name.empty() && delta.index < 0 && !calls_.empty()) return &calls_.back();
  return nullptr;
}

ToolCallAssembler::Call& ToolCallAssembler::open(const Delta& delta) {
  Call call;
  call.part = response_.message.parts.size();
  call.wire_id = delta.id;
  call.index = delta.index;
  call.position = delta.position;
  call.chunk = chunks_;
  ToolCall fresh;
  fresh.id = delta.id.empty() ? synthetic_call_id(response_.id, calls_.size()) : std::string(delta.id);
  response_.message.parts.push_back({std::move(fresh), {}});
  calls_.push_back(std::move(call));
  return calls_.back();
}

// A delta that says again all that is known: some servers send it twice, or the whole call once more at the
// end.
bool ToolCallAssembler::is_repeat(const Call& call, const Delta& delta) {
  const ToolCall& known = body(call);
  return !delta.arguments.empty() && known.arguments == delta.arguments && is_whole_object(known.arguments) &&
         (delta.name.empty() || delta.name == known.name);
}

void ToolCallAssembler::add_name(Call& call, std::string_view name) {
  ToolCall& known = body(call);
  if (name.empty() || call.announced || known.name == name) return;
  known.name += name;
}

void ToolCallAssembler::add_arguments(Call& call, const Delta& delta, StreamSink& sink) {
  if (delta.arguments.empty()) return;
  ToolCall& known = body(call);
  // "{}" may stand before the real arguments; it says nothing that the end would not.
  if (delta.arguments == "{}" && known.arguments.empty()) return;
  if (delta.arguments_whole && !known.arguments.empty()) return;
  announce(call, sink);
  known.arguments += delta.arguments;
  StreamEvent event = make_event(StreamEvent::Kind::kToolCallArgs, call);
  event.text = delta.arguments;
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
  Delta delta;
  delta.position = calls_.size();
  extras_.clear();
  Call& call = open(delta);
  add_name(call, name);
  delta.arguments = arguments;
  add_arguments(call, delta, sink);
}

void ToolCallAssembler::finish(StreamSink& sink) {
  for (Call& call : calls_) {
    announce(call, sink);
    ToolCall& known = body(call);
    if (known.arguments.find_first_not_of(" \t\r\n") == std::string::npos) {
      known.arguments = "{}";
      StreamEvent empty = make_event(StreamEvent::Kind::kToolCallArgs, call);
      empty.text = known.arguments;
      sink.on_event(empty);
    }
    for (auto& [key, json] : response_.message.parts[call.part].extras)
      if (const StatusOr<json::Value> value = json::parse(json); value.ok()) json = json::write(*value);
    StreamEvent end = make_event(StreamEvent::Kind::kToolCallEnd, call);
    end.body = &response_.message.parts[call.part];
    sink.on_event(end);
  }
}

void ToolCallAssembler::shift_parts() {
  for (Call& call : calls_) ++call.part;
}

}  // namespace tau::wire::openai
