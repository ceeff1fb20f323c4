// Prefilter: where in a text one of some hundred words begins, so that no rule is tried elsewhere.
//
// The first three bytes of every word, case dropped, are hashed into a bitmap that stays in the first-level
// cache; a text costs one lookup a byte, and words are compared only where it hits.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tau::safety {

class Prefilter {
 public:
  static constexpr size_t kMinWord = 3;

  struct Word {
    std::string text;
    bool fold = false;            // any case
    std::vector<uint16_t> rules;  // in the order of the rules
  };

  // At least kMinWord bytes; lower case when it folds.
  void add(std::string_view text, bool fold, uint16_t rule);
  // After the last word.
  void build();

  size_t longest() const { return longest_; }
  // The first place at or after `from` where a word may begin; text.size() - 2, or `from`, when there is
  // none.
  size_t next(std::string_view text, size_t from) const {
    const char* const data = text.data();
    const size_t end = text.size() < kMinWord ? 0 : text.size() - kMinWord + 1;
    size_t i = from;
    for (; i + 1 < end; ++i)  // a fourth byte follows
      if (maybe(gram_of_four(data + i))) return i;
    for (; i < end; ++i)
      if (maybe(gram(data + i))) return i;
    return i;
  }
  // The words that share the hash of the three bytes at `at`.
  const uint16_t* begin_at(const char* at) const { return &members_[offsets_[gram(at)]]; }
  const uint16_t* end_at(const char* at) const { return &members_[offsets_[gram(at) + 1U]]; }
  const Word& word(uint16_t index) const { return words_[index]; }
  // Whether the word stands at the beginning of `text`, or could when more comes.
  static bool matches(const Word& word, std::string_view text);

 private:
  static constexpr int kBits = 15;

  static uint32_t gram(const char* at) {
    const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])) | 0x20U; };
    return (byte(0) | byte(1) << 8 | byte(2) << 16) * 0x9e3779b1U >> (32 - kBits);
  }
  // The same, in one load.
  static uint32_t gram_of_four(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    uint32_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    return ((bytes | 0x202020U) & 0xffffffU) * 0x9e3779b1U >> (32 - kBits);
  }
  bool maybe(uint32_t gram) const { return (bitmap_[gram / 64] >> (gram % 64) & 1) != 0; }

  std::vector<Word> words_;
  std::array<uint64_t, (1U << kBits) / 64> bitmap_{};
  std::vector<uint16_t> members_;
  std::vector<uint16_t> offsets_;
  size_t longest_ = 0;
};

}  // namespace tau::safety
