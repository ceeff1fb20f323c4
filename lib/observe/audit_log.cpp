#include "observe/audit_log.h"

#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "observe/writer.h"

namespace tau::observe {
namespace {

// Others wait for whoever leads: it has to come back.
template <class Work>
Status guarded(Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) { return Status::out_of_memory(); }
}

// What it could not check it would sign anew.
Status check(const AuditOptions& options) {
  if (options.signer == nullptr || options.keys != nullptr) return ok_status();
  return invalid_argument("no_head_keys", "an audit log that signs needs the keys to check heads with");
}

}  // namespace

// Records that are committed together.
struct AuditLog::Group {
  std::vector<KeptRecord> records;
  std::vector<Done> told;
  bool done = false;
  Status status;
};

class AuditLog::Impl {
 public:
  Impl(AuditOptions options, Complete complete)
      : options_(std::move(options)), complete_(std::move(complete)) {}

  // Before others see this object.
  Status start() {
    TAU_RETURN_IF_ERROR(ready());
    stats_ = writer_->stats();
    return ok_status();
  }

  Status enqueue(const Record& record, std::shared_ptr<Group>* group, Done done);
  void count_lost(Status why) {
    const std::lock_guard<std::mutex> lock(mutex_);
    lose(std::move(why));
  }
  // Leads the commit of `group`, or waits for whoever does.
  Status settle(const std::shared_ptr<Group>& group);
  Status flush();
  template <class Work>
  Status alone(Work work);
  AuditStats stats();
  bool needs_head() const { return writer_ != nullptr && writer_->needs_head(); }  // while nobody leads

 private:
  void lose(Status why);
  // The files are open, or why they are not. Who leads, as what writes.
  Status ready();
  // With the lock, which it lets go while it writes.
  Status lead(std::unique_lock<std::mutex>& lock);
  Status write(Group& group, uint64_t lost, const Status& why);
  void leave(const Status& status);

  AuditOptions options_;  // does not change once the files are open
  const Complete complete_;
  // Of whoever leads.
  std::unique_ptr<Writer> writer_;  // null: not open yet
  Status open_failure_;
  int64_t open_again_ns_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool led_ = false;
  std::shared_ptr<Group> next_ = std::make_shared<Group>();
  size_t queued_bytes_ = 0;
  uint64_t lost_ = 0;  // that no record tells of yet
  Status lost_why_;
  uint64_t lost_in_all_ = 0;
  AuditStats stats_;
};

Status AuditLog::Impl::ready() {
  if (writer_ != nullptr) return ok_status();
  const int64_t now_ns = options_.clock->monotonic_ns();
  if (!open_failure_.ok() && now_ns < open_again_ns_) return open_failure_;
  open_again_ns_ = now_ns + kReopenMs * kNanosPerMilli;
  open_failure_ = complete_ ? complete_(options_) : ok_status();
  if (open_failure_.ok()) open_failure_ = check(options_);
  if (!open_failure_.ok()) return open_failure_;
  auto opened = Writer::open(options_);
  open_failure_ = opened.status();
  if (opened.ok()) writer_ = *std::move(opened);
  return open_failure_;
}

// With the lock.
void AuditLog::Impl::lose(Status why) {
  ++lost_;
  ++lost_in_all_;
  lost_why_ = std::move(why);
}

Status AuditLog::Impl::enqueue(const Record& record, std::shared_ptr<Group>* group, Done done) {
  if (is_of_log(record.kind()))
    return invalid_argument("reserved_kind", "records of this kind are written by the log alone");
  KeptRecord kept(record);
  if (record.time_ms() == 0) kept.set_time(options_.clock->wall_ms());
  const size_t size = kept.bytes();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (queued_bytes_ + size > options_.most_queued_bytes) {
    lose(resource_exhausted("audit_queue_full", "too many audit records wait to be written"));
    return lost_why_;
  }
  if (done) next_->told.push_back(std::move(done));
  next_->records.push_back(std::move(kept));
  queued_bytes_ += size;
  if (group != nullptr) *group = next_;
  return ok_status();
}

