// A folder that is watched: what changes in it is memories soon after. Private to the module.
//
// FolderWatch is the steps, without a thread: it waits for hints, lets paths get quiet, and looks at them. It
// begins with everything, so that what happened while nobody watched is taken, too. Where there are no hints,
// it looks at everything again and again. Watching runs it on a thread of its own, which holds the runtime
// only while it looks at something.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "memory/memory.h"
#include "os/os.h"
#include "runtime/departure.h"
#include "runtime/memory_ingest.h"

namespace tau::runtime {

struct WatchAsk {
  IngestAsk ingest;  // its path is absolute
  memory::WatchTiming timing;
  int64_t poll_ms = 10'000;  // from the end of one look at everything to the next, where there are no hints
};

class FolderWatch final : private IngestListener {
 public:
  static constexpr size_t kMostChanges = 1000;  // that are kept

  FolderWatch(WatchAsk asked, std::unique_ptr<os::FolderEvents> events, Clock& clock);

  // Owner thread. Waits for hints, no longer than until something is due. Whether there were any.
  bool wait();
  bool is_due() const;
  // At all that is due. Whether memories changed.
  bool look(Memory& memory);
  // It will not look at anything any more, and why.
  void end(Status why);

  // Any thread. Ends a wait at once, and a look between two files or while somebody else is waited for.
  void stop();
  bool stopped() const { return stop_; }
  bool is_over() const;  // it looks at nothing any more
  const std::string& path() const { return asked_.ingest.path; }
  // Waits for a change with a number above `after`, or for the end.
  void wait_change(int64_t after, int64_t timeout_ms) const;
  // Its members, into an object. `changes`: with those above `after`.
  void write(json::Writer& w, bool changes, int64_t after) const;

 private:
  struct Error {
    std::string path;
    std::string reason;
    std::string message;
    int64_t time_ms = 0;
  };
  struct Change {
    int64_t number = 0;
    int64_t time_ms = 0;
    IngestChange change;
  };
  void enters(std::string_view folder) override;
  bool takes(const std::string& path, const os::FileInfo& info) override;
  void changed(IngestChange change) override;

  int64_t now_ms() const { return clock_.monotonic_ns() / kNanosPerMilli; }
  Status look_at(Memory& memory, const memory::WatchQueue::Due& due);
  void failed(const memory::WatchQueue::Due& due, const Status& status);
  void poll_again(int64_t took_ms);
  void count(const Ingesting& ingesting);
  std::string_view state() const;

  WatchAsk asked_;
  const std::unique_ptr<os::FolderEvents> events_;
  Clock& clock_;
  std::atomic<bool> stop_{false};
  // Of the owner thread.
  memory::WatchQueue queue_;
  Status unwatched_;                            // of the look that goes on: why there are no hints
  std::map<std::string, int64_t> unsettled_;    // files that are written: since when they are passed over
  std::map<std::string, std::string> failing_;  // reasons that were told
  int failures_ = 0;                            // in a row, of the folder or the store
  const Ingesting* going_ = nullptr;            // the look that goes on
  bool wrote_ = false;

  mutable std::mutex mutex_;  // of what follows
  mutable std::condition_variable news_;
  Status polls_;  // why it does; OK: there are hints
  Status failure_;
  Status ended_;
  bool over_ = false;
  bool scanned_ = false;
  int64_t poll_ms_ = 0;  // that is kept
  int64_t backlog_ = 1;
  IngestCounts counts_;        // of looks that are over
  IngestCounts going_counts_;  // of the one that goes on, up to its last change
  int64_t questions_ = 0;
  int64_t extracted_ = 0;
  Status extract_problem_;
  std::optional<Error> last_error_;
  std::deque<Change> changes_;
  int64_t number_ = 0;
};

class Watching final {
 public:
  // FAILED_PRECONDITION "no_workers" where the runtime has no threads; RESOURCE_EXHAUSTED "no_thread".
  static StatusOr<std::shared_ptr<Watching>> start(Memory& memory, WatchAsk asked);
  Watching(Memory& memory, WatchAsk asked, std::unique_ptr<os::FolderEvents> events);

  const std::string& id() const { return id_; }
  FolderWatch& watch() { return watch_; }
  // Any thread. Never waits: the thread ends on its own, and the end of the process waits for it.
  void stop();
  bool wait_ended(int timeout_ms);

 private:
  static void run(std::shared_ptr<Watching> self);
  void work();
  bool turn();

  const std::string id_;
  const std::weak_ptr<Runtime> runtime_;
  const memory::Reach reach_;
  const std::optional<Labels> labels_;
  FolderWatch watch_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  bool ended_ = false;
  std::optional<Departure> departure_;  // from stop() to the end of the thread
};

// Those of one handle; they end with it. Any thread.
class MemoryWatches {
 public:
  static constexpr size_t kMost = 16;
  StatusOr<std::string> add(Memory& memory, WatchAsk asked);
  StatusOr<std::shared_ptr<Watching>> find(std::string_view id) const;
  std::vector<std::shared_ptr<Watching>> all() const;
  void remove(const std::shared_ptr<Watching>& watching);
  void stop();

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Watching>> watches_;
};

}  // namespace tau::runtime
