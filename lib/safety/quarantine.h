// Quarantine: untrusted results behind handles. What plans never sees the text, only what was asked of it, or
// passes the handle on to a tool.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/base.h"
#include "json/json.h"
#include "safety/extract.h"

namespace tau::safety {

struct Extract {
  std::string value;
  Labels labels;  // of the text it came from: it is as untrusted as that
};

// "$result_1": whether a text has the form of a handle.
bool is_handle(std::string_view text);

// The held texts of one session. Owner thread only.
class Quarantine {
 public:
  static constexpr size_t kMaxTexts = 1024;
  static constexpr size_t kMaxBytes = 16 << 20;
  static constexpr size_t kMaxPutBytes = 4 << 20;  // of held texts, in the arguments of one call

  struct Held {
    std::string text;
    Labels labels;
  };

  bool empty() const { return texts_.empty(); }
  size_t bytes() const { return bytes_; }
  // RESOURCE_EXHAUSTED "quarantine_full".
  Status check_room(size_t bytes) const;
  // A name that says nothing of the text it will stand for, and stands for none yet.
  std::string next_handle() const { return format("{}{}", kPrefix, last_ + 1); }
  // Holds under a handle, in the place of what it stood for: a journal may tell of it twice. INVALID_ARGUMENT
  // "invalid_handle"; as check_room().
  Status hold(std::string_view handle, std::string text, Labels labels);
  // The same under the next handle, which is returned.
  StatusOr<std::string> hold(std::string text, Labels labels);
  // NOT_FOUND "unknown_handle"; as extract_from().
  StatusOr<Extract> extract(std::string_view handle, const ExtractForm& form) const;
  // For a tool that takes the text as an argument without a model in between, and for people. Lives until the
  // handle is held again or released.
  StatusOr<const Held*> find(std::string_view handle) const;
  void release(std::string_view handle);
  // Puts held texts in the place of the strings that are handles, and their labels into those of the call:
  // whoever judges the arguments sees what a tool will get. Whether there were any. NOT_FOUND
  // "unknown_handle", RESOURCE_EXHAUSTED "arguments_too_long": they are half done then, and for nobody.
  StatusOr<bool> put_texts(json::Value& arguments, Labels& labels) const;

  static constexpr std::string_view kPrefix = "$result_";

 private:
  struct Put;
  Status put(json::Value& value, Put& into) const;

  std::map<std::string, Held, std::less<>> texts_;
  size_t bytes_ = 0;
  uint64_t last_ = 0;  // the highest number of a handle so far
};

}  // namespace tau::safety
