// Lines of a text, one after the other, with their numbers. Private to the chunkers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tau::memory {

inline bool is_blank_char(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

inline bool is_blank_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_blank_char);
}

inline std::string_view trim_left(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && is_blank_char(text[n])) ++n;
  return text.substr(n);
}
inline std::string_view trim_right(std::string_view text) {
  while (!text.empty() && is_blank_char(text.back())) text.remove_suffix(1);
  return text;
}
inline std::string_view trim(std::string_view text) { return trim_right(trim_left(text)); }

inline int64_t count_lines(std::string_view text) {  // of newlines
  return static_cast<int64_t>(std::count(text.begin(), text.end(), '\n'));
}

// A line ends with "\n" or "\r\n"; `text` leaves that out.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text, int64_t first_number = 1)
      : rest_(text), number_(first_number - 1) {}

  bool next() {
    if (rest_.empty()) return false;
    const auto* const end = static_cast<const char*>(std::memchr(rest_.data(), '\n', rest_.size()));
    const size_t size = end == nullptr ? rest_.size() : static_cast<size_t>(end - rest_.data());
    line_ = rest_.substr(0, size);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    rest_.remove_prefix(end == nullptr ? size : size + 1);
    ++number_;
    return true;
  }
  std::string_view line() const { return line_; }
  int64_t number() const { return number_; }
  // What follows the line.
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  std::string_view line_;
  int64_t number_;
};

// The numbers of lines of places that only go forward.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text, int64_t first_number = 1)
      : text_(text), number_(first_number) {}
  int64_t at(size_t offset) {
    if (offset > offset_) {
      number_ += count_lines(text_.substr(offset_, offset - offset_));
      offset_ = offset;
    }
    return number_;
  }

 private:
  std::string_view text_;
  size_t offset_ = 0;
  int64_t number_;
};

}  // namespace tau::memory
