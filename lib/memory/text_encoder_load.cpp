// The weights of an encoder: which tensors there must be, and how they are kept.
#include <algorithm>
#include <cmath>
#include <utility>

#include "crypto/crypto.h"
#include "memory/text_encoder.h"

namespace tau::memory {
namespace {

constexpr size_t kMostHidden = 1024;
constexpr size_t kMostLayers = 24;
constexpr size_t kMostIntermediate = 8192;
constexpr size_t kMostPositions = 8192;
constexpr size_t kMostKinds = 64;

Status out_of_limits(std::string_view what, size_t value, size_t least, size_t most) {
  return invalid_argument("invalid_model",
                          format("the model's {} is {}; it must be {} to {}", what, value, least, most));
}

Status check_range(std::string_view what, size_t value, size_t least, size_t most) {
  return value < least || value > most ? out_of_limits(what, value, least, most) : ok_status();
}

// Sets rows [first, first + outs) of a matrix from a tensor and its bias.
Status load_rows(const Safetensors& weights, const std::string& name, size_t first, size_t outs,
                 QuantMatrix* matrix) {
  TAU_ASSIGN_OR_RETURN(const QuantTable table,
                       QuantTable::load(weights, name + ".weight", outs, matrix->ins(), matrix->ins()));
  TAU_ASSIGN_OR_RETURN(const std::vector<float> bias, weights.floats(name + ".bias", {outs}));
  for (size_t o = 0; o < outs; ++o) matrix->set_row(first + o, table.row(o), table.scale(o), bias[o]);
  return ok_status();
}

StatusOr<QuantMatrix> load_matrix(const Safetensors& weights, const std::string& name, size_t outs,
                                  size_t ins) {
  QuantMatrix out(outs, ins);
  TAU_RETURN_IF_ERROR(load_rows(weights, name, 0, outs, &out));
  return out;
}

template <class Norm>
Status load_norm(const Safetensors& weights, const std::string& name, size_t size, Norm* out) {
  TAU_ASSIGN_OR_RETURN(out->weight, weights.floats(name + ".weight", {size}));
  TAU_ASSIGN_OR_RETURN(out->bias, weights.floats(name + ".bias", {size}));
  return ok_status();
}

uint64_t add_to(uint64_t checksum, const std::vector<float>& values) {
  return crypto::checksum64({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)},
                            checksum);
}

uint64_t add_to(uint64_t checksum, const QuantMatrix& matrix) {
  const auto floats = [](const float* at, size_t n) {
    return std::string_view(reinterpret_cast<const char*>(at), n * sizeof(float));
  };
  const std::vector<uint8_t>& packed = matrix.packed();
  checksum = crypto::checksum64({reinterpret_cast<const char*>(packed.data()), packed.size()}, checksum);
  checksum = crypto::checksum64(floats(matrix.scales(), matrix.stride()), checksum);
  return crypto::checksum64(floats(matrix.biases(), matrix.stride()), checksum);
}

}  // namespace

Status EncoderConfig::check() const {
  TAU_RETURN_IF_ERROR(check_range("vocabulary", vocabulary, 1, PieceTable::kMaxPieces));
  TAU_RETURN_IF_ERROR(check_range("hidden size", hidden, kLanes, kMostHidden));
  TAU_RETURN_IF_ERROR(check_range("number of layers", layers, 1, kMostLayers));
  TAU_RETURN_IF_ERROR(check_range("number of attention heads", heads, 1, hidden / kLanes));
  TAU_RETURN_IF_ERROR(check_range("intermediate size", intermediate, kLanes, kMostIntermediate));
  TAU_RETURN_IF_ERROR(check_range("number of positions", positions, 3, kMostPositions));
  TAU_RETURN_IF_ERROR(check_range("number of token types", kinds, 1, kMostKinds));
  TAU_RETURN_IF_ERROR(check_range("limit of pieces a text", most_pieces, 3, positions));
  if (hidden % (heads * kLanes) != 0)
    return invalid_argument("invalid_model",
                            format("a hidden size of {} cannot be divided among {} heads of a multiple "
                                   "of {}",
                                   hidden, heads, kLanes));
  if (intermediate % kLanes != 0)
    return invalid_argument("invalid_model", format("the model's intermediate size is {}, no multiple of {}",
                                                    intermediate, kLanes));
  if (!std::isfinite(epsilon) || epsilon < 0 || epsilon > 1)
    return invalid_argument("invalid_model", format("the model's layer_norm_eps is {}", epsilon));
  return ok_status();
}

TextEncoder::TextEncoder(Parts parts) : parts_(std::move(parts)) {}

