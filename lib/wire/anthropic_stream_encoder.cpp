// Writes a stream of Anthropic messages.
#include <optional>

#include "wire/anthropic.h"

namespace tau::wire::anthropic {
namespace {

class MessagesStreamEncoder final : public StreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  void text(const StreamEvent& event, bool thinking, std::string& out);
  void tool_call(const StreamEvent& event, std::string& out);
  void part(const StreamEvent& event, std::string& out);
  void open_text(const StreamEvent& event, bool thinking, std::string& out);
  void stop(int64_t index, std::string& out);
  void close_open(std::string& out);

  // The text or thinking block that is open.
  struct Open {
    uint32_t part;
    bool thinking;
    int64_t index;
  };
  std::optional<Open> open_;
  std::vector<int64_t> calls_;  // block index of each tool call
  int64_t next_ = 0;
};

void head_of(std::string& out, std::string_view type) {
  out += "event: ";
  out += type;
  out += "\ndata: ";
}

void delta(std::string& out, int64_t index, std::string_view type, std::string_view key,
           std::string_view value) {
  head_of(out, "content_block_delta");
  json::Writer w(out);
  w.begin_object().field("type", "content_block_delta").field("index", index);
  w.key("delta").begin_object().field("type", type).field(key, value).end_object().end_object();
  out += "\n\n";
}

json::Writer& start_block(json::Writer& w, int64_t index) {
  w.begin_object().field("type", "content_block_start").field("index", index);
  return w.key("content_block");
}

void MessagesStreamEncoder::begin(const Response& head, std::string& out) {
  head_of(out, "message_start");
  json::Writer w(out);
  w.begin_object().field("type", "message_start").key("message").begin_object();
  w.field("id", head.id).field("type", "message").field("role", "assistant").field("model", head.model);
  w.key("content").begin_array().end_array();
  w.key("stop_reason").null().key("stop_sequence").null();
  w.key("usage");
  if (head.usage.known)
    write_usage(w, head.usage);
  else
    w.begin_object().field("input_tokens", 0).field("output_tokens", 0).end_object();
  w.end_object().end_object();
  out += "\n\n";
}

void MessagesStreamEncoder::stop(int64_t index, std::string& out) {
  head_of(out, "content_block_stop");
  json::Writer w(out);
  w.begin_object().field("type", "content_block_stop").field("index", index).end_object();
  out += "\n\n";
}

void MessagesStreamEncoder::close_open(std::string& out) {
  if (!open_) return;
  stop(open_->index, out);
  open_.reset();
}

void MessagesStreamEncoder::open_text(const StreamEvent& event, bool thinking, std::string& out) {
  if (open_ && open_->part == event.part && open_->thinking == thinking) return;
  close_open(out);
  open_ = Open{event.part, thinking, next_++};
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, open_->index);
  static const Extras kNone;
  const bool known = event.body != nullptr && extras_belong(event.body->extras, kAnthropic);
  ObjectWriter block(w, known ? event.body->extras : kNone, kAnthropic);
  block.field("type", thinking ? "thinking" : "text");
  block.field(thinking ? "thinking" : "text", "");
  if (thinking) block.field("signature", "");
  // Citations come as deltas.
  if (event.kind == StreamEvent::Kind::kPart && event.body->extras.find("citations").size() > 4)
    block.key("citations").begin_array().end_array();
  block.done();
  w.end_object();
  out += "\n\n";
}

void MessagesStreamEncoder::text(const StreamEvent& event, bool thinking, std::string& out) {
  open_text(event, thinking, out);
  delta(out, open_->index, thinking ? "thinking_delta" : "text_delta", thinking ? "thinking" : "text",
        event.text);
}

