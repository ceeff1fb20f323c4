// ProbeWorld: what escape_probes.c tries to reach, made for one user in the process of that user.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/launcher.h"

namespace tau::os::test {

struct ProbeResult {
  std::string probe;
  int status = -1;      // escape_probes' exit status; 128 + signal; -1: not started
  std::string message;  // why not started, or what changed outside
};

class ProbeWorld {
 public:
  // Files under /var/tmp, which no private /tmp covers; listeners, and a victim. Aborts when it cannot be
  // made.
  ProbeWorld();
  ~ProbeWorld();
  ProbeWorld(const ProbeWorld&) = delete;
  ProbeWorld& operator=(const ProbeWorld&) = delete;

  // Everything in its first state; before each probe.
  void reset() const;
  // Without any helper: what a program of this user can do.
  ProbeResult run_free(const std::string& probe) const;
  // The demand in full, so that a refusal says what is missing; `accept_gaps` to run all the same.
  LaunchSpec spec(const std::string& probe, bool accept_gaps) const;
  ProbeResult run_confined(const Launcher& launcher, const std::string& probe, bool accept_gaps) const;
  // Names, contents and modes of all that lies outside the workspace, and of what the rules keep inside it.
  std::string snapshot() const;

  std::string file(const std::string& name) const { return dir_ + "/" + name; }
  std::string helper() const { return file("bin/tau-exec"); }

 private:
  std::vector<std::string> arguments(const std::string& probe) const;

  std::string dir_;
  pid_t victim_ = 0;
  int secret_fd_ = -1;
  int port_ = 0;
  int shared_memory_ = -1;
  std::vector<int> listeners_;
};

}  // namespace tau::os::test
