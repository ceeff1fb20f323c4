#include "safety/exact.h"

#include <algorithm>
#include <array>
#include <bit>

#include "safety/forms.h"

namespace tau::safety {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr size_t kNearOffset = 16;  // a window this near keeps the delay of a redactor small
constexpr size_t kFarOffset = 240;

// How unlike ordinary text eight bytes are: distinct bytes, and changes between kinds of characters.
int strangeness(std::string_view window) {
  const auto kind = [](char c) {
    return c >= '0' && c <= '9' ? 0 : c >= 'A' && c <= 'Z' ? 1 : c >= 'a' && c <= 'z' ? 2 : 3;
  };
  int distinct = 0;
  int changes = 0;
  for (size_t i = 0; i < window.size(); ++i) {
    distinct += window.substr(0, i).find(window[i]) == std::string_view::npos ? 1 : 0;
    changes += i > 0 && kind(window[i]) != kind(window[i - 1]) ? 1 : 0;
  }
  return distinct + 2 * std::min(changes, 3);
}

constexpr int kStrange = 10;
constexpr int kOrdinary = 6;  // good enough from kNearOffset on

}  // namespace

ExactSet::ExactSet(Random& random) {
  std::array<std::byte, sizeof key_ + sizeof multiplier_> seed;
  random.fill(seed);
  std::memcpy(key_.data(), seed.data(), sizeof key_);
  std::memcpy(&multiplier_, seed.data() + sizeof key_, sizeof multiplier_);
  multiplier_ |= uint64_t{1} << 63 | 1;
  slots_.resize(kFirstSlots);
  rebuild();
}

size_t ExactSet::memory_bytes() const {
  size_t bytes = sizeof *this + filter_.capacity() * sizeof(uint64_t) + slots_.capacity() * sizeof(Slot) +
                 entries_.capacity() * sizeof(Entry) + secrets_.capacity() * sizeof(Subject);
  for (const Subject& secret : secrets_)
    if (secret.id.capacity() > std::string().capacity()) bytes += secret.id.capacity() + 1;
  return bytes;
}

void ExactSet::add(std::string_view id, std::string_view secret) {
  const auto number = static_cast<uint32_t>(secrets_.size());
  secrets_.push_back({std::string(id), crypto::keyed_hash64(secret, key_)});
  const size_t siblings = entries_.size();
  for (std::string& form : encoded_forms(secret)) {
    add_form(form, number, siblings);
    secure_wipe(form.data(), form.size());
  }
  ++alive_;
}

size_t ExactSet::remove(std::string_view id) {
  std::vector<bool> gone(secrets_.size());
  size_t count = 0;
  for (size_t i = 0; i < secrets_.size(); ++i) {
    if (!secrets_[i].alive || secrets_[i].id != id) continue;
    secrets_[i].alive = false;
    gone[i] = true;
    ++count;
  }
  if (count == 0) return 0;
  std::erase_if(entries_, [&gone](const Entry& entry) { return gone[entry.secret]; });
  alive_ -= count;
  rebuild();
  return count;
}

// Forms of one secret begin at entry `siblings`.
void ExactSet::add_form(std::string_view form, uint32_t secret, size_t siblings) {
  const size_t offset = choose_window(form, siblings);
  const uint64_t mac = crypto::keyed_hash64(form, key_);
  if (entries_.size() == entries_.capacity()) entries_.reserve(entries_.size() + entries_.size() / 8 + 64);
  entries_.push_back({.mac = {static_cast<uint32_t>(mac), static_cast<uint32_t>(mac >> 32)},
                      .tag = tag_of(form.data() + offset),
                      .secret = secret,
                      .length = static_cast<uint32_t>(form.size()),
                      .offset = static_cast<uint16_t>(offset),
                      .last = static_cast<uint16_t>(tag_of(form.data() + form.size() - kWindow) >> 8)});
  max_offset_ = std::max(max_offset_, offset);
  if (entries_.size() * 4 > slots_.size() * 3) {
    grow();
  } else {
    insert(static_cast<uint32_t>(entries_.size() - 1));
  }
}

