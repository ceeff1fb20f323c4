// The tokenizer of BERT: words are cut at blanks, punctuation and ideographs, then into the longest pieces
// that the vocabulary has. Its result is that of the usual implementations, save that names of special tokens
// in a text
// ("[CLS]") are plain text here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

// Pieces of text with their numbers: 0 .. size() - 1, in the order of the vocabulary.
class PieceTable {
 public:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr size_t kMaxPieces = 1'000'000;
  static constexpr size_t kMaxPieceBytes = 512;

  // `pieces` are unique. One that begins with `prefix` continues a word. INVALID_ARGUMENT "invalid_model".
  static StatusOr<PieceTable> make(const std::vector<std::string>& pieces, std::string_view prefix);

  size_t size() const { return size_; }
  // The number of exactly this entry of the vocabulary, prefix and all; kNone.
  uint32_t find(std::string_view entry) const;
  // The longest piece at the beginning of `word`, and how many bytes it has; kNone.
  uint32_t longest(std::string_view word, bool continues, size_t* bytes) const;

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t piece = kNone;
    uint32_t begin = 0;  // its text, without the prefix
    uint16_t bytes = 0;
    bool continues = false;
  };
  static constexpr size_t kMaxProbes = 512;
  uint32_t lookup(uint64_t hash, std::string_view text, bool continues) const;
  bool insert(const Slot& slot);

  std::vector<Slot> slots_;
  std::string text_;
  std::string prefix_;
  size_t size_ = 0;
  size_t longest_ = 0;
};

struct WordPieceOptions {
  bool clean = true;       // drop control characters, all blanks are spaces
  bool ideographs = true;  // each is a word
  bool strip_accents = true;
  bool lowercase = true;
  std::string prefix = "##";
  std::string unknown = "[UNK]";
  size_t max_word_characters = 100;  // a longer word is unknown as a whole
};

class WordPiece {
 public:
  static constexpr uint64_t kMaxVocabularyBytes = 32 << 20;

  // One entry a line, its number is that of its line. Files of tokenizers have more than this reads: what is
  // not WordPiece is UNIMPLEMENTED "tokenizer_unsupported", what is damaged INVALID_ARGUMENT "invalid_model".
  static StatusOr<WordPiece> from_vocabulary(std::string_view file, WordPieceOptions options);
  static StatusOr<WordPiece> from_tokenizer_json(std::string_view file);

  // Appends the pieces of `text`, until there are `most` in `out`.
  void tokenize(std::string_view text, size_t most, std::vector<uint32_t>* out) const;
  size_t size() const { return pieces_.size(); }
  uint32_t find(std::string_view entry) const { return pieces_.find(entry); }
  uint32_t unknown() const { return unknown_; }
  // Covers all that decides about pieces.
  uint64_t checksum() const { return checksum_; }

 private:
  static StatusOr<WordPiece> make(const std::vector<std::string>& pieces, WordPieceOptions options);
  struct Word;
  void add_character(uint32_t code, Word* word, size_t most, std::vector<uint32_t>* out) const;
  void put(uint32_t code, Word* word, size_t most, std::vector<uint32_t>* out) const;
  void end_word(Word* word, size_t most, std::vector<uint32_t>* out) const;

  PieceTable pieces_;
  WordPieceOptions options_;
  uint32_t unknown_ = PieceTable::kNone;
  uint64_t checksum_ = 0;
};

}  // namespace tau::memory
