#include "wire/openai_stream.h"

#include <algorithm>

#include "wire/error.h"
#include "wire/openai.h"
#include "wire/openai_merge.h"

namespace tau::wire::openai {
namespace {

constexpr std::string_view kDone = "[DONE]";
constexpr uint32_t kReasoningPart = 0;
constexpr uint32_t kTextPart = 1;
constexpr uint32_t kRefusalPart = UINT32_MAX;  // behind all calls

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// Keeps the latest value of a member; repeating one costs a comparison.
void keep(Extras& extras, std::string_view key, std::string_view json) {
  if (extras.find(key) != json) extras.set(key, json);
}

void assign_if_set(std::string& to, std::string_view from) {
  if (!from.empty() && to != from) to.assign(from);
}

// Members of a choice whose pieces are put together.
bool grows(std::string_view key, std::string_view json) {
  return (key == "logprobs" || key == "token_ids") && json != "null";
}

json::Value& slot(std::vector<std::pair<std::string, json::Value>>& members, std::string_view key) {
  for (auto& [name, value] : members)
    if (name == key) return value;
  return members.emplace_back(std::string(key), json::Value()).second;
}

void begin_response(Response& response) {
  response.message.role = Role::kAssistant;
  response.message.labels = Labels::from(Source::kModel);
}

StreamEvent text_event(StreamEvent::Kind kind, uint32_t part, std::string_view text) {
  StreamEvent event{};
  event.kind = kind;
  event.part = part;
  event.text = text;
  return event;
}

}  // namespace

ChatStreamDecoder::ChatStreamDecoder(const Quirks& quirks) : quirks_(quirks), calls_(response_) {
  begin_response(response_);
}

void ChatStreamDecoder::reset() {
  response_ = Response();
  begin_response(response_);
  reader_.restart();
  calls_.reset();
  filter_ = TextToolFilter();
  text_calls_.clear();
  top_.clear();
  choice_extras_.clear();
  merged_.clear();
  merged_choice_.clear();
  others_ = json::Value();
  details_ = DetailsAssembler();
  reasoning_field_.clear();
  usage_json_.clear();
  now_ = Progress();
  failed_ = Status();
}

Status ChatStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (now_.finished) return ok_status();
  data = trim(data);
  if (data.empty()) {
    sink.on_event(text_event(StreamEvent::Kind::kPing, 0, {}));
    return ok_status();
  }
  if (data == kDone) {
    if (!now_.seen) return fail(bad_response("the stream ended before its first chunk"));
    finish(sink);
    return ok_status();
  }
  if (type == "error") {
    const StatusOr<json::Value> error = json::parse(data);
    return fail(stream_error_status(error.ok() ? *error : json::Value(data)));
  }
  return chunk(data, sink);
}

Status ChatStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (now_.finished) return ok_status();
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

Status ChatStreamDecoder::chunk(std::string_view data, StreamSink& sink) {
  if (!reader_.read(data))
    return fail(bad_response(format("a chunk of the stream is malformed: {}", reader_.status().message())));
  data_ = data;
  const Chunk& chunk = reader_.chunk();
  apply_top();
  now_.seen = true;
  // Some servers say something of the prompt before there is an answer, which is what has an id.
  const bool begins = !response_.id.empty() || !chunk.choices.empty() || !chunk.known;
  if (!now_.started && begins) start(sink);
  if (Status status = apply_choices(sink); !status.ok()) return fail(std::move(status));
  if (chunk.error.given() || !chunk.known) {
    const std::string_view error = chunk.error.given() ? chunk.error.text : data;
    const StatusOr<json::Value> value = json::parse(error, json::Halves::kReplace);
    return fail(stream_error_status(value.ok() ? *value : json::Value(chunk.error.text)));
  }
  return ok_status();
}

void ChatStreamDecoder::start(StreamSink& sink) {
  now_.started = true;
  StreamEvent start{};
  start.kind = StreamEvent::Kind::kStart;
  start.id = response_.id;
  sink.on_event(start);
}

