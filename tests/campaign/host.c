/* The program that the kill campaign kills. It runs a scripted model with tools of the host and of the
 * library on a home on disk, resumes what was cut off, and says on standard output what it was promised.
 *
 * Usage: host run HOME WORKSPACE LEDGER SCRIPT RUNS KILL      plays until RUNS prompts have been answered
 *        host inspect HOME WORKSPACE RUN_ID...                 exports the session and replays the runs
 * KILL: none, or io:N, sync:N, event:N, ledger:N: SIGKILL to itself in the middle of the Nth write of the
 * library to a file, before the Nth sync, at the Nth event, behind the Nth side effect. Lines: STARTED run,
 * RESUMED run, ACK op, DONE body, COUNTS, EXPORT json, REPLAY run status report. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <tau/tau.h>
#include <unistd.h>

static const char kSession[] = "campaign";

/* Where the program dies. Counters count down; the I/O happens on threads of the library. */
static atomic_long kill_at_io, kill_at_sync, kill_at_event, kill_at_ledger;
static atomic_long io_count, sync_count;
static long event_count, ledger_count;

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int is_due(atomic_long* at) { return atomic_load(at) > 0 && atomic_fetch_sub(at, 1) == 1; }

/* SQLite finds these before those of libc: a write is torn in two by the kill. */
ssize_t pwrite64(int fd, const void* data, size_t len, off64_t offset) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "pwrite64");
  atomic_fetch_add(&io_count, 1);
  if (is_due(&kill_at_io)) {
    real(fd, data, len / 2, offset);
    die();
  }
  return real(fd, data, len, offset);
}

static void before_sync(void) {
  atomic_fetch_add(&sync_count, 1);
  if (is_due(&kill_at_sync)) die();
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "fsync");
  before_sync();
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "fdatasync");
  before_sync();
  return real(fd);
}

static void say(const char* format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  fflush(stdout);
}

/* The error by its address: arguments are computed in any order. */
static void check(const char* what, tau_status status, tau_error** err) {
  if (status >= 0) return;
  const tau_str reason = tau_error_reason(*err);
  const tau_str message = tau_error_message(*err);
  say("FAILED %s: %s %.*s: %.*s", what, tau_status_name(status), (int)reason.len,
      reason.len > 0 ? reason.data : "", (int)message.len, message.len > 0 ? message.data : "");
  exit(3);
}

static tau_str text(const char* s) { return (tau_str){s, TAU_STRLEN}; }

static void set_kill(const char* point) {
  char kind[16] = "";
  long n = 0;
  if (sscanf(point, "%15[a-z]:%ld", kind, &n) != 2) return;
  if (strcmp(kind, "io") == 0) atomic_store(&kill_at_io, n);
  if (strcmp(kind, "sync") == 0) atomic_store(&kill_at_sync, n);
  if (strcmp(kind, "event") == 0) atomic_store(&kill_at_event, n);
  if (strcmp(kind, "ledger") == 0) atomic_store(&kill_at_ledger, n);
}

static char* read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  char* data = calloc(1, 1 << 20);
  if (file == NULL || data == NULL) exit(2);
  const size_t n = fread(data, 1, (1 << 20) - 1, file);
  fclose(file);
  data[n] = '\0';
  return data;
}

/* The outside world: a line says that this call had its effect. */
static void commit_side_effect(const char* ledger, const tau_event* event, const char* tool) {
  char line[512];
  const int n = snprintf(line, sizeof line, "%s %.*s %.*s\n", tool, (int)event->run_id.len,
                         event->run_id.data, (int)event->call_id.len, event->call_id.data);
  const int fd = open(ledger, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0 || write(fd, line, (size_t)n) != n) exit(2);
  close(fd);
  ++ledger_count;
  if (is_due(&kill_at_ledger)) die();
}

static void answer_call(tau_run* run, const char* ledger, const tau_event* event) {
  char op[1024];
  char tool[64];
  tau_error* err = NULL;
  snprintf(tool, sizeof tool, "%.*s", (int)event->text.len, event->text.data);
  commit_side_effect(ledger, event, tool);
  snprintf(
      op, sizeof op,
      "{\"op\":\"tool_result\",\"id\":\"result-%.*s\",\"call_id\":\"%.*s\",\"content\":\"effect of %.*s\"}",
      (int)event->call_id.len, event->call_id.data, (int)event->call_id.len, event->call_id.data,
      (int)event->call_id.len, event->call_id.data);
  check("tool_result", tau_run_submit(run, text(op), NULL, 0, &err), &err);
}

static void say_acknowledged(tau_queue* queue, const tau_event* event) {
  tau_str body;
  tau_error* err = NULL;
  check("tau_event_json", tau_event_json(queue, event, &body, &err), &err);
  const char* verb = event->kind == TAU_EVENT_OP_ACCEPTED ? "ACK"
                     : event->kind == TAU_EVENT_RUN_DONE  ? "DONE"
                                                          : "REJECTED";
  say("%s %.*s", verb, (int)body.len, body.data);
}

static void follow(tau_run* run, const char* ledger) {
  tau_queue* queue = tau_run_queue(run);
  for (;;) {
    tau_event event = {.struct_size = sizeof event};
    tau_error* err = NULL;
    check("tau_queue_next", tau_queue_next(queue, -1, &event, &err), &err);
    ++event_count;
    if (is_due(&kill_at_event)) die();
    switch (event.kind) {
      case TAU_EVENT_TOOL_CALL: answer_call(run, ledger, &event); break;
      case TAU_EVENT_OP_ACCEPTED:
      case TAU_EVENT_OP_REJECTED: say_acknowledged(queue, &event); break;
      case TAU_EVENT_RUN_DONE: say_acknowledged(queue, &event); return;
      default: break;
    }
  }
}

