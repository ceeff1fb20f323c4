// Files of tokenizers, and texts for what they make. The first line is a text; the rest is the file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "law.h"
#include "memory/wordpiece.h"

using tau::fuzz::require;
using tau::memory::WordPiece;

namespace {

void check(const tau::StatusOr<WordPiece>& words, std::string_view text) {
  if (!words.ok()) {
    require(words.status().reason() == "invalid_model" || words.status().reason() == "tokenizer_unsupported");
    require(words.status().message().size() < 1000);
    return;
  }
  std::vector<uint32_t> pieces;
  words->tokenize(text, 100, &pieces);
  require(pieces.size() <= 100);
  for (const uint32_t piece : pieces) require(piece < words->size());
  std::vector<uint32_t> less;
  words->tokenize(text, 3, &less);
  require(less.size() <= 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view file(reinterpret_cast<const char*>(data), size);
  const std::string_view text = tau::fuzz::take_line(file);
  check(WordPiece::from_tokenizer_json(file), text);
  check(WordPiece::from_vocabulary(file, {}), text);
  check(WordPiece::from_vocabulary(
            file, {.clean = false, .ideographs = false, .strip_accents = false, .lowercase = false}),
        text);
  return 0;
}