StatusOr<std::unique_ptr<TextEncoder>> TextEncoder::make(Parts parts, const Safetensors& weights) {
  TAU_RETURN_IF_ERROR(parts.config.check());
  if (parts.dimensions == 0) parts.dimensions = parts.config.hidden;
  TAU_RETURN_IF_ERROR(check_range("number of dimensions", parts.dimensions, kLanes, parts.config.hidden));
  if (parts.tokenizer.size() > parts.config.vocabulary)
    return invalid_argument("invalid_model", format("the tokenizer has {} pieces, the model {}",
                                                    parts.tokenizer.size(), parts.config.vocabulary));
  std::unique_ptr<TextEncoder> out(new TextEncoder(std::move(parts)));
  TAU_RETURN_IF_ERROR(out->load(weights));
  out->set_id();
  return out;
}

Status TextEncoder::load(const Safetensors& weights) {
  const EncoderConfig& c = parts_.config;
  first_ = parts_.tokenizer.find("[CLS]");
  last_ = parts_.tokenizer.find("[SEP]");
  if (first_ == PieceTable::kNone || last_ == PieceTable::kNone)
    return invalid_argument("invalid_model", "the tokenizer lacks [CLS] or [SEP]");
  // Some files have all names below "bert.".
  const std::string root = weights.find("bert.embeddings.LayerNorm.weight") != nullptr ? "bert." : "";
  const std::string base = root + "embeddings.";
  TAU_ASSIGN_OR_RETURN(
      words_, QuantTable::load(weights, base + "word_embeddings.weight", c.vocabulary, c.hidden, c.hidden));
  TAU_ASSIGN_OR_RETURN(positions_,
                       weights.floats(base + "position_embeddings.weight", {c.positions, c.hidden}));
  TAU_ASSIGN_OR_RETURN(const std::vector<float> kinds,
                       weights.floats(base + "token_type_embeddings.weight", {c.kinds, c.hidden}));
  positions_.resize(c.most_pieces * c.hidden);
  positions_.shrink_to_fit();
  for (size_t i = 0; i < positions_.size(); ++i) positions_[i] += kinds[i % c.hidden];
  TAU_RETURN_IF_ERROR(load_norm(weights, base + "LayerNorm", c.hidden, &norm_));
  for (size_t i = 0; i < c.layers; ++i) {
    Layer layer;
    TAU_RETURN_IF_ERROR(load_layer(weights, format("{}encoder.layer.{}.", root, i), &layer));
    layers_.push_back(std::move(layer));
  }
  return ok_status();
}

Status TextEncoder::load_layer(const Safetensors& weights, const std::string& root, Layer* layer) const {
  const size_t hidden = parts_.config.hidden;
  const size_t intermediate = parts_.config.intermediate;
  layer->attention_in = QuantMatrix(3 * hidden, hidden);
  size_t first = 0;
  for (const char* part : {"query", "key", "value"}) {
    TAU_RETURN_IF_ERROR(
        load_rows(weights, root + "attention.self." + part, first, hidden, &layer->attention_in));
    first += hidden;
  }
  TAU_ASSIGN_OR_RETURN(layer->attention_out,
                       load_matrix(weights, root + "attention.output.dense", hidden, hidden));
  TAU_ASSIGN_OR_RETURN(layer->feed_in,
                       load_matrix(weights, root + "intermediate.dense", intermediate, hidden));
  TAU_ASSIGN_OR_RETURN(layer->feed_out, load_matrix(weights, root + "output.dense", hidden, intermediate));
  TAU_RETURN_IF_ERROR(
      load_norm(weights, root + "attention.output.LayerNorm", hidden, &layer->attention_norm));
  return load_norm(weights, root + "output.LayerNorm", hidden, &layer->feed_norm);
}

// Names all that decides about a vector.
void TextEncoder::set_id() {
  const EncoderConfig& c = parts_.config;
  uint64_t sum = crypto::checksum64(
      format("{} {} {} {} {} {}\n{}\n{}", c.heads, static_cast<int>(c.pooling), c.most_pieces, c.epsilon,
             parts_.dimensions, parts_.tokenizer.checksum(), parts_.query_prefix, parts_.document_prefix));
  sum = crypto::checksum64(words_.bytes(), sum);
  sum = crypto::checksum64(words_.scale_bytes(), sum);
  sum = add_to(add_to(add_to(sum, positions_), norm_.weight), norm_.bias);
  for (const Layer& layer : layers_) {
    for (const QuantMatrix* matrix :
         {&layer.attention_in, &layer.attention_out, &layer.feed_in, &layer.feed_out})
      sum = add_to(sum, *matrix);
    for (const Norm* norm : {&layer.attention_norm, &layer.feed_norm})
      sum = add_to(add_to(sum, norm->weight), norm->bias);
  }
  id_ = format("file:{}@{:016x}", parts_.name, sum);
}

size_t TextEncoder::memory_bytes() const {
  size_t bytes = words_.bytes().size() + words_.scale_bytes().size() + positions_.size() * sizeof(float);
  for (const Layer& layer : layers_) {
    for (const QuantMatrix* matrix :
         {&layer.attention_in, &layer.attention_out, &layer.feed_in, &layer.feed_out})
      bytes += matrix->packed().size() + matrix->stride() * 2 * sizeof(float);
  }
  return bytes;
}

}  // namespace tau::memory
