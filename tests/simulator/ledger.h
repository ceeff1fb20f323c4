// What really happened outside, whatever crashed, and what was promised: the oracle.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "runtime/conversation.h"
#include "simulator/world.h"
#include "store/store.h"
#include "tool/tool.h"

namespace tau::sim {

inline constexpr std::string_view kRun = "run_sim";
inline constexpr std::string_view kSession = "ses_sim";
inline constexpr std::string_view kLeaseOf = "session:ses_sim";

// Of the whole simulation.
class Ledger {
 public:
  Ledger(SimClock& clock, store::Store& disk) : clock_(clock), disk_(disk) {}

  void violate(std::string what) { violations_.push_back(std::move(what)); }
  const std::vector<std::string>& violations() const { return violations_; }

  // What the host said and heard.
  void said(const std::string& op_id, std::string text) { op_texts_[op_id] = std::move(text); }
  void gave_result(const std::string& op_id, const std::string& call_id) { result_ops_[op_id] = call_id; }
  void answered(const std::string& call_id, bool allow);
  void answer_refused(const std::string& call_id) { answered_ns_.erase(call_id); }
  void rebooted();
  void accepted(const std::string& op_id);
  void owe(std::string text) { owed_texts_.push_back(std::move(text)); }
  bool promised() const { return !accepted_.empty() || ended_; }
  bool promised_end() const { return ended_; }

  // What policy and tools did.
  void decided(const std::string& call_id, tool::Decision decision) { decisions_[call_id] = decision; }
  void acts(const tool::Call& call, const tool::Manifest& manifest);

  // What reached the disk, in the moment it did.
  void committed(const store::Batch& batch);
  bool run_is_over() const;
  void run_ended() { ended_ = true; }

  // When all is over.
  void check_end(const agent::Limits& limits);
  void check_memory(const runtime::Conversation& conversation);

 private:
  void committed_row(const store::JournalRow& row);
  void check_conversation(const std::vector<store::JournalEntry>& lineage);
  void check_spending(const store::RunRecord& run, const store::SessionRecord& session,
                      const std::vector<store::JournalEntry>& journal, const agent::Limits& limits);
  void check_replay(const std::vector<store::JournalEntry>& journal);
  void check_texts(const std::string& text);

  SimClock& clock_;
  store::Store& disk_;
  std::vector<std::string> violations_;
  std::map<std::string, int> effects_;               // call id -> how often its tool acted
  std::map<std::string, tool::Decision> decisions_;  // of policy, by call id
  std::map<std::string, int64_t> answered_ns_;       // when the host answered an approval
  std::set<std::string> approved_;
  std::set<std::string> accepted_;                 // op ids that were acknowledged
  std::map<std::string, std::string> op_texts_;    // op id -> what was said
  std::map<std::string, std::string> result_ops_;  // op id -> call whose result it gave
  std::vector<std::string> owed_texts_;            // of broken-off answers, as the host saw them
  std::set<std::string> durable_ops_;
  std::set<std::string> durable_answers_;  // to approvals, by call id
  std::set<std::string> durable_verdicts_;
  std::set<std::string> durable_results_;
  bool ended_ = false;
};

// What the host of one process saw of the run.
class View {
 public:
  View(Ledger& ledger, SimClock& clock, const agent::Limits& limits)
      : ledger_(ledger), clock_(clock), limits_(limits), boot_ns_(clock.now_ns) {}

  void event(const agent::Event& event);
  void delta(agent::EventKind kind, std::string_view text);
  void called_model(std::string_view request_id, std::string_view body);
  void tool_starts(const tool::Call& call, const tool::Manifest& manifest);
  void tool_ended(const std::string& call_id);
  void lag(int64_t ns) { lag_ns_ += ns; }  // the host made the run wait
  void resumed() { resumed_ = true; }
  void paused() { paused_ = true; }  // the process does not run all the time: nothing is in time

  const std::set<std::string>& waiting_approvals() const { return waiting_; }
  void approval_answered(const std::string& call_id) { waiting_.erase(call_id); }
  bool tools_run() const { return !running_.empty(); }
  bool streaming() const { return !shown_.empty(); }
  bool ended() const { return terminal_events_ > 0; }
  const std::string& end_reason() const { return end_reason_; }
  // The terminal event is one that the disk knows.
  void check_end();

 private:
  void result(const agent::Event& event);
  void message(const agent::Event& event);
  void done(const agent::Event& event);

  Ledger& ledger_;
  SimClock& clock_;
  const agent::Limits& limits_;
  int64_t boot_ns_;
  int64_t lag_ns_ = 0;
  bool paused_ = false;
  bool resumed_ = false;
  int terminal_events_ = 0;
  std::string end_reason_;
  std::string shown_;                        // text of the current answer so far
  std::deque<std::string> expected_;         // results to come, in the order of their calls
  std::map<std::string, int64_t> asked_ns_;  // approvals
  std::set<std::string> waiting_;            // approvals without an answer
  struct Running {
    bool parallel = false;
    int64_t until_ns = 0;
  };
  std::map<std::string, Running> running_;                 // tools at work
  std::map<std::string, uint64_t, std::less<>> requests_;  // id -> digest of the body
};

}  // namespace tau::sim
