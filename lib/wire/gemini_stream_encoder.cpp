// Writes a Gemini stream: calls and parts without deltas come whole, in a chunk of their own.
#include <algorithm>
#include <vector>

#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

class ContentStreamEncoder final : public StreamEncoder {
 public:
  void begin(const Response& head, std::string& out) override;
  void event(const StreamEvent& event, std::string& out) override;
  void finish(const Response& whole, std::string& out) override;
  void error(const Status& status, std::string& out) override;

 private:
  void chunk(const Part& part, std::string& out) const;
  void call(const StreamEvent& event, std::string& out);
  void part(const StreamEvent& event, std::string& out) const;

  std::string tail_;  // of every chunk
  std::vector<Part> calls_;
};

bool is_own(const StreamEvent& event) {
  return event.body != nullptr && extras_origin(event.body->extras).starts_with(kGemini);
}

void ContentStreamEncoder::begin(const Response& head, std::string& out) {
  (void)out;
  tail_.clear();
  json::Writer w(tail_);
  w.begin_object();
  if (!head.model.empty()) w.field("modelVersion", head.model);
  if (!head.id.empty()) w.field("responseId", head.id);
  w.end_object();
  if (tail_.size() > 2) tail_.front() = ',';
  if (tail_.size() == 2) tail_.erase(0, 1);
  tail_ += "\n\n";
}

void ContentStreamEncoder::chunk(const Part& part, std::string& out) const {
  out += R"(data: {"candidates":[{"content":{"parts":[)";
  json::Writer w(out);
  write_answer_part(w, part);
  out += R"(],"role":"model"}}])";
  out += tail_;
}

void ContentStreamEncoder::call(const StreamEvent& event, std::string& out) {
  const bool known = event.index < calls_.size();
  if (event.kind == StreamEvent::Kind::kToolCall) {
    calls_.resize(std::max(calls_.size(), event.index + size_t{1}));
    calls_[event.index].body = ToolCall{std::string(event.id), std::string(event.name), {}};
    if (is_own(event)) calls_[event.index].extras = event.body->extras;
  } else if (known && event.kind == StreamEvent::Kind::kToolCallArgs) {
    if (auto* call = calls_[event.index].as<ToolCall>()) call->arguments += event.text;
  } else if (known) {
    Part& call = calls_[event.index];
    if (is_own(event) && event.body->as<ToolCall>() != nullptr) call.extras = event.body->extras;
    chunk(call, out);
  }
}

// What the deltas of a part did not say: a signature, and members that nobody knows. Or all of it.
void ContentStreamEncoder::part(const StreamEvent& event, std::string& out) const {
  if (event.body == nullptr || event.body->as<ToolCall>() != nullptr) return;
  if (!is_own(event) && event.body->as<Media>() == nullptr) return;
  Part rest = *event.body;
  if (auto* text = rest.as<Text>()) text->text.clear();
  if (auto* reasoning = rest.as<Reasoning>()) {
    if (reasoning->opaque.empty() && reasoning->text.empty()) return;
    reasoning->text.clear();
  }
  chunk(rest, out);
}

void ContentStreamEncoder::event(const StreamEvent& event, std::string& out) {
  switch (event.kind) {
    case StreamEvent::Kind::kText:
      if (!event.text.empty()) chunk({Text{std::string(event.text)}, {}}, out);
      break;
    case StreamEvent::Kind::kReasoning:
      if (!event.text.empty()) chunk({Reasoning{std::string(event.text), {}}, {}}, out);
      break;
    case StreamEvent::Kind::kToolCall:
    case StreamEvent::Kind::kToolCallArgs:
    case StreamEvent::Kind::kToolCallEnd: call(event, out); break;
    case StreamEvent::Kind::kPart: part(event, out); break;
    case StreamEvent::Kind::kPing: out += ": ping\n\n"; break;
    case StreamEvent::Kind::kStart:
    case StreamEvent::Kind::kUsage:
    case StreamEvent::Kind::kFinish: break;
  }
}

void ContentStreamEncoder::finish(const Response& whole, std::string& out) {
  out += "data: ";
  json::Writer w(out);
  write_response(w, whole, true);
  out += "\n\n";
}

void ContentStreamEncoder::error(const Status& status, std::string& out) {
  out += "data: ";
  out += encode_error(status);
  out += "\n\n";
}

}  // namespace

std::unique_ptr<StreamEncoder> make_stream_encoder() { return std::make_unique<ContentStreamEncoder>(); }

}  // namespace tau::wire::gemini
