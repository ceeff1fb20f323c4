#include "observe/writer.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace tau::observe {
namespace {

// Of a text, each byte can take six: "\\u0001".
static_assert(static_cast<size_t>(Text::kCount) * (6 * kMostTextBytes + 64) +
                  (static_cast<size_t>(Number::kCount) + static_cast<size_t>(Hash::kCount)) * 128 +
                  kMostSealBytes <
              kMostLineBytes);

Status write_at(int fd, std::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno != EINTR) {
      if (errno == ENOSPC || errno == EDQUOT)
        return resource_exhausted("disk_full", "no space is left for the audit log");
      return errno_status(errno, "cannot write to the audit log");
    }
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
  }
  return ok_status();
}

}  // namespace

Status damaged(const Fault& fault) {
  return data_loss("audit_log_damaged", format("the audit log is damaged: {} in {}, line {}", fault.reason,
                                               fault.file, fault.line));
}

StatusOr<os::FileLock> Writer::lock() const {
  return os::FileLock::acquire(folder_.path_of(kLockFile), options_.lock_patience_ms);
}

// What this object cannot go on after.
Status Writer::poison(Status status) {
  poisoned_ = status;
  return status;
}

Status Writer::ready() {
  TAU_RETURN_IF_ERROR(poisoned_);
  Status status = catch_up();
  return status.code() == Code::kDataLoss ? poison(std::move(status)) : status;
}

Status Writer::commit(std::span<const std::string> records) {
  TAU_ASSIGN_OR_RETURN(const os::FileLock held, lock());
  TAU_RETURN_IF_ERROR(ready());
  uint64_t bytes = 0;
  for (const std::string& record : records) bytes += record.size() + kMostSealBytes;
  // Without a head for it no file is closed: the one in use grows until that works.
  if (tail_.size > 0 && tail_.size + bytes > options_.max_file_bytes) note_head(rotate());
  TAU_RETURN_IF_ERROR(poisoned_);
  TAU_RETURN_IF_ERROR(write(records));
  const int64_t now_ns = options_.clock->monotonic_ns();
  if (options_.sync == Sync::kEveryCommit ||
      now_ns - synced_ns_ >= options_.sync_interval_ms * kNanosPerMilli)
    TAU_RETURN_IF_ERROR(sync());
  if (head_due()) note_head(write_head(nullptr));
  ++stats_.commits;
  return poisoned_;
}

Status Writer::write(std::span<const std::string> records) {
  Link link = link_;
  std::string lines;
  for (const std::string& record : records) seal(record, link, lines);
  Status status = write_at(tail_.fd.get(), lines, tail_.size);
  if (!status.ok()) {
    // What got through must not stay: it would be a record that nobody was promised, or half of one.
    if (::ftruncate(tail_.fd.get(), static_cast<off_t>(tail_.size)) != 0)
      return poison(errno_status(errno, "cannot take back what was written to the audit log"));
    return status;
  }
  if (tail_.size == 0) tail_.began_ms = options_.clock->wall_ms();
  tail_.size += lines.size();
  link_ = std::move(link);
  unsynced_ = true;
  unsigned_records_ += records.size();
  stats_.records += records.size();
  stats_.last_seq = link_.seq;
  return ok_status();
}

// A record of the log's own, which says nothing that a caller gave.
Status Writer::write_own(const Record& record) {
  const std::string members = render(record, options_.clock->wall_ms(), options_.redact);
  return write({&members, 1});
}

Status Writer::sync() {
  if (!unsynced_) return ok_status();
  // After a failure nobody knows which pages are on the disk: a second attempt would only seem to work.
  if (::fsync(tail_.fd.get()) != 0)
    return poison(data_loss("audit_sync_failed", errno_status(errno, "cannot sync the audit log").message()));
  unsynced_ = false;
  synced_ns_ = options_.clock->monotonic_ns();
  ++stats_.syncs;
  return ok_status();
}

bool Writer::head_due() const {
  if (unsigned_records_ == 0) return false;
  return unsigned_records_ >= options_.head_every_records ||
         options_.clock->monotonic_ns() - signed_ns_ >= options_.head_every_ms * kNanosPerMilli;
}

// Over all records so far. `first`: the link before the first record that has to be there from now on; null:
// as the head before says, which another process may have written.
Status Writer::write_head(const Link* first) {
  TAU_RETURN_IF_ERROR(sync());
  TAU_ASSIGN_OR_RETURN(const std::string old_text, folder_.head());
  Head head;
  if (!old_text.empty()) {
    TAU_ASSIGN_OR_RETURN(head, read_head(old_text, options_.keys));
    if (head.last.seq > link_.seq) return damaged({"records_missing", tail_.segment.name, 0});
  } else if (first == nullptr) {
    return damaged({"head_missing", std::string(kHeadFile), 1});
  }
  if (first != nullptr) {
    head.first_seq = first->seq + 1;
    head.first_prev = first->hash;
  }
  head.last = link_;
  head.time_ms = options_.clock->wall_ms();
  head.algorithm = "none";
  head.key_id.clear();
  TAU_ASSIGN_OR_RETURN(const std::string text, write_head_text(std::move(head), options_.signer));
  TAU_RETURN_IF_ERROR(folder_.write_head(text));
  unsigned_records_ = 0;
  signed_ns_ = options_.clock->monotonic_ns();
  ++stats_.heads;
  // The file first: an anchor that is ahead of it would look like a rollback.
  if (options_.anchor != nullptr) TAU_RETURN_IF_ERROR(options_.anchor->store(text));
  return ok_status();
}

Status Writer::rotate() {
  TAU_RETURN_IF_ERROR(write_head(nullptr));
  Tail next;
  next.segment = {link_.seq + 1, segment_name(link_.seq + 1)};
  auto fd = folder_.open_for_writing(next.segment.name);
  // Once its name is there records belong into it, and not into the file before.
  if (!fd.ok()) return folder_.exists(next.segment.name) ? poison(fd.status()) : fd.status();
  next.fd = *std::move(fd);
  const auto size = size_of(next.fd.get());
  if (!size.ok()) return poison(size.status());
  if (*size != 0) return poison(damaged({"bad_sequence", next.segment.name, 0}));
  if (Status synced = folder_.sync(); !synced.ok()) return poison(std::move(synced));
  tail_ = std::move(next);
  return ok_status();
}

Status Writer::maintain() {
  TAU_ASSIGN_OR_RETURN(const os::FileLock held, lock());
  TAU_RETURN_IF_ERROR(ready());
  const int64_t now_ns = options_.clock->monotonic_ns();
  if (now_ns - synced_ns_ >= options_.sync_interval_ms * kNanosPerMilli) TAU_RETURN_IF_ERROR(sync());
  if (head_due()) note_head(write_head(nullptr));
  const bool aged = tail_.size > 0 && options_.clock->wall_ms() - tail_.began_ms >= options_.max_file_age_ms;
  if (aged || tail_.size >= options_.max_file_bytes) note_head(rotate());
  TAU_RETURN_IF_ERROR(poisoned_);
  TAU_RETURN_IF_ERROR(stats_.head_problem);
  return cut_old();
}

Status Writer::sign() {
  TAU_ASSIGN_OR_RETURN(const os::FileLock held, lock());
  TAU_RETURN_IF_ERROR(ready());
  if (unsigned_records_ == 0) return ok_status();
  note_head(write_head(nullptr));
  return stats_.head_problem;
}

}  // namespace tau::observe
