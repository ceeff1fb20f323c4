// Decodes a stream of Bedrock Converse. A block need have no start and no stop, and one index may serve
// blocks of several kinds; the answer ends with "metadata", or with the stream once "messageStop" was there.
#include "crypto/crypto.h"
#include "wire/bedrock.h"
#include "wire/error.h"
#include "wire/event_fields.h"
#include "wire/stream_parts.h"

namespace tau::wire::bedrock {
namespace {

enum Object : uint8_t { kTop, kDelta, kToolUse, kReasoning };
enum Member : uint8_t {
  kIndex,
  kRole,
  kStart,
  kStopReason,
  kUsage,
  kText,
  kCitation,
  kToolResult,
  kInput,
  kThinking,
  kSignature,
  kRedacted
};
using As = EventRule::As;
constexpr EventRule kEventRules[] = {
    {kTop, "contentBlockIndex", As::kJson, kIndex},
    {kTop, "delta", As::kObject, kDelta},
    {kTop, "role", As::kText, kRole},
    {kTop, "start", As::kJson, kStart},
    {kTop, "stopReason", As::kText, kStopReason},
    {kTop, "usage", As::kJson, kUsage},
    {kDelta, "text", As::kPiece, kText},
    {kDelta, "toolUse", As::kObject, kToolUse},
    {kDelta, "reasoningContent", As::kObject, kReasoning},
    {kDelta, "citation", As::kJson, kCitation},
    {kDelta, "toolResult", As::kJson, kToolResult},
    {kToolUse, "input", As::kPiece, kInput},
    {kReasoning, "text", As::kPiece, kThinking},
    {kReasoning, "signature", As::kText, kSignature},
    {kReasoning, "redactedContent", As::kText, kRedacted},
};

constexpr std::string_view kException = "exception:";
constexpr std::string_view kFailure = "error:";

// Its only purpose is to hide the length of the text.
constexpr std::string_view kPadding = "p";

Part native_part(Reasoning reasoning) {
  Part part{std::move(reasoning), {}};
  set_form(part.extras, "block", "true");
  mark_origin(part.extras, kBedrockResponse);
  return part;
}

class ConverseStreamDecoder final : public PartsStreamDecoder {
 public:
  explicit ConverseStreamDecoder(const Quirks&) {}

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  // A block that has not ended.
  struct Block {
    int64_t index = 0;
    size_t part = 0;
    std::string redacted;  // its bytes
    json::Value opaque;    // of an Opaque part
    json::Value citations;
  };
  Status provider_failed(std::string_view name, std::string_view data);
  Status delta(const EventFields& event, StreamSink& sink);
  Status rare_delta(const EventFields& event, StreamSink& sink);
  void block_start(const EventFields& event, StreamSink& sink);
  void close(int64_t index, StreamSink& sink);
  void close(Block& block, StreamSink& sink);
  Block* find(int64_t index);
  Block& open(int64_t index, Part part, StreamSink& sink);
  template <class Body>
  Block& of_kind(int64_t index, Part fresh, StreamSink& sink);
  void keep(const EventFields& event);
  void metadata(const EventFields& event, StreamSink& sink);
  void finish(StreamSink& sink);

