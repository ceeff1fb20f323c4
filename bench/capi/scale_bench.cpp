// Many sessions in one process: a thousand runs that stream at once, what an idle session holds, and whether
// memory stays flat while ten thousand sessions come and go. Memory is what malloc has given out (all
// arenas), and the resident set.
#include <malloc.h>
#include <sys/resource.h>
#include <tau/tau.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "support/report.h"

namespace {

constexpr int kAtOnce = 1000;
constexpr int kComeAndGo = 10'000;
constexpr size_t kBatch = 64;
constexpr char kPrompt[] = "What is 1 + 2?";
constexpr char kAnswer[] = "The sum of 1 and 2 is 3.";

// The delays put the deltas of all runs between each other.
constexpr char kConfig[] =
    R"({"model":"scripted/bench","tools":[],"policy":{"allow":["add"]},"store":{"durability":"relaxed"},)"
    R"("script":{"loop":true,"turns":[{"tool_calls":[{"name":"add","arguments":{"a":1,"b":2}}]},)"
    R"({"text":["The ","sum ","of ","1 ","and ","2 ","is ","3."],"delay_ms":1}]}})";

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void check(const char* what, tau_status status, tau_error* err) {
  if (status < 0) fail(what, err != nullptr ? tau_error_message(err).data : tau_status_name(status));
}

double process_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

// A line of /proc/self/status, in KiB or pieces.
double status_of(const char* field) {
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) fail("/proc/self/status", std::strerror(errno));
  char line[256];
  double value = -1;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::strncmp(line, field, std::strlen(field)) == 0) value = std::atof(line + std::strlen(field) + 1);
  std::fclose(file);
  return value;
}

struct Host {
  tau_runtime* runtime = nullptr;
  tau_agent* agent = nullptr;
  tau_queue* queue = nullptr;

  // Without a home sessions live in memory only.
  explicit Host(const std::string& home) {
    tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
    tau_tool tool = TAU_TOOL_INIT;
    tau_error* err = nullptr;
    options.flags = home.empty() ? TAU_RUNTIME_NO_STORE : 0;
    options.home = {home.c_str(), home.size()};
    options.workers = TAU_NO_WORKERS;
    options.config = {kConfig, TAU_STRLEN};
    check("tau_runtime_new", tau_runtime_new(&options, &runtime, &err), err);
    check("tau_agent_new", tau_agent_new(runtime, {nullptr, 0}, &agent, &err), err);
    tool.name = {"add", TAU_STRLEN};
    tool.effect = TAU_EFFECT_PURE;
    check("tau_agent_add_tool", tau_agent_add_tool(agent, &tool, &err), err);
    check("tau_queue_new", tau_queue_new(runtime, nullptr, &queue, &err), err);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    tau_queue_unref(queue);
    tau_agent_unref(agent);
    tau_runtime_stop(runtime, -1, nullptr);
    tau_runtime_unref(runtime);
  }
};

struct Play {
  tau_session* session = nullptr;
  tau_run* run = nullptr;
  int texts = 0;
  int calls = 0;
};

void start(const Host& host, Play& play) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  tau_error* err = nullptr;
  options.prompt = {kPrompt, TAU_STRLEN};
  options.queue = host.queue;
  options.userdata = &play;
  if (play.session == nullptr)
    check("tau_session_open", tau_session_open(host.agent, {nullptr, 0}, &play.session, &err), err);
  check("tau_run_start", tau_run_start(play.session, &options, &play.run, &err), err);
}

void answer(const Play& play, const tau_event& event) {
  char op[160];
  tau_error* err = nullptr;
  const int n = std::snprintf(op, sizeof op, R"({"op":"tool_result","call_id":"%.*s","content":"3"})",
                              static_cast<int>(event.call_id.len), event.call_id.data);
  check("tau_run_submit", tau_run_submit(play.run, {op, static_cast<size_t>(n)}, nullptr, 0, &err), err);
}

// True for the last event of a run, which must have gone well.
bool take(const tau_event& event) {
  Play& play = *static_cast<Play*>(event.userdata);
  if (event.kind == TAU_EVENT_TEXT) play.texts += static_cast<int>(event.text.len);
  if (event.kind == TAU_EVENT_TOOL_CALL) {
    ++play.calls;
    answer(play, event);
  }
  if (event.kind != TAU_EVENT_RUN_DONE) return false;
  if (play.calls != 1 || play.texts != static_cast<int>(std::strlen(kAnswer)) ||
      event.text.len != std::strlen(kAnswer))
    fail("run", "the script was not played");
  play.texts = play.calls = 0;
  tau_run_unref(play.run);
  play.run = nullptr;
  return true;
}

