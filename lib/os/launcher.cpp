// Finding the helper and starting it.
#include "os/launcher.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "os/confinement_plan.h"
#include "os/exec/protocol.h"

#ifndef TAU_LIBEXECDIR
#error "TAU_LIBEXECDIR is set by meson.build"
#endif

// The child runs on the host's memory between clone and exec: no instrumentation may run there.
#if defined(__has_feature)
#define TAU_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined", "memory")))
#else
#define TAU_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

namespace tau::os {
namespace {

constexpr size_t kChildStackBytes = 64 * 1024;
constexpr size_t kFdCount = exec::kFirstFreeFd;

struct Pipe {
  Fd read_end, write_end;
};

StatusOr<Pipe> make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return errno_status(errno, "cannot make a pipe");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

// A pair of sockets stands in where the host writes: unlike a pipe it can be told not to raise SIGPIPE.
StatusOr<Pipe> make_channel(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return errno_status(errno, "cannot make a socket pair");
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

Status set_nonblocking(const Fd& fd) {
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    return errno_status(errno, "cannot make a pipe nonblocking");
  return ok_status();
}

StatusOr<Fd> memory_file(std::string_view bytes) {
  Fd fd(memfd_create("tau-stdin", MFD_CLOEXEC));
  if (!fd.valid()) return errno_status(errno, "cannot make a file in memory");
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return errno_status(errno, "cannot fill a file in memory");
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return errno_status(errno, "cannot rewind a file in memory");
  return fd;
}

// What the child needs, prepared before it exists: it may not allocate.
struct ChildArgs {
  const char* path;
  char* const* argv;
  std::array<int, kFdCount> fds;  // fds[i] becomes descriptor i
  size_t fd_count;                // of them
  int cwd;
  volatile int error;
};

// Runs in the child on a stack of its own, in the memory of the host, with all signals blocked: only plain
// system calls. Handlers of the host reset at exec; ignored signals are reset by the helper.
TAU_NO_SANITIZE int child_main(void* pointer) {
  ChildArgs& args = *static_cast<ChildArgs*>(pointer);
  std::array<int, kFdCount> high;
  bool good = fchdir(args.cwd) == 0;
  // First out of the way of the numbers to be taken, then onto them; dup2 clears close-on-exec.
  for (size_t i = 0; good && i < args.fd_count; ++i) {
    high[i] = fcntl(args.fds[i], F_DUPFD_CLOEXEC, static_cast<int>(kFdCount));
    good = high[i] >= 0;
  }
  for (size_t i = 0; good && i < args.fd_count; ++i) good = dup2(high[i], static_cast<int>(i)) >= 0;
  if (good) good = syscall(SYS_close_range, static_cast<unsigned>(args.fd_count), ~0u, 0u) == 0;
  if (good) {
    char* const no_environment[] = {nullptr};
    execve(args.path, args.argv, no_environment);
  }
  args.error = errno;
  _exit(127);
}

// The thread sanitizer takes a clone for the fork of a program with threads and stops watching, in the parent
// too, whose memory the child shares: it need not know.
#ifdef __SANITIZE_THREAD__
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define TAU_CLONE __clone
#else
#define TAU_CLONE clone
#endif

// clone rather than posix_spawn: CLONE_PIDFD gives the descriptor in the same step, so that neither an
// ignored SIGCHLD nor a foreign waitpid(-1) can make the number stale. CLONE_VFORK: no page table is copied,
// so that starting is as fast in a host of many gigabytes.
StatusOr<Fd> clone_and_exec(ChildArgs& args) {
  void* stack =
      mmap(nullptr, kChildStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return errno_status(errno, "cannot map a stack");
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int pid_fd = -1;
  const int pid = TAU_CLONE(child_main, static_cast<char*>(stack) + kChildStackBytes,
                            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &args, &pid_fd);
  const int clone_error = errno;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  munmap(stack, kChildStackBytes);
  if (pid < 0) return errno_status(clone_error, "cannot start a process");
  Fd owned(pid_fd);
  if (args.error == 0) return owned;
  siginfo_t info;
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pid_fd), &info, WEXITED);
  return errno_status(args.error, format("cannot execute the helper {}", args.path));
}

void add_counted(std::vector<std::string>& args, const std::vector<std::string>& words) {
  args.push_back(format("{}", words.size()));
  args.insert(args.end(), words.begin(), words.end());
}

std::vector<std::string> helper_arguments(const LaunchSpec& spec, const std::vector<std::string>& env,
                                          const ConfinementPlan& plan) {
  const ProcessLimits& l = spec.limits;
  std::vector<std::string> args = {"tau-exec", exec::kVersion, exec::kRun, format("{}", getpid())};
  add_counted(args, plan.wrap);
  args.push_back(format("{}:{}:{}:{}:{}", l.cpu_seconds, l.address_space_bytes, l.file_size_bytes,
                        l.open_files, l.processes));
  args.push_back(format("{}", plan.flags));
  add_counted(args, plan.rules);
  add_counted(args, env);
  args.insert(args.end(), spec.argv.begin(), spec.argv.end());
  return args;
}

// Where the object file that holds this code was loaded from: libtau.so, or the program when linked
// statically.
std::string own_directory() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&own_directory), &info) == 0 || info.dli_fname == nullptr)
    return "";
  const std::string file = info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == file.npos ? "" : file.substr(0, slash);
}

}  // namespace

