/* The contract about threads, function by function: several threads at once call everything tagged "any" on
 * the same handles, while runs go on and from inside of callbacks and of a signal handler; what is tagged
 * "owner" is called on objects of the thread's own. Meant for ThreadSanitizer as well. A function of api.json
 * without a row here does not compile. Prints TAP.
 *
 *   contract_test [--threads N] [--calls N] */
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract_rows.h"

enum { kMostThreads = 16 };

/* ---- the table ---- */

struct row {
  const char* name;
  int owner, waits, signals;
  void (*call)(struct caller* c);
};

#define CONTRACT(name, owner, waits, signals) {#name, owner, waits, signals, call_##name},
static const struct row kRows[] = {
#include "thread_table.h"
};
enum { kRowCount = sizeof kRows / sizeof *kRows };
static atomic_long made[kRowCount];

/* Calls one function that may be called here. */
static void call_any(struct caller* c, int may_wait) {
  const uint32_t at = chance(c, kRowCount);
  const struct row* row = &kRows[at];
  if (c->in_callback && (row->owner || (row->waits && !may_wait))) return;
  row->call(c);
  atomic_fetch_add(&made[at], 1);
  atomic_fetch_add(c->in_callback ? &calls_in_callbacks : &calls_made, 1);
}

/* ---- callbacks ---- */

static _Thread_local int depth;
static atomic_int over; /* what all share is being given back: callbacks of that find nothing to call with */

/* What a callback calls may call a callback again: that one calls nothing. */
static void call_back(int may_wait) {
  static atomic_uint_fast64_t seed;
  struct caller c = {0};
  if (depth > 0 || atomic_load(&over)) return;
  ++depth;
  c.random = atomic_fetch_add(&seed, 1) * 0x9e3779b97f4a7c15u;
  c.in_callback = 1;
  call_any(&c, may_wait);
  tau_wire_stream_free(c.stream);
  --depth;
}

static void on_log(void* userdata, const tau_log_record* record) {
  (void)userdata, (void)record, call_back(0);
}
static void on_notify(void* userdata) { (void)userdata, call_back(0); }
static void on_finalize(void* userdata) { (void)userdata, call_back(0); }

static void on_invoke(void* userdata, const tau_tool_call* call, tau_tool_reply* reply) {
  static atomic_uint at;
  (void)userdata, (void)call;
  call_back(1);
  tau_tool_reply_drop(exchange_reply(atomic_fetch_add(&at, 1) % kReplies, reply));
}

static void on_signal(int number) {
  (void)number;
  tau_run_cancel(NULL);
  tau_run_cancel(hanging); /* it has been told to hang: see below */
  atomic_fetch_add(&calls_in_signals, 1);
}

/* ---- the stage ---- */

static const char kConfig[] =
    "{\"model\":\"scripted/"
    "contract\",\"policy\":{\"allow\":[\"answer\"]},\"tools\":[],\"script\":{\"loop\":true,"
    "\"turns\":[{\"text\":[\"I \",\"call.\"],\"tool_calls\":[{\"name\":\"answer\",\"arguments\":{}}]},"
    "{\"text\":[\"Done\",\".\"]}]}}";
static const char kHang[] =
    "{\"model\":\"scripted/hang\",\"script\":{\"turns\":[{\"text\":[\"x\"],\"hang\":true}]}}";

static void must(tau_status status, const char* what) {
  if (status == TAU_OK) return;
  printf("Bail out! %s: %s\n", what, tau_status_name(status));
  exit(1);
}

static tau_runtime* open_runtime(tau_runtime_flags flags, const char* home) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* made_runtime = NULL;
  char path[96];
  snprintf(path, sizeof path, "%s/%s", folder, home);
  o.flags = flags;
  o.home = str(path);
  o.config = str(kConfig);
  o.loops = 2;
  o.log = on_log;
  o.log_level = TAU_LOG_DEBUG;
  must(tau_runtime_new(&o, &made_runtime, NULL), "a runtime");
  return made_runtime;
}

static tau_run* start_on(tau_session* on, tau_queue* to) {
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  tau_run* run = NULL;
  o.prompt = str("go");
  o.queue = to;
  must(tau_run_start(on, &o, &run, NULL), "a run");
  return run;
}

static void play_resting(void) {
  tau_agent* quiet = NULL;
  tau_run* run;
  tau_buf out = {NULL, 0, NULL};
  must(tau_agent_new(runtime, str("{\"script\":{\"turns\":[{\"text\":\"yes\"}]}}"), &quiet, NULL),
       "an agent");
  must(tau_session_open(quiet, str("resting"), &resting, NULL), "a session");
  run = start_on(resting, NULL);
  must(tau_run_wait(run, -1, &out, NULL), "a finished run");
  snprintf(run_id, sizeof run_id, "%.*s", (int)tau_run_id(run).len, tau_run_id(run).data);
  tau_buf_free(&out);
  tau_run_unref(run);
  tau_agent_unref(quiet);
}

