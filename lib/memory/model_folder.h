// A model as a folder: config.json, model.safetensors, tokenizer.json or vocab.txt, and model.json, which
// says the name, the licence and where it comes from. Folders of sentence encoders and of static models are
// read as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/base.h"
#include "memory/embedder.h"

namespace tau::memory {

inline constexpr uint64_t kMaxWeightBytes = uint64_t{2} << 30;

struct ModelOptions {
  size_t dimensions = 0;  // only the first ones, for models that are made so; 0: all
};

// NOT_FOUND "file_not_found" names the file that is missing; "invalid_model", "model_unsupported" and
// "tokenizer_unsupported" what cannot be read.
StatusOr<std::unique_ptr<Embedder>> load_model(const std::string& folder);
StatusOr<std::unique_ptr<Embedder>> load_model(const std::string& folder, const ModelOptions& options);

// What is said of a model. Members that the folder does not say are empty.
struct ModelManifest {
  std::string name;
  std::string licence;
  std::string source;
  std::string query_prefix;
  std::string document_prefix;
  double usual_weight = -1;      // -1: that of its kind
  double unrelated_cosine = -1;  // Embedder::unrelated_cosine(); -1: to be measured
  std::string id;                // of its vectors, as it was when the folder was made
};
StatusOr<ModelManifest> read_manifest(std::string_view text);
std::string write_manifest(const ModelManifest& manifest);

// Makes `folder`, which must not exist, of the folder of an encoder: weights as 8-bit integers, a quarter of
// the size, and the same vectors. ALREADY_EXISTS "file_exists".
Status convert_model(const std::string& from, const ModelManifest& manifest, const std::string& folder);

}  // namespace tau::memory
