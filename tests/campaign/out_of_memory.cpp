// An allocation failure at every point of a run, through the C API: it ends only that run, with one terminal
// event, and the runtime goes on.
//
//   out_of_memory [FIRST [LAST]]
//
// Every allocation of the library after the runtime was opened fails once, each in a process of its own, so
// that a crash is one failure among others. Printed is TAP. A step of a run is tried until it works, as a
// host would: a call that fails for lack of memory may be repeated.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "tau/tau.h"

namespace {

bool armed = false;
long allocations = 0;
long fail_at = 0;

void* allocate(size_t size) {
  if (armed && ++allocations == fail_at) return nullptr;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(size_t size) {
  void* p = allocate(size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }

namespace {

constexpr int kMostSteps = 400;
constexpr int kNotReached = 10;

tau_str str(const char* text) { return {text, TAU_STRLEN}; }

// Two tool calls, one of which asks, steering in between, an answer.
constexpr const char* kConfig =
    R"({"model":"scripted/t","script":{"turns":[
      {"text":["let ","me see"],"tool_calls":[{"name":"add","arguments":{"a":2}},{"name":"ask","arguments":{"b":3}}]},
      {"tool_calls":[{"name":"add","arguments":{"a":5}}]},
      {"text":["It ","is ","5."],"usage":{"input":7,"output":3}},
      {"text":"More."},{"text":"And more."}]}})";

struct Story {
  int ends = 0;
  bool done = false;  // it ended well
  int calls = 0;
  int results = 0;
  int after_end = 0;
};

class Host {
 public:
  bool open() {
    tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
    o.flags = TAU_RUNTIME_NO_STORE | TAU_RUNTIME_MANUAL;
    o.config = str(kConfig);
    return tau_runtime_new(&o, &runtime_, nullptr) == TAU_OK;
  }
  void close() { tau_runtime_unref(runtime_); }

  // Empty, or what went wrong.
  const char* play(Story* story) {
    tau_agent* agent = nullptr;
    tau_session* session = nullptr;
    tau_run* run = nullptr;
    const char* wrong = start(&agent, &session, &run);
    if (wrong == nullptr) wrong = drive(run, story);
    tau_run_unref(run);
    tau_session_unref(session);
    tau_agent_unref(agent);
    return wrong;
  }

 private:
  const char* start(tau_agent** agent, tau_session** session, tau_run** run) {
    if (!twice([&] { return tau_agent_new(runtime_, str("{}"), agent, nullptr); })) return "no agent";
    tau_tool add = TAU_TOOL_INIT;
    add.name = str("add");
    add.effect = TAU_EFFECT_WRITE;
    if (!twice([&] { return tau_agent_add_tool(*agent, &add, nullptr); })) return "no tool";
    tau_tool ask = add;
    ask.name = str("ask");
    ask.flags = TAU_TOOL_ASK;
    if (!twice([&] { return tau_agent_add_tool(*agent, &ask, nullptr); })) return "no second tool";
    if (!twice([&] { return tau_session_open(*agent, str(""), session, nullptr); })) return "no session";
    tau_run_options o = TAU_RUN_OPTIONS_INIT;
    o.prompt = str("What is 2 + 3?");
    if (twice([&] { return tau_run_start(*session, &o, run, nullptr); })) return nullptr;
    return "no run";
  }

  template <class F>
  bool twice(F call) {
    return call() == TAU_OK || call() == TAU_OK;
  }

  void submit(tau_run* run, const char* pattern, const tau_event& event) {
    char op[256];
    std::snprintf(op, sizeof op, pattern, static_cast<int>(event.call_id.len), event.call_id.data);
    twice([&] { return tau_run_submit(run, str(op), nullptr, 0, nullptr); });
  }

  void answer(tau_run* run, tau_queue* queue, const tau_event& event, Story* story) {
    tau_str json = {"", 0};
    if (story->ends > 0) ++story->after_end;
    switch (event.kind) {
      case TAU_EVENT_TOOL_CALL:
        if (story->calls++ == 0) submit(run, R"({"op":"steer","id":"s%.*s","text":"hurry"})", event);
        submit(run, R"({"op":"tool_result","id":"r1","call_id":"%.*s","content":"5"})", event);
        break;
      case TAU_EVENT_APPROVAL:
        submit(run, R"({"op":"approval","call_id":"%.*s","allow":true})", event);
        break;
      case TAU_EVENT_TOOL_RESULT: ++story->results; break;
      case TAU_EVENT_RUN_DONE:
        ++story->ends;
        twice([&] { return tau_event_json(queue, &event, &json, nullptr); });
        story->done = std::string_view(json.data, json.len).find("\"done\"") != std::string_view::npos;
        break;
      default: break;
    }
  }

  const char* drive(tau_run* run, Story* story) {
    tau_queue* queue = tau_run_queue(run);
    if (queue == nullptr) return "no queue";
    tau_event event = {};
    event.struct_size = sizeof event;
    int idle = 0;
    for (int i = 0; i < kMostSteps && idle < 3; ++i) {
      const tau_status status = tau_queue_next(queue, story->ends > 0 ? 0 : 20, &event, nullptr);
      if (status == TAU_OK) answer(run, queue, event, story);
      idle = status == TAU_OK ? 0 : idle + 1;
    }
    if (story->ends == 0) return "the run does not end";
    if (story->ends > 1) return "two terminal events";
    if (story->after_end > 0) return "an event after the end";
    tau_buf out = {};
    const tau_status waited = tau_run_wait(run, 1'000, &out, nullptr);
    tau_buf_free(&out);
    return waited == TAU_DEADLINE_EXCEEDED || waited == TAU_AGAIN ? "waiting for the run does not end"
                                                                  : nullptr;
  }

  tau_runtime* runtime_ = nullptr;
};

// In a process of its own.
int try_failure(long n) {
  alarm(10);  // a process that hangs is killed
  Host host;
  Story healthy;
  if (!host.open()) return 2;
  if (const char* wrong = host.play(&healthy); wrong != nullptr || !healthy.done) {
    std::printf("# before any failure: %s\n", wrong == nullptr ? "it does not end well" : wrong);
    return 3;
  }
  Story story;
  fail_at = n;
  armed = true;
  const char* wrong = host.play(&story);
  armed = false;
  if (wrong != nullptr) std::printf("# allocation %ld: %s\n", n, wrong);
  Story again;
  const char* later = host.play(&again);
  if (later != nullptr || !again.done)
    std::printf("# after allocation %ld the next run: %s\n", n, later == nullptr ? "ends badly" : later);
  host.close();
  std::fflush(stdout);
  if (wrong != nullptr || later != nullptr || !again.done) return 1;
  return allocations < n ? kNotReached : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const long first = argc > 1 ? std::atol(argv[1]) : 1;
  const long last = argc > 2 ? std::atol(argv[2]) : 100'000;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 3 && first == last) return try_failure(first);
  long failed = 0;
  long n = first;
  for (; n <= last; ++n) {
    const pid_t child = fork();
    if (child == 0) _exit(try_failure(n));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotReached) break;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    ++failed;
    if (WIFSIGNALED(status)) std::printf("# allocation %ld: signal %d\n", n, WTERMSIG(status));
  }
  std::printf("# %ld allocations, %ld failures\n1..2\n", n - first, failed);
  std::printf("%s 1 - a failed allocation ends only its run\n", failed == 0 ? "ok" : "not ok");
  std::printf("%s 2 - there were allocations to fail\n", n - first > 100 ? "ok" : "not ok");
  return failed == 0 && n - first > 100 ? 0 : 1;
}