static void start_hanging(void) {
  tau_agent* hang = NULL;
  tau_session* apart = NULL;
  tau_queue* unread = NULL;
  must(tau_agent_new(runtime, str(kHang), &hang, NULL), "an agent");
  must(tau_session_open(hang, str("hanging"), &apart, NULL), "a session");
  must(tau_queue_new(runtime, NULL, &unread, NULL), "a queue");
  hanging = start_on(apart, unread);
  tau_queue_unref(unread);
  tau_session_unref(apart);
  tau_agent_unref(hang);
}

static void make_vault(void) {
  tau_vault_options o = TAU_VAULT_OPTIONS_INIT;
  const tau_vault_key key = vault_key();
  char path[96];
  snprintf(path, sizeof path, "%s/vault", folder);
  o.path = str(path);
  o.flags = TAU_VAULT_CREATE;
  must(tau_vault_open(&o, &key, &vault, NULL), "a vault");
  must(tau_vault_put(vault, str("kept"), "bytes", 5, str(""), 0, NULL), "a secret in it");
  must(tau_vault_get(vault, str("kept"), str(""), 0, &secret, NULL), "a secret");
}

static void make_access(void) {
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  char path[96];
  snprintf(path, sizeof path, "%s/access.state", folder);
  o.policy =
      str("{\"schema_version\":1,\"roles\":{\"r\":{\"allow\":[{\"action\":\"*\",\"resource\":\"*\"}]}},"
          "\"bindings\":[{\"principal\":\"alice\",\"roles\":[\"r\"]}]}");
  o.audience = str("a");
  o.state = str(path);
  must(tau_identity_new(kVaultKey, sizeof kVaultKey, str(""), &identity, NULL), "an identity");
  must(tau_access_open(&o, &access_of_all, NULL), "an access");
}

static void set_the_stage(void) {
  tau_tool tool = TAU_TOOL_INIT;
  tau_queue_options o = TAU_QUEUE_OPTIONS_INIT;
  tau_buf out = {NULL, 0, NULL};
  char path[96];
  runtime = open_runtime(0, "home");
  manual = open_runtime(TAU_RUNTIME_MANUAL | TAU_RUNTIME_NO_STORE, "none");
  must(tau_runtime_scanner(runtime, &scanner, NULL), "a scanner");
  must(tau_policy_new(str(NULL), &policy, NULL), "a policy");
  must(tau_agent_new(runtime, str("{}"), &agent, NULL), "an agent");
  tool.name = str("answer");
  tool.effect = TAU_EFFECT_PURE;
  tool.invoke = on_invoke;
  tool.finalize = on_finalize;
  tool.timeout_ms = 200;
  must(tau_agent_add_tool(agent, &tool, NULL), "a tool");
  must(tau_session_open(agent, str("shared"), &session, NULL), "a session");
  o.notify = on_notify;
  must(tau_queue_new(runtime, &o, &queue, NULL), "a queue");
  play_resting();
  start_hanging();
  make_vault();
  make_access();
  must(tau_memory_open(runtime, str(NULL), &memory, NULL), "memories");
  snprintf(path, sizeof path, "%s/backup", folder);
  must(tau_home_backup(runtime, str(path), &out, NULL), "a backup");
  tau_buf_free(&out);
  tau_run_submit(hanging, str("{"), NULL, 0, &error);
}

static void clear_the_stage(void) {
  uint32_t i;
  for (i = 0; i < kReplies; ++i) tau_tool_reply_drop(exchange_reply(i, NULL));
  for (i = 0; i < kReplies; ++i) tau_model_reply_drop(exchange_model_reply(i, NULL));
  tau_error_free(error);
  tau_secret_free(secret);
  tau_vault_unref(vault);
  tau_access_unref(access_of_all);
  tau_identity_unref(identity);
  tau_memory_unref(memory);
  tau_run_unref(hanging);
  tau_queue_unref(queue);
  tau_session_unref(resting);
  tau_session_unref(session);
  tau_agent_unref(agent);
  tau_scanner_unref(scanner);
  tau_policy_free(policy);
  tau_runtime_unref(manual);
  tau_runtime_unref(runtime);
}

/* ---- the play ---- */

static long calls_each = 2000;
static atomic_int playing; /* threads that call */
static atomic_long ended;  /* runs that went their whole way, with a tool */

