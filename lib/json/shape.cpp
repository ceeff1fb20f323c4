#include "json/shape.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "json/escape.h"

namespace tau::json {
namespace {

constexpr size_t kMostSlots = 256;     // documents with more are cheaper to parse
constexpr ptrdiff_t kMostDigits = 18;  // of an integer that cannot overflow

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The end of the integer at `p`; `p` when there is none, or one too long.
const char* integer_end(const char* p, const char* end) {
  const char* q = p;
  if (q != end && *q == '-') ++q;
  const char* const digits = q;
  while (q != end && is_digit(*q)) ++q;
  const ptrdiff_t count = q - digits;
  if (count == 0 || count > kMostDigits || (*digits == '0' && count > 1)) return p;
  return q;
}

bool stops(char c) { return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20; }

// Sixteen bytes at once, in a form that both compilers know for every processor.
using Block = uint8_t __attribute__((vector_size(16)));

bool any(Block block) {
  uint64_t words[2];
  std::memcpy(words, &block, sizeof words);
  return (words[0] | words[1]) != 0;
}

// The first byte at or after `p` that ends a run of plain text. `wide` becomes true when a byte that was
// passed is not ASCII.
const char* run_end(const char* p, const char* end, bool& wide) {
  Block bits{};
  while (end - p >= static_cast<ptrdiff_t>(sizeof(Block))) {
    Block block;
    std::memcpy(&block, p, sizeof block);
    if (any(reinterpret_cast<Block>((block == '"') | (block == '\\') | (block < 0x20)))) break;
    bits |= block;
    p += sizeof block;
  }
  uint8_t rest = 0;
  for (; p != end && !stops(*p); ++p) rest = static_cast<uint8_t>(rest | static_cast<uint8_t>(*p));
  bits[0] |= rest;
  wide = wide || any(bits & 0x80);
  return p;
}

bool same(std::string_view a, size_t a_begin, std::string_view b, size_t b_begin, size_t size) {
  return std::memcmp(a.data() + a_begin, b.data() + b_begin, size) == 0;
}

}  // namespace

std::optional<int64_t> Field::integer() const {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

void Shape::clear() {
  text_.clear();
  followers_.clear();
}

void Shape::learn(std::string_view document, const Reader& reader) {
  text_.assign(document);
  reader_ = &reader;
  built_ = settled_ = false;
  followers_.clear();
}

void Shape::follow(Field& field, Kind kind) {
  if (!field.given()) return;
  Follower follower;
  follower.field = &field;
  follower.begin = reader_->offset_of(field.text);
  follower.end = follower.begin + field.text.size();
  follower.kind = kind;
  followers_.push_back(follower);
}

bool Shape::match(std::string_view document) {
  if (text_.empty() || (!built_ && !build())) return false;
  if (settled_ && walk(document, hot_)) {
    update(document);
    return true;
  }
  return widen(document);
}

// Finds the slots of the document known, by the tokens that its reader found.
bool Shape::build() {
  slots_.clear();
  const std::span<const uint32_t> tokens = reader_->tokens();
  const std::string_view text = text_;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t begin = tokens[i];
    size_t end = i + 1 < tokens.size() ? tokens[i + 1] : text.size();
    const char c = text[begin];
    if (c == '"') {
      const bool is_key = end != text.size() && text[end] == ':';
      if (is_key) continue;
      while (text[end - 1] != '"') --end;
      add_slot(begin, end);
    } else if (c == '-' || is_digit(c)) {
      const auto space = [](char s) { return s == ' ' || s == '\n' || s == '\r' || s == '\t'; };
      while (space(text[end - 1])) --end;
      if (integer_end(text.data() + begin, text.data() + end) == text.data() + end) add_slot(begin, end);
    }
  }
  built_ = slots_.size() <= kMostSlots;
  if (!built_) {
    clear();
    return false;
  }
  for (Follower& follower : followers_) {
    if (follower.kind == Kind::kRaw) continue;
    // The text of a string begins behind its quote.
    const auto slot = std::find_if(slots_.begin(), slots_.end(),
                                   [&](const Slot& s) { return s.begin + 1 == follower.begin; });
    slot->kind = follower.kind;
    follower.begin = slot->begin;
    follower.end = slot->end;
  }
  return true;
}

void Shape::add_slot(size_t begin, size_t end) {
  Slot slot;
  slot.begin = begin;
  slot.end = end;
  slot.is_string = text_[begin] == '"';
  slots_.push_back(slot);
}

// Compares all that lies outside of `slots`, and finds what stands in them.
bool Shape::walk(std::string_view document, std::span<const Slot> slots) {
  const std::string_view known = text_;
  found_.resize(slots.size());
  used_ = 0;
  size_t at = 0;    // in the document
  size_t from = 0;  // in the one known
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    const size_t fixed = slot.begin - from;
    if (document.size() - at <= fixed || !same(document, at, known, from, fixed)) return false;
    Found& found = found_[i];
    found.begin = at + fixed;
    if (slot.is_string) {
      if (!take_string(document, slot, found)) return false;
    } else {
      const char* const begin = document.data() + found.begin;
      found.end =
          found.begin + static_cast<size_t>(integer_end(begin, document.data() + document.size()) - begin);
      if (found.end == found.begin) return false;
    }
    at = found.end;
    from = slot.end;
  }
  return document.size() - at == known.size() - from && same(document, at, known, from, known.size() - from);
}