// The members of a chunk other than its choices. Of each the latest value counts, so that one which says what
// it said before changes nothing.
void ChatStreamDecoder::apply_top() {
  Chunk& chunk = reader_.chunk();
  if (chunk.id.fresh) assign_if_set(response_.id, chunk.id.text);
  if (chunk.model.fresh) assign_if_set(response_.model, chunk.model.text);
  if (chunk.created.fresh) response_.created = chunk.created.integer().value_or(response_.created);
  if (chunk.usage.fresh) apply_usage(chunk);
  for (const RawMember& member : chunk.top)
    if (member.json.fresh) keep(top_, member.key.text, member.json.text);
}

Status ChatStreamDecoder::apply_choices(StreamSink& sink) {
  for (const ChunkChoice& choice : reader_.chunk().choices) {
    const int64_t index = index_of(choice.index).value_or(0);
    TAU_RETURN_IF_ERROR(index == 0 ? apply(choice, sink) : merge_other_choice(index));
  }
  return ok_status();
}

Status ChatStreamDecoder::apply(const ChunkChoice& choice, StreamSink& sink) {
  if (choice.error.given()) {
    const StatusOr<json::Value> error = json::parse(choice.error.text, json::Halves::kReplace);
    return stream_error_status(error.ok() ? *error : json::Value(choice.error.text));
  }
  apply_reasoning(choice, sink);
  if (!choice.details.empty() || choice.nested_details) add_details(choice, sink);
  add_text(choice.content.text, sink);
  apply_parts(choice, sink);
  if (choice.has_calls) calls_.chunk(choice.calls, sink);
  if (choice.finish.fresh) assign_if_set(response_.finish_text, choice.finish.text);
  apply_members(choice);
  return ok_status();
}

// Both fields may carry the same text (vLLM); the first that says something counts.
void ChatStreamDecoder::apply_reasoning(const ChunkChoice& choice, StreamSink& sink) {
  for (const ReasoningPiece& piece : choice.reasoning) {
    if (piece.text.text.empty()) continue;
    now_.details_speak = false;
    return add_reasoning(piece.text.text, piece.name, sink);
  }
}

void ChatStreamDecoder::apply_parts(const ChunkChoice& choice, StreamSink& sink) {
  for (const ContentPiece& piece : choice.parts) {
    if (piece.thinking)
      add_reasoning(piece.text.text, "thinking", sink);
    else if (piece.type == "text")
      add_text(piece.text.text, sink);
  }
}

void ChatStreamDecoder::apply_members(const ChunkChoice& choice) {
  for (const auto& [key, json] : choice.delta) {
    const bool is_container = json.text.starts_with('{') || json.text.starts_with('[');
    const bool again = !json.fresh && (json == "null" || !(is_container || comes_in_pieces(key.text)));
    if (!again) merge_member(key.text, json.text, merged_);
  }
  for (const auto& [key, json] : choice.members) {
    if (grows(key.text, json.text))
      merge_member(key.text, json.text, merged_choice_);
    else if (json.fresh)
      keep(choice_extras_, key.text, json.text);
  }
}

void ChatStreamDecoder::apply_usage(Chunk& chunk) {
  const std::string_view json = chunk.usage.text;
  if (json == usage_json_) return;
  usage_json_.assign(json);
  if (chunk.compact && stays_compact(json)) {
    view_as(usage_members_, chunk.usage_members);
    response_.usage = decode_usage(usage_members_);
    return;
  }
  if (!compactor_.make(json)) return;
  chunk.compact =
      !chunk.fractions && compactor_.is_same() && json.find('\\') == json.npos && json.front() == '{';
  const bool is_object = compactor_.text().starts_with('{');
  response_.usage = is_object ? decode_usage(compactor_.members()) : Usage();
}

void ChatStreamDecoder::add_text(std::string_view piece, StreamSink& sink) {
  if (!piece.empty()) add_whole_text(halves_.join(piece, now_.text_half), sink);
}

void ChatStreamDecoder::add_whole_text(std::string_view text, StreamSink& sink) {
  if (!quirks_.text_tool_calls || !calls_.empty()) return add_visible(text, sink);
  visible_.clear();
  filter_.feed(text, visible_, text_calls_);
  add_visible(visible_, sink);
}

