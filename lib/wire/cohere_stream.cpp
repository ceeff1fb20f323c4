// Decodes a stream of Cohere's chat.
#include "wire/cohere.h"
#include "wire/error.h"
#include "wire/event_fields.h"
#include "wire/stream_parts.h"

namespace tau::wire::cohere {
namespace {

enum Object : uint8_t { kTop, kDelta, kMessage, kContent, kCall, kFunction };
enum Member : uint8_t {
  kType,
  kId,
  kIndex,
  kFinishReason,
  kUsage,
  kError,
  kErrorText,
  kPlan,
  kCitation,
  kBlockType,
  kText,
  kThinking,
  kArguments
};
using As = EventRule::As;
constexpr EventRule kRules[] = {
    {kTop, "type", As::kText, kType},
    {kTop, "index", As::kJson, kIndex},
    {kTop, "delta", As::kObject, kDelta},
    {kTop, "id", As::kText, kId},
    {kTop, "message", As::kText, kErrorText},
    {kDelta, "message", As::kObject, kMessage},
    {kDelta, "finish_reason", As::kText, kFinishReason},
    {kDelta, "usage", As::kJson, kUsage},
    {kDelta, "error", As::kJson, kError},
    {kMessage, "content", As::kObject, kContent},
    {kMessage, "tool_plan", As::kPiece, kPlan},
    {kMessage, "tool_calls", As::kObject, kCall},
    {kMessage, "citations", As::kJson, kCitation},
    {kContent, "text", As::kPiece, kText},
    {kContent, "thinking", As::kPiece, kThinking},
    {kContent, "type", As::kText, kBlockType},
    {kCall, "function", As::kObject, kFunction},
    {kFunction, "arguments", As::kPiece, kArguments},
};

constexpr std::string_view kDone = "[DONE]";

class ChatStreamDecoder final : public PartsStreamDecoder {
 public:
  explicit ChatStreamDecoder(const Quirks& quirks) : quirks_(quirks) {}

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  // A block that is open, of those that count in the same way.
  struct Block {
    int64_t index;
    size_t part;
  };
  using Blocks = std::vector<Block>;

  Status apply(std::string_view type, std::string_view data, const EventFields& event, StreamSink& sink);
  static const Block* find(const Blocks& blocks, int64_t index);
  size_t open(Blocks& blocks, int64_t index, Part part, StreamSink& sink);
  void close(Blocks& blocks, int64_t index, StreamSink& sink);
  void content(const EventFields& event, StreamSink& sink);
  void content_start(const EventFields& event, std::string_view data, StreamSink& sink);
  void call_start(const EventFields& event, std::string_view data, StreamSink& sink);
  Status call_delta(const EventFields& event, StreamSink& sink);
  void plan(const EventFields& event, StreamSink& sink);
  void citation(const EventFields& event);
  void keep(Extras& extras, const RawMembers& members);
  void message_start(const EventFields& event, StreamSink& sink);
  Status message_end(const EventFields& event, StreamSink& sink);
  void finish(StreamSink& sink);

