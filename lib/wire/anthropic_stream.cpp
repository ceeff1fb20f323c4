#include "wire/anthropic_stream.h"

#include <algorithm>

#include "wire/anthropic.h"
#include "wire/error.h"

namespace tau::wire::anthropic {
namespace {

constexpr std::string_view kDelta = "content_block_delta";

int64_t index_of(const Event& event) {
  return json::compact_int(event.index.given() ? event.index.text : event.fraction.text);
}

// What is left of an origin alone says nothing.
void erase_extra(Extras& extras, std::string_view key) {
  extras.erase(key);
  if (!extras.empty() && ++extras.begin() == extras.end() && (*extras.begin()).first == "tau:from")
    extras.clear();
}

// JSON text.
bool is_object(std::string_view json) { return json.starts_with('{'); }

}  // namespace

void MessagesStreamDecoder::reset() {
  restart();
  reader_.restart();
  blocks_.clear();
  usage_.clear();
  calls_ = 0;
}

Status MessagesStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (Status answer; is_idle(type, data, sink, answer)) return answer;
  event_ = reader_.read(data);
  if (event_ == nullptr) return unread(type, data, sink);
  if (is_delta()) return apply(sink);
  if (!event_->unique) {
    if (!compactor_.make(data))
      return malformed(type, data, json::parse(data, json::Halves::kReplace).status());
    event_->unique = true;
    event_->compact = compactor_.is_same() && !event_->fractions && data.find('\\') == data.npos;
  }
  if (event_->type == kDelta) return apply(sink);
  return apply_event(event_->type.text.empty() ? type : event_->type.text, sink);
}

// Of deltas, which are read as they come, keys are not checked; this does not hold where escapes spell the
// name in another way.
bool MessagesStreamDecoder::is_delta() const {
  const json::Field& type = event_->type;
  if (!(type == kDelta)) return false;
  const std::string_view data = event_->data;
  const bool as_written = type.text.data() >= data.data() && type.text.data() < data.data() + data.size();
  // A text that was decoded is always fresh.
  return event_->unique || as_written || !type.fresh || data.find(kDelta) != data.npos;
}

// What the reader refused: no JSON, or no object, of which only the type may say something.
Status MessagesStreamDecoder::unread(std::string_view type, std::string_view data, StreamSink& sink) {
  if (data.find(kDelta) != data.npos) return malformed(type, data, reader_.status());
  if (!compactor_.make(data))
    return malformed(type, data, json::parse(data, json::Halves::kReplace).status());
  Event none;
  none.data = data;
  event_ = &none;
  const Status status = apply_event(type, sink);
  event_ = nullptr;
  return status;
}

Status MessagesStreamDecoder::malformed(std::string_view type, std::string_view data, const Status& why) {
  if (type == "error") return fail(stream_error_status(json::Value(data)));
  return fail_malformed(why);
}

Status MessagesStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (quirks_.done_mark_optional && !response_.finish_text.empty()) {
    finish(sink);
    return ok_status();
  }
  return fail(stream_truncated("message_stop"));
}

MessagesStreamDecoder::Block* MessagesStreamDecoder::find(int64_t index) {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
    if (block->index == index) return &*block;
  return nullptr;
}

Part& MessagesStreamDecoder::part_of(const Block& block) {
  return response_.message.parts[static_cast<size_t>(&block - blocks_.data())];
}

// Adds a block in its place. An index that is used again gets a place behind all others.
MessagesStreamDecoder::Block& MessagesStreamDecoder::open(int64_t index, Part part) {
  Block block;
  block.index = index;
  block.order = index;
  if (find(index) != nullptr) block.order = std::max(index, blocks_.back().order) + 1;
  const auto place = std::upper_bound(blocks_.begin(), blocks_.end(), block.order,
                                      [](int64_t order, const Block& b) { return order < b.order; });
  const std::ptrdiff_t at = place - blocks_.begin();
  response_.message.parts.insert(response_.message.parts.begin() + at, std::move(part));
  return *blocks_.insert(place, std::move(block));
}

