// What keeps secrets out of all that a run leaves behind. Texts are looked at when they come in, before the
// engine, the journal, the conversation and the host see them; whatever is made of them later holds none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "json/json.h"
#include "safety/safety.h"
#include "wire/wire.h"

namespace tau::runtime {

// Who wrote a text decides what is looked for in it.
enum class Author : uint8_t {
  kHost,    // the host and its user: registered secrets
  kForeign  // models, tools, servers, files: those, and credentials by the rules
};

// Takes out of texts what is looked for at one moment.
class Redaction {
 public:
  Redaction() = default;  // nobody looks: nothing may be called but what follows
  explicit Redaction(std::shared_ptr<const safety::Screens> what) : what_(std::move(what)) {}
  explicit operator bool() const { return what_ != nullptr; }
  bool is_same_as(const Redaction& other) const { return what_ == other.what_; }

  int64_t epoch() const { return static_cast<int64_t>(what_->epoch); }  // of the rules; 0: they are off
  const safety::Screen& screen(Author author) const {
    return author == Author::kHost ? what_->secrets : what_->all;
  }

  // `found`, if not null, gets what was found, that which stays where it stands included.
  void clean(std::string& text, Author author, std::vector<safety::Finding>* found = nullptr) const;
  void clean(SharedString& text, Author author) const;
  // The next of several texts that are each shown at once, after others that ended with `before`, which goes
  // on. One that completes a registered secret is taken out as a whole.
  void clean_next(std::string& text, std::string& before, Author author) const;
  // The text of a JSON document, or of nothing; it stays one.
  void clean_json(std::string& text, Author author) const;
  void clean(wire::Message& message, Author author) const;
  void clean(wire::Response& response) const;
  void clean(ErrorInfo& error) const;
  // All but the response of a model, which is shared by the time it is an input.
  void clean(agent::InputBody& body) const;

 private:
  bool finds_nothing(std::string_view text, Author author) const;
  void clean_media(wire::Media& media, Author author) const;
  void clean_reasoning(wire::Reasoning& reasoning) const;
  void clean(json::Value& value, Author author) const;
  void clean(json::Value::Member& member, Author author) const;
  void clean(wire::Extras& extras, Author author) const;
  void clean(wire::Part& part, Author author) const;

  std::shared_ptr<const safety::Screens> what_;
};

// Cleans the deltas of one model call as they come: what may belong to a secret waits for what follows.
class DeltaCleaner {
 public:
  // A call begins, or begins anew.
  void begin(const Redaction& redaction);
  // Text or reasoning. `output(kind, text)` is called with what may be shown of it, and of what waited.
  template <class Output>
  void feed(const wire::StreamEvent& event, const Output& output) {
    if (!redaction_) return output(event.kind, event.text);
    if (waiting_ && (kind_ != event.kind || part_ != event.part)) finish(output);
    kind_ = event.kind;
    part_ = event.part;
    waiting_ = true;
    text_.clear();
    redactor_->feed(event.text, text_);
    if (!text_.empty()) output(kind_, text_);
  }
  // What waits is shown, since nothing has come for a while. Whether anything waited.
  template <class Output>
  bool flush(const Output& output) {
    if (!holds()) return false;
    text_.clear();
    redactor_->flush(text_);
    if (!text_.empty()) output(kind_, text_);
    return !text_.empty();
  }
  bool holds() const { return waiting_ && redactor_->held_bytes() > 0; }
  // The part is complete: what waited is shown.
  template <class Output>
  void finish(const Output& output) {
    if (!std::exchange(waiting_, false)) return;
    text_.clear();
    redactor_->finish(text_);
    if (!text_.empty()) output(kind_, text_);
  }

 private:
  Redaction redaction_;
  std::optional<safety::Redactor> redactor_;  // of redaction_
  bool waiting_ = false;                      // it was fed
  wire::StreamEvent::Kind kind_{};
  uint32_t part_ = 0;
  std::string text_;
};

}  // namespace tau::runtime
