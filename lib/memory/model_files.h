// Writes the folder of a model. Private to model_folder.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"
#include "memory/safetensors.h"

namespace tau::memory {

// The file of an encoder's tensors with its matrices as 8-bit integers, just as they are once they are
// loaded.
StatusOr<std::string> shrink_weights(const Safetensors& weights);

// Makes `folder` in one step: configuration and tokenizer as they are in `from`, and these weights and this
// manifest.
Status copy_model(const std::string& from, std::string_view weights, std::string_view manifest,
                  const std::string& folder);

}  // namespace tau::memory