// A delta whose block never started says itself what it belongs to.
MessagesStreamDecoder::Block* MessagesStreamDecoder::open_for_delta() {
  const int64_t index = event_->index.integer().value_or(0);
  if (event_->delta_type == "text_delta") return &open(index, {Text{}, {}});
  if (!(event_->delta_type == "thinking_delta") && !(event_->delta_type == "signature_delta")) return nullptr;
  return &open(index, {Reasoning{{}, {}, Reasoning::Form::kSignature}, {}});
}

StreamEvent MessagesStreamDecoder::make_event(StreamEvent::Kind kind, const Block& block,
                                              std::string_view text) {
  StreamEvent event{};
  event.kind = kind;
  event.part = number_of(block);
  event.text = text;
  event.body = &part_of(block);
  if (const auto* call = event.body->as<ToolCall>()) {
    event.index = block.call;
    event.id = call->id;
    event.name = call->name;
  }
  return event;
}

Status MessagesStreamDecoder::apply(StreamSink& sink) {
  Block* block = find(event_->index.integer().value_or(0));
  if (block == nullptr) {
    tell_start(sink);
    block = open_for_delta();
  }
  if (block == nullptr) return ok_status();
  Part& part = part_of(*block);
  auto* reasoning = part.as<Reasoning>();
  const std::string_view piece = event_->piece.text;
  if (auto* text = part.as<Text>(); text != nullptr && event_->delta_type == "text_delta") {
    append(*block, text->text, StreamEvent::Kind::kText, halves_.join(piece, block->half), sink);
  } else if (reasoning != nullptr && event_->delta_type == "thinking_delta") {
    append(*block, reasoning->text, StreamEvent::Kind::kReasoning, halves_.join(piece, block->half), sink);
  } else if (reasoning != nullptr && event_->delta_type == "signature_delta") {
    uint16_t alone = 0;  // a signature is ASCII
    reasoning->opaque += halves_.join(piece, alone);
  } else if (auto* call = part.as<ToolCall>(); call != nullptr && event_->delta_type == "input_json_delta") {
    append(*block, call->arguments, StreamEvent::Kind::kToolCallArgs, halves_.join(piece, block->half), sink);
  } else if (event_->delta_type == "input_json_delta") {
    block->opaque_input += halves_.join(piece, block->half);
  } else {
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(event_->data, json::Halves::kReplace));
    apply_rare(*block, value["delta"]);
  }
  return ok_status();
}

void MessagesStreamDecoder::append(Block& block, std::string& to, StreamEvent::Kind kind,
                                   std::string_view text, StreamSink& sink) {
  if (text.empty() && !event_->piece.text.empty()) return;
  if (text.empty() && kind == StreamEvent::Kind::kToolCallArgs) return;
  to += text;
  sink.on_event(make_event(kind, block, text));
}

// A half that never met the other one.
void MessagesStreamDecoder::finish_piece(Block& block, StreamSink& sink) {
  const std::string_view text = HalfJoiner::finish(block.half);
  if (text.empty()) return;
  Part& part = part_of(block);
  if (auto* plain = part.as<Text>())
    append(block, plain->text, StreamEvent::Kind::kText, text, sink);
  else if (auto* reasoning = part.as<Reasoning>())
    append(block, reasoning->text, StreamEvent::Kind::kReasoning, text, sink);
  else if (auto* call = part.as<ToolCall>())
    append(block, call->arguments, StreamEvent::Kind::kToolCallArgs, text, sink);
  else
    block.opaque_input += text;
}

// Citations, and deltas of blocks that stay opaque: their strings grow, anything else is replaced.
void MessagesStreamDecoder::apply_rare(Block& block, const json::Value& delta) {
  if (const json::Value* citation = delta.find("citation")) {
    block.citations.push_back(*citation);
    return;
  }
  if (part_of(block).as<Opaque>() == nullptr) return;
  for (const auto& [key, value] : delta.as_object()) {
    if (key == "type") continue;
    json::Value* known = block.opaque.find(key);
    if (known != nullptr && known->is_string() && value.is_string())
      known->mutable_string() += value.as_string();
    else
      block.opaque.set(key, value);
  }
}

