/* A C program plays whole runs through the public API: host tools in both forms, approval, steering, cancel,
 * manual mode, bad input. Prints TAP. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tau/tau.h>
#include <unistd.h>

#include "tap.h"

static int is(tau_str s, const char* text) {
  return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

static tau_runtime* open_runtime(tau_runtime_flags flags, const char* config) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* rt = NULL;
  tau_error* err = NULL;
  o.flags = flags | TAU_RUNTIME_NO_STORE;
  o.config = str(config);
  if (tau_runtime_new(&o, &rt, &err) != TAU_OK) {
    printf("# %.*s\n", (int)tau_error_message(err).len, tau_error_message(err).data);
    tau_error_free(err);
  }
  return rt;
}

static const char* kAddScript =
    "{\"model\":\"scripted/test\",\"script\":{\"turns\":["
    "{\"tool_calls\":[{\"name\":\"add\",\"arguments\":{\"a\":2,\"b\":3}}]},"
    "{\"text\":[\"It \",\"is \",\"5.\"],\"usage\":{\"input\":7,\"output\":3}}]}}";

static tau_tool add_tool(void) {
  tau_tool tool = TAU_TOOL_INIT;
  tool.name = str("add");
  tool.description = str("Adds two numbers.");
  tool.parameters =
      str("{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{\"type\":\"number\"},"
          "\"b\":{\"type\":\"number\"}}}");
  tool.effect = TAU_EFFECT_PURE;
  return tool;
}

static tau_run* start(tau_runtime* rt, const tau_tool* tool, tau_session** session_out) {
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  tau_error* err = NULL;
  o.prompt = str("What is 2 + 3?");
  if (tau_agent_new(rt, str("{}"), &agent, &err) == TAU_OK &&
      (tool == NULL || tau_agent_add_tool(agent, tool, &err) == TAU_OK) &&
      tau_session_open(agent, str(""), &session, &err) == TAU_OK)
    tau_run_start(session, &o, &run, &err);
  if (err != NULL) printf("# %.*s\n", (int)tau_error_message(err).len, tau_error_message(err).data);
  tau_error_free(err);
  tau_agent_unref(agent);
  if (session_out != NULL) {
    *session_out = session;
  } else {
    tau_session_unref(session);
  }
  return run;
}

/* What a run's events added up to. */
struct story {
  char text[256];
  int tool_calls, approvals, results, ends, accepted, rejected;
  char outcome[1024];
};

static void on_event(tau_run* run, tau_queue* queue, const tau_event* ev, struct story* story,
                     const char* approval) {
  char op[256];
  tau_str json;
  switch (ev->kind) {
    case TAU_EVENT_TEXT: strncat(story->text, ev->text.data, ev->text.len); break;
    case TAU_EVENT_TOOL_CALL:
      ++story->tool_calls;
      snprintf(op, sizeof op, "{\"op\":\"tool_result\",\"id\":\"r1\",\"call_id\":\"%.*s\",\"content\":\"5\"}",
               (int)ev->call_id.len, ev->call_id.data);
      tau_run_submit(run, str(op), NULL, 0, NULL);
      break;
    case TAU_EVENT_APPROVAL:
      ++story->approvals;
      if (approval == NULL) {
        tau_run_cancel(run);
        break;
      }
      snprintf(op, sizeof op, "{\"op\":\"approval\",\"call_id\":\"%.*s\",\"allow\":%s}", (int)ev->call_id.len,
               ev->call_id.data, approval);
      tau_run_submit(run, str(op), NULL, 0, NULL);
      break;
    case TAU_EVENT_TOOL_RESULT: ++story->results; break;
    case TAU_EVENT_OP_ACCEPTED: ++story->accepted; break;
    case TAU_EVENT_OP_REJECTED: ++story->rejected; break;
    case TAU_EVENT_RUN_DONE:
      ++story->ends;
      if (tau_event_json(queue, ev, &json, NULL) == TAU_OK)
        snprintf(story->outcome, sizeof story->outcome, "%.*s", (int)json.len, json.data);
      break;
    default: break;
  }
}

static struct story play(tau_run* run, const char* approval) {
  struct story story;
  tau_event ev;
  tau_queue* queue = tau_run_queue(run);
  int rounds = 0;
  memset(&story, 0, sizeof story);
  memset(&ev, 0, sizeof ev);
  ev.struct_size = sizeof ev;
  while (story.ends == 0 && ++rounds < 1000) {
    tau_status s = tau_queue_next(queue, 5000, &ev, NULL);
    if (s != TAU_OK) break;
    on_event(run, queue, &ev, &story, approval);
  }
  return story;
}

