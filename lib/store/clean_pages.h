// Pages of a database are written without what lies between their cells: when a page is split, SQLite leaves
// copies of the cells that moved to another page there, and its secure_delete, which overwrites a cell where
// it stands, knows nothing of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sqlite3.h>

#include "base/base.h"

namespace tau::store {

// From now on every page that this connection writes to its database file.
Status clean_pages(sqlite3* db);

// The bytes of a page that belong to no cell and to no table; none where it is not a page of a b-tree.
// `number` is that of the page, from 1.
std::span<std::byte> unused_part(std::span<std::byte> page, uint64_t number);

}  // namespace tau::store
