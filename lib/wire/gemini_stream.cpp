#include "wire/gemini_stream.h"

#include "wire/error.h"
#include "wire/openai_merge.h"

namespace tau::wire::gemini {
namespace {

// A null never replaces what was said.
void set_latest(json::Value& object, const std::string& key, const json::Value& value) {
  if (!value.is_null() || !object.contains(key)) object.set(key, value);
}

void merge_extras(Extras& into, const Extras& extras) {
  for (const auto& [key, json] : extras)
    if (key != "tau:from") into.set(key, json);
  mark_origin(into, kGeminiResponse);
}

// Takes the signature out of the extras of a text.
std::string take_signature(Extras& extras) {
  for (const std::string_view key : {"thoughtSignature", "thought_signature"}) {
    const StatusOr<json::Value> value = json::parse(extras.find(key));
    if (!value.ok() || value->as_string().empty()) continue;
    std::string signature(value->as_string());
    extras.erase(key);
    extras.erase("tau:thought_signature");
    return signature;
  }
  return {};
}

bool says_something(const Extras& extras) {
  for (const auto& [key, json] : extras)
    if (key != "tau:from") return true;
  return false;
}

}  // namespace

void ContentStreamDecoder::reset() {
  restart();
  reader_.restart();
  calls_ = Calls({});
  for (json::Value* members : {&top_, &candidate_, &content_}) *members = json::Value::object();
  others_ = nullptr;
  usage_.clear();
  partial_.reset();
  call_count_ = 0;
  half_ = 0;
  text_open_ = has_candidate_ = has_content_ = false;
}

Status ContentStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (Status answer; is_idle(type, data, sink, answer)) return answer;
  const Chunk* chunk = reader_.read(data);
  if (chunk != nullptr && chunk->is_text()) {
    apply_text(*chunk, sink);
    return ok_status();
  }
  const StatusOr<json::Value> value = json::parse(data, json::Halves::kReplace);
  if (chunk == nullptr || !value.ok())
    return fail_malformed(chunk == nullptr ? reader_.status() : value.status());
  return apply(*value, sink);
}

void ContentStreamDecoder::start(std::string_view id, std::string_view model, StreamSink& sink) {
  if (!id.empty()) response_.id = id;
  if (!model.empty()) response_.model = model;
  if (started_) return;
  calls_.set_response_id(response_.id);
  tell_start(sink);
}

void ContentStreamDecoder::apply_text(const Chunk& chunk, StreamSink& sink) {
  if (!started_ || chunk.id.fresh || chunk.model.fresh) start(chunk.id.text, chunk.model.text, sink);
  if (chunk.usage.fresh) usage_ = chunk.usage.text;
  if (!chunk.finish.text.empty()) response_.finish_text = chunk.finish.text;
  if (chunk.index.fresh) candidate_.set("index", 0);
  if (!has_content_) content_.set("role", "model");
  has_candidate_ = has_content_ = true;
  add_text(chunk.text.text, chunk.thought, sink);
}

Status ContentStreamDecoder::apply(const json::Value& value, StreamSink& sink) {
  const json::Value* error = value.find("error");
  if (error != nullptr && !error->is_null() && !value.contains("candidates"))
    return fail(stream_error_status(*error));
  start(value["responseId"].as_string(), value["modelVersion"].as_string(), sink);
  for (const auto& [key, member] : value.as_object()) {
    if (key == "usageMetadata" && member.is_object())
      usage_ = json::write(member);
    else if (key != "candidates" || !member.is_array())
      set_latest(top_, key, member);
  }
  for (const json::Value& candidate : value["candidates"].as_array()) {
    if (candidate["index"].as_int() == 0)
      apply_candidate(candidate, sink);
    else
      openai::merge_fragment(others_, json::Value(json::Value::Array{candidate}), {});
  }
  return ok_status();
}

