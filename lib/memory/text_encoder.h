// A BERT-class encoder on the CPU: embeddings, layers of attention and feed-forward, pooling. Weights are
// 8-bit integers with one scale a row, inputs of products too; sums are exact. The same text gives the same
// bits on any thread, beside any other text and with any instruction set.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/embedder.h"
#include "memory/model_kernels.h"
#include "memory/quant_table.h"
#include "memory/safetensors.h"
#include "memory/wordpiece.h"

namespace tau::memory {

enum class Pooling : uint8_t { kMean, kFirst };  // of all pieces; of the first, which stands for the text

struct EncoderConfig {
  size_t vocabulary = 0;
  size_t hidden = 0;
  size_t layers = 0;
  size_t heads = 0;
  size_t intermediate = 0;
  size_t positions = 0;
  size_t kinds = 2;  // token types
  float epsilon = 1e-12F;
  Pooling pooling = Pooling::kMean;
  size_t most_pieces = 256;  // of a text, its two markers included

  // INVALID_ARGUMENT "invalid_model" names what is beyond the limits.
  Status check() const;
};

class TextEncoder final : public Embedder {
 public:
  struct Parts {
    std::string name;
    EncoderConfig config;
    WordPiece tokenizer;
    std::string query_prefix;
    std::string document_prefix;
    size_t dimensions = 0;  // the first ones; 0: all
    double usual_weight = 0.2;
    double unrelated_cosine = 0;
  };
  // Copies all that it needs from the tensors.
  static StatusOr<std::unique_ptr<TextEncoder>> make(Parts parts, const Safetensors& weights);

  std::string_view id() const override { return id_; }
  size_t dimensions() const override { return parts_.dimensions; }
  Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const override;
  bool slow() const override { return true; }
  double usual_weight() const override { return parts_.usual_weight; }
  double unrelated_cosine() const override { return parts_.unrelated_cosine; }
  void set_unrelated_cosine(double cosine) { parts_.unrelated_cosine = cosine; }

  size_t memory_bytes() const;
  void use(Simd simd) { simd_ = simd; }  // another one than the best

 private:
  struct Norm {
    std::vector<float> weight;
    std::vector<float> bias;
  };
  struct Layer {
    QuantMatrix attention_in;  // queries, keys, values
    QuantMatrix attention_out;
    QuantMatrix feed_in;
    QuantMatrix feed_out;
    Norm attention_norm;
    Norm feed_norm;
  };
  struct Scratch;

  explicit TextEncoder(Parts parts);
  Status load(const Safetensors& weights);
  Status load_layer(const Safetensors& weights, const std::string& root, Layer* layer) const;
  void set_id();
  void pieces_of(std::string_view text, Purpose purpose, std::vector<uint32_t>* out) const;
  void encode(const std::vector<uint32_t>& pieces, Scratch* scratch, float* out) const;
  void run_layer(const Layer& layer, size_t tokens, Scratch* scratch) const;
  void pool(const float* hidden, size_t tokens, float* out) const;

  Parts parts_;
  std::string id_;
  uint32_t first_ = 0;  // the marker before a text, and the one after it
  uint32_t last_ = 0;
  QuantTable words_;
  std::vector<float> positions_;  // with the first token type added
  Norm norm_;
  std::vector<Layer> layers_;
  Simd simd_ = best_simd();
};

}  // namespace tau::memory
