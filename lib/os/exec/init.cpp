#include "init.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tau::os::exec {
namespace {

void send_report(const InitReport& report) {
  while (write(kInitStatusFd, &report, sizeof report) < 0 && errno == EINTR) {}
}

[[noreturn]] void start_command(const Payload& payload, Failure& failure) {
  for (int fd = 0; fd < 3; ++fd)
    if (dup2(kCommandStdio + fd, fd) < 0) {
      failure.stage = Stage::kHelper;
      failure.error = errno;
      _exit(kUsageExit);
    }
  become_command(payload, failure);
}

// Listens where the command finds its proxy and gives the socket to the host, which answers: whoever holds a
// socket of this network reaches it, from wherever. False with errno.
bool give_listener() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(kProxyPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr int kBacklog = 128;
  if (listener < 0 || bind(listener, reinterpret_cast<struct sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, kBacklog) != 0)
    return false;
  char byte = 0;
  struct iovec data = {&byte, 1};
  alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof listener)] = {};
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof listener);
  memcpy(CMSG_DATA(header), &listener, sizeof listener);
  const bool sent = sendmsg(kInitListenerFd, &message, MSG_NOSIGNAL) == 1;
  const int error = errno;
  close(listener);
  close(kInitListenerFd);
  errno = error;
  return sent;
}

// Until the command has ended; orphans are reaped on the way, the command is not.
void wait_for(pid_t command) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  for (;;) {
    siginfo_t ended = {};
    while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0) {
      if (ended.si_pid == command) return;
      waitpid(ended.si_pid, nullptr, 0);
      ended = {};
    }
    if (sigwaitinfo(&watched, nullptr) != SIGTERM) continue;
    kill(-command, SIGTERM);
    kill(-command, SIGCONT);
  }
}

}  // namespace

int run_init(const Payload& payload) {
  // The command runs as the same user: it must not reach our memory and descriptors through /proc/1.
  prctl(PR_SET_DUMPABLE, 0);
  reset_signals();
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  InitReport report = {};
  if ((payload.flags & kProxy) != 0 && !give_listener()) {
    report.kind = InitReport::kFailed;
    report.stage = Stage::kProxyListener;
    report.error = errno;
    send_report(report);
    return kUsageExit;
  }
  Failure failure;
  const pid_t command = vfork();
  if (command == 0) start_command(payload, failure);
  if (command < 0 || failure.error != 0) {
    report.kind = InitReport::kFailed;
    report.stage = command < 0 ? Stage::kHelper : failure.stage;
    report.error = command < 0 ? errno : failure.error;
    send_report(report);
    return kUsageExit;
  }
  report.kind = InitReport::kStarted;
  send_report(report);
  for (int fd = 0; fd < 3; ++fd) close(fd), close(kCommandStdio + fd);
  wait_for(command);

  struct rusage usage = {};
  wait4(command, &report.wait_status, 0, &usage);
  while (waitpid(-1, nullptr, WNOHANG) > 0) {}
  // All at once: the kernel lets nobody who is being killed fork.
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0) ++report.killed;
  report.kind = InitReport::kEnded;
  report.user_us = micros(usage.ru_utime);
  report.system_us = micros(usage.ru_stime);
  report.max_rss_bytes = int64_t{usage.ru_maxrss} * 1024;
  send_report(report);
  return 0;
}

}  // namespace tau::os::exec
