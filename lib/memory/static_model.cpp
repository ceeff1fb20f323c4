// Static models: their tensors, and the mean of a text's pieces.
#include "memory/static_model.h"

#include <algorithm>
#include <cstring>

#include "crypto/crypto.h"

namespace tau::memory {
namespace {

constexpr size_t kMostDimensions = 4096;
constexpr size_t kMostRows = PieceTable::kMaxPieces;

Status invalid(std::string_view what) {
  return invalid_argument("invalid_model", format("the static model is not valid: {}", what));
}

template <class T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

StatusOr<std::unique_ptr<StaticModel>> StaticModel::make(Parts parts, const Safetensors& weights) {
  if (parts.most_pieces < 1) return invalid("it takes no pieces of a text");
  std::unique_ptr<StaticModel> out(new StaticModel(std::move(parts)));
  TAU_RETURN_IF_ERROR(out->load(weights));
  out->set_id();
  return out;
}

Status StaticModel::load(const Safetensors& weights) {
  const char* name = weights.find("embeddings") != nullptr ? "embeddings" : "embedding.weight";
  const Tensor* tensor = weights.find(name);
  if (tensor == nullptr) return data_loss("invalid_model", "the model has no tensor \"embeddings\"");
  if (tensor->shape.size() != 2 || tensor->shape[0] < 1 || tensor->shape[0] > kMostRows ||
      tensor->shape[1] < 1 || tensor->shape[1] > kMostDimensions)
    return data_loss("invalid_model",
                     format("tensor \"{}\" is no table of rows of 1 to {} numbers", name, kMostDimensions));
  const size_t rows = tensor->shape[0];
  const size_t columns = tensor->shape[1];
  if (parts_.dimensions == 0) parts_.dimensions = columns;
  if (parts_.dimensions > columns)
    return invalid(format("{} dimensions are wanted, it has {}", parts_.dimensions, columns));
  TAU_ASSIGN_OR_RETURN(rows_, QuantTable::load(weights, name, rows, columns, parts_.dimensions));
  TAU_RETURN_IF_ERROR(load_weights(weights));
  return load_mapping(weights, rows);
}

Status StaticModel::load_weights(const Safetensors& weights) {
  const Tensor* tensor = weights.find("weights");
  if (tensor == nullptr) return ok_status();
  if (tensor->shape.size() != 1 || tensor->shape[0] < parts_.tokenizer.size() || tensor->shape[0] > kMostRows)
    return data_loss("invalid_model", "tensor \"weights\" has no number for each piece of the tokenizer");
  TAU_ASSIGN_OR_RETURN(weights_, weights.floats("weights", {tensor->shape[0]}));
  return ok_status();
}

Status StaticModel::load_mapping(const Safetensors& weights, size_t rows) {
  const Tensor* tensor = weights.find("mapping");
  if (tensor == nullptr) {
    if (rows < parts_.tokenizer.size())
      return invalid(format("it has {} rows, its tokenizer {} pieces", rows, parts_.tokenizer.size()));
    return ok_status();
  }
  if (tensor->type != TensorType::kI64 || tensor->shape.size() != 1 ||
      tensor->shape[0] < parts_.tokenizer.size() || tensor->shape[0] > kMostRows)
    return data_loss("invalid_model", "tensor \"mapping\" has no row for each piece of the tokenizer");
  mapping_.resize(tensor->shape[0]);
  for (size_t i = 0; i < mapping_.size(); ++i) {
    int64_t row = 0;
    std::memcpy(&row, tensor->bytes.data() + i * sizeof(row), sizeof(row));
    if (row < 0 || static_cast<uint64_t>(row) >= rows)
      return data_loss("invalid_model", format("tensor \"mapping\" names row {} of {}", row, rows));
    mapping_[i] = static_cast<uint32_t>(row);
  }
  return ok_status();
}

void StaticModel::set_id() {
  uint64_t sum = crypto::checksum64(
      format("{} {} {}", parts_.most_pieces, parts_.dimensions, parts_.tokenizer.checksum()));
  for (const std::string_view bytes :
       {rows_.bytes(), rows_.scale_bytes(), bytes_of(weights_), bytes_of(mapping_)})
    sum = crypto::checksum64(bytes, sum);
  id_ = format("file:{}@{:016x}", parts_.name, sum);
}

// The length of the sum is taken away, so the mean needs no division.
Status StaticModel::embed(const std::vector<std::string_view>& texts, Purpose, float* out) const {
  std::vector<uint32_t> pieces;
  for (const std::string_view text : texts) {
    pieces.clear();
    parts_.tokenizer.tokenize(text, parts_.most_pieces, &pieces);
    std::fill_n(out, parts_.dimensions, 0.0F);
    for (const uint32_t piece : pieces) {
      if (piece == parts_.tokenizer.unknown()) continue;
      rows_.add_row(mapping_.empty() ? piece : mapping_[piece], weights_.empty() ? 1.0F : weights_[piece],
                    out);
    }
    normalise(out, parts_.dimensions);
    out += parts_.dimensions;
  }
  return ok_status();
}

}  // namespace tau::memory
