#include "wire/anthropic_stream.h"

#include <algorithm>

#include "wire/anthropic.h"
#include "wire/error.h"

namespace tau::wire::anthropic {
namespace {

using Kind = json::Value::Kind;

// The end of the stream in other dialects; some gateways add it.
constexpr std::string_view kDone = "[DONE]";
constexpr std::string_view kDelta = "content_block_delta";

// What is left of an origin alone says nothing.
void erase_extra(Extras& extras, std::string_view key) {
  extras.erase(key);
  if (!extras.empty() && ++extras.begin() == extras.end() && (*extras.begin()).first == "tau:from")
    extras.clear();
}

void begin_response(Response& response) {
  response.message.role = Role::kAssistant;
  response.message.labels = Labels::from(Source::kModel);
}

// Compact JSON.
bool is_object(std::string_view json) { return json.starts_with('{'); }

}  // namespace

MessagesStreamDecoder::MessagesStreamDecoder(const Quirks& quirks) : quirks_(quirks) {
  begin_response(response_);
}

void MessagesStreamDecoder::reset() {
  response_ = Response();
  begin_response(response_);
  shapes_.restart();
  blocks_.clear();
  usage_ = UsageMembers();
  calls_ = 0;
  started_ = finished_ = false;
  failed_ = Status();
}

Status MessagesStreamDecoder::fail(Status status) {
  failed_ = std::move(status);
  return failed_;
}

Status MessagesStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  const size_t first = data.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || type == "ping") {
    StreamEvent ping{};
    ping.kind = StreamEvent::Kind::kPing;
    sink.on_event(ping);
    return ok_status();
  }
  if (data.substr(first).starts_with(kDone)) return ok_status();
  const bool speaks_of_delta = data.find(kDelta) != data.npos;
  if (speaks_of_delta) {
    if (!read(data)) return malformed(type, data, reader_.status());
    if (delta_->event == kDelta) return apply(sink);
  }
  if (!compactor_.make(data))
    return malformed(type, data, json::parse(data, json::Halves::kReplace).status());
  const Members event(compactor_.text());
  const std::string_view named = json::compact_text(event.type, scratch_);
  // Escapes can spell the name in other ways.
  if (named == kDelta && read(data)) return apply(sink);
  return apply_event(named.empty() ? type : named, event, sink);
}

MessagesStreamDecoder::Members::Members(std::string_view json) : whole(json) {
  for (json::CompactMembers member(json); member.next();) {
    const std::string_view key = member.key();
    std::string_view* const out = key == "type"            ? &type
                                  : key == "index"         ? &index
                                  : key == "message"       ? &message
                                  : key == "content_block" ? &block
                                  : key == "delta"         ? &delta
                                  : key == "usage"         ? &usage
                                  : key == "error"         ? &error
                                                           : nullptr;
    if (out != nullptr) *out = member.json();
  }
}

Status MessagesStreamDecoder::malformed(std::string_view type, std::string_view data, const Status& why) {
  if (type == "error") return fail(stream_error_status(json::Value(data)));
  return fail(bad_response(format("an event of the stream is malformed: {}", why.message())));
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

bool MessagesStreamDecoder::read(std::string_view data) {
  delta_ = shapes_.match(data);
  if (delta_ == nullptr) {
    delta_ = &shapes_.begin();
    if (!reader_.load(data) || !read_members()) return false;
    shapes_.learn(reader_);
  }
  delta_->data = data;
  return true;
}

bool MessagesStreamDecoder::read_members() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "type" && kind == Kind::kString)
      good = reader_.string(delta_->event);
    else if (key == "index" && kind == Kind::kInt)
      good = reader_.raw(delta_->index);
    else if (key == "delta" && kind == Kind::kObject)
      good = read_delta();
    else
      good = reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool MessagesStreamDecoder::read_delta() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const bool string = reader_.kind() == Kind::kString;
    const bool piece = key == "text" || key == "thinking" || key == "signature" || key == "partial_json";
    bool good = true;
    if (key == "type" && string)
      good = reader_.string(delta_->type);
    else if (piece && string)
      good = reader_.piece(delta_->text);
    else
      good = reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