void ChatStreamDecoder::add_visible(std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  std::vector<Part>& parts = response_.message.parts;
  if (!now_.text_part) {
    now_.text_part = now_.reasoning_part ? 1 : 0;
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(*now_.text_part), Part{Text{}, {}});
    calls_.shift_parts();
  }
  parts[*now_.text_part].as<Text>()->text += text;
  sink.on_event(text_event(StreamEvent::Kind::kText, kTextPart, text));
}

void ChatStreamDecoder::add_reasoning(std::string_view piece, std::string_view field, StreamSink& sink) {
  if (!piece.empty()) add_whole_reasoning(halves_.join(piece, now_.reasoning_half), field, sink);
}

void ChatStreamDecoder::add_whole_reasoning(std::string_view text, std::string_view field, StreamSink& sink) {
  if (text.empty()) return;
  std::vector<Part>& parts = response_.message.parts;
  if (!now_.reasoning_part) {
    now_.reasoning_part = 0;
    if (now_.text_part) ++*now_.text_part;
    parts.insert(parts.begin(), Part{Reasoning{}, {}});
    calls_.shift_parts();
  }
  assign_if_set(reasoning_field_, field);
  parts[*now_.reasoning_part].as<Reasoning>()->text += text;
  StreamEvent event = text_event(StreamEvent::Kind::kReasoning, kReasoningPart, text);
  event.name = field;
  sink.on_event(event);
}

// Details repeat the text that came beside them; alone they are the text.
void ChatStreamDecoder::add_details(const ChunkChoice& choice, StreamSink& sink) {
  details_text_.clear();
  if (choice.nested_details) {
    const json::Value pieces = nested_details(choice);
    details_.add_whole(pieces);
    if (now_.details_speak) details_text_ = details_text(pieces);
  } else {
    details_.add(choice.details);
    for (const DetailPiece& piece : choice.details)
      if (now_.details_speak)
        for (const std::string_view key : {"text", "summary"})
          for (const DetailPiece::Member& member : piece.members)
            if (member.key == key && member.is_string) details_text_ += member.value.text;
  }
  add_reasoning(details_text_, "reasoning", sink);
}

// Rare: found again in a tree of the chunk.
json::Value ChatStreamDecoder::nested_details(const ChunkChoice& choice) const {
  const StatusOr<json::Value> chunk = json::parse(data_, json::Halves::kReplace);
  if (!chunk.ok()) return {};
  const ChunkChoice* known = reader_.chunk().choices.begin();
  for (const json::Value& item : (*chunk)["choices"].as_array())
    if (item.is_object() && known++ == &choice) return item["delta"]["reasoning_details"];
  return {};
}

void ChatStreamDecoder::merge_member(std::string_view key, std::string_view json, MergedMembers& into) {
  json::Value& value = slot(into, key);
  if (json == "null") return;
  if (const StatusOr<json::Value> piece = json::parse(json, json::Halves::kReplace); piece.ok())
    merge_fragment(value, *piece, key);
}

