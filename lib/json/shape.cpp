#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "json/escape.h"
#include "json/json.h"
#include "json/number.h"
#include "json/text_scan.h"

namespace tau::json {
namespace {

// As string_stop(). `wide` becomes true when a byte that was passed, or one close behind, is not ASCII.
const char* run_end(const char* p, const char* end, bool& wide) {
  Block seen{};
  size_t n = sizeof(Block);
  while (n == sizeof(Block) && end - p >= static_cast<ptrdiff_t>(sizeof(Block))) {
    const Block block = load_block(p);
    seen |= block;
    n = first_set(stops(block));
    p += n;
  }
  wide = wide || first_set(seen & 0x80) != sizeof(Block);
  if (n != sizeof(Block)) return p;
  for (; p != end && !stops(*p); ++p) wide = wide || static_cast<uint8_t>(*p) >= 0x80;
  return p;
}

bool same(std::string_view a, size_t a_begin, std::string_view b, size_t b_begin, size_t size) {
  return same_bytes(a.data() + a_begin, b.data() + b_begin, size);
}

// The end of the number with a fraction or an exponent at `p`; `p` when there is none that a reader takes.
const char* fraction_end(const char* p, const char* end) {
  const char* q = p;
  while (q != end && is_of_number(*q)) ++q;
  const std::string_view text(p, static_cast<size_t>(q - p));
  if (is_short_fraction(text)) return q;
  Number n;
  return parse_number(text, n) == NumberError::kNone && n.kind == Number::Kind::kDouble ? q : p;
}

}  // namespace

void Shape::clear() {
  text_.clear();
  followers_.clear();
}

void Shape::learn(const Reader& reader) {
  clear();
  settled_ = false;
  all_fresh_ = false;
  const std::vector<Slot>* slots = reader.slots();
  if (slots == nullptr) return;
  slots_.assign(slots->begin(), slots->end());
  document_ = reader.document();
  text_.assign(document_);
  note_ends();
}

void Shape::note_ends() {
  constexpr size_t kWord = sizeof(uint64_t);
  head_mask_ = tail_mask_ = 0;
  if (text_.size() < kWord) return;
  head_ = word(text_.data());
  tail_ = word(text_.data() + text_.size() - kWord);
  const size_t first = slots_.empty() ? text_.size() : slots_.front().begin;
  const size_t last = slots_.empty() ? 0 : slots_.back().end;
  std::memset(&head_mask_, 0xFF, std::min(kWord, first));
  const size_t fixed = std::min(kWord, text_.size() - last);
  std::memset(reinterpret_cast<char*>(&tail_mask_) + kWord - fixed, 0xFF, fixed);
}

void Shape::follow(Field& field) {
  if (!field.given() || text_.empty()) return;
  const bool inside =
      field.text.data() >= document_.data() && field.text.data() <= document_.data() + document_.size();
  // A key with escapes was decoded to a place that the next document takes.
  if (field.raw && !inside) return clear();
  Follower& follower = followers_.emplace_back();
  follower.field = &field;
  if (!field.raw) return;
  const auto begin = static_cast<size_t>(field.text.data() - document_.data());
  follower.lead = begin - end_before(field.first);
  follower.tail = begin + field.text.size() - end_before(static_cast<size_t>(field.first) + field.slots);
}

bool Shape::match(std::string_view document, bool again) {
  if (text_.empty()) return false;
  if (!settled_ || !match_hot(document)) {
    if (!find_changes(document)) return false;
    adopt(document);
    match_hot(document);
  }
  update(document, again);
  return true;
}

// Compares all that lies outside of the hot slots, and takes what stands in them.
bool Shape::match_hot(std::string_view document) {
  const std::string_view known = text_;
  found_.resize(hot_.size());
  used_ = 0;
  size_t at = 0;    // in the document
  size_t from = 0;  // in the one known
  for (size_t i = 0; i < hot_.size(); ++i) {
    const Slot& slot = hot_[i];
    const size_t fixed = slot.begin - from;
    if (document.size() - at <= fixed || !same(document, at, known, from, fixed)) return false;
    Found& found = found_[i];
    found.begin = at + fixed;
    if (!take(document, slot, found, true)) return false;
    at = found.end;
    from = slot.end;
  }
  return document.size() - at == known.size() - from && same(document, at, known, from, known.size() - from);
}

// Finds all slots in a document that differs in nothing else, and which of them have changed.
bool Shape::find_changes(std::string_view document) {
  const std::string_view known = text_;
  found_.resize(slots_.size());
  size_t at = 0;
  size_t from = 0;
  for (size_t i = 0;; ++i) {
    const size_t rest = std::min(document.size() - at, known.size() - from);
    const size_t reach = from + common_prefix(document.data() + at, known.data() + from, rest);
    // A number ends where something else begins.
    for (; i < slots_.size() && slots_[i].end + (is_string(slots_[i]) ? 0U : 1U) <= reach; ++i) {
      found_[i].begin = at + slots_[i].begin - from;
      found_[i].end = at + slots_[i].end - from;
      found_[i].changed = false;
    }
    if (i == slots_.size()) return reach == known.size() && at + (reach - from) == document.size();
    const Slot& slot = slots_[i];
    Found& found = found_[i];
    if (slot.begin > reach) return false;
    found.begin = at + slot.begin - from;
    found.changed = true;
    if (found.begin >= document.size() || !take(document, slot, found, false)) return false;
    at = found.end;
    from = slot.end;
  }
}

bool Shape::take(std::string_view document, const Slot& slot, Found& found, bool decoded) {
  if (is_string(slot)) return take_string(document, slot, found, decoded);
  const char* const begin = document.data() + found.begin;
  const char* const limit = document.data() + document.size();
  const char* const end = slot.fraction ? fraction_end(begin, limit) : integer_end(begin, limit);
  found.end = static_cast<size_t>(end - document.data());
  return end != begin;
}

bool Shape::take_string(std::string_view document, const Slot& slot, Found& found, bool decoded) {
  const char* const open = document.data() + found.begin;
  const char* const end = document.data() + document.size();
  if (*open != '"') return false;
  bool wide = false;
  bool escaped = false;
  const char* p = run_end(open + 1, end, wide);
  while (p != end && *p == '\\') {
    if (end - p < 2) return false;
    escaped = true;
    // What is escaped is looked at below, but here for bytes that are not ASCII.
    wide = wide || static_cast<uint8_t>(p[1]) >= 0x80;
    p = run_end(p + 2, end, wide);
  }
  if (p == end || *p != '"') return false;
  found.end = static_cast<size_t>(p + 1 - document.data());
  found.text = {open + 1, static_cast<size_t>(p - open - 1)};
  if (wide && !simdjson::validate_utf8(found.text.data(), found.text.size())) return false;
  if (!escaped) return true;
  const char* place = nullptr;
  if (slot.decoded && decoded) return decode(document, slot, found);
  return check_escapes(found.text, Halves::kReplace, place) == EscapeError::kNone;
}

bool Shape::decode(std::string_view document, const Slot& slot, Found& found) {
  if (used_ == 0 && scratch_.size() < document.size()) scratch_.resize(document.size());
  char* const out = scratch_.data() + used_;
  const Halves halves = slot.piece ? Halves::kKeep : Halves::kReplace;
  size_t length = 0;
  const char* place = nullptr;
  if (unescape(found.text, halves, out, length, place) != EscapeError::kNone) return false;
  used_ += length;
  found.text = {out, length};
  return true;
}

// Makes the document just walked the one that is known.
void Shape::adopt(std::string_view document) {
  hot_.clear();
  hot_before_.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    slot.begin = static_cast<uint32_t>(found_[i].begin);
    slot.end = static_cast<uint32_t>(found_[i].end);
    // A text that has to be decoded does not stay where a field could look at it.
    slot.hot = slot.hot || found_[i].changed || (slot.escaped && slot.decoded);
    hot_before_.push_back(static_cast<uint32_t>(hot_.size()));
    if (slot.hot) hot_.push_back(slot);
  }
  hot_before_.push_back(static_cast<uint32_t>(hot_.size()));
  text_.assign(document);
  live_.clear();
  for (const Follower& follower : followers_) bind(follower);
  settled_ = true;
}

