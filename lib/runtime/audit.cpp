#include "runtime/audit.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <new>
#include <system_error>
#include <utility>

#include "json/json.h"
#include "runtime/redaction.h"

namespace tau::runtime {
namespace {

using observe::Hash;
using observe::Kind;
using observe::Number;
using observe::Record;
using observe::Text;

// Records wait so long for others to come, unless somebody waits for them or so many are there.
constexpr auto kLinger = std::chrono::milliseconds(50);
constexpr uint32_t kMany = 256;
// What is due by time is looked for so often, and no more when nothing came for a while: longer than until
// the last sync and the last head.
constexpr int64_t kUpkeepMs = 1'000;
constexpr int64_t kWatchMs = 7'000;
constexpr size_t kMostPolicies = 256;
constexpr size_t kMostSums = 64;  // that are kept apart; others are records of their own

observe::AuditOptions options_of(const AuditConfig& config, std::string folder) {
  observe::AuditOptions options;
  options.directory = std::move(folder);
  options.sync = config.sync_commits ? observe::Sync::kEveryCommit : observe::Sync::kInterval;
  options.keep_bytes = static_cast<uint64_t>(config.max_bytes);
  options.keep_ms = config.max_age_ms;
  options.replace_lost = config.replace_lost;
  return options;
}

template <class Work>
Status guarded(Work work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) { return Status::out_of_memory(); }
}

int64_t now_ms() { return system_clock().monotonic_ns() / kNanosPerMilli; }

}  // namespace

Audit::Audit(Setup setup) : setup_(std::move(setup)) {
  if (setup_.store == nullptr) return;
  keys_.emplace(*setup_.store, *setup_.secrets);
  anchor_.emplace(*setup_.store);
  observe::AuditOptions options = options_of(setup_.config, audit_folder(setup_.home));
  options.anchor = &*anchor_;
  options.redact = [screening = setup_.screening](std::string_view given) {
    std::string text(given);
    Redaction(screening->current()).clean(text, Author::kForeign);
    return text;
  };
  const auto complete = [this](observe::AuditOptions& open) { return keys_->fill(open.directory, open); };
  log_ = *observe::AuditLog::prepare(std::move(options), complete);  // which has what redacts
}

Audit::~Audit() { end_thread(); }

void Audit::end_thread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  const std::lock_guard lock(ending_);
  const bool from_inside =
      thread_.get_id() == std::this_thread::get_id();  // what it reports may stop a runtime
  if (thread_.joinable() && !from_inside) thread_.join();
}

// What the thread has still to say, of the configuration, is in the log before its head.
void Audit::finish() {
  if (!started_) return;
  end_thread();
  (void)guarded([this] {
    (void)sign();
    tell_problem();
    return ok_status();
  });
}

Status Audit::ensure_thread() {
  if (log_ == nullptr) return failed_precondition("no_audit_log", "this runtime has no audit log");
  if (started_) return ok_status();
  const std::lock_guard lock(mutex_);
  if (started_) return ok_status();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the host's
  Status status;
  try {
    thread_ = std::thread([this] { work(); });
    started_ = true;
  } catch (const std::system_error& error) {
    status = resource_exhausted("no_thread", error.what());
  } catch (const std::bad_alloc&) { status = Status::out_of_memory(); }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return status;
}

Status Audit::note(const Record& record, observe::AuditLog::Done done) noexcept {
  Status queued = guarded([&]() -> Status {
    Status ready = ensure_thread();
    if (ready.ok()) return log_->submit(record, std::move(done));
    if (log_ != nullptr) log_->count_lost(ready);
    return ready;
  });
  if (log_ == nullptr) return queued;
  if (queued.reason() == Status::out_of_memory().reason()) log_->count_lost(queued);
  wake_writer();
  return queued;
}

void Audit::wake_writer() noexcept {
  const uint32_t before = queued_.fetch_add(1);
  if (before != 0 && before + 1 != kMany) return;
  { const std::lock_guard lock(mutex_); }  // between the thread's look and its sleep
  wake_.notify_one();
}

void Audit::add_up(const Record& record) noexcept {
  const Status summed = guarded([&] { return sum(record); });
  if (!summed.ok()) note(record);
}

Status Audit::sum(const Record& record) {
  TAU_RETURN_IF_ERROR(ensure_thread());
  {
    const std::lock_guard lock(summing_);
    for (observe::KeptRecord& each : sums_) {
      if (!observe::same_texts(each.record(), record)) continue;
      each.set(Number::kCount_, each.record().number(Number::kCount_) + record.number(Number::kCount_));
      return ok_status();
    }
    if (sums_.size() >= kMostSums) return resource_exhausted("too_many_sums", "");
    sums_.emplace_back(record).set_time(system_clock().wall_ms());
  }
  wake_writer();
  return ok_status();
}

