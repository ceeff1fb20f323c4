// ProbeWorld: what escape_probes.c tries to reach, made for one user in the process of that user.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
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
  // How often the probe "race" tries.
  void set_rounds(int rounds) { rounds_ = rounds; }
  // What commands reach; without it nothing.
  void set_network(NetworkAccess network) { network_ = network; }
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
  int rounds_ = 0;
  NetworkAccess network_ = NetworkAccess::kNone;
  int port_ = 0;
  int shared_memory_ = -1;
  std::vector<int> listeners_;
};

// What `body` writes when it runs in a child that is this user.
std::string as_user(uid_t uid, const std::function<std::string()>& body);
// root and nobody; or just who we are.
std::vector<uid_t> users();

struct Setting {
  Mechanism mechanism;
  uid_t uid;
};
// Every mechanism for every user.
std::vector<Setting> settings();
std::string name_of(const Setting& setting);
// Why this cannot be tested here; empty when it can.
std::string defect_of(const Setting& setting);

std::unique_ptr<Launcher> launcher_for(const ProbeWorld& world, Mechanism mechanism);

}  // namespace tau::os::test
