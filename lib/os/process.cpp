// A started command as its host sees it: requests down the lifeline, one report up the status pipe.
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/exec/protocol.h"
#include "os/launcher.h"

namespace tau::os {
namespace {

// Killing takes milliseconds. A process that the kernel cannot end (a dead network disk) must not hang the
// host for ever when it lets go.
constexpr int kReapTimeoutMs = 5'000;

std::string_view stage_name(exec::Stage stage) {
  switch (stage) {
    case exec::Stage::kWrap: return "bubblewrap";
    case exec::Stage::kCapabilities: return "giving up capabilities";
    case exec::Stage::kLandlock: return "Landlock";
    case exec::Stage::kSeccomp: return "the filter of system calls";
    case exec::Stage::kProxyListener: return "listening for its proxy";
    case exec::Stage::kExec:
    case exec::Stage::kHelper: break;
  }
  return "";
}

Status start_failure(const exec::Report& raw, const std::string& command) {
  const std::string message = format("cannot execute \"{}\"", command);
  if (raw.stage == exec::Stage::kHelper)
    return failed_precondition("confinement_missing",
                               message + ": /proc is not mounted or the kernel lacks what tau-exec needs");
  if (raw.stage != exec::Stage::kExec) {
    const size_t length = strnlen(raw.message, sizeof raw.message);
    const std::string why = length > 0 ? std::string(raw.message, length)
                                       : std::string(errno_status(raw.error, "failed").message());
    return failed_precondition("sandbox_unavailable",
                               format("{} confined: {}: {}", message, stage_name(raw.stage), why));
  }
  if (raw.error == ENOENT) return not_found("command_not_found", message + ": no such program");
  return errno_status(raw.error, message);
}

}  // namespace

Process::~Process() {
  if (!pid_fd_.valid()) return;
  if (!report_.has_value()) kill();
  reap(kReapTimeoutMs);
}

void Process::send(int32_t kind, int32_t argument) {
  if (!lifeline_.valid()) return;
  const exec::Request message = {static_cast<exec::Request::Kind>(kind), argument};
  // Fails when the helper is gone, and then there is nothing to ask.
  (void)!::send(lifeline_.get(), &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

StatusOr<size_t> Process::write_stdin(std::string_view bytes) {
  if (!stdin_.valid()) return failed_precondition("stdin_closed", "the command has no open standard input");
  const ssize_t n = ::send(stdin_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) return static_cast<size_t>(n);
  if (errno == EAGAIN || errno == EINTR) return size_t{0};
  if (errno == EPIPE)
    return failed_precondition("stdin_closed", "the command reads its standard input no more");
  return errno_status(errno, "cannot write to the command");
}

StatusOr<Fd> Process::take_listener() {
  char byte = 0;
  struct iovec data = {&byte, 1};
  int fd = -1;
  alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof fd)] = {};
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  const ssize_t n =
      listener_.valid() ? recvmsg(listener_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : 0;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return unavailable("not_yet", "the command has not begun to listen");
  listener_.reset();
  const struct cmsghdr* const header = n == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof fd))
    return failed_precondition("no_listener", "the command ended before it listened");
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return Fd(fd);
}

void Process::terminate(int grace_ms) { send(exec::Request::kTerminate, grace_ms < 0 ? 0 : grace_ms); }

void Process::kill() {
  send(exec::Request::kKill, 0);
  lifeline_.reset();
}

void Process::reap(int timeout_ms) {
  struct pollfd helper = {pid_fd_.get(), POLLIN, 0};
  while (poll(&helper, 1, timeout_ms) < 0 && errno == EINTR) {}
  // ECHILD: the host ignores SIGCHLD or has waited for it already.
  siginfo_t info;
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pid_fd_.get()), &info, WEXITED | WNOHANG);
}

StatusOr<ExitReport> Process::read_report() {
  if (report_.has_value()) return *report_;
  exec::Report raw = {};
  const ssize_t n = ::read(status_.get(), &raw, sizeof raw);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return unavailable("still_running", "the command still runs");
  if (n != sizeof raw || raw.magic != exec::Report::kMagic) {
    report_ = Status(Code::kAborted, "helper_died",
                     format("the helper of \"{}\" died; what became of the command is unknown", command_));
  } else if (raw.error != 0) {
    report_ = start_failure(raw, command_);
  } else {
    ExitReport report;
    report.exit_code = raw.exit_code;
    report.signal = raw.signal;
    report.stopped_by_host = raw.stopped_by_host != 0;
    report.descendants_killed = raw.killed;
    report.user_cpu_us = raw.user_us;
    report.system_cpu_us = raw.system_us;
    report.max_rss_bytes = raw.max_rss_bytes;
    report_ = report;
  }
  // The helper exits right after the report.
  reap(kReapTimeoutMs);
  private_tmp_.remove();
  return *report_;
}

}  // namespace tau::os
