// Extracts: what may be read out of a text that nobody trusts. An answer is of a closed form and of few
// bytes, and is given only when the text leaves no choice: whoever wrote it must not choose between several.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::safety {

struct ExtractForm {
  enum class Kind : uint8_t {
    kChoice,   // one of `choices`, the only one that stands in the text as a whole token
    kInteger,  // the only integer of the text between `min` and `max`
    kNumber,   // the only decimal number of the text
    kBoolean,  // the only one of true, false, yes and no: "true" or "false"
    kDate,     // the only date YYYY-MM-DD of the text, one of the calendar
    kId,       // the only token of the text that `pattern` matches as a whole
    kUrl,      // the only URL of http or https, at most kMaxUrlBytes, without user and fragment
    kEmail,    // the only e-mail address, at most kMaxUrlBytes
    kCount,    // how often `choices` stand in the text as whole tokens; without them, of a list its elements
    kSize,     // of the text in bytes
  };
  Kind kind = Kind::kSize;
  // RFC 6901, into a text that is JSON: the form is read out of this value alone; of a string that is what it
  // says.
  std::string pointer;
  std::vector<std::string> choices;
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  std::string pattern;  // RE2; matches at most kMaxIdBytes of [A-Za-z0-9._:@/+-]
};
inline constexpr size_t kMaxIdBytes = 64;
inline constexpr size_t kMaxUrlBytes = 256;
inline constexpr size_t kMaxChoices = 64;

// The names of the kinds: "choice", "integer", …; INVALID_ARGUMENT "invalid_form" for another.
StatusOr<ExtractForm::Kind> parse_extract_kind(std::string_view name);

// What a JSON Pointer leads to in a text that is JSON: of a string what it says. The text where the pointer
// is empty. NOT_FOUND "no_extract".
StatusOr<std::string> narrowed(std::string_view text, std::string_view pointer);

// NOT_FOUND "no_extract" when the text has none or several of the form, or no such value; INVALID_ARGUMENT
// "invalid_form", "invalid_regex". No message quotes the text.
StatusOr<std::string> extract_from(std::string_view text, const ExtractForm& form);

}  // namespace tau::safety
