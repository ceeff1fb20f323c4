// A session's conversation in memory: the next request under construction, and what is known about it.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "store/store.h"
#include "tool/tool.h"
#include "wire/wire.h"

namespace tau::runtime {

// What stands before the history in every request, and what is known about it. Immutable: sessions share it.
struct PromptPrefix {
  std::vector<wire::Message> system;
  Labels labels;
  int64_t tokens = 0;
  int64_t bytes = 0;
  SharedString digest;  // of all of it, tools and model included
};
PromptPrefix make_prefix(std::vector<wire::Message> system, const wire::Request& parameters);

class Conversation;

// Requests of conversations that have ended, without their history: for the next of the same agent. Any
// thread.
class RequestPool {
 public:
  RequestPool() { spares_.reserve(kKept); }
  // Takes what is worth keeping of a conversation that nobody needs any more.
  void give(Conversation& conversation) noexcept;
  std::optional<wire::Request> take();

 private:
  static constexpr size_t kKept = 16;
  static constexpr size_t kMostMessages = 64;  // for which a request has room
  std::mutex mutex_;
  std::vector<wire::Request> spares_;
};

// Owned by one session; touched by the loop that runs it, one run at a time.
class Conversation final : public tool::SessionFacts {
 public:
  // Puts the system messages, tools and parameters of an agent in front; keeps the history. `spares`: of
  // conversations that were configured alike, or null.
  void configure(const PromptPrefix& prefix, const wire::Request& parameters, RequestPool* spares = nullptr);
  void append(wire::Message message, SharedString entry_id);
  // A result is shown to the model that was found to have these signals: ToolDone::signals.
  void note_signals(std::string_view names);
  // Keeps a result that the model is not shown.
  void hold(const agent::HeldResult& result);
  const safety::Quarantine& held() const { return held_; }
  // From stored entries, oldest first.
  Status load(const std::vector<store::JournalEntry>& entries);

  const wire::Request& request() const { return request_; }
  // The messages without the system prompt.
  std::vector<const wire::Message*> history() const;
  // The latest tool call of this id; null when there is none.
  const wire::ToolCall* find_call(std::string_view call_id) const;
  const SharedString& head() const { return head_; }
  const Labels& labels() const { return labels_; }
  const SharedString& title() const { return title_; }  // the beginning of the first user message
  int64_t tokens() const { return prefix_tokens_ + tokens_; }
  int64_t bytes() const { return bytes_ + static_cast<int64_t>(held_.bytes()); }
  int64_t prefix_bytes() const { return prefix_bytes_; }
  const SharedString& prefix_digest() const { return prefix_digest_; }

  // tool::SessionFacts. Only what the user alone wrote is the user's; it is indexed when it is first asked
  // for.
  const safety::UserText& user_text() const override;
  void each_read(const std::function<void(const safety::EarlierRead&)>& visit) const override;
  bool saw_signals() const override { return saw_signals_; }

  // Makes every tool-call id of a message unique in this conversation, and valid; `stem` names new ones.
  void settle_call_ids(wire::Message& message, std::string_view stem) const;

 private:
  friend class RequestPool;
  wire::Request request_;  // messages: the system prompt, then the history
  size_t system_count_ = 0;
  SharedString head_;
  SharedString title_;
  Labels labels_;
  bool saw_signals_ = false;
  int64_t tokens_ = 0;
  int64_t bytes_ = 0;
  int64_t prefix_tokens_ = 0;
  int64_t prefix_bytes_ = 0;
  SharedString prefix_digest_;
  std::vector<std::string> call_ids_;  // sorted
  safety::Quarantine held_;
  mutable safety::UserText user_text_;
  mutable size_t user_messages_read_ = 0;  // of the history
};

}  // namespace tau::runtime
