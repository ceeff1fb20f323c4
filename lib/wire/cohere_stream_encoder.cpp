// Writes a stream of Cohere's chat.
#include "wire/block_encoder.h"
#include "wire/cohere.h"
#include "wire/turns.h"

namespace tau::wire::cohere {
namespace {

// An event; `write` writes its members after the type.
template <class F>
void append_event(std::string& out, std::string_view type, const F& write) {
  out.append("event: ").append(type).append("\ndata: ");
  json::Writer w(out);
  w.begin_object().field("type", type);
  write(w);
  w.end_object();
  out += "\n\n";
}

// One whose delta is a member of the message, which `write` writes.
template <class F>
void append_delta(std::string& out, std::string_view type, int64_t index, const F& write) {
  append_event(out, type, [&](json::Writer& w) {
    w.field("index", index).key("delta").begin_object().key("message").begin_object();
    write(w);
    w.end_object().end_object();
  });
}

bool is_plan(const Part* part) {
  return part != nullptr && part->as<Reasoning>() != nullptr && extras_belong(part->extras, kCohere) &&
         find_form(part->extras, "fields") == R"(["tool_plan"])";
}

class ChatStreamEncoder final : public BlockStreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  bool can_write(const Part& part) const override {
    return is_thought(part) || openai::is_content(part, kFlavor);
  }
  void start_text(int64_t index, bool thinking, const StreamEvent& event, std::string& out) override;
  void text_delta(int64_t index, bool thinking, std::string_view text, std::string& out) override;
  void complete(int64_t, const Part&, std::string&) override {}  // nothing is left to say
  void start_call(int64_t index, const StreamEvent& event, std::string& out) override;
  void call_delta(int64_t index, std::string_view json, std::string& out) override;
  void stop(int64_t index, bool call, std::string& out) override;
  void whole(int64_t index, const Part& part, std::string& out) override;
};

void ChatStreamEncoder::begin(const Response& head, std::string& out) {
  append_event(out, "message-start", [&](json::Writer& w) {
    w.field("id", head.id).key("delta").begin_object().key("message");
    ObjectWriter message(w, head.message.extras, kCohereResponse);
    message.field("role", "assistant");
    message.field("tool_plan", "");
    for (const std::string_view list : {"content", "tool_calls", "citations"})
      message.key(list).begin_array().end_array();
    message.done();
    w.end_object();
  });
}

// The plan is a member of the message, not a block of its content.
void ChatStreamEncoder::event(const StreamEvent& event, std::string& out) {
  if (!is_plan(event.body)) return BlockStreamEncoder::event(event, out);
  if (event.kind != StreamEvent::Kind::kReasoning) return;
  close_open(out);
  append_event(out, "tool-plan-delta", [&](json::Writer& w) {
    w.key("delta").begin_object().key("message").begin_object();
    w.field("tool_plan", event.text).end_object().end_object();
  });
}

void ChatStreamEncoder::start_text(int64_t index, bool thinking, const StreamEvent& event, std::string& out) {
  static const Extras kNone;
  const bool own = event.body != nullptr && extras_belong(event.body->extras, kCohere);
  append_delta(out, "content-start", index, [&](json::Writer& w) {
    w.key("content");
    ObjectWriter block(w, own ? event.body->extras : kNone, kCohere);
    block.field("type", thinking ? "thinking" : "text");
    block.field(thinking ? "thinking" : "text", "");
    block.done();
  });
}

void ChatStreamEncoder::text_delta(int64_t index, bool thinking, std::string_view text, std::string& out) {
  append_delta(out, "content-delta", index, [&](json::Writer& w) {
    w.key("content").begin_object().field(thinking ? "thinking" : "text", text).end_object();
  });
}

void ChatStreamEncoder::start_call(int64_t index, const StreamEvent& event, std::string& out) {
  Part part{ToolCall{std::string(event.id), std::string(event.name), {}}, {}};
  if (event.body != nullptr) part.extras = event.body->extras;
  std::string text;
  json::Writer whole(text);
  openai::write_call(whole, part, false, kFlavor);
  StatusOr<json::Value> call = json::parse(text);
  if (call.ok() && call->find("function") != nullptr) call->find("function")->set("arguments", "");
  append_delta(out, "tool-call-start", index,
               [&](json::Writer& w) { w.key("tool_calls").raw(call.ok() ? json::write(*call) : text); });
}

void ChatStreamEncoder::call_delta(int64_t index, std::string_view json, std::string& out) {
  append_delta(out, "tool-call-delta", index, [&](json::Writer& w) {
    w.key("tool_calls").begin_object().key("function").begin_object();
    w.field("arguments", json).end_object().end_object();
  });
}

void ChatStreamEncoder::stop(int64_t index, bool call, std::string& out) {
  append_event(out, call ? "tool-call-end" : "content-end",
               [&](json::Writer& w) { w.field("index", index); });
}

void ChatStreamEncoder::whole(int64_t index, const Part& part, std::string& out) {
  append_delta(out, "content-start", index,
               [&](json::Writer& w) { openai::write_content_part(w.key("content"), part, kFlavor); });
  stop(index, false, out);
}

void ChatStreamEncoder::finish(const Response& whole, std::string& out) {
  close_open(out);
  const bool own = extras_belong(whole.message.extras, kCohereResponse);
  const StatusOr<json::Value> citations = json::parse(own ? whole.message.extras.find("citations") : "");
  int64_t index = 0;
  if (citations.ok())
    for (const json::Value& citation : citations->as_array()) {
      append_delta(out, "citation-start", index,
                   [&](json::Writer& w) { w.key("citations").value(citation); });
      append_event(out, "citation-end", [&](json::Writer& w) { w.field("index", index++); });
    }
  append_event(out, "message-end", [&](json::Writer& w) {
    w.key("delta");
    ObjectWriter delta(w, whole.extras, kCohereResponse);
    if (const std::string_view reason = finish_text(whole); !reason.empty())
      delta.field("finish_reason", reason);
    if (whole.usage.known) write_usage(delta.key("usage"), whole.usage);
    delta.done();
  });
  out += "data: [DONE]\n\n";
}

void ChatStreamEncoder::error(const Status& status, std::string& out) {
  append_event(out, "message-end", [&](json::Writer& w) {
    w.key("delta")
        .begin_object()
        .field("finish_reason", "ERROR")
        .field("error", status.message())
        .end_object();
  });
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ChatStreamEncoder>(); }

}  // namespace tau::wire::cohere