  Quirks quirks_;
  EventFieldsReader reader_{kRules};
  json::Compactor compactor_{json::Halves::kReplace};
  Blocks contents_;
  Blocks calls_;
  std::optional<size_t> plan_;
  size_t call_count_ = 0;
  json::Value citations_;
};

void ChatStreamDecoder::reset() {
  restart();
  reader_.restart();
  contents_.clear();
  calls_.clear();
  plan_.reset();
  call_count_ = 0;
  citations_ = json::Value();
}

Status ChatStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  const size_t first = data.find_first_not_of(" \t\r\n");
  if (finished_ || (first != data.npos && data.substr(first).starts_with(kDone))) return ok_status();
  if (first == data.npos) {
    StreamEvent ping{};
    ping.kind = StreamEvent::Kind::kPing;
    sink.on_event(ping);
    return ok_status();
  }
  const EventFields* event = reader_.read(data);
  if (event == nullptr)
    return fail(bad_response(format("an event of the stream is malformed: {}", reader_.status().message())));
  return apply(event->has(kType) ? event->text(kType) : type, data, *event, sink);
}

Status ChatStreamDecoder::apply(std::string_view type, std::string_view data, const EventFields& event,
                                StreamSink& sink) {
  if (type == "content-delta") {
    content(event, sink);
  } else if (type == "tool-call-delta") {
    return call_delta(event, sink);
  } else if (type == "tool-plan-delta") {
    plan(event, sink);
  } else if (type == "message-start") {
    message_start(event, sink);
  } else if (type == "content-start") {
    content_start(event, data, sink);
  } else if (type == "content-end") {
    close(contents_, event.index(kIndex), sink);
  } else if (type == "tool-call-start") {
    call_start(event, data, sink);
  } else if (type == "tool-call-end") {
    close(calls_, event.index(kIndex), sink);
  } else if (type == "citation-start") {
    citation(event);
  } else if (type == "message-end") {
    return message_end(event, sink);
  } else if (type == "error" || (!event.has(kType) && event.has(kErrorText))) {
    const StatusOr<json::Value> error = json::parse(data, json::Halves::kReplace);
    return fail(stream_error_status(error.ok() ? *error : json::Value(data)));
  }
  return ok_status();
}

Status ChatStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (quirks_.done_mark_optional && !parts_.response().finish_text.empty()) {
    finish(sink);
    return ok_status();
  }
  return fail(stream_truncated("message-end"));
}

const ChatStreamDecoder::Block* ChatStreamDecoder::find(const Blocks& blocks, int64_t index) {
  for (const Block& block : blocks)
    if (block.index == index) return &block;
  return nullptr;
}

size_t ChatStreamDecoder::open(Blocks& blocks, int64_t index, Part part, StreamSink& sink) {
  parts_.start(sink);
  close(blocks, index, sink);
  if (blocks.size() == kMostOpen) close(blocks, blocks.front().index, sink);
  blocks.push_back({index, parts_.add(std::move(part), sink)});
  return blocks.back().part;
}

void ChatStreamDecoder::close(Blocks& blocks, int64_t index, StreamSink& sink) {
  if (const Block* block = find(blocks, index)) parts_.close(block->part, sink);
  std::erase_if(blocks, [&](const Block& block) { return block.index == index; });
}

// A piece of text or thinking, whose block may never have started.
void ChatStreamDecoder::content(const EventFields& event, StreamSink& sink) {
  const bool thinking = event.has(kThinking);
  if (!thinking && !event.has(kText)) return;
  const int64_t index = event.index(kIndex);
  const Block* block = find(contents_, index);
  const Part* known = block == nullptr ? nullptr : &parts_.part(block->part);
  const bool fits =
      known != nullptr && (thinking ? known->as<Reasoning>() != nullptr : known->as<Text>() != nullptr);
  const size_t at =
      fits ? block->part
           : open(contents_, index, thinking ? reasoning_part("thinking") : Part{Text{}, {}}, sink);
  if (thinking)
    parts_.append(at, event.text(kThinking), sink, "thinking");
  else
    parts_.append(at, event.text(kText), sink);
}

void ChatStreamDecoder::content_start(const EventFields& event, std::string_view data, StreamSink& sink) {
  const std::string_view type = event.text(kBlockType);
  const int64_t index = event.index(kIndex);
  if (type == "text" || type == "thinking") {
    Part part = type == "thinking" ? reasoning_part("thinking") : Part{Text{}, {}};
    keep(part.extras, event.others[kContent]);
    mark_origin(part.extras, kCohereResponse);
    open(contents_, index, std::move(part), sink);
    return content(event, sink);
  }
  const StatusOr<json::Value> value = json::parse(data, json::Halves::kReplace);
  if (!value.ok()) return;
  const json::Value& block = (*value)["delta"]["message"]["content"];
  if (block.is_object()) open(contents_, index, openai::decode_part(block, kCohereResponse, kFlavor), sink);
}

