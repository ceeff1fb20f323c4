// Files that are read or written in pieces, for imports and exports of any size. Paths come from the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "os/fd.h"
#include "os/temp_file.h"

namespace tau::os {

// A regular file, read from its start. Fails as open_private_file does, but for the owner: anybody's may be
// read.
class OpenFile {
 public:
  static StatusOr<OpenFile> open(std::string_view path);
  // The next bytes, at most so many; empty at the end.
  StatusOr<std::string> read(size_t limit);

 private:
  OpenFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

// A new file, 0600, that has its name once it is complete and durable; whatever had the name before is
// replaced. One that is not published leaves nothing behind.
class NewFile {
 public:
  static StatusOr<NewFile> create(std::string_view path);
  NewFile(NewFile&&) = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  Status append(std::string_view bytes);
  Status publish();

 private:
  NewFile(Fd directory, TempFile temp, std::string name, std::string path)
      : directory_(std::move(directory)),
        temp_(std::move(temp)),
        name_(std::move(name)),
        path_(std::move(path)) {}
  Fd directory_;
  TempFile temp_;
  std::string name_;
  std::string path_;
};

}  // namespace tau::os
