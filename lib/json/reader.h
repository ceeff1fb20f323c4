// The one tokenizer of the module: parse() and all that reads streams stand on it, so they accept the same
// language. Inline where a chunk of a stream passes dozens of times: its budget is a few nanoseconds a token.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "json/text_scan.h"

namespace tau::json {

struct Number;
enum class EscapeError : uint8_t;

// A value that was read from a document of a stream.
struct Field {
  std::string_view text;
  bool fresh = false;  // false: the document before said the same
  bool raw = false;    // JSON text
  uint16_t first = 0;  // the slots of the reader that it holds
  uint16_t slots = 0;

  // Of a field that holds the JSON text of an integer; nothing when that has no 64 bits, or is something
  // else.
  std::optional<int64_t> integer() const;
  // data() is null: the document has none.
  bool given() const { return text.data() != nullptr; }
  bool operator==(std::string_view other) const { return text == other; }
};

// A string, with its quotes, or a number, and where it stands: what may differ in a document of the same
// shape.
struct Slot {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool escaped = false;   // a string that has escapes
  bool decoded = false;   // a field holds its text, not its JSON
  bool piece = false;     // likewise, with lone surrogates
  bool fraction = false;  // a number that has a fraction or an exponent
  bool hot = false;       // it has changed (Shape)
};

// A forward-only pull reader over one document: no tree, no copy, and no allocation but for the first escaped
// string. Not thread-safe; reuse one per stream. After any failure every call returns false and status() says
// why. Duplicate keys are not detected here: use parse() for anything that policy sees.
//
//   if (r.load(text) && r.enter_object())
//     while (r.next_key(key)) { if (key == "id") r.string(id); else r.skip(); }
//
// After next_key or next_element exactly one of the value calls (enter_*, string, integer, number, boolean,
// null, raw, skip) must follow. Leaving an object or array early is not possible: read or skip to its end.
// Skipped values are checked as strictly as the others. Besides the reasons of parse(): "wrong_type" when the
// value is not what was asked for, "reader_misuse" when calls come out of order.
class Reader {
 public:
  static constexpr size_t kMostSlots = 512;  // documents with more are cheaper to read than to compare

  // kReplace lets lone surrogates pass wherever they stand; piece() yields them as they are. With `slots` it
  // notes them for Shape.
  explicit Reader(Halves halves = Halves::kRefuse, bool slots = false) : halves_(halves), slotted_(slots) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The document stays as it is while it is read. False when it is empty or ill-formed UTF-8.
  bool load(std::string_view document);
  const Status& status() const { return status_; }

  // Of the value about to be read; kNull after a failure. Numbers: kInt or kDouble.
  Value::Kind kind() const;
  bool enter_object() { return enter('{', "expected an object"); }
  bool next_key(std::string_view& key);  // false at the end of the object, or on failure
  bool enter_array() { return enter('[', "expected an array"); }
  bool next_element() { return step('[', ']'); }  // false at the end of the array, or on failure
  // Unescaped; valid as long as the document, and no longer than until the next load.
  bool string(std::string_view& out) { return text(out, halves_); }
  // A string that others continue: its lone surrogates are kept.
  bool piece(std::string_view& out) { return text(out, piece_halves()); }
  bool integer(int64_t& out);
  bool number(double& out);
  bool number(Number& out);  // as exact as parse() has it
  bool boolean(bool& out);
  bool null();                      // true and consumed when the value is null; else false, not consumed
  bool raw(std::string_view& out);  // the value's JSON text, whole
  bool skip() { return want_value() && pass(depth_) && consumed(); }
  // The same, for Shape to follow; a key as next_key() gave it.
  Field key(std::string_view name) const;
  bool string(Field& out) { return text(out, halves_, false); }
  bool piece(Field& out) { return text(out, piece_halves(), true); }
  bool raw(Field& out);

  // An object that is read by its members and kept whole too: leave() when its last member was read.
  bool enter_object(Field& whole);
  void leave(Field& whole) const;

