// Rows of vectors: adding, removing, comparing, and the choice between a scan of rows and one of codes.
#include "memory/vectors.h"

#include <algorithm>
#include <cstring>

#include "memory/vector_code.h"
#include "memory/vector_fine.h"

namespace tau::memory {
namespace {

const int8_t* row_at(const VectorLine* rows, size_t index, size_t padded) {
  return reinterpret_cast<const int8_t*>(rows + index * row_lines(padded));
}

// Without an instruction that not every CPU has, and without a call: compilers do several at once.
size_t ones(uint64_t x) {
  x -= x >> 1 & 0x5555555555555555;
  x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return x * 0x0101010101010101 >> 56;
}

}  // namespace

Vectors::Vectors(size_t dimensions) : dimensions_(dimensions) {}

Status Vectors::add(Doc doc, std::string_view bytes) {
  if (doc < size() || doc == kNoDoc)
    return invalid_argument("vector_order", format("document {} comes after document {}", doc, size()));
  if (bytes.empty()) {
    has_.resize(doc + 1);
    return ok_status();
  }
  TAU_RETURN_IF_ERROR(check_vector_bytes(bytes, dimensions_));
  has_.resize(doc + 1);
  float factor = 0;
  std::memcpy(&factor, bytes.data() + padded(), sizeof factor);
  if (factor != 0) put(doc, bytes, factor);
  return ok_status();
}

void Vectors::put(Doc doc, std::string_view bytes, float factor) {
  const size_t at = doc - base_.count;
  if (delta_.size() <= at / kChunkDocs) delta_.resize(at / kChunkDocs + 1);
  Chunk& chunk = delta_[at / kChunkDocs];
  const size_t index = at % kChunkDocs;
  if (at >= kChunkDocs && chunk.factors.empty()) {
    // It will be full one day. The first one grows, for most shards are small.
    chunk.rows.reserve(kChunkDocs * row_lines(padded()));
    chunk.blocks.reserve(kChunkDocs / kBlockDocs * block_lines(padded()));
    chunk.fine.reserve(kChunkDocs * fine_words(padded()));
    chunk.factors.reserve(kChunkDocs);
  }
  chunk.rows.resize((index + 1) * row_lines(padded()));
  chunk.blocks.resize((index / kBlockDocs + 1) * block_lines(padded()));
  chunk.fine.resize((index + 1) * fine_words(padded()));
  chunk.factors.resize(index + 1);
  std::memcpy(&chunk.rows[index * row_lines(padded())], bytes.data(), padded());
  chunk.factors[index] = factor;
  const int8_t* const row = row_at(chunk.rows.data(), index, padded());
  write_code(row, padded(), index, chunk.blocks.data());
  write_fine_code(row, padded(), &chunk.fine[index * fine_words(padded())]);
  has_.add(doc);
  ++count_;
}

Status Vectors::add(Doc doc, const float* vector) {
  TAU_ASSIGN_OR_RETURN(const std::string bytes, quantise(vector, dimensions_));
  return add(doc, bytes);
}

void Vectors::remove(Doc doc) {
  if (!has(doc)) return;
  has_.remove(doc);
  --count_;
}

const int8_t* Vectors::row(Doc doc) const {
  if (doc < base_.count) return base_.rows + doc * padded();
  const size_t at = doc - base_.count;
  return row_at(delta_[at / kChunkDocs].rows.data(), at % kChunkDocs, padded());
}

const uint64_t* Vectors::fine_code(Doc doc) const {
  if (doc < base_.count) return base_.fine + doc * fine_words(padded());
  const size_t at = doc - base_.count;
  return &delta_[at / kChunkDocs].fine[at % kChunkDocs * fine_words(padded())];
}

float Vectors::factor(Doc doc) const {
  if (doc < base_.count) return base_.factors[doc];
  const size_t at = doc - base_.count;
  return delta_[at / kChunkDocs].factors[at % kChunkDocs];
}

std::string Vectors::bytes(Doc doc) const {
  if (!has(doc)) return {};
  std::string out(reinterpret_cast<const char*>(row(doc)), padded());
  const float by = factor(doc);
  return out.append(reinterpret_cast<const char*>(&by), sizeof by);
}

void Vectors::prefetch(Doc doc) const {
  if (!has(doc)) return;
  const int8_t* const at = row(doc);
  for (size_t i = 0; i < padded(); i += sizeof(VectorLine)) __builtin_prefetch(at + i);
}

float Vectors::similarity(Doc doc, const VectorQuery& query) const {
  if (!has(doc) || query.dimensions() != dimensions_) return 0;
  const uint32_t first = 0;
  int32_t dot = 0;
  vector_kernels().dots(row(doc), padded(), query.values(), &first, 1, &dot);
  return query.score(dot, factor(doc));
}

float Vectors::similarity(Doc a, Doc b) const {
  if (!has(a) || !has(b)) return 0;
  return cosine_of_rows(row(a), factor(a), row(b), factor(b), padded());
}

std::vector<VectorSpan> Vectors::spans() const {
  std::vector<VectorSpan> out;
  if (base_.rows != nullptr) out.push_back(base_);
  for (size_t i = 0; i < delta_.size(); ++i) {
    const Chunk& chunk = delta_[i];
    if (chunk.factors.empty()) continue;
    out.push_back({static_cast<Doc>(base_.count + i * kChunkDocs), chunk.factors.size(),
                   row_at(chunk.rows.data(), 0, padded()), chunk.factors.data(), chunk.blocks.data(),
                   chunk.fine.data()});
  }
  return out;
}

std::vector<VectorHit> Vectors::top(const VectorQuery& query, size_t k, const DocSet& allowed,
                                    const VectorEffort& effort) const {
  if (k == 0 || query.zero() || query.dimensions() != dimensions_) return {};
  std::vector<uint64_t> eligible(std::min(has_.words().size(), allowed.words().size()));
  size_t count = 0;
  for (size_t i = 0; i < eligible.size(); ++i) {
    eligible[i] = has_.words()[i] & allowed.words()[i];
    count += ones(eligible[i]);
  }
  k = std::min(k, count);
  if (k == 0) return {};
  if (count <= effort.scored || k > std::min(kDeepest, effort.candidates))
    return top_of_all(spans(), eligible, query, k, effort);
  return top_of_likely(spans(), eligible, count, query, k, effort);
}

size_t Vectors::memory_bytes() const {
  size_t out = has_.words().size_bytes() + delta_.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : delta_)
    out += (chunk.rows.capacity() + chunk.blocks.capacity()) * sizeof(VectorLine) +
           chunk.fine.capacity() * sizeof(uint64_t) + chunk.factors.capacity() * sizeof(float);
  return out;
}

size_t Vectors::mapped_bytes() const {
  return base_.rows == nullptr
             ? 0
             : base_.count * (padded() + fine_words(padded()) * sizeof(uint64_t) + sizeof(float)) +
                   (base_.count + kBlockDocs - 1) / kBlockDocs * block_lines(padded()) * sizeof(VectorLine);
}

}  // namespace tau::memory
