// The neutral model's helpers: names, text, and the estimate of tokens.
#include <array>

#include "wire/wire.h"

namespace tau::wire {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 9> kFinishReasons = {
    "unknown", "stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error", "other"};

constexpr int64_t kTokensPerMessage = 8;
constexpr int64_t kTokensPerImage = 1'600;
constexpr size_t kBytesPerToken = 3;

// Bytes of text and JSON, and what is counted by the piece.
struct Size {
  size_t bytes = 0;
  int64_t tokens = 0;
  int64_t total() const {
    return tokens + static_cast<int64_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
  }
};

void add(Size& size, const Extras& extras) {
  for (const auto& [key, json] : extras)
    if (!key.starts_with("tau:")) size.bytes += key.size() + json.size();
}

void add(Size& size, const Part& part) {
  if (const auto* text = part.as<Text>()) size.bytes += text->text.size();
  if (const auto* call = part.as<ToolCall>()) size.bytes += call->name.size() + call->arguments.size();
  if (const auto* reasoning = part.as<Reasoning>())
    size.bytes += reasoning->text.size() + reasoning->opaque.size();
  if (const auto* opaque = part.as<Opaque>()) size.bytes += opaque->json.size();
  if (const auto* media = part.as<Media>()) {
    if (media->kind == MediaKind::kImage)
      size.tokens += kTokensPerImage;
    else
      size.bytes += media->data.size() + media->url.size();
  }
  if (const auto* result = part.as<ToolResult>())
    for (const Part& inner : result->content) add(size, inner);
  add(size, part.extras);
}

void add(Size& size, const Message& message) {
  size.tokens += kTokensPerMessage;
  for (const Part& part : message.parts) add(size, part);
  add(size, message.extras);
}

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<size_t>(role)]; }

std::string_view finish_reason_name(FinishReason reason) {
  return kFinishReasons[static_cast<size_t>(reason)];
}

const std::string* Message::sole_text() const {
  const std::string* sole = nullptr;
  for (const Part& part : parts) {
    const auto* text = part.as<Text>();
    if (text == nullptr) continue;
    if (sole != nullptr) return nullptr;
    sole = &text->text;
  }
  return sole;
}

std::string Message::text() const {
  std::string out;
  bool first = true;
  for (const Part& part : parts) {
    const auto* text = part.as<Text>();
    if (text == nullptr) continue;
    if (!first) out += '\n';
    first = false;
    out += text->text;
  }
  return out;
}

Message text_message(Role role, std::string_view text, Labels labels) {
  Message message;
  message.role = role;
  message.parts.push_back({Text{std::string(text)}, {}});
  message.labels = std::move(labels);
  return message;
}

int64_t estimate_tokens(const Message& message) {
  Size size;
  add(size, message);
  return size.total();
}

int64_t estimate_tokens(const Request& request) {
  Size size;
  for (const Message& message : request.messages) add(size, message);
  for (const ToolSpec& tool : request.tools) {
    size.tokens += kTokensPerMessage;
    size.bytes += tool.name.size() + tool.description.size() + tool.parameters.size();
    add(size, tool.extras);
  }
  size.bytes += request.response_format.schema.size();
  return size.total();
}

// No prompt has no token, and no answer that says something.
CountedTokens counted_tokens(const Response& response, int64_t prompt_tokens) {
  const Usage& usage = response.usage;
  const bool says_nothing = response.message.parts.empty();
  return {usage.input > 0 ? usage.input : prompt_tokens,
          usage.output > 0 || says_nothing ? usage.output : estimate_tokens(response.message)};
}

}  // namespace tau::wire
