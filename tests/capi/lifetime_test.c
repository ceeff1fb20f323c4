/* What is given back, and when: the userdata of tools, the leases of sessions. Prints TAP. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>
#include <unistd.h>

#include "tap.h"

static const char* kCall =
    "{\"model\":\"scripted/"
    "x\",\"script\":{\"turns\":[{\"tool_calls\":[{\"name\":\"slow\",\"arguments\":{}}]},"
    "{\"text\":\"yes\"}]}}";
static const char* kAnswer =
    "{\"model\":\"scripted/x\",\"script\":{\"turns\":[{\"text\":\"yes\"}],\"loop\":true}}";

static char home[64];

static tau_runtime* open_runtime(tau_runtime_flags flags, const char* config) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* rt = NULL;
  o.flags = flags;
  o.config = str(config);
  o.home = str(home);
  if (tau_runtime_new(&o, &rt, NULL) != TAU_OK) check(0, "a runtime opens");
  return rt;
}

static tau_session* open_session(tau_runtime* rt, const tau_tool* tool) {
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_agent_new(rt, str("{}"), &agent, NULL);
  if (tool != NULL) tau_agent_add_tool(agent, tool, NULL);
  if (tau_session_open(agent, str("one"), &session, NULL) != TAU_OK) check(0, "a session opens");
  tau_agent_unref(agent);
  return session;
}

/* A whole run; 1 when it went well. */
static int run_once(tau_session* session) {
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  tau_run* run = NULL;
  tau_error* err = NULL;
  tau_buf out = {NULL, 0, NULL};
  int good;
  o.prompt = str("go");
  good = tau_run_start(session, &o, &run, &err) == TAU_OK && tau_run_wait(run, 10000, &out, &err) == TAU_OK;
  if (!good) printf("# %.*s\n", (int)tau_error_message(err).len, tau_error_message(err).data);
  tau_error_free(err);
  tau_buf_free(&out);
  tau_run_unref(run);
  return good;
}

struct slow {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int may_return, returned, finalized;
};

/* Answers, and goes on for a while. */
static void invoke(void* userdata, const tau_tool_call* call, tau_tool_reply* reply) {
  struct slow* slow = userdata;
  int i;
  (void)call;
  tau_tool_reply_complete(reply, str("5"), NULL);
  pthread_mutex_lock(&slow->mutex);
  while (!slow->may_return) pthread_cond_wait(&slow->changed, &slow->mutex);
  pthread_mutex_unlock(&slow->mutex);
  for (i = 0; i < 1000; ++i) sched_yield();
  pthread_mutex_lock(&slow->mutex);
  slow->returned = 1;
  pthread_mutex_unlock(&slow->mutex);
}

static void finalize(void* userdata) {
  struct slow* slow = userdata;
  pthread_mutex_lock(&slow->mutex);
  slow->finalized += slow->returned ? 1 : 100;
  pthread_mutex_unlock(&slow->mutex);
}

static int read_int(struct slow* slow, const int* value) {
  int copy;
  pthread_mutex_lock(&slow->mutex);
  copy = *value;
  pthread_mutex_unlock(&slow->mutex);
  return copy;
}

static void test_finalize(tau_runtime_flags flags, const char* mode) {
  struct slow slow = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
  tau_runtime* rt = open_runtime(flags | TAU_RUNTIME_NO_STORE, kCall);
  tau_tool tool = TAU_TOOL_INIT;
  tau_session* session;
  char what[96];
  tool.name = str("slow");
  tool.effect = TAU_EFFECT_PURE;
  tool.invoke = invoke;
  tool.userdata = &slow;
  tool.finalize = finalize;
  session = open_session(rt, &tool);
  snprintf(what, sizeof what, "%s: a run ends before its tool returns", mode);
  check(run_once(session), what);
  snprintf(what, sizeof what, "%s: stopping waits for the tool", mode);
  check(tau_runtime_stop(rt, 20, NULL) == TAU_DEADLINE_EXCEEDED, what);
  pthread_mutex_lock(&slow.mutex);
  slow.may_return = 1;
  pthread_cond_signal(&slow.changed);
  pthread_mutex_unlock(&slow.mutex);
  snprintf(what, sizeof what, "%s: until it has returned", mode);
  check(tau_runtime_stop(rt, -1, NULL) == TAU_OK && read_int(&slow, &slow.returned) == 1, what);
  check(read_int(&slow, &slow.finalized) == 0, "its userdata stays as long as a session needs it");
  tau_session_unref(session);
  snprintf(what, sizeof what, "%s: then the last handle finalizes it, once", mode);
  check(read_int(&slow, &slow.finalized) == 1, what);
  tau_runtime_unref(rt);
  check(read_int(&slow, &slow.finalized) == 1, "and nothing does it again");
}

/* Sessions that are closed and opened again at once, in the ways that there are. */
static void test_reopen_session(tau_runtime_flags flags, const char* what) {
  tau_runtime* rt = open_runtime(flags, kAnswer);
  int i, good = 1;
  for (i = 0; i < 30; ++i) {
    tau_session* session = open_session(rt, NULL);
    good &= run_once(session);
    tau_session_unref(session);
  }
  check(good, what);
  tau_runtime_unref(rt);
}

static void test_reopen_runtime(tau_runtime_flags flags, const char* what) {
  int i, good = 1;
  for (i = 0; i < 20; ++i) {
    tau_runtime* rt = open_runtime(flags, kAnswer);
    tau_session* session = open_session(rt, NULL);
    good &= run_once(session);
    tau_session_unref(session);
    tau_runtime_unref(rt);
  }
  check(good, what);
}

static void test_stopped_runtime(void) {
  tau_runtime* first = open_runtime(0, kAnswer);
  tau_runtime* second = open_runtime(0, kAnswer);
  tau_session* one = open_session(first, NULL);
  tau_session* two = open_session(second, NULL);
  check(run_once(one), "a runtime writes a session");
  check(tau_runtime_stop(first, -1, NULL) == TAU_OK && run_once(two),
        "a runtime that was stopped keeps no session from others");
  tau_session_unref(one);
  tau_session_unref(two);
  tau_runtime_unref(first);
  tau_runtime_unref(second);
}

static void remove_home(void) {
  char command[96];
  snprintf(command, sizeof command, "rm -rf %s", home);
  if (system(command) != 0) printf("# %s is left\n", home);
}

int main(void) {
  const char* base = getenv("TMPDIR");
  snprintf(home, sizeof home, "%s/tau_capi_XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(home) == NULL) check(0, "a home can be made");
  test_finalize(0, "threaded");
  test_finalize(TAU_RUNTIME_MANUAL, "manual");
  test_reopen_session(0, "threaded: a session that was closed opens again");
  test_reopen_session(TAU_RUNTIME_MANUAL, "manual: a session that was closed opens again");
  test_reopen_runtime(0, "threaded: so does one of a runtime that was given back");
  test_reopen_runtime(TAU_RUNTIME_MANUAL, "manual: so does one of a runtime that was given back");
  test_stopped_runtime();
  remove_home();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
