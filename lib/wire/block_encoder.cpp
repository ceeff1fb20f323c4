#include "wire/block_encoder.h"

namespace tau::wire {

void BlockStreamEncoder::close_open(std::string& out) {
  if (!open_) return;
  stop(open_->index, false, out);
  open_.reset();
}

const BlockStreamEncoder::Open& BlockStreamEncoder::open_text(const StreamEvent& event, bool thinking,
                                                              std::string& out) {
  if (open_ && open_->part == event.part && open_->thinking == thinking) return *open_;
  close_open(out);
  open_ = Open{event.part, thinking, next_++};
  start_text(open_->index, thinking, event, out);
  return *open_;
}

// A part is complete: what its deltas did not say.
void BlockStreamEncoder::part(const StreamEvent& event, std::string& out) {
  if (event.body == nullptr || !can_write(*event.body)) return;
  const Part& part = *event.body;
  if (part.as<ToolCall>() != nullptr) return;
  const auto* reasoning = part.as<Reasoning>();
  const bool thinking =
      reasoning != nullptr && (reasoning->form != Reasoning::Form::kRedacted || !reasoning->text.empty());
  if (thinking || part.as<Text>() != nullptr) {
    complete(open_text(event, thinking, out).index, part, out);
    return close_open(out);
  }
  close_open(out);
  whole(next_++, part, out);
}

void BlockStreamEncoder::event(const StreamEvent& event, std::string& out) {
  const auto call = calls_.find(event.index);
  switch (event.kind) {
    case StreamEvent::Kind::kText:
    case StreamEvent::Kind::kReasoning: {
      const bool thinking = event.kind == StreamEvent::Kind::kReasoning;
      text_delta(open_text(event, thinking, out).index, thinking, event.text, out);
      break;
    }
    case StreamEvent::Kind::kToolCall:
      close_open(out);
      calls_[event.index] = next_;
      start_call(next_++, event, out);
      break;
    case StreamEvent::Kind::kToolCallArgs:
      if (call != calls_.end()) call_delta(call->second, event.text, out);
      break;
    case StreamEvent::Kind::kToolCallEnd:
      if (call != calls_.end()) stop(call->second, true, out);
      break;
    case StreamEvent::Kind::kPart: part(event, out); break;
    case StreamEvent::Kind::kPing: ping(out); break;
    case StreamEvent::Kind::kStart:
    case StreamEvent::Kind::kUsage:
    case StreamEvent::Kind::kFinish: break;
  }
}

}  // namespace tau::wire
