// Measures starting and killing: `launch_latency N` prints medians and 99th percentiles in microseconds. Each
// tree is killed while a double-forked and a setsid'ed child run; the time ends when the report says all are
// dead.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "os/os.h"

namespace tau::os {
namespace {

int64_t now_us() { return system_clock().monotonic_ns() / 1000; }

void wait_readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  while (poll(&p, 1, -1) != 1) {}
}

void print(const char* name, std::vector<int64_t> us) {
  std::sort(us.begin(), us.end());
  std::printf("%-28s median %6lld us   p99 %6lld us   max %6lld us\n", name,
              static_cast<long long>(us[us.size() / 2]), static_cast<long long>(us[us.size() * 99 / 100]),
              static_cast<long long>(us.back()));
}

int measure(int rounds) {
  auto launcher = Launcher::create({.helper_path = TAU_TEST_EXEC, .build_helper_path = ""});
  auto workspace = Workspace::open("/");
  if (!launcher.ok() || !workspace.ok()) return 1;
  std::vector<int64_t> start_us, run_us, kill_us;
  for (int i = 0; i < rounds; ++i) {
    LaunchSpec spec;
    spec.env = {"PATH=/usr/bin:/bin"};
    spec.cwd = *(*workspace)->open_directory(".");
    spec.argv = {"/bin/true"};
    int64_t begin = now_us();
    StatusOr<Process> quick = (*launcher)->start(spec);
    start_us.push_back(now_us() - begin);
    wait_readable(quick->status_fd());
    if (!quick->read_report().ok()) return 1;
    run_us.push_back(now_us() - begin);

    spec.argv = {"/bin/sh", "-c",
                 "(setsid sleep 1000 &); setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo; wait"};
    StatusOr<Process> tree = (*launcher)->start(spec);
    wait_readable(tree->stdout_fd());
    begin = now_us();
    tree->kill();
    wait_readable(tree->status_fd());
    if (!tree->read_report().ok()) return 1;
    kill_us.push_back(now_us() - begin);
  }
  print("start() returns", start_us);
  print("/bin/true, start to report", run_us);
  print("kill a tree, to report", kill_us);
  return 0;
}

}  // namespace
}  // namespace tau::os

int main(int argc, char** argv) { return tau::os::measure(argc > 1 ? std::atoi(argv[1]) : 200); }
