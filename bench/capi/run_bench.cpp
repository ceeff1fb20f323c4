// CPU of an agent run of two turns with one tool of the host and eight text deltas, through the whole C API:
// session, queue, events, op. The model is scripted and nothing is stored, so what is left is the library
// itself.
#include <sys/resource.h>
#include <tau/tau.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/report.h"

namespace {

using tau::bench::Report;

constexpr int kRuns = 400;  // of one sample
constexpr int kSamples = 15;
constexpr char kAnswer[] = "The sum of 1 and 2 is 3.";

constexpr char kConfig[] =
    R"({"model":"scripted/bench","tools":[],"policy":{"allow":["add"]},"script":{"loop":true,"turns":[)"
    R"({"tool_calls":[{"name":"add","arguments":{"a":1,"b":2}}]},)"
    R"({"text":["The ","sum ","of ","1 ","and ","2 ","is ","3."]}]}})";

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void check(const char* what, tau_status status, tau_error* err) {
  if (status < 0) fail(what, err != nullptr ? tau_error_message(err).data : tau_status_name(status));
}

struct Host {
  tau_runtime* runtime = nullptr;
  tau_agent* agent = nullptr;
  tau_queue* queue = nullptr;
  tau_session* session = nullptr;  // kept between runs, or null

  explicit Host(tau_runtime_flags flags) {
    tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
    tau_tool tool = TAU_TOOL_INIT;
    tau_error* err = nullptr;
    options.flags = flags | TAU_RUNTIME_NO_STORE;
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
    tau_session_unref(session);
    tau_queue_unref(queue);
    tau_agent_unref(agent);
    tau_runtime_unref(runtime);
  }
};

tau_session* open_session(const Host& host) {
  tau_session* session = nullptr;
  tau_error* err = nullptr;
  check("tau_session_open", tau_session_open(host.agent, {nullptr, 0}, &session, &err), err);
  return session;
}

void answer(tau_run* run, const tau_event& event) {
  char op[160];
  tau_error* err = nullptr;
  const int n = std::snprintf(op, sizeof op, R"({"op":"tool_result","call_id":"%.*s","content":"3"})",
                              static_cast<int>(event.call_id.len), event.call_id.data);
  check("tau_run_submit", tau_run_submit(run, {op, static_cast<size_t>(n)}, nullptr, 0, &err), err);
}

// One run from its prompt to its terminal event. A benchmark of a failing run would be fast and worthless.
void play(const Host& host, tau_session* session) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  tau_run* run = nullptr;
  tau_error* err = nullptr;
  options.prompt = {"What is 1 + 2?", TAU_STRLEN};
  options.queue = host.queue;
  check("tau_run_start", tau_run_start(session, &options, &run, &err), err);
  tau_event event{};
  event.struct_size = sizeof event;
  int texts = 0;
  int calls = 0;
  for (bool done = false; !done;) {
    check("tau_queue_next", tau_queue_next(host.queue, -1, &event, &err), err);
    if (event.kind == TAU_EVENT_TEXT) texts += static_cast<int>(event.text.len);
    if (event.kind == TAU_EVENT_TOOL_CALL) {
      ++calls;
      answer(run, event);
    }
    done = event.kind == TAU_EVENT_RUN_DONE;
  }
  tau_run_unref(run);
  if (calls != 1 || texts != static_cast<int>(std::strlen(kAnswer))) fail("run", "the script was not played");
}

double process_cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

struct Switches {
  double voluntary;
  double forced;
};

Switches switches() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {static_cast<double>(usage.ru_nvcsw), static_cast<double>(usage.ru_nivcsw)};
}

void play_fresh(const Host& host) {
  tau_session* session = open_session(host);
  play(host, session);
  tau_session_unref(session);
}

// The same session grows by four messages with every run; it starts over with each sample.
void measure_manual(Report& report, bool quick) {
  Host host(TAU_RUNTIME_MANUAL);
  std::vector<double> fresh;
  std::vector<double> same;
  const int runs = quick ? kRuns / 10 : kRuns;
  for (int sample = 0; sample < kSamples; ++sample) {
    std::int64_t start = tau::bench::thread_cpu_ns();
    for (int i = 0; i < runs; ++i) play_fresh(host);
    fresh.push_back(static_cast<double>(tau::bench::thread_cpu_ns() - start) / 1e3 / runs);
    host.session = open_session(host);
    start = tau::bench::thread_cpu_ns();
    constexpr int kTurnsOfSession = 10;
    for (int i = 0; i < kTurnsOfSession; ++i) play(host, host.session);
    same.push_back(static_cast<double>(tau::bench::thread_cpu_ns() - start) / 1e3 / kTurnsOfSession);
    tau_session_unref(host.session);
    host.session = nullptr;
  }
  report.add("manual_fresh_session", "us_cpu_per_run", std::move(fresh));
  report.add("manual_same_session_of_10", "us_cpu_per_run", std::move(same));
}

void measure_threaded(Report& report, bool quick) {
  Host host(0);
  std::vector<double> cpu;
  std::vector<double> voluntary;
  std::vector<double> forced;
  const int runs = quick ? kRuns / 10 : kRuns;
  for (int sample = 0; sample < kSamples; ++sample) {
    const double start = process_cpu_us();
    const Switches before = switches();
    for (int i = 0; i < runs; ++i) play_fresh(host);
    const Switches after = switches();
    cpu.push_back((process_cpu_us() - start) / runs);
    voluntary.push_back((after.voluntary - before.voluntary) / runs);
    forced.push_back((after.forced - before.forced) / runs);
  }
  report.add("threaded_fresh_session", "us_cpu_per_run", std::move(cpu));
  report.add("threaded_voluntary_switches", "per_run", std::move(voluntary));
  report.add("threaded_forced_switches", "per_run", std::move(forced));
}

}  // namespace

int main(int argc, char** argv) {
  // `--count N` plays N runs in manual mode and reports nothing: for counting instructions by a difference.
  if (argc == 3 && std::strcmp(argv[1], "--count") == 0) {
    Host host(TAU_RUNTIME_MANUAL);
    for (long i = std::atol(argv[2]); i > 0; --i) play_fresh(host);
    return 0;
  }
  Report report(argc, argv);
  bool quick = false;
  for (int i = 1; i < argc; ++i) quick = quick || std::strcmp(argv[i], "--quick") == 0;
  measure_manual(report, quick);
  measure_threaded(report, quick);
  return report.finish();
}
