// Files of tensors: whatever is accepted lies within the file, and is read without a fault.
#include "memory/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "law.h"
#include "memory/quant_table.h"

using tau::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto tensors = tau::memory::Safetensors::read(file);
  if (!tensors.ok()) {
    require(tensors.status().reason() == "invalid_model" && tensors.status().message().size() < 1000);
    return 0;
  }
  size_t bytes = 0;
  for (const tau::memory::Tensor& tensor : tensors->tensors()) {
    require(tensors->find(tensor.name) == &tensor);
    require(tensor.bytes.data() >= file.data() &&
            tensor.bytes.data() + tensor.bytes.size() <= file.data() + size);
    bytes += tensor.bytes.size();
    if (tensor.shape.size() == 1) (void)tensors->floats(tensor.name, {tensor.shape[0]});
    if (tensor.shape.size() == 2 && !tensor.bytes.empty())
      (void)tau::memory::QuantTable::load(*tensors, tensor.name, tensor.shape[0], tensor.shape[1],
                                          tensor.shape[1]);
  }
  require(bytes <= size);
  return 0;
}