void read_to_end(const Host& host, size_t runs) {
  tau_event events[kBatch] = {};
  tau_error* err = nullptr;
  events[0].struct_size = sizeof events[0];
  while (runs > 0) {
    size_t count = 1;
    check("tau_queue_next", tau_queue_next(host.queue, -1, events, &err), err);
    do {
      for (size_t i = 0; i < count; ++i) runs -= take(events[i]) ? 1 : 0;
      check("tau_queue_drain", tau_queue_drain(host.queue, events, kBatch, &count, &err), err);
    } while (count > 0);
  }
}

void play_all(const Host& host, std::vector<Play>& plays) {
  for (Play& play : plays) start(host, play);
  read_to_end(host, plays.size());
}

void close_all(std::vector<Play>& plays) {
  for (Play& play : plays) tau_session_unref(play.session);
  plays.clear();
}

// Sessions that come and go, each with one run.
void come_and_go(const Host& host, int runs) {
  for (int i = 0; i < runs; ++i) {
    std::vector<Play> one(1);
    play_all(host, one);
    close_all(one);
  }
}

using tau::bench::Report;

void measure_at_once(Report& report, const std::string& name, const std::string& home, bool quick) {
  const size_t runs = quick ? kAtOnce / 10 : kAtOnce;
  std::vector<double> cpu;
  std::vector<double> held;
  double threads = 0;
  for (int sample = 0; sample < (quick ? 1 : 5); ++sample) {
    Host host(home);
    come_and_go(host, 10);
    std::vector<Play> plays(runs);
    const double before = heap_bytes();
    const double begin = process_cpu_us();
    for (Play& play : plays) start(host, play);
    held.push_back((heap_bytes() - before) / static_cast<double>(runs));
    threads = status_of("Threads:");
    read_to_end(host, runs);
    cpu.push_back((process_cpu_us() - begin) / static_cast<double>(runs));
    close_all(plays);
  }
  report.add(name + "_1000_runs_cpu", "us_per_run", std::move(cpu));
  report.add(name + "_1000_runs_heap", "bytes_per_run", std::move(held));
  report.add(name + "_1000_runs_threads", "threads", {threads});
}

// Sessions that were opened, then those that have had a run, with the four messages of it. Without a home
// their journal is in memory, too. The database has filled its cache of pages before anything is counted.
void measure_idle(Report& report, const std::string& name, const std::string& home, bool quick) {
  const size_t sessions = quick ? kAtOnce / 10 : kAtOnce;
  Host host(home);
  std::vector<Play> plays(sessions);
  come_and_go(host, kAtOnce);
  tau_error* err = nullptr;
  const double before = heap_bytes();
  for (Play& play : plays)
    check("tau_session_open", tau_session_open(host.agent, {nullptr, 0}, &play.session, &err), err);
  report.add(name + "_opened_session", "bytes", {(heap_bytes() - before) / static_cast<double>(sessions)});
  for (Play& play : plays) {  // one by one: no more runs than one are ever kept for others
    start(host, play);
    read_to_end(host, 1);
  }
  report.add(name + "_idle_session", "bytes", {(heap_bytes() - before) / static_cast<double>(sessions)});
  close_all(plays);
}

void measure_flatness(Report& report, const std::string& name, const std::string& home, bool quick) {
  const int sessions = quick ? kComeAndGo / 10 : kComeAndGo;
  Host host(home);
  double heap_first = 0;
  double rss_first = 0;
  for (int i = 1; i <= sessions; ++i) {
    come_and_go(host, 1);
    if (i != sessions / 10 && i != sessions / 2 && i != sessions) continue;
    const double heap = heap_bytes() / 1024;
    const double rss = status_of("VmRSS:");
    const std::string after = "_after_" + std::to_string(i);
    if (i == sessions / 10) {
      heap_first = heap;
      rss_first = rss;
      report.add(name + "_heap" + after, "KiB", {heap});
      report.add(name + "_resident" + after, "KiB", {rss});
    } else {
      report.add(name + "_heap" + after, "KiB", {heap}, {heap_first});
      report.add(name + "_resident" + after, "KiB", {rss}, {rss_first});
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Report report(argc, argv);
  bool quick = false;
  for (int i = 1; i < argc; ++i) quick = quick || std::strcmp(argv[i], "--quick") == 0;
  std::string base = std::filesystem::temp_directory_path().string() + "/tau-bench-scale-XXXXXX";
  if (mkdtemp(base.data()) == nullptr) fail(base.c_str(), std::strerror(errno));
  const std::pair<std::string, std::string> places[] = {{"memory", ""}, {"store", base}};
  for (const auto& [name, home] : places) measure_flatness(report, name, home, quick);
  for (const auto& [name, home] : places) {
    measure_at_once(report, name, home, quick);
    measure_idle(report, name, home, quick);
  }
  std::filesystem::remove_all(base);
  return report.finish();
}
