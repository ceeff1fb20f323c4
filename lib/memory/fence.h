// Texts of memories put into prompts: escaped so that no text can end its block, begin another, or hide
// something from a reader; and the labels that such a prompt has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "store/store.h"

namespace tau::memory {

enum class Lines : uint8_t {
  kKeep,   // as they are
  kEscape  // one line: a line break becomes "\n", as two characters
};

// '<' becomes "&lt;", also its full-width form, and '&' "&amp;" where it would read as one of these. Control
// characters, and characters without a width that turn or tag text, are left out; ill-formed UTF-8 becomes
// U+FFFD. What this writes holds no '<'.
void append_escaped(std::string& out, std::string_view text, Lines lines);
std::string escaped(std::string_view text, Lines lines);

// "2024-05-03", UTC. Of times that no calendar has: "".
std::string date_text(int64_t time_ms);

// What a stored body is labelled with. Names that are not known count as of the web: trusted least.
Labels labels_of(const store::Provenance& provenance);
// The same body written down with these labels; the rest as it was.
store::Provenance relabelled(store::Provenance provenance, const Labels& labels);

// Characters, not bytes; of ill-formed text every byte that begins none counts.
size_t count_characters(std::string_view text);
// The text without white space at its ends.
std::string_view trimmed(std::string_view text);

}  // namespace tau::memory