static void test_event_tool(tau_runtime_flags flags, const char* name) {
  tau_runtime* rt = open_runtime(flags, kAddScript);
  tau_tool tool = add_tool();
  tau_run* run = start(rt, &tool, NULL);
  struct story story = play(run, NULL);
  char what[128];
  snprintf(what, sizeof what, "%s: a tool call is answered by the host and the answer streams", name);
  check(story.tool_calls == 1 && story.results == 1 && strcmp(story.text, "It is 5.") == 0, what);
  snprintf(what, sizeof what, "%s: the op with an id was accepted and the run ended once, well", name);
  check(story.accepted == 1 && story.ends == 1 && strstr(story.outcome, "\"status\":\"done\"") != NULL, what);
  tau_run_unref(run);
  tau_runtime_unref(rt);
}

static int finalized;
static void finalize(void* userdata) { finalized += *(int*)userdata; }
static void invoke(void* userdata, const tau_tool_call* call, tau_tool_reply* reply) {
  (void)userdata;
  if (strstr(call->arguments.data, "\"a\":2") == NULL) {
    tau_tool_reply_drop(reply);
    return;
  }
  tau_tool_reply_complete(reply, str("5"), NULL);
}

static void test_invoke_tool(void) {
  static int one = 1;
  tau_runtime* rt = open_runtime(0, kAddScript);
  tau_tool tool = add_tool();
  struct story story;
  tau_run* run;
  tool.invoke = invoke;
  tool.userdata = &one;
  tool.finalize = finalize;
  run = start(rt, &tool, NULL);
  story = play(run, NULL);
  check(story.tool_calls == 0 && story.results == 1 && strstr(story.outcome, "\"done\"") != NULL,
        "a C function runs as a tool");
  tau_run_unref(run);
  check(tau_runtime_stop(rt, 5000, NULL) == TAU_OK, "the runtime stops");
  tau_runtime_unref(rt);
}

static void test_approval(const char* answer, const char* wanted, const char* what) {
  tau_runtime* rt = open_runtime(0, kAddScript);
  tau_tool tool = add_tool();
  struct story story;
  tau_run* run;
  tool.flags = TAU_TOOL_ASK;
  run = start(rt, &tool, NULL);
  story = play(run, answer);
  check(
      story.approvals == 1 && story.ends == 1 && story.results == 1 && strstr(story.outcome, wanted) != NULL,
      what);
  tau_run_unref(run);
  tau_runtime_unref(rt);
}

static void test_wait_and_busy(void) {
  tau_runtime* rt =
      open_runtime(0, "{\"model\":\"scripted/t\",\"script\":{\"turns\":[{\"text\":\"x\",\"hang\":true}]}}");
  tau_session* session = NULL;
  tau_run* run = start(rt, NULL, &session);
  tau_run* second = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  tau_error* err = NULL;
  tau_buf out;
  o.prompt = str("again");
  check(tau_run_start(session, &o, &second, &err) == TAU_UNAVAILABLE && second == NULL &&
            is(tau_error_reason(err), "session_busy"),
        "a session has one writer");
  tau_error_free(err);
  err = NULL;
  check(
      tau_run_wait(run, 20, &out, &err) == TAU_DEADLINE_EXCEEDED && is(tau_error_reason(err), "wait_timeout"),
      "waiting ends when it should");
  tau_error_free(err);
  err = NULL;
  tau_run_cancel(run);
  check(tau_run_wait(run, 5000, &out, &err) == TAU_CANCELLED && strstr(out.data, "\"cancelled\"") != NULL,
        "a cancelled run says so");
  tau_error_free(err);
  tau_buf_free(&out);
  tau_buf_free(&out);
  err = NULL;
  check(tau_run_submit(run, str("{\"op\":\"message\",\"text\":\"x\"}"), NULL, 0, &err) ==
            TAU_FAILED_PRECONDITION,
        "ops after the end are refused");
  tau_error_free(err);
  tau_run_unref(run);
  tau_session_unref(session);
  tau_runtime_unref(rt);
}

static void test_manual_poll(void) {
  tau_runtime* rt = open_runtime(TAU_RUNTIME_MANUAL, kAddScript);
  tau_tool tool = add_tool();
  tau_run* run = start(rt, &tool, NULL);
  tau_queue* queue = tau_run_queue(run);
  struct story story;
  struct pollfd fds[2];
  tau_event events[8];
  int rounds = 0;
  memset(&story, 0, sizeof story);
  fds[0].fd = tau_runtime_fd(rt, 0);
  fds[1].fd = tau_queue_fd(queue);
  fds[0].events = fds[1].events = POLLIN;
  while (story.ends == 0 && ++rounds < 200 && poll(fds, 2, 5000) > 0) {
    size_t n = 0, i;
    tau_runtime_process(rt, 0, 0, NULL);
    events[0].struct_size = sizeof events[0];
    if (tau_queue_drain(queue, events, 8, &n, NULL) != TAU_OK) continue;
    for (i = 0; i < n; ++i) on_event(run, queue, &events[i], &story, NULL);
  }
  check(story.ends == 1 && strcmp(story.text, "It is 5.") == 0,
        "poll on both descriptors drives a run in manual mode");
  tau_run_unref(run);
  tau_runtime_unref(rt);
}

