// Erasing memories for good, in steps of which each is a transaction of the caller.
#pragma once

#include <vector>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

// Rows, relations, vectors and uses of these; only numbers stay. Their words leave the index, whose segments
// may still hold them: see merge_words(). How many there were.
StatusOr<int64_t> purge_memories(Connection& db, const std::vector<int64_t>& rows);

// The number of a memory, forgotten or not; 0: there is none.
StatusOr<int64_t> find_memory(Connection& db, const MemoryRef& ref);

// The newest purge whose words may still be in the index; 0: there is none. A merge that is over ends that
// only where it knew of the newest when it began: another purge, of whatever process, may have come since.
StatusOr<int64_t> newest_erasing(Connection& db);
Status end_erasing(Connection& db, int64_t newest);

// Drops some vectors of a space, and with the last ones the space; false when there is none left.
StatusOr<bool> drop_some_of_space(Connection& db, int64_t space);

}  // namespace tau::store