void Audit::hand_over_sums() noexcept {
  std::vector<observe::KeptRecord> sums;
  {
    const std::lock_guard lock(summing_);
    sums.swap(sums_);
  }
  for (const observe::KeptRecord& each : sums) {
    const Status queued = guarded([&] { return log_->submit(each.record()); });
    if (queued.reason() == Status::out_of_memory().reason()) log_->count_lost(queued);
  }
}

void Audit::hurry() noexcept {
  {
    const std::lock_guard lock(mutex_);
    hurry_ = true;
  }
  wake_.notify_one();
}

Status Audit::append(const Record& record) {
  TAU_RETURN_IF_ERROR(ensure_thread());
  hand_over_sums();
  Status status = log_->append(record);
  if (queued_.fetch_add(1) == 0) hurry();  // what it left due by time
  return status;
}

Status Audit::sign() {
  if (log_ == nullptr) return ensure_thread();
  if (!started_) return ok_status();
  {  // the head is to be of the same records whoever is quicker
    std::unique_lock lock(mutex_);
    begun_.wait(lock, [this] { return has_begun_; });
  }
  hand_over_sums();
  return log_->sign();
}

void Audit::policy_in_force(int64_t epoch) noexcept {
  const Status fresh = guarded([&] {
    const std::lock_guard lock(mutex_);
    if (policies_.size() >= kMostPolicies) policies_.clear();
    return policies_.insert(epoch).second ? ok_status() : Status(Code::kAlreadyExists, "known", "");
  });
  if (fresh.ok())
    note(Record(Kind::kPolicyChanged).set(Text::kAction, "in_force").set(Number::kPolicyEpoch, epoch));
}

void Audit::work() {
  (void)guarded([this] { return note_config(); });
  {
    const std::lock_guard lock(mutex_);
    has_begun_ = true;
  }
  begun_.notify_all();
  int64_t upkeep_ms = now_ms() + kUpkeepMs;
  int64_t watch_ms = 0;  // until then
  const auto called = [this] { return stop_ || queued_ > 0; };
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    if (now_ms() < watch_ms) {
      wake_.wait_for(lock, std::chrono::milliseconds(kUpkeepMs), called);
    } else {
      wake_.wait(lock, called);
    }
    if (!stop_ && queued_ > 0)
      wake_.wait_for(lock, kLinger, [this] { return stop_ || hurry_ || queued_ >= kMany; });
    last = stop_;
    hurry_ = false;
    const bool any = queued_.exchange(0) > 0;
    lock.unlock();
    Status status;
    if (any) {
      watch_ms = now_ms() + kWatchMs;
      hand_over_sums();
      status = guarded([this] { return log_->flush(); });
    }
    if (!last && now_ms() >= upkeep_ms) {
      (void)guarded([this] { return log_->maintain(); });
      upkeep_ms = now_ms() + kUpkeepMs;
    }
    (void)guarded([this] {
      tell_problem();
      return ok_status();
    });
    lock.lock();
    if (status.reason() == Status::out_of_memory().reason())
      queued_.fetch_add(1);  // what waits is there still
  }
}

// What a configuration says is not recorded, but that it is another one than the last time.
Status Audit::note_config() {
  const crypto::Digest now = crypto::blake2b(setup_.config_text());
  const std::string digest = crypto::hex(now);
  TAU_ASSIGN_OR_RETURN(const std::string before, setup_.store->load_mark(kAuditConfigMark));
  if (before == digest) return ok_status();
  const auto remember = [store = setup_.store, digest](const Status& written) {
    if (written.ok()) (void)guarded([&] { return store->store_mark(kAuditConfigMark, digest); });
  };
  return log_->submit(Record(Kind::kConfigChanged)
                          .set(Text::kAction, before.empty() ? "first_seen" : "changed")
                          .set(Hash::kArguments, now),
                      remember);
}

void Audit::tell_problem() {
  const observe::AuditStats stats = log_->stats();
  const Status& problem = stats.problem.ok() ? stats.head_problem : stats.problem;
  if (problem.reason() == problem_) return;
  problem_ = problem.reason();
  if (!problem.ok() && setup_.report) setup_.report(problem);
}

std::string Audit::describe() const {
  observe::AuditStats stats;
  if (log_ != nullptr)
    stats = log_->stats();
  else
    stats.problem = failed_precondition("no_audit_log", "this runtime has no audit log");
  std::string out;
  json::Writer w(out);
  w.begin_object()
      .field("folder", log_ != nullptr ? audit_folder(setup_.home) : std::string())
      .field("required", required());
  w.field("last_seq", static_cast<int64_t>(stats.last_seq)).field("lost", static_cast<int64_t>(stats.lost));
  w.field("problem", stats.problem.message()).field("head_problem", stats.head_problem.message());
  w.end_object();
  return out;
}

}  // namespace tau::runtime