// A field that holds no hot slot looks at the document known, and does so for good.
void Shape::bind(const Follower& follower) {
  Field& field = *follower.field;
  const size_t behind = static_cast<size_t>(field.first) + field.slots;
  const size_t begin = field.raw ? end_before(field.first) + follower.lead : slots_[field.first].begin + 1U;
  const size_t end = field.raw ? end_before(behind) + follower.tail : slots_[field.first].end - 1U;
  const size_t first = hot_before_[field.first];
  const size_t last = hot_before_[behind];
  if (first == last) {
    field.text = std::string_view(text_).substr(begin, end - begin);
    field.fresh = false;
    return;
  }
  Live& live = live_.emplace_back();
  live.field = &field;
  live.first = first;
  live.last = last - 1;
  live.lead = hot_[live.first].begin - begin;
  live.tail = end - hot_[live.last].end;
}

void Shape::update(std::string_view document, bool again) {
  if (all_fresh_ || !again) {
    for (const Follower& follower : followers_) follower.field->fresh = !again;
    all_fresh_ = !again;
  }
  for (const Live& live : live_) {
    const Found& first = found_[live.first];
    if (live.field->raw) {
      const size_t begin = first.begin - live.lead;
      live.field->text = document.substr(begin, found_[live.last].end + live.tail - begin);
    } else {
      live.field->text = first.text;
    }
    live.field->fresh = true;
  }
}

}  // namespace tau::json
