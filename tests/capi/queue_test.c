/* When a queue has nothing more to say, and that it has said all before a wait ends. Prints TAP. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

#include "tap.h"

static const char* kAnswer = "{\"turns\":[{\"text\":\"yes\"}],\"loop\":true}";
static const char* kHang = "{\"turns\":[{\"text\":\"yes\",\"hang\":true}],\"loop\":true}";

static tau_runtime* rt;
static tau_session* session;

static void open_session(tau_runtime_flags flags, const char* script) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_agent* agent = NULL;
  char config[256];
  o.flags = flags | TAU_RUNTIME_NO_STORE;
  snprintf(config, sizeof config, "{\"model\":\"scripted/x\",\"script\":%s}", script);
  o.config = str(config);
  if (tau_runtime_new(&o, &rt, NULL) != TAU_OK || tau_agent_new(rt, str("{}"), &agent, NULL) != TAU_OK ||
      tau_session_open(agent, str(""), &session, NULL) != TAU_OK)
    check(0, "a session opens");
  tau_agent_unref(agent);
}

static void close_session(void) {
  tau_session_unref(session);
  tau_runtime_unref(rt);
}

static tau_run* start(tau_queue* queue) {
  tau_run* run = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str("go");
  o.queue = queue;
  tau_run_start(session, &o, &run, NULL);
  return run;
}

static tau_status next(tau_queue* queue, int32_t timeout_ms, tau_event_kind* kind) {
  tau_event ev;
  tau_status s;
  memset(&ev, 0, sizeof ev);
  ev.struct_size = sizeof ev;
  s = tau_queue_next(queue, timeout_ms, &ev, NULL);
  *kind = s == TAU_OK ? ev.kind : (tau_event_kind)TAU_EVENT_NONE;
  return s;
}

/* Takes events up to the end of a run; what the queue says then. */
static tau_status after_the_end(tau_queue* queue, int32_t timeout_ms) {
  tau_event_kind kind;
  do {
    if (next(queue, 10000, &kind) != TAU_OK) return TAU_INTERNAL;
  } while (kind != TAU_EVENT_RUN_DONE);
  return next(queue, timeout_ms, &kind);
}

static int readable(int fd) {
  struct pollfd p;
  p.fd = fd;
  p.events = POLLIN;
  return poll(&p, 1, 0) == 1;
}

static void test_own_queue(tau_runtime_flags flags, const char* what) {
  tau_run* run;
  tau_event_kind kind;
  tau_event ev;
  size_t n = 7;
  char name[96];
  open_session(flags, kAnswer);
  run = start(NULL);
  snprintf(name, sizeof name, "%s: after the end of its run a run's own queue is done", what);
  check(after_the_end(tau_run_queue(run), -1) == TAU_DONE, name);
  memset(&ev, 0, sizeof ev);
  ev.struct_size = sizeof ev;
  snprintf(name, sizeof name, "%s: and stays so", what);
  check(next(tau_run_queue(run), -1, &kind) == TAU_DONE &&
            tau_queue_drain(tau_run_queue(run), &ev, 1, &n, NULL) == TAU_DONE && n == 0,
        name);
  snprintf(name, sizeof name, "%s: whoever polls hears of it", what);
  check(readable(tau_queue_fd(tau_run_queue(run))), name);
  tau_run_unref(run);
  close_session();
}

static void test_polled_queue(void) {
  tau_run* run;
  int fd;
  open_session(TAU_RUNTIME_MANUAL, kAnswer);
  run = start(NULL);
  fd = tau_queue_fd(tau_run_queue(run));
  check(!readable(fd), "a descriptor is not readable before anything happened");
  check(after_the_end(tau_run_queue(run), 0) == TAU_DONE && readable(fd),
        "it is when nothing can happen any more");
  tau_run_unref(run);
  close_session();
}

static void test_shared_queue(void) {
  tau_queue* queue = NULL;
  tau_run *run, *second;
  open_session(TAU_RUNTIME_MANUAL, kAnswer);
  tau_queue_new(rt, NULL, &queue, NULL);
  run = start(queue);
  check(after_the_end(queue, 0) == TAU_AGAIN, "a queue of many runs waits for the next one");
  second = start(queue);
  check(after_the_end(queue, 0) == TAU_AGAIN && !readable(tau_queue_fd(queue)), "which it serves as well");
  tau_run_unref(second);
  tau_run_unref(run);
  tau_queue_unref(queue);
  run = start(NULL);
  check(after_the_end(tau_run_queue(run), 0) == TAU_DONE && readable(tau_queue_fd(tau_run_queue(run))),
        "a run's own queue is done");
  second = start(tau_run_queue(run));
  check(!readable(tau_queue_fd(tau_run_queue(run))), "until it serves another run");
  check(after_the_end(tau_run_queue(run), 0) == TAU_AGAIN, "then it is one of many runs");
  tau_run_unref(second);
  tau_run_unref(run);
  close_session();
}

