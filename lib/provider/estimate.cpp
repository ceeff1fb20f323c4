// The likely number of tokens of a prompt. The weights are those that came nearest to the counts of recorded
// traffic of eighteen providers; docs/routing.md has the figures.
#include <algorithm>

#include "provider/money.h"

namespace tau::provider {
namespace {

constexpr int64_t kPerMessage = 6;
constexpr int64_t kPerTool = 20;
constexpr int64_t kUnknownImage = 1'000;
// Hundredths of a token for each byte: of ASCII, of other scripts, of a tool's JSON.
constexpr int64_t kText = 22;
constexpr int64_t kScript = 44;
constexpr int64_t kTool = 12;

class Likely {
 public:
  explicit Likely(int64_t image_tokens) : image_tokens_(image_tokens > 0 ? image_tokens : kUnknownImage) {}

  void add(const wire::Message& message) {
    tokens_ += kPerMessage;
    for (const wire::Part& part : message.parts) add(part);
  }
  void add(const wire::ToolSpec& tool) {
    tokens_ += kPerTool;
    hundredths_ +=
        kTool * static_cast<int64_t>(tool.name.size() + tool.description.size() + tool.parameters.size());
  }
  void text(std::string_view s) {
    const auto other = std::count_if(s.begin(), s.end(), [](char c) { return (c & 0x80) != 0; });
    hundredths_ += kText * static_cast<int64_t>(s.size()) + (kScript - kText) * other;
  }
  int64_t total() const { return tokens_ + (hundredths_ + 99) / 100; }

 private:
  void add(const wire::Part& part) {
    if (const auto* t = part.as<wire::Text>()) text(t->text);
    if (const auto* call = part.as<wire::ToolCall>()) text(call->name), text(call->arguments);
    if (const auto* reasoning = part.as<wire::Reasoning>()) text(reasoning->text);
    if (const auto* opaque = part.as<wire::Opaque>()) text(opaque->json);
    if (part.as<wire::Media>() != nullptr) tokens_ += image_tokens_;
    if (const auto* result = part.as<wire::ToolResult>()) {
      tokens_ += kPerMessage;
      for (const wire::Part& inner : result->content) add(inner);
    }
  }

  const int64_t image_tokens_;
  int64_t tokens_ = 0;
  int64_t hundredths_ = 0;
};

}  // namespace

int64_t estimate_prompt_tokens(const wire::Request& request, int64_t image_tokens) {
  Likely likely(image_tokens);
  for (const wire::Message& message : request.messages) likely.add(message);
  for (const wire::ToolSpec& tool : request.tools) likely.add(tool);
  likely.text(request.response_format.schema);
  return likely.total();
}

}  // namespace tau::provider
