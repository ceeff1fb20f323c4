// tau-exec: runs one command for a host that embeds libtau, and leaves nothing of it behind.
//
// Started by os::Launcher; protocol.h says how. Uses libc alone and allocates nothing of its own: it starts
// in well under a millisecond and has no failure that could keep it from killing.
#include <errno.h>
#include <fcntl.h>
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

#include "init.h"
#include "payload.h"
#include "protocol.h"
#include "sweep.h"

#ifdef __SANITIZE_ADDRESS__
// Nothing is allocated, and the filter of system calls stops the search for leaks.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace tau::os::exec {
namespace {

struct Options {
  pid_t host = 0;
  int wrap_count = 0;
  char** wrap = nullptr;      // with `payload_words` right behind
  Payload payload;            // when there is no wrap
  bool has_listener = false;  // kListenerFd is open
};

bool parse_options(int argc, char** argv, Options& options) {
  constexpr int kFirst = 5;  // argv[0], VERSION, "run", HOST_PID, WRAP_COUNT
  if (argc < kFirst) return false;
  options.host = atoi(argv[3]);
  options.wrap_count = atoi(argv[4]);
  options.wrap = argv + kFirst;
  if (options.wrap_count > 0) return options.wrap_count < argc - kFirst;
  return parse_payload(argc - kFirst, argv + kFirst, options.payload);
}

int64_t now_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
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

// What a wrapped command says of itself: its own reports, and the complaints of the wrap.
struct Wrapped {
  int reports[2] = {-1, -1};
  int complaints[2] = {-1, -1};
};

// Above all numbers that the child will take, so that nothing stands in their way.
bool make_high_pipe(int (&ends)[2]) {
  constexpr int kHigh = 32;
  int low[2];
  if (pipe2(low, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  for (int i = 0; i < 2; ++i) {
    ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, kHigh);
    close(low[i]);
  }
  return ends[0] >= 0 && ends[1] >= 0;
}

// In the child: the wrap gets /dev/null and our pipe, and hands the command's descriptors on. SIGTERM is for
// process 1 of the namespace, which tells the command; the wrap itself must live until that has ended.
[[noreturn]] void become_wrap(const Options& options, const Wrapped& wrapped, Failure& failure) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  bool good = null >= 0;
  // First, for its number is about to be taken.
  if (options.has_listener) good = good && dup2(kListenerFd, kInitListenerFd) >= 0;
  for (int fd = 0; good && fd < 3; ++fd) good = dup2(fd, kCommandStdio + fd) >= 0;
  good = good && dup2(wrapped.reports[1], kInitStatusFd) >= 0 && dup2(null, 0) >= 0 &&
         dup2(wrapped.complaints[1], 1) >= 0 && dup2(wrapped.complaints[1], 2) >= 0;
  if (good) {
    const int last = options.has_listener ? kInitListenerFd : kInitStatusFd;
    syscall(SYS_close_range, static_cast<unsigned>(last + 1), ~0u, 0u);
    signal(SIGTERM, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    static char* no_environment[] = {nullptr};
    execve(options.wrap[0], options.wrap, no_environment);
  }
  failure.stage = Stage::kWrap;
  failure.error = errno;
  _exit(kUsageExit);
}

// The last line of what the wrap wrote, without its end.
void copy_complaint(int fd, char (&message)[sizeof Report::message]) {
  char text[4096];
  ssize_t end = read(fd, text, sizeof text);
  if (end <= 0) return;
  while (end > 0 && text[end - 1] == '\n') --end;
  ssize_t begin = end;
  while (begin > 0 && text[begin - 1] != '\n') --begin;
  size_t length = end > begin ? static_cast<size_t>(end - begin) : 0;
  if (length >= sizeof message) length = sizeof message - 1;
  memcpy(message, text + begin, length);
}

void take_usage(Report& report, const struct rusage& usage) {
  report.user_us = micros(usage.ru_utime);
  report.system_us = micros(usage.ru_stime);
  report.max_rss_bytes = int64_t{usage.ru_maxrss} * 1024;
}

void take_status(Report& report, int wait_status) {
  report.exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
  report.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
}

// Process 1 has told how the command ended, or was killed with it, or never came to start it.
void take_wrapped(Report& report, const Wrapped& wrapped, bool stopped, int swept) {
  InitReport said = {};
  bool started = false;
  InitReport next;
  while (read(wrapped.reports[0], &next, sizeof next) == sizeof next) {
    said = next;
    started = started || next.kind == InitReport::kStarted;
  }
  if (said.kind == InitReport::kEnded) {
    take_status(report, said.wait_status);
    report.killed = said.killed + swept;
    report.user_us = said.user_us;
    report.system_us = said.system_us;
    report.max_rss_bytes = said.max_rss_bytes;
    return;
  }
  constexpr int kOurs = 2;  // process 1 and the command
  report.killed = swept > kOurs ? swept - kOurs : 0;
  if (started || stopped) {
    report.exit_code = -1;
    report.signal = SIGKILL;
  } else if (said.kind == InitReport::kFailed) {
    report.stage = said.stage;
    report.error = said.error;
  } else {
    report.stage = Stage::kWrap;
    report.error = EPERM;
    copy_complaint(wrapped.complaints[0], report.message);
  }
}

void send_report(const Report& report) {
  while (write(kStatusFd, &report, sizeof report) < 0 && errno == EINTR) {}
}

int refuse(Stage stage, int error) {
  Report report = {};
  report.magic = Report::kMagic;
  report.stage = stage;
  report.error = error;
  send_report(report);
  return kUsageExit;
}

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
  const bool is_wrapped = options.wrap_count > 0;
  Wrapped wrapped;
  if (getppid() != options.host) return kUsageExit;
  if (signal_fd < 0 || host_fd < 0 || !can_list_children()) return refuse(Stage::kHelper, ENOSYS);
  if (is_wrapped && !(make_high_pipe(wrapped.reports) && make_high_pipe(wrapped.complaints)))
    return refuse(Stage::kHelper, errno);

  Command command;
  Failure failure;
  command.pid = vfork();
  if (command.pid == 0) {
    if (is_wrapped) become_wrap(options, wrapped, failure);
    become_command(options.payload, failure);
  }
  if (command.pid < 0) return refuse(Stage::kHelper, errno);
  // Readers of the output see its end when the last descendant is gone.
  for (int fd = 0; fd < 3; ++fd) close(fd);
  if (options.has_listener) close(kListenerFd);
  const bool stopped = Watch(command, signal_fd, host_fd).run();
  const int killed = kill_descendants(command);

  Report report = {};
  report.magic = Report::kMagic;
  report.killed = killed;
  take_status(report, command.wait_status);
  take_usage(report, command.usage);
  if (failure.error != 0) {
    report.stage = failure.stage;
    report.error = failure.error;
  } else if (is_wrapped) {
    take_wrapped(report, wrapped, stopped, killed);
  }
  report.stopped_by_host = stopped && report.error == 0 ? 1 : 0;
  send_report(report);
  return 0;
}

}  // namespace
}  // namespace tau::os::exec

int main(int argc, char** argv) {
  using namespace tau::os::exec;
  constexpr int kMode = 2;
  if (argc > kMode && strcmp(argv[1], kVersion) == 0) {
    Options options;
    options.has_listener = fcntl(kListenerFd, F_GETFD) >= 0;
    if (strcmp(argv[kMode], kRun) == 0 && parse_options(argc, argv, options)) return run(options);
    Payload payload;
    constexpr int kFirst = kMode + 1;
    if (strcmp(argv[kMode], kInit) == 0 && parse_payload(argc - kFirst, argv + kFirst, payload))
      return run_init(payload);
  }
  static const char kUsage[] = "tau-exec is started by libtau; it is not a command of its own\n";
  (void)!write(2, kUsage, sizeof kUsage - 1);
  return kUsageExit;
}
