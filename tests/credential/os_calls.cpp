// These definitions stand before those of libc for everything that is linked into the test program.
#include "credential/os_calls.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace tau::test {
namespace {

struct Plan {
  OsCalls::Harm harm;
  int at;
  int error;
  int count = 0;
  std::vector<std::string> log = {};
};
Plan* armed = nullptr;

enum class Verdict { kGoOn, kFail, kHalf };

// Counts a call; may not return.
Verdict pass(const char* name, int fd) {
  Plan* const plan = armed;
  if (plan == nullptr) return Verdict::kGoOn;
  armed = nullptr;  // noting allocates, and must not be counted
  plan->log.push_back(std::string(name) + " " + std::to_string(fd));
  armed = plan;
  if (++plan->count != plan->at) return Verdict::kGoOn;
  const bool is_write = std::string_view(name) == "write";
  switch (plan->harm) {
    case OsCalls::Harm::kNone: return Verdict::kGoOn;
    case OsCalls::Harm::kFail: errno = plan->error; return Verdict::kFail;
    case OsCalls::Harm::kShort: return is_write ? Verdict::kHalf : Verdict::kGoOn;
    case OsCalls::Harm::kKill: ::kill(::getpid(), SIGKILL); break;
    case OsCalls::Harm::kTear:
      if (is_write) return Verdict::kHalf;
      ::kill(::getpid(), SIGKILL);
      break;
  }
  return Verdict::kGoOn;
}

bool dies_after_half() { return armed != nullptr && armed->harm == OsCalls::Harm::kTear; }

}  // namespace

OsCalls::OsCalls(Harm harm, int at, int error) { armed = new Plan{harm, at, error}; }
OsCalls::~OsCalls() {
  delete armed;
  armed = nullptr;
}
int OsCalls::count() const { return armed->count; }
const std::vector<std::string>& OsCalls::log() const { return armed->log; }

}  // namespace tau::test

using tau::test::pass;
using tau::test::Verdict;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (pass("open", -1) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (pass("openat", directory) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

ssize_t write(int fd, const void* bytes, size_t size) {
  const Verdict verdict = pass("write", fd);
  if (verdict == Verdict::kFail) return -1;
  const ssize_t done = syscall(SYS_write, fd, bytes, verdict == Verdict::kHalf && size > 1 ? size / 2 : size);
  if (verdict == Verdict::kHalf && tau::test::dies_after_half()) ::kill(::getpid(), SIGKILL);
  return done;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  const Verdict verdict = pass("write", fd);
  if (verdict == Verdict::kFail) return -1;
  const size_t part = verdict == Verdict::kHalf && size > 1 ? size / 2 : size;
  const ssize_t done = syscall(SYS_pwrite64, fd, bytes, part, offset);
  if (verdict == Verdict::kHalf && tau::test::dies_after_half()) ::kill(::getpid(), SIGKILL);
  return done;
}

int ftruncate(int fd, off_t size) noexcept {
  if (pass("ftruncate", fd) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_ftruncate, fd, size));
}

int unlink(const char* path) noexcept {
  if (pass("unlink", -1) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_unlink, path));
}

int fsync(int fd) {
  if (pass("fsync", fd) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int linkat(int from, const char* old_path, int to, const char* new_path, int flags) noexcept {
  if (pass("linkat", to) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_linkat, from, old_path, to, new_path, flags));
}

int renameat2(int from, const char* old_path, int to, const char* new_path, unsigned flags) noexcept {
  if (pass("renameat2", to) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_renameat2, from, old_path, to, new_path, flags));
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  if (pass("unlinkat", directory) == Verdict::kFail) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, directory, path, flags));
}

}  // extern "C"
