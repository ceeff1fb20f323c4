// A small encoder with random weights, and the same mathematics written plainly.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "memory/safetensors.h"
#include "memory/text_encoder.h"

namespace tau::memory::test {

inline std::string_view bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// Named tensors of random numbers.
class RandomTensors {
 public:
  explicit RandomTensors(uint32_t seed) : random_(seed) {}

  void add(const std::string& name, std::vector<uint64_t> shape, float spread, float middle = 0) {
    size_t count = 1;
    for (const uint64_t side : shape) count *= side;
    std::normal_distribution<float> normal(middle, spread);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    shapes_[name] = std::move(shape);
    values_[name] = std::move(values);
  }
  const std::vector<float>& operator[](const std::string& name) const { return values_.at(name); }
  std::vector<float>& change(const std::string& name) { return values_.at(name); }
  void erase(const std::string& name) { values_.erase(name); }
  std::string file() const {
    SafetensorsWriter writer;
    for (const auto& [name, values] : values_)
      writer.add(name, TensorType::kF32, shapes_.at(name), bytes_of(values));
    return writer.write();
  }

 private:
  std::mt19937 random_;
  std::map<std::string, std::vector<uint64_t>> shapes_;
  std::map<std::string, std::vector<float>> values_;
};

inline const char* const kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\n##s\nsat\non\na\nmat\n.\n,\ndog\nrun\n##ning\nun\n##able\n##a\n##"
    "b\n";
inline constexpr size_t kPieces = 20;

inline EncoderConfig small_config() {
  return {.vocabulary = kPieces,
          .hidden = 32,
          .layers = 2,
          .heads = 4,
          .intermediate = 64,
          .positions = 40,
          .kinds = 2,
          .epsilon = 1e-12F,
          .pooling = Pooling::kMean,
          .most_pieces = 24};
}

inline RandomTensors small_weights(const EncoderConfig& c, uint32_t seed = 7) {
  RandomTensors out(seed);
  out.add("embeddings.word_embeddings.weight", {c.vocabulary, c.hidden}, 1);
  out.add("embeddings.position_embeddings.weight", {c.positions, c.hidden}, 0.3F);
  out.add("embeddings.token_type_embeddings.weight", {c.kinds, c.hidden}, 0.1F);
  out.add("embeddings.LayerNorm.weight", {c.hidden}, 0.2F, 1);
  out.add("embeddings.LayerNorm.bias", {c.hidden}, 0.1F);
  for (size_t i = 0; i < c.layers; ++i) {
    const std::string root = "encoder.layer." + std::to_string(i) + ".";
    const auto linear = [&](const std::string& name, size_t outs, size_t ins) {
      out.add(root + name + ".weight", {outs, ins}, 1.0F / std::sqrt(static_cast<float>(ins)));
      out.add(root + name + ".bias", {outs}, 0.1F);
    };
    for (const char* part : {"query", "key", "value"})
      linear(std::string("attention.self.") + part, c.hidden, c.hidden);
    linear("attention.output.dense", c.hidden, c.hidden);
    linear("intermediate.dense", c.intermediate, c.hidden);
    linear("output.dense", c.hidden, c.intermediate);
    for (const char* norm : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      out.add(root + norm + ".weight", {c.hidden}, 0.2F, 1);
      out.add(root + norm + ".bias", {c.hidden}, 0.1F);
    }
  }
  return out;
}

inline TextEncoder::Parts small_parts(const EncoderConfig& config = small_config()) {
  TextEncoder::Parts parts;
  parts.name = "small";
  parts.config = config;
  parts.tokenizer = *WordPiece::from_vocabulary(kVocabulary, {});
  return parts;
}

// The encoder of the paper (Devlin et al. 2018, section 3), in doubles, without a thought of speed.
class PlainEncoder {
 public:
  using Row = std::vector<double>;
  PlainEncoder(const RandomTensors& weights, const EncoderConfig& config) : w_(weights), c_(config) {}

