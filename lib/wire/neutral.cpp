#include "wire/neutral.h"

#include <map>

#include "wire/error.h"
#include "wire/model_json.h"
#include "wire/stream_parts.h"

namespace tau::wire {
namespace {

class NeutralDecoder final : public PartsStreamDecoder {
 public:
  Status event(std::string_view, std::string_view data, StreamSink& sink) override {
    if (!failed_.ok() || finished_) return failed_;
    if (data.find_first_not_of(" \t\r\n") == data.npos) return ok_status();
    const StatusOr<json::Value> value = json::parse(data);
    if (!value.ok())
      return fail(bad_response(format("a line of the model is no event: {}", value.status().message())));
    Status status = apply(*value, sink);
    return status.ok() ? status : fail(std::move(status));
  }

  Status end(StreamSink&) override {
    if (failed_.ok() && !finished_) failed_ = stream_truncated("\"finish\"");
    return failed_;
  }

  void reset() override {
    restart();
    places_.clear();
    last_ = kNone;
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  Status apply(const json::Value& value, StreamSink& sink) {
    const std::string_view name = value["event"].as_string();
    if (name == "error") return error_from_neutral(value["error"]);
    if (name == "ping") return ping(sink);
    parts_.start(sink);
    if (name == "start") return start(value["response"]);
    if (name == "text") return append(value, Part{.body = Text{}, .extras = {}}, sink);
    if (name == "reasoning")
      return append(value, Part{.body = Reasoning{.text = {}, .opaque = {}}, .extras = {}}, sink);
    if (name == "tool_call") return tool_call(value, sink);
    if (name == "tool_call_args" || name == "tool_call_end") return more_of_call(value, name, sink);
    if (name == "part") return whole_part(value, sink);
    if (name == "usage") return usage(value["usage"], sink);
    if (name == "finish") return finish(value, sink);
    return bad_response(format("the event \"{}\" of the model is not known", repair_utf8(name)));
  }

  static Status ping(StreamSink& sink) {
    StreamEvent event{};
    event.kind = StreamEvent::Kind::kPing;
    sink.on_event(event);
    return ok_status();
  }

  Status start(const json::Value& head) {
    Response& response = parts_.response();
    response.id = head["id"].as_string();
    response.model = head["model"].as_string();
    response.created = head["created"].as_int();
    return ok_status();
  }

  // Where the part of an event is; kNone: it begins.
  size_t place_of(const json::Value& value) const {
    if (!value.contains("part")) return last_;
    const auto at = places_.find(value["part"].as_int(-1));
    return at == places_.end() ? kNone : at->second;
  }
  size_t begin(const json::Value& value, Part part, StreamSink& sink) {
    last_ = parts_.add(std::move(part), sink);
    if (value.contains("part")) places_[value["part"].as_int(-1)] = last_;
    return last_;
  }

  Status append(const json::Value& value, Part empty, StreamSink& sink) {
    if (!value["text"].is_string()) return bad_response("\"text\" of an event of the model is no string");
    size_t at = place_of(value);
    const bool fits = at != kNone && parts_.is_open(at) && parts_.part(at).body.index() == empty.body.index();
    if (at != kNone && !fits && value.contains("part"))
      return bad_response("an event of the model goes to a part of another kind");
    if (!fits) {
      empty.extras = extras_from_json(value["extras"]);
      at = begin(value, std::move(empty), sink);
    }
    last_ = at;
    parts_.append(at, value["text"].as_string(), sink, value["name"].as_string());
    return ok_status();
  }

  Status tool_call(const json::Value& value, StreamSink& sink) {
    if (value["name"].as_string().empty()) return bad_response("a tool call of the model has no name");
    Part part{
        .body = ToolCall{std::string(value["id"].as_string()), std::string(value["name"].as_string()), {}},
        .extras = extras_from_json(value["extras"])};
    const size_t at = begin(value, std::move(part), sink);
    if (!value.contains("arguments")) return ok_status();
    const json::Value& arguments = value["arguments"];
    const std::string text =
        arguments.is_string() ? std::string(arguments.as_string()) : json::write(arguments);
    parts_.append(at, text, sink);
    parts_.close(at, sink);
    return ok_status();
  }

  Status more_of_call(const json::Value& value, std::string_view name, StreamSink& sink) {
    const size_t at = place_of(value);
    if (at == kNone || parts_.part(at).as<ToolCall>() == nullptr || !parts_.is_open(at))
      return bad_response(format("\"{}\" of the model belongs to no open tool call", name));
    if (name == "tool_call_args") {
      parts_.append(at, value["text"].as_string(), sink);
    } else {
      parts_.close(at, sink);
    }
    return ok_status();
  }

  // A part that has no deltas, or the rest of one that had them: a signature, say.
  Status whole_part(const json::Value& value, StreamSink& sink) {
    StatusOr<Part> body = part_from_json(value["body"]);
    if (!body.ok()) return bad_response(body.status().message());
    size_t at = value.contains("part") ? place_of(value) : kNone;
    if (at == kNone) {
      at = begin(value, *std::move(body), sink);
    } else if (parts_.is_open(at) && parts_.part(at).body.index() == body->body.index()) {
      parts_.part(at) = *std::move(body);
    }
    parts_.close(at, sink);
    return ok_status();
  }

  // It becomes money: what cannot be a count is none.
  static Status check(const Usage& usage) {
    for (const int64_t count :
         {usage.input, usage.output, usage.cached_input, usage.cache_write, usage.reasoning})
      if (count < 0) return bad_response("a count of the model's usage is negative");
    return ok_status();
  }

  Status usage(const json::Value& value, StreamSink& sink) {
    StatusOr<Usage> read = usage_from_json(value);
    if (!read.ok()) return bad_response(read.status().message());
    TAU_RETURN_IF_ERROR(check(*read));
    read->known = true;
    parts_.response().usage = *std::move(read);
    parts_.usage(sink);
    return ok_status();
  }

  Status finish(const json::Value& value, StreamSink& sink) {
    if (value.contains("usage")) TAU_RETURN_IF_ERROR(usage(value["usage"], sink));
    Response& made = parts_.response();
    if (value.contains("response")) {
      StatusOr<Response> whole = response_from_json(value["response"]);
      if (!whole.ok()) return bad_response(whole.status().message());
      TAU_RETURN_IF_ERROR(check(whole->usage));
      if (parts_.size() == 0)
        for (const Part& part : whole->message.parts) tell_whole(part, sink);
      parts_.close_all(sink);
      whole->message.role = Role::kAssistant;
      whole->message.labels = Labels::from(Source::kModel);
      if (!whole->usage.known) whole->usage = made.usage;
      made = *std::move(whole);
      TAU_RETURN_IF_ERROR(tell_end(sink));
      return ok_status();
    }
    const std::string_view why = value["finish"].as_string();
    made.finish = parts_.has_calls() ? FinishReason::kToolCalls : FinishReason::kStop;
    for (auto reason = FinishReason::kStop; reason < FinishReason::kOther;
         reason = static_cast<FinishReason>(static_cast<uint8_t>(reason) + 1))
      if (finish_reason_name(reason) == why) made.finish = reason;
    parts_.close_all(sink);
    return tell_end(sink);
  }

  void tell_whole(const Part& part, StreamSink& sink) {
    std::string arguments;
    if (const auto* call = part.as<ToolCall>()) arguments = call->arguments;
    const size_t at = parts_.add(part, sink);
    if (!arguments.empty()) parts_.append(at, arguments, sink);
  }

  Status tell_end(StreamSink& sink) {
    finished_ = true;
    StreamEvent event{};
    event.kind = StreamEvent::Kind::kFinish;
    event.text = parts_.response().finish_text;
    sink.on_event(event);
    return ok_status();
  }

  std::map<int64_t, size_t> places_;  // of the parts that have numbers
  size_t last_ = kNone;               // where an event without a number goes
};

}  // namespace

std::unique_ptr<StreamDecoder> neutral_stream_decoder() { return std::make_unique<NeutralDecoder>(); }

Status error_from_neutral(const json::Value& error) {
  ErrorInfo info;
  for (int32_t code = 1; code <= static_cast<int32_t>(Code::kUnauthenticated); ++code)
    if (code_name(static_cast<Code>(code)) == error["code"].as_string()) info.code = static_cast<Code>(code);
  info.reason = error["reason"].as_string("provider_error");
  info.message = error["message"].as_string();
  info.retryable = error["retryable"].as_bool();
  info.retry_after_ms = error["retry_after_ms"].as_int(-1);
  if (error["details"].is_object()) info.details_json = json::write(error["details"]);
  return Status(std::move(info));
}

}  // namespace tau::wire
