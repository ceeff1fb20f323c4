// Writes a Responses stream. A client of this dialect waits for the end of every item, so texts are gathered
// here until theirs.
#include <optional>

#include "wire/error.h"
#include "wire/responses.h"

namespace tau::wire::responses {
namespace {

// The event names of one kind of text, and the member that tells its place within the item.
struct Names {
  std::string_view delta;
  std::string_view done;
  std::string_view member;  // of "done"
  std::string_view index;
  std::string_view added;  // of the part around it; empty: none
  std::string_view ended;
};
constexpr Names kText = {"response.output_text.delta",  "response.output_text.done", "text", "content_index",
                         "response.content_part.added", "response.content_part.done"};
constexpr Names kRefusal = {
    "response.refusal.delta", "response.refusal.done",       "refusal",
    "content_index",          "response.content_part.added", "response.content_part.done"};
constexpr Names kSummary = {
    "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "text", "summary_index",
    "response.reasoning_summary_part.added", "response.reasoning_summary_part.done"};
constexpr Names kReasoning = {
    "response.reasoning_text.delta", "response.reasoning_text.done", "text", "content_index", "", ""};
constexpr Names kArguments = {"response.function_call_arguments.delta",
                              "response.function_call_arguments.done",
                              "arguments",
                              "",
                              "",
                              ""};
constexpr Names kInput = {
    "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input", "", "", ""};

class ItemStreamEncoder final : public StreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  // An item that is not done. Of a message the last part takes text.
  struct Open {
    std::vector<Part> parts;
    std::string id;
    size_t output = 0;
    uint32_t part = 0;  // of the event
    const Names* names = nullptr;
    bool text_open = false;
  };

  template <class Members>
  void emit(std::string_view type, std::string& out, Members members);
  json::Value value_of(const Open& item) const;
  void begin_item(Open& item, std::string_view empty_member, json::Value empty, std::string& out);
  void end_item(const Open& item, std::string& out);
  void place(json::Writer& w, const Open& item) const;
  void write_part(json::Writer& w, const Open& item) const;
  void open_text(const StreamEvent& event, const Names& names, std::string& out);
  void add_text(const StreamEvent& event, const Names& names, std::string& out);
  void close_text(std::string& out);
  void close_item(std::string& out);
  void tool_call(const StreamEvent& event, std::string& out);
  void call_arguments(const StreamEvent& event, std::string& out);
  void call_end(Open& call, std::string& out);
  void part(const StreamEvent& event, std::string& out);
  void whole_part(const StreamEvent& event, std::string& out);

