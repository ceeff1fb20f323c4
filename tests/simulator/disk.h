// The store of one simulated process: a writer with latency in front of the disk that all processes share. A
// crash loses what the writer had not committed; a failed commit poisons it.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "simulator/world.h"
#include "store/store.h"

namespace tau::sim {

enum class DiskFault : uint8_t { kNone, kCommitFailure, kDiskFull };

class SimStore final : public store::Store {
 public:
  // What the world does around a commit.
  struct Hooks {
    std::function<DiskFault()> fault;                    // of the commit that is about to happen
    std::function<void(const store::Batch&)> committed;  // before anybody is told
  };
  SimStore(store::Store& disk, SimLoop& loop, Rng& rng, int64_t latency_ns, Hooks hooks)
      : disk_(disk), loop_(loop), rng_(rng), latency_ns_(latency_ns), hooks_(std::move(hooks)) {}

  bool poisoned() const { return poisoned_; }
  bool waiting() const { return !queue_.empty(); }

  void append(store::Batch&& given, store::Done done) override;
  Status flush() override { return ok_status(); }
  StatusOr<std::vector<store::SessionRecord>> list_sessions(size_t limit, std::string_view after) override {
    return disk_.list_sessions(limit, after);
  }
  StatusOr<store::SessionRecord> load_session(std::string_view id) override { return disk_.load_session(id); }
  StatusOr<std::vector<store::JournalEntry>> load_lineage(std::string_view entry) override {
    return disk_.load_lineage(entry);
  }
  StatusOr<store::RunRecord> load_run(std::string_view id) override { return disk_.load_run(id); }
  StatusOr<std::vector<store::RunRecord>> list_runs(std::string_view id) override {
    return disk_.list_runs(id);
  }
  StatusOr<std::vector<store::JournalEntry>> load_journal(std::string_view id, int64_t from) override {
    return disk_.load_journal(id, from);
  }
  Status fork_session(std::string_view s, std::string_view e, const store::SessionRecord& f) override {
    return disk_.fork_session(s, e, f);
  }
  Status remove_session(std::string_view id) override { return disk_.remove_session(id); }
  StatusOr<store::Lease> acquire(const SharedString& r) override { return disk_.acquire(r); }
  Status release(const store::Lease& lease) override { return disk_.release(lease); }
  Status verify_chain(std::string_view id) override { return disk_.verify_chain(id); }
  store::StoreStats stats() const override { return disk_.stats(); }

 private:
  struct Waiting {
    store::Batch batch;
    store::Done done;
  };
  void commit();
  void fail(std::deque<Waiting> group, DiskFault fault);
  Status write(store::Batch batch);

  store::Store& disk_;
  SimLoop& loop_;
  Rng& rng_;
  const int64_t latency_ns_;  // at most
  Hooks hooks_;
  std::deque<Waiting> queue_;
  bool committing_ = false;
  bool poisoned_ = false;
};

}  // namespace tau::sim
