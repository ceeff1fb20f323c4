#include "wire/responses_stream.h"

#include <algorithm>

#include "wire/error.h"

namespace tau::wire::responses {
namespace {

constexpr std::string_view kSummaryBreak = "\n\n";
constexpr std::string_view kCustomHead = R"({"input":")";
constexpr std::string_view kCustomTail = R"("})";

// What the deltas of a part add to.
std::string* text_of(Part& part) {
  if (auto* text = part.as<Text>()) return &text->text;
  if (auto* reasoning = part.as<Reasoning>()) return &reasoning->text;
  auto* call = part.as<ToolCall>();
  return call != nullptr ? &call->arguments : nullptr;
}

// A part for deltas of this type, as empty as it begins; Opaque for those that cannot begin one.
Part part_for(EventType type) {
  if (type == EventType::kSummaryDelta) return {Reasoning(), {}};
  if (type == EventType::kReasoningDelta) {
    Part open{Reasoning(), {}};
    set_form(open.extras, "text", quoted("content"));
    return open;
  }
  if (type != EventType::kTextDelta && type != EventType::kRefusalDelta) return {Opaque(), {}};
  Part part{Text(), {}};
  if (type == EventType::kRefusalDelta) {
    set_form(part.extras, "type", quoted("refusal"));
    mark_origin(part.extras, kResponsesResponse);
  }
  return part;
}

// The deltas whose text a "done" event repeats as a whole, and the member that holds it.
EventType delta_of(EventType done) {
  constexpr auto kStep =
      static_cast<uint8_t>(EventType::kTextDone) - static_cast<uint8_t>(EventType::kTextDelta);
  return static_cast<EventType>(static_cast<uint8_t>(done) - kStep);
}
std::string_view member_of(EventType done) {
  switch (done) {
    case EventType::kRefusalDone: return "refusal";
    case EventType::kArgumentsDone: return "arguments";
    case EventType::kCustomDone: return "input";
    default: return "text";
  }
}

bool is_delta(EventType type) { return type >= EventType::kTextDelta && type <= EventType::kCustomDelta; }
bool is_done(EventType type) { return type >= EventType::kTextDone && type <= EventType::kCustomDone; }
// Of a message's contents there are several; of all else one to an item.
bool is_content_text(EventType type) {
  return type == EventType::kTextDelta || type == EventType::kRefusalDelta;
}

bool fits(const Part& part, EventType type) {
  if (is_content_text(type)) return part.as<Text>() != nullptr;
  if (type == EventType::kSummaryDelta || type == EventType::kReasoningDelta)
    return part.as<Reasoning>() != nullptr;
  return part.as<ToolCall>() != nullptr && is_custom(part.extras) == (type == EventType::kCustomDelta);
}

// Whether two messages say the same to who reads their text and makes their calls.
bool says_the_same(const std::vector<Part>& a, const std::vector<Part>& b) {
  const auto said = [](const std::vector<Part>& parts) {
    std::string out;
    for (const Part& part : parts) {
      if (const auto* text = part.as<Text>()) out += text->text;
      const auto* call = part.as<ToolCall>();
      if (call != nullptr) out += quoted(call->id) + quoted(call->name) + quoted(call->arguments);
    }
    return out;
  };
  return said(a) == said(b);
}

}  // namespace

void ItemStreamDecoder::reset() {
  restart();
  reader_.restart();
  items_.clear();
  slots_.clear();
  numbers_ = calls_ = 0;
}

Status ItemStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (Status answer; is_idle(type, data, sink, answer)) return answer;
  if (type == "message") type = {};
  event_ = reader_.read(type, data);
  if (event_ == nullptr) {
    if (type == "error") return fail(stream_error_status(json::Value(data)));
    return fail_malformed(reader_.status());
  }
  return apply(data, sink);
}

Status ItemStreamDecoder::apply(std::string_view data, StreamSink& sink) {
  const EventType type = event_->kind;
  if (is_delta(type)) {
    text_delta(event_->delta.text, sink);
    return ok_status();
  }
  if (type == EventType::kOther || (type == EventType::kBegun && started_)) return ok_status();
  const StatusOr<json::Value> value = json::parse(data, json::Halves::kReplace);
  if (!value.ok()) return fail_malformed(value.status());
  return apply_rare(*value, sink);
}