  Row embed(const std::vector<uint32_t>& pieces) const {
    std::vector<Row> x;
    for (size_t t = 0; t < pieces.size(); ++t) {
      Row row(c_.hidden);
      for (size_t i = 0; i < c_.hidden; ++i)
        row[i] = number("embeddings.word_embeddings.weight", pieces[t] * c_.hidden + i) +
                 number("embeddings.position_embeddings.weight", t * c_.hidden + i) +
                 number("embeddings.token_type_embeddings.weight", i);
      x.push_back(norm(row, "embeddings.LayerNorm"));
    }
    for (size_t i = 0; i < c_.layers; ++i) layer("encoder.layer." + std::to_string(i) + ".", &x);
    Row sum(c_.hidden);
    for (const Row& row : x) {
      for (size_t i = 0; i < c_.hidden; ++i) sum[i] += row[i];
      if (c_.pooling == Pooling::kFirst) break;
    }
    double length = 0;
    for (const double value : sum) length += value * value;
    for (double& value : sum) value /= std::sqrt(length);
    return sum;
  }

 private:
  double number(const std::string& name, size_t i) const { return static_cast<double>(w_[name][i]); }

  Row norm(const Row& in, const std::string& name) const {
    double mean = 0;
    double variance = 0;
    const auto n = static_cast<double>(in.size());
    for (const double value : in) mean += value / n;
    for (const double value : in) variance += (value - mean) * (value - mean) / n;
    Row out(in.size());
    for (size_t i = 0; i < in.size(); ++i)
      out[i] = (in[i] - mean) / std::sqrt(variance + static_cast<double>(c_.epsilon)) *
                   number(name + ".weight", i) +
               number(name + ".bias", i);
    return out;
  }

  Row linear(const Row& in, const std::string& name, size_t outs) const {
    Row out(outs);
    for (size_t o = 0; o < outs; ++o) {
      out[o] = number(name + ".bias", o);
      for (size_t i = 0; i < in.size(); ++i) out[o] += in[i] * number(name + ".weight", o * in.size() + i);
    }
    return out;
  }

  void layer(const std::string& root, std::vector<Row>* x) const {
    const size_t width = c_.hidden / c_.heads;
    std::vector<Row> q;
    std::vector<Row> k;
    std::vector<Row> v;
    for (const Row& row : *x) {
      q.push_back(linear(row, root + "attention.self.query", c_.hidden));
      k.push_back(linear(row, root + "attention.self.key", c_.hidden));
      v.push_back(linear(row, root + "attention.self.value", c_.hidden));
    }
    std::vector<Row> context(x->size(), Row(c_.hidden));
    for (size_t first = 0; first < c_.hidden; first += width) {
      for (size_t t = 0; t < x->size(); ++t) attend(q[t], k, v, first, width, &context[t]);
    }
    for (size_t t = 0; t < x->size(); ++t) {
      Row& row = (*x)[t];
      row = norm(sum(row, linear(context[t], root + "attention.output.dense", c_.hidden)),
                 root + "attention.output.LayerNorm");
      Row inner = linear(row, root + "intermediate.dense", c_.intermediate);
      for (double& value : inner) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
      row = norm(sum(row, linear(inner, root + "output.dense", c_.hidden)), root + "output.LayerNorm");
    }
  }

  static void attend(const Row& query, const std::vector<Row>& k, const std::vector<Row>& v, size_t first,
                     size_t width, Row* out) {
    Row weight(k.size());
    double total = 0;
    for (size_t j = 0; j < k.size(); ++j) {
      double score = 0;
      for (size_t d = first; d < first + width; ++d) score += query[d] * k[j][d];
      weight[j] = std::exp(score / std::sqrt(static_cast<double>(width)));
      total += weight[j];
    }
    for (size_t j = 0; j < k.size(); ++j) {
      for (size_t d = first; d < first + width; ++d) (*out)[d] += weight[j] / total * v[j][d];
    }
  }

  static Row sum(const Row& a, const Row& b) {
    Row out(a);
    for (size_t i = 0; i < a.size(); ++i) out[i] += b[i];
    return out;
  }

  const RandomTensors& w_;
  EncoderConfig c_;
};

}  // namespace tau::memory::test
