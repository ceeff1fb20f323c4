// Whether the tables of memories fit together.
#pragma once

#include <string>
#include <string_view>

#include "store/sqlite.h"

namespace tau::store {

using MemoryProblem = UniqueFunction<void(std::string_view reason, std::string message)>;

// Reads all of them, and tells of each problem. Writes nothing. In a transaction of the caller.
Status verify_memories(Connection& db, MemoryProblem problem);

}  // namespace tau::store
