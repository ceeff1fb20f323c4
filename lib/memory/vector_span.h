// Runs of documents whose rows stand one behind the other: what a search goes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/doc_set.h"
#include "memory/vector_kernels.h"

namespace tau::memory {

struct VectorSpan {
  Doc first = 0;
  size_t count = 0;
  const int8_t* rows = nullptr;
  const float* factors = nullptr;
  const VectorLine* blocks = nullptr;  // of kBlockDocs documents each
  const uint64_t* fine = nullptr;      // fine codes
};

// Thirty-two bits from bit `from` on; 0 beyond the words.
inline uint32_t bits_at(std::span<const uint64_t> words, size_t from) {
  const size_t word = from / 64;
  const size_t shift = from % 64;
  if (word >= words.size()) return 0;
  uint64_t out = words[word] >> shift;
  if (shift > 32 && word + 1 < words.size()) out |= words[word + 1] << (64 - shift);
  return static_cast<uint32_t>(out);
}

// The eligible documents of a block of a span.
inline uint32_t eligible_in(const VectorSpan& span, size_t block, std::span<const uint64_t> eligible) {
  const size_t at = block * kBlockDocs;
  const uint32_t bits = bits_at(eligible, span.first + at);
  const size_t left = span.count - at;
  return left >= kBlockDocs ? bits : bits & ((uint32_t{1} << left) - 1);
}

}  // namespace tau::memory