static void* call_around(void* seed) {
  struct caller c = {0};
  long i;
  c.random = (uint64_t)(uintptr_t)seed * 0x9e3779b97f4a7c15u + 1;
  c.event.struct_size = sizeof c.event;
  must(tau_queue_new(runtime, NULL, &c.queue, NULL), "a queue");
  for (i = 0; i < calls_each; ++i) {
    call_any(&c, 1);
    if (i == calls_each / 2) raise(SIGUSR1);
  }
  tau_wire_stream_free(c.stream);
  tau_queue_unref(c.queue);
  atomic_fetch_sub(&playing, 1);
  return NULL;
}

/* The load: runs with a tool, one after the other, on a session and through a queue of the thread's own. */
static void* run_along(void* number) {
  tau_session* mine = NULL;
  char id[32];
  snprintf(id, sizeof id, "load-%d", (int)(intptr_t)number);
  must(tau_session_open(agent, str(id), &mine, NULL), "a session");
  while (atomic_load(&playing) > 0) {
    tau_buf out = {NULL, 0, NULL};
    tau_run* run = start_on(mine, queue);
    tau_run_wait(run, -1, &out, NULL);
    tau_buf_free(&out);
    tau_run_unref(run);
    atomic_fetch_add(&ended, 1);
  }
  tau_session_unref(mine);
  return NULL;
}

/* The one reader of the queue of the load. */
static void* read_along(void* unused) {
  tau_event event = {0};
  (void)unused;
  event.struct_size = sizeof event;
  for (;;) {
    tau_str body;
    const tau_status status = tau_queue_next(queue, 100, &event, NULL);
    if (status == TAU_OK) tau_event_json(queue, &event, &body, NULL);
    if (status == TAU_DONE) return NULL;
  }
}

static void* stop_along(void* unused) {
  (void)unused;
  TRY(tau_runtime_stop(runtime, -1, &err));
  return NULL;
}

static void in_threads(pthread_t* threads, int count, void* (*work)(void*)) {
  int i;
  for (i = 0; i < count; ++i) pthread_create(&threads[i], NULL, work, (void*)(intptr_t)(i + 1));
}

static void join(pthread_t* threads, int count) {
  int i;
  for (i = 0; i < count; ++i) pthread_join(threads[i], NULL);
}

static void play(int threads) {
  pthread_t callers[kMostThreads], load[2], reader, stoppers[kMostThreads];
  struct sigaction action;
  int i;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  atomic_store(&playing, threads);
  pthread_create(&reader, NULL, read_along, NULL);
  in_threads(load, 2, run_along);
  in_threads(callers, threads, call_around);
  while (atomic_load(&playing) > threads / 2) sched_yield();
  for (i = 0; i < threads; ++i) pthread_kill(callers[i], SIGUSR1);
  join(callers, threads);
  join(load, 2);
  in_threads(stoppers, threads, stop_along); /* everybody stops it */
  join(stoppers, threads);
  pthread_join(reader, NULL);
}

static int remove_entry(const char* path, const struct stat* st, int kind, struct FTW* where) {
  (void)st, (void)kind, (void)where;
  return remove(path);
}

static int all_rows_were_called(void) {
  int i, all = 1;
  for (i = 0; i < kRowCount; ++i) {
    if (atomic_load(&made[i]) > 0) continue;
    printf("# never called: %s\n", kRows[i].name);
    all = 0;
  }
  return all;
}

int main(int argc, char** argv) {
  int threads = 4;
  int i;
  for (i = 1; i + 1 < argc; ++i) {
    if (strcmp(argv[i], "--threads") == 0) threads = atoi(argv[i + 1]);
    if (strcmp(argv[i], "--calls") == 0) calls_each = atol(argv[i + 1]);
  }
  if (threads > kMostThreads) threads = kMostThreads;
  snprintf(folder, sizeof folder, "%s/tau_contract_XXXXXX",
           getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
  if (mkdtemp(folder) == NULL) return 1;
  set_the_stage();
  play(threads);
  check(atomic_load(&problems) == 0, "every call ends as it may");
  check(all_rows_were_called(), "every function was called");
  check(atomic_load(&ended) > 0, "runs went on meanwhile");
  check(atomic_load(&calls_in_callbacks) > 0, "callbacks called, too");
  check(atomic_load(&calls_in_signals) > 0, "a signal handler cancelled");
  printf(
      "# %ld calls, %ld in callbacks, %ld in signal handlers, %ld runs beside them, %d refused by a busy "
      "loop\n",
      atomic_load(&calls_made), atomic_load(&calls_in_callbacks), atomic_load(&calls_in_signals),
      atomic_load(&ended), atomic_load(&busy_loop));
  atomic_store(&over, 1);
  clear_the_stage();
  /* What was given back closes a moment later, and may write until then. */
  for (i = 0; i < 100 && nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0; ++i) usleep(20000);
  if (i == 100) printf("# %s is left\n", folder);
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