Status ItemStreamDecoder::apply_rare(const json::Value& value, StreamSink& sink) {
  const EventType type = event_->kind;
  const json::Value& response = value["response"];
  if (type == EventType::kError) return fail(stream_error_status(value));
  if (type == EventType::kFailed) {
    const json::Value& error = response["error"];
    return fail(stream_error_status(error.is_null() ? json::Value("the response failed") : error));
  }
  start(response, sink);
  if (is_done(type)) {
    event_->kind = delta_of(type);
    text_done(value[member_of(type)].as_string(), sink);
    event_->kind = type;
  } else if (type == EventType::kItemAdded) {
    add_item(value["item"], sink);
  } else if (type == EventType::kItemDone) {
    finish_item(output_of_event(value["item"]["id"].as_string()), value["item"], sink);
  } else if (type == EventType::kEnded) {
    finish(response, sink);
  }
  return ok_status();
}

Status ItemStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (!quirks_.done_mark_optional || !is_whole()) return fail(stream_truncated("response.completed"));
  json::Value response = json::Value::object();
  if (!response_.id.empty()) response.set("id", response_.id);
  response.set("status", "completed");
  response.set("model", response_.model);
  finish(response, sink);
  return ok_status();
}

bool ItemStreamDecoder::is_whole() const {
  return !items_.empty() && std::all_of(items_.begin(), items_.end(), [](const Item& i) { return i.done; });
}

void ItemStreamDecoder::start(const json::Value& response, StreamSink& sink) {
  if (started_) return;
  response_.id = response["id"].as_string();
  response_.model = response["model"].as_string();
  response_.created = response["created_at"].as_int();
  tell_start(sink);
}

// The index of the item that the event belongs to: as it says, else by the item's id, else the last one.
int64_t ItemStreamDecoder::output_of_event(std::string_view id) const {
  if (event_->output_index.given()) return event_->output_index.integer().value_or(0);
  for (const Item& known : items_)
    if (!id.empty() && known.id == id) return known.output;
  return items_.empty() ? 0 : items_.back().output;
}

ItemStreamDecoder::Item& ItemStreamDecoder::item(int64_t output) {
  const auto place = std::lower_bound(items_.begin(), items_.end(), output,
                                      [](const Item& i, int64_t wanted) { return i.output < wanted; });
  if (place != items_.end() && place->output == output) return *place;
  Item fresh;
  fresh.output = output;
  return *items_.insert(place, std::move(fresh));
}

ItemStreamDecoder::Slot* ItemStreamDecoder::find(int64_t output, int64_t content) {
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot)
    if (slot->output == output && slot->content == content) return &*slot;
  return nullptr;
}

ItemStreamDecoder::Slot& ItemStreamDecoder::open(int64_t output, int64_t content, Part part) {
  Slot slot;
  slot.output = output;
  slot.content = content;
  slot.number = numbers_++;
  if (part.as<ToolCall>() != nullptr) slot.call = calls_++;
  const auto place = std::upper_bound(slots_.begin(), slots_.end(), slot, [](const Slot& a, const Slot& b) {
    return a.output != b.output ? a.output < b.output : a.content < b.content;
  });
  const std::ptrdiff_t at = place - slots_.begin();
  response_.message.parts.insert(response_.message.parts.begin() + at, std::move(part));
  return *slots_.insert(place, slot);
}

StreamEvent ItemStreamDecoder::make_event(StreamEvent::Kind kind, const Slot& slot, std::string_view text) {
  StreamEvent event{};
  event.kind = kind;
  event.part = slot.number;
  event.text = text;
  event.body = &part_of(slot);
  if (const auto* call = event.body->as<ToolCall>()) {
    event.index = slot.call;
    event.id = call->id;
    event.name = call->name;
  }
  return event;
}

