// Starting under a confinement, and finding out what this machine can confine with.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "os/confinement_plan.h"
#include "os/exec/landlock_abi.h"
#include "os/exec/protocol.h"
#include "os/launcher.h"

namespace tau::os {
namespace {

constexpr int kProbeTimeoutMs = 10'000;
constexpr int kHelperUsageExit = 125;  // what tau-exec says when it is started without its words

Status check_spec(const LaunchSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty())
    return invalid_argument("invalid_command", "the command is empty");
  if (!spec.cwd.valid()) return invalid_argument("invalid_command", "the working directory is missing");
  for (const std::string& arg : spec.argv)
    if (arg.find('\0') != arg.npos)
      return invalid_argument("invalid_command", "an argument of the command holds a NUL byte");
  for (const std::string& variable : spec.env) {
    const size_t equals = variable.find('=');
    if (equals == 0 || equals == variable.npos || variable.find('\0') != variable.npos)
      return invalid_argument("invalid_environment", "an environment entry is not of the form NAME=value");
  }
  return ok_status();
}

StatusOr<std::string> path_of(const Fd& directory) {
  std::array<char, PATH_MAX> path;
  const ssize_t n = readlink(format("/proc/self/fd/{}", directory.get()).c_str(), path.data(), path.size());
  if (n < 0) return errno_status(errno, "cannot name the working directory");
  return std::string(path.data(), static_cast<size_t>(n));
}

StatusOr<std::string> make_private_tmp() {
  std::string path = "/tmp/tau-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return errno_status(errno, "cannot make a temporary directory");
  return path;
}

// What programs look for, in both spellings. No name is left out: what the command itself serves is asked
// with the program's own option, such as curl --noproxy.
void name_proxy(std::vector<std::string>& env) {
  for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
                           "no_proxy", "NO_PROXY"}) {
    const std::string start = format("{}=", name);
    std::erase_if(env, [&](const std::string& variable) { return variable.starts_with(start); });
    if (!start.starts_with("no_") && !start.starts_with("NO_"))
      env.push_back(format("{}http://127.0.0.1:{}", start, exec::kProxyPort));
  }
}

bool has_seccomp() {
  const uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace

void Process::PrivateTmp::remove() {
  if (path.empty()) return;
  std::error_code ignored;  // what the command made unreadable stays
  std::filesystem::remove_all(path, ignored);
  path.clear();
}

StatusOr<Process> Launcher::start(const LaunchSpec& spec) const {
  TAU_RETURN_IF_ERROR(check_spec(spec));
  if (spec.confinement.profile == Profile::kFull) return start_planned(spec, spec.env, ConfinementPlan());
  TAU_ASSIGN_OR_RETURN(std::string cwd, path_of(spec.cwd));
  TAU_ASSIGN_OR_RETURN(ConfinementPlan plan,
                       plan_confinement({spec.confinement, confinement_status(), helper_, std::move(cwd)}));
  std::vector<std::string> env = spec.env;
  std::erase_if(env, [](const std::string& variable) { return variable.starts_with("TMPDIR="); });
  if (spec.confinement.network == NetworkAccess::kProxy) name_proxy(env);
  Process::PrivateTmp tmp;
  if (plan.needs_private_tmp) {
    TAU_ASSIGN_OR_RETURN(tmp.path, make_private_tmp());
    env.push_back("TMPDIR=" + tmp.path);
    plan.rules.push_back("w" + tmp.path);
  }
  StatusOr<Process> process = start_planned(spec, env, plan);
  if (process.ok()) std::swap(process->private_tmp_.path, tmp.path);
  return process;
}

StatusOr<Enforcement> Launcher::enforcement(const Confinement& confinement) const {
  if (confinement.profile == Profile::kFull) return Enforcement();
  TAU_ASSIGN_OR_RETURN(ConfinementPlan plan,
                       plan_confinement({confinement, confinement_status(), helper_, "/", false}));
  return std::move(plan.enforcement);
}

const ConfinementStatus& Launcher::confinement_status() const {
  std::call_once(probed_, [this] { probe(status_); });
  return status_;
}

void Launcher::probe(ConfinementStatus& status) const {
  status.seccomp = has_seccomp();
  if (options_.use_landlock) status.landlock_abi = std::max(0, static_cast<int>(exec::landlock::abi()));
  status.bubblewrap_defect = options_.use_bubblewrap ? "not installed" : "switched off";
  if (!status.seccomp) return;
  std::vector<std::string> places = {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"};
  if (!options_.bubblewrap_path.empty()) places = {options_.bubblewrap_path};
  for (const std::string& place : places) {
    if (!options_.use_bubblewrap || access(place.c_str(), X_OK) != 0) continue;
    status.best = Mechanism::kBubblewrap;
    status.bubblewrap = place;
    status.bubblewrap_defect = try_bubblewrap(status);
    if (status.bubblewrap_defect.empty()) return;
    status.best = Mechanism::kNone;
    status.bubblewrap.clear();
    break;
  }
  if (status.landlock_abi > 0) status.best = Mechanism::kLandlock;
}

// The whole way of a command, with every kind of mount. Empty when it works, else why not.
std::string Launcher::try_bubblewrap(const ConfinementStatus& status) const {
  Confinement confinement;
  confinement.profile = Profile::kReadOnly;
  LaunchSpec spec;
  spec.argv = {"/run/tau-exec"};
  spec.cwd = Fd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  spec.merge_output = true;
  const StatusOr<ConfinementPlan> plan = plan_confinement({confinement, status, helper_, "/"});
  if (!plan.ok()) return std::string(plan.status().message());
  StatusOr<Process> process = start_planned(spec, {}, *plan);
  if (!process.ok()) return std::string(process.status().message());
  struct pollfd done = {process->status_fd(), POLLIN, 0};
  while (poll(&done, 1, kProbeTimeoutMs) < 0 && errno == EINTR) {}
  const StatusOr<ExitReport> report = process->read_report();
  if (!report.ok()) return std::string(report.status().message());
  return report->exit_code == kHelperUsageExit ? "" : format("the trial ended with {}", report->exit_code);
}

}  // namespace tau::os
