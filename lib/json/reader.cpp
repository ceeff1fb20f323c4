// Reader: whole values, and what is said when something is wrong.
#include <simdjson.h>

#include <charconv>

#include "base/format.h"
#include "base/utf8.h"
#include "json/escape.h"
#include "json/json.h"
#include "json/number.h"

namespace tau::json {

std::optional<int64_t> Field::integer() const {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

bool Reader::load(std::string_view document) {
  document_ = document;
  p_ = document.data();
  end_ = p_ + document.size();
  depth_ = 0;
  many_ = has_fraction_ = false;
  used_ = 0;
  slots_.clear();
  constexpr size_t kUsualSlots = 32;
  if (slotted_) slots_.reserve(kUsualSlots);
  if (!status_.ok()) status_ = Status();
  due_ = Due::kValue;
  space();
  // Slots count bytes in 32 bits.
  const bool good = p_ != end_ && document.size() <= UINT32_MAX &&
                    simdjson::validate_utf8(document.data(), document.size());
  return good || bad_document();
}

bool Reader::pass(int depth) {
  switch (peek()) {
    case '{': return pass_container('}', depth);
    case '[': return pass_container(']', depth);
    case '"': return pass_string();
    case 't': return pass_word("true");
    case 'f': return pass_word("false");
    case 'n': return pass_word("null");
    default: return pass_number();
  }
}

bool Reader::pass_container(char close, int depth) {
  if (depth >= kMaxDepth) return refuse("too_deep", offset(), "too many nested arrays and objects");
  ++p_;
  space();
  if (peek() == close) {
    ++p_;
    return true;
  }
  while (true) {
    if (close == '}') {
      std::string_view key;
      bool escaped = false;
      if (peek() != '"') return malformed("expected a string");
      if (!quoted(key, escaped) || (escaped && !check_escapes(key)) || !colon()) return false;
    }
    if (!pass(depth + 1)) return false;
    space();
    const char next = peek();
    if (next != ',' && next != close) return malformed("expected ',' or the end of the container");
    ++p_;
    if (next == close) return true;
    space();
  }
}

bool Reader::pass_string() {
  const char* const begin = p_;
  std::string_view body;
  bool escaped = false;
  if (!quoted(body, escaped) || (escaped && !check_escapes(body))) return false;
  add_slot(begin, escaped);
  return true;
}

bool Reader::pass_number() {
  const char* const begin = p_;
  const char* const end = integer_end(p_, end_);
  if (end == p_ || (end != end_ && (is_digit(*end) || *end == '.' || *end == 'e' || *end == 'E'))) {
    Number ignored;
    return take_number(ignored);
  }
  p_ = end;
  add_slot(begin, false);
  return true;
}

bool Reader::pass_word(std::string_view word) {
  if (static_cast<size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word)
    return malformed("expected a value");
  p_ += word.size();
  return true;
}

bool Reader::take_number(Number& out) {
  const char* end = p_;
  while (end != end_ && is_of_number(*end)) ++end;
  switch (parse_number({p_, static_cast<size_t>(end - p_)}, out)) {
    case NumberError::kNone: break;
    case NumberError::kGrammar: return malformed("expected a value");
    case NumberError::kInteger:
      return refuse("number_out_of_range", offset(), "an integer outside [-2^63, 2^64)");
    case NumberError::kDouble:
      return refuse("number_out_of_range", offset(), "a number too large for a double");
  }
  const char* const begin = p_;
  p_ = end;
  const bool is_fraction = out.kind == Number::Kind::kDouble;
  has_fraction_ = has_fraction_ || is_fraction;
  if (!is_fraction && integer_end(begin, end) != end) return true;
  add_slot(begin, false);
  if (is_fraction && !slots_.empty() && !many_) slots_.back().fraction = true;
  return true;
}

bool Reader::number(Number& out) {
  if (!want_value()) return false;
  const char c = peek();
  if (c != '-' && !is_digit(c)) return mismatch("expected a number");
  return take_number(out) && consumed();
}

bool Reader::integer(int64_t& out) {
  if (!want_value()) return false;
  const size_t at = offset();
  const char c = peek();
  if (c != '-' && !is_digit(c)) return mismatch("expected an integer");
  Number n;
  if (!take_number(n)) return false;
  if (n.kind == Number::Kind::kUint) return refuse("number_out_of_range", at, "an integer above 2^63 - 1");
  out = n.i;
  if (n.kind == Number::Kind::kDouble) {
    const Value integral(n.d);
    out = integral.as_int();
    if (integral != Value(out)) return refuse("wrong_type", at, "expected an integer");
  }
  return consumed();
}

bool Reader::number(double& out) {
  Number n;
  if (!number(n)) return false;
  switch (n.kind) {
    case Number::Kind::kInt: out = static_cast<double>(n.i); break;
    case Number::Kind::kUint: out = static_cast<double>(n.u); break;
    case Number::Kind::kDouble: out = n.d; break;
  }
  return true;
}

bool Reader::boolean(bool& out) {
  if (!want_value()) return false;
  const char c = peek();
  if (c != 't' && c != 'f') return mismatch("expected true or false");
  out = c == 't';
  return pass_word(out ? "true" : "false") && consumed();
}

bool Reader::null() { return want_value() && peek() == 'n' && pass_word("null") && consumed(); }

// Decoded text is never longer, so that all of a document's strings have room.
bool Reader::decode(std::string_view& body, Halves halves) {
  if (used_ == 0 && scratch_.size() < document_.size()) scratch_.resize(document_.size());
  char* const out = scratch_.data() + used_;
  const char* place = nullptr;
  size_t length = 0;
  const EscapeError error = unescape(body, halves, out, length, place);
  if (error != EscapeError::kNone) return bad_escape(error, place);
  used_ += length;
  body = {out, length};
  return true;
}

bool Reader::check_escapes(std::string_view body) {
  const char* place = nullptr;
  const EscapeError error = json::check_escapes(body, halves_, place);
  return error == EscapeError::kNone || bad_escape(error, place);
}

bool Reader::refuse(std::string_view reason, size_t at, std::string_view what) {
  due_ = Due::kFailed;
  const std::string message = format("{} at byte {}", what, at);
  status_ =
      reason == "reader_misuse" ? failed_precondition(reason, message) : invalid_argument(reason, message);
  return false;
}

bool Reader::malformed(std::string_view what) { return refuse("invalid_json", offset(), what); }
bool Reader::misused(const char* what) { return refuse("reader_misuse", offset(), what); }

// A value of another kind is a type error when it is JSON at all, else a syntax error.
bool Reader::mismatch(const char* what) {
  const size_t at = offset();
  return pass(depth_) && refuse("wrong_type", at, what);
}

// A string that has no end, or none before `stop`.
bool Reader::bad_string(const char* open, const char* stop) {
  const auto at = [this](const char* p) { return static_cast<size_t>(p - document_.data()); };
  if (stop != end_ && static_cast<uint8_t>(*stop) < 0x20)
    return refuse("invalid_json", at(stop), "a control character in a string must be escaped");
  return refuse("invalid_json", at(open), "a string is not closed");
}

bool Reader::bad_escape(EscapeError error, const char* place) {
  const auto at = static_cast<size_t>(place - document_.data());
  if (error == EscapeError::kLoneSurrogate) return refuse("invalid_utf8", at, "a lone surrogate escape");
  const bool unknown = error == EscapeError::kUnknown;
  return refuse("invalid_json", at, unknown ? "unknown escape" : "\\u needs four hexadecimal digits");
}

bool Reader::bad_document() {
  const size_t good = valid_utf8_prefix(document_);
  if (good != document_.size()) return refuse("invalid_utf8", good, "ill-formed UTF-8");
  if (document_.size() > UINT32_MAX) return refuse("invalid_json", 0, "the document is over 4 GiB");
  return refuse("invalid_json", 0, "the document is empty");
}

}  // namespace tau::json
