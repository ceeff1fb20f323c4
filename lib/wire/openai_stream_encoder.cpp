// Writes a chat completions stream.
#include "wire/error.h"
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

class ChatStreamEncoder final : public StreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  void set_prefix(const Response& head);
  // Everything of a chunk before the members of its delta, and after them.
  void open_delta(std::string& out) const;
  static void close_delta(std::string& out) { out += "},\"finish_reason\":null}]}\n\n"; }
  void tool_call(const StreamEvent& event, std::string& out) const;
  void tool_call_end(const StreamEvent& event, std::string& out) const;
  void reasoning(const StreamEvent& event, std::string& out) const;
  void last_choice(const Response& whole, std::string& out) const;
  void other_choices(const Response& whole, std::string& out) const;
  void usage(const Usage& usage, std::string& out) const;

  std::string prefix_;  // "data: {…," up to and without the choices
};

void member(std::string& out, std::string_view name, std::string_view text) {
  out += '"';
  out += name;
  out += "\":";
  json::append_string(out, text);
}

void ChatStreamEncoder::set_prefix(const Response& head) {
  prefix_ = "data: {";
  member(prefix_, "id", head.id);
  prefix_ += R"(,"object":"chat.completion.chunk","created":)";
  prefix_ += std::to_string(head.created);
  prefix_ += ',';
  member(prefix_, "model", head.model);
  prefix_ += ',';
}

void ChatStreamEncoder::open_delta(std::string& out) const {
  out += prefix_;
  out += R"("choices":[{"index":0,"delta":{)";
}

void ChatStreamEncoder::begin(const Response& head, std::string& out) {
  set_prefix(head);
  open_delta(out);
  out += R"("role":"assistant","content":"")";
  close_delta(out);
}

void ChatStreamEncoder::event(const StreamEvent& event, std::string& out) {
  switch (event.kind) {
    case StreamEvent::Kind::kText:
      open_delta(out);
      member(out, event.body != nullptr && is_refusal(*event.body) ? "refusal" : "content", event.text);
      close_delta(out);
      break;
    case StreamEvent::Kind::kReasoning: reasoning(event, out); break;
    case StreamEvent::Kind::kToolCall: tool_call(event, out); break;
    case StreamEvent::Kind::kToolCallArgs:
      open_delta(out);
      out += format(R"("tool_calls":[{{"index":{},"function":{{)", event.index);
      member(out, "arguments", event.text);
      out += "}}]";
      close_delta(out);
      break;
    case StreamEvent::Kind::kToolCallEnd: tool_call_end(event, out); break;
    case StreamEvent::Kind::kPing: out += ": ping\n\n"; break;
    case StreamEvent::Kind::kStart:
    case StreamEvent::Kind::kUsage:
    case StreamEvent::Kind::kFinish:
    case StreamEvent::Kind::kPart: break;
  }
}

void ChatStreamEncoder::reasoning(const StreamEvent& event, std::string& out) const {
  open_delta(out);
  if (event.name == "thinking") {
    out += R"("content":[{"type":"thinking","thinking":[{"type":"text",)";
    member(out, "text", event.text);
    out += "}]}]";
  } else {
    member(out, event.name == "reasoning" ? "reasoning" : "reasoning_content", event.text);
  }
  close_delta(out);
}

void ChatStreamEncoder::tool_call(const StreamEvent& event, std::string& out) const {
  open_delta(out);
  out += format(R"("tool_calls":[{{"index":{},)", event.index);
  member(out, "id", event.id);
  out += R"(,"type":"function","function":{)";
  member(out, "name", event.name);
  out += R"(,"arguments":""}}])";
  close_delta(out);
}

// What else the call carries, such as a thought signature, is known at its end.
void ChatStreamEncoder::tool_call_end(const StreamEvent& event, std::string& out) const {
  if (event.body == nullptr || event.body->extras.empty() || !extras_belong(event.body->extras, kOpenAi))
    return;
  open_delta(out);
  json::Writer w(out);
  w.key("tool_calls").begin_array();
  ObjectWriter object(w, event.body->extras, kOpenAi);
  object.field("index", int64_t{event.index});
  object.done();
  w.end_array();
  close_delta(out);
}

void ChatStreamEncoder::last_choice(const Response& whole, std::string& out) const {
  out += prefix_;
  json::Writer w(out);
  const bool own = extras_belong(whole.extras, kOpenAiResponse);
  const std::string_view rest = own ? find_form(whole.extras, "choice") : std::string_view();
  w.key("choices").begin_array().begin_object();
  if (rest.empty())
    w.field("index", 0);
  else
    write_members(w, rest);
  w.key("delta");
  ObjectWriter delta(w, whole.message.extras, kOpenAiResponse);
  for (const Part& part : whole.message.parts)
    if (const auto* reasoning = part.as<Reasoning>();
        reasoning != nullptr && reasoning->form == Reasoning::Form::kDetails)
      delta.raw("reasoning_details", reasoning->opaque);
  delta.done();
  const std::string_view finish = finish_text(whole);
  if (!finish.empty())
    w.field("finish_reason", finish);
  else if (rest.empty())
    w.key("finish_reason").null();
  w.end_object().end_array();
  if (own)
    for (const auto& [key, json] : whole.extras)
      if (!key.starts_with("tau:") && key != "choices" && key != "object" && key != "usage")
        w.key(key).raw(json);
  out += "}\n\n";
}

void ChatStreamEncoder::other_choices(const Response& whole, std::string& out) const {
  if (!extras_belong(whole.extras, kOpenAiResponse)) return;
  const StatusOr<json::Value> others = json::parse(find_form(whole.extras, "choices"));
  if (!others.ok()) return;
  for (const json::Value& other : others->as_array()) {
    json::Value choice = other;
    choice.erase("message");
    choice.set("delta", other["message"]);
    out += prefix_;
    out += "\"choices\":[";
    json::write(choice, out);
    out += "]}\n\n";
  }
}

void ChatStreamEncoder::usage(const Usage& usage, std::string& out) const {
  if (!usage.known) return;
  out += prefix_;
  json::Writer w(out);
  w.key("choices").begin_array().end_array();
  write_usage(w.key("usage"), usage);
  out += "}\n\n";
}

void ChatStreamEncoder::finish(const Response& whole, std::string& out) {
  set_prefix(whole);
  other_choices(whole, out);
  last_choice(whole, out);
  usage(whole.usage, out);
  out += "data: [DONE]\n\n";
}

void ChatStreamEncoder::error(const Status& status, std::string& out) {
  out += "data: ";
  out += openai_chat().encode_error(status);
  out += "\n\n";
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ChatStreamEncoder>(); }

}  // namespace tau::wire::openai