  // For Shape, when the document was read whole: its strings and numbers, but for keys and long integers, in
  // their order. Nothing when they are too many.
  const std::vector<Slot>* slots() const { return many_ || !slotted_ ? nullptr : &slots_; }
  std::string_view document() const { return document_; }
  // Whether a number in it has a fraction or an exponent; when it was read whole.
  bool has_fraction() const { return has_fraction_; }
  // Where what was read last begins.
  size_t offset() const { return static_cast<size_t>(p_ - document_.data()); }

  // Fails for a reason of the caller's: always false.
  bool refuse(std::string_view reason, size_t at, std::string_view what);

 private:
  // What may come next: a value; the first key or element of a container; what follows a value in a
  // container; nothing, because the document ended or was never loaded; nothing, because of a failure.
  enum class Due : uint8_t { kValue, kFirst, kNext, kEnd, kFailed };

  char peek() const { return p_ != end_ ? *p_ : '\0'; }
  void space() {
    while (p_ != end_ && is_space(*p_)) ++p_;
  }
  Halves piece_halves() const { return halves_ == Halves::kRefuse ? Halves::kRefuse : Halves::kKeep; }
  bool want_value();
  bool consumed();
  bool enter(char open, const char* what);
  bool step(char open, char close);
  bool colon();
  bool quoted(std::string_view& body, bool& escaped);
  bool text(std::string_view& out, Halves halves);
  bool text(Field& out, Halves halves, bool piece);
  void add_slot(const char* begin, bool escaped);

  // Each consumes a whole value, and is false when it is not one.
  bool pass(int depth);
  bool pass_container(char close, int depth);
  bool pass_string();
  bool pass_number();
  bool pass_word(std::string_view word);
  bool take_number(Number& out);

  bool decode(std::string_view& body, Halves halves);
  bool check_escapes(std::string_view body);
  bool mismatch(const char* what);
  bool misused(const char* what);
  bool malformed(std::string_view what);
  bool bad_string(const char* open, const char* stop);
  bool bad_escape(EscapeError error, const char* place);
  bool bad_document();

