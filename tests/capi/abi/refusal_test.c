/* Calls on the wrong thread, at the wrong time or in the wrong place are refused with a typed error, and
 * whoever is rightly there does not notice. Prints TAP. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

#include "../tap.h"

static const char kConfig[] =
    "{\"model\":\"scripted/x\",\"script\":{\"loop\":true,\"turns\":[{\"text\":[\"yes\"]}]}}";

static tau_runtime* rt;
static tau_session* session;
static tau_queue* queue;
static tau_run* run; /* writes to the queue */

/* Whether a call is refused for that reason. */
static int refused(tau_status status, tau_error* err, const char* reason) {
  const tau_str given = tau_error_reason(err);
  const int good = status == TAU_FAILED_PRECONDITION && given.len == strlen(reason) &&
                   memcmp(given.data, reason, given.len) == 0;
  tau_error_free(err);
  return good;
}

static int next_refused(tau_queue* q, const char* reason) {
  tau_event event = {0};
  tau_error* err = NULL;
  tau_status status;
  event.struct_size = sizeof event;
  status = tau_queue_next(q, 0, &event, &err);
  return refused(status, err, reason);
}

static int drain_refused(tau_queue* q, const char* reason) {
  tau_event event = {0};
  tau_error* err = NULL;
  tau_status status;
  size_t n = 0;
  event.struct_size = sizeof event;
  status = tau_queue_drain(q, &event, 1, &n, &err);
  return refused(status, err, reason);
}

static int json_refused(tau_queue* q, const char* reason) {
  tau_event event = {0};
  tau_error* err = NULL;
  tau_str out;
  tau_status status;
  event.struct_size = sizeof event;
  status = tau_event_json(q, &event, &out, &err);
  return refused(status, err, reason);
}

static int process_refused(const char* reason) {
  tau_error* err = NULL;
  const tau_status status = tau_runtime_process(rt, 0, 0, &err);
  return refused(status, err, reason);
}

static int wait_refused(const char* reason) {
  tau_error* err = NULL;
  tau_buf out = {NULL, 0, NULL};
  const tau_status status = tau_run_wait(run, -1, &out, &err);
  tau_buf_free(&out);
  return refused(status, err, reason);
}

static int stop_refused(const char* reason) {
  tau_error* err = NULL;
  const tau_status status = tau_runtime_stop(rt, -1, &err);
  return refused(status, err, reason);
}

/* ---- inside of a notification, on the thread of the loop ---- */

static atomic_int notified, next_good, drain_good, json_good, process_good, wait_good, stop_good, any_good;
static int is_manual;

static void on_notify(void* userdata) {
  tau_buf out;
  (void)userdata;
  if (run == NULL || atomic_fetch_add(&notified, 1) != 0) return;
  atomic_store(&next_good, next_refused(queue, "reentrant"));
  atomic_store(&drain_good, drain_refused(queue, "reentrant"));
  atomic_store(&json_good, json_refused(queue, "reentrant"));
  atomic_store(&process_good, process_refused(is_manual ? "reentrant" : "not_manual"));
  atomic_store(&wait_good, wait_refused("reentrant"));
  atomic_store(&stop_good, stop_refused("reentrant"));
  atomic_store(&any_good, tau_agent_describe(NULL, &out, NULL) == TAU_INVALID_ARGUMENT &&
                              tau_run_submit(run, str("{\"op\":\"steer\",\"text\":\"more\"}"), NULL, 0,
                                             NULL) != TAU_INTERNAL);
}

static void open_runtime(tau_runtime_flags flags) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_queue_options q = TAU_QUEUE_OPTIONS_INIT;
  tau_agent* agent = NULL;
  o.flags = flags | TAU_RUNTIME_NO_STORE;
  o.config = str(kConfig);
  q.notify = on_notify;
  is_manual = (flags & TAU_RUNTIME_MANUAL) != 0;
  if (tau_runtime_new(&o, &rt, NULL) != TAU_OK || tau_agent_new(rt, str("{}"), &agent, NULL) != TAU_OK ||
      tau_session_open(agent, str(""), &session, NULL) != TAU_OK ||
      tau_queue_new(rt, &q, &queue, NULL) != TAU_OK)
    check(0, "a runtime opens");
  tau_agent_unref(agent);
}

static void close_runtime(void) {
  tau_run_unref(run);
  run = NULL;
  tau_queue_unref(queue);
  tau_session_unref(session);
  tau_runtime_unref(rt);
}

static void start_run(void) {
  tau_run* started = NULL; /* a notification meanwhile finds the handle that was there before */
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str("go");
  o.queue = queue;
  if (tau_run_start(session, &o, &started, NULL) != TAU_OK) check(0, "a run starts");
  run = started;
}

static int read_to_the_end(void) {
  tau_event event = {0};
  event.struct_size = sizeof event;
  do {
    if (tau_queue_next(queue, 20000, &event, NULL) != TAU_OK) return 0;
  } while (event.kind != TAU_EVENT_RUN_DONE);
  return 1;
}

/* In threaded mode the run may be over before its handle is here: its events are what the second run brings.
 */
