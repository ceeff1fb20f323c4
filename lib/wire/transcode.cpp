#include "wire/transcode.h"

#include <algorithm>
#include <array>

#include "wire/error.h"
#include "wire/framing.h"
#include "wire/model_json.h"
#include "wire/quirks.h"

namespace tau::wire {
namespace {

constexpr std::array<std::string_view, 10> kEvents = {
    "start",         "text",  "reasoning", "tool_call", "tool_call_args",
    "tool_call_end", "usage", "ping",      "finish",    "part"};

StatusOr<const Dialect*> dialect_named(std::string_view name) {
  const Dialect* dialect = find_dialect(name);
  if (dialect != nullptr) return dialect;
  return invalid_argument("unknown_dialect", format("dialect \"{}\" is not known", name));
}

StatusOr<HeaderList> headers_from_json(std::string_view text) {
  HeaderList list;
  if (text.empty()) return list;
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  if (!value.is_object()) return invalid_argument("invalid_headers", "headers are a JSON object of strings");
  for (const auto& [key, member] : value.as_object()) {
    if (!member.is_string())
      return invalid_argument("invalid_headers", format("header \"{}\" is not a string", key));
    std::string name = key;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    list.emplace_back(std::move(name), member.as_string());
  }
  return list;
}

// Writes each event as one line.
class LineSink final : public StreamSink {
 public:
  explicit LineSink(const StreamDecoder& decoder) : decoder_(decoder) {}
  void aim(std::string& lines) { lines_ = &lines; }

  void on_event(const StreamEvent& event) override {
    using Kind = StreamEvent::Kind;
    json::Writer out(*lines_);
    out.begin_object().field("event", kEvents[static_cast<size_t>(event.kind)]);
    const bool call = event.kind == Kind::kToolCall || event.kind == Kind::kToolCallArgs ||
                      event.kind == Kind::kToolCallEnd;
    const bool text =
        event.kind == Kind::kText || event.kind == Kind::kReasoning || event.kind == Kind::kToolCallArgs;
    if (call || text || event.kind == Kind::kPart) out.field("part", int64_t{event.part});
    if (call) out.field("index", int64_t{event.index});
    if (text) out.field("text", event.text);
    if (event.kind == Kind::kToolCall) out.field("id", event.id);
    if ((event.kind == Kind::kReasoning && !event.name.empty()) || event.kind == Kind::kToolCall)
      out.field("name", event.name);
    // Deltas need the part only for what it carries besides its text.
    if (event.body != nullptr) write_body(out, event);
    if (event.kind == Kind::kUsage) write_usage(out.key("usage"), decoder_.response().usage);
    if (event.kind == Kind::kStart || event.kind == Kind::kFinish)
      write_response(out.key("response"), decoder_.response());
    out.end_object();
    *lines_ += '\n';
  }

 private:
  static void write_body(json::Writer& out, const StreamEvent& event) {
    if (event.kind == StreamEvent::Kind::kPart || event.kind == StreamEvent::Kind::kToolCallEnd)
      write_part(out.key("body"), *event.body);
    else
      write_extras(out, event.body->extras);
  }

  const StreamDecoder& decoder_;
  std::string* lines_ = nullptr;
};

}  // namespace

StatusOr<std::string> request_to_neutral(std::string_view dialect, std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  TAU_ASSIGN_OR_RETURN(const Request request, codec->decode_request(body));
  return to_json(request);
}

StatusOr<std::string> neutral_to_request(std::string_view dialect, std::string_view neutral,
                                         const Quirks& quirks) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  TAU_ASSIGN_OR_RETURN(const Request request, request_from_json(neutral));
  Request scratch;
  return codec->encode_request(fit(request, *codec, quirks, scratch), quirks);
}

StatusOr<std::string> response_to_neutral(std::string_view dialect, std::string_view body,
                                          const Quirks& quirks) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  TAU_ASSIGN_OR_RETURN(const Response response, codec->decode_response(body, quirks));
  return to_json(response);
}

StatusOr<std::string> neutral_to_response(std::string_view dialect, std::string_view neutral) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  TAU_ASSIGN_OR_RETURN(const Response response, response_from_json(neutral));
  return codec->encode_response(response);
}

StatusOr<std::string> error_to_neutral(std::string_view dialect, int http_status, std::string_view headers,
                                       std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  TAU_ASSIGN_OR_RETURN(const HeaderList list, headers_from_json(headers));
  const Status status = decode_http_error(*codec, http_status, list, body);
  const int64_t wait = status.retry_after_ms();
  std::string text;
  json::Writer out(text);
  out.begin_object().field("code", code_name(status.code())).field("reason", status.reason());
  out.field("message", status.message()).field("retryable", status.retryable());
  if (wait >= 0) out.field("retry_after_ms", wait);
  if (!status.details_json().empty()) out.field_raw("details", status.details_json());
  out.end_object();
  return text;
}

StatusOr<Quirks> quirks_from_json(std::string_view text) {
  Quirks quirks;
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  TAU_RETURN_IF_ERROR(set_quirks(value, quirks));
  return quirks;
}

struct StreamTranscoder::Impl {
  Impl(std::unique_ptr<StreamDecoder> d, Framing framing)
      : decoder(std::move(d)), frames(framing), sink(*decoder) {}
  bool take(std::string_view type, std::string_view data) {
    failed = decoder->event(type, data, sink);
    return failed.ok();
  }
  std::unique_ptr<StreamDecoder> decoder;
  FrameReader frames;
  LineSink sink;
  Status failed;
};