void MessagesStreamDecoder::Delta::follow(json::Shape& shape) {
  for (json::Field* field : {&event, &index, &type, &text}) shape.follow(*field);
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
  const int64_t index = delta_->index.integer().value_or(0);
  if (delta_->type == "text_delta") return &open(index, {Text{}, {}});
  if (!(delta_->type == "thinking_delta") && !(delta_->type == "signature_delta")) return nullptr;
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
  Block* block = find(delta_->index.integer().value_or(0));
  if (block == nullptr) block = open_for_delta();
  if (block == nullptr) return ok_status();
  Part& part = part_of(*block);
  auto* reasoning = part.as<Reasoning>();
  const std::string_view piece = delta_->text.text;
  if (auto* text = part.as<Text>(); text != nullptr && delta_->type == "text_delta") {
    append(*block, text->text, StreamEvent::Kind::kText, halves_.join(piece, block->half), sink);
  } else if (reasoning != nullptr && delta_->type == "thinking_delta") {
    append(*block, reasoning->text, StreamEvent::Kind::kReasoning, halves_.join(piece, block->half), sink);
  } else if (reasoning != nullptr && delta_->type == "signature_delta") {
    uint16_t alone = 0;  // a signature is ASCII
    reasoning->opaque += halves_.join(piece, alone);
  } else if (auto* call = part.as<ToolCall>(); call != nullptr && delta_->type == "input_json_delta") {
    append(*block, call->arguments, StreamEvent::Kind::kToolCallArgs, halves_.join(piece, block->half), sink);
  } else if (delta_->type == "input_json_delta") {
    block->opaque_input += halves_.join(piece, block->half);
  } else {
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(delta_->data, json::Halves::kReplace));
    apply_rare(*block, value["delta"]);
  }
  return ok_status();
}

void MessagesStreamDecoder::append(Block& block, std::string& to, StreamEvent::Kind kind,
                                   std::string_view text, StreamSink& sink) {
  if (text.empty() && !delta_->text.text.empty()) return;
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

Status MessagesStreamDecoder::apply_event(std::string_view type, const Members& event, StreamSink& sink) {
  if (type == "error" || (is_object(event.error) && type.empty())) {
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(event.whole));
    return fail(stream_error_status(value));
  }
  if (type == "message_start") {
    message_start(event.message, sink);
  } else if (type == "content_block_start") {
    start(sink);
    const StatusOr<json::Value> block = json::parse(event.block.empty() ? "null" : event.block);
    block_start(json::compact_int(event.index), *block, sink);
  } else if (type == "content_block_stop") {
    if (Block* block = find(json::compact_int(event.index))) close(*block, sink);
  } else if (type == "message_delta") {
    start(sink);
    message_delta(event, sink);
  } else if (type == "message_stop") {
    if (!started_) return fail(bad_response("the stream ended before message_start"));
    finish(sink);
  }
  // Events of other types are to be ignored (versioning policy of the API).
  return ok_status();
}

void MessagesStreamDecoder::start(StreamSink& sink) {
  if (started_) return;
  started_ = true;
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kStart;
  event.id = response_.id;
  sink.on_event(event);
}

// A second message_start (a server that retried behind our back) adds counts, nothing else.
void MessagesStreamDecoder::message_start(std::string_view message, StreamSink& sink) {
  const std::string_view usage = json::compact_member(message, "usage");
  if (started_) return merge_usage(usage, sink);
  response_.id = json::compact_text(json::compact_member(message, "id"), scratch_);
  response_.model = json::compact_text(json::compact_member(message, "model"), scratch_);
  for (json::CompactMembers member(message); member.next();) keep_extra(member.key(), member.json());
  if (is_object(usage)) usage_.merge(usage);
  usage_.decode(response_.usage);
  start(sink);
  const std::string_view content = json::compact_member(message, "content");
  if (content.size() <= 2) return;
  const StatusOr<json::Value> blocks = json::parse(content);
  int64_t index = 0;
  for (const json::Value& block : blocks->as_array()) block_start(index++, block, sink);
}

// `key` as it is written.
void MessagesStreamDecoder::keep_extra(std::string_view key, std::string_view json) {
  for (const std::string_view known : {"id", "model", "type", "role", "content", "usage", "stop_reason"})
    if (key == known) return;
  // The encoder writes this null by itself.
  if (key == "stop_sequence" && json == "null") return;
  const std::string name = extra_key(json::compact_key(key, scratch_));
  if (json == "null" && !response_.extras.find(name).empty()) return;
  response_.extras.set(name, json);
}

void MessagesStreamDecoder::block_start(int64_t index, const json::Value& value, StreamSink& sink) {
  Block* known = find(index);
  json::Value start = value;
  const bool is_call = start["type"].as_string() == "tool_use";
  if (is_call && !start["input"].is_object()) start.set("input", json::Value::object());
  Part part = decode_block(start, kAnthropicResponse);
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

void MessagesStreamDecoder::merge_usage(std::string_view usage, StreamSink& sink) {
  if (!is_object(usage)) return;
  usage_.merge(usage);
  usage_.decode(response_.usage);
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kUsage;
  sink.on_event(event);
}

void MessagesStreamDecoder::message_delta(const Members& event, StreamSink& sink) {
  const std::string_view stop = json::compact_member(event.delta, "stop_reason");
  if (const std::string_view text = json::compact_text(stop, scratch_); !text.empty())
    response_.finish_text = text;
  for (json::CompactMembers member(event.delta); member.next();) keep_extra(member.key(), member.json());
  for (json::CompactMembers member(event.whole); member.next();)
    if (member.key() != "delta") keep_extra(member.key(), member.json());
  merge_usage(event.usage, sink);
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
