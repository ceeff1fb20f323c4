// The stem of an English word: what its forms have in common. Private to memory.
#pragma once

#include <cstddef>

namespace tau::memory {

// Cuts a word of lower-case ASCII letters to its stem, in place; the new length. (Porter's second algorithm
// for English, Snowball.) The stem needs no more room than the word and three bytes.
size_t stem_english(char* word, size_t length);

}  // namespace tau::memory