// Forms of one secret share windows where they can: the fewer there are, the smaller is the filter. Secrets
// of one kind begin alike ("sk-ant-…"), and a window that many share, or that ordinary text has, costs time:
// the first that is strange and not taken yet is best.
size_t ExactSet::choose_window(std::string_view form, size_t siblings) const {
  for (size_t i = siblings; i < entries_.size(); ++i)
    if (const Entry& entry = entries_[i];
        entry.offset + kWindow <= form.size() && tag_of(form.data() + entry.offset) == entry.tag)
      return entry.offset;
  const size_t last = std::min(form.size() - kWindow, kFarOffset);
  size_t best = 0;
  int best_score = -1;
  for (size_t offset = 0; offset <= last; ++offset) {
    const int strange = strangeness(form.substr(offset, kWindow));
    const bool taken = maybe(tag_of(form.data() + offset));
    const int score = std::min(strange, kStrange) + (taken ? 0 : 20);
    if (score > best_score) {
      best = offset;
      best_score = score;
    }
    if (best_score >= kStrange + 20 || (offset >= kNearOffset && best_score >= 20 + kOrdinary)) break;
  }
  return best;
}

void ExactSet::insert(uint32_t entry) {
  const uint32_t tag = entries_[entry].tag;
  filter_[tag >> 12 & word_mask_] |= uint64_t{1} << (tag & 63) | uint64_t{1} << (tag >> 6 & 63);
  const size_t mask = slots_.size() - 1;
  size_t slot = tag & mask;
  while (slots_[slot].entry != 0) slot = (slot + 1) & mask;
  slots_[slot] = {tag, entry + 1};
}

void ExactSet::grow() {
  slots_.resize(slots_.size() * 2);
  rebuild();
}

// Forty bits of filter for each form and more: 512 KiB for 10,000 secrets.
void ExactSet::rebuild() {
  const size_t words = slots_.size() / 4;
  word_mask_ = static_cast<uint32_t>(words - 1);
  filter_.assign(words, 0);
  std::fill(slots_.begin(), slots_.end(), Slot{});
  for (uint32_t i = 0; i < entries_.size(); ++i) insert(i);
}

void ExactSet::look_up(uint32_t tag, uint64_t window, std::vector<Candidate>& out) const {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = tag & mask; slots_[slot].entry != 0; slot = (slot + 1) & mask) {
    if (slots_[slot].tag != tag) continue;
    const Entry& entry = entries_[slots_[slot].entry - 1];
    if (window >= entry.offset) out.push_back({window - entry.offset, entry.length, slots_[slot].entry - 1});
  }
}

size_t ExactSet::find_candidates(std::string_view text, size_t from, uint64_t base,
                                 std::vector<Candidate>& out) const {
  if (text.size() < kWindow) return from;
  const size_t end = text.size() - kWindow + 1;
  const char* const data = text.data();
  const uint64_t* const filter = filter_.data();
  const uint64_t multiplier = multiplier_;
  const uint32_t mask = word_mask_;
  const auto bits = [=](const char* window) { return bits_of(hash(window, multiplier), filter, mask); };
  size_t i = from;
  for (; i + 4 <= end; i += 4) {  // one branch for four places
    const char* const at = data + i;
    if (((bits(at) | bits(at + 1) | bits(at + 2) | bits(at + 3)) & 1) == 0) continue;
    for (size_t k = 0; k < 4; ++k)
      if (const uint32_t tag = tag_of(at + k); maybe(tag)) look_up(tag, base + i + k, out);
  }
  for (; i < end; ++i)
    if (const uint32_t tag = tag_of(data + i); maybe(tag)) look_up(tag, base + i, out);
  return std::max(from, end);
}

bool ExactSet::confirm(const Candidate& candidate, std::string_view bytes, uint32_t* secret) const {
  const Entry& entry = entries_[candidate.entry];
  if (static_cast<uint16_t>(tag_of(bytes.data() + bytes.size() - kWindow) >> 8) != entry.last) return false;
  if (crypto::keyed_hash64(bytes, key_) != (uint64_t{entry.mac[1]} << 32 | entry.mac[0])) return false;
  *secret = entry.secret;
  return true;
}

}  // namespace tau::safety