static void add_tool(tau_agent* agent, const char* name, tau_tool_flags flags) {
  tau_tool tool = TAU_TOOL_INIT;
  tau_error* err = NULL;
  tool.name = text(name);
  tool.description = text("Writes a line into the ledger.");
  tool.effect = TAU_EFFECT_WRITE;
  tool.flags = flags;
  check("tau_agent_add_tool", tau_agent_add_tool(agent, &tool, &err), &err);
}

static tau_session* open_session(const char* home, const char* workspace, const char* script,
                                 tau_runtime** runtime) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_error* err = NULL;
  options.home = text(home);
  options.workspace = text(workspace);
  char* config = NULL;
  if (asprintf(&config,
               "{\"model\":\"scripted/"
               "campaign\",\"policy\":{\"allow\":[\"append\",\"observe\",\"write\",\"bash\"]},"
               "\"script\":%s}",
               script) < 0)
    exit(2);
  options.config = text(config);
  check("tau_runtime_new", tau_runtime_new(&options, runtime, &err), &err);
  free(config);
  check("tau_agent_new", tau_agent_new(*runtime, (tau_str){NULL, 0}, &agent, &err), &err);
  add_tool(agent, "append", TAU_TOOL_PARALLEL);
  add_tool(agent, "observe", TAU_TOOL_IDEMPOTENT);
  check("tau_session_open", tau_session_open(agent, text(kSession), &session, &err), &err);
  tau_agent_unref(agent);
  return session;
}

/* Starts a run, resumes it when `prompt` is NULL. A prompt comes with a message that asks for one more
 * answer. */
static void play(tau_session* session, const char* ledger, const char* prompt, int number) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  tau_run* run = NULL;
  tau_error* err = NULL;
  if (prompt != NULL) options.prompt = text(prompt);
  if (prompt == NULL) options.flags = TAU_RUN_RESUME;
  check("tau_run_start", tau_run_start(session, &options, &run, &err), &err);
  const tau_str id = tau_run_id(run);
  say("%s %.*s", prompt != NULL ? "RUN" : "RESUMED", (int)id.len, id.data);
  if (prompt != NULL) {
    char op[128];
    snprintf(op, sizeof op, "{\"op\":\"message\",\"id\":\"message-%d\",\"text\":\"message <%d>\"}", number,
             number);
    const tau_status sent = tau_run_submit(run, text(op), NULL, 0, &err);
    if (sent != TAU_FAILED_PRECONDITION) check("message", sent, &err); /* else the run is over already */
    tau_error_free(err);
    err = NULL;
  }
  follow(run, ledger);
  tau_run_unref(run);
}

static int has_open_run(tau_session* session) {
  tau_buf description = {NULL, 0, NULL};
  tau_error* err = NULL;
  check("tau_session_describe", tau_session_describe(session, &description, &err), &err);
  const char* found = strstr(description.data, "\"open_run\":\"");
  tau_buf_free(&description);
  return found != NULL;
}

static int holds_prompt(tau_session* session, const char* prompt) {
  tau_buf conversation = {NULL, 0, NULL};
  tau_error* err = NULL;
  check("tau_session_export", tau_session_export(session, &conversation, &err), &err);
  const int found = strstr(conversation.data, prompt) != NULL;
  tau_buf_free(&conversation);
  return found;
}

static int run_all(char** argv) {
  tau_runtime* runtime = NULL;
  set_kill(argv[7]);
  char* script = read_file(argv[5]);
  tau_session* session = open_session(argv[2], argv[3], script, &runtime);
  free(script);
  const int runs = atoi(argv[6]);
  if (has_open_run(session)) play(session, argv[4], NULL, 0);
  for (int number = 1; number <= runs; ++number) {
    char prompt[64];
    snprintf(prompt, sizeof prompt, "prompt <%d>", number);
    if (!holds_prompt(session, prompt)) play(session, argv[4], prompt, number);
  }
  say("COUNTS io:%ld sync:%ld event:%ld ledger:%ld", atomic_load(&io_count), atomic_load(&sync_count),
      event_count, ledger_count);
  tau_session_unref(session);
  tau_runtime_unref(runtime);
  return 0;
}

static int inspect(int argc, char** argv) {
  tau_runtime* runtime = NULL;
  tau_session* session = open_session(argv[2], argv[3], "{\"turns\":[]}", &runtime);
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  check("tau_session_export", tau_session_export(session, &out, &err), &err);
  say("EXPORT %s", out.data);
  tau_buf_free(&out);
  check("tau_session_describe", tau_session_describe(session, &out, &err), &err);
  say("SESSION %s", out.data);
  tau_buf_free(&out);
  for (int i = 4; i < argc; ++i) {
    const tau_status status = tau_run_replay(runtime, text(argv[i]), &out, NULL);
    say("REPLAY %s %s %s", argv[i], tau_status_name(status), out.data != NULL ? out.data : "");
    tau_buf_free(&out);
  }
  tau_session_unref(session);
  tau_runtime_unref(runtime);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 8 && strcmp(argv[1], "run") == 0) return run_all(argv);
  if (argc >= 4 && strcmp(argv[1], "inspect") == 0) return inspect(argc, argv);
  fprintf(stderr, "usage: %s run HOME WORKSPACE LEDGER SCRIPT RUNS KILL | inspect HOME WORKSPACE RUN_ID...\n",
          argv[0]);
  return 2;
}