void ContentStreamDecoder::apply_candidate(const json::Value& candidate, StreamSink& sink) {
  has_candidate_ = true;
  for (const auto& [key, member] : candidate.as_object()) {
    if (key == "content" && member.is_object()) {
      has_content_ = true;
      for (const auto& [name, value] : member.as_object())
        if (name != "parts" || !value.is_array()) set_latest(content_, name, value);
      for (const json::Value& part : member["parts"].as_array()) apply_part(part, sink);
    } else if (key == "finishReason" && !member.as_string().empty()) {
      response_.finish_text = member.as_string();
    } else if (key != "finishReason" || !member.is_null()) {
      set_latest(candidate_, key, member);
    }
  }
}

void ContentStreamDecoder::apply_part(const json::Value& value, StreamSink& sink) {
  if (apply_partial(value, sink)) return;
  Part part = decode_part(value, kGeminiResponse, calls_);
  if (part.as<Text>() != nullptr) return apply_text_part(std::move(part), sink);
  if (part.as<Reasoning>() != nullptr && !is_text_signature(part))
    return apply_thought(std::move(part), sink);
  close_text(sink);
  if (part.as<ToolCall>() != nullptr)
    add_call(std::move(part), sink);
  else
    add_whole(std::move(part), sink);
}

// Text goes on; a signature ends it, and stands behind it.
void ContentStreamDecoder::apply_text_part(Part part, StreamSink& sink) {
  const std::string signature = take_signature(part.extras);
  part.extras.erase("tau:empty");
  add_text(part.as<Text>()->text, false, sink);
  if (says_something(part.extras)) merge_extras(open_text(false, sink).extras, part.extras);
  if (signature.empty()) return;
  close_text(sink);
  add_whole(text_signature(signature), sink);
}

void ContentStreamDecoder::apply_thought(Part part, StreamSink& sink) {
  const auto& thought = *part.as<Reasoning>();
  add_text(thought.text, true, sink);
  if (thought.text.empty() && thought.opaque.empty() && !text_open_) return;
  Part& open = open_text(true, sink);
  merge_extras(open.extras, part.extras);
  if (thought.opaque.empty()) return;
  open.as<Reasoning>()->opaque = thought.opaque;
  open.as<Reasoning>()->form = thought.form;
  close_text(sink);
}

StreamEvent ContentStreamDecoder::make_event(StreamEvent::Kind kind, std::string_view text) {
  StreamEvent event{};
  event.kind = kind;
  event.part = static_cast<uint32_t>(response_.message.parts.size() - 1);
  event.text = text;
  event.body = &response_.message.parts.back();
  if (const auto* call = event.body->as<ToolCall>()) {
    event.index = call_count_ - 1;
    event.id = call->id;
    event.name = call->name;
  }
  return event;
}

// The last part, for text of this kind.
Part& ContentStreamDecoder::open_text(bool thought, StreamSink& sink) {
  std::vector<Part>& parts = response_.message.parts;
  if (text_open_ && thought == (parts.back().as<Reasoning>() != nullptr)) return parts.back();
  close_text(sink);
  close_partial(sink);
  Part part;
  if (thought) {
    part.body = Reasoning();
    set_form(part.extras, "whole", "true");
    mark_origin(part.extras, kGeminiResponse);
  }
  parts.push_back(std::move(part));
  text_open_ = true;
  return parts.back();
}

void ContentStreamDecoder::add_text(std::string_view piece, bool thought, StreamSink& sink) {
  if (piece.empty()) return;
  open_text(thought, sink);
  append(halves_.join(piece, half_), sink);
}

void ContentStreamDecoder::append(std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  Part& part = response_.message.parts.back();
  auto* reasoning = part.as<Reasoning>();
  (reasoning != nullptr ? reasoning->text : part.as<Text>()->text) += text;
  sink.on_event(
      make_event(reasoning != nullptr ? StreamEvent::Kind::kReasoning : StreamEvent::Kind::kText, text));
}

void ContentStreamDecoder::close_text(StreamSink& sink) {
  if (!text_open_) return;
  append(HalfJoiner::finish(half_), sink);
  text_open_ = false;
  const Part& part = response_.message.parts.back();
  if (part.as<Reasoning>() != nullptr || !part.extras.empty())
    sink.on_event(make_event(StreamEvent::Kind::kPart, {}));
}

