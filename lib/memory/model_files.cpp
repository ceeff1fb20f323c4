// The files of a model: which ones, and in which order they come to be.
#include "memory/model_files.h"

#include <array>
#include <deque>

#include "memory/quant_table.h"
#include "os/os.h"

namespace tau::memory {
namespace {

constexpr uint64_t kMaxFileBytes = 32 << 20;
// What says how a model is read and what its licence is. None of these must be there.
constexpr std::array<std::string_view, 9> kCopied = {"config.json",
                                                     "sentence_bert_config.json",
                                                     "1_Pooling/config.json",
                                                     "tokenizer.json",
                                                     "tokenizer_config.json",
                                                     "vocab.txt",
                                                     "README.md",
                                                     "LICENSE",
                                                     "NOTICE"};

// Matrices that the encoder keeps as integers; tables of positions and of token types are added, so they stay
// floats.
bool is_matrix(const Tensor& tensor) {
  const std::string_view name = tensor.name;
  return tensor.shape.size() == 2 && tensor.type != TensorType::kI8 && name.ends_with(".weight") &&
         name.find("position_embeddings") == std::string_view::npos &&
         name.find("token_type_embeddings") == std::string_view::npos;
}

bool is_used(const Tensor& tensor) {
  return tensor.type != TensorType::kI64 && tensor.type != TensorType::kOther &&
         tensor.name.find("pooler.") == std::string::npos;
}

Status copy_files(const std::string& from, const std::string& to) {
  for (const std::string_view name : kCopied) {
    const std::string path = format("{}/{}", from, name);
    const bool twice = name == "vocab.txt" && os::path_exists(from + "/tokenizer.json");
    if (twice || !os::path_exists(path)) continue;
    TAU_ASSIGN_OR_RETURN(const std::string bytes, os::read_file(path, kMaxFileBytes));
    TAU_RETURN_IF_ERROR(os::write_private_file(format("{}/{}", to, name), bytes));
  }
  return ok_status();
}

Status write_files(const std::string& from, std::string_view weights, std::string_view manifest,
                   const std::string& to) {
  TAU_RETURN_IF_ERROR(os::make_private_dir(to + "/1_Pooling"));
  TAU_RETURN_IF_ERROR(copy_files(from, to));
  TAU_RETURN_IF_ERROR(os::write_private_file(to + "/model.safetensors", weights));
  return os::write_private_file(to + "/model.json", manifest);
}

// What a try that failed left behind. What cannot be removed does no harm: the next try writes over it.
void remove_files(const std::string& folder) {
  for (const std::string_view name : kCopied) (void)os::remove_private_file(format("{}/{}", folder, name));
  for (const char* name : {"model.safetensors", "model.json"})
    (void)os::remove_private_file(format("{}/{}", folder, name));
  (void)os::remove_empty_dir(folder + "/1_Pooling");
  (void)os::remove_empty_dir(folder);
}

}  // namespace

StatusOr<std::string> shrink_weights(const Safetensors& weights) {
  SafetensorsWriter writer;
  std::deque<QuantTable> tables;  // the writer borrows from them
  for (const Tensor& tensor : weights.tensors()) {
    if (!is_used(tensor)) continue;
    if (!is_matrix(tensor)) {
      writer.add(tensor.name, tensor.type, tensor.shape, tensor.bytes);
      continue;
    }
    TAU_ASSIGN_OR_RETURN(QuantTable table, QuantTable::load(weights, tensor.name, tensor.shape[0],
                                                            tensor.shape[1], tensor.shape[1]));
    tables.push_back(std::move(table));
    const QuantTable& kept = tables.back();
    writer.add(tensor.name, TensorType::kI8, tensor.shape, kept.bytes());
    writer.add(tensor.name + std::string(kScaleSuffix), TensorType::kF32, {tensor.shape[0]},
               kept.scale_bytes());
  }
  return writer.write();
}

Status copy_model(const std::string& from, std::string_view weights, std::string_view manifest,
                  const std::string& folder) {
  if (os::path_exists(folder))
    return Status(Code::kAlreadyExists, "file_exists", format("{} exists already; remove it first", folder));
  const std::string made = folder + ".new";
  Status status = write_files(from, weights, manifest, made);
  if (status.ok()) status = os::move_private(made, folder);
  if (!status.ok()) remove_files(made);
  return status;
}

}  // namespace tau::memory