static void test_queue_of_another_runtime(void) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_run_options r = TAU_RUN_OPTIONS_INIT;
  tau_runtime* other = NULL;
  tau_queue* queue = NULL;
  tau_run* run = NULL;
  tau_error* error = NULL;
  o.flags = TAU_RUNTIME_NO_STORE;
  open_session(0, kAnswer);
  r.prompt = str("go");
  check(tau_runtime_new(&o, &other, NULL) == TAU_OK && tau_queue_new(other, NULL, &queue, NULL) == TAU_OK,
        "another runtime has a queue");
  r.queue = queue;
  check(tau_run_start(session, &r, &run, &error) == TAU_INVALID_ARGUMENT &&
            strcmp(tau_error_reason(error).data, "foreign_queue") == 0 && run == NULL,
        "it is refused for a run of this one");
  tau_error_free(error);
  tau_queue_unref(queue);
  tau_runtime_unref(other);
  run = start(NULL);
  check(run != NULL && after_the_end(tau_run_queue(run), 10000) == TAU_DONE,
        "and leaves the session as it was");
  tau_run_unref(run);
  close_session();
}

static void test_dropped_run(void) {
  tau_event_kind kind;
  tau_status s;
  tau_run* run;
  tau_queue* queue;
  open_session(0, kHang);
  run = start(NULL);
  queue = tau_queue_ref(tau_run_queue(run));
  tau_run_unref(run);
  while ((s = next(queue, -1, &kind)) == TAU_OK) {}
  check(s == TAU_DONE, "the queue of a run that nobody holds is done");
  tau_queue_unref(queue);
  close_session();
}

static void* wake(void* queue) {
  tau_queue_wakeup(queue);
  return NULL;
}

static void test_wakeup(tau_runtime_flags flags, const char* what) {
  tau_queue* queue = NULL;
  tau_event_kind kind;
  pthread_t waker;
  open_session(flags, kAnswer);
  tau_queue_new(rt, NULL, &queue, NULL);
  pthread_create(&waker, NULL, wake, queue);
  check(next(queue, -1, &kind) == TAU_AGAIN, what);
  pthread_join(waker, NULL);
  tau_queue_unref(queue);
  close_session();
}

/* The terminal event is there, whenever the wait happened to look. */
static void test_wait_then_read(void) {
  int i, late = 0;
  open_session(0, kAnswer);
  for (i = 0; i < 500; ++i) {
    tau_run* run = start(NULL);
    tau_event_kind kind;
    tau_buf out;
    tau_status last = TAU_OK;
    int ends = 0;
    while (tau_run_wait(run, 0, &out, NULL) == TAU_DEADLINE_EXCEEDED) {}
    tau_buf_free(&out);
    while (last == TAU_OK) {
      last = next(tau_run_queue(run), 0, &kind);
      ends += kind == TAU_EVENT_RUN_DONE;
    }
    late += ends != 1 || last != TAU_DONE;
    tau_run_unref(run);
  }
  if (late != 0) printf("# %d of 500 came late\n", late);
  check(late == 0, "who waited for a run finds its terminal event in the queue");
  close_session();
}

static void test_cancel_after_the_end(void) {
  tau_run* run;
  open_session(TAU_RUNTIME_MANUAL, kAnswer);
  run = start(NULL);
  after_the_end(tau_run_queue(run), 0);
  while (tau_runtime_process(rt, 0, 0, NULL) == TAU_OK) {}
  check(!readable(tau_runtime_fd(rt, 0)), "a loop rests when its run has ended");
  tau_run_cancel(run);
  check(!readable(tau_runtime_fd(rt, 0)), "cancelling a run that has ended leaves it at rest");
  tau_run_unref(run);
  check(!readable(tau_runtime_fd(rt, 0)), "as does giving it back");
  close_session();
}

int main(void) {
  test_own_queue(0, "threaded");
  test_own_queue(TAU_RUNTIME_MANUAL, "manual");
  test_polled_queue();
  test_shared_queue();
  test_queue_of_another_runtime();
  test_dropped_run();
  test_wakeup(0, "threaded: a wakeup ends a wait");
  test_wakeup(TAU_RUNTIME_MANUAL, "manual: a wakeup ends a wait");
  test_wait_then_read();
  test_cancel_after_the_end();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
