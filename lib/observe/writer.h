// Writer: the files of one log, written under the lock that its processes share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/audit_log.h"
#include "observe/chain.h"
#include "observe/folder.h"
#include "observe/walk.h"
#include "os/os.h"

namespace tau::observe {

// One thread at a time.
class Writer {
 public:
  static StatusOr<std::unique_ptr<Writer>> open(const AuditOptions& options);

  // All of these records (see render()), or none of them.
  Status commit(std::span<const std::string> records);
  Status maintain();
  Status sign();

  const AuditStats& stats() const { return stats_; }
  bool needs_head() const { return unsigned_records_ != 0; }

 private:
  // The file that is written to.
  struct Tail {
    Segment segment;
    os::Fd fd;
    uint64_t size = 0;
    int64_t began_ms = 0;  // the time in its first record; 0: it has none
  };

  Writer(const AuditOptions& options, Folder folder) : options_(options), folder_(std::move(folder)) {}

  StatusOr<os::FileLock> lock() const;
  // recover.cpp
  Status load();
  Status begin(const Link& before, std::string_view reason);
  Status recover(const std::vector<Segment>& segments, const Head* head, const Head* anchored);
  Status adopt(const Segment& segment, const Walk& walk, uint64_t signed_seq, bool torn);
  Status catch_up();
  Status read_news();
  Status cut_torn(uint64_t good_bytes, uint64_t file_bytes);
  // writer.cpp
  Status ready();
  Status write(std::span<const std::string> records);
  Status write_own(const Record& record);
  Status sync();
  Status write_head(const Link* first);
  Status rotate();
  void note_head(Status status) { stats_.head_problem = std::move(status); }
  bool head_due() const;
  Status poison(Status status);
  // retention.cpp
  Status cut_old();
  StatusOr<size_t> count_old(const std::vector<Segment>& segments) const;

  const AuditOptions& options_;
  const Folder folder_;
  Tail tail_;
  Link link_;
  Status poisoned_;
  bool unsynced_ = false;
  int64_t synced_ns_ = 0;
  uint64_t unsigned_records_ = 0;
  int64_t signed_ns_ = 0;
  AuditStats stats_;
};

Status damaged(const Fault& fault);

}  // namespace tau::observe