  std::optional<Open> open_;
  std::vector<std::optional<Open>> calls_;
  std::string response_id_;
  size_t next_ = 0;  // output index
  int64_t sequence_ = 0;
};

template <class Members>
void ItemStreamEncoder::emit(std::string_view type, std::string& out, Members members) {
  out.append("event: ").append(type).append("\ndata: ");
  json::Writer w(out);
  w.begin_object().field("type", type).field("sequence_number", sequence_++);
  members(w);
  w.end_object();
  out += "\n\n";
}

// What an event says of the part's own members; those of another dialect mean nothing here.
Part part_of(const StreamEvent& event, Part part) {
  if (event.body != nullptr && extras_belong(event.body->extras, kResponses))
    part.extras = event.body->extras;
  if (event.body == nullptr || !is_refusal(*event.body) || part.as<Text>() == nullptr) return part;
  set_form(part.extras, "type", kRefusalForm);
  mark_origin(part.extras, kResponsesResponse);
  return part;
}

std::string* text_of(Part& part) {
  if (auto* reasoning = part.as<Reasoning>()) return &reasoning->text;
  auto* text = part.as<Text>();
  return text != nullptr ? &text->text : nullptr;
}

const Names& names_of(const StreamEvent& event) {
  const bool own = event.body != nullptr && extras_belong(event.body->extras, kResponses);
  if (event.kind == StreamEvent::Kind::kReasoning || (event.body != nullptr && event.body->as<Reasoning>()))
    return own && find_form(event.body->extras, "text") == R"("content")" ? kReasoning : kSummary;
  return event.body != nullptr && is_refusal(*event.body) ? kRefusal : kText;
}

// The item as its parts make it up; null when they have no form here.
json::Value ItemStreamEncoder::value_of(const Open& item) const {
  std::string text;
  json::Writer w(text);
  ItemWriter(w, kResponsesResponse, response_id_)
      .write(pointers_to(item.parts), Role::kAssistant, item.output);
  StatusOr<json::Value> value = json::parse(text);
  return value.ok() ? *std::move(value) : json::Value();
}

// Numbers the item, and tells of it while it has nothing in `empty_member`.
void ItemStreamEncoder::begin_item(Open& item, std::string_view empty_member, json::Value empty,
                                   std::string& out) {
  item.output = next_++;
  json::Value value = value_of(item);
  item.id = value["id"].as_string();
  if (!empty_member.empty()) value.set(empty_member, std::move(empty));
  if (value.contains("status")) value.set("status", "in_progress");
  emit("response.output_item.added", out, [&](json::Writer& w) {
    w.field("output_index", static_cast<int64_t>(item.output)).key("item").value(value);
  });
}

void ItemStreamEncoder::end_item(const Open& item, std::string& out) {
  const json::Value value = value_of(item);
  emit("response.output_item.done", out, [&](json::Writer& w) {
    w.field("output_index", static_cast<int64_t>(item.output)).key("item").value(value);
  });
}

void ItemStreamEncoder::place(json::Writer& w, const Open& item) const {
  w.field("item_id", item.id).field("output_index", static_cast<int64_t>(item.output));
  if (!item.names->index.empty())
    w.key(item.names->index).integer(static_cast<int64_t>(item.parts.size()) - 1);
}

void ItemStreamEncoder::write_part(json::Writer& w, const Open& item) const {
  const Part& part = item.parts.back();
  if (const auto* reasoning = part.as<Reasoning>())
    w.begin_object().field("type", "summary_text").field("text", reasoning->text).end_object();
  else
    write_content(w, part, Role::kAssistant, kResponsesResponse);
}

void ItemStreamEncoder::begin(const Response& head, std::string& out) {
  response_id_ = head.id;
  for (const std::string_view type : {"response.created", "response.in_progress"})
    emit(type, out, [&](json::Writer& w) { write_head(w.key("response"), head); });
}

// Has the last part of an open item take the event's text.
void ItemStreamEncoder::open_text(const StreamEvent& event, const Names& names, std::string& out) {
  if (open_ && open_->text_open && open_->part == event.part && open_->names == &names) return;
  close_text(out);
  const bool reasoning = &names == &kSummary || &names == &kReasoning;
  Part fresh = part_of(event, {Text{std::string(event.text)}, {}});
  const bool joins = open_ && !reasoning && !begins_item(fresh, &open_->parts.back(), Role::kAssistant);
  if (reasoning) fresh.body = Reasoning();
  if (joins) {
    open_->parts.push_back(std::move(fresh));
  } else {
    close_item(out);
    open_.emplace();
    open_->parts.push_back(std::move(fresh));
    begin_item(*open_, reasoning ? "summary" : "content", json::Value::array(), out);
  }
  text_of(open_->parts.back())->clear();
  open_->part = event.part;
  open_->names = &names;
  open_->text_open = true;
  if (names.added.empty()) return;
  emit(names.added, out, [&](json::Writer& w) {
    place(w, *open_);
    write_part(w.key("part"), *open_);
  });
}

void ItemStreamEncoder::add_text(const StreamEvent& event, const Names& names, std::string& out) {
  if (event.text.empty()) return;
  open_text(event, names, out);
  *text_of(open_->parts.back()) += event.text;
  emit(names.delta, out, [&](json::Writer& w) {
    place(w, *open_);
    w.field("delta", event.text);
    if (&names == &kText) w.key("logprobs").begin_array().end_array();
  });
}

void ItemStreamEncoder::close_text(std::string& out) {
  if (!open_ || !open_->text_open) return;
  open_->text_open = false;
  const Names& names = *open_->names;
  emit(names.done, out, [&](json::Writer& w) {
    place(w, *open_);
    w.key(names.member).string(*text_of(open_->parts.back()));
    if (&names == &kText) w.key("logprobs").begin_array().end_array();
  });
  if (names.ended.empty()) return;
  emit(names.ended, out, [&](json::Writer& w) {
    place(w, *open_);
    write_part(w.key("part"), *open_);
  });
}

void ItemStreamEncoder::close_item(std::string& out) {
  close_text(out);
  if (open_) end_item(*open_, out);
  open_.reset();
}

void ItemStreamEncoder::tool_call(const StreamEvent& event, std::string& out) {
  close_item(out);
  if (calls_.size() <= event.index) calls_.resize(event.index + size_t{1});
  Open call;
  const bool custom = event.body != nullptr && is_custom(event.body->extras);
  call.names = custom ? &kInput : &kArguments;
  ToolCall begun{std::string(event.id), std::string(event.name),
                 custom ? custom_arguments({}) : std::string()};
  call.parts.push_back(part_of(event, {std::move(begun), {}}));
  begin_item(call, call.names->member, "", out);
  call.parts.front().as<ToolCall>()->arguments.clear();
  calls_[event.index] = std::move(call);
}

// The free text of a custom tool stands within its arguments, and is taken out of them at the end.
void ItemStreamEncoder::call_arguments(const StreamEvent& event, std::string& out) {
  Open& call = *calls_[event.index];
  call.parts.front().as<ToolCall>()->arguments += event.text;
  if (call.names == &kInput) return;
  emit(call.names->delta, out, [&](json::Writer& w) {
    place(w, call);
    w.field("delta", event.text);
  });
}

void ItemStreamEncoder::call_end(Open& call, std::string& out) {
  std::string text = call.parts.front().as<ToolCall>()->arguments;
  if (call.names == &kInput) {
    custom_input(text, text);
    emit(call.names->delta, out, [&](json::Writer& w) {
      place(w, call);
      w.field("delta", text);
    });
  }
  emit(call.names->done, out, [&](json::Writer& w) {
    place(w, call);
    w.key(call.names->member).string(text);
  });
  end_item(call, out);
}

// A part is complete: what its deltas did not say.
void ItemStreamEncoder::part(const StreamEvent& event, std::string& out) {
  if (event.body == nullptr || event.body->as<ToolCall>() != nullptr) return;
  const bool own = extras_belong(event.body->extras, kResponses);
  Part body = *event.body;
  const std::string* text = text_of(body);
  if (text == nullptr) return whole_part(event, out);
  const Names& names = names_of(event);
  const bool open = open_ && open_->text_open && open_->part == event.part;
  if (!open && text->empty() && !own) return;
  if (!open && !text->empty()) {
    StreamEvent all = event;
    all.text = *text;
    add_text(all, names, out);
  }
  if (!open && text->empty() && body.as<Reasoning>() != nullptr) return whole_part(event, out);
  if (!open && text->empty()) open_text(event, names, out);
  open_->parts.back() = part_of(event, std::move(body));
  close_text(out);
}

// A part that has no deltas: an item, or a content of a message.
void ItemStreamEncoder::whole_part(const StreamEvent& event, std::string& out) {
  const Part& body = *event.body;
  const bool content = is_content(body, Role::kAssistant);
  close_text(out);
  if (open_ && content && !begins_item(body, &open_->parts.back(), Role::kAssistant)) {
    open_->parts.push_back(body);
    return;
  }
  Open whole;
  whole.parts.push_back(body);
  if (value_of(whole).is_null()) return;
  close_item(out);
  begin_item(whole, content ? "content" : "", json::Value::array(), out);
  open_ = std::move(whole);
}

void ItemStreamEncoder::event(const StreamEvent& event, std::string& out) {
  const bool known = event.index < calls_.size() && calls_[event.index].has_value();
  switch (event.kind) {
    case StreamEvent::Kind::kText:
    case StreamEvent::Kind::kReasoning: add_text(event, names_of(event), out); break;
    case StreamEvent::Kind::kToolCall: tool_call(event, out); break;
    case StreamEvent::Kind::kToolCallArgs:
      if (known) call_arguments(event, out);
      break;
    case StreamEvent::Kind::kToolCallEnd:
      if (!known) break;
      if (event.body != nullptr && event.body->as<ToolCall>() != nullptr)
        calls_[event.index]->parts.front() = part_of(event, {*event.body->as<ToolCall>(), {}});
      call_end(*calls_[event.index], out);
      calls_[event.index].reset();
      break;
    case StreamEvent::Kind::kPart: part(event, out); break;
    case StreamEvent::Kind::kPing: out += ": ping\n\n"; break;
    case StreamEvent::Kind::kStart:
    case StreamEvent::Kind::kUsage:
    case StreamEvent::Kind::kFinish: break;
  }
}

void ItemStreamEncoder::finish(const Response& whole, std::string& out) {
  if (const std::optional<Part> mark = refusal_mark(whole)) {
    StreamEvent event{};
    event.kind = StreamEvent::Kind::kPart;
    event.part = UINT32_MAX;
    event.body = &*mark;
    part(event, out);
  }
  close_item(out);
  for (std::optional<Open>& call : calls_)
    if (call) call_end(*call, out);
  const std::string_view status = status_of(whole);
  const bool other = status == "incomplete" || status == "failed" || status == "cancelled";
  emit("response." + std::string(other ? status : "completed"), out,
       [&](json::Writer& w) { write_response(w.key("response"), whole); });
}

void ItemStreamEncoder::error(const Status& status, std::string& out) {
  emit("error", out, [&](json::Writer& w) {
    w.field("code", status.reason()).field("message", status.message()).key("param").null();
    w.key("error").begin_object().field("type", openai_error_type(status));
    w.field("code", status.reason()).field("message", status.message()).key("param").null().end_object();
  });
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ItemStreamEncoder>(); }

}  // namespace tau::wire::responses
