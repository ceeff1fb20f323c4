#include "runtime/memory_convert.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/core.h"

namespace tau::runtime {
namespace {

constexpr size_t kPieceBytes = 1 << 16;
constexpr int kSliceMs = 200;

os::LaunchSpec spec_of(const memory::ExternalText& converter, const os::Workspace& folder, os::Fd cwd) {
  os::LaunchSpec spec;
  spec.argv = converter.argv;
  spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
  spec.cwd = std::move(cwd);
  spec.limits.cpu_seconds = static_cast<uint64_t>(converter.timeout_ms / 1000 + 1);
  spec.limits.address_space_bytes = uint64_t{2} << 30;
  spec.limits.file_size_bytes = 1 << 20;  // it has nothing to write
  spec.confinement.profile = os::Profile::kReadOnly;
  spec.confinement.roots = {folder.root()};
  spec.confinement.accept_gaps = true;
  return spec;
}

// Whether there may be more.
StatusOr<bool> read_some(const os::Process& process, size_t limit, std::string& text) {
  char piece[kPieceBytes];
  const ssize_t n = read(process.stdout_fd(), piece, sizeof piece);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? StatusOr<bool>(true) : errno_status(errno, "the converter");
  if (n == 0) return false;
  if (text.size() + static_cast<size_t>(n) > limit)
    return resource_exhausted("file_too_large", format("the text of the file has more than {} bytes", limit));
  text.append(piece, static_cast<size_t>(n));
  return true;
}

// What it says of errors is not kept, and does not hold it up.
void drain_errors(const os::Process& process) {
  char piece[kPieceBytes];
  if (process.stderr_fd() >= 0) (void)!read(process.stderr_fd(), piece, sizeof piece);
}

}  // namespace

StatusOr<std::string> convert_file(Core& core, const os::Workspace& folder,
                                   const memory::ExternalText& converter, const std::atomic<bool>* stop) {
  const std::string& name = converter.argv.at(0);
  std::unique_ptr<os::Launcher> own;
  const os::Launcher* launcher = core.launcher().get();
  if (launcher == nullptr) {
    TAU_ASSIGN_OR_RETURN(own, os::Launcher::create({.helper_path = core.options().exec_helper}));
    launcher = own.get();
  }
  TAU_ASSIGN_OR_RETURN(os::Fd cwd, folder.open_directory("."));
  TAU_ASSIGN_OR_RETURN(os::Process process, launcher->start(spec_of(converter, folder, std::move(cwd))));
  const int64_t deadline_ns = system_clock().monotonic_ns() + converter.timeout_ms * kNanosPerMilli;
  std::string text;
  for (bool more = true; more;) {
    if (system_clock().monotonic_ns() > deadline_ns)
      return deadline_exceeded("converter_timeout",
                               format("{} took longer than {} ms", name, converter.timeout_ms));
    if (core.stopping() || (stop != nullptr && *stop))
      return cancelled_error("nobody waits for the text any more");
    pollfd fds[2] = {{process.stdout_fd(), POLLIN, 0}, {process.stderr_fd(), POLLIN, 0}};
    poll(fds, 2, kSliceMs);
    drain_errors(process);
    if ((fds[0].revents & (POLLIN | POLLHUP)) == 0) continue;
    TAU_ASSIGN_OR_RETURN(more, read_some(process, converter.max_output_bytes, text));
  }
  pollfd status = {process.status_fd(), POLLIN, 0};
  poll(&status, 1, static_cast<int>(std::clamp<int64_t>(converter.timeout_ms, 1, 60'000)));
  const auto ended = process.read_report();
  if (ended.ok() && ended->exit_code == 0) return text;
  if (!ended.ok() && ended.status().reason() == "command_not_found")
    return unavailable("converter_missing", format("{} is not installed: its text cannot be read", name));
  return failed_precondition("converter_failed", format("{} could not read the file", name));
}

}  // namespace tau::runtime