Status MessagesStreamDecoder::apply_event(std::string_view type, StreamSink& sink) {
  if (type == "error" || (is_object(event_->error.text) && type.empty())) {
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(event_->data, json::Halves::kReplace));
    return fail(stream_error_status(value));
  }
  if (type == "message_start") {
    message_start(sink);
  } else if (type == "content_block_start") {
    tell_start(sink);
    block_start(sink);
  } else if (type == "content_block_stop") {
    if (Block* block = find(index_of(*event_))) close(*block, sink);
  } else if (type == "message_delta") {
    tell_start(sink);
    message_delta(sink);
  } else if (type == "message_stop") {
    if (!started_) return fail(bad_response("the stream ended before message_start"));
    finish(sink);
  }
  // Events of other types are to be ignored (versioning policy of the API).
  return ok_status();
}

// A second message_start (a server that retried behind our back) adds counts, nothing else.
void MessagesStreamDecoder::message_start(StreamSink& sink) {
  if (started_) return add_usage(event_->message_usage.text, event_->message_usage_members, sink);
  response_.id = event_->id.text;
  response_.model = event_->model.text;
  for (const auto& [key, json] : event_->message) keep_extra(key.text, json.text);
  merge_usage(event_->message_usage.text, event_->message_usage_members);
  usage_.decode(response_.usage);
  tell_start(sink);
  if (event_->content.given()) add_content(event_->content.text, sink);
}

// Blocks that came with the message.
void MessagesStreamDecoder::add_content(std::string_view content, StreamSink& sink) {
  if (content == "[]") return;
  const StatusOr<json::Value> blocks = json::parse(content, json::Halves::kReplace);
  int64_t index = 0;
  for (const json::Value& block : blocks->as_array()) add_block(index++, block, sink);
}

void MessagesStreamDecoder::keep_extra(std::string_view key, std::string_view json) {
  for (const std::string_view known : {"id", "model", "type", "role", "content", "usage", "stop_reason"})
    if (key == known) return;
  // The encoder writes this null by itself.
  if (key == "stop_sequence" && json == "null") return;
  const std::string name = extra_key(key);
  if (json == "null" && !response_.extras.find(name).empty()) return;
  if (is_compact(json))
    response_.extras.set(name, json);
  else if (compactor_.make(json))
    response_.extras.set(name, compactor_.text());
}

void MessagesStreamDecoder::block_start(StreamSink& sink) {
  const int64_t index = index_of(*event_);
  if (Part part; event_->has_block && decode_start(event_->block, compactor_, part))
    return add_block(index, std::move(part), {}, sink);
  const StatusOr<json::Value> event = json::parse(event_->data, json::Halves::kReplace);
  add_block(index, (*event)["content_block"], sink);
}

void MessagesStreamDecoder::add_block(int64_t index, const json::Value& value, StreamSink& sink) {
  json::Value start = value;
  const bool is_call = start["type"].as_string() == "tool_use";
  if (is_call && !start["input"].is_object()) start.set("input", json::Value::object());
  add_block(index, decode_block(start, kAnthropicResponse), value, sink);
}

// `value` is read of a part that stays opaque.
void MessagesStreamDecoder::add_block(int64_t index, Part part, const json::Value& value, StreamSink& sink) {
  Block* known = find(index);
  if (known != nullptr && known->open && part_of(*known).body.index() == part.body.index()) return;
  Block& block = open(index, std::move(part));
  Part& body = part_of(block);
  if (body.as<Opaque>() != nullptr) block.opaque = value;
  if (auto* call = body.as<ToolCall>()) {
    block.call = calls_++;
    if (call->arguments != "{}") block.start_input = call->arguments;
    call->arguments.clear();
    sink.on_event(make_event(StreamEvent::Kind::kToolCall, block, {}));
  }
  if (const auto* text = body.as<Text>(); text != nullptr && !text->text.empty())
    sink.on_event(make_event(StreamEvent::Kind::kText, block, text->text));
  if (const auto* thinking = body.as<Reasoning>(); thinking != nullptr && !thinking->text.empty())
    sink.on_event(make_event(StreamEvent::Kind::kReasoning, block, thinking->text));
}

