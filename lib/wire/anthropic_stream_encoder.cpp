// Writes a stream of Anthropic messages.
#include "wire/anthropic.h"
#include "wire/block_encoder.h"

namespace tau::wire::anthropic {
namespace {

class MessagesStreamEncoder final : public BlockStreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  bool can_write(const Part& part) const override { return anthropic::can_write(part); }
  void start_text(int64_t index, bool thinking, const StreamEvent& event, std::string& out) override;
  void text_delta(int64_t index, bool thinking, std::string_view text, std::string& out) override;
  void complete(int64_t index, const Part& part, std::string& out) override;
  void start_call(int64_t index, const StreamEvent& event, std::string& out) override;
  void call_delta(int64_t index, std::string_view json, std::string& out) override;
  void stop(int64_t index, bool call, std::string& out) override;
  void whole(int64_t index, const Part& part, std::string& out) override;
  void ping(std::string& out) override { out += "event: ping\ndata: {\"type\":\"ping\"}\n\n"; }
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

void MessagesStreamEncoder::stop(int64_t index, bool, std::string& out) {
  head_of(out, "content_block_stop");
  json::Writer w(out);
  w.begin_object().field("type", "content_block_stop").field("index", index).end_object();
  out += "\n\n";
}

void MessagesStreamEncoder::start_text(int64_t index, bool thinking, const StreamEvent& event,
                                       std::string& out) {
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, index);
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

void MessagesStreamEncoder::text_delta(int64_t index, bool thinking, std::string_view text,
                                       std::string& out) {
  delta(out, index, thinking ? "thinking_delta" : "text_delta", thinking ? "thinking" : "text", text);
}

void MessagesStreamEncoder::start_call(int64_t index, const StreamEvent& event, std::string& out) {
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, index);
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

void MessagesStreamEncoder::call_delta(int64_t index, std::string_view json, std::string& out) {
  delta(out, index, "input_json_delta", "partial_json", json);
}

void MessagesStreamEncoder::complete(int64_t index, const Part& part, std::string& out) {
  const auto* reasoning = part.as<Reasoning>();
  if (reasoning != nullptr && !reasoning->opaque.empty())
    delta(out, index, "signature_delta", "signature", reasoning->opaque);
  if (part.as<Text>() == nullptr) return;
  const StatusOr<json::Value> citations = json::parse(part.extras.find("citations"));
  if (!citations.ok()) return;
  for (const json::Value& citation : citations->as_array()) {
    head_of(out, "content_block_delta");
    json::Writer w(out);
    w.begin_object().field("type", "content_block_delta").field("index", index);
    w.key("delta").begin_object().field("type", "citations_delta").key("citation").value(citation);
    w.end_object().end_object();
    out += "\n\n";
  }
}

void MessagesStreamEncoder::whole(int64_t index, const Part& part, std::string& out) {
  head_of(out, "content_block_start");
  json::Writer w(out);
  start_block(w, index);
  write_block(w, part);
  w.end_object();
  out += "\n\n";
  stop(index, false, out);
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