// Choices beyond the first have no events; they are put together as the response would hold them.
Status ChatStreamDecoder::merge_other_choice(int64_t index) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(data_, json::Halves::kReplace));
  for (const json::Value& choice : value["choices"].as_array()) {
    if (choice["index"].as_int() != index) continue;
    json::Value* known = nullptr;
    if (others_.is_null()) others_ = json::Value::array();
    for (json::Value& other : others_.mutable_array())
      if (other["index"].as_int() == index) known = &other;
    if (known == nullptr) {
      json::Value fresh = json::Value::object();
      fresh.set("index", index).set("message", json::Value::object()).set("finish_reason", nullptr);
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

// Text that parse() refuses for its duplicate keys is left out.
void ChatStreamDecoder::finish_extras() {
  Extras& top = response_.extras;
  constexpr size_t kForms = 2;
  constexpr size_t kFormBytes = 96;  // but for what is in the choice
  top.reserve(kForms, kFormBytes + top_.bytes() + choice_extras_.bytes());
  top.add("tau:from", origin_mark(kOpenAiResponse));
  for (const auto& [key, json] : top_)
    if (compactor_.make(json)) add_member(top, key, compactor_.text());
  write_rest_of_choice();
  top.add("tau:choice", scratch_);
  if (!others_.is_null()) top.add("tau:choices", json::write(others_));
  Extras& members = response_.message.extras;
  for (auto& [key, value] : merged_) add_member(members, key, json::write(value));
  mark_origin(members, kOpenAiResponse);
}

// The choice without what the message has of it.
void ChatStreamDecoder::write_rest_of_choice() {
  Extras& rest = rest_of_choice_;
  rest.clear();
  for (const auto& [key, json] : choice_extras_)
    if (compactor_.make(json)) rest.add(key, compactor_.text());
  for (auto& [key, value] : merged_choice_) rest.set(key, json::write(value));
  if (response_.finish_text.empty()) rest.set("finish_reason", "null");
  scratch_.clear();
  json::Writer w(scratch_);
  w.begin_object().field("index", 0);
  for (const auto& [key, json] : rest) w.key(key).raw(json);
  w.end_object();
}

void ChatStreamDecoder::finish_reasoning() {
  std::vector<Part>& parts = response_.message.parts;
  const json::Value& details = details_.finish();
  if (!details.is_null() && !now_.reasoning_part) {
    now_.reasoning_part = 0;
    parts.insert(parts.begin(), Part{Reasoning{}, {}});
    calls_.shift_parts();
  }
  if (!now_.reasoning_part) return;
  Part& part = parts[*now_.reasoning_part];
  auto& reasoning = *part.as<Reasoning>();
  if (!details.is_null()) {
    reasoning.form = Reasoning::Form::kDetails;
    reasoning.opaque = json::write(details);
  }
  scratch_.clear();
  json::Writer fields(scratch_);
  fields.begin_array();
  if (!reasoning_field_.empty()) fields.string(reasoning_field_);
  fields.end_array();
  constexpr size_t kForms = 2;
  constexpr size_t kFormBytes = 64;
  part.extras.reserve(kForms, kFormBytes);
  part.extras.add("tau:from", origin_mark(kOpenAiResponse));
  part.extras.add("tau:fields", scratch_);
}

// Halves that never met the other one.
void ChatStreamDecoder::finish_pieces(StreamSink& sink) {
  add_whole_reasoning(HalfJoiner::finish(now_.reasoning_half), reasoning_field_, sink);
  if (const std::string_view text = HalfJoiner::finish(now_.text_half); !text.empty())
    add_whole_text(text, sink);
}

// A refusal is rare, and told whole.
void ChatStreamDecoder::finish_refusal(StreamSink& sink) {
  const auto member =
      std::find_if(merged_.begin(), merged_.end(), [](const auto& pair) { return pair.first == "refusal"; });
  if (member == merged_.end() || member->second.as_string().empty()) return;
  Part part{Text{std::string(member->second.as_string())}, {}};
  set_form(part.extras, "type", kRefusalForm);
  mark_origin(part.extras, kOpenAiResponse);
  merged_.erase(member);
  now_.refused = true;
  StreamEvent event = text_event(StreamEvent::Kind::kText, kRefusalPart, part.as<Text>()->text);
  event.body = &part;
  sink.on_event(event);
  std::vector<Part>& parts = response_.message.parts;
  const std::ptrdiff_t before = (now_.reasoning_part ? 1 : 0) + (now_.text_part ? 1 : 0);
  parts.insert(parts.begin() + before, std::move(part));
  calls_.shift_parts();
}

void ChatStreamDecoder::finish(StreamSink& sink) {
  if (!now_.started) start(sink);
  finish_pieces(sink);
  finish_text_calls(sink);
  finish_reasoning();
  finish_refusal(sink);
  calls_.finish(sink);
  finish_extras();
  response_.finish = finish_reason(response_.finish_text, !calls_.empty(), now_.refused);
  now_.finished = true;
  if (response_.usage.known) sink.on_event(text_event(StreamEvent::Kind::kUsage, 0, {}));
  sink.on_event(text_event(StreamEvent::Kind::kFinish, 0, response_.finish_text));
}

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ChatStreamDecoder>(quirks);
}

}  // namespace tau::wire::openai
