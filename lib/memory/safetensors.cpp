// The header of safetensors files, and what may stand in it.
#include "memory/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "json/json.h"

namespace tau::memory {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxRank = 8;
constexpr size_t kShownName = 120;

struct TypeRow {
  std::string_view name;
  TensorType type;
  uint64_t bytes;
};
constexpr TypeRow kTypes[] = {
    {"F32", TensorType::kF32, 4},   {"F16", TensorType::kF16, 2},       {"BF16", TensorType::kBf16, 2},
    {"I8", TensorType::kI8, 1},     {"I64", TensorType::kI64, 8},       {"BOOL", TensorType::kOther, 1},
    {"U8", TensorType::kOther, 1},  {"F8_E5M2", TensorType::kOther, 1}, {"F8_E4M3", TensorType::kOther, 1},
    {"I16", TensorType::kOther, 2}, {"U16", TensorType::kOther, 2},     {"I32", TensorType::kOther, 4},
    {"U32", TensorType::kOther, 4}, {"F64", TensorType::kOther, 8},     {"U64", TensorType::kOther, 8},
};

Status damaged(std::string_view what) {
  return data_loss("invalid_model", format("the safetensors file is damaged: {}", what));
}

Status damaged_tensor(std::string_view name, std::string_view what) {
  return damaged(format("tensor \"{}\" {}", repair_utf8(truncate_utf8(name, kShownName)), what));
}

const TypeRow* find_type(std::string_view name) {
  const auto* row =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeRow& r) { return r.name == name; });
  return row == std::end(kTypes) ? nullptr : row;
}

std::string_view type_name_of(TensorType type) {
  const auto* row =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeRow& r) { return r.type == type; });
  return row->name;
}

bool is_size(const json::Value& value) { return value.is_integer() && value.as_int(-1) >= 0; }

// One entry of the header. `data` is all that follows the header.
StatusOr<Tensor> read_entry(const std::string& name, const json::Value& entry, std::string_view data) {
  const TypeRow* type = find_type(entry["dtype"].as_string());
  if (type == nullptr) return damaged_tensor(name, "has a type that is not known");
  if (!entry["shape"].is_array() || entry["shape"].size() > kMaxRank)
    return damaged_tensor(name, "has no valid shape");
  Tensor tensor{.name = name, .type = type->type};
  uint64_t bytes = type->bytes;
  for (const json::Value& side : entry["shape"].as_array()) {
    if (!is_size(side)) return damaged_tensor(name, "has no valid shape");
    tensor.shape.push_back(side.as_uint());
    if (__builtin_mul_overflow(bytes, side.as_uint(), &bytes))
      return damaged_tensor(name, "is larger than any file");
  }
  const json::Value::Array& offsets = entry["data_offsets"].as_array();
  if (offsets.size() != 2 || !is_size(offsets[0]) || !is_size(offsets[1]))
    return damaged_tensor(name, "does not say where its data is");
  const uint64_t begin = offsets[0].as_uint();
  const uint64_t end = offsets[1].as_uint();
  if (begin > end || end > data.size()) return damaged_tensor(name, "reaches beyond the end of the file");
  if (end - begin != bytes) return damaged_tensor(name, "has another size than its shape says");
  tensor.bytes = data.substr(begin, end - begin);
  return tensor;
}

// Every byte of the data belongs to exactly one tensor.
Status check_cover(const std::vector<Tensor>& tensors, std::string_view data) {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
    return a->bytes.data() != b->bytes.data() ? a->bytes.data() < b->bytes.data()
                                              : a->bytes.size() < b->bytes.size();
  });
  const char* at = data.data();
  for (const Tensor* tensor : order) {
    if (tensor->bytes.data() < at) return damaged_tensor(tensor->name, "lies over another one");
    if (tensor->bytes.data() > at)
      return damaged_tensor(tensor->name, "has bytes before it that belong to none");
    at += tensor->bytes.size();
  }
  if (at != data.data() + data.size()) return damaged("bytes at its end belong to no tensor");
  return ok_status();
}

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

uint64_t count_of(const Tensor& tensor) {
  uint64_t count = 1;
  for (const uint64_t side : tensor.shape) count *= side;
  return count;
}

}  // namespace

float half_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000U} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fU;
  const uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0) {
    const float small = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -small : small;
  }
  const uint32_t wide = exponent == 0x1f ? 0xffU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

