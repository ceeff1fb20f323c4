// An allocation failure at every point of single calls of the C API: a call fails with out_of_memory and
// leaves nothing behind, or does as it always does; the same call succeeds afterwards.
//
//   out_of_memory_calls [--stride N] [--only NAME N]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "failing_memory.h"
#include "support/temp_dir.h"
#include "tau/tau.h"
#include "trials.h"

namespace tau::campaign {
namespace {

constexpr const char* kConfig =
    R"({"model":"scripted/calls","tools":[],"script":{"loop":true,"turns":[
      {"tool_calls":[{"name":"f","arguments":{"a":1}}]},{"text":["One, ","two."]}]}})";
constexpr const char* kResponse =
    R"({"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi",
      "tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":[1,2]}"}}]},
      "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})";
constexpr const char* kNeutral =
    R"({"model":"m","messages":[{"role":"system","parts":[{"type":"text","text":"Be brief."}]},
      {"role":"user","parts":[{"type":"text","text":"Hi"}]}],
      "tools":[{"name":"f","description":"d","parameters":{"type":"object"}}]})";
constexpr const char* kStream =
    "data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";
constexpr const char* kRefusal = R"({"error":{"message":"slow down","type":"rate_limit_error","code":"x"}})";

tau_str str(const char* text) { return {text, TAU_STRLEN}; }
tau_str str(const std::string& text) { return {text.data(), text.size()}; }

// What calls are made on: a runtime with a store, a session with a finished run.
struct World {
  const bool stored;
  test::TempDir dir;
  tau_runtime* runtime = nullptr;
  tau_agent* agent = nullptr;
  tau_session* session = nullptr;
  tau_vault* vault = nullptr;  // with the secret "a"
  std::string home;
  std::string vault_path;
  std::string backup;   // one that is there
  std::string sources;  // a JSON array that names it
  std::string run_id;
  std::string path;                // where nothing is, before each call
  const std::string id = "other";  // of no session
  int made = 0;
  int threads = 0;  // of this process while nothing is being called

  explicit World(bool on_a_disk);
  ~World() {
    tau_vault_unref(vault);
    tau_session_unref(session);
    tau_agent_unref(agent);
    if (runtime != nullptr) tau_runtime_stop(runtime, -1, nullptr);
    tau_runtime_unref(runtime);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  void refresh() { path = dir.path() + "/" + std::to_string(++made); }
  bool play();
};

tau_runtime_options manual_options(const World& world, bool stored) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  o.flags = TAU_RUNTIME_MANUAL | (stored ? 0 : TAU_RUNTIME_NO_STORE);
  o.workers = TAU_NO_WORKERS;
  o.config = str(kConfig);
  if (stored) o.home = str(world.home);
  return o;
}

tau_tool tool_f() {
  tau_tool tool = TAU_TOOL_INIT;
  tool.name = str("f");
  tool.effect = TAU_EFFECT_PURE;
  return tool;
}

tau_status open_vault(const std::string& path, tau_vault_flags flags, tau_vault** out, tau_error** err);

World::World(bool on_a_disk)
    : stored(on_a_disk),
      home(dir.path() + "/home"),
      vault_path(dir.path() + "/vault"),
      backup(dir.path() + "/backup"),
      sources("[\"" + backup + "\"]") {
  const tau_runtime_options o = manual_options(*this, stored);
  const tau_tool tool = tool_f();
  if (tau_runtime_new(&o, &runtime, nullptr) != TAU_OK ||
      tau_agent_new(runtime, str(""), &agent, nullptr) != TAU_OK ||
      tau_agent_add_tool(agent, &tool, nullptr) != TAU_OK ||
      tau_session_open(agent, str("one"), &session, nullptr) != TAU_OK || !play())
    std::abort();
  if (stored && (open_vault(vault_path, TAU_VAULT_CREATE, &vault, nullptr) != TAU_OK ||
                 tau_vault_put(vault, str("a"), "bytes", 5, str("https://host"), 0, nullptr) != TAU_OK))
    std::abort();
  tau_buf out = {};
  if (stored && tau_home_backup(runtime, str(backup), &out, nullptr) != TAU_OK) std::abort();
  tau_buf_free(&out);
  threads = threads_now();
}

