// The changes to whole sessions that are more than an append: fork and removal. Each runs inside a
// transaction of the caller, on the writing connection.
#pragma once

#include <string_view>

#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

Status fork_session_rows(Connection& db, std::string_view source, std::string_view entry,
                         const SessionRecord& fork);

// Erases what only this session needs. The caller empties the WAL afterwards.
Status remove_session_rows(Connection& db, std::string_view id);

}  // namespace tau::store
