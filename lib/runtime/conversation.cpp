#include "runtime/conversation.h"

#include <algorithm>
#include <iterator>

#include "crypto/crypto.h"
#include "runtime/result_screen.h"

namespace tau::runtime {
namespace {

constexpr size_t kTitleBytes = 80;
constexpr std::string_view kExtractTool = "extract";
constexpr size_t kMessagesOfARun = 6;  // for which there is room at once: a question, a tool call, an answer

int64_t message_bytes(const wire::Message& message) {
  size_t n = sizeof(wire::Message);
  for (const wire::Part& part : message.parts) {
    n += sizeof(wire::Part);
    if (const auto* text = part.as<wire::Text>()) n += text->text.size();
    if (const auto* media = part.as<wire::Media>()) n += media->data.size() + media->url.size();
    if (const auto* call = part.as<wire::ToolCall>()) n += call->arguments.size() + call->name.size();
    if (const auto* reasoning = part.as<wire::Reasoning>())
      n += reasoning->text.size() + reasoning->opaque.size();
    if (const auto* opaque = part.as<wire::Opaque>()) n += opaque->json.size();
    if (const auto* result = part.as<wire::ToolResult>()) {
      for (const wire::Part& inner : result->content)
        if (const auto* text = inner.as<wire::Text>()) n += text->text.size();
    }
  }
  return static_cast<int64_t>(n);
}

std::string_view first_line(std::string_view text) {
  return truncate_utf8(text.substr(0, text.find('\n')), kTitleBytes);
}

}  // namespace

PromptPrefix make_prefix(std::vector<wire::Message> system, const wire::Request& parameters) {
  PromptPrefix out;
  std::string text = parameters.model;
  for (const wire::ToolSpec& tool : parameters.tools)
    text += '\0' + tool.name + '\0' + tool.description + '\0' + tool.parameters;
  out.tokens = wire::estimate_tokens(parameters);
  for (const wire::Message& message : system) {
    out.labels.join(message.labels);
    text += '\0' + message.text();
    out.tokens += wire::estimate_tokens(message);
  }
  out.bytes = static_cast<int64_t>(text.size());
  out.digest = crypto::hex(crypto::blake2b(text)).substr(0, 16);
  out.system = std::move(system);
  return out;
}

void RequestPool::give(Conversation& conversation) noexcept {
  std::vector<wire::Message>& messages = conversation.request_.messages;
  if (messages.capacity() > kMostMessages) return;
  messages.erase(messages.begin() + static_cast<ptrdiff_t>(conversation.system_count_), messages.end());
  const std::lock_guard lock(mutex_);
  if (spares_.size() < kKept) spares_.push_back(std::move(conversation.request_));
}

std::optional<wire::Request> RequestPool::take() {
  const std::lock_guard lock(mutex_);
  if (spares_.empty()) return std::nullopt;
  std::optional<wire::Request> spare = std::move(spares_.back());
  spares_.pop_back();
  return spare;
}

void Conversation::configure(const PromptPrefix& prefix, const wire::Request& parameters,
                             RequestPool* spares) {
  std::vector<wire::Message> history(
      std::make_move_iterator(request_.messages.begin() + static_cast<ptrdiff_t>(system_count_)),
      std::make_move_iterator(request_.messages.end()));
  auto spare = spares != nullptr ? spares->take() : std::nullopt;
  if (spare) {
    request_ = *std::move(spare);
  } else {
    request_ = parameters;
    request_.messages.reserve(prefix.system.size() + history.size() + kMessagesOfARun);
    request_.messages = prefix.system;
  }
  system_count_ = prefix.system.size();
  labels_.join(prefix.labels);
  prefix_tokens_ = prefix.tokens;
  prefix_bytes_ = prefix.bytes;
  prefix_digest_ = prefix.digest;
  request_.messages.insert(request_.messages.end(), std::make_move_iterator(history.begin()),
                           std::make_move_iterator(history.end()));
}

void Conversation::append(wire::Message message, SharedString entry_id) {
  labels_.join(message.labels);
  tokens_ += wire::estimate_tokens(message);
  bytes_ += message_bytes(message);
  if (title_.empty() && message.role == wire::Role::kUser) {
    const std::string* const sole = message.sole_text();
    title_ = sole != nullptr ? SharedString(first_line(*sole)) : SharedString(first_line(message.text()));
  }
  for (const wire::Part& part : message.parts)
    if (const auto* call = part.as<wire::ToolCall>())
      call_ids_.insert(std::ranges::lower_bound(call_ids_, call->id), call->id);
  request_.messages.push_back(std::move(message));
  head_ = std::move(entry_id);
}

// Personal data that was found is no sign of an attack.
void Conversation::note_signals(std::string_view names) {
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    if (!names.substr(0, comma).starts_with(kPersonalSignal)) saw_signals_ = true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
}

// There was room when the result came; a handle without a text is unknown, no more.
void Conversation::hold(const agent::HeldResult& result) {
  std::string text;
  for (const wire::Part& part : result.message.parts)
    if (const auto* answer = part.as<wire::ToolResult>())
      for (const wire::Part& piece : answer->content)
        if (const auto* said = piece.as<wire::Text>()) text += said->text;
  (void)held_.hold(result.handle, std::move(text), result.message.labels);
}

Status Conversation::load(const std::vector<store::JournalEntry>& entries) {
  for (const store::JournalEntry& entry : entries) {
    if (entry.purged) {
      append(wire::text_message(wire::Role::kUser, "[erased]", Labels::from(Source::kSystem)),
             entry.entry_id);
      continue;
    }
    auto row = agent::row_message(entry.row.body);
    if (!row.ok()) return row.status().annotate(format("entry {}", entry.entry_id));
    if (row->held != nullptr) hold(*row->held);
    if (row->held == nullptr) note_signals(row->signals);
    append(std::move(row->message), entry.entry_id);
  }
  return ok_status();
}

std::vector<const wire::Message*> Conversation::history() const {
  std::vector<const wire::Message*> out;
  for (size_t i = system_count_; i < request_.messages.size(); ++i) out.push_back(&request_.messages[i]);
  return out;
}

const safety::UserText& Conversation::user_text() const {
  for (; system_count_ + user_messages_read_ < request_.messages.size(); ++user_messages_read_) {
    const wire::Message& message = request_.messages[system_count_ + user_messages_read_];
    const bool own = message.role == wire::Role::kUser && message.labels == Labels::from(Source::kUser);
    if (!own) continue;
    for (const wire::Part& part : message.parts)
      if (const auto* text = part.as<wire::Text>()) user_text_.add(text->text);
  }
  return user_text_;
}

void Conversation::each_read(const std::function<void(const safety::EarlierRead&)>& visit) const {
  for (size_t i = system_count_; i < request_.messages.size(); ++i) {
    for (const wire::Part& part : request_.messages[i].parts) {
      const auto* result = part.as<wire::ToolResult>();
      const wire::ToolCall* call = result != nullptr ? find_call(result->call_id) : nullptr;
      // Values out of a held text endorse nothing: the text was held because nobody vouches for it.
      if (call == nullptr || result->is_error || call->name == kExtractTool) continue;
      for (const wire::Part& piece : result->content)
        if (const auto* text = piece.as<wire::Text>()) visit({call->arguments, text->text});
    }
  }
}

const wire::ToolCall* Conversation::find_call(std::string_view call_id) const {
  for (size_t i = request_.messages.size(); i > system_count_; --i)
    for (const wire::Part& part : request_.messages[i - 1].parts)
      if (const auto* call = part.as<wire::ToolCall>(); call != nullptr && call->id == call_id) return call;
  return nullptr;
}

void Conversation::settle_call_ids(wire::Message& message, std::string_view stem) const {
  int number = 0;
  for (auto part = message.parts.begin(); part != message.parts.end(); ++part) {
    auto* call = part->as<wire::ToolCall>();
    if (call == nullptr) continue;
    const auto is_same = [&](const wire::Part& earlier) {
      const auto* other = earlier.as<wire::ToolCall>();
      return other != nullptr && other->id == call->id;
    };
    while (!is_valid_id(call->id) || std::ranges::binary_search(call_ids_, call->id) ||
           std::any_of(message.parts.begin(), part, is_same))
      call->id = std::string(stem) + "_" + std::to_string(++number);
  }
}

}  // namespace tau::runtime
