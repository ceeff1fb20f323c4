// From tau_run_cancel to the terminal event while the bash tool runs a tree of processes that double-fork and
// setsid; then who survived, also when the host is killed, and when the host reaps with waitpid(-1)
// meanwhile.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <tau/tau.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "support/report.h"

namespace {

constexpr int kCancels = 200;
constexpr int kKills = 20;
constexpr int kTreeSize = 4;  // of tree_command
// A survivor is one that is still there so long after the terminal event or the death of the host.
constexpr int kGraceMs = 2000;

// Each process of the tree carries the mark as its name.
std::string tree_command(const std::string& mark) {
  const std::string last = "exec -a " + mark + " sleep 600";
  return "(setsid bash -c '" + last + "' &); " +              // another session and process group
         "(bash -c '(" + last + ") & exit 0' &); " +          // its parents are gone
         "bash -c 'trap \"\" TERM; " + last + "' & " + last;  // deaf to SIGTERM; and bash itself
}

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void check(const char* what, tau_status status, tau_error* err) {
  if (status < 0) fail(what, err != nullptr ? tau_error_message(err).data : tau_status_name(status));
}

double now_ms() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

void pause_ms(long ms) {
  const timespec t{ms / 1000, ms % 1000 * 1'000'000};
  nanosleep(&t, nullptr);
}

// Processes, zombies apart, whose first argument is the mark.
int count_marked(const std::string& mark) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string path = entry.path().string() + "/cmdline";
    char line[256] = {};
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    const ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    found += n > 0 && mark == line;
  }
  return found;
}

int survivors(const std::string& mark) {
  const double limit = now_ms() + kGraceMs;
  int left = count_marked(mark);
  while (left > 0 && now_ms() < limit) {
    pause_ms(5);
    left = count_marked(mark);
  }
  return left;
}

// Every process of the tree must be what it will be: one that had not come so far could be overlooked later.
bool wait_for_tree(const std::string& mark) {
  const double limit = now_ms() + 20'000;
  while (count_marked(mark) != kTreeSize) {
    if (now_ms() > limit) return false;
    pause_ms(2);
  }
  return true;
}

struct Host {
  tau_runtime* runtime = nullptr;
  tau_agent* agent = nullptr;
  tau_run* run = nullptr;

  Host(const std::string& folder, const std::string& command) {
    std::string quoted;
    for (const char c : command) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    const std::string config =
        R"({"model":"scripted/bench","tools":["bash"],"policy":{"allow":["bash"]},"script":{"turns":[)"
        R"({"tool_calls":[{"name":"bash","arguments":{"command":")" +
        quoted + R"("}}]},{"text":"done"}]}})";
    tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
    tau_error* err = nullptr;
    options.flags = TAU_RUNTIME_NO_STORE;
    options.workspace = {folder.c_str(), TAU_STRLEN};
    options.config = {config.c_str(), TAU_STRLEN};
    check("tau_runtime_new", tau_runtime_new(&options, &runtime, &err), err);
    check("tau_agent_new", tau_agent_new(runtime, {nullptr, 0}, &agent, &err), err);
    tau_session* session = nullptr;
    check("tau_session_open", tau_session_open(agent, {nullptr, 0}, &session, &err), err);
    tau_run_options run_options = TAU_RUN_OPTIONS_INIT;
    run_options.prompt = {"go", TAU_STRLEN};
    check("tau_run_start", tau_run_start(session, &run_options, &run, &err), err);
    tau_session_unref(session);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    tau_run_unref(run);
    tau_agent_unref(agent);
    tau_runtime_unref(runtime);
  }
};

void await_end(tau_run* run) {
  for (tau_event_kind kind = TAU_EVENT_NONE; kind != TAU_EVENT_RUN_DONE;) {
    tau_event event{};
    tau_error* err = nullptr;
    event.struct_size = sizeof event;
    const tau_status status = tau_queue_next(tau_run_queue(run), 30'000, &event, &err);
    check("tau_queue_next", status, err);
    if (status != TAU_OK) fail("cancel", "no terminal event in 30 s");
    kind = event.kind;
  }
}

struct Trial {
  std::string folder;
  std::string mark;
  Trial(const std::string& base, const char* kind, int n)
      : folder(base + "/" + kind + std::to_string(n)),
        mark("tau-mark-" + std::to_string(getpid()) + "-" + kind + std::to_string(n)) {
    std::filesystem::create_directory(folder);
  }
  std::string command() const { return tree_command(mark); }
};

struct Outcome {
  std::vector<double> ms;
  int survivors = 0;
};

void cancel_once(const Trial& trial, Outcome& out) {
  Host host(trial.folder, trial.command());
  if (!wait_for_tree(trial.mark)) fail("bash", "the tree did not come up");
  const double start = now_ms();
  tau_run_cancel(host.run);
  await_end(host.run);
  out.ms.push_back(now_ms() - start);
  out.survivors += survivors(trial.mark);
}

// The host dies by SIGKILL: nobody is left that could tidy up but the helper.
void kill_host_once(const Trial& trial, Outcome& out) {
  const pid_t child = fork();
  if (child < 0) fail("fork", std::strerror(errno));
  if (child == 0) {
    Host host(trial.folder, trial.command());
    for (;;) pause();
  }
  const bool up = wait_for_tree(trial.mark);
  const double start = now_ms();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  if (!up) fail("bash", "the tree did not come up in the host that is to be killed");
  while (count_marked(trial.mark) > 0 && now_ms() < start + kGraceMs) pause_ms(1);
  out.ms.push_back(now_ms() - start);
  out.survivors += count_marked(trial.mark);
}

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

void report_outcome(tau::bench::Report& report, const std::string& name, const Outcome& out) {
  report.add(name + "_p50", "ms", {quantile(out.ms, 0.5)});
  report.add(name + "_p99", "ms", {quantile(out.ms, 0.99)});
  report.add(name + "_survivors", "processes", {static_cast<double>(out.survivors)});
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  bool quick = false;
  for (int i = 1; i < argc; ++i) quick = quick || std::strcmp(argv[i], "--quick") == 0;
  std::string base = std::filesystem::temp_directory_path().string() + "/tau-bench-cancel-XXXXXX";
  if (mkdtemp(base.data()) == nullptr) fail(base.c_str(), std::strerror(errno));
  const int cancels = quick ? kCancels / 10 : kCancels;
  const int kills = quick ? 2 : kKills;
  Outcome killed;  // first: forking is for a process that has no threads yet
  for (int i = 0; i < kills; ++i) kill_host_once(Trial(base, "kill", i), killed);
  Outcome cancelled;
  for (int i = 0; i < cancels; ++i) cancel_once(Trial(base, "cancel", i), cancelled);
  Outcome reaped;
  std::atomic<bool> stop{false};
  std::thread reaper([&stop] {
    while (!stop) {
      if (waitpid(-1, nullptr, WNOHANG) <= 0) pause_ms(1);
    }
  });
  for (int i = 0; i < kills; ++i) cancel_once(Trial(base, "reap", i), reaped);
  stop = true;
  reaper.join();
  std::filesystem::remove_all(base);
  report_outcome(report, "cancel", cancelled);
  report_outcome(report, "cancel_with_foreign_waitpid", reaped);
  report_outcome(report, "host_killed", killed);
  const int status = report.finish();
  return cancelled.survivors + reaped.survivors + killed.survivors > 0 ? 1 : status;
}
