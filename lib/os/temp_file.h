// A file that is written beside the one it shall be, and takes its name when it is complete.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "os/fd.h"

namespace tau::os {

// How a temporary file comes to be: nameless (O_TMPFILE: a crash leaves nothing behind) where the file system
// can, else named.
enum class TempKind : uint8_t { kNameless, kNamed };

struct TempFile {
  Fd fd;
  std::string name;  // empty while the file has none; else something is left to unlink
};

// Whether a file of this name is one that a crash left behind.
bool is_temp_name(std::string_view name);

// `path` is for messages, here and below.
StatusOr<TempFile> open_temp(int directory, mode_t mode, TempKind kind, std::string_view path);

// Gives it the name, of one component; the caller syncs the file before and the directory after. Without
// `replace`, "file_exists" when the name is taken.
Status publish_temp(TempFile& temp, int directory, const std::string& name, bool replace,
                    std::string_view path);

}  // namespace tau::os
