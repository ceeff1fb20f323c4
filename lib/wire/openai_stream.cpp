#include "wire/openai_stream.h"

#include <algorithm>

#include "wire/error.h"
#include "wire/openai.h"
#include "wire/openai_merge.h"

namespace tau::wire::openai {
namespace {

using Kind = json::Value::Kind;

constexpr std::string_view kDone = "[DONE]";
constexpr uint32_t kReasoningPart = 0;
constexpr uint32_t kTextPart = 1;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// Keeps the latest value of a member; repeating one costs a comparison.
void keep(Extras& extras, std::string_view key, std::string_view json) {
  for (auto& [name, value] : extras) {
    if (name != key) continue;
    if (value != json) value.assign(json);
    return;
  }
  extras.emplace_back(std::string(key), std::string(json));
}

void assign_if_set(std::string& to, std::string_view from) {
  if (!from.empty() && to != from) to.assign(from);
}

// Members of a choice whose pieces are put together.
bool grows(std::string_view key, std::string_view json) {
  return (key == "logprobs" || key == "token_ids") && json != "null";
}

// Appends a member with its JSON in compact form.
void append_normal(Extras& extras, std::string_view key, std::string_view json) {
  if (const StatusOr<json::Value> value = json::parse(json); value.ok())
    set_extra(extras, extra_key(key), json::write(*value));
}

json::Value& slot(std::vector<std::pair<std::string, json::Value>>& members, std::string_view key) {
  for (auto& [name, value] : members)
    if (name == key) return value;
  return members.emplace_back(std::string(key), json::Value()).second;
}

StreamEvent text_event(StreamEvent::Kind kind, uint32_t part, std::string_view text) {
  StreamEvent event{};
  event.kind = kind;
  event.part = part;
  event.text = text;
  return event;
}

}  // namespace

void ChatStreamDecoder::Choice::clear() {
  index = 0;
  content = reasoning = reasoning_field = content_parts = tool_calls = details = finish = error = {};
  delta.clear();
  members.clear();
}

ChatStreamDecoder::ChatStreamDecoder(const Quirks& quirks) : quirks_(quirks), calls_(response_) {
  response_.message.role = Role::kAssistant;
  response_.message.labels = Labels::from(Source::kModel);
}

Status ChatStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  data = trim(data);
  if (data.empty()) {
    sink.on_event(text_event(StreamEvent::Kind::kPing, 0, {}));
    return ok_status();
  }
  if (data == kDone) {
    if (!started_) return fail(bad_response("the stream ended before its first chunk"));
    finish(sink);
    return ok_status();
  }
  if (type == "error") {
    const StatusOr<json::Value> error = json::parse(data);
    return fail(stream_error_status(error.ok() ? *error : json::Value(data)));
  }
  return repeat(data, sink) ? ok_status() : chunk(data, sink);
}

Status ChatStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (quirks_.done_mark_optional && !response_.finish_text.empty()) {
    finish(sink);
    return ok_status();
  }
  return fail(stream_truncated(kDone));
}

Status ChatStreamDecoder::fail(Status status) {
  failed_ = std::move(status);
  return failed_;
}

Status ChatStreamDecoder::malformed() {
  return fail(bad_response(format("a chunk of the stream is malformed: {}", reader_.status().message())));
}

Status ChatStreamDecoder::chunk(std::string_view data, StreamSink& sink) {
  data_ = data;
  choices_ = 0;
  shape_.clear();
  if (!started_) {
    // Members may stand in any order, and the start must know id and model.
    if (!read_head(data)) return malformed();
    started_ = true;
    StreamEvent start{};
    start.kind = StreamEvent::Kind::kStart;
    start.id = response_.id;
    sink.on_event(start);
  }
  if (!reader_.load(data) || !reader_.enter_object()) return malformed();
  apply_status_ = ok_status();
  std::string_view key;
  std::string_view error;
  bool known = false;
  const char* copy = nullptr;  // of the chunk, in the reader; its first quote opens the first key
  while (reader_.next_key(key)) {
    if (copy == nullptr) copy = key.data() - data.find('"') - 1;
    if (key == "choices" && reader_.kind() == Kind::kArray) {
      known = true;
      if (!read_choices(sink)) break;
    } else {
      known = known || key == "object" || key == "usage" || key == "id";
      if (!read_top(key, error)) break;
    }
  }
  if (!apply_status_.ok()) return fail(apply_status_);
  if (!reader_.status().ok()) return malformed();
  if (!error.empty() || !known) {
    const StatusOr<json::Value> value = json::parse(error.empty() ? data : error);
    return fail(stream_error_status(value.ok() ? *value : json::Value(error)));
  }
  if (brings_only_text()) learn_shape(data, copy);
  return ok_status();
}