void ChatStreamDecoder::call_start(const EventFields& event, std::string_view data, StreamSink& sink) {
  StatusOr<json::Value> value = json::parse(data, json::Halves::kReplace);
  if (!value.ok()) return;
  json::Value call = (*value)["delta"]["message"]["tool_calls"];
  if (!call.is_object()) return;
  json::Value* function = call.find("function");
  if (function != nullptr && function->is_object()) function->set("arguments", "{}");
  const std::string id = parts_.response().id;
  Part part = openai::decode_call(call, call_count_++, kCohereResponse, id, kFlavor);
  const size_t at = open(calls_, event.index(kIndex), std::move(part), sink);
  parts_.append(at, event.text(kArguments), sink);
}

Status ChatStreamDecoder::call_delta(const EventFields& event, StreamSink& sink) {
  const Block* block = find(calls_, event.index(kIndex));
  if (block == nullptr) return fail(bad_response("the stream has arguments of a call that did not begin"));
  parts_.append(block->part, event.text(kArguments), sink);
  return ok_status();
}

void ChatStreamDecoder::plan(const EventFields& event, StreamSink& sink) {
  if (event.text(kPlan).empty()) return;
  parts_.start(sink);
  if (!plan_) plan_ = parts_.add(reasoning_part("tool_plan"), sink);
  parts_.append(*plan_, event.text(kPlan), sink, "tool_plan");
}

void ChatStreamDecoder::citation(const EventFields& event) {
  const StatusOr<json::Value> citation = json::parse(event.text(kCitation), json::Halves::kReplace);
  if (citation.ok() && citation->is_object()) citations_.push_back(*citation);
}

// What is kept but for what each answer has and the model has fields for.
void ChatStreamDecoder::keep(Extras& extras, const RawMembers& members) {
  for (const RawMember& member : members) {
    const std::string_view key = member.key.text;
    const bool known = key == "role" || key == "content" || key == "tool_calls" || key == "tool_plan";
    if (!known) keep_member(member, compactor_, extras);
  }
}

void ChatStreamDecoder::message_start(const EventFields& event, StreamSink& sink) {
  Response& response = parts_.response();
  if (event.has(kId)) response.id = event.text(kId);
  keep(response.extras, event.others[kTop]);
  keep(response.extras, event.others[kDelta]);
  keep(response.message.extras, event.others[kMessage]);
  parts_.start(sink);
}

Status ChatStreamDecoder::message_end(const EventFields& event, StreamSink& sink) {
  if (event.has(kError)) {
    const StatusOr<json::Value> error = json::parse(event.text(kError), json::Halves::kReplace);
    return fail(stream_error_status(error.ok() ? *error : json::Value(event.text(kError))));
  }
  parts_.start(sink);
  Response& response = parts_.response();
  if (event.has(kId) && response.id.empty()) response.id = event.text(kId);
  response.finish_text = event.text(kFinishReason);
  const StatusOr<json::Value> usage = json::parse(event.text(kUsage), json::Halves::kReplace);
  if (usage.ok() && usage->is_object()) response.usage = decode_usage(*usage);
  keep(response.extras, event.others[kTop]);
  keep(response.extras, event.others[kDelta]);
  finish(sink);
  return ok_status();
}

void ChatStreamDecoder::finish(StreamSink& sink) {
  Response& response = parts_.response();
  response.finish = finish_reason(response.finish_text);
  if (!citations_.is_null()) response.message.extras.set("citations", json::write(citations_));
  mark_origin(response.message.extras, kCohereResponse);
  set_form(response.extras, "whole", "true");
  mark_origin(response.extras, kCohereResponse);
  finished_ = true;
  if (response.usage.known) parts_.usage(sink);
  parts_.finish(sink);
}

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ChatStreamDecoder>(quirks);
}

}  // namespace tau::wire::cohere
