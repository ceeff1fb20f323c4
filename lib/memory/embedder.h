// The seam of embeddings: texts in, vectors out. Built in: hashed n-grams, models from files. The runtime
// adds those of providers and of the host program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

// What a vector is for: some models are told so, with a prefix or a parameter.
enum class Purpose : uint8_t { kDocument, kQuery };

// How much a word weighs among the texts that a query goes to: rare ones weigh more.
class TermWeights {
 public:
  virtual ~TermWeights() = default;
  virtual double weight(uint64_t term) const = 0;
};

// Any thread; several at once. The same text gives the same vector, whatever stands beside it in the batch.
class Embedder {
 public:
  virtual ~Embedder() = default;
  // Names the space of its vectors: other weights, another cut, another prefix are another name. "hash-1",
  // "file:minilm@<digest>", "provider:openai/text-embedding-3-small".
  virtual std::string_view id() const = 0;
  virtual size_t dimensions() const = 0;
  // Writes texts.size() * dimensions() numbers, row by row: finite, of length 1; all 0 for a text that has
  // nothing to embed. Texts are UTF-8 of any length; what is beyond the model's limit is left out.
  virtual Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const = 0;
  // One query, where it is known which of its words are rare. Only embedders that know nothing of the
  // language have a use for that.
  virtual Status embed_query(std::string_view text, const TermWeights&, float* out) const {
    return embed({text}, Purpose::kQuery, out);
  }
  // The cosine that hardly two texts have which have nothing to do with each other: two deviations above the
  // mean of such cosines.
  virtual double unrelated_cosine() const { return 0; }
  // Their deviation, where they are spread as chance has it; 0: nobody knows.
  virtual double unrelated_deviation() const { return 0; }
  // It may wait for a network, or take milliseconds a text: never on the path of a write.
  virtual bool slow() const { return false; }
  // How much vectors weigh against words among short texts where nobody said: 0 words alone, 1 vectors alone.
  virtual double usual_weight() const { return 0.25; }
  // They are of how words are written, not of what they mean.
  virtual bool by_spelling() const { return false; }
};

}  // namespace tau::memory
