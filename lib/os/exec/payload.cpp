#include "payload.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"

namespace tau::os::exec {
namespace {

// Takes COUNT and that many words; false when they are not there.
bool take_counted(int& left, char**& cursor, int& count, char**& words) {
  if (left < 1) return false;
  char* end = nullptr;
  const long number = strtol(*cursor, &end, 10);
  if (*end != '\0' || number < 0 || number >= left) return false;
  count = static_cast<int>(number);
  words = cursor + 1;
  cursor += 1 + count;
  left -= 1 + count;
  return true;
}

// Soft and hard limit alike; never above what the helper itself was given.
void apply_limit(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return;
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max) value = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = value;
  setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
}

void apply_limits(const Payload& payload) {
  const int resources[kLimitCount] = {RLIMIT_CPU, RLIMIT_AS, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC};
  for (int i = 0; i < kLimitCount; ++i)
    if (payload.limits[i] != 0) apply_limit(resources[i], payload.limits[i]);
  apply_limit(RLIMIT_CORE, 0);
}

[[noreturn]] void fail(Failure& failure, Stage stage, int error) {
  failure.stage = stage;
  failure.error = error;
  _exit(kUsageExit);
}

}  // namespace

bool parse_payload(int count, char** words, Payload& payload) {
  if (count < 2) return false;
  const char* cursor = words[0];
  for (rlim_t& limit : payload.limits) {
    char* end = nullptr;
    limit = strtoull(cursor, &end, 10);
    cursor = *end == ':' ? end + 1 : end;
  }
  if (*cursor != '\0') return false;
  payload.flags = static_cast<uint32_t>(strtoul(words[1], nullptr, 10));
  words += 2;
  count -= 2;
  int env_count = 0;
  char** env = nullptr;
  if (!take_counted(count, words, payload.rule_count, payload.rules)) return false;
  if (!take_counted(count, words, env_count, env) || count < 1) return false;
  payload.argv = words;
  // The environment needs a null after it: it moves down by one, over ENV_COUNT.
  payload.env = env - 1;
  memmove(payload.env, env, static_cast<size_t>(env_count) * sizeof(char*));
  payload.env[env_count] = nullptr;
  return true;
}

void reset_signals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  action.sa_flags = SA_NOCLDSTOP;  // stopping a tree is no news
  for (int sig = 1; sig < NSIG; ++sig) sigaction(sig, &action, nullptr);
}

void become_command(const Payload& payload, Failure& failure) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(failure, Stage::kCapabilities, errno);
  apply_limits(payload);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  if ((payload.flags & kConfined) != 0) {
    Stage stage = Stage::kExec;
    if (!confine_self(payload, stage)) fail(failure, stage, errno);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  environ = payload.env;
  execvp(payload.argv[0], payload.argv);
  fail(failure, Stage::kExec, errno);
}

int64_t micros(const struct timeval& time) { return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; }

}  // namespace tau::os::exec
