// The simulated world: a loop with a virtual clock, a store with latency and power cuts, a model and tools
// that misbehave. The driver, the engine and the executor above them are the real ones. Everything follows
// from one seed.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/driver.h"
#include "store/store.h"
#include "tool/tool.h"

namespace tau::sim {

// xorshift64*: small, fast, the same everywhere.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>((next() >> 11) % static_cast<uint64_t>(n)); }
  bool chance(int64_t percent) { return below(100) < percent; }

 private:
  uint64_t state_;
};

class SimClock final : public Clock {
 public:
  int64_t now_ns = 1'000'000'000;
  int64_t wall_offset_ms = 1'700'000'000'000;  // jumps
  int64_t monotonic_ns() override { return now_ns; }
  int64_t wall_ms() override { return wall_offset_ms + now_ns / kNanosPerMilli; }
};

class SimLoop final : public net::Loop {
 public:
  explicit SimLoop(SimClock& clock) : clock_(clock) {}
  void post(net::Task task) override { ready_.push_back(std::move(task)); }
  bool on_owner_thread() const override { return !foreign_; }
  int64_t now_ns() override { return clock_.now_ns; }
  net::TimerId set_timer(int64_t deadline_ns, net::Task task) override;
  void cancel_timer(net::TimerId id) override;

  // Runs one task, or lets time pass to the next timer. False when nothing is left.
  bool step();
  // Runs `f` as if on another thread.
  template <class F>
  void as_foreign_thread(F&& f) {
    foreign_ = true;
    f();
    foreign_ = false;
  }
  int64_t steps() const { return steps_; }

 private:
  SimClock& clock_;
  std::deque<net::Task> ready_;
  std::map<std::pair<int64_t, net::TimerId>, net::Task> timers_;
  std::map<net::TimerId, int64_t> deadlines_;
  net::TimerId last_timer_ = 0;
  int64_t steps_ = 0;
  bool foreign_ = false;
};

// A real memory store behind a writer with latency. A power cut loses what has not been committed.
class SimStore final : public store::Store {
 public:
  explicit SimStore(SimClock& clock) : disk_(store::make_memory_store(clock)) {}
  // What the process that owns the loop sees; replaced after a crash.
  void attach(SimLoop* loop, Rng* rng) { loop_ = loop, rng_ = rng; }
  void power_cut();
  void fail_next_commit() { fail_next_ = true; }
  bool poisoned() const { return poisoned_; }
  store::Store& disk() { return *disk_; }
  bool acknowledges_early = false;  // a planted defect, for the test of the tests

  void append(store::Batch batch, store::Done done) override;
  Status flush() override { return ok_status(); }
  StatusOr<std::vector<store::SessionRecord>> list_sessions(size_t limit, std::string_view after) override {
    return disk_->list_sessions(limit, after);
  }
  StatusOr<store::SessionRecord> load_session(std::string_view id) override {
    return disk_->load_session(id);
  }
  StatusOr<std::vector<store::JournalEntry>> load_lineage(std::string_view entry) override {
    return disk_->load_lineage(entry);
  }
  StatusOr<store::RunRecord> load_run(std::string_view id) override { return disk_->load_run(id); }
  StatusOr<std::vector<store::RunRecord>> list_runs(std::string_view id) override {
    return disk_->list_runs(id);
  }
  StatusOr<std::vector<store::JournalEntry>> load_journal(std::string_view id, int64_t from) override {
    return disk_->load_journal(id, from);
  }
  Status fork_session(std::string_view s, std::string_view e, const store::SessionRecord& f) override {
    return disk_->fork_session(s, e, f);
  }
  Status remove_session(std::string_view id) override { return disk_->remove_session(id); }
  StatusOr<store::Lease> acquire(std::string_view r) override { return disk_->acquire(r); }
  Status release(const store::Lease& lease) override { return disk_->release(lease); }
  Status verify_chain(std::string_view id) override { return disk_->verify_chain(id); }
  store::StoreStats stats() const override { return disk_->stats(); }

 private:
  struct Waiting {
    store::Batch batch;
    store::Done done;
  };
  void commit();

  std::unique_ptr<store::Store> disk_;
  SimLoop* loop_ = nullptr;
  Rng* rng_ = nullptr;
  std::deque<Waiting> queue_;
  bool committing_ = false;
  bool fail_next_ = false;
  bool poisoned_ = false;
  uint64_t generation_ = 0;
};

// What really happened outside, whatever crashed: the oracle.
struct Ledger {
  std::map<std::string, int> effects;  // call id -> how often its tool acted
  std::set<std::string> repeatable;    // calls of idempotent tools
  std::vector<std::string> violations;
  std::set<std::string> accepted;               // op ids that were acknowledged
  std::map<std::string, std::string> op_texts;  // op id -> what was said
  int terminal_events = 0;
  std::string terminal_json;
};

// Faults and the phases that they hit, for coverage.
enum class Fault : uint8_t {
  kCrash,
  kCommitFailure,
  kModelError,
  kModelHang,
  kToolError,
  kToolHang,
  kToolDropsReply,
  kToolAnswersTwice,
  kCancel,
  kSteer,
  kMessage,
  kApprovalDenied,
  kApprovalUnanswered,
  kClockJump,
  kSlowReader,
  kCount
};
enum class When : uint8_t { kModel, kTools, kApproval, kCommitting, kCount };
std::string_view fault_name(Fault fault);
std::string_view when_name(When when);
using Coverage =
    std::array<std::array<int64_t, static_cast<size_t>(When::kCount)>, static_cast<size_t>(Fault::kCount)>;

struct Outcome {
  std::vector<std::string> violations;
  int64_t steps = 0;
  int crashes = 0;
  std::string log;  // one line per event, for a person
};

struct Options {
  bool acknowledge_early = false;  // plants a store that lies about durability
};

// One run of one session from start to its end, through any number of crashes.
Outcome simulate(uint64_t seed, const Options& options, Coverage& coverage);

}  // namespace tau::sim
