// ExactSet: which of many thousand byte strings stand in a text, without holding any of them.
//
// Of each form one window of eight bytes, some way into it, is kept as 32 bits of a keyed hash. A text is
// looked through at every byte: eight bytes are hashed and looked up in a filter of two bits per form, then
// in a table. Only what passes both is compared as a whole, by a keyed 64-bit hash of its length. A form that
// stands in the text is always found; another text passes with a chance of 2^-64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"

namespace tau::safety {

class ExactSet {
 public:
  static constexpr size_t kWindow = 8;

  explicit ExactSet(Random& random);

  void add(std::string_view id, std::string_view secret);
  size_t remove(std::string_view id);

  bool empty() const { return alive_ == 0; }
  size_t max_offset() const { return max_offset_; }  // how far into a form its window may stand
  size_t memory_bytes() const;
  const crypto::HashKey& key() const { return key_; }
  const std::string& id_of(uint32_t secret) const { return secrets_[secret].id; }
  uint64_t fingerprint_of(uint32_t secret) const { return secrets_[secret].fingerprint; }

  struct Candidate {
    uint64_t begin = 0;  // of the form, in the stream
    uint32_t length = 0;
    uint32_t entry = 0;
  };
  // Looks at windows that begin in text[from, text.size() - kWindow] and adds candidates; returns where the
  // first window begins that is still incomplete. `base` is the stream offset of text[0].
  size_t find_candidates(std::string_view text, size_t from, uint64_t base,
                         std::vector<Candidate>& out) const;
  // Whether `bytes`, complete, is the candidate's form; then `secret` tells whose.
  bool confirm(const Candidate& candidate, std::string_view bytes, uint32_t* secret) const;

 private:
  struct Entry {
    uint32_t mac[2];  // halves, so that no padding is needed: there are a hundred thousand of these
    uint32_t tag;
    uint32_t secret;
    uint32_t length;
    uint16_t offset;
    uint16_t last;  // of the last eight bytes: most impostors end here
  };
  struct Subject {
    std::string id;
    uint64_t fingerprint = 0;
    bool alive = true;
  };

  struct Slot {
    uint32_t tag = 0;
    uint32_t entry = 0;  // its number + 1; 0: free
  };

  // Case is dropped, so that the two cases of hexadecimal digits share their window.
  static uint32_t hash(const char* window, uint64_t multiplier) {
    uint64_t bytes;
    std::memcpy(&bytes, window, sizeof bytes);
    return static_cast<uint32_t>((bytes | 0x2020202020202020U) * multiplier >> 32);
  }
  uint32_t tag_of(const char* window) const { return hash(window, multiplier_); }
  // Both bits of a tag lie in one word: one access. Bit 0 of the answer counts.
  static uint64_t bits_of(uint32_t tag, const uint64_t* filter, uint32_t mask) {
    const uint64_t word = filter[tag >> 12 & mask];
    return word >> (tag & 63) & word >> (tag >> 6 & 63);
  }
  bool maybe(uint32_t tag) const { return (bits_of(tag, filter_.data(), word_mask_) & 1) != 0; }
  void add_form(std::string_view form, uint32_t secret, size_t siblings);
  size_t choose_window(std::string_view form, size_t siblings) const;
  void insert(uint32_t entry);
  void grow();
  void rebuild();
  void look_up(uint32_t tag, uint64_t window, std::vector<Candidate>& out) const;

  crypto::HashKey key_;
  uint64_t multiplier_;
  uint32_t word_mask_;
  std::vector<uint64_t> filter_;
  std::vector<Slot> slots_;  // linear probing
  std::vector<Entry> entries_;
  std::vector<Subject> secrets_;
  size_t alive_ = 0;
  size_t max_offset_ = 0;
};

}  // namespace tau::safety
