// Quarantine: untrusted results behind handles. What plans never sees the text, only what was asked of it: an
// answer of a closed form, of few bytes. The dual-model pattern's half that needs no model.
//
// The runtime does not use it yet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::safety {

// What may be read out of a text.
struct ExtractForm {
  enum class Kind : uint8_t {
    kChoice,   // one of `choices`, the only one that stands in the text as a whole token
    kInteger,  // the only integer of the text between `min` and `max`
    kDate,     // the only date YYYY-MM-DD of the text, one of the calendar
    kId,       // the only token of the text that `pattern` matches as a whole
    kSize,     // of the text in bytes
  };
  Kind kind = Kind::kSize;
  std::vector<std::string> choices;
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  std::string pattern;  // RE2; matches at most kMaxIdBytes of [A-Za-z0-9._:@/+-]
};
inline constexpr size_t kMaxIdBytes = 64;
inline constexpr size_t kMaxChoices = 64;

struct Extract {
  std::string value;
  Labels labels;  // of the text it came from: it is as untrusted as that
};

// Owner thread only.
class Quarantine {
 public:
  static constexpr size_t kMaxTexts = 1024;
  static constexpr size_t kMaxBytes = 16 << 20;

  // Returns "$1", "$2", …: a name that says nothing of the text. RESOURCE_EXHAUSTED "quarantine_full".
  StatusOr<std::string> hold(std::string text, Labels labels);
  // NOT_FOUND "unknown_handle"; NOT_FOUND "no_extract" when the text has none or several of the form;
  // INVALID_ARGUMENT "invalid_form".
  StatusOr<Extract> extract(std::string_view handle, const ExtractForm& form) const;
  // The text itself, for a tool that takes it as an argument without a model in between.
  StatusOr<std::string_view> reveal(std::string_view handle) const;
  StatusOr<Labels> labels(std::string_view handle) const;
  void release(std::string_view handle);

 private:
  struct Held {
    std::string text;
    Labels labels;
  };
  StatusOr<const Held*> find(std::string_view handle) const;
  std::map<std::string, Held, std::less<>> texts_;
  size_t bytes_ = 0;
  uint64_t last_ = 0;
};

}  // namespace tau::safety