void MessagesStreamDecoder::close_call(Block& block, ToolCall& call, StreamSink& sink) {
  if (call.arguments.empty()) {
    call.arguments = block.start_input.empty() ? "{}" : block.start_input;
    sink.on_event(make_event(StreamEvent::Kind::kToolCallArgs, block, call.arguments));
  }
  sink.on_event(make_event(StreamEvent::Kind::kToolCallEnd, block, {}));
}

void MessagesStreamDecoder::close_opaque(Block& block, Opaque& opaque) {
  if (!block.opaque_input.empty())
    if (StatusOr<json::Value> input = json::parse(block.opaque_input); input.ok())
      block.opaque.set("input", *std::move(input));
  opaque.json = json::write(block.opaque);
}

void MessagesStreamDecoder::close(Block& block, StreamSink& sink) {
  if (!block.open) return;
  block.open = false;
  finish_piece(block, sink);
  Part& part = part_of(block);
  if (auto* call = part.as<ToolCall>()) return close_call(block, *call, sink);
  if (auto* opaque = part.as<Opaque>()) close_opaque(block, *opaque);
  if (const auto* reasoning = part.as<Reasoning>(); reasoning != nullptr && !reasoning->opaque.empty())
    erase_extra(part.extras, "tau:absent");
  if (const auto* text = part.as<Text>()) {
    if (!text->text.empty()) erase_extra(part.extras, "tau:empty");
    if (!block.citations.is_null()) {
      json::Value all = json::Value::array();
      if (const StatusOr<json::Value> given = json::parse(part.extras.find("citations")); given.ok())
        for (const json::Value& citation : given->as_array()) all.push_back(citation);
      for (const json::Value& citation : block.citations.as_array()) all.push_back(citation);
      part.extras.set("citations", json::write(all));
      mark_origin(part.extras, kAnthropicResponse);
    }
    if (part.extras.empty()) return;
  }
  sink.on_event(make_event(StreamEvent::Kind::kPart, block, {}));
}

bool MessagesStreamDecoder::merge_usage(std::string_view usage, const RawMembers& members) {
  if (!is_object(usage)) return false;
  if (is_compact(usage)) {
    view_as(usage_members_, members);
    usage_.merge(usage_members_);
    return true;
  }
  if (!compactor_.make(usage)) return false;
  usage_.merge(compactor_.members());
  return true;
}

void MessagesStreamDecoder::add_usage(std::string_view usage, const RawMembers& members, StreamSink& sink) {
  if (!merge_usage(usage, members)) return;
  usage_.decode(response_.usage);
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kUsage;
  sink.on_event(event);
}

void MessagesStreamDecoder::message_delta(StreamSink& sink) {
  const Event& event = *event_;
  if (!event.stop_reason.text.empty()) response_.finish_text = event.stop_reason.text;
  const bool strange = event.piece.given() || event.index.given() || event.fraction.given() ||
                       event.error.given() || event.has_message || event.has_block || event.odd;
  if (strange) {
    keep_whole_delta();
  } else {
    for (const RawMembers* members : {&event.delta, &event.others})
      for (const auto& [key, json] : *members) keep_extra(key.text, json.text);
  }
  add_usage(event.usage.text, event.usage_members, sink);
}

// Members that belong to events of other types are no more than extras here.
void MessagesStreamDecoder::keep_whole_delta() {
  const StatusOr<json::Value> event = json::parse(event_->data, json::Halves::kReplace);
  for (const auto& [key, value] : (*event)["delta"].as_object()) keep_extra(key, json::write(value));
  for (const auto& [key, value] : event->as_object())
    if (key != "delta") keep_extra(key, json::write(value));
}

void MessagesStreamDecoder::finish(StreamSink& sink) {
  for (Block& block : blocks_) close(block, sink);
  response_.finish = finish_reason(response_.finish_text);
  set_form(response_.extras, "whole", "true");
  mark_origin(response_.extras, kAnthropicResponse);
  finished_ = true;
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kFinish;
  event.text = response_.finish_text;
  sink.on_event(event);
}

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<MessagesStreamDecoder>(quirks);
}

}  // namespace tau::wire::anthropic
