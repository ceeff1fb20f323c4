// Marks in the database, on a connection of the caller.
#pragma once

#include <string>
#include <string_view>

#include "store/sqlite.h"

namespace tau::store {

StatusOr<std::string> load_mark(Connection& db, std::string_view name);
Status put_mark(Connection& db, std::string_view name, std::string_view text);

}  // namespace tau::store
