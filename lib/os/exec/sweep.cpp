#include "sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tau::os::exec {
namespace {

// One pass handles at most so many processes; more are left to the next pass.
constexpr int kMaxPids = 1 << 18;
// PID_MAX_LIMIT of 64-bit Linux.
constexpr pid_t kPidLimit = 1 << 22;
// Freezing rounds before killing what is frozen: a bomb that forks faster loses part of itself each time.
constexpr int kMaxFreezeRounds = 8;

// Zero pages until touched: no allocation that could fail at the worst moment.
pid_t g_pids[kMaxPids];
int g_count;
uint8_t g_seen[kPidLimit / 8];

bool mark_seen(pid_t pid) {
  if (pid <= 0 || pid >= kPidLimit) return false;
  uint8_t& byte = g_seen[pid / 8];
  const uint8_t bit = static_cast<uint8_t>(1u << (pid % 8));
  if ((byte & bit) != 0) return false;
  byte = static_cast<uint8_t>(byte | bit);
  return true;
}

void forget_all() {
  for (int i = 0; i < g_count; ++i) g_seen[g_pids[i] / 8] = 0;
  g_count = 0;
}

void freeze(pid_t pid) {
  if (g_count == kMaxPids || !mark_seen(pid)) return;
  g_pids[g_count++] = pid;
  kill(pid, SIGSTOP);
}

// Freezes the pids in one ".../children" file: decimal numbers with blanks.
void freeze_listed(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char buffer[4096];
  pid_t pid = 0;
  ssize_t n;
  while ((n = read(fd, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < n; ++i) {
      const char c = buffer[i];
      if (c >= '0' && c <= '9') {
        pid = pid * 10 + (c - '0');
      } else if (pid != 0) {
        freeze(pid);
        pid = 0;
      }
    }
  }
  if (pid != 0) freeze(pid);
  close(fd);
}

// Every thread has children of its own.
void freeze_children_of(pid_t pid) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%d/task", static_cast<int>(pid));
  DIR* tasks = opendir(path);
  if (tasks == nullptr) return;
  while (const struct dirent* task = readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/children", static_cast<int>(pid), task->d_name);
    freeze_listed(path);
  }
  closedir(tasks);
}

// Stops the whole tree. Once a process is stopped its children cannot be reaped by it, so the numbers stay
// valid; those that it forked before it stopped are found in the next round.
void freeze_tree() {
  for (int round = 0; round < kMaxFreezeRounds; ++round) {
    const int before = g_count;
    freeze_children_of(getpid());
    for (int i = 0; i < g_count; ++i) freeze_children_of(g_pids[i]);
    if (g_count == before) return;
  }
}

// The next child that has ended, still a zombie; 0 when none has, -1 when there is no child at all.
pid_t next_ended() {
  siginfo_t info = {};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return -1;
  return info.si_pid;
}

// False when no child is left.
bool reap_all_ended(Command& command) {
  pid_t pid;
  while ((pid = next_ended()) > 0) {
    int status = 0;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) != command.pid) continue;
    command.reaped = true;
    command.wait_status = status;
    command.usage = usage;
  }
  return pid == 0;
}

// Until a child dies. The limit is for the listing of children, which may skip one while another exits.
void wait_for_a_death() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const struct timespec limit = {0, 5'000'000};
  sigtimedwait(&child, nullptr, &limit);
}

}  // namespace

bool can_list_children() {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", static_cast<int>(getpid()));
  return access(path, R_OK) == 0;
}

bool command_has_ended(const Command& command) {
  pid_t pid;
  while ((pid = next_ended()) > 0) {
    if (pid == command.pid) return true;
    waitpid(pid, nullptr, 0);
  }
  return false;
}

int kill_descendants(Command& command) {
  int killed = 0;
  for (;;) {
    // One call that no member of the group can outrun by forking: the kernel refuses to fork with a signal
    // pending. The number is the command's as long as it is not reaped.
    if (!command.reaped) kill(-command.pid, SIGKILL);
    freeze_tree();
    for (int i = 0; i < g_count; ++i) {
      if (g_pids[i] != command.pid) ++killed;
      kill(g_pids[i], SIGKILL);
    }
    forget_all();
    if (!reap_all_ended(command)) return killed;
    wait_for_a_death();
    // Orphans have come to us by now: look again.
    if (!reap_all_ended(command)) return killed;
  }
}

}  // namespace tau::os::exec