// The part that the delta belongs to, begun where it is the first; null when there is none.
ItemStreamDecoder::Slot* ItemStreamDecoder::slot_for_delta() {
  const EventType type = event_->kind;
  const int64_t output = output_of_event(event_->item_id.text);
  const int64_t content = is_content_text(type) ? event_->content_index.integer().value_or(0) : 0;
  Slot* slot = find(output, content);
  if (slot == nullptr) {
    Part part = part_for(type);
    Item& of = item(output);
    if (of.done || part.as<Opaque>() != nullptr) return nullptr;
    if (part.as<Text>() != nullptr && find(output, 0) != nullptr)
      set_form(part.extras, "item", "true");
    else if (part.as<Text>() != nullptr && of.begun.is_object())
      set_item_form(part, of.begun, kResponsesResponse);
    mark_origin(part.extras, kResponsesResponse);
    slot = &open(output, content, std::move(part));
  }
  if (slot->from == EventType::kOther) slot->from = type;
  return slot->open && slot->from == type && fits(part_of(*slot), type) ? slot : nullptr;
}

// Summaries of one item are parted in its text.
bool ItemStreamDecoder::begins_summary(Slot& slot, StreamSink& sink) {
  const bool summary = event_->kind == EventType::kSummaryDelta;
  if (!summary && event_->kind != EventType::kReasoningDelta) return false;
  const json::Field& index = summary ? event_->summary_index : event_->content_index;
  const int64_t number = index.integer().value_or(0);
  const bool next = slot.summary >= 0 && slot.summary != number;
  slot.summary = number;
  if (next) append(slot, kSummaryBreak, sink);
  return next;
}

void ItemStreamDecoder::text_delta(std::string_view piece, StreamSink& sink) {
  if (!started_) start({}, sink);
  Slot* slot = slot_for_delta();
  if (slot == nullptr) return;
  begins_summary(*slot, sink);
  const std::string_view text = halves_.join(piece, slot->half);
  if (slot->from != EventType::kCustomDelta) return append(*slot, text, sink);
  std::string escaped = quoted(text);
  escaped.pop_back();
  const bool first = text_of(part_of(*slot))->empty();
  append(*slot, first ? std::string(kCustomHead) + escaped.substr(1) : escaped.substr(1), sink);
}

// The whole text of what deltas brought, said once more. Of reasoning it is one summary of several.
void ItemStreamDecoder::text_done(std::string_view whole, StreamSink& sink) {
  Slot* slot = slot_for_delta();
  if (slot == nullptr) return;
  const bool custom = slot->from == EventType::kCustomDelta;
  if (part_of(*slot).as<Reasoning>() == nullptr)
    return complete(*slot, custom ? custom_arguments(whole) : std::string(whole), sink);
  const bool fresh = slot->summary < 0;
  if (begins_summary(*slot, sink) || fresh) append(*slot, whole, sink);
}

void ItemStreamDecoder::append(Slot& slot, std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  Part& part = part_of(slot);
  *text_of(part) += text;
  const StreamEvent::Kind kind = part.as<Text>() != nullptr        ? StreamEvent::Kind::kText
                                 : part.as<Reasoning>() != nullptr ? StreamEvent::Kind::kReasoning
                                                                   : StreamEvent::Kind::kToolCallArgs;
  sink.on_event(make_event(kind, slot, text));
}

// What `whole` has beyond the text so far. Text that was streamed stays, whatever is said later.
void ItemStreamDecoder::complete(Slot& slot, std::string_view whole, StreamSink& sink) {
  const std::string& text = *text_of(part_of(slot));
  if (whole.starts_with(text)) {
    slot.half = 0;
    whole.remove_prefix(text.size());
    return append(slot, whole, sink);
  }
  append(slot, HalfJoiner::finish(slot.half), sink);
}

void ItemStreamDecoder::announce(Slot& slot, StreamSink& sink) {
  if (part_of(slot).as<ToolCall>() != nullptr)
    sink.on_event(make_event(StreamEvent::Kind::kToolCall, slot, {}));
}