StreamTranscoder::StreamTranscoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamTranscoder::~StreamTranscoder() = default;

StatusOr<std::unique_ptr<StreamTranscoder>> StreamTranscoder::create(std::string_view dialect,
                                                                     const Quirks& quirks) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  return std::unique_ptr<StreamTranscoder>(
      new StreamTranscoder(std::make_unique<Impl>(codec->stream_decoder(quirks), codec->framing())));
}

Status StreamTranscoder::feed(std::string_view bytes, std::string& lines) {
  if (!impl_->failed.ok()) return impl_->failed;
  impl_->sink.aim(lines);
  const Status framing = impl_->frames.feed(
      bytes, [&](std::string_view type, std::string_view data) { return impl_->take(type, data); });
  if (impl_->failed.ok() && !framing.ok()) impl_->failed = framing;
  return impl_->failed;
}

Status StreamTranscoder::end(std::string& lines) {
  if (!impl_->failed.ok()) return impl_->failed;
  impl_->sink.aim(lines);
  const Status framing = impl_->frames.end(
      [&](std::string_view type, std::string_view data) { return impl_->take(type, data); });
  if (impl_->failed.ok() && !framing.ok() && !impl_->decoder->finished()) impl_->failed = framing;
  if (impl_->failed.ok()) impl_->failed = impl_->decoder->end(impl_->sink);
  return impl_->failed;
}

struct StreamReencoder::Impl {
  enum class At : uint8_t { kBeginning, kMiddle, kEnd };

  Status apply(const json::Value& value, std::string& bytes);
  Status event(StreamEvent::Kind kind, const json::Value& value, std::string& bytes);

  std::unique_ptr<StreamEncoder> encoder;
  At at = At::kBeginning;
  std::string rest;  // of a line that is not whole
  Status failed;
};

StreamReencoder::StreamReencoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamReencoder::~StreamReencoder() = default;

StatusOr<std::unique_ptr<StreamReencoder>> StreamReencoder::create(std::string_view dialect) {
  TAU_ASSIGN_OR_RETURN(const Dialect* codec, dialect_named(dialect));
  auto impl = std::make_unique<Impl>();
  impl->encoder = codec->stream_encoder();
  return std::unique_ptr<StreamReencoder>(new StreamReencoder(std::move(impl)));
}

Status StreamReencoder::line(std::string_view text, std::string& bytes) {
  if (!impl_->failed.ok() || text.find_first_not_of(" \t\r") == text.npos) return impl_->failed;
  const StatusOr<json::Value> value = json::parse(text);
  impl_->failed = value.ok() ? impl_->apply(*value, bytes) : value.status();
  return impl_->failed;
}

Status StreamReencoder::feed(std::string_view text, std::string& bytes) {
  while (impl_->failed.ok() && !text.empty()) {
    const size_t end = text.find('\n');
    impl_->rest += text.substr(0, end);
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
    const std::string whole = std::exchange(impl_->rest, {});
    TAU_RETURN_IF_ERROR(line(whole, bytes));
  }
  return impl_->failed;
}

Status StreamReencoder::end(std::string& bytes) {
  const std::string last = std::exchange(impl_->rest, {});
  TAU_RETURN_IF_ERROR(line(last, bytes));
  if (impl_->at != Impl::At::kEnd)
    impl_->failed = unavailable("stream_truncated", "the events ended without \"finish\" or \"error\"");
  return impl_->failed;
}

Status StreamReencoder::Impl::apply(const json::Value& value, std::string& bytes) {
  const std::string_view name = value["event"].as_string();
  if (at == At::kEnd) return invalid_argument("invalid_event", "the stream has ended");
  if (name == "error") {
    at = At::kEnd;
    encoder->error(error_from_neutral(value["error"]), bytes);
    return ok_status();
  }
  const auto* kind = std::find(kEvents.begin(), kEvents.end(), name);
  if (kind == kEvents.end())
    return invalid_argument("invalid_event", format("event \"{}\" is not known", name));
  const auto known = static_cast<StreamEvent::Kind>(kind - kEvents.begin());
  const bool begins = known == StreamEvent::Kind::kStart || known == StreamEvent::Kind::kPing;
  if (at == At::kBeginning ? !begins : known == StreamEvent::Kind::kStart)
    return invalid_argument("invalid_event", "\"start\" comes first, and once");
  if (known == StreamEvent::Kind::kStart || known == StreamEvent::Kind::kFinish) {
    TAU_ASSIGN_OR_RETURN(const Response response, response_from_json(value["response"]));
    const bool start = known == StreamEvent::Kind::kStart;
    at = start ? At::kMiddle : At::kEnd;
    start ? encoder->begin(response, bytes) : encoder->finish(response, bytes);
    return ok_status();
  }
  return event(known, value, bytes);
}

Status StreamReencoder::Impl::event(StreamEvent::Kind kind, const json::Value& value, std::string& bytes) {
  StreamEvent event{};
  event.kind = kind;
  event.part = static_cast<uint32_t>(value["part"].as_int());
  event.index = static_cast<uint32_t>(value["index"].as_int());
  event.text = value["text"].as_string();
  event.id = value["id"].as_string();
  event.name = value["name"].as_string();
  Part body;
  body.extras = extras_from_json(value["extras"]);
  if (value.contains("body")) { TAU_ASSIGN_OR_RETURN(body, part_from_json(value["body"])); }
  event.body = &body;
  encoder->event(event, bytes);
  return ok_status();
}

}  // namespace tau::wire
