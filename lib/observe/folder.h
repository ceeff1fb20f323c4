// The folder of a log: its files by name, and reading lines in bounded memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/chain.h"
#include "os/os.h"

namespace tau::observe {

inline constexpr std::string_view kHeadFile = "head.json";
inline constexpr std::string_view kLockFile = "lock";

// A file of records, named for the first of them: "audit-00000000000000000001.jsonl".
struct Segment {
  uint64_t first_seq = 0;
  std::string name;
};
std::string segment_name(uint64_t first_seq);

class Folder {
 public:
  // One that exists; it may belong to somebody else.
  static StatusOr<Folder> open(const std::string& path);
  // Makes it, private, unless it is there.
  static StatusOr<Folder> make(const std::string& path);

  std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
  // In the order of their records.
  StatusOr<std::vector<Segment>> segments() const;
  // The text of the head; empty when there is none.
  StatusOr<std::string> head() const;
  Status write_head(std::string_view text) const { return os::write_private_file(path_of(kHeadFile), text); }
  StatusOr<os::Fd> open_for_reading(std::string_view name) const { return files_->open_file(name); }
  // Made when it is not there.
  StatusOr<os::Fd> open_for_writing(std::string_view name) const {
    return os::open_private_file(path_of(name), os::OpenMode::kReadWrite);
  }
  bool exists(std::string_view name) const { return os::path_exists(path_of(name)); }
  Status remove(std::string_view name) const { return os::remove_private_file(path_of(name)); }
  // After a file was made: so that it is still there after a power cut.
  Status sync() const;

 private:
  Folder(std::string path, std::shared_ptr<os::Workspace> files)
      : path_(std::move(path)), files_(std::move(files)) {}
  std::string path_;
  std::shared_ptr<os::Workspace> files_;
};

StatusOr<uint64_t> size_of(int fd);
// The bytes from `offset` on, as many as there are, up to the size of `out`.
StatusOr<size_t> read_at(int fd, uint64_t offset, std::span<char> out);

class LineReader {
 public:
  enum class Got : uint8_t {
    kLine,
    kTorn,     // the bytes behind the last line feed
    kTooLong,  // a line of more than kMostLineBytes; nothing follows
    kEnd,
    kFailed,  // status() says why
  };

  // Reads [offset, end) of a file that stays open.
  explicit LineReader(int fd, uint64_t offset = 0, uint64_t end = UINT64_MAX);
  // The line without its line feed; valid until the next call.
  Got next(std::string_view& line);
  // Where the line that next() gave ends.
  uint64_t offset() const { return offset_; }
  const Status& status() const { return status_; }

 private:
  bool fill();

  const int fd_;
  const uint64_t end_;
  uint64_t offset_;
  std::string buffer_;
  size_t begin_ = 0;  // of what was not given yet
  size_t filled_ = 0;
  bool at_end_ = false;
  Status status_;
};

}  // namespace tau::observe