static void test_inside_of_notify(tau_runtime_flags flags, const char* mode) {
  char what[96];
  int ended;
  atomic_store(&notified, 0);
  open_runtime(flags);
  start_run();
  ended = read_to_the_end();
  if (atomic_load(&notified) == 0) {
    tau_run* first = run;
    start_run();
    ended = ended && read_to_the_end();
    tau_run_unref(first);
  }
#define EXPECT(flag, text)                                             \
  snprintf(what, sizeof what, "%s: in a notification %s", mode, text); \
  check(atomic_load(&flag), what)
  EXPECT(notified, "something was called");
  EXPECT(next_good, "no event is taken");
  EXPECT(drain_good, "none are");
  EXPECT(json_good, "no body is made");
  EXPECT(process_good, "no loop is processed");
  EXPECT(wait_good, "nobody waits for a run");
  EXPECT(stop_good, "nor for all of them");
  EXPECT(any_good, "what is tagged any works");
  snprintf(what, sizeof what, "%s: and the runs end as ever", mode);
  check(ended, what);
  close_runtime();
}

/* ---- two threads in one queue, in one loop ---- */

static tau_status waited;

/* Whoever comes second is refused, and that may be the one who is to wait: it tries until it is first. */
static void* wait_in_queue(void* unused) {
  tau_event event = {0};
  (void)unused;
  event.struct_size = sizeof event;
  do waited = tau_queue_next(queue, -1, &event, NULL);
  while (waited == TAU_FAILED_PRECONDITION);
  return NULL;
}

static void* wait_in_loop(void* unused) {
  (void)unused;
  do waited = tau_runtime_process(rt, 0, -1, NULL);
  while (waited == TAU_FAILED_PRECONDITION);
  return NULL;
}

static void test_two_readers(void) {
  pthread_t reader;
  open_runtime(0);
  pthread_create(&reader, NULL, wait_in_queue, NULL);
  while (!next_refused(queue, "queue_busy")) sched_yield();
  check(1, "threaded: a second thread takes no event while one waits for it");
  check(drain_refused(queue, "queue_busy"), "threaded: nor does it drain the queue");
  check(json_refused(queue, "queue_busy"), "threaded: nor make a body of its events");
  tau_queue_wakeup(queue);
  pthread_join(reader, NULL);
  check(waited == TAU_AGAIN, "threaded: who waits does not notice");
  start_run();
  check(read_to_the_end(), "threaded: the queue is free again");
  close_runtime();
}

static void test_two_in_a_loop(void) {
  tau_event event = {0};
  pthread_t owner;
  open_runtime(TAU_RUNTIME_MANUAL);
  pthread_create(&owner, NULL, wait_in_loop, NULL);
  while (!process_refused("loop_busy")) sched_yield();
  check(1, "manual: a second thread does not process a loop that one is in");
  check(next_refused(queue, "loop_busy"), "manual: nor by waiting for an event");
  tau_queue_wakeup(queue);
  pthread_join(owner, NULL);
  check(waited == TAU_AGAIN, "manual: who processes does not notice");
  event.struct_size = sizeof event;
  check(tau_queue_next(queue, -1, &event, NULL) == TAU_AGAIN,
        "manual: the wakeup was for a reader of the queue");
  start_run();
  check(read_to_the_end(), "manual: the loop is free again, for any thread");
  close_runtime();
}

/* ---- two threads in one stream ---- */

enum { kFeeds = 3000 };
static tau_wire_stream* stream;
static atomic_long fed, busy, other;

static void* feed(void* unused) {
  int i;
  (void)unused;
  for (i = 0; i < kFeeds; ++i) {
    tau_buf out;
    tau_error* err = NULL;
    const tau_status status = tau_wire_stream_feed(
        stream, str("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"), &out, &err);
    if (status == TAU_OK && out.len > 0) {
      atomic_fetch_add(&fed, 1);
    } else if (refused(status, err, "stream_busy")) {
      atomic_fetch_add(&busy, 1);
    } else {
      atomic_fetch_add(&other, 1);
    }
    tau_buf_free(&out);
  }
  return NULL;
}

static void test_two_in_a_stream(void) {
  pthread_t feeder;
  tau_buf out = {NULL, 0, NULL};
  size_t at, seen = 0;
  tau_wire_stream_new(str("openai_chat"), str(""), &stream, NULL);
  pthread_create(&feeder, NULL, feed, NULL);
  feed(NULL);
  pthread_join(feeder, NULL);
  check(atomic_load(&other) == 0 && atomic_load(&fed) + atomic_load(&busy) == 2 * kFeeds,
        "a stream takes the bytes of one thread at a time");
  tau_wire_stream_feed(stream,
                       str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                           "data: [DONE]\n\n"),
                       &out, NULL);
  for (at = 0; at + 1 < out.len; ++at) seen += out.data[at] == 'H' && out.data[at + 1] == 'i';
  check(seen == (size_t)atomic_load(&fed), "and all that it took");
  tau_buf_free(&out);
  tau_wire_stream_free(stream);
}

int main(void) {
  test_inside_of_notify(TAU_RUNTIME_MANUAL, "manual");
  test_inside_of_notify(0, "threaded");
  test_two_readers();
  test_two_in_a_loop();
  test_two_in_a_stream();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
