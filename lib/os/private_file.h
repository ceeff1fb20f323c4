// Files of the library's own home directory: for this user alone (directories 0700, files 0600).
//
// These paths come from the host's configuration, never from a model, so they are ordinary paths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "os/fd.h"

namespace tau::os {

// Makes the directory and missing parents, each 0700. A directory that exists is left as it is.
// FAILED_PRECONDITION "directory_not_private" when it belongs to somebody else or others may enter it.
Status make_private_dir(std::string_view path);

// The owner check: FAILED_PRECONDITION "file_not_private" when the open file belongs to another user, or
// group or others have any permission on it.
Status check_private(int fd, std::string_view path);

enum class OpenMode : uint8_t { kRead, kReadWrite, kAppend };

// A regular file, created 0600 by the writing modes; never follows a symlink in the last component, never
// blocks. Fails as check_private does.
StatusOr<Fd> open_private_file(std::string_view path, OpenMode mode);

// The whole file. NOT_FOUND "file_not_found", RESOURCE_EXHAUSTED "file_too_large", "not_a_regular_file".
// No owner check: also for files that others own, such as a CA bundle or a shared configuration.
StatusOr<std::string> read_file(std::string_view path, uint64_t max_bytes);

// The whole of a private file, which no ordinary memory sees. Fails as open_private_file and read_file do.
StatusOr<Secret> read_secret_file(std::string_view path, uint64_t max_bytes);

// Atomic and durable, 0600: see Workspace::write.
Status write_private_file(std::string_view path, std::string_view bytes);

// Whether anything has this name; a broken link counts.
bool path_exists(std::string_view path);

// Gives a file or directory another name on the same file system, durably. ALREADY_EXISTS "file_exists" when
// the name is taken.
Status move_private(std::string_view from, std::string_view to);

// What is not there is removed already.
Status remove_private_file(std::string_view path);
Status remove_empty_dir(std::string_view path);

}  // namespace tau::os
