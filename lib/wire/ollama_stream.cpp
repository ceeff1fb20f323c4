// Streams of Ollama's chat, both ways: each line is an answer with a piece of the message, the last one is
// "done".
#include <map>
#include <optional>

#include "base/base.h"
#include "wire/error.h"
#include "wire/event_fields.h"
#include "wire/ollama.h"
#include "wire/stream_parts.h"
#include "wire/text_tool_calls.h"
#include "wire/token_count.h"

namespace tau::wire::ollama {
namespace {

enum Object : uint8_t { kTop, kMessage };
enum Member : uint8_t {
  kModel,
  kCreatedAt,
  kError,
  kDone,
  kDoneReason,
  kGiven,
  kMade,
  kRole,
  kContent,
  kThinking,
  kCalls
};
using As = EventRule::As;
constexpr EventRule kRules[] = {
    {kTop, "message", As::kObject, kMessage},
    {kTop, "model", As::kText, kModel},
    {kTop, "created_at", As::kText, kCreatedAt},
    {kTop, "error", As::kJson, kError},
    {kTop, "done", As::kJson, kDone},
    {kTop, "done_reason", As::kText, kDoneReason},
    {kTop, "prompt_eval_count", As::kJson, kGiven},
    {kTop, "eval_count", As::kJson, kMade},
    {kMessage, "role", As::kText, kRole},
    {kMessage, "content", As::kPiece, kContent},
    {kMessage, "thinking", As::kPiece, kThinking},
    {kMessage, "tool_calls", As::kJson, kCalls},
};

// What is not fresh was kept before.
void keep(Extras& extras, const RawMembers& members, json::Compactor& compactor) {
  for (const RawMember& member : members)
    if (member.json.fresh) keep_member(member, compactor, extras);
}

class ChatStreamDecoder final : public PartsStreamDecoder {
 public:
  explicit ChatStreamDecoder(const Quirks& quirks) : quirks_(quirks) {}

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  void apply_top(const EventFields& line);
  void add_text(std::string_view text, StreamSink& sink);
  void add_visible(std::string_view text, StreamSink& sink);
  void add_calls(std::string_view calls, StreamSink& sink);
  void add_call(Part part, StreamSink& sink);
  size_t open(std::optional<size_t>& at, Part part, StreamSink& sink);
  void finish(StreamSink& sink);

  Quirks quirks_;
  EventFieldsReader reader_{kRules};
  json::Compactor compactor_{json::Halves::kReplace};
  std::optional<size_t> text_;
  std::optional<size_t> thinking_;
  size_t calls_ = 0;
  std::string created_at_;
  TextToolFilter filter_;
  std::string visible_;
  std::vector<TextToolFilter::Call> text_calls_;
};

void ChatStreamDecoder::reset() {
  restart();
  reader_.restart();
  text_.reset();
  thinking_.reset();
  calls_ = 0;
  created_at_.clear();
  filter_ = TextToolFilter();
  text_calls_.clear();
}

Status ChatStreamDecoder::event(std::string_view, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  const EventFields* line = reader_.read(data);
  if (line == nullptr)
    return fail(bad_response(format("a line of the stream is malformed: {}", reader_.status().message())));
  if (line->has(kError)) {
    const StatusOr<json::Value> error = json::parse(line->text(kError), json::Halves::kReplace);
    return fail(stream_error_status(error.ok() ? *error : json::Value(line->text(kError))));
  }
  if (!line->present[kMessage] && line->text(kDone) != "true")
    return fail(bad_response("a line of the stream has no \"message\""));
  apply_top(*line);
  parts_.start(sink);
  if (const std::string_view piece = line->text(kThinking); !piece.empty()) {
    Part part{Reasoning{}, {}};
    set_form(part.extras, "fields", R"(["thinking"])");
    mark_origin(part.extras, kOllamaResponse);
    parts_.append(open(thinking_, std::move(part), sink), piece, sink, "thinking");
  }
  add_text(line->text(kContent), sink);
  if (line->has(kCalls)) add_calls(line->text(kCalls), sink);
  keep(parts_.response().message.extras, line->others[kMessage], compactor_);
  if (line->text(kDone) == "true") finish(sink);
  return ok_status();
}

Status ChatStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (quirks_.done_mark_optional && !parts_.response().finish_text.empty()) {
    finish(sink);
    return ok_status();
  }
  return fail(stream_truncated("\"done\":true"));
}

size_t ChatStreamDecoder::open(std::optional<size_t>& at, Part part, StreamSink& sink) {
  if (!at) at = parts_.add(std::move(part), sink);
  return *at;
}

void ChatStreamDecoder::apply_top(const EventFields& line) {
  Response& response = parts_.response();
  if (line[kModel].fresh) response.model = line.text(kModel);
  if (line[kCreatedAt].fresh) created_at_ = line.text(kCreatedAt);
  if (line[kDoneReason].fresh) response.finish_text = line.text(kDoneReason);
  if (const std::optional<int64_t> n = token_count(line.text(kGiven))) response.usage.input = *n;
  if (const std::optional<int64_t> n = token_count(line.text(kMade))) response.usage.output = *n;
  response.usage.known = response.usage.known || line.has(kGiven) || line.has(kMade);
  keep(response.extras, line.others[kTop], compactor_);
}

void ChatStreamDecoder::add_text(std::string_view text, StreamSink& sink) {
  if (text.empty()) return;
  if (!quirks_.text_tool_calls || calls_ > 0) return add_visible(text, sink);
  visible_.clear();
  filter_.feed(text, visible_, text_calls_);
  add_visible(visible_, sink);
}

void ChatStreamDecoder::add_visible(std::string_view text, StreamSink& sink) {
  if (!text.empty()) parts_.append(open(text_, {Text{}, {}}, sink), text, sink);
}

void ChatStreamDecoder::add_calls(std::string_view calls, StreamSink& sink) {
  const StatusOr<json::Value> list = json::parse(calls, json::Halves::kReplace);
  if (!list.ok()) return;
  for (const json::Value& call : list->as_array())
    if (call.is_object())
      add_call(openai::decode_call(call, calls_, kOllamaResponse, call_prefix(created_at_), kFlavor), sink);
}

// A call comes whole.
void ChatStreamDecoder::add_call(Part part, StreamSink& sink) {
  ++calls_;
  const auto* call = part.as<ToolCall>();
  const std::string arguments = call == nullptr ? std::string() : call->arguments;
  const size_t at = parts_.add(std::move(part), sink);
  if (call != nullptr) parts_.append(at, arguments, sink);
  parts_.close(at, sink);
}

void ChatStreamDecoder::finish(StreamSink& sink) {
  Response& response = parts_.response();
  if (quirks_.text_tool_calls) {
    visible_.clear();
    filter_.finish(visible_, text_calls_);
    add_visible(visible_, sink);
    if (calls_ == 0)
      for (TextToolFilter::Call& call : text_calls_) {
        const std::string id = openai::synthetic_call_id(call_prefix(created_at_), calls_);
        add_call({ToolCall{id, std::move(call.name), std::move(call.arguments)}, {}}, sink);
      }
  }
  response.created = parse_utc(created_at_);
  response.finish = finish_reason(response.finish_text, parts_.has_calls());
  if (!created_at_.empty()) response.extras.set("created_at", quoted(created_at_));
  set_form(response.extras, "whole", "true");
  mark_origin(response.extras, kOllamaResponse);
  mark_origin(response.message.extras, kOllamaResponse);
  finished_ = true;
  if (response.usage.known) parts_.usage(sink);
  parts_.finish(sink);
}

class ChatStreamEncoder final : public StreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  void open_line(json::Writer& w) const;
  static void close_line(json::Writer& w, std::string& out);
  void piece(std::string_view member, std::string_view text, std::string& out) const;
  void tool_call(const StreamEvent& event, std::string& out);
  void call_line(const Part& part, std::string& out) const;

