// The public face of memory: what an application remembers, typed, scoped, linked and searchable.
#pragma once

#include "memory/embedder.h"  // IWYU pragma: export
#include "memory/engine.h"    // IWYU pragma: export
#include "memory/maintain.h"  // IWYU pragma: export
#include "memory/memory_check.h"  // IWYU pragma: export
#include "memory/recall.h"    // IWYU pragma: export
#include "memory/types.h"     // IWYU pragma: export
namespace tau::memory {
std::shared_ptr<const Embedder> make_hash_embedder();
StatusOr<std::unique_ptr<Embedder>> load_model(const std::string&);
}