void ContentStreamDecoder::add_whole(Part part, StreamSink& sink) {
  close_partial(sink);
  response_.message.parts.push_back(std::move(part));
  sink.on_event(make_event(StreamEvent::Kind::kPart, {}));
}

void ContentStreamDecoder::add_call(Part part, StreamSink& sink) {
  close_partial(sink);
  response_.message.parts.push_back(std::move(part));
  ++call_count_;
  sink.on_event(make_event(StreamEvent::Kind::kToolCall, {}));
  sink.on_event(
      make_event(StreamEvent::Kind::kToolCallArgs, response_.message.parts.back().as<ToolCall>()->arguments));
  sink.on_event(make_event(StreamEvent::Kind::kToolCallEnd, {}));
}

// A call whose arguments come in pieces: its name comes first, and what comes last does not say that more
// follows. Told when it is whole.
bool ContentStreamDecoder::apply_partial(const json::Value& value, StreamSink& sink) {
  const json::Value& function = value["functionCall"];
  const bool more = function["willContinue"].as_bool();
  const bool named = function["name"].is_string();
  if (!function.is_object() || (!more && !function.contains("partialArgs") && (named || !partial_)))
    return false;
  if (named) {
    close_text(sink);
    close_partial(sink);
    json::Value whole = value;
    for (const std::string_view key : {"willContinue", "partialArgs"}) whole.find("functionCall")->erase(key);
    Part part = decode_part(whole, kGeminiResponse, calls_);
    if (part.as<ToolCall>() == nullptr) return false;
    part.extras.erase("tau:args");
    partial_.emplace();
    if (StatusOr<json::Value> args = json::parse(part.as<ToolCall>()->arguments); args.ok())
      partial_->args = *std::move(args);
    response_.message.parts.push_back(std::move(part));
    ++call_count_;
    sink.on_event(make_event(StreamEvent::Kind::kToolCall, {}));
  }
  if (!partial_) return false;
  for (const json::Value& piece : function["partialArgs"].as_array())
    add_partial_argument(partial_->args, piece);
  if (!more) close_partial(sink);
  return true;
}

void ContentStreamDecoder::close_partial(StreamSink& sink) {
  if (!partial_) return;
  auto& call = *response_.message.parts.back().as<ToolCall>();
  call.arguments = json::write(partial_->args);
  partial_.reset();
  sink.on_event(make_event(StreamEvent::Kind::kToolCallArgs, call.arguments));
  sink.on_event(make_event(StreamEvent::Kind::kToolCallEnd, {}));
}

// All that was said beside parts, as a response says it.
StatusOr<json::Value> ContentStreamDecoder::rest() const {
  json::Value value = top_;
  if (!response_.id.empty()) value.set("responseId", response_.id);
  if (!response_.model.empty()) value.set("modelVersion", response_.model);
  if (!usage_.empty()) {
    TAU_ASSIGN_OR_RETURN(json::Value usage, json::parse(usage_));
    value.set("usageMetadata", std::move(usage));
  }
  if (!has_candidate_) return value;
  json::Value candidate = candidate_;
  if (has_content_) candidate.set("content", content_);
  if (!response_.finish_text.empty()) candidate.set("finishReason", response_.finish_text);
  json::Value candidates = json::Value::array();
  candidates.push_back(std::move(candidate));
  for (const json::Value& other : others_.as_array()) candidates.push_back(other);
  value.set("candidates", std::move(candidates));
  return value;
}

Status ContentStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (response_.finish_text.empty() && block_reason(top_).empty())
    return fail(stream_truncated("a finishReason"));
  close_text(sink);
  close_partial(sink);
  const StatusOr<json::Value> value = rest();
  if (!value.ok()) return fail(bad_response(format("the usage is malformed: {}", value.status().message())));
  decode_members(*value, response_, false);
  tell_finish(sink);
  return ok_status();
}

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks&) {
  return std::make_unique<ContentStreamDecoder>();
}

}  // namespace tau::wire::gemini
