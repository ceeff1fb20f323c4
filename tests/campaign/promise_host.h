// A host program that plays agent runs through the C API and keeps count of what it was promised and of what
// its tools did: the oracle of campaigns that cut the power.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tau/tau.h"

namespace tau::campaign {

// What the world has seen so far, whatever the disk says.
struct Promise {
  std::set<std::string> said;          // texts of messages that were acknowledged
  std::set<std::string> results;       // of tool calls, acknowledged
  std::set<std::string> ended;         // runs whose terminal event was delivered
  std::map<std::string, int> effects;  // call id -> how often its tool acted; not of idempotent tools

  std::string to_text() const;
  static Promise from_text(const std::string& text);
};

class PromiseHost {
 public:
  // Opens the runtime over a home; `why()` says why when it fails.
  bool open(const std::string& home);
  ~PromiseHost();
  PromiseHost() = default;
  PromiseHost(const PromiseHost&) = delete;
  PromiseHost& operator=(const PromiseHost&) = delete;

  // Plays a prompt to its end.
  bool play(const std::string& prompt);
  // Resumes the run that was cut off, if there is one, and plays it to its end.
  bool finish_open_run();
  // Empty when the home keeps the promise that was made before the power went, else what is wrong. Plays on.
  std::string judge(const Promise& before);

  Promise promise();
  const std::string& why() const { return why_; }

 private:
  bool run(tau_run* run);
  void answer(tau_run* run, tau_queue* queue, const tau_event& event);
  void act(tau_run* run, const tau_event& event);
  void submit(tau_run* run, const std::string& op);
  bool failed(const char* what, tau_error* err);
  std::string open_run();
  std::string conversation();

  tau_runtime* runtime_ = nullptr;
  tau_agent* agent_ = nullptr;
  tau_session* session_ = nullptr;
  std::mutex mutex_;
  Promise promise_;                           // under mutex_
  std::map<std::string, std::string> asked_;  // op id -> what its acknowledgement promises
  std::string why_;
  std::vector<std::string> runs_;
  std::string repeated_;
  int next_op_ = 0;
};

}  // namespace tau::campaign
