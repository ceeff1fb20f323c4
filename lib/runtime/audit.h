// The audit log of a home, as the runtime writes it: records are queued by whoever has something to tell, and
// written by a thread of its own, so that no loop waits for a disk, a lock or a scanner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/base.h"
#include "observe/observe.h"
#include "runtime/audit_keys.h"
#include "runtime/config.h"
#include "runtime/vault_source.h"
#include "safety/safety.h"
#include "store/store.h"

namespace tau::runtime {

inline std::string audit_folder(std::string_view home) { return std::string(home) + "/audit"; }

// A mark of the database: a digest of the configuration that was recorded last.
inline constexpr std::string_view kAuditConfigMark = "audit.config";

// Any thread. Nothing is touched on the disk, and no thread started, before the first record.
class Audit final {
 public:
  struct Setup {
    AuditConfig config;
    std::string home;
    std::function<std::string()> config_text;  // as it is told to hosts; only its digest is recorded
    std::shared_ptr<const safety::Screening> screening;
    store::Store* store = nullptr;  // outlives this; null: there is no log, and what is noted fails
    std::shared_ptr<VaultSource> secrets;
    std::function<void(const Status& problem)> report;  // on the writing thread, when a problem is new
  };
  explicit Audit(Setup setup);
  // Writes what waits. Not in a forked child: there it is left as it is.
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  // Whether calls that are not pure need their record.
  bool required() const { return setup_.config.required; }

  // Never waits. What cannot be queued is counted; the log tells how many were lost.
  void note(const observe::Record& record) noexcept { (void)note(record, nullptr); }
  // `done` is called once the record is in the log, or lost; not when this fails.
  Status note(const observe::Record& record, observe::AuditLog::Done done) noexcept;
  // As note(), for what may come thousands of times a second: records that say the same but for their count,
  // and come before the thread writes, become one.
  void add_up(const observe::Record& record) noexcept;
  // Somebody waits for what was noted: it is written at once.
  void hurry() noexcept;
  // Waits until the record is in the log; as AuditLog::append().
  Status append(const observe::Record& record);
  // Waits until all that was noted is in the log, under a head.
  Status sign();
  // As sign(), and the thread ends: nothing is written any more but what is noted later, at the very end.
  // Harmless twice.
  void finish();

  // A policy that runs are held to: recorded when it was not seen before.
  void policy_in_force(int64_t epoch) noexcept;

  // {"folder","required","last_seq","lost","problem","head_problem"}
  std::string describe() const;

 private:
  Status ensure_thread();
  void end_thread();
  void work();
  void wake_writer() noexcept;
  Status sum(const observe::Record& record);
  void hand_over_sums() noexcept;
  Status note_config();
  void tell_problem();

  const Setup setup_;
  // Before the log, which uses them to its end.
  std::optional<AuditKeys> keys_;
  std::optional<HeadMark> anchor_;
  std::unique_ptr<observe::AuditLog> log_;  // null: there is none
  std::thread thread_;
  std::string problem_;  // the reason of what was reported last; of the thread

  std::atomic<bool> started_{false};
  std::atomic<uint32_t> queued_{0};  // records since the thread looked
  mutable std::mutex mutex_;         // of what follows
  std::condition_variable wake_;
  std::condition_variable begun_;
  bool has_begun_ = false;  // what the thread notes first is noted
  bool stop_ = false;
  bool hurry_ = false;
  std::set<int64_t> policies_;
  std::mutex ending_;  // of who waits for the end of the thread
  std::mutex summing_;
  std::vector<observe::KeptRecord> sums_;  // what was added up since the thread wrote
};

}  // namespace tau::runtime
