/* libtau inside an event loop of your own: no thread of the library, one poll() for everything.
 * The loop waits on two descriptors: the runtime's (there is work: tau_runtime_process) and the queue's
 * (there are events: tau_queue_drain). A real program has its sockets in the same array. Two conversations
 * run side by side. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

enum { kRuns = 2, kBatch = 16, kWaitMs = 10000 };

static const char kAgent[] =
    "{\"model\":\"scripted/demo\",\"script\":{\"turns\":["
    "{\"text\":[\"One, \",\"two, \",\"three.\"],\"delay_ms\":5}]}}";

typedef struct conversation {
  int number;
  tau_run* run;
  size_t bytes; /* of the answer */
} conversation;

static tau_str str(const char* text) { return (tau_str){text, TAU_STRLEN}; }

static int failed(const char* what, tau_error* error) {
  fprintf(stderr, "%s: %s\n", what, error == NULL ? "failed" : tau_error_message(error).data);
  tau_error_free(error);
  return 1;
}

/* Takes what is there. Returns how many runs have ended, -1 on failure. */
static int take_events(tau_queue* queue) {
  tau_event events[kBatch];
  size_t count = 0;
  int ended = 0;
  memset(events, 0, sizeof events);
  events[0].struct_size = sizeof events[0];
  const tau_status status = tau_queue_drain(queue, events, kBatch, &count, NULL);
  if (status == TAU_AGAIN) return 0;
  if (status != TAU_OK) return -1;
  for (size_t i = 0; i < count; ++i) {
    conversation* c = events[i].userdata;
    if (events[i].kind == TAU_EVENT_TEXT) {
      c->bytes += events[i].text.len;
      printf("%d: %.*s\n", c->number, (int)events[i].text.len, events[i].text.data);
    }
    if (events[i].kind == TAU_EVENT_RUN_DONE) ++ended;
  }
  return ended;
}

/* The host's loop. Returns 0 when every run has ended. */
static int loop(tau_runtime* runtime, tau_queue* queue) {
  struct pollfd fds[] = {{tau_runtime_fd(runtime, 0), POLLIN, 0}, {tau_queue_fd(queue), POLLIN, 0}};
  for (int left = kRuns; left > 0;) {
    if (poll(fds, 2, kWaitMs) <= 0) return failed("poll", NULL);
    tau_error* error = NULL;
    if (fds[0].revents != 0 && tau_runtime_process(runtime, 0, 0, &error) < 0)
      return failed("process", error);
    const int ended = fds[1].revents == 0 ? 0 : take_events(queue);
    if (ended < 0) return failed("drain", NULL);
    left -= ended;
  }
  return 0;
}

static int start(tau_agent* agent, tau_queue* queue, conversation* c) {
  tau_error* error = NULL;
  tau_session* session = NULL;
  if (tau_session_open(agent, (tau_str){NULL, 0}, &session, &error) != TAU_OK)
    return failed("session", error);
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = str("Count to three.");
  options.queue = queue;
  options.userdata = c;
  const tau_status status = tau_run_start(session, &options, &c->run, &error);
  tau_session_unref(session); /* the run keeps it alive */
  return status == TAU_OK ? 0 : failed("run", error);
}

int main(void) {
  tau_error* error = NULL;
  tau_runtime* runtime = NULL;
  tau_agent* agent = NULL;
  tau_queue* queue = NULL;
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  options.flags = TAU_RUNTIME_MANUAL | TAU_RUNTIME_NO_STORE;
  options.workers = TAU_NO_WORKERS;
  if (tau_runtime_new(&options, &runtime, &error) != TAU_OK) return failed("runtime", error);
  if (tau_agent_new(runtime, str(kAgent), &agent, &error) != TAU_OK) return failed("agent", error);
  if (tau_queue_new(runtime, NULL, &queue, &error) != TAU_OK) return failed("queue", error);

  conversation conversations[kRuns] = {{1, NULL, 0}, {2, NULL, 0}};
  int result = 0;
  for (int i = 0; i < kRuns && result == 0; ++i) result = start(agent, queue, &conversations[i]);
  if (result == 0) result = loop(runtime, queue);
  for (int i = 0; i < kRuns; ++i) {
    if (conversations[i].bytes != strlen("One, two, three.")) result = 1;
    tau_run_unref(conversations[i].run);
  }
  tau_queue_unref(queue);
  tau_agent_unref(agent);
  tau_runtime_unref(runtime);
  return result;
}