  std::string_view document_;
  const char* p_ = nullptr;  // no white space stands here
  const char* end_ = nullptr;
  Halves halves_;
  Due due_ = Due::kEnd;
  bool slotted_;
  bool many_ = false;
  bool has_fraction_ = false;
  int depth_ = 0;
  size_t used_ = 0;  // of scratch_
  std::vector<Slot> slots_;
  std::string scratch_;  // decoded strings
  Status status_;
  std::array<char, kMaxDepth> opened_{};
};

inline Value::Kind Reader::kind() const {
  if (due_ != Due::kValue) return Value::Kind::kNull;
  const char c = peek();
  switch (c) {
    case '"': return Value::Kind::kString;
    case '{': return Value::Kind::kObject;
    case '[': return Value::Kind::kArray;
    case 't':
    case 'f': return Value::Kind::kBool;
    default: break;
  }
  if (c != '-' && !is_digit(c)) return Value::Kind::kNull;
  const char* q = p_ + 1;
  while (q != end_ && is_digit(*q)) ++q;
  return q != end_ && (*q == '.' || *q == 'e' || *q == 'E') ? Value::Kind::kDouble : Value::Kind::kInt;
}

inline bool Reader::want_value() {
  if (due_ == Due::kValue) [[likely]]
    return true;
  return due_ != Due::kFailed && misused("no value is due");
}

// Closes the books on a value that was just consumed.
inline bool Reader::consumed() {
  space();
  if (depth_ != 0) [[likely]] {
    due_ = Due::kNext;
    return true;
  }
  due_ = Due::kEnd;
  return p_ == end_ || malformed("text after the document");
}

inline bool Reader::enter(char open, const char* what) {
  if (!want_value()) return false;
  if (peek() != open) return mismatch(what);
  if (depth_ >= kMaxDepth) return refuse("too_deep", offset(), "too many nested arrays and objects");
  ++p_;
  space();
  opened_[static_cast<size_t>(depth_++)] = open;
  due_ = Due::kFirst;
  return true;
}

// Moves to the next key or element: true when there is one, false at the end or on failure.
inline bool Reader::step(char open, char close) {
  if (due_ != Due::kFirst && due_ != Due::kNext) [[unlikely]]
    return due_ != Due::kFailed && misused("a value is due, or the document ended");
  if (depth_ == 0 || opened_[static_cast<size_t>(depth_ - 1)] != open)
    return misused("not in a container of this kind");
  const char c = peek();
  if (c == close) {
    ++p_;
    --depth_;
    consumed();
    return false;
  }
  if (due_ == Due::kNext) {
    if (c != ',') return malformed("expected ',' or the end of the container");
    ++p_;
    space();
  }
  due_ = Due::kValue;
  return true;
}

inline bool Reader::colon() {
  space();
  if (peek() != ':') return malformed("expected ':' after the key");
  ++p_;
  space();
  return true;
}

inline bool Reader::next_key(std::string_view& key) {
  if (!step('{', '}')) return false;
  if (peek() != '"') return malformed("expected a string");
  bool escaped = false;
  return quoted(key, escaped) && (!escaped || decode(key, halves_)) && colon();
}

// The bytes between the quotes, the first of which stands here.
inline bool Reader::quoted(std::string_view& body, bool& escaped) {
  const char* const open = p_ + 1;
  const char* stop = string_stop(open, end_);
  while (stop != end_ && *stop == '\\' && end_ - stop >= 2) {
    escaped = true;
    stop = string_stop(stop + 2, end_);
  }
  if (stop == end_ || *stop != '"') return bad_string(p_, stop);
  body = {open, static_cast<size_t>(stop - open)};
  p_ = stop + 1;
  return true;
}

inline void Reader::add_slot(const char* begin, bool escaped) {
  if (!slotted_) return;
  if (slots_.size() == kMostSlots) {
    many_ = true;
    return;
  }
  Slot slot;
  slot.begin = static_cast<uint32_t>(begin - document_.data());
  slot.end = static_cast<uint32_t>(p_ - document_.data());
  slot.escaped = escaped;
  slots_.push_back(slot);
}

inline bool Reader::text(std::string_view& out, Halves halves) {
  if (!want_value()) return false;
  if (peek() != '"') return mismatch("expected a string");
  const char* const begin = p_;
  bool escaped = false;
  if (!quoted(out, escaped) || (escaped && !decode(out, halves))) return false;
  add_slot(begin, escaped);
  return consumed();
}

inline bool Reader::text(Field& out, Halves halves, bool piece) {
  out.first = static_cast<uint16_t>(slots_.size());
  if (!text(out.text, halves)) return false;
  out.fresh = true;
  out.raw = false;
  out.slots = 1;
  if (!slots_.empty()) {
    slots_.back().decoded = true;
    slots_.back().piece = piece;
  }
  return true;
}

inline Field Reader::key(std::string_view name) const {
  Field out;
  out.text = name;
  out.fresh = out.raw = true;
  out.first = static_cast<uint16_t>(slots_.size());
  return out;
}

inline bool Reader::raw(std::string_view& out) {
  if (!want_value()) return false;
  const char* const begin = p_;
  if (!pass(depth_)) return false;
  out = {begin, static_cast<size_t>(p_ - begin)};
  return consumed();
}

inline bool Reader::enter_object(Field& whole) {
  whole.first = static_cast<uint16_t>(slots_.size());
  whole.text = {p_, 1};
  return enter_object();
}

inline void Reader::leave(Field& whole) const {
  const char* end = p_;
  while (is_space(end[-1])) --end;
  whole.text = {whole.text.data(), static_cast<size_t>(end - whole.text.data())};
  whole.fresh = whole.raw = true;
  whole.slots = static_cast<uint16_t>(slots_.size() - whole.first);
}

inline bool Reader::raw(Field& out) {
  out.first = static_cast<uint16_t>(slots_.size());
  if (!raw(out.text)) return false;
  out.fresh = out.raw = true;
  out.slots = static_cast<uint16_t>(slots_.size() - out.first);
  return true;
}

}  // namespace tau::json