bool Tensor::has_shape(std::initializer_list<uint64_t> expected) const {
  return std::equal(shape.begin(), shape.end(), expected.begin(), expected.end());
}

void Tensor::read(uint64_t first, uint64_t count, float* out) const {
  const char* at = bytes.data();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t n = first + i;
    switch (type) {
      case TensorType::kF32: out[i] = load<float>(at + 4 * n); break;
      case TensorType::kF16: out[i] = half_to_float(load<uint16_t>(at + 2 * n)); break;
      case TensorType::kBf16:
        out[i] = std::bit_cast<float>(uint32_t{load<uint16_t>(at + 2 * n)} << 16);
        break;
      case TensorType::kI8: out[i] = static_cast<float>(load<int8_t>(at + n)); break;
      default: out[i] = 0;
    }
  }
}

StatusOr<Safetensors> Safetensors::read(std::string_view file) {
  if (file.size() < kLengthBytes) return damaged("it is shorter than its header's length");
  const auto length = load<uint64_t>(file.data());
  if (length > kMaxHeaderBytes) return damaged(format("its header of {} bytes is too long", length));
  if (length > file.size() - kLengthBytes) return damaged("it ends within its header");
  const std::string_view header = file.substr(kLengthBytes, length);
  const std::string_view data = file.substr(kLengthBytes + length);
  if (!header.starts_with('{')) return damaged("its header is not a JSON object");
  const StatusOr<json::Value> parsed = json::parse(header);
  if (!parsed.ok()) return damaged(format("its header: {}", parsed.status().message()));
  if (parsed->size() > kMaxTensors) return damaged(format("it has more than {} tensors", kMaxTensors));
  Safetensors out;
  for (const auto& [name, entry] : parsed->as_object()) {
    if (name == "__metadata__") continue;
    TAU_ASSIGN_OR_RETURN(Tensor tensor, read_entry(name, entry, data));
    out.tensors_.push_back(std::move(tensor));
  }
  TAU_RETURN_IF_ERROR(check_cover(out.tensors_, data));
  std::sort(out.tensors_.begin(), out.tensors_.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
  return out;
}

const Tensor* Safetensors::find(std::string_view name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const Tensor& tensor, std::string_view n) { return tensor.name < n; });
  return at == tensors_.end() || at->name != name ? nullptr : &*at;
}

StatusOr<const Tensor*> Safetensors::numbers(std::string_view name,
                                             std::initializer_list<uint64_t> shape) const {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) return data_loss("invalid_model", format("the model has no tensor \"{}\"", name));
  if (tensor->type == TensorType::kI64 || tensor->type == TensorType::kOther)
    return damaged_tensor(name, "is of a type that this model cannot have there");
  if (!tensor->has_shape(shape)) return damaged_tensor(name, "has another shape than the configuration says");
  return tensor;
}

StatusOr<std::vector<float>> Safetensors::floats(std::string_view name,
                                                 std::initializer_list<uint64_t> shape) const {
  TAU_ASSIGN_OR_RETURN(const Tensor* tensor, numbers(name, shape));
  std::vector<float> out(count_of(*tensor));
  tensor->read(0, out.size(), out.data());
  if (!std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); }))
    return damaged_tensor(name, "holds numbers that are not finite");
  return out;
}

void SafetensorsWriter::add(std::string name, TensorType type, std::vector<uint64_t> shape,
                            std::string_view bytes) {
  tensors_.push_back({std::move(name), type, std::move(shape), bytes});
}

std::string SafetensorsWriter::write() const {
  std::string header;
  json::Writer writer(header);
  writer.begin_object();
  int64_t at = 0;
  for (const Tensor& tensor : tensors_) {
    writer.key(std::string_view(tensor.name)).begin_object();
    writer.field("dtype", type_name_of(tensor.type)).key("shape").begin_array();
    for (const uint64_t side : tensor.shape) writer.integer(static_cast<int64_t>(side));
    writer.end_array().key("data_offsets").begin_array().integer(at);
    at += static_cast<int64_t>(tensor.bytes.size());
    writer.integer(at).end_array().end_object();
  }
  writer.end_object();
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of eight
  const uint64_t length = header.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof(length));
  out.reserve(sizeof(length) + header.size() + static_cast<size_t>(at));
  out += header;
  for (const Tensor& tensor : tensors_) out += tensor.bytes;
  return out;
}

}  // namespace tau::memory
