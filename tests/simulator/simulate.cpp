#include "simulator/simulate.h"

#include "simulator/process.h"

namespace tau::sim {
namespace {

constexpr int kMaxSteps = 6'000;
constexpr int kMaxCrashes = 4;

class Simulation {
 public:
  Simulation(uint64_t seed, Coverage& coverage, bool trace) : world_(seed, coverage, trace) {}

  Outcome run() {
    current_ = std::make_unique<Process>(world_, lease());
    current_->begin();
    bool alive = true;
    for (int i = 0; i < kMaxSteps && alive; ++i) alive = turn();
    if (alive) world_.ledger.violate("the run does not end");
    world_.ledger.check_end(world_.plan.limits);
    retire(std::move(old_));
    retire(std::move(current_));
    return {world_.ledger.violations(), steps_, crashes_, std::move(world_.log)};
  }

 private:
  // False when the run is over.
  bool turn() {
    if (crashes_ < kMaxCrashes && world_.rng.below(rate()) == 0) return crash();
    turn_old();
    current_->act();
    if (!current_->ended() && !current_->step()) {
      world_.ledger.violate("the run hangs");
      return false;
    }
    if (!current_->ended()) return true;
    if (current_->poisoned() && !world_.ledger.run_is_over()) return reopen();
    current_->check_leftovers();
    return false;
  }

  int64_t rate() const {
    switch (current_->phase()) {
      case When::kStopping: return 12;
      case When::kApproval: return 80;
      case When::kStreaming: return 250;
      default: return 300;
    }
  }

  // A process that lost the session goes on for a while and does not know it.
  void turn_old() {
    if (old_ == nullptr || old_->next_ns() > current_->next_ns() || !world_.rng.chance(30)) return;
    if (old_->ended() || !old_->step()) retire(std::move(old_));
  }

  bool crash() {
    ++crashes_;
    const bool lives_on = world_.rng.chance(40);
    current_->note(lives_on ? Fault::kTakeover : Fault::kCrash);
    if (lives_on) {
      current_->retire();
      retire(std::exchange(old_, std::move(current_)));
      // Whatever it has on the way to the disk comes too late.
    }
    return replace();
  }

  // The disk failed, the program noticed and opens the store again.
  bool reopen() {
    ++crashes_;
    world_.trace("the store is opened again");
    return replace();
  }

  bool replace() {
    retire(std::move(current_));
    current_ = std::make_unique<Process>(world_, lease());
    return current_->recover();
  }

  store::Lease lease() {
    if (lease_.epoch != 0 && !world_.disk->release(lease_).ok()) world_.ledger.violate("no lease to expire");
    auto lease = world_.disk->acquire(kLeaseOf);
    if (!lease.ok()) world_.ledger.violate("no lease to have");
    return lease_ = lease.ok() ? *lease : store::Lease();
  }

  void retire(std::unique_ptr<Process> process) {
    if (process != nullptr) steps_ += process->steps();
  }

  World world_;
  store::Lease lease_;
  std::unique_ptr<Process> current_;
  std::unique_ptr<Process> old_;
  int crashes_ = 0;
  int64_t steps_ = 0;
};

}  // namespace

Outcome simulate(uint64_t seed, Coverage& coverage, bool trace) {
  return Simulation(seed, coverage, trace).run();
}

}  // namespace tau::sim
