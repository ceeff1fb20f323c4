// tau-exec: runs one command for a host that embeds libtau, and leaves nothing of it behind.
//
// Started by os::Launcher; protocol.h says how. Uses libc alone and allocates nothing of its own: it starts
// in well under a millisecond and has no failure that could keep it from killing.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"
#include "sweep.h"

namespace tau::os::exec {
namespace {

constexpr int kUsageExit = 125;
constexpr int kLimitCount = 5;

struct Options {
  pid_t host = 0;
  rlim_t limits[kLimitCount] = {};
  char** env = nullptr;
  char** argv = nullptr;
};

bool parse_options(int argc, char** argv, Options& options) {
  if (argc < kFixedArgs || strcmp(argv[1], kVersion) != 0) return false;
  options.host = atoi(argv[2]);
  const char* cursor = argv[3];
  for (rlim_t& limit : options.limits) {
    char* end = nullptr;
    limit = strtoull(cursor, &end, 10);
    cursor = *end == ':' ? end + 1 : end;
  }
  const int env_count = atoi(argv[4]);
  if (env_count < 0 || argc <= kFixedArgs + env_count) return false;
  // The environment needs a null after it: it moves down by one, over ENV_COUNT.
  options.env = argv + kFixedArgs - 1;
  memmove(options.env, options.env + 1, static_cast<size_t>(env_count) * sizeof(char*));
  options.env[env_count] = nullptr;
  options.argv = argv + kFixedArgs + env_count;
  return true;
}

void reset_signals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDSTOP;  // stopping a tree is no news
  for (int sig = 1; sig < NSIG; ++sig) sigaction(sig, &action, nullptr);
}

// Soft and hard limit alike; never above what the helper itself was given.
void apply_limit(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return;
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max) value = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = value;
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

void apply_limits(const Options& options) {
  const int resources[kLimitCount] = {RLIMIT_CPU, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC};
  for (int i = 0; i < kLimitCount; ++i)
    if (options.limits[i] != 0) apply_limit(resources[i], options.limits[i]);
  apply_limit(RLIMIT_CORE, 0);
}

// In the child, between vfork and exec: shares the helper's memory.
[[noreturn]] void become_command(const Options& options, volatile int& error) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  apply_limits(options);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  environ = options.env;
  execvp(options.argv[0], options.argv);
  error = errno;
  _exit(kUsageExit);
}

int64_t now_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

int64_t micros(const struct timeval& t) { return int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; }

void send_report(const Command& command, int exec_error, bool stopped, int killed) {
  Report report = {};
  report.magic = Report::kMagic;
  report.exec_error = exec_error;
  report.exit_code = WIFEXITED(command.wait_status) ? WEXITSTATUS(command.wait_status) : -1;
  report.signal = WIFSIGNALED(command.wait_status) ? WTERMSIG(command.wait_status) : 0;
  report.stopped_by_host = stopped ? 1 : 0;
  report.killed = killed;
  report.user_us = micros(command.usage.ru_utime);
  report.system_us = micros(command.usage.ru_stime);
  report.max_rss_bytes = int64_t{command.usage.ru_maxrss} * 1024;
  while (write(kStatusFd, &report, sizeof report) < 0 && errno == EINTR) {}
}

// Waits until the command has ended or must die; true in the second case.
class Watch {
 public:
  Watch(const Command& command, int signal_fd, int host_fd)
      : command_(command), signal_fd_(signal_fd), host_fd_(host_fd) {}

  bool run() {
    for (;;) {
      struct pollfd fds[3] = {{kLifelineFd, POLLIN, 0}, {signal_fd_, POLLIN, 0}, {host_fd_, POLLIN, 0}};
      const int n = poll(fds, 3, timeout_ms());
      if (n < 0 && errno != EINTR) return true;
      if (fds[1].revents != 0) {
        struct signalfd_siginfo info;
        while (read(signal_fd_, &info, sizeof info) > 0) {}
        if (command_has_ended(command_)) return terminating_;
      }
      if (fds[2].revents != 0 || (fds[0].revents != 0 && must_kill())) return true;
      if (terminating_ && now_ms() >= deadline_ms_) return true;
    }
  }

 private:
  int timeout_ms() const {
    if (!terminating_) return -1;
    const int64_t left = deadline_ms_ - now_ms();
    return left < 0 ? 0 : static_cast<int>(left);
  }

  bool must_kill() {
    Request request;
    const ssize_t n = read(kLifelineFd, &request, sizeof request);
    if (n < 0) return errno != EINTR && errno != EAGAIN;
    if (n != sizeof request || request.kind != Request::kTerminate) return true;
    if (terminating_) return false;
    terminating_ = true;
    deadline_ms_ = now_ms() + request.grace_ms;
    kill(-command_.pid, SIGTERM);
    kill(-command_.pid, SIGCONT);
    return false;
  }

  const Command& command_;
  int signal_fd_;
  int host_fd_;
  bool terminating_ = false;
  int64_t deadline_ms_ = 0;
};

int run(const Options& options) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  setsid();
  reset_signals();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  // The lifeline alone is not enough: a child that the host forked without exec holds a copy of it.
  const int host_fd = static_cast<int>(syscall(SYS_pidfd_open, options.host, 0));
  Command command;
  if (getppid() != options.host) return kUsageExit;
  if (signal_fd < 0 || host_fd < 0 || !can_list_children()) {
    send_report(command, ENOSYS, false, 0);
    return kUsageExit;
  }

  volatile int exec_error = 0;
  command.pid = vfork();
  if (command.pid == 0) become_command(options, exec_error);
  if (command.pid < 0) {
    send_report(command, errno, false, 0);
    return kUsageExit;
  }
  // Readers of the output see its end when the last descendant is gone.
  for (int fd = 0; fd < 3; ++fd) close(fd);
  const bool stopped = Watch(command, signal_fd, host_fd).run();
  const int killed = kill_descendants(command);
  send_report(command, exec_error, stopped && exec_error == 0, killed);
  return 0;
}

}  // namespace
}  // namespace tau::os::exec

int main(int argc, char** argv) {
  tau::os::exec::Options options;
  if (!tau::os::exec::parse_options(argc, argv, options)) {
    static const char kUsage[] = "tau-exec is started by libtau; it is not a command of its own\n";
    (void)!write(2, kUsage, sizeof kUsage - 1);
    return tau::os::exec::kUsageExit;
  }
  return tau::os::exec::run(options);
}
