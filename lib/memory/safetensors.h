// Reads safetensors files: named tensors behind a JSON header. Strict, because such a file comes from
// strangers: every tensor lies within the file, none overlaps another, no byte belongs to none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

enum class TensorType : uint8_t { kF32, kF16, kBf16, kI8, kI64, kOther };

struct Tensor {
  std::string name;
  TensorType type = TensorType::kOther;
  std::vector<uint64_t> shape;
  std::string_view bytes;  // into the file

  bool has_shape(std::initializer_list<uint64_t> expected) const;
  // Its numbers [first, first + count) as floats; of kF32, kF16, kBf16, kI8. Not finite ones stay what they
  // are.
  void read(uint64_t first, uint64_t count, float* out) const;
};

class Safetensors {
 public:
  static constexpr uint64_t kMaxHeaderBytes = 8 << 20;
  static constexpr size_t kMaxTensors = 16'384;

  // `file` is the whole file and outlives this. DATA_LOSS "invalid_model" names the tensor and what is wrong.
  static StatusOr<Safetensors> read(std::string_view file);

  // Null when there is none.
  const Tensor* find(std::string_view name) const;
  // A tensor of numbers with exactly this shape; DATA_LOSS "invalid_model" names it when there is none.
  StatusOr<const Tensor*> numbers(std::string_view name, std::initializer_list<uint64_t> shape) const;
  // All of such a tensor. A number that is not finite is DATA_LOSS "invalid_model".
  StatusOr<std::vector<float>> floats(std::string_view name, std::initializer_list<uint64_t> shape) const;
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  std::vector<Tensor> tensors_;  // by name
};

// Collects tensors and writes the file that holds them. Bytes are borrowed until write().
class SafetensorsWriter {
 public:
  void add(std::string name, TensorType type, std::vector<uint64_t> shape, std::string_view bytes);
  std::string write() const;

 private:
  std::vector<Tensor> tensors_;
};

float half_to_float(uint16_t bits);

// A file in memory, read only. The file must not shrink meanwhile: whoever loads a model copies what it
// keeps.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  // A regular file of at most `max_bytes`; else "not_a_regular_file", "file_too_large" or what the system
  // says.
  static StatusOr<MappedFile> open(const std::string& path, uint64_t max_bytes);
  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tau::memory
