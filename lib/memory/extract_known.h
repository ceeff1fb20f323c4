// What is known already, for a model that is to write down only what is new.
#pragma once

#include <vector>

#include "memory/engine.h"
#include "memory/extract.h"

namespace tau::memory {

// Memories of the scope of `source` that its text is about, at most ExtractSource::kMaxKnown, the best first.
// None whose labels the text has not: what a model is shown it may repeat, under the labels of the text.
StatusOr<std::vector<KnownMemory>> known_memories(Engine& engine, const ExtractSource& source);

}  // namespace tau::memory
