// Launcher: starts child processes through the helper program tau-exec, so that none ever outlives its use.
//
// The helper is a subreaper between the host and the command. It kills and reaps every descendant of the
// command (double-forked and setsid ones too) when the command ends, when the host asks, and when the host
// dies by any means; then it reports. The exit status comes through a pipe, so it is right even in hosts that
// ignore SIGCHLD or call waitpid(-1). libtau installs no signal handler and waits for nobody else's children.
//
// With a Confinement (confinement.h) the helper also confines the command; what is demanded and cannot be had
// is refused, never left out in silence. Limits: an unconfined command that kills the helper itself (same
// user) escapes its end. Commands run with no_new_privs, so set-user-id programs gain nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "os/confinement.h"
#include "os/fd.h"

namespace tau::os {

struct ConfinementPlan;

struct ProcessLimits {  // 0: not limited by us; core dumps are always off
  uint64_t cpu_seconds = 0;
  uint64_t address_space_bytes = 0;
  uint64_t file_size_bytes = 0;
  uint64_t open_files = 0;
  uint64_t processes = 0;  // of the user, or those in the namespace under bubblewrap; not enforced for root
};

struct LaunchSpec {
  std::vector<std::string> argv;  // argv[0] holds a '/', or is searched in the PATH of `env`
  std::vector<std::string> env;   // "NAME=value"; all there is, nothing is inherited
  Fd cwd;                         // from Workspace::open_directory; required
  enum class Stdin : uint8_t { kNull, kData, kPipe } stdin_mode = Stdin::kNull;
  std::string stdin_data;     // for kData; the command reads it from a file in memory
  bool merge_output = false;  // stderr joins the stdout pipe, in order of arrival
  ProcessLimits limits;
  // Under a profile but kFull, TMPDIR of `env` gives way to a directory that only this command has.
  Confinement confinement;
};

struct ExitReport {
  int exit_code = -1;  // when signal is 0
  int signal = 0;
  bool stopped_by_host = false;  // terminate() or kill() came before the command had ended
  int descendants_killed = 0;    // processes that had outlived the command or died with the request
  int64_t user_cpu_us = 0;       // of the command and what it waited for
  int64_t system_cpu_us = 0;
  int64_t max_rss_bytes = 0;
};

// A command that runs or has run. One thread at a time. Descriptors are close-on-exec and nonblocking; they
// stay open until close_* or the destructor. Destroying a Process that still runs kills it and waits for the
// helper.
class Process {
 public:
  Process(Process&&) noexcept = default;
  Process& operator=(Process&&) = delete;
  ~Process();

  int status_fd() const { return status_.get(); }  // readable when read_report() has an answer
  int stdout_fd() const { return stdout_.get(); }
  int stderr_fd() const { return stderr_.get(); }  // -1 when merged
  int stdin_fd() const { return stdin_.get(); }    // -1 unless Stdin::kPipe
  int pid_fd() const { return pid_fd_.get(); }     // of the helper: readable when it is gone
  const Enforcement& enforcement() const { return enforcement_; }
  // Under NetworkAccess::kProxy; else -1. Readable when take_listener() has an answer.
  int listener_fd() const { return listener_.get(); }
  // The listening socket of the command's own network, nonblocking: who accepts from it is the command's
  // proxy, and reaches that network through what it accepts. UNAVAILABLE "not_yet"; FAILED_PRECONDITION
  // "no_listener" when there will be none. Once.
  StatusOr<Fd> take_listener();
  // How many bytes were taken: 0 when the command does not read at the moment (watch stdin_fd() for
  // EPOLLOUT). FAILED_PRECONDITION "stdin_closed" when it never will. Raises no SIGPIPE.
  StatusOr<size_t> write_stdin(std::string_view bytes);
  void close_stdin() { stdin_.reset(); }
  void close_stdout() { stdout_.reset(); }
  void close_stderr() { stderr_.reset(); }

  // SIGTERM to the command's process group, and kill() after `grace_ms` if it has not ended by then.
  void terminate(int grace_ms);
  // SIGKILL to every descendant, now. The report follows when all are dead.
  void kill();

  // Never blocks for the command: UNAVAILABLE "still_running" until status_fd() is readable. The command
  // could not be executed: NOT_FOUND "command_not_found" or the errno; it could not be confined:
  // FAILED_PRECONDITION "sandbox_unavailable". ABORTED "helper_died": somebody killed the helper, the fate of
  // the command is unknown. Gives the same answer when asked again.
  StatusOr<ExitReport> read_report();

 private:
  friend class Launcher;
  Process() = default;
  void send(int32_t kind, int32_t argument);
  void reap(int timeout_ms);

  Fd status_, stdout_, stderr_, stdin_, pid_fd_;
  Fd listener_;  // what the listener comes through, once
  Fd lifeline_;  // the helper reads requests from it; end of file means kill
  std::string command_;
  Enforcement enforcement_;
  // Deleted when the report has come: under Landlock alone, where /tmp is everybody's.
  struct PrivateTmp {
    std::string path;
    PrivateTmp() = default;
    PrivateTmp(PrivateTmp&& other) noexcept : path(std::exchange(other.path, {})) {}
    PrivateTmp& operator=(PrivateTmp&&) = delete;
    ~PrivateTmp() { remove(); }
    void remove();
  } private_tmp_;
  std::optional<StatusOr<ExitReport>> report_;
};

class Launcher {
 public:
  struct Options {
    std::string helper_path;           // exactly this one, no search
    std::string build_helper_path;     // tried last: for programs that run from a build tree
    std::string bubblewrap_path = {};  // exactly this one; empty: in /usr/bin, /usr/local/bin, /bin
    bool use_bubblewrap = true;
    bool use_landlock = true;
  };

  // Finds the helper: options.helper_path, or beside the library that holds this code, in libexec/tau of the
  // prefix that this library is in, in the libexec directory of the build configuration, build_helper_path.
  // FAILED_PRECONDITION "helper_missing" names the places tried.
  static StatusOr<std::unique_ptr<Launcher>> create(const Options& options);

  const std::string& helper_path() const { return helper_; }

  // Any thread. Returns as soon as the helper runs; what becomes of the command comes in the report.
  // FAILED_PRECONDITION "sandbox_unavailable" names what the confinement demands and this machine has not;
  // INVALID_ARGUMENT "invalid_sandbox".
  StatusOr<Process> start(const LaunchSpec& spec) const;

  // What can confine commands here. The first call tries it with a process, which takes some 20 ms; later
  // ones know. Any thread.
  const ConfinementStatus& confinement_status() const;
  // What would stand behind a command, started in the first root; fails as start() would.
  StatusOr<Enforcement> enforcement(const Confinement& confinement) const;

 private:
  Launcher(std::string helper, Options options) : helper_(std::move(helper)), options_(std::move(options)) {}
  StatusOr<Process> start_planned(const LaunchSpec& spec, const std::vector<std::string>& env,
                                  const ConfinementPlan& plan) const;
  void probe(ConfinementStatus& status) const;
  std::string try_bubblewrap(const ConfinementStatus& status) const;

  std::string helper_;
  Options options_;
  mutable std::once_flag probed_;
  mutable ConfinementStatus status_;
};

}  // namespace tau::os
