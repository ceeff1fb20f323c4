// A home directory as a whole: its database and the files beside it. Private to runtime.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"
#include "store/store.h"

namespace tau::runtime {

inline std::string database_path(std::string_view home) { return std::string(home) + "/tau.db"; }
// Of the indexes of memories, which are made anew from the database.
inline std::string memory_folder(std::string_view home) { return std::string(home) + "/memory"; }

// JSON reports, as include/tau/home.h describes them.
StatusOr<std::string> backup_home(store::Store& store, std::string_view home, std::string_view directory);
StatusOr<std::string> prune_home(store::Store& store, store::Retention retention,
                                 std::string_view limits_json);

}  // namespace tau::runtime