bool Shape::take_string(std::string_view document, const Slot& slot, Found& found) {
  const char* const open = document.data() + found.begin;
  const char* const end = document.data() + document.size();
  if (*open != '"') return false;
  bool wide = false;
  found.escaped = false;
  const char* p = run_end(open + 1, end, wide);
  while (p != end && *p == '\\') {
    if (end - p < 2) return false;
    found.escaped = true;
    // What is escaped is looked at by decode(), but here for bytes that are not ASCII.
    wide = wide || static_cast<uint8_t>(p[1]) >= 0x80;
    p = run_end(p + 2, end, wide);
  }
  if (p == end || *p != '"') return false;
  found.end = static_cast<size_t>(p + 1 - document.data());
  found.text = {open + 1, static_cast<size_t>(p - open - 1)};
  if (wide && !simdjson::validate_utf8(found.text.data(), found.text.size())) return false;
  return !found.escaped || decode(document, slot, found);
}

bool Shape::decode(std::string_view document, const Slot& slot, Found& found) {
  if (used_ == 0 && scratch_.size() < document.size()) scratch_.resize(document.size());
  char* const out = scratch_.data() + used_;
  const Halves halves = slot.kind == Kind::kPiece ? Halves::kKeep : Halves::kReplace;
  size_t length = 0;
  const char* place = nullptr;
  if (unescape(found.text, halves, out, length, place) != EscapeError::kNone) return false;
  used_ += length;
  found.text = {out, length};
  return true;
}

// A document of the same shape that differs in strings or integers that were the same so far.
bool Shape::widen(std::string_view document) {
  if (!walk(document, slots_)) return false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const Found& found = found_[i];
    const size_t size = slot.end - slot.begin;
    // A text that has to be decoded does not stay where the fields could look at it.
    if (found.escaped || found.end - found.begin != size ||
        !same(document, found.begin, text_, slot.begin, size))
      slot.hot = true;
  }
  adopt(document);
  walk(document, hot_);
  update(document);
  return true;
}

// Where a place outside of all slots, or at the edge of one, lies in the document just walked.
size_t Shape::moved(size_t offset, size_t document_size) const {
  size_t shifted = offset + document_size - text_.size();
  for (size_t i = slots_.size(); i-- > 0 && slots_[i].end > offset;)
    shifted = found_[i].begin - (slots_[i].begin - offset);
  return shifted;
}

// Makes the document just walked the one that is known.
void Shape::adopt(std::string_view document) {
  for (Follower& follower : followers_) {
    const size_t end = follower.end;
    follower.begin = moved(follower.begin, document.size());
    follower.end = moved(end, document.size());
  }
  hot_.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].begin = found_[i].begin;
    slots_[i].end = found_[i].end;
    if (slots_[i].hot) hot_.push_back(slots_[i]);
  }
  text_.assign(document);
  live_.clear();
  for (const Follower& follower : followers_) bind(follower);
  settled_ = true;
}

// A field that holds no hot slot looks at the document known, and does so for good.
void Shape::bind(const Follower& follower) {
  const auto first =
      std::find_if(hot_.begin(), hot_.end(), [&](const Slot& s) { return s.begin >= follower.begin; });
  const auto behind = std::find_if(first, hot_.end(), [&](const Slot& s) { return s.end > follower.end; });
  if (first != behind) {
    Live live;
    live.field = follower.field;
    live.first = static_cast<size_t>(first - hot_.begin());
    live.last = static_cast<size_t>(behind - hot_.begin()) - 1;
    live.lead = first->begin - follower.begin;
    live.tail = follower.end - (behind - 1)->end;
    live.raw = follower.kind == Kind::kRaw;
    live_.push_back(live);
    return;
  }
  const size_t quote = follower.kind == Kind::kRaw ? 0 : 1;
  const size_t size = follower.end - follower.begin - 2 * quote;
  follower.field->text = std::string_view(text_).substr(follower.begin + quote, size);
  follower.field->fresh = false;
}

void Shape::update(std::string_view document) {
  for (const Live& live : live_) {
    const Found& first = found_[live.first];
    if (live.raw) {
      const size_t begin = first.begin - live.lead;
      live.field->text = document.substr(begin, found_[live.last].end + live.tail - begin);
    } else {
      live.field->text = first.text;
    }
    live.field->fresh = true;
  }
}

}  // namespace tau::json
