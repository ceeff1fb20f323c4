// A static model: each piece of text has a vector, a text has their weighted mean. Microseconds a text. Reads
// the tensors "embeddings" (with "weights" and "mapping" where given) or "embedding.weight".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/embedder.h"
#include "memory/quant_table.h"
#include "memory/safetensors.h"
#include "memory/wordpiece.h"

namespace tau::memory {

class StaticModel final : public Embedder {
 public:
  struct Parts {
    std::string name;
    WordPiece tokenizer;
    size_t most_pieces = 512;
    size_t dimensions = 0;  // the first ones, for models whose first ones say most; 0: all
    double usual_weight = 0.2;
    double unrelated_cosine = 0;
  };
  static StatusOr<std::unique_ptr<StaticModel>> make(Parts parts, const Safetensors& weights);

  std::string_view id() const override { return id_; }
  size_t dimensions() const override { return parts_.dimensions; }
  Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const override;
  double usual_weight() const override { return parts_.usual_weight; }
  double unrelated_cosine() const override { return parts_.unrelated_cosine; }
  void set_unrelated_cosine(double cosine) { parts_.unrelated_cosine = cosine; }

 private:
  explicit StaticModel(Parts parts) : parts_(std::move(parts)) {}
  Status load(const Safetensors& weights);
  Status load_weights(const Safetensors& weights);
  Status load_mapping(const Safetensors& weights, size_t rows);
  void set_id();

  Parts parts_;
  std::string id_;
  QuantTable rows_;
  std::vector<float> weights_;     // of each piece; empty: all 1
  std::vector<uint32_t> mapping_;  // row of each piece; empty: its number
};

}  // namespace tau::memory
