// The audit log: one JSON line a record, each of which holds the hash of the one before, and a signed head.
//
//   auto log = observe::AuditLog::open({.directory = home + "/audit", .redact = redact, .signer = &key,
//                                       .keys = &key, .anchor = &anchor});
//   Status status = (*log)->append(observe::Record(observe::Kind::kToolDecided)
//                                      .set(observe::Text::kTool, call.name)
//                                      .set(observe::Text::kDecision, "allow"));
//
// Several processes and threads may write to one log. No thread of its own: append() writes on the caller's,
// and what submit() queued is written by whoever calls flush(), append() or maintain() next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/base.h"
#include "observe/record.h"
#include "observe/signer.h"

namespace tau::observe {

enum class Sync : uint8_t {
  kEveryCommit,  // an appended record survives a power cut
  kInterval,     // those of the last sync_interval_ms may not; all survive the end of the process
};

struct AuditOptions {
  std::string directory;
  Redact redact;  // required
  // Signs the head. Null: the head says "none", which finds accidents but no forger.
  Signer* signer = nullptr;
  // What heads that are found must be signed with; required with a signer. Null: not looked at.
  const HeadKeys* keys = nullptr;
  HeadAnchor* anchor = nullptr;
  Clock* clock = &system_clock();

  Sync sync = Sync::kEveryCommit;
  int64_t sync_interval_ms = 1000;
  // A new head after so many records, or after this time when there are any.
  uint64_t head_every_records = 256;
  int64_t head_every_ms = 5000;
  // A new file when the current one has reached this size, or this age by the wall clock.
  uint64_t max_file_bytes = 8 << 20;
  int64_t max_file_age_ms = 24ll * 60 * 60 * 1000;
  // Whole files are removed, oldest first, while all together are larger than this, or when their last record
  // is older. 0: no limit.
  uint64_t keep_bytes = 0;
  int64_t keep_ms = 0;
  // Records that wait to be written, together. Beyond it they are refused.
  size_t most_queued_bytes = 1 << 20;
  // How long to wait for another process that writes.
  int64_t lock_patience_ms = 2000;
  // An anchored log whose files are all gone is an error, unless this is set: then a log begins that goes on
  // from the anchored head, and its first record says so.
  bool replace_lost = false;
};

struct AuditStats {
  uint64_t last_seq = 0;
  uint64_t records = 0;  // that this object has written
  uint64_t commits = 0;  // in so many groups
  uint64_t syncs = 0;
  uint64_t heads = 0;
  uint64_t lost = 0;            // refused or failed since open()
  uint64_t repaired_bytes = 0;  // of torn lines that were cut off
  Status problem;               // why nothing could be written the last time
  Status head_problem;  // why the last attempt at a head, or at a new file, failed; records are written still
};

// Any thread. What it was given in its options must outlive it.
class AuditLog {
 public:
  // Makes the log unless it is there. A last line that was cut off in the middle is removed, and a record
  // says so. DATA_LOSS "audit_log_damaged" (the message names file and line), "audit_log_missing" or
  // "audit_log_rolled_back" when anything else is wrong with it: nothing is changed then.
  static StatusOr<std::unique_ptr<AuditLog>> open(AuditOptions options);
  // The same without a look at the files: whoever writes first opens them, and fails as open() does; another
  // attempt is made after kReopenMs. `complete` is called before each, to fill in signer and keys.
  using Complete = std::function<Status(AuditOptions& options)>;
  static StatusOr<std::unique_ptr<AuditLog>> prepare(AuditOptions options, Complete complete = nullptr);
  static constexpr int64_t kReopenMs = 1000;
  // Writes what waits, and a head, as far as that works.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Returns when the record is in the log, as safe as `sync` says. Callers that come together share one
  // commit. A failure means that it is not in the log, or (after "audit_sync_failed") may not stay there: who
  // requires an audit record must not go on. INVALID_ARGUMENT "reserved_kind" for the kinds of the log
  // itself; RESOURCE_EXHAUSTED "disk_full", "audit_queue_full"; UNAVAILABLE "file_locked"; DATA_LOSS
  // "audit_log_damaged".
  Status append(const Record& record);
  // Queues only; never waits for a disk or a lock of another process, and redacts nothing yet.
  // RESOURCE_EXHAUSTED "audit_queue_full". What is lost later is counted, and the next record that can be
  // written says how many. `done` is called with what append() would return, on the thread that writes; not
  // at all when this fails. It must not throw.
  using Done = UniqueFunction<void(const Status& status)>;
  Status submit(const Record& record, Done done = nullptr);
  // A record that its caller had no memory for.
  void count_lost(Status why);
  // Writes what was queued.
  Status flush();
  // What is due by time: syncs, heads, new files, and removals of old ones. Call it about once a second,
  // where blocking is allowed.
  Status maintain();
  // A head over all that was written so far.
  Status sign();

  AuditStats stats() const;

 private:
  struct Group;
  class Impl;
  explicit AuditLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::observe
