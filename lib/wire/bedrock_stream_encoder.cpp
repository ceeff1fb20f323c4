// Writes a stream of Bedrock Converse.
#include "wire/bedrock.h"
#include "wire/block_encoder.h"
#include "wire/event_stream.h"

namespace tau::wire::bedrock {
namespace {

using HeaderType = EventHeader::Type;

// A message with the JSON that `write` writes.
template <class F>
void append_event(std::string& out, std::string_view type, const F& write) {
  std::string payload;
  json::Writer w(payload);
  w.begin_object();
  write(w);
  w.end_object();
  append_event_message(out,
                       {{":event-type", HeaderType::kString, type},
                        {":content-type", HeaderType::kString, "application/json"},
                        {":message-type", HeaderType::kString, "event"}},
                       payload);
}

template <class F>
void append_delta(std::string& out, int64_t index, const F& write) {
  append_event(out, "contentBlockDelta", [&](json::Writer& w) {
    w.field("contentBlockIndex", index).key("delta").begin_object();
    write(w);
    w.end_object();
  });
}

class ConverseStreamEncoder final : public BlockStreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  bool can_write(const Part& part) const override { return bedrock::can_write(part); }
  void start_text(int64_t, bool, const StreamEvent&, std::string&) override {}  // text has none
  void text_delta(int64_t index, bool thinking, std::string_view text, std::string& out) override;
  void complete(int64_t index, const Part& part, std::string& out) override;
  void start_call(int64_t index, const StreamEvent& event, std::string& out) override;
  void call_delta(int64_t index, std::string_view json, std::string& out) override;
  void stop(int64_t index, bool call, std::string& out) override;
  void whole(int64_t index, const Part& part, std::string& out) override;
};

void ConverseStreamEncoder::begin(const Response&, std::string& out) {
  append_event(out, "messageStart", [](json::Writer& w) { w.field("role", "assistant"); });
}

void ConverseStreamEncoder::text_delta(int64_t index, bool thinking, std::string_view text,
                                       std::string& out) {
  append_delta(out, index, [&](json::Writer& w) {
    if (thinking)
      w.key("reasoningContent").begin_object().field("text", text).end_object();
    else
      w.field("text", text);
  });
}

void ConverseStreamEncoder::complete(int64_t index, const Part& part, std::string& out) {
  const auto* reasoning = part.as<Reasoning>();
  if (reasoning != nullptr && !reasoning->opaque.empty())
    append_delta(out, index, [&](json::Writer& w) {
      w.key("reasoningContent").begin_object().field("signature", reasoning->opaque).end_object();
    });
  const bool own = extras_belong(part.extras, kBedrock);
  const StatusOr<json::Value> citations = json::parse(own ? part.extras.find("citations") : "");
  if (part.as<Text>() == nullptr || !citations.ok()) return;
  for (const json::Value& citation : citations->as_array())
    append_delta(out, index, [&](json::Writer& w) { w.key("citation").value(citation); });
}

void ConverseStreamEncoder::start_call(int64_t index, const StreamEvent& event, std::string& out) {
  Part part{ToolCall{std::string(event.id), std::string(event.name), {}}, {}};
  if (event.body != nullptr) part.extras = event.body->extras;
  std::string text;
  json::Writer block(text);
  write_block(block, part);
  StatusOr<json::Value> start = json::parse(text);
  if (start.ok() && start->find("toolUse") != nullptr) start->find("toolUse")->erase("input");
  append_event(out, "contentBlockStart", [&](json::Writer& w) {
    w.field("contentBlockIndex", index).key("start").raw(start.ok() ? json::write(*start) : text);
  });
}

void ConverseStreamEncoder::call_delta(int64_t index, std::string_view json, std::string& out) {
  append_delta(out, index,
               [&](json::Writer& w) { w.key("toolUse").begin_object().field("input", json).end_object(); });
}

void ConverseStreamEncoder::stop(int64_t index, bool, std::string& out) {
  append_event(out, "contentBlockStop", [&](json::Writer& w) { w.field("contentBlockIndex", index); });
}

void ConverseStreamEncoder::whole(int64_t index, const Part& part, std::string& out) {
  const auto* reasoning = part.as<Reasoning>();
  const auto* opaque = part.as<Opaque>();
  if (reasoning == nullptr && opaque == nullptr) return;
  if (reasoning != nullptr)
    append_delta(out, index, [&](json::Writer& w) {
      w.key("reasoningContent")
          .begin_object()
          .field("redactedContent", redacted_bytes(*reasoning))
          .end_object();
    });
  else
    append_event(out, "contentBlockStart", [&](json::Writer& w) {
      w.field("contentBlockIndex", index).key("start").raw(opaque->json);
    });
  stop(index, false, out);
}

void ConverseStreamEncoder::finish(const Response& whole, std::string& out) {
  close_open(out);
  append_event(out, "messageStop", [&](json::Writer& w) {
    if (const std::string_view reason = stop_reason(whole); !reason.empty()) w.field("stopReason", reason);
    if (!extras_belong(whole.extras, kBedrockResponse)) return;
    if (const std::string_view more = whole.extras.find("additionalModelResponseFields"); !more.empty())
      w.field_raw("additionalModelResponseFields", more);
  });
  Extras rest = whole.extras;
  rest.erase("additionalModelResponseFields");
  std::string payload;
  json::Writer w(payload);
  ObjectWriter metadata(w, rest, kBedrockResponse);
  if (whole.usage.known) anthropic::write_usage(metadata.key("usage"), whole.usage, kUsageNames);
  if (metadata.wants("metrics")) metadata.key("metrics").begin_object().field("latencyMs", 0).end_object();
  metadata.done();
  append_event_message(out,
                       {{":event-type", HeaderType::kString, "metadata"},
                        {":content-type", HeaderType::kString, "application/json"},
                        {":message-type", HeaderType::kString, "event"}},
                       payload);
}

std::string_view exception_of(const Status& status) {
  const std::string_view reason = status.reason();
  if (reason == "rate_limited") return "throttlingException";
  if (reason == "quota_exhausted") return "serviceQuotaExceededException";
  if (reason == "overloaded") return "serviceUnavailableException";
  if (reason == "provider_error") return "modelStreamErrorException";
  if (reason == "authentication_failed")
    return status.code() == Code::kPermissionDenied ? "accessDeniedException" : "unrecognizedClientException";
  if (reason == "not_found") return "resourceNotFoundException";
  return status.code() == Code::kInvalidArgument ? "validationException" : "internalServerException";
}

void ConverseStreamEncoder::error(const Status& status, std::string& out) {
  append_event_message(out,
                       {{":exception-type", HeaderType::kString, exception_of(status)},
                        {":content-type", HeaderType::kString, "application/json"},
                        {":message-type", HeaderType::kString, "exception"}},
                       bedrock_converse().encode_error(status));
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ConverseStreamEncoder>(); }

}  // namespace tau::wire::bedrock