// Without memory.
struct AnswerTo {
  char op[256];
  explicit AnswerTo(const tau_event& call) {
    std::snprintf(op, sizeof op, R"({"op":"tool_result","content":"x","call_id":"%.*s"})",
                  static_cast<int>(call.call_id.len), call.call_id.data);
  }
};

bool World::play() {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = str("Go.");
  tau_run* run = nullptr;
  if (tau_run_start(session, &options, &run, nullptr) != TAU_OK) return false;
  run_id = std::string(tau_run_id(run).data, tau_run_id(run).len);
  tau_event event = {};
  event.struct_size = sizeof event;
  while (tau_queue_next(tau_run_queue(run), -1, &event, nullptr) == TAU_OK) {
    if (event.kind != TAU_EVENT_TOOL_CALL) continue;
    tau_run_submit(run, str(AnswerTo(event).op), nullptr, 0, nullptr);
  }
  tau_run_unref(run);
  return true;
}

// A call under test. It fills `out`, or makes a handle and gives it back.
using Call = std::function<tau_status(World& world, tau_buf* out, tau_error** err)>;

struct Case {
  const char* name;
  bool stored;
  Call call;
  std::function<void(World& world)> prepare = {};  // makes what the call needs
  std::function<void(World& world)> tidy = {};     // takes away what it left
};

// A handle that is made is given back; none comes with a failure.
template <class Handle, class Make, class Give>
tau_status make_and_give(Make make, Give give_back) {
  Handle* handle = nullptr;
  const tau_status status = make(&handle);
  if ((status == TAU_OK) != (handle != nullptr)) std::abort();
  give_back(handle);
  return status;
}

void codec_cases(std::vector<Case>& cases) {
  cases.push_back({"tau_build_info", false,
                   [](World&, tau_buf* out, tau_error** err) { return tau_build_info(out, err); }});
  cases.push_back({"tau_wire_decode", false, [](World&, tau_buf* out, tau_error** err) {
                     return tau_wire_decode(str("openai_chat"), TAU_WIRE_RESPONSE,
                                            str(R"({"text_tool_calls":true})"), str(kResponse), out, err);
                   }});
  for (const char* dialect : {"openai_chat", "anthropic_messages"})
    cases.push_back({dialect, false, [dialect](World&, tau_buf* out, tau_error** err) {
                       return tau_wire_encode(str(dialect), TAU_WIRE_REQUEST, str(""), str(kNeutral), out,
                                              err);
                     }});
  cases.push_back({"tau_wire_decode_error", false, [](World&, tau_buf* out, tau_error** err) {
                     return tau_wire_decode_error(str("openai_chat"), 429, str(R"({"retry-after":"3"})"),
                                                  str(kRefusal), out, err);
                   }});
}

// What comes before the end of the stream is appended to `fed`, where it is wanted.
tau_status run_stream(tau_str dialect, tau_str bytes, bool encode, std::string* fed, tau_buf* out,
                      tau_error** err) {
  tau_wire_stream* stream = nullptr;
  tau_status status = encode ? tau_wire_stream_encoder_new(dialect, &stream, err)
                             : tau_wire_stream_new(dialect, str(""), &stream, err);
  if (status == TAU_OK) status = tau_wire_stream_feed(stream, bytes, out, err);
  if (status == TAU_OK) {
    if (fed != nullptr) fed->append(static_cast<const char*>(out->data), out->len);
    tau_buf_free(out);
    status = tau_wire_stream_end(stream, out, err);
  }
  tau_wire_stream_free(stream);
  return status;
}

// The neutral lines of kStream.
std::string decoded_stream() {
  std::string lines;
  tau_buf out = {};
  if (run_stream(str("openai_chat"), str(kStream), false, &lines, &out, nullptr) != TAU_OK) std::abort();
  lines.append(static_cast<const char*>(out.data), out.len);
  tau_buf_free(&out);
  return lines;
}