// Messages and reasoning begin with their first delta, calls at once, other items when they are done.
void ItemStreamDecoder::add_item(const json::Value& value, StreamSink& sink) {
  const bool given = event_->output_index.given();
  const int64_t output = given            ? event_->output_index.integer().value_or(0)
                         : items_.empty() ? 0
                                          : items_.back().output + 1;
  Item& of = item(output);
  if (of.done || of.begun.is_object()) return;
  of.id = value["id"].as_string();
  of.begun = value;
  const std::string_view type = value["type"].as_string();
  if (type != "function_call" && type != "custom_tool_call") return;
  std::vector<Part> parts;
  decode_item(value, Role::kAssistant, kResponsesResponse, response_.id, static_cast<size_t>(output), parts);
  if (parts.front().as<ToolCall>() == nullptr || find(output, 0) != nullptr) return;
  // Arguments come in deltas, or with the end.
  parts.front().as<ToolCall>()->arguments.clear();
  announce(open(output, 0, std::move(parts.front())), sink);
}

void ItemStreamDecoder::finish_item(int64_t output, const json::Value& value, StreamSink& sink) {
  Item& of = item(output);
  if (of.done || !value.is_object()) return;
  of.done = true;
  std::vector<Part> parts;
  decode_item(value, Role::kAssistant, kResponsesResponse, response_.id, static_cast<size_t>(output), parts);
  int64_t content = 0;
  for (Part& part : parts) {
    Slot* slot = find(output, content);
    if (slot == nullptr || slot->open) {
      Part begun = part;
      if (std::string* text = text_of(begun)) text->clear();
      if (slot == nullptr) {
        slot = &open(output, content, std::move(begun));
        announce(*slot, sink);
      }
      settle(*slot, std::move(part), sink);
    }
    ++content;
  }
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].output == output) close(slots_[i], sink);
}

// The part as the server has it at its end; only text and calls that were told stay as they were told.
void ItemStreamDecoder::settle(Slot& slot, Part part, StreamSink& sink) {
  Part& known = part_of(slot);
  if (known.body.index() != part.body.index()) return;
  if (const std::string* whole = text_of(part)) {
    complete(slot, *whole, sink);
    *text_of(part) = *text_of(known);
  }
  if (auto* call = part.as<ToolCall>()) {
    call->id = known.as<ToolCall>()->id;
    call->name = known.as<ToolCall>()->name;
  }
  known = std::move(part);
}

void ItemStreamDecoder::close(Slot& slot, StreamSink& sink) {
  if (!slot.open) return;
  Part& part = part_of(slot);
  if (text_of(part) != nullptr) append(slot, HalfJoiner::finish(slot.half), sink);
  slot.open = false;
  if (auto* call = part.as<ToolCall>()) {
    const bool cut = slot.from == EventType::kCustomDelta && !json::parse(call->arguments).ok();
    if (cut) append(slot, kCustomTail, sink);
    if (call->arguments.empty()) append(slot, "{}", sink);
    sink.on_event(make_event(StreamEvent::Kind::kToolCallEnd, slot, {}));
  } else if (!part.extras.empty() || part.as<Text>() == nullptr) {
    sink.on_event(make_event(StreamEvent::Kind::kPart, slot, {}));
  }
}

void ItemStreamDecoder::finish(const json::Value& response, StreamSink& sink) {
  int64_t output = 0;
  for (const json::Value& value : response["output"].as_array()) finish_item(output++, value, sink);
  for (size_t i = 0; i < slots_.size(); ++i) close(slots_[i], sink);
  ObjectReader in(response);
  if (const json::Value* items = in.take("output")) adopt(*items);
  const std::string model = response_.model;
  const std::string id = response_.id;
  decode_members(in, response_);
  // An end that says less than the beginning.
  if (response_.model.empty()) response_.model = model;
  if (response_.id.empty()) response_.id = id;
  tell_finish(sink);
}

// The items as they stand in the whole response, unless another text or other calls were told.
void ItemStreamDecoder::adopt(const json::Value& output) {
  if (output.as_array().empty()) return;
  std::vector<Part> parts;
  size_t position = 0;
  for (const json::Value& value : output.as_array())
    decode_item(value, Role::kAssistant, kResponsesResponse, response_.id, position++, parts);
  if (says_the_same(parts, response_.message.parts)) response_.message.parts = std::move(parts);
}

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ItemStreamDecoder>(quirks);
}

}  // namespace tau::wire::responses
