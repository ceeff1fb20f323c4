// The one tokenizer of the module: simdjson's stage 1 finds where tokens start and checks UTF-8; this class
// walks them and decodes scalars. parse() and Reader both stand on it, so they accept the same language.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"
#include "json/escape.h"

namespace tau::json {

class Scanner {
 public:
  enum class Reason : uint8_t {
    kSyntax,
    kDuplicateKey,
    kUtf8,
    kNumberRange,
    kDepth,
    kType,
    kMisuse,
    kMemory
  };
  struct Number {
    enum class Kind : uint8_t { kInt, kUint, kDouble } kind = Kind::kInt;
    int64_t i = 0;
    uint64_t u = 0;  // only values above INT64_MAX
    double d = 0;
  };

  Scanner();
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // Indexes `text`, which must outlive the walk. False when it is empty, ill-formed UTF-8 or has an open
  // string.
  bool load(std::string_view text);

  // The first byte of the current token; 0 at the end (a NUL byte in the text is no token either).
  char peek() const { return position_ < count_ ? text_[index_[position_]] : '\0'; }
  bool at_end() const { return position_ >= count_; }
  void advance() { ++position_; }
  uint32_t position() const { return position_; }
  size_t offset() const { return position_ < count_ ? index_[position_] : text_.size(); }
  // The text of token `i`: up to the next one, without the white space between.
  std::string_view token(uint32_t i) const;

  // Where each token begins; valid until the next load.
  std::span<const uint32_t> tokens() const { return {index_, count_}; }

  // Each consumes one token and fails when it is not what the name says.
  bool quoted(std::string_view& body, bool& escaped);  // the bytes between the quotes
  // As quoted() with nothing to decode and no white space after it, which is what nearly all strings are;
  // false, and nothing is consumed, for all others.
  bool plain(std::string_view& body);
  bool number(Number& out);
  bool literal(std::string_view word);
  bool expect(char structural, const char* what);
  // Checks and consumes a whole value; `depth` is how many containers are already open.
  bool skip(int depth);

  // How lone surrogates are taken: by skip(), and as the caller says by unescape().
  void set_halves(Halves halves) { halves_ = halves; }
  Halves halves() const { return halves_; }
  // Decodes the escapes of `body` to `out`, which has room for body.size() bytes and may be body.data().
  bool unescape(std::string_view body, Halves halves, char* out, size_t& length);
  bool check_escapes(std::string_view body);

  // Records the first failure; always returns false.
  bool fail(Reason reason, size_t offset, std::string_view what);
  Status status() const;

 private:
  struct Engine;
  bool has_escape(std::string_view body);
  const char* find_slash(const char* from) const;
  bool reserve(size_t bytes);
  bool diagnose();
  bool skip_container(char close, int depth);
  bool fail_escape(EscapeError error, const char* place);

  std::unique_ptr<Engine> engine_;
  std::string_view text_;
  const uint32_t* index_ = nullptr;  // count_ token offsets, then text_.size()
  uint32_t count_ = 0;
  uint32_t position_ = 0;
  const char* slash_ = nullptr;  // the first backslash at or after some consumed place, or the end
  size_t capacity_ = 0;
  Halves halves_ = Halves::kRefuse;
  Reason reason_ = Reason::kSyntax;
  size_t failed_at_ = 0;
  std::string_view what_;  // always a literal
};

// The walk is inline: the reader's budget is a few nanoseconds a token.

inline std::string_view Scanner::token(uint32_t i) const {
  const char* const begin = text_.data() + index_[i];
  const char* end = text_.data() + (i + 1 < count_ ? index_[i + 1] : text_.size());
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (end > begin + 1 && space(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

// `slash_` moves forward only, so that all strings together cost one pass for backslashes.
inline bool Scanner::has_escape(std::string_view body) {
  const char* const end = body.data() + body.size();
  if (slash_ < body.data()) slash_ = find_slash(body.data());
  return slash_ < end;
}

inline bool Scanner::quoted(std::string_view& body, bool& escaped) {
  if (peek() != '"') return fail(Reason::kSyntax, offset(), "expected a string");
  const std::string_view whole = token(position_);
  if (whole.size() < 2 || whole.back() != '"') return fail(Reason::kSyntax, offset(), "expected a string");
  body = whole.substr(1, whole.size() - 2);
  escaped = has_escape(body);
  ++position_;
  return true;
}

inline bool Scanner::plain(std::string_view& body) {
  if (position_ >= count_) return false;
  const char* const open = text_.data() + index_[position_];
  // Stage 1 ends its list with the size of the text.
  const char* const close = text_.data() + index_[position_ + 1] - 1;
  if (*open != '"' || *close != '"' || close == open) return false;
  body = {open + 1, static_cast<size_t>(close - open - 1)};
  if (has_escape(body)) return false;
  ++position_;
  return true;
}

inline bool Scanner::literal(std::string_view word) {
  if (at_end() || token(position_) != word) return fail(Reason::kSyntax, offset(), "expected a value");
  ++position_;
  return true;
}

inline bool Scanner::expect(char structural, const char* what) {
  if (peek() != structural) return fail(Reason::kSyntax, offset(), what);
  ++position_;
  return true;
}

}  // namespace tau::json
