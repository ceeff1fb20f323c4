#include "wire/responses_event.h"

#include <algorithm>
#include <iterator>

namespace tau::wire::responses {
namespace {

using Kind = json::Value::Kind;

struct Named {
  std::string_view name;
  EventType type;
};
constexpr std::string_view kPrefix = "response.";
constexpr Named kTypes[] = {{"output_text.delta", EventType::kTextDelta},
                            {"refusal.delta", EventType::kRefusalDelta},
                            {"reasoning_summary_text.delta", EventType::kSummaryDelta},
                            {"reasoning_text.delta", EventType::kReasoningDelta},
                            {"reasoning.delta", EventType::kReasoningDelta},
                            {"function_call_arguments.delta", EventType::kArgumentsDelta},
                            {"custom_tool_call_input.delta", EventType::kCustomDelta},
                            {"output_text.done", EventType::kTextDone},
                            {"refusal.done", EventType::kRefusalDone},
                            {"reasoning_summary_text.done", EventType::kSummaryDone},
                            {"reasoning_text.done", EventType::kReasoningDone},
                            {"reasoning.done", EventType::kReasoningDone},
                            {"function_call_arguments.done", EventType::kArgumentsDone},
                            {"custom_tool_call_input.done", EventType::kCustomDone},
                            {"created", EventType::kBegun},
                            {"queued", EventType::kBegun},
                            {"in_progress", EventType::kBegun},
                            {"output_item.added", EventType::kItemAdded},
                            {"output_item.done", EventType::kItemDone},
                            {"completed", EventType::kEnded},
                            {"incomplete", EventType::kEnded},
                            {"cancelled", EventType::kEnded},
                            {"failed", EventType::kFailed}};

EventType type_of(std::string_view name) {
  if (name == "error") return EventType::kError;
  if (!name.starts_with(kPrefix)) return EventType::kOther;
  name.remove_prefix(kPrefix.size());
  const auto* known =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Named& n) { return n.name == name; });
  return known == std::end(kTypes) ? EventType::kOther : known->type;
}

}  // namespace

void Event::follow(json::Shape& shape) {
  for (json::Field* field : {&type, &delta, &item_id, &output_index, &content_index, &summary_index, &error})
    shape.follow(*field);
}

Event* EventReader::read(std::string_view type, std::string_view data) {
  event_ = shapes_.match(data);
  if (event_ == nullptr) {
    event_ = &shapes_.begin();
    if (!reader_.load(data) || !read_event()) return nullptr;
    shapes_.learn(reader_);
  }
  if (event_->type.text.empty())
    event_->kind = event_->error.text.starts_with('{') && type.empty() ? EventType::kError : type_of(type);
  else if (event_->type.fresh)
    event_->kind = type_of(event_->type.text);
  return event_;
}

bool EventReader::read_event() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    const bool string = kind == Kind::kString;
    json::Field* const number = kind != Kind::kInt       ? nullptr
                                : key == "output_index"  ? &event_->output_index
                                : key == "content_index" ? &event_->content_index
                                : key == "summary_index" ? &event_->summary_index
                                                         : nullptr;
    const bool good = number != nullptr            ? reader_.raw(*number)
                      : string && key == "delta"   ? reader_.piece(event_->delta)
                      : string && key == "type"    ? reader_.string(event_->type)
                      : string && key == "item_id" ? reader_.string(event_->item_id)
                      : key == "error"             ? reader_.raw(event_->error)
                                                   : reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

}  // namespace tau::wire::responses