StatusOr<std::unique_ptr<Launcher>> Launcher::create(const Options& options) {
  std::vector<std::string> places;
  if (!options.helper_path.empty()) {
    places.push_back(options.helper_path);
  } else {
    const std::string dir = own_directory();
    if (!dir.empty()) {
      places.push_back(dir + "/tau-exec");
      places.push_back(dir + TAU_LIBEXEC_FROM_LIB "/tau-exec");
    }
    places.emplace_back(TAU_LIBEXECDIR "/tau-exec");
    if (!options.build_helper_path.empty()) places.push_back(options.build_helper_path);
  }
  std::string tried;
  for (const std::string& place : places) {
    if (access(place.c_str(), X_OK) == 0) return std::unique_ptr<Launcher>(new Launcher(place, options));
    tried += (tried.empty() ? "" : ", ") + place;
  }
  return failed_precondition(
      "helper_missing", format("processes need the helper program tau-exec, which is in none of: {}", tried));
}

StatusOr<Process> Launcher::start_planned(const LaunchSpec& spec, const std::vector<std::string>& env,
                                          const ConfinementPlan& plan) const {
  Process process;
  process.command_ = spec.argv[0];
  process.enforcement_ = plan.enforcement;
  TAU_ASSIGN_OR_RETURN(Pipe status, make_pipe());
  TAU_ASSIGN_OR_RETURN(Pipe lifeline, make_channel(SOCK_SEQPACKET));
  TAU_ASSIGN_OR_RETURN(Pipe out, make_pipe());
  Pipe err, in, listener;
  const bool has_listener = (plan.flags & exec::kProxy) != 0;
  if (has_listener) { TAU_ASSIGN_OR_RETURN(listener, make_channel(SOCK_SEQPACKET)); }
  if (!spec.merge_output) { TAU_ASSIGN_OR_RETURN(err, make_pipe()); }
  switch (spec.stdin_mode) {
    case LaunchSpec::Stdin::kNull: in.read_end = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)); break;
    case LaunchSpec::Stdin::kPipe: {
      TAU_ASSIGN_OR_RETURN(in, make_channel(SOCK_STREAM));
      break;
    }
    case LaunchSpec::Stdin::kData: {
      TAU_ASSIGN_OR_RETURN(in.read_end, memory_file(spec.stdin_data));
      break;
    }
  }
  if (!in.read_end.valid()) return errno_status(errno, "cannot open /dev/null");
  // Only our ends: the flag belongs to the open file, and the ends of a pipe are two.
  for (const Fd* fd : {&status.read_end, &lifeline.write_end, &out.read_end, &err.read_end, &in.write_end,
                       &listener.read_end})
    if (fd->valid()) TAU_RETURN_IF_ERROR(set_nonblocking(*fd));

  std::vector<std::string> args = helper_arguments(spec, env, plan);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  ChildArgs child = {
      helper_.c_str(),
      argv.data(),
      {in.read_end.get(), out.write_end.get(), spec.merge_output ? out.write_end.get() : err.write_end.get(),
       status.write_end.get(), lifeline.read_end.get(), listener.write_end.get()},
      has_listener ? kFdCount : kFdCount - 1,
      spec.cwd.get(),
      0};
  TAU_ASSIGN_OR_RETURN(process.pid_fd_, clone_and_exec(child));
  process.status_ = std::move(status.read_end);
  process.lifeline_ = std::move(lifeline.write_end);
  process.stdout_ = std::move(out.read_end);
  process.stderr_ = std::move(err.read_end);
  process.stdin_ = std::move(in.write_end);
  process.listener_ = std::move(listener.read_end);
  return process;
}

}  // namespace tau::os
