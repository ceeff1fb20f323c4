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

}  // namespace

// Records that are committed together.
struct AuditLog::Group {
  std::vector<std::string> records;
  bool done = false;
  Status status;
};

class AuditLog::Impl {
 public:
  explicit Impl(AuditOptions options) : options_(std::move(options)) {}

  Status start() {
    TAU_ASSIGN_OR_RETURN(writer_, Writer::open(options_));
    stats_ = writer_->stats();
    return ok_status();
  }

  Status enqueue(const Record& record, std::shared_ptr<Group>* group);
  // Leads the commit of `group`, or waits for whoever does.
  Status settle(const std::shared_ptr<Group>& group);
  Status flush();
  template <class Work>
  Status alone(Work work);
  AuditStats stats();

 private:
  // With the lock, which it lets go while it writes.
  Status lead(std::unique_lock<std::mutex>& lock);
  void leave();

  const AuditOptions options_;
  std::unique_ptr<Writer> writer_;  // of whoever leads

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

Status AuditLog::Impl::enqueue(const Record& record, std::shared_ptr<Group>* group) {
  if (is_of_log(record.kind()))
    return invalid_argument("reserved_kind", "records of this kind are written by the log alone");
  std::string text = render(record, options_.clock->wall_ms(), options_.redact);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (queued_bytes_ + text.size() > options_.most_queued_bytes) {
    ++lost_;
    ++lost_in_all_;
    lost_why_ = resource_exhausted("audit_queue_full", "too many audit records wait to be written");
    return lost_why_;
  }
  const size_t size = text.size();
  next_->records.push_back(std::move(text));
  queued_bytes_ += size;
  if (group != nullptr) *group = next_;
  return ok_status();
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
  Status status = guarded([&] {
    if (lost != 0) {
      const Record record = Record(Kind::kLogLost)
                                .set(Text::kReason, why.reason())
                                .set(Number::kCount_, static_cast<int64_t>(lost));
      group->records.insert(group->records.begin(),
                            render(record, options_.clock->wall_ms(), options_.redact));
    }
    return group->records.empty() ? ok_status() : writer_->commit(group->records);
  });
  lock.lock();
  if (!status.ok()) {
    lost_ += lost + fresh;
    lost_in_all_ += fresh;
    lost_why_ = status;
  }
  group->records.clear();
  group->status = status;
  group->done = true;
  leave();
  return status;
}

void AuditLog::Impl::leave() {
  stats_ = writer_->stats();
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
  Status status = guarded([&] { return work(*writer_); });
  lock.lock();
  leave();
  return status;
}

AuditStats AuditLog::Impl::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  AuditStats out = stats_;
  out.lost = lost_in_all_;
  return out;
}

AuditLog::AuditLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AuditLog::~AuditLog() {
  (void)flush();
  (void)sign();
}

StatusOr<std::unique_ptr<AuditLog>> AuditLog::open(AuditOptions options) {
  if (!options.redact) return invalid_argument("no_redactor", "an audit log needs something that redacts");
  // What it could not check it would sign anew.
  if (options.signer != nullptr && options.keys == nullptr)
    return invalid_argument("no_head_keys", "an audit log that signs needs the keys to check heads with");
  auto impl = std::make_unique<Impl>(std::move(options));
  TAU_RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(impl)));
}

Status AuditLog::append(const Record& record) {
  std::shared_ptr<Group> group;
  TAU_RETURN_IF_ERROR(impl_->enqueue(record, &group));
  return impl_->settle(group);
}

Status AuditLog::submit(const Record& record) { return impl_->enqueue(record, nullptr); }
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
