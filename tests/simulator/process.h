// One simulated process: the real driver, executor, HTTP model and decoders over a loop, a store and a
// network that are simulated, and a host program that acts at random.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "provider/provider.h"
#include "runtime/driver.h"
#include "simulator/coverage.h"
#include "simulator/disk.h"
#include "simulator/ledger.h"
#include "simulator/transport.h"
#include "simulator/world.h"

namespace tau::sim {

// What differs between simulations as a whole.
struct Plan {
  const wire::Dialect* dialect = nullptr;
  agent::Limits limits;
  int fault_percent = 0;  // of attempts at model calls
  int64_t disk_latency_ns = 0;
  int turns = 0;  // after which the model stops calling tools
  runtime::QuarantineConfig quarantine;
};

// What all processes of a simulation share.
struct World {
  World(uint64_t seed, Coverage& c, bool trace_on);
  void trace(const char* what, std::string_view detail = {});

  Rng rng;
  SimClock clock;
  std::unique_ptr<store::Store> disk;
  Ledger ledger;
  Coverage& coverage;
  Plan plan;
  int next_op = 0;
  int next_call = 0;
  int next_text = 0;
  int turns_left = 0;
  DiskFault disk_fault = DiskFault::kNone;  // of the next commit
  bool tracing = false;
  std::string log;
};

class Process {
 public:
  Process(World& world, store::Lease lease);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void begin();
  // What a new process finds: the last durable state. False when the run is over.
  bool recover();
  // The host does something, or nothing.
  void act();
  bool step();
  // It goes on, but another process owns the session now.
  void retire() {
    retired_ = true;
    view_.paused();
  }

  When phase() const;
  void note(Fault fault) { hit(fault); }
  bool ended() const { return ended_; }
  bool poisoned() const { return store_->poisoned(); }
  const std::string& end_reason() const { return view_.end_reason(); }
  const runtime::SessionState& session() const { return *session_; }
  const store::Lease& lease() const { return session_->lease; }
  int64_t next_ns() { return loop_.next_ns(); }
  int64_t steps() const { return loop_.steps(); }
  // Nothing may be left of a run that ended.
  void check_leftovers();

 private:
  void check_held(const std::vector<store::JournalEntry>& lineage);
  class Tools;
  class Output;
  class Policy;
  class Audit;
  class OneThread;
  friend class Tools;

  void make_driver();
  std::unique_ptr<tool::Executor> make_executor(const tool::Registry& registry, tool::HostCalls& host);
  void add_tools();
  Script answer(const net::HttpRequest& request);
  wire::Response invent_answer();
  void race(Fault fault);
  void hit(Fault fault);
  DiskFault next_disk_fault();
  void emit(const agent::Event& event);
  void answer_approval();
  void answer_host_call();
  void misbehave(int64_t what);
  void op(agent::HostOp::Kind kind, bool acknowledge);
  void spoil_disk(DiskFault fault);
  void stale_answer();
  void cancel();
  void park();
  bool busy() const;

  World& world_;
  SimLoop loop_;
  View view_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<SimHttp> http_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Output> output_;
  std::unique_ptr<OneThread> workers_;
  std::shared_ptr<tool::Registry> registry_;
  std::vector<std::shared_ptr<Tools>> tools_;
  std::unique_ptr<provider::Model> model_;
  std::shared_ptr<runtime::SessionState> session_;
  std::shared_ptr<runtime::Driver> driver_;
  std::set<std::string> host_calls_;
  std::set<std::string> silent_;  // approvals that the host will not answer
  bool retired_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  bool settled_ = false;  // on_last came
  bool calling_ = false;  // the model was asked and has not answered
  bool racing_ = false;
  bool parked_ = false;  // the host does not read
};

}  // namespace tau::sim
