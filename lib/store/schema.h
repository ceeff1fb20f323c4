// Opens database files: creation with private permissions, pragmas, identity and version checks, migrations.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

inline constexpr int kSchemaVersion = 8;
inline constexpr int32_t kApplicationId = 0x74617501;  // "tau" 1, in the file header

// Migration i takes a database from version i to i + 1.
extern const std::array<const char*, kSchemaVersion> kMigrations;

// The failure to report when a file of a store could not be created, by errno.
Status creation_failure(int error, const std::string& path);

// FAILED_PRECONDITION "not_a_file" when a directory, a pipe or a device has the name of a file of the store:
// some of these are waited for without end when opened. Of a VFS of its own: OK.
Status check_files(const StoreOptions& options);

// An empty file of mode 0600 at `path`, whatever the umask, unless something is there.
Status create_private(const std::string& path);

// The writing connection of a store: creates the file if need be, and migrates it forward.
StatusOr<std::unique_ptr<Connection>> open_writer(const StoreOptions& options);

// A connection that only reads, beside the writer of this process or after it.
StatusOr<std::unique_ptr<Connection>> open_reader(const StoreOptions& options);

// Whether a database is one of ours, of this version.
Status check_readable(Connection& db);

}  // namespace tau::store