void stream_cases(std::vector<Case>& cases) {
  cases.push_back({"tau_wire_stream", false, [](World&, tau_buf* out, tau_error** err) {
                     return run_stream(str("openai_chat"), str(kStream), false, nullptr, out, err);
                   }});
  for (const char* dialect : {"openai_chat", "anthropic_messages"})
    cases.push_back({"tau_wire_stream_encoder", false,
                     [dialect, lines = decoded_stream()](World&, tau_buf* out, tau_error** err) {
                       return run_stream(str(dialect), str(lines), true, nullptr, out, err);
                     }});
}

// A runtime of its own, opened and closed.
tau_status open_and_close(const tau_runtime_options& o, tau_error** err) {
  return make_and_give<tau_runtime>([&](tau_runtime** out) { return tau_runtime_new(&o, out, err); },
                                    tau_runtime_unref);
}

void runtime_cases(std::vector<Case>& cases) {
  cases.push_back({"tau_runtime_new", false, [](World& w, tau_buf*, tau_error** err) {
                     return open_and_close(manual_options(w, false), err);
                   }});
  cases.push_back({"tau_runtime_new, threaded", false, [](World& w, tau_buf*, tau_error** err) {
                     tau_runtime_options o = manual_options(w, false);
                     o.flags = TAU_RUNTIME_NO_STORE;
                     o.loops = 3;
                     return open_and_close(o, err);
                   }});
  cases.push_back({"tau_runtime_stop", false, [](World& w, tau_buf*, tau_error** err) {
                     const tau_runtime_options o = manual_options(w, false);
                     tau_runtime* runtime = nullptr;
                     tau_status status = tau_runtime_new(&o, &runtime, err);
                     if (status == TAU_OK) status = tau_runtime_stop(runtime, -1, err);
                     tau_runtime_unref(runtime);
                     return status;
                   }});
  cases.push_back({"tau_runtime_borrow_loop, and back", false, [](World& w, tau_buf*, tau_error** err) {
                     tau_runtime_options o = manual_options(w, false);
                     o.flags = TAU_RUNTIME_NO_STORE;
                     tau_runtime* runtime = nullptr;
                     tau_status status = tau_runtime_new(&o, &runtime, err);
                     if (status == TAU_OK) status = tau_runtime_borrow_loop(runtime, 0, err);
                     if (status == TAU_OK) status = tau_runtime_process(runtime, 0, 0, err);
                     if (status == TAU_AGAIN) status = TAU_OK;
                     if (status == TAU_OK) status = tau_runtime_return_loop(runtime, 0, err);
                     tau_runtime_unref(runtime);
                     return status;
                   }});
  cases.push_back({"tau_runtime_new, a home that is there", true, [](World& w, tau_buf*, tau_error** err) {
                     return open_and_close(manual_options(w, true), err);
                   }});
  cases.push_back({"tau_runtime_new, a fresh home", true, [](World& w, tau_buf*, tau_error** err) {
                     tau_runtime_options o = manual_options(w, true);
                     o.home = str(w.path);
                     return open_and_close(o, err);
                   }});
  cases.push_back({"tau_runtime_describe", false, [](World& w, tau_buf* out, tau_error** err) {
                     return tau_runtime_describe(w.runtime, out, err);
                   }});
  cases.push_back({"tau_queue_new", false, [](World& w, tau_buf*, tau_error** err) {
                     return make_and_give<tau_queue>(
                         [&](tau_queue** out) { return tau_queue_new(w.runtime, nullptr, out, err); },
                         [](tau_queue* queue) {
                           if (queue != nullptr) tau_queue_fd(queue);
                           tau_queue_unref(queue);
                         });
                   }});
}

void agent_cases(std::vector<Case>& cases) {
  cases.push_back({"tau_agent_new", false, [](World& w, tau_buf*, tau_error** err) {
                     return make_and_give<tau_agent>(
                         [&](tau_agent** out) { return tau_agent_new(w.runtime, str(kConfig), out, err); },
                         tau_agent_unref);
                   }});
  cases.push_back({"tau_agent_add_tool", false, [](World& w, tau_buf*, tau_error** err) {
                     tau_agent* agent = nullptr;
                     tau_status status = tau_agent_new(w.runtime, str(kConfig), &agent, err);
                     tau_tool tool = TAU_TOOL_INIT;
                     tool.name = str("a_tool_with_a_long_name");
                     tool.parameters = str(R"({"type":"object","properties":{"a":{"type":"string"}}})");
                     if (status == TAU_OK) status = tau_agent_add_tool(agent, &tool, err);
                     tau_agent_unref(agent);
                     return status;
                   }});
  cases.push_back({"tau_agent_describe", false, [](World& w, tau_buf* out, tau_error** err) {
                     return tau_agent_describe(w.agent, out, err);
                   }});
}

