// Starting and killing commands, unconfined and under each mechanism that works here: wall time, for what
// counts is what a caller waits. The reference is the same program by posix_spawn, or by bubblewrap alone
// with as many namespaces. A tree is killed while a double-forked and a setsid'ed child run; the time ends
// when all are dead.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "os/os.h"
#include "support/report.h"

namespace tau::os {
namespace {

constexpr int kRounds = 100;

double now_us() { return static_cast<double>(system_clock().monotonic_ns()) / 1000; }

void wait_readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  while (poll(&p, 1, -1) != 1) {}
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

struct Series {
  std::string name;
  Mechanism mechanism;
  NetworkAccess network;
  std::unique_ptr<Launcher> launcher;
  std::vector<double> run_us, kill_us, reference_us;
};

LaunchSpec make_spec(const Workspace& workspace, const Series& series) {
  LaunchSpec spec;
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.cwd = *workspace.open_directory(".");
  if (series.mechanism == Mechanism::kNone) return spec;
  spec.confinement.network = series.network;
  spec.confinement.profile = Profile::kWorkspaceWrite;
  spec.confinement.roots = {workspace.root()};
  spec.confinement.rules.read_only = default_read_only();
  spec.confinement.hidden = default_hidden("/root");
  spec.confinement.accept_gaps = true;
  return spec;
}

void run_reference(const Series& series) {
  std::vector<std::string> words = {"/bin/true"};
  if (series.mechanism == Mechanism::kBubblewrap)
    words = {series.launcher->confinement_status().bubblewrap,
             "--unshare-all",
             "--die-with-parent",
             "--ro-bind",
             "/",
             "/",
             "--dev",
             "/dev",
             "--proc",
             "/proc",
             "--tmpfs",
             "/tmp",
             "/bin/true"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), nullptr) != 0)
    give_up("cannot spawn " + words[0]);
  waitpid(pid, nullptr, 0);
}

void measure_once(const Workspace& workspace, Series& series) {
  double begin = now_us();
  run_reference(series);
  series.reference_us.push_back(now_us() - begin);

  LaunchSpec spec = make_spec(workspace, series);
  spec.argv = {"/bin/true"};
  begin = now_us();
  StatusOr<Process> quick = series.launcher->start(spec);
  if (!quick.ok()) give_up(quick.status().to_string());
  wait_readable(quick->status_fd());
  if (!quick->read_report().ok()) give_up(quick->read_report().status().to_string());
  series.run_us.push_back(now_us() - begin);

  spec = make_spec(workspace, series);
  spec.argv = {"/bin/sh", "-c",
               "(setsid sleep 1000 &); setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo; wait"};
  StatusOr<Process> tree = series.launcher->start(spec);
  if (!tree.ok()) give_up(tree.status().to_string());
  wait_readable(tree->stdout_fd());
  begin = now_us();
  tree->kill();
  wait_readable(tree->status_fd());
  if (!tree->read_report().ok()) give_up(tree->read_report().status().to_string());
  series.kill_us.push_back(now_us() - begin);
}

void measure(bench::Report& report, const std::string& directory) {
  const auto workspace = *Workspace::open(directory);
  std::vector<Series> all;
  for (const Mechanism mechanism : {Mechanism::kNone, Mechanism::kLandlock, Mechanism::kBubblewrap}) {
    auto launcher = Launcher::create({.helper_path = TAU_BENCH_EXEC,
                                      .build_helper_path = "",
                                      .use_bubblewrap = mechanism == Mechanism::kBubblewrap});
    if (!launcher.ok()) give_up(launcher.status().to_string());
    if (mechanism == Mechanism::kNone || (*launcher)->confinement_status().best == mechanism)
      all.push_back({std::string(mechanism_name(mechanism)),
                     mechanism,
                     NetworkAccess::kNone,
                     *std::move(launcher),
                     {},
                     {},
                     {}});
  }
  if (all.back().mechanism == Mechanism::kBubblewrap) {
    auto launcher = Launcher::create({.helper_path = TAU_BENCH_EXEC, .build_helper_path = ""});
    if (!launcher.ok()) give_up(launcher.status().to_string());
    all.push_back({"bubblewrap_proxy",
                   Mechanism::kBubblewrap,
                   NetworkAccess::kProxy,
                   *std::move(launcher),
                   {},
                   {},
                   {}});
  }
  for (int i = 0; i < kRounds; ++i)
    for (Series& series : all) measure_once(*workspace, series);
  for (Series& series : all) {
    report.add("launch_" + series.name, "us", series.run_us, series.reference_us);
    report.add("kill_tree_" + series.name, "us", series.kill_us);
  }
}

}  // namespace
}  // namespace tau::os

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  std::string directory = "/var/tmp/tau-bench-XXXXXX";  // not /tmp, which commands have of their own
  if (mkdtemp(directory.data()) == nullptr) return 1;
  tau::os::measure(report, directory);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return report.finish();
}
