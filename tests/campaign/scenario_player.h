// Plays a scenario of tests/scenarios through the C API while memory fails, and watches the rules that hold
// then: a call or a run tells of the failure or all is as without it; a run ends once; nothing follows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tau/tau.h"

namespace tau::campaign {

// The lines of a file of scenarios.py.
struct Scenario {
  struct Tool {
    std::string name;
    std::string parameters;
    std::string answer;  // JSON
    std::string reason;  // of an error
    tau_tool_effect effect = TAU_EFFECT_PURE;
    tau_tool_flags flags = 0;
    bool invoked = false;  // the host's function, where threads may call one; else answered by an op
    bool error = false;
  };
  struct Run {
    std::string prompt;
    std::string options;
    int64_t deadline_ms = 0;
    bool quiet = false;
  };
  struct Rule {
    bool once = false;
    std::string event;
    std::string op;
  };
  std::string name;
  std::string agent;
  std::vector<Tool> tools;
  std::vector<Run> runs;
  std::vector<Rule> rules;
};
Scenario read_scenario(const std::string& path);

// How failures come, and so what a host can expect of a call that is made again.
enum class Shortage {
  kNone,
  kOnce,    // one allocation fails: who calls again succeeds
  kLasting  // all fail until the play is over: every run that began still ends, and says so
};

struct Story {
  std::string transcript;          // every event, without what differs from play to play
  int told = 0;                    // calls and runs that told of a lack of memory
  std::vector<std::string> wrong;  // rules that did not hold
};

// A status with its error looked at, on the test's side of the door.
struct Answer {
  tau_status status = TAU_OK;
  std::string reason;
  bool out_of_memory() const { return status == TAU_RESOURCE_EXHAUSTED && reason == "out_of_memory"; }
};

class ScenarioPlayer {
 public:
  // `invoke`: tools whose answers come from functions get one.
  ScenarioPlayer(tau_runtime* runtime, const Scenario& scenario, Shortage shortage, bool invoke);
  ~ScenarioPlayer();
  ScenarioPlayer(const ScenarioPlayer&) = delete;
  ScenarioPlayer& operator=(const ScenarioPlayer&) = delete;

  Story play();

 private:
  struct Now;  // of the run that is being played
  bool open();
  bool add_tools();
  void play_run(const Scenario::Run& wanted);
  void follow(Now& now);
  void take(Now& now, const tau_event& event);
  void end_of_run(Now& now, const std::string& body);
  void after_the_end(Now& now);
  void obey(Now& now, const tau_event& event);
  void answer_call(Now& now, const tau_event& event);
  void submit(Now& now, std::string op, const std::string& call_id);
  void wrong(const std::string& what);
  template <class F>
  Answer call(const char* what, F&& f);

  tau_runtime* const runtime_;
  const Scenario& scenario_;
  const Shortage shortage_;
  const bool invoke_;
  tau_agent* agent_ = nullptr;
  tau_session* session_ = nullptr;
  Story story_;
};

// A run that waits for its host while another one meets its failure, and that must not be touched by it.
class Bystander {
 public:
  explicit Bystander(tau_runtime* runtime);
  ~Bystander();
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  // Empty, or what went wrong.
  std::string finish();

 private:
  std::string wait_for(tau_event_kind kind, std::string* call_id, std::string* body);
  tau_agent* agent_ = nullptr;
  tau_session* session_ = nullptr;
  tau_run* run_ = nullptr;
  std::string call_id_;
  std::string wrong_;
};

}  // namespace tau::campaign