// A chunk that differs from the one before in its text only: all else in it is known already.
bool ChatStreamDecoder::repeat(std::string_view data, StreamSink& sink) {
  const std::string_view piece = shape_.match(data);
  std::string_view text;
  if (piece.empty() || !reader_.load(piece) || !reader_.string(text) || text.empty()) return false;
  if (shape_.field().empty())
    add_text(text, sink);
  else
    add_reasoning(text, shape_.field(), sink);
  return true;
}

// Whether reading the chunk again would change nothing but add its text again: the other members, of which
// the latest wins, would be set to what they are.
bool ChatStreamDecoder::brings_only_text() const {
  const Choice& c = choice_;
  if (choices_ != 1 || c.index != 0 || c.content.empty() == c.reasoning.empty()) return false;
  if (!c.content_parts.empty() || !c.tool_calls.empty() || !c.details.empty() || !c.finish.empty())
    return false;
  const auto adds = [](const auto& member) { return member.second != "null"; };
  if (std::any_of(c.delta.begin(), c.delta.end(), adds)) return false;
  return std::none_of(c.members.begin(), c.members.end(),
                      [&](const auto& member) { return grows(member.first, member.second); });
}

void ChatStreamDecoder::learn_shape(std::string_view data, const char* copy) {
  const std::string_view text = choice_.content.empty() ? choice_.reasoning : choice_.content;
  shape_.learn(data, static_cast<size_t>(text.data() - copy) - 1, choice_.reasoning_field);
}

bool ChatStreamDecoder::read_head(std::string_view data) {
  if (!reader_.load(data) || !reader_.enter_object()) return false;
  std::string_view key;
  std::string_view unused;
  while (reader_.next_key(key)) {
    const bool head = key == "id" || key == "model" || key == "created";
    if (!(head ? read_top(key, unused) : reader_.skip())) return false;
  }
  return reader_.status().ok();
}

// A member of the chunk other than its choices.
bool ChatStreamDecoder::read_top(std::string_view key, std::string_view& error) {
  if (key == "object") return reader_.skip();
  const bool is_text = key == "id" || key == "model";
  const bool is_error = key == "error";
  const bool is_usage = key == "usage";
  std::string_view value;
  if (is_text || is_error || is_usage || key == "created" || key == "choices") {
    const Kind kind = reader_.kind();
    if (is_text && kind == Kind::kString) {
      if (!reader_.string(value)) return false;
      assign_if_set(key == "id" ? response_.id : response_.model, value);
      return true;
    }
    if (key == "created" && kind == Kind::kInt) return reader_.integer(response_.created);
    if (key == "choices" || kind == Kind::kNull) return reader_.skip();
  }
  if (!reader_.raw(value)) return false;
  if (is_error)
    error = value;
  else if (is_usage)
    apply_usage(value);
  else
    keep(top_, key, value);
  return true;
}

bool ChatStreamDecoder::read_choices(StreamSink& sink) {
  if (!reader_.enter_array()) return false;
  while (reader_.next_element()) {
    choice_.clear();
    if (reader_.kind() != Kind::kObject) {
      if (!reader_.skip()) return false;
      continue;
    }
    ++choices_;
    if (!read_choice()) return false;
    apply_status_ = choice_.index == 0 ? apply(sink) : merge_other_choice();
    if (!apply_status_.ok()) return false;
  }
  return reader_.status().ok();
}

