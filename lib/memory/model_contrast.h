// How alike a model finds texts that have nothing to do with each other. Private to memory.
#pragma once

#include "memory/embedder.h"

namespace tau::memory {

// What Embedder::unrelated_cosine() is, by a few sentences; 0 where the model finds all of them the same.
StatusOr<double> measure_unrelated_cosine(const Embedder& embedder);

}  // namespace tau::memory
