/* A loop that the host borrows from a runtime with threads: who drives it when, and that nothing stands still
 * when it goes back. Prints TAP. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

#include "tap.h"

enum { LENT = 1, ROUNDS = 300 };

static const char* kAnswer = "{\"turns\":[{\"text\":\"yes\"}],\"loop\":true}";
static const char* kHang = "{\"turns\":[{\"text\":\"yes\",\"hang\":true}],\"loop\":true}";

static tau_runtime* rt;
static tau_agent* agent;
static tau_queue* queue;

static void open_runtime(tau_runtime_flags flags, const char* script) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_queue_options q = TAU_QUEUE_OPTIONS_INIT;
  char config[256];
  o.flags = flags | TAU_RUNTIME_NO_STORE;
  o.loops = 2;
  snprintf(config, sizeof config, "{\"model\":\"scripted/x\",\"script\":%s}", script);
  o.config = str(config);
  q.loop = LENT;
  if (tau_runtime_new(&o, &rt, NULL) != TAU_OK || tau_agent_new(rt, str("{}"), &agent, NULL) != TAU_OK ||
      tau_queue_new(rt, &q, &queue, NULL) != TAU_OK)
    check(0, "a runtime opens");
}

static void close_runtime(void) {
  tau_queue_unref(queue);
  tau_agent_unref(agent);
  tau_runtime_unref(rt);
}

static tau_run* start(void) {
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str("go");
  o.queue = queue;
  if (tau_session_open(agent, str(""), &session, NULL) != TAU_OK ||
      tau_run_start(session, &o, &run, NULL) != TAU_OK)
    check(0, "a run starts");
  tau_session_unref(session);
  return run;
}

static int readable(int fd, int timeout_ms) {
  struct pollfd p;
  p.fd = fd;
  p.events = POLLIN;
  return poll(&p, 1, timeout_ms) == 1;
}

/* How many runs ended among the events that are there. */
static int ended(void) {
  tau_event events[16];
  size_t n = 0;
  int ends = 0;
  memset(events, 0, sizeof events);
  events[0].struct_size = sizeof events[0];
  while (tau_queue_drain(queue, events, 16, &n, NULL) == TAU_OK)
    for (size_t i = 0; i < n; ++i) ends += events[i].kind == TAU_EVENT_RUN_DONE;
  return ends;
}

static int wait_for_end(void) {
  tau_event ev;
  memset(&ev, 0, sizeof ev);
  ev.struct_size = sizeof ev;
  while (tau_queue_next(queue, 10000, &ev, NULL) == TAU_OK)
    if (ev.kind == TAU_EVENT_RUN_DONE) return 1;
  return 0;
}

static void test_driven_by_the_host(void) {
  tau_run* run;
  tau_buf out = {NULL, 0, NULL};
  int fd, turns = 0;
  open_runtime(0, kAnswer);
  check(tau_runtime_fd(rt, LENT) == -1 && tau_runtime_process(rt, LENT, 0, NULL) == TAU_FAILED_PRECONDITION,
        "a loop with a thread of its own is not the host's to drive");
  check(tau_runtime_borrow_loop(rt, LENT, NULL) == TAU_OK, "it can be borrowed");
  check(tau_runtime_borrow_loop(rt, LENT, NULL) == TAU_UNAVAILABLE, "by one at a time");
  check(tau_runtime_borrow_loop(rt, 2, NULL) == TAU_OUT_OF_RANGE, "where it exists");
  fd = tau_runtime_fd(rt, LENT);
  run = start();
  check(fd >= 0 && readable(fd, 1000), "what starts there makes its descriptor readable");
  check(!readable(tau_queue_fd(queue), 20) && ended() == 0, "nobody else drives it");
  while (ended() == 0 && turns < 1000) {
    tau_runtime_process(rt, LENT, 100, NULL);
    ++turns;
  }
  check(turns < 1000, "its host does");
  check(!readable(fd, 0), "then there is nothing to do");
  tau_run_unref(run);
  run = start();
  check(wait_for_end(), "waiting for an event drives it, too");
  tau_run_unref(run);
  run = start();
  check(tau_run_wait(run, 10000, &out, NULL) == TAU_OK, "so does waiting for the end of a run");
  tau_buf_free(&out);
  tau_run_unref(run);
  check(ended() == 1, "whose event is there");
  check(tau_runtime_return_loop(rt, LENT, NULL) == TAU_OK, "it goes back");
  check(tau_runtime_return_loop(rt, LENT, NULL) == TAU_FAILED_PRECONDITION, "once");
  check(tau_runtime_fd(rt, LENT) == -1, "and is the library's again");
  close_runtime();
}

static void test_given_back_with_a_run(void) {
  tau_run* run;
  open_runtime(0, kAnswer);
  tau_runtime_borrow_loop(rt, LENT, NULL);
  run = start();
  tau_runtime_return_loop(rt, LENT, NULL);
  check(wait_for_end(), "a run that was left behind goes on");
  tau_run_unref(run);
  close_runtime();
}

static void test_stop(void) {
  tau_run* run;
  open_runtime(0, kHang);
  tau_runtime_borrow_loop(rt, LENT, NULL);
  run = start();
  tau_runtime_process(rt, LENT, 0, NULL);
  check(tau_runtime_stop(rt, 10000, NULL) == TAU_OK && ended() == 1, "stopping needs no borrower");
  check(tau_runtime_process(rt, LENT, 0, NULL) == TAU_FAILED_PRECONDITION &&
            tau_runtime_borrow_loop(rt, LENT, NULL) == TAU_FAILED_PRECONDITION,
        "who has lost his loop");
  tau_run_unref(run);
  close_runtime();
}

static void test_abandoned(void) {
  tau_run* run;
  open_runtime(0, kHang);
  tau_runtime_borrow_loop(rt, LENT, NULL);
  run = start();
  tau_runtime_process(rt, LENT, 0, NULL);
  tau_run_unref(run);
  close_runtime();
  check(1, "a runtime that goes while a loop is borrowed ends as any other");
}

static void test_manual(void) {
  open_runtime(TAU_RUNTIME_MANUAL, kAnswer);
  check(tau_runtime_borrow_loop(rt, LENT, NULL) == TAU_FAILED_PRECONDITION &&
            tau_runtime_return_loop(rt, LENT, NULL) == TAU_FAILED_PRECONDITION,
        "in manual mode there is nothing to borrow");
  close_runtime();
}

/* One thread borrows and gives back without end, while runs start from another. */
static atomic_int over;

static void* borrow_again_and_again(void* unused) {
  (void)unused;
  while (!atomic_load(&over)) {
    if (tau_runtime_borrow_loop(rt, LENT, NULL) != TAU_OK) continue;
    for (int i = 0; i < 3; ++i) tau_runtime_process(rt, LENT, i, NULL);
    tau_runtime_return_loop(rt, LENT, NULL);
  }
  return NULL;
}

static void test_to_and_fro(void) {
  pthread_t threads[2];
  int ends = 0;
  open_runtime(0, kAnswer);
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, borrow_again_and_again, NULL);
  for (int i = 0; i < ROUNDS; ++i) {
    tau_run* run = start();
    ends += wait_for_end();
    tau_run_unref(run);
  }
  atomic_store(&over, 1);
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  check(ends == ROUNDS, "runs end whoever drives their loop");
  close_runtime();
}

int main(void) {
  test_driven_by_the_host();
  test_given_back_with_a_run();
  test_stop();
  test_abandoned();
  test_manual();
  test_to_and_fro();
  printf("1..%d\n", count);
  return failures != 0;
}