bool ChatStreamDecoder::read_choice() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "delta" && kind == Kind::kObject) {
      good = read_delta();
    } else if (key == "index" && kind == Kind::kInt) {
      good = reader_.integer(choice_.index);
    } else if (key == "finish_reason" || key == "delta" || key == "index") {
      good = kind == Kind::kString ? reader_.string(choice_.finish) : reader_.skip();
    } else if (key == "error" && kind != Kind::kNull) {
      good = reader_.raw(choice_.error);
    } else {
      good = read_member(choice_.members, key);
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChatStreamDecoder::read_delta() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "content") {
      good = kind == Kind::kString  ? reader_.string(choice_.content)
             : kind == Kind::kArray ? reader_.raw(choice_.content_parts)
                                    : reader_.skip();
    } else if (key == "reasoning_content" || key == "reasoning") {
      good = read_reasoning(key == "reasoning", kind);
    } else if (key == "role") {
      good = reader_.skip();
    } else if (key == "tool_calls") {
      good = kind == Kind::kArray ? reader_.raw(choice_.tool_calls) : reader_.skip();
    } else if (key == "reasoning_details" && kind == Kind::kArray) {
      good = reader_.raw(choice_.details);
    } else {
      good = read_member(choice_.delta, key);
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

// Both fields may carry the same text (vLLM); the first that says something counts.
bool ChatStreamDecoder::read_reasoning(bool short_name, Kind kind) {
  if (kind != Kind::kString) return reader_.skip();
  std::string_view text;
  if (!reader_.string(text)) return false;
  if (text.empty() || !choice_.reasoning.empty()) return true;
  choice_.reasoning = text;
  choice_.reasoning_field = short_name ? "reasoning" : "reasoning_content";
  return true;
}

bool ChatStreamDecoder::read_member(RawMembers& members, std::string_view key) {
  std::string_view raw;
  if (!reader_.raw(raw)) return false;
  members.emplace_back(key, raw);
  return true;
}

Status ChatStreamDecoder::apply(StreamSink& sink) {
  if (!choice_.error.empty()) {
    const StatusOr<json::Value> error = json::parse(choice_.error);
    return stream_error_status(error.ok() ? *error : json::Value(choice_.error));
  }
  if (!choice_.reasoning.empty()) {
    details_speak_ = false;
    add_reasoning(choice_.reasoning, choice_.reasoning_field, sink);
  }
  if (!choice_.details.empty()) add_details(choice_.details, sink);
  if (!choice_.content.empty()) add_text(choice_.content, sink);
  if (!choice_.content_parts.empty()) TAU_RETURN_IF_ERROR(apply_content_parts(sink));
  if (!choice_.tool_calls.empty()) TAU_RETURN_IF_ERROR(calls_.chunk(choice_.tool_calls, sink));
  if (!choice_.finish.empty()) assign_if_set(response_.finish_text, choice_.finish);
  if (!choice_.delta.empty()) merge_members(choice_.delta, merged_);
  for (const auto& [key, json] : choice_.members) {
    if (grows(key, json))
      merge_member(key, json, merged_choice_);
    else
      keep(choice_extras_, key, json);
  }
  return ok_status();
}

// Content as an array of parts (Mistral's reasoning models).
Status ChatStreamDecoder::apply_content_parts(StreamSink& sink) {
  TAU_ASSIGN_OR_RETURN(const json::Value parts, json::parse(choice_.content_parts));
  for (const json::Value& part : parts.as_array()) {
    if (part["type"].as_string() == "text") add_text(part["text"].as_string(), sink);
    for (const json::Value& chunk : part["thinking"].as_array())
      add_reasoning(chunk["text"].as_string(), "thinking", sink);
  }
  return ok_status();
}

void ChatStreamDecoder::apply_usage(std::string_view json) {
  if (json == usage_json_) return;
  usage_json_.assign(json);
  if (const StatusOr<json::Value> value = json::parse(json); value.ok())
    response_.usage = decode_usage(*value, kOpenAiResponse);
}

void ChatStreamDecoder::add_text(std::string_view text, StreamSink& sink) {
  if (!quirks_.text_tool_calls || !calls_.empty()) return add_visible(text, sink);
  visible_.clear();
  filter_.feed(text, visible_, text_calls_);
  add_visible(visible_, sink);
}

void ChatStreamDecoder::add_visible(std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  std::vector<Part>& parts = response_.message.parts;
  if (!text_part_) {
    text_part_ = reasoning_part_ ? 1 : 0;
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(*text_part_), Part{Text{}, {}});
    calls_.shift_parts();
  }
  parts[*text_part_].as<Text>()->text += text;
  sink.on_event(text_event(StreamEvent::Kind::kText, kTextPart, text));
}

void ChatStreamDecoder::add_reasoning(std::string_view text, std::string_view field, StreamSink& sink) {
  if (text.empty()) return;
  std::vector<Part>& parts = response_.message.parts;
  if (!reasoning_part_) {
    reasoning_part_ = 0;
    if (text_part_) ++*text_part_;
    parts.insert(parts.begin(), Part{Reasoning{}, {}});
    calls_.shift_parts();
  }
  assign_if_set(reasoning_field_, field);
  parts[*reasoning_part_].as<Reasoning>()->text += text;
  StreamEvent event = text_event(StreamEvent::Kind::kReasoning, kReasoningPart, text);
  event.name = field;
  sink.on_event(event);
}