void fork_fresh(World& w) {
  tau_session* session = nullptr;
  if (tau_session_fork(w.session, str(""), str(w.id), &session, nullptr) != TAU_OK) std::abort();
  tau_session_unref(session);
}

// Whether a call made it, or took it away, or not.
void remove_fresh(World& w) {
  const tau_status status = tau_session_remove(w.runtime, str(w.id), nullptr);
  if (status != TAU_OK && status != TAU_NOT_FOUND) std::abort();
}

void session_cases(std::vector<Case>& cases, bool stored) {
  const auto add = [&](const char* name, Call call) { cases.push_back({name, stored, std::move(call)}); };
  add("tau_session_open", [](World& w, tau_buf*, tau_error** err) {
    return make_and_give<tau_session>(
        [&](tau_session** out) { return tau_session_open(w.agent, str("one"), out, err); },
        tau_session_unref);
  });
  add("tau_session_fork", [](World& w, tau_buf*, tau_error** err) {
    return make_and_give<tau_session>(
        [&](tau_session** out) { return tau_session_fork(w.session, str(""), str(w.id), out, err); },
        tau_session_unref);
  });
  cases.back().tidy = remove_fresh;
  add("tau_session_remove",
      [](World& w, tau_buf*, tau_error** err) { return tau_session_remove(w.runtime, str(w.id), err); });
  cases.back().prepare = fork_fresh;
  cases.back().tidy = remove_fresh;
  add("tau_session_describe",
      [](World& w, tau_buf* out, tau_error** err) { return tau_session_describe(w.session, out, err); });
  add("tau_session_export",
      [](World& w, tau_buf* out, tau_error** err) { return tau_session_export(w.session, out, err); });
  add("tau_session_list", [](World& w, tau_buf* out, tau_error** err) {
    const tau_status status = tau_session_list(w.runtime, 1, str(""), out, err);
    return status;
  });
  add("tau_run_replay", [](World& w, tau_buf* out, tau_error** err) {
    return tau_run_replay(w.runtime, str(w.run_id), out, err);
  });
}

// An op for the run, which may have ended for lack of memory: its last event says so.
tau_status submit(tau_run* run, const char* op, const tau_blob* blob, tau_error** err) {
  const tau_status status = tau_run_submit(run, str(op), blob, blob == nullptr ? 0 : 1, err);
  const tau_str reason = tau_error_reason(*err);
  if (status == TAU_OK || std::string_view(reason.data, reason.len) != "run_ended") return status;
  tau_error_free(std::exchange(*err, nullptr));
  return TAU_OK;
}

// Drives the loop until the run is over, answers its calls and, once, says more.
tau_status drive(tau_runtime* runtime, tau_run* run, const tau_blob& blob, tau_error** err) {
  tau_event events[3] = {};
  events[0].struct_size = sizeof(tau_event);
  bool said = false;
  for (;;) {
    size_t count = 0;
    tau_status status = tau_queue_drain(tau_run_queue(run), events, std::size(events), &count, err);
    if (status == TAU_DONE) return TAU_OK;
    if (status == TAU_AGAIN) status = tau_runtime_process(runtime, 0, -1, err);
    for (size_t i = 0; i < count && status == TAU_OK; ++i) {
      if (events[i].kind != TAU_EVENT_TOOL_CALL) continue;
      if (!std::exchange(said, true))
        status = submit(run, R"({"op":"message","text":"And this?"})", &blob, err);
      if (status == TAU_OK) status = submit(run, AnswerTo(events[i]).op, nullptr, err);
    }
    if (status < 0) return status;
  }
}