  EventFieldsReader reader_{kEventRules};
  json::Compactor compactor_{json::Halves::kReplace};
  std::vector<Block> blocks_;
  anthropic::UsageMembers usage_;
  bool stopped_ = false;  // messageStop was there
};

void ConverseStreamDecoder::reset() {
  restart();
  reader_.restart();
  blocks_.clear();
  usage_.clear();
  stopped_ = false;
}

// The name says what it is; the payload is {"message":…}.
Status ConverseStreamDecoder::provider_failed(std::string_view name, std::string_view data) {
  ProviderError error = read_error(0, data);
  error.type = name;
  return fail(error_status(error));
}

Status ConverseStreamDecoder::event(std::string_view type, std::string_view data, StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (type.starts_with(kException)) return provider_failed(type.substr(kException.size()), data);
  if (type.starts_with(kFailure)) return provider_failed(type.substr(kFailure.size()), data);
  const EventFields* event = reader_.read(data);
  if (event == nullptr)
    return fail(bad_response(format("an event of the stream is malformed: {}", reader_.status().message())));
  if (type == "contentBlockDelta") return delta(*event, sink);
  if (type == "messageStart") {
    keep(*event);
    parts_.start(sink);
  } else if (type == "contentBlockStart") {
    block_start(*event, sink);
  } else if (type == "contentBlockStop") {
    close(event->index(kIndex), sink);
  } else if (type == "messageStop") {
    parts_.start(sink);
    stopped_ = true;
    parts_.response().finish_text = event->text(kStopReason);
    keep(*event);
  } else if (type == "metadata") {
    metadata(*event, sink);
  }
  return ok_status();
}

Status ConverseStreamDecoder::end(StreamSink& sink) {
  if (!failed_.ok()) return failed_;
  if (finished_) return ok_status();
  if (!stopped_) return fail(stream_truncated("messageStop"));
  finish(sink);
  return ok_status();
}

ConverseStreamDecoder::Block* ConverseStreamDecoder::find(int64_t index) {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block)
    if (block->index == index) return &*block;
  return nullptr;
}

ConverseStreamDecoder::Block& ConverseStreamDecoder::open(int64_t index, Part part, StreamSink& sink) {
  parts_.start(sink);
  close(index, sink);
  if (blocks_.size() == kMostOpen) close(blocks_.front().index, sink);
  Block block;
  block.index = index;
  block.part = parts_.add(std::move(part), sink);
  return blocks_.emplace_back(std::move(block));
}

// The block with that index, or a new one when that is of another kind.
template <class Body>
ConverseStreamDecoder::Block& ConverseStreamDecoder::of_kind(int64_t index, Part fresh, StreamSink& sink) {
  Block* block = find(index);
  const bool fits = block != nullptr && parts_.part(block->part).as<Body>() != nullptr;
  return fits ? *block : open(index, std::move(fresh), sink);
}

Status ConverseStreamDecoder::delta(const EventFields& event, StreamSink& sink) {
  const int64_t index = event.index(kIndex);
  if (event.has(kText)) {
    if (event.text(kText).empty() && find(index) == nullptr) return ok_status();
    parts_.append(of_kind<Text>(index, {Text{}, {}}, sink).part, event.text(kText), sink);
  } else if (event.has(kInput)) {
    const Block* block = find(index);
    if (block == nullptr || parts_.part(block->part).as<ToolCall>() == nullptr)
      return fail(bad_response("the stream has arguments of a call that did not begin"));
    parts_.append(block->part, event.text(kInput), sink);
  } else {
    return rare_delta(event, sink);
  }
  return ok_status();
}

Status ConverseStreamDecoder::rare_delta(const EventFields& event, StreamSink& sink) {
  const int64_t index = event.index(kIndex);
  const auto reasoning = [&]() -> Block& { return of_kind<Reasoning>(index, native_part({}), sink); };
  if (event.has(kThinking)) {
    parts_.append(reasoning().part, event.text(kThinking), sink);
  } else if (event.has(kSignature)) {
    parts_.part(reasoning().part).as<Reasoning>()->opaque += event.text(kSignature);
  } else if (event.has(kRedacted)) {
    Block& block = reasoning();
    parts_.part(block.part).as<Reasoning>()->form = Reasoning::Form::kRedacted;
    const StatusOr<std::string> bytes = crypto::base64_decode(event.text(kRedacted));
    if (!bytes.ok()) return fail(bad_response("redacted content of the stream is not base 64"));
    block.redacted += *bytes;
  } else if (event.has(kCitation)) {
    TAU_ASSIGN_OR_RETURN(json::Value citation, json::parse(event.text(kCitation), json::Halves::kReplace));
    of_kind<Text>(index, {Text{}, {}}, sink).citations.push_back(std::move(citation));
  } else if (Block* block = find(index); block != nullptr && event.has(kToolResult)) {
    TAU_ASSIGN_OR_RETURN(const json::Value pieces,
                         json::parse(event.text(kToolResult), json::Halves::kReplace));
    json::Value* result = block->opaque.find("toolResult");
    if (result == nullptr || !result->is_object()) return ok_status();
    if (!(*result)["content"].is_array()) result->set("content", json::Value::array());
    for (const json::Value& piece : pieces.as_array()) result->find("content")->push_back(piece);
  }
  return ok_status();
}

void ConverseStreamDecoder::block_start(const EventFields& event, StreamSink& sink) {
  const StatusOr<json::Value> start = json::parse(event.text(kStart), json::Halves::kReplace);
  if (!start.ok() || !start->is_object() || start->size() == 0) return;
  json::Value block = *start;
  if (json::Value* call = block.find("toolUse"); call != nullptr && call->is_object())
    call->set("input", json::Value::object());
  Part part = decode_block(block, kBedrockResponse);
  const bool is_call = part.as<ToolCall>() != nullptr;
  Block& opened =
      open(event.index(kIndex), is_call ? std::move(part) : opaque_block(*start, kBedrockResponse), sink);
  if (!is_call) opened.opaque = *start;
}

void ConverseStreamDecoder::close(int64_t index, StreamSink& sink) {
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if (block->index != index) continue;
    close(*block, sink);
    blocks_.erase(block);
    return;
  }
}

void ConverseStreamDecoder::close(Block& block, StreamSink& sink) {
  Part& part = parts_.part(block.part);
  if (auto* opaque = part.as<Opaque>()) opaque->json = json::write(block.opaque);
  if (auto* reasoning = part.as<Reasoning>()) {
    if (!block.redacted.empty()) reasoning->opaque = crypto::base64_encode(block.redacted);
    if (reasoning->form == Reasoning::Form::kPlain && !reasoning->opaque.empty())
      reasoning->form = Reasoning::Form::kSignature;
  }
  if (!block.citations.is_null()) {
    for (const std::string_view form : {"cited", "block"}) set_form(part.extras, form, "true");
    part.extras.set("citations", json::write(block.citations));
    mark_origin(part.extras, kBedrockResponse);
  }
  parts_.close(block.part, sink);
}

// Members of the answer as a whole.
void ConverseStreamDecoder::keep(const EventFields& event) {
  for (const RawMember& member : event.others[kTop])
    if (member.key.text != kPadding) keep_member(member, compactor_, parts_.response().extras);
}

// A later one without counts does not take away those of an earlier one.
void ConverseStreamDecoder::metadata(const EventFields& event, StreamSink& sink) {
  parts_.start(sink);
  keep(event);
  if (event.text(kUsage).starts_with('{') && compactor_.make(event.text(kUsage))) {
    usage_.merge(compactor_.members());
    usage_.decode(parts_.response().usage, kUsageNames);
    parts_.usage(sink);
  }
  if (stopped_ && parts_.response().usage.known) finish(sink);
}

void ConverseStreamDecoder::finish(StreamSink& sink) {
  for (Block& block : blocks_) close(block, sink);
  blocks_.clear();
  Response& response = parts_.response();
  response.finish = finish_reason(response.finish_text);
  set_form(response.extras, "whole", "true");
  mark_origin(response.extras, kBedrockResponse);
  finished_ = true;
  parts_.finish(sink);
}

}  // namespace

std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks) {
  return std::make_unique<ConverseStreamDecoder>(quirks);
}

}  // namespace tau::wire::bedrock