// Details repeat the text that came beside them; alone they are the text.
void ChatStreamDecoder::add_details(std::string_view json, StreamSink& sink) {
  const StatusOr<json::Value> piece = json::parse(json);
  if (!piece.ok() || piece->as_array().empty()) return;
  merge_fragment(details_, *piece, "reasoning_details");
  if (details_speak_) add_reasoning(details_text(*piece), "reasoning", sink);
}

void ChatStreamDecoder::merge_member(std::string_view key, std::string_view json, MergedMembers& into) {
  json::Value& value = slot(into, key);
  if (json == "null") return;
  if (const StatusOr<json::Value> piece = json::parse(json); piece.ok()) merge_fragment(value, *piece, key);
}

void ChatStreamDecoder::merge_members(const RawMembers& members, MergedMembers& into) {
  for (const auto& [key, json] : members) merge_member(key, json, into);
}

// Choices beyond the first have no events; they are put together as the response would hold them.
Status ChatStreamDecoder::merge_other_choice() {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(data_));
  for (const json::Value& choice : value["choices"].as_array()) {
    if (choice["index"].as_int() != choice_.index) continue;
    json::Value* known = nullptr;
    if (others_.is_null()) others_ = json::Value::array();
    for (json::Value& other : others_.mutable_array())
      if (other["index"].as_int() == choice_.index) known = &other;
    if (known == nullptr) {
      json::Value fresh = json::Value::object();
      fresh.set("index", choice_.index).set("message", json::Value::object()).set("finish_reason", nullptr);
      others_.push_back(std::move(fresh));
      known = &others_.mutable_array().back();
    }
    for (const auto& [key, member] : choice.as_object()) {
      const std::string_view name = key == "delta" ? std::string_view("message") : std::string_view(key);
      if (!known->contains(name)) known->set(name, nullptr);
      merge_fragment(*known->find(name), member, name);
    }
  }
  return ok_status();
}

void ChatStreamDecoder::finish_text_calls(StreamSink& sink) {
  if (!quirks_.text_tool_calls) return;
  visible_.clear();
  filter_.finish(visible_, text_calls_);
  add_visible(visible_, sink);
  if (!calls_.empty()) return;
  for (const TextToolFilter::Call& call : text_calls_) calls_.add_whole(call.name, call.arguments, sink);
}

void ChatStreamDecoder::finish_extras() {
  Extras& top = response_.extras;
  for (auto& [key, json] : top_) append_normal(top, key, json);
  json::Value rest = json::Value::object();
  rest.set("index", 0);
  for (auto& [key, json] : choice_extras_)
    if (StatusOr<json::Value> value = json::parse(json); value.ok()) rest.set(key, *std::move(value));
  for (auto& [key, value] : merged_choice_) rest.set(key, std::move(value));
  if (response_.finish_text.empty()) rest.set("finish_reason", nullptr);
  set_form(top, "choice", json::write(rest));
  if (!others_.is_null()) set_form(top, "choices", json::write(others_));
  mark_origin(top, kOpenAiResponse);
  Extras& members = response_.message.extras;
  for (auto& [key, value] : merged_) members.emplace_back(extra_key(key), json::write(value));
  mark_origin(members, kOpenAiResponse);
}

void ChatStreamDecoder::finish_reasoning() {
  std::vector<Part>& parts = response_.message.parts;
  if (!details_.is_null() && !reasoning_part_) {
    reasoning_part_ = 0;
    parts.insert(parts.begin(), Part{Reasoning{}, {}});
    calls_.shift_parts();
  }
  if (!reasoning_part_) return;
  Part& part = parts[*reasoning_part_];
  auto& reasoning = *part.as<Reasoning>();
  if (!details_.is_null()) {
    reasoning.form = Reasoning::Form::kDetails;
    reasoning.opaque = json::write(details_);
  }
  json::Value fields = json::Value::array();
  if (!reasoning_field_.empty()) fields.push_back(reasoning_field_);
  set_form(part.extras, "fields", json::write(fields));
  mark_origin(part.extras, kOpenAiResponse);
}

void ChatStreamDecoder::finish(StreamSink& sink) {
  finish_text_calls(sink);
  finish_reasoning();
  calls_.finish(sink);
  finish_extras();
  const std::string_view refusal = find_extra(response_.message.extras, "refusal");
  response_.finish = finish_reason(response_.finish_text, !calls_.empty(), refusal.size() > 4);
  finished_ = true;
  if (response_.usage.known) sink.on_event(text_event(StreamEvent::Kind::kUsage, 0, {}));
  sink.on_event(text_event(StreamEvent::Kind::kFinish, 0, response_.finish_text));
}

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ChatStreamDecoder>(quirks);
}

}  // namespace tau::wire::openai
