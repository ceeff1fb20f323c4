// Reading and writing through descriptors: what Workspace and the private files share.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "os/fd.h"
#include "os/temp_file.h"

namespace tau::os {

// Reads [offset, offset + limit) of a regular file. The size that fstat reports is only a hint: files of
// /proc say 0, growing files lie. "file_too_large" when more than `max_bytes` would be returned.
StatusOr<std::string> read_range(int fd, uint64_t offset, uint64_t limit, uint64_t max_bytes,
                                 std::string_view path);
Status write_all(int fd, std::string_view bytes, std::string_view path);

// "not_a_regular_file" unless `fd` is one.
StatusOr<struct stat> require_regular(int fd, std::string_view path);

// The typed failure for an errno of a file operation (see workspace.h for the reasons).
Status file_error(int error, std::string_view what, std::string_view path);

struct AtomicWrite {
  int directory = -1;
  std::string name;  // one component
  std::string_view bytes;
  uint32_t create_mode = 0666;        // less the umask
  const struct stat* keep = nullptr;  // owner and permission bits to take over
  bool replace = true;                // false: "file_exists" when the name is taken
  bool durable = true;
  std::string_view path;  // for messages
};

// Replaces or creates directory/name in one step: content is complete and on disk before the name shows it.
Status write_atomically(const AtomicWrite& write, TempKind kind = TempKind::kNameless);

}  // namespace tau::os
