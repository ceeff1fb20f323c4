#include "memory/memory.h"
namespace tau::memory {
std::shared_ptr<const Embedder> make_hash_embedder() { return nullptr; }
StatusOr<std::unique_ptr<Embedder>> load_model(const std::string&) { return unimplemented("models"); }
}  // namespace tau::memory