tau_status run_to_its_end(tau_runtime* runtime, tau_agent* agent, tau_buf* out, tau_error** err) {
  static constexpr char kPixel[] = "not an image, but nobody looks";
  const tau_blob blob = {str("image/png"), str("a.png"), kPixel, sizeof kPixel};
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = str("What is this?");
  options.blobs = &blob;
  options.blob_count = 1;
  tau_session* session = nullptr;
  tau_run* run = nullptr;
  tau_status status = tau_session_open(agent, str(""), &session, err);  // forgotten with its handle
  if (status == TAU_OK) status = tau_run_start(session, &options, &run, err);
  if (status == TAU_OK) status = drive(runtime, run, blob, err);
  if (status == TAU_OK) {
    status = tau_run_wait(run, -1, out, err);
    if (status != TAU_OK) tau_buf_free(out);  // there is an outcome of a run that failed, too
  } else if (run != nullptr) {
    tau_run_cancel(run);
    tau_run_wait(run, -1, out, nullptr);
    tau_buf_free(out);
  }
  tau_run_unref(run);
  tau_session_unref(session);
  return status;
}

// A store remembers runs, on a disk and in memory, for as long as it is open.
tau_status run_of_its_own(World& w, tau_buf* out, tau_error** err) {
  const tau_runtime_options o = manual_options(w, w.stored);
  const tau_tool tool = tool_f();
  tau_runtime* runtime = nullptr;
  tau_agent* agent = nullptr;
  tau_status status = tau_runtime_new(&o, &runtime, err);
  if (status == TAU_OK) status = tau_agent_new(runtime, str(""), &agent, err);
  if (status == TAU_OK) status = tau_agent_add_tool(agent, &tool, err);
  if (status == TAU_OK) status = run_to_its_end(runtime, agent, out, err);
  tau_agent_unref(agent);
  tau_runtime_unref(runtime);
  return status;
}

void run_cases(std::vector<Case>& cases, bool stored) { cases.push_back({"a run", stored, run_of_its_own}); }

void home_cases(std::vector<Case>& cases) {
  const auto add = [&](const char* name, Call call) { cases.push_back({name, true, std::move(call)}); };
  add("tau_home_verify",
      [](World& w, tau_buf* out, tau_error** err) { return tau_home_verify(str(w.backup), out, err); });
  add("tau_home_backup", [](World& w, tau_buf* out, tau_error** err) {
    const tau_status status = tau_home_backup(w.runtime, str(w.path), out, err);
    return status;
  });
  add("tau_home_restore", [](World& w, tau_buf* out, tau_error** err) {
    return tau_home_restore(str(w.backup), str(w.path), 0, out, err);
  });
  add("tau_home_prune", [](World& w, tau_buf* out, tau_error** err) {
    return tau_home_prune(w.runtime, str(R"({"max_age_days":1,"dry_run":true})"), out, err);
  });
}

void request_cases(std::vector<Case>& cases) {
  const auto add = [&](const char* name, const char* request) {
    cases.push_back({name, true, [request](World& w, tau_buf* out, tau_error** err) {
                       return tau_runtime_perform(w.runtime, str(request), out, err);
                     }});
  };
  add("tau_runtime_perform", R"({"op":"approvals","all":true})");
  add("tau_runtime_perform", R"({"op":"model","model":"openai/gpt-5.4"})");
  add("tau_runtime_perform",
      R"({"op":"estimate","model":"openai/gpt-4o","request":{"messages":[{"role":"user","parts":[{"type":"text","text":"hi"}]}],"max_tokens":9}})");
  add("tau_runtime_perform",
      R"({"op":"resolve_did","did":"did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"})");
}

#include "out_of_memory_access.inc"
#include "out_of_memory_audit.inc"
#include "out_of_memory_memory.inc"
#include "out_of_memory_model.inc"
#include "out_of_memory_safety.inc"
#include "out_of_memory_vault.inc"

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  codec_cases(cases);
  stream_cases(cases);
  runtime_cases(cases);
  scanner_cases(cases);
  policy_cases(cases);
  agent_cases(cases);
  session_cases(cases, false);
  session_cases(cases, true);
  run_cases(cases, false);
  run_cases(cases, true);
  home_cases(cases);
  request_cases(cases);
  audit_cases(cases);
  memory_cases(cases);
  model_cases(cases);
  vault_cases(cases);
  identity_cases(cases);
  access_cases(cases);
  return cases;
}