// Of whoever leads: the only place where texts of callers become lines.
Status AuditLog::Impl::write(Group& group, uint64_t lost, const Status& why) {
  TAU_RETURN_IF_ERROR(ready());
  std::vector<std::string> lines;
  lines.reserve(group.records.size() + 1);
  if (lost != 0) {
    const Record record = Record(Kind::kLogLost)
                              .set(Text::kReason, why.reason())
                              .set(Number::kCount_, static_cast<int64_t>(lost));
    lines.push_back(render(record, options_.clock->wall_ms(), options_.redact));
  }
  for (const KeptRecord& kept : group.records)
    lines.push_back(render(kept.record(), kept.record().time_ms(), options_.redact));
  return lines.empty() ? ok_status() : writer_->commit(lines);
}

Status AuditLog::Impl::lead(std::unique_lock<std::mutex>& lock) {
  std::shared_ptr<Group> group = std::make_shared<Group>();  // before anybody depends on this thread
  std::swap(group, next_);
  led_ = true;
  queued_bytes_ = 0;
  const uint64_t lost = std::exchange(lost_, 0);
  const uint64_t fresh = group->records.size();
  const Status why = lost_why_;
  lock.unlock();
  Status status = guarded([&] { return write(*group, lost, why); });
  group->records.clear();
  lock.lock();
  if (!status.ok()) {
    lost_ += lost + fresh;
    lost_in_all_ += fresh;
    lost_why_ = status;
  }
  group->status = status;
  group->done = true;
  leave(status);
  lock.unlock();
  for (Done& done : group->told) done(status);
  lock.lock();
  return status;
}

void AuditLog::Impl::leave(const Status& status) {
  if (writer_ != nullptr) stats_ = writer_->stats();
  stats_.problem = status;
  led_ = false;
  changed_.notify_all();
}

Status AuditLog::Impl::settle(const std::shared_ptr<Group>& group) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!group->done) {
    if (!led_)
      (void)lead(lock);
    else
      changed_.wait(lock);
  }
  return group->status;
}

Status AuditLog::Impl::flush() {
  std::shared_ptr<Group> group;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (next_->records.empty() && lost_ == 0 && !led_) return ok_status();
    group = next_;
  }
  return settle(group);
}

// Work on the files while nobody else leads.
template <class Work>
Status AuditLog::Impl::alone(Work work) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !led_; });
  led_ = true;
  lock.unlock();
  Status status = guarded([&]() -> Status {
    TAU_RETURN_IF_ERROR(ready());
    return work(*writer_);
  });
  lock.lock();
  leave(writer_ != nullptr ? stats_.problem : status);
  return status;
}

AuditStats AuditLog::Impl::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  AuditStats out = stats_;
  out.lost = lost_in_all_;
  return out;
}

AuditLog::AuditLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// Nothing is touched when there is nothing to write.
AuditLog::~AuditLog() {
  (void)guarded([this] { return impl_->flush(); });
  if (impl_->needs_head()) (void)guarded([this] { return sign(); });
}

StatusOr<std::unique_ptr<AuditLog>> AuditLog::open(AuditOptions options) {
  TAU_ASSIGN_OR_RETURN(auto log, prepare(std::move(options)));
  TAU_RETURN_IF_ERROR(log->impl_->start());
  return log;
}

StatusOr<std::unique_ptr<AuditLog>> AuditLog::prepare(AuditOptions options, Complete complete) {
  if (!options.redact) return invalid_argument("no_redactor", "an audit log needs something that redacts");
  return std::unique_ptr<AuditLog>(
      new AuditLog(std::make_unique<Impl>(std::move(options), std::move(complete))));
}

Status AuditLog::append(const Record& record) {
  std::shared_ptr<Group> group;
  TAU_RETURN_IF_ERROR(impl_->enqueue(record, &group, nullptr));
  return impl_->settle(group);
}

Status AuditLog::submit(const Record& record, Done done) {
  return impl_->enqueue(record, nullptr, std::move(done));
}
void AuditLog::count_lost(Status why) { impl_->count_lost(std::move(why)); }
Status AuditLog::flush() { return impl_->flush(); }

Status AuditLog::maintain() {
  Status flushed = impl_->flush();
  Status status = impl_->alone([](Writer& writer) { return writer.maintain(); });
  return flushed.ok() ? status : flushed;
}

Status AuditLog::sign() {
  TAU_RETURN_IF_ERROR(impl_->flush());
  return impl_->alone([](Writer& writer) { return writer.sign(); });
}

AuditStats AuditLog::stats() const { return impl_->stats(); }

}  // namespace tau::observe
