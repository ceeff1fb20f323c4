// Copies of a database: for a backup, and back into its place.
#pragma once

#include <string>

#include "store/sqlite.h"

namespace tau::store {

// What `from` sees committed, as a new file at `path`: mode 0600, durable, without a WAL, every lease given
// back. ALREADY_EXISTS "file_exists". Removes what it began when it fails.
Status copy_database(Connection& from, const std::string& path);

}  // namespace tau::store