static void bad(tau_status got, tau_status wanted, tau_error** error, const char* reason, const char* what) {
  tau_error* err = *error;
  *error = NULL;
  if (got != wanted || !is(tau_error_reason(err), reason))
    printf("# got %s %.*s: %.*s\n", tau_status_name(got), (int)tau_error_reason(err).len,
           tau_error_reason(err).data, (int)tau_error_message(err).len, tau_error_message(err).data);
  check(got == wanted && is(tau_error_reason(err), reason), what);
  tau_error_free(err);
}

static void test_bad_input(void) {
  tau_runtime* rt = open_runtime(0, kAddScript);
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = start(rt, NULL, NULL);
  tau_error* err = NULL;
  tau_tool tool = add_tool();
  struct {
    tau_runtime_options known;
    char tail[256]; /* beyond what releases after these headers have appended */
  } newer;
  bad(tau_agent_new(rt, str("{\"modle\":\"x\"}"), &agent, &err), TAU_INVALID_ARGUMENT, &err, "unknown_key",
      "an unknown key is named");
  bad(tau_agent_new(rt, str("{\"model\":\"a\",\"model\":\"b\"}"), &agent, &err), TAU_INVALID_ARGUMENT, &err,
      "duplicate_key", "duplicate keys are refused");
  bad(tau_agent_new(rt, str("{\"model\":\"gpt\"}"), &agent, &err), TAU_INVALID_ARGUMENT, &err,
      "invalid_model_reference", "a model reference needs its provider");
  bad(tau_agent_new(rt, str("\xff\xfe"), &agent, &err), TAU_INVALID_ARGUMENT, &err, "invalid_utf8",
      "text must be UTF-8");
  bad(tau_agent_new(NULL, str("{}"), &agent, &err), TAU_INVALID_ARGUMENT, &err, "null_argument",
      "NULL is an error, not a crash");
  tau_agent_new(rt, str("{}"), &agent, NULL);
  bad(tau_session_open(agent, str("../etc"), &session, &err), TAU_INVALID_ARGUMENT, &err,
      "invalid_session_id", "ids are no paths");
  tool.name = str("bad name!");
  bad(tau_agent_add_tool(agent, &tool, &err), TAU_INVALID_ARGUMENT, &err, "invalid_manifest",
      "tool names are checked");
  bad(tau_run_submit(run, str("{\"op\":\"dance\"}"), NULL, 0, &err), TAU_INVALID_ARGUMENT, &err, "unknown_op",
      "an unknown op is named");
  bad(tau_run_submit(run, str("{\"op\":\"steer\",\"text\":1}"), NULL, 0, &err), TAU_INVALID_ARGUMENT, &err,
      "wrong_type", "types of ops are checked");
  memset(&newer, 0, sizeof newer);
  newer.known.struct_size = sizeof newer;
  newer.known.flags = TAU_RUNTIME_NO_STORE;
  {
    tau_runtime* other = NULL;
    check(tau_runtime_new(&newer.known, &other, NULL) == TAU_OK,
          "a newer program with nothing new set is served");
    tau_runtime_unref(other);
    newer.tail[sizeof newer.tail - 1] = 1;
    bad(tau_runtime_new(&newer.known, &other, &err), TAU_UNIMPLEMENTED, &err, "options_too_new",
        "what is not known is refused");
  }
  tau_run_unref(run);
  tau_agent_unref(agent);
  tau_runtime_unref(rt);
}

static void test_fork(void) {
  tau_runtime* rt = open_runtime(0, kAddScript);
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    tau_agent* agent = NULL;
    tau_status s = tau_agent_new(rt, str("{}"), &agent, NULL);
    tau_runtime_unref(rt);
    _exit(s == TAU_FAILED_PRECONDITION ? 7 : 1);
  }
  waitpid(pid, &status, 0);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a forked child may only release");
  tau_runtime_unref(rt);
}

int main(void) {
  test_event_tool(0, "threaded");
  test_event_tool(TAU_RUNTIME_MANUAL, "manual");
  test_invoke_tool();
  test_approval("true", "\"done\"", "an approved call runs");
  test_approval("false", "\"done\"", "a denied call is an error result and the run goes on");
  test_approval(NULL, "\"cancelled\"", "cancel while an approval waits");
  test_wait_and_busy();
  test_manual_poll();
  test_bad_input();
  test_fork();
  check(finalized == 1, "userdata was finalized exactly once");
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