struct Outcome {
  tau_status status = TAU_OK;
  std::string reason;
  std::string message;
  bool empty = true;  // nothing was handed out
  bool told() const { return status == TAU_RESOURCE_EXHAUSTED && reason == "out_of_memory"; }
  std::string text() const { return std::string(tau_status_name(status)) + " " + reason + ": " + message; }
};

// With an allocation that fails, or 0.
Outcome make(const Case& test, World& world, long fails_at) {
  world.refresh();
  if (test.prepare) test.prepare(world);
  Outcome outcome;
  tau_buf out = {};
  tau_error* err = nullptr;
  memory::fail_at(fails_at, false);
  outcome.status = memory::library([&] { return test.call(world, &out, &err); });
  memory::fail_never();
  const tau_str reason = tau_error_reason(err);
  const tau_str message = tau_error_message(err);
  if (reason.data != nullptr) outcome.reason.assign(reason.data, reason.len);
  if (message.data != nullptr) outcome.message.assign(message.data, message.len);
  outcome.empty = out.data == nullptr && out.len == 0;
  tau_buf_free(&out);
  tau_error_free(err);
  if (test.tidy) test.tidy(world);
  // Records that wait to be written are nothing that a call left behind.
  if (world.stored && tau_audit_head(world.runtime, str(""), &out, nullptr) == TAU_OK) tau_buf_free(&out);
  wait_for_threads(world.threads);
  return outcome;
}

// Empty, or what went wrong.
std::string fail_once(const Case& test, World& world, long n, bool* reached) {
  const Outcome outcome = make(test, world, n);
  *reached = memory::failed() > 0;
  if (outcome.status != TAU_OK && !outcome.told()) return outcome.text();
  if (outcome.status != TAU_OK && !outcome.empty) return "a failure with a result";
  const Outcome again = make(test, world, 0);
  return again.status == TAU_OK ? "" : "called again: " + again.text();
}

// What the library keeps to use again may be more or less after a failure, but not each time.
bool try_once(const Case& test, World& world, long n, Progress& progress) {
  bool reached = false;
  std::string problem;
  long left = 1;
  for (int i = 0; i < 3 && left != 0 && problem.empty(); ++i) {
    const long objects = memory::live_objects();
    problem = fail_once(test, world, n, &reached);
    left = memory::live_objects() - objects;
  }
  if (problem.empty() && left != 0) problem = std::to_string(left) + " objects are left";
  progress.injected += reached ? 1 : 0;
  if (!problem.empty()) progress.note(problem);
  return reached;
}

void try_case(const Case& test, Progress& progress) {
  memory::this_thread_is_of_the_test();
  World world(test.stored);
  for (int i = 0; i < 3; ++i) {
    const Outcome healthy = make(test, world, 0);
    if (healthy.status != TAU_OK) return progress.note("before any failure: " + healthy.text());
  }
  progress.try_each([&](long n) { return try_once(test, world, n, progress); });
}

// What is tried is memory: a disk that stores would only take its time.
void work_in_memory() {
  constexpr const char* kFolder = "/dev/shm";
  if (access(kFolder, W_OK) == 0) setenv("TMPDIR", kFolder, 0);
}

int main(int argc, char** argv) {
  work_in_memory();
  long stride = 1;
  const char* only = nullptr;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--stride") == 0) stride = std::atol(argv[i + 1]);
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
  }
  Trials trials;
  for (const Case& test : all_cases()) {
    if (only != nullptr && std::strcmp(only, test.name) != 0) continue;
    const std::string name = test.name + std::string(test.stored ? ", on a disk" : "");
    trials.run(name, stride, [&](Progress& progress) { try_case(test, progress); });
  }
  return trials.finish();
}

}  // namespace
}  // namespace tau::campaign

int main(int argc, char** argv) { return tau::campaign::main(argc, argv); }
