// Words of a text, folded, one after the other. Private to memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "memory/text_fold.h"

namespace tau::memory {

struct Token {
  enum class Kind : uint8_t {
    kWord,      // letters, perhaps with digits: "cafe", "10am"
    kNumber,    // digits; "1,000" is 1000, "3rd" is 3
    kPair,      // two characters of a script without blanks, or one that stands alone
    kCompound,  // what its parts, which come before it, were written as: "3.14", "snake_case", "2023-05-08"
  };
  Kind kind = Kind::kWord;
  std::string_view text;  // folded; lives until the next call
  size_t begin = 0;       // where it stands in the source
  size_t end = 0;
};

// Reads any bytes in linear time and with fixed memory. Of a word of more than kMaxBytes the rest does not
// count. "'s" and the like are left out, and so are "don't", "isn't", …
class TokenReader {
 public:
  static constexpr size_t kMaxBytes = 64;
  static constexpr size_t kMaxParts = 8;  // of a compound; a longer chain is read as several

  explicit TokenReader(std::string_view text) : text_(text) {}
  bool next(Token* token);

 private:
  struct Part {
    size_t first = 0;  // in folded_
    size_t last = 0;
    size_t begin = 0;  // in text_
    size_t end = 0;
    bool number = true;
  };

  bool read_pair(const FoldedChar& c, Token* token);
  void read_chain();
  void read_part();
  bool part_goes_on(const FoldedChar& c, bool last_lower) const;
  bool connect();
  bool drop_contraction();
  void drop_ordinal(Part* part);
  size_t thousands_separator() const;
  void put(const FoldedChar& c);
  Token emit();

  std::string_view text_;
  size_t at_ = 0;
  bool in_dense_ = false;  // the character before this one was dense, and its pair has been told

  std::array<char, kMaxParts*(kMaxBytes + 8)> folded_{};
  size_t folded_size_ = 0;
  std::array<Part, kMaxParts> parts_{};
  size_t part_count_ = 0;
  size_t emitted_ = 0;
  bool compound_ = false;  // it is also told as a whole
};

}  // namespace tau::memory