void MessagesStreamEncoder::tool_call(const StreamEvent& event, std::string& out) {
  close_open(out);
  if (calls_.size() <= event.index) calls_.resize(event.index + size_t{1}, -1);
  calls_[event.index] = next_++;
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, calls_[event.index]);
  static const Extras kNone;
  ObjectWriter block(w, event.body != nullptr ? event.body->extras : kNone, kAnthropic);
  block.field("type", "tool_use");
  block.field("id", block.form("id").empty() ? wire_call_id(event.id) : std::string(event.id));
  block.field("name", event.name);
  block.key("input").begin_object().end_object();
  block.done();
  w.end_object();
  out += "\n\n";
}

// A part is complete: what its deltas did not say.
void MessagesStreamEncoder::part(const StreamEvent& event, std::string& out) {
  if (event.body == nullptr || !can_write(*event.body)) return;
  const Part& part = *event.body;
  const auto* reasoning = part.as<Reasoning>();
  if (reasoning != nullptr && reasoning->form == Reasoning::Form::kSignature) {
    open_text(event, true, out);
    if (!reasoning->opaque.empty())
      delta(out, open_->index, "signature_delta", "signature", reasoning->opaque);
    return close_open(out);
  }
  if (part.as<Text>() != nullptr) {
    open_text(event, false, out);
    const StatusOr<json::Value> citations = json::parse(part.extras.find("citations"));
    if (citations.ok())
      for (const json::Value& citation : citations->as_array()) {
        head_of(out, "content_block_delta");
        json::Writer w(out);
        w.begin_object().field("type", "content_block_delta").field("index", open_->index);
        w.key("delta").begin_object().field("type", "citations_delta").key("citation").value(citation);
        w.end_object().end_object();
        out += "\n\n";
      }
    return close_open(out);
  }
  if (part.as<ToolCall>() != nullptr) return;
  close_open(out);
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, next_);
  write_block(w, part);
  w.end_object();
  out += "\n\n";
  stop(next_++, out);
}

void MessagesStreamEncoder::event(const StreamEvent& event, std::string& out) {
  const bool known = event.index < calls_.size() && calls_[event.index] >= 0;
  switch (event.kind) {
    case StreamEvent::Kind::kText: text(event, false, out); break;
    case StreamEvent::Kind::kReasoning: text(event, true, out); break;
    case StreamEvent::Kind::kToolCall: tool_call(event, out); break;
    case StreamEvent::Kind::kToolCallArgs:
      if (known) delta(out, calls_[event.index], "input_json_delta", "partial_json", event.text);
      break;
    case StreamEvent::Kind::kToolCallEnd:
      if (known) stop(calls_[event.index], out);
      break;
    case StreamEvent::Kind::kPart: part(event, out); break;
    case StreamEvent::Kind::kPing: out += "event: ping\ndata: {\"type\":\"ping\"}\n\n"; break;
    case StreamEvent::Kind::kStart:
    case StreamEvent::Kind::kUsage:
    case StreamEvent::Kind::kFinish: break;
  }
}

void MessagesStreamEncoder::finish(const Response& whole, std::string& out) {
  close_open(out);
  head_of(out, "message_delta");
  json::Writer w(out);
  w.begin_object().field("type", "message_delta").key("delta");
  ObjectWriter fields(w, whole.extras, kAnthropicResponse);
  if (const std::string_view reason = stop_reason(whole); !reason.empty())
    fields.field("stop_reason", reason);
  else
    fields.key("stop_reason").null();
  if (fields.wants("stop_sequence")) fields.key("stop_sequence").null();
  fields.done();
  w.key("usage");
  if (whole.usage.known)
    write_usage(w, whole.usage);
  else
    w.begin_object().field("output_tokens", 0).end_object();
  w.end_object();
  out += "\n\n";
  head_of(out, "message_stop");
  out += "{\"type\":\"message_stop\"}\n\n";
}

void MessagesStreamEncoder::error(const Status& status, std::string& out) {
  head_of(out, "error");
  out += anthropic_messages().encode_error(status);
  out += "\n\n";
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<MessagesStreamEncoder>(); }

}  // namespace tau::wire::anthropic
