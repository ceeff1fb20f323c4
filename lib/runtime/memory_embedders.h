// Who makes the vectors of memories outside of the memory module: a provider's model, the host program.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/base.h"
#include "memory/memory.h"

namespace tau::runtime {

class Core;

// Through the routes, limits, budgets and retries of providers. It asks the model for one vector first, to
// know how many numbers that has.
StatusOr<std::shared_ptr<const memory::Embedder>> make_provider_embedder(Core& core, const std::string& model,
                                                                         int64_t dimensions);

// What the program registers with tau_runtime_set_embedder().
struct HostEmbedder {
  std::string name;
  size_t dimensions = 0;
  // False: it cannot now.
  std::function<bool(const std::vector<std::string_view>& texts, memory::Purpose purpose, float* out)> embed;
};
// INVALID_ARGUMENT "invalid_embedder".
StatusOr<std::shared_ptr<const memory::Embedder>> make_host_embedder(HostEmbedder host);

}  // namespace tau::runtime