  std::string model_;
  std::string created_at_;
  std::map<uint32_t, std::string> arguments_;  // of the calls that are open
};

// The line up to and into its message.
void ChatStreamEncoder::open_line(json::Writer& w) const {
  w.begin_object().field("model", model_).field("created_at", created_at_);
  w.key("message").begin_object().field("role", "assistant");
}

void ChatStreamEncoder::close_line(json::Writer& w, std::string& out) {
  w.end_object().field("done", false).end_object();
  out += '\n';
}

void ChatStreamEncoder::begin(const Response& head, std::string&) {
  model_ = head.model;
  created_at_ = utc_text(head.created);
}

void ChatStreamEncoder::piece(std::string_view member, std::string_view text, std::string& out) const {
  json::Writer w(out);
  open_line(w);
  if (member != "content") w.field("content", "");
  w.field(member, text);
  close_line(w, out);
}

void ChatStreamEncoder::event(const StreamEvent& event, std::string& out) {
  using Kind = StreamEvent::Kind;
  if (event.kind == Kind::kText) piece("content", event.text, out);
  if (event.kind == Kind::kReasoning) piece("thinking", event.text, out);
  if (event.kind == Kind::kToolCallArgs) arguments_[event.index] += event.text;
  if (event.kind == Kind::kToolCallEnd) tool_call(event, out);
  const bool opaque =
      event.kind == Kind::kPart && event.body != nullptr && event.body->as<Opaque>() != nullptr;
  if (opaque && openai::is_call(*event.body, kFlavor)) call_line(*event.body, out);
}

// Its arguments are an object, so that the call is written when they are complete.
void ChatStreamEncoder::tool_call(const StreamEvent& event, std::string& out) {
  Part part{ToolCall{std::string(event.id), std::string(event.name), arguments_[event.index]}, {}};
  if (event.body != nullptr && event.body->as<ToolCall>() != nullptr) part = *event.body;
  arguments_.erase(event.index);
  call_line(part, out);
}

void ChatStreamEncoder::call_line(const Part& part, std::string& out) const {
  json::Writer w(out);
  open_line(w);
  w.field("content", "").key("tool_calls").begin_array();
  openai::write_call(w, part, false, kFlavor);
  w.end_array();
  close_line(w, out);
}

void ChatStreamEncoder::finish(const Response& whole, std::string& out) {
  Message rest;
  rest.role = Role::kAssistant;
  if (extras_belong(whole.message.extras, kOllamaResponse)) rest.extras = whole.message.extras;
  json::Writer w(out);
  ObjectWriter line(w, whole.extras, kOllamaResponse);
  openai::write_response_message(line.key("message"), rest, kFlavor);
  write_rest(line, whole);
  line.done();
  out += '\n';
}

void ChatStreamEncoder::error(const Status& status, std::string& out) {
  out += ollama_chat().encode_error(status);
  out += '\n';
}

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ChatStreamDecoder>(quirks);
}

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ChatStreamEncoder>(); }

}  // namespace tau::wire::ollama
