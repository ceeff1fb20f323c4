/* Plays scenarios through the C API, threaded or, with --manual, on this thread alone. Prints the body of
 * every event.
 *
 *   door [--manual] FILE...        the form of a file: scenarios.py */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>

enum { kMaxTools = 8, kMaxRules = 8, kMaxParts = 10, kLine = 1 << 20 };

struct tool {
  char* name;
  char* answer;
  int error;
  char* reason;
};

struct rule {
  char* event;
  char* op;
  int once;
  int done;
};

struct play {
  tau_agent* agent;
  tau_session* session;
  tau_memory* memory;
  struct tool tools[kMaxTools];
  int tool_count;
  struct rule rules[kMaxRules];
  int rule_count;
};

static tau_str str(const char* text) {
  tau_str view = {text, TAU_STRLEN};
  return view;
}

static void fail(const char* what, tau_error* err) {
  fprintf(stderr, "%s: %s\n", what, err == NULL ? "?" : tau_error_message(err).data);
  exit(1);
}

static const char* event_name(tau_event_kind kind) {
  switch (kind) {
    case TAU_EVENT_TEXT: return "text";
    case TAU_EVENT_REASONING: return "reasoning";
    case TAU_EVENT_TOOL_CALL: return "tool_call";
    case TAU_EVENT_APPROVAL: return "approval";
    default: return "";
  }
}

/* `op` with the call id in the place of $CALL. */
static void submit(tau_run* run, const char* op, tau_str call_id) {
  static char text[kLine];
  const char* mark = strstr(op, "$CALL");
  tau_error* err = NULL;
  if (mark == NULL) {
    snprintf(text, sizeof text, "%s", op);
  } else {
    snprintf(text, sizeof text, "%.*s%.*s%s", (int)(mark - op), op, (int)call_id.len, call_id.data, mark + 5);
  }
  if (tau_run_submit(run, str(text), NULL, 0, &err) != TAU_OK) printf("! %s\n", tau_error_reason(err).data);
  tau_error_free(err);
}

static void answer(struct play* p, tau_run* run, const tau_event* event) {
  static char op[kLine];
  int i;
  for (i = 0; i < p->tool_count; ++i) {
    const struct tool* tool = &p->tools[i];
    if (event->text.len != strlen(tool->name) || memcmp(event->text.data, tool->name, event->text.len) != 0)
      continue;
    snprintf(op, sizeof op, "{\"op\":\"tool_result\",\"call_id\":\"$CALL\",\"content\":%s%s%s%s}",
             tool->answer, tool->error ? ",\"is_error\":true,\"reason\":\"" : "",
             tool->error ? tool->reason : "", tool->error ? "\"" : "");
    submit(run, op, event->call_id);
  }
}

/* Whether the run was cancelled: its calls wait for no answer then. */
static int obey(struct play* p, tau_run* run, const tau_event* event) {
  int cancelled = 0;
  int i;
  for (i = 0; i < p->rule_count; ++i) {
    struct rule* rule = &p->rules[i];
    if (strcmp(rule->event, event_name(event->kind)) != 0 || (rule->once && rule->done)) continue;
    rule->done = 1;
    if (strcmp(rule->op, "cancel") == 0) {
      tau_run_cancel(run);
      cancelled = 1;
    } else {
      submit(run, rule->op, event->call_id);
    }
  }
  return cancelled;
}

static void play_run(struct play* p, char** part) {
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  tau_run* run = NULL;
  tau_error* err = NULL;
  tau_event event;
  int i;
  o.prompt = str(part[1]);
  o.options = str(part[2]);
  o.deadline_ms = atoi(part[3]);
  if (strcmp(part[4], "quiet") == 0) o.flags = TAU_RUN_QUIET;
  for (i = 0; i < p->rule_count; ++i) p->rules[i].done = 0;
  if (tau_run_start(p->session, &o, &run, &err) != TAU_OK) fail("tau_run_start", err);
  event.struct_size = sizeof event;
  do {
    tau_str body = {NULL, 0};
    if (tau_queue_next(tau_run_queue(run), -1, &event, &err) != TAU_OK) fail("tau_queue_next", err);
    tau_event_json(tau_run_queue(run), &event, &body, NULL);
    printf("%.*s\n", (int)body.len, body.data);
    if (!obey(p, run, &event) && event.kind == TAU_EVENT_TOOL_CALL) answer(p, run, &event);
  } while (event.kind != TAU_EVENT_RUN_DONE);
  tau_run_unref(run);
}

static void add_tool(struct play* p, char** part) {
  static const char* const kEffects[] = {"pure", "read", "write", "egress", "exec", "irreversible"};
  struct tool* tool = &p->tools[p->tool_count++];
  tau_tool t = TAU_TOOL_INIT;
  tau_error* err = NULL;
  uint32_t i;
  tool->name = strdup(part[1]);
  tool->answer = strdup(part[6]);
  tool->error = part[7][0] == '1';
  tool->reason = strdup(part[8]);
  t.name = str(tool->name);
  t.description = t.name;
  for (i = 0; i < sizeof kEffects / sizeof *kEffects; ++i)
    if (strcmp(part[2], kEffects[i]) == 0) t.effect = i;
  if (strstr(part[3], "parallel") != NULL) t.flags |= TAU_TOOL_PARALLEL;
  if (strstr(part[3], "idempotent") != NULL) t.flags |= TAU_TOOL_IDEMPOTENT;
  if (strstr(part[3], "ask") != NULL) t.flags |= TAU_TOOL_ASK;
  t.parameters = str(part[4]);
  if (tau_agent_add_tool(p->agent, &t, &err) != TAU_OK) fail("tau_agent_add_tool", err);
}

static void print_answer(tau_status status, tau_buf* out, tau_error* err) {
  if (status == TAU_OK)
    printf("memory %.*s\n", (int)out->len, out->data);
  else
    printf("! %s\n", tau_error_reason(err).data);
  tau_buf_free(out);
  tau_error_free(err);
}

static void play_memory(tau_runtime* runtime, struct play* p, char** part) {
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  if (strcmp(part[0], "memory") == 0) {
    if (tau_memory_open(runtime, str(part[1]), &p->memory, &err) != TAU_OK) fail("tau_memory_open", err);
  } else if (strcmp(part[0], "perform") == 0) {
    const tau_status status = tau_memory_perform(p->memory, str(part[1]), NULL, 0, &out, &err);
    print_answer(status, &out, err);
  } else {
    const tau_status status = tau_memory_search(p->memory, str(part[1]), NULL, 0, &out, &err);
    print_answer(status, &out, err);
  }
}

static void play_line(tau_runtime* runtime, struct play* p, char* line) {
  char* part[kMaxParts];
  int parts = 0;
  tau_error* err = NULL;
  char* at = line;
  for (; parts < kMaxParts; ++parts) {
    char* tab = strchr(at, '\t');
    part[parts] = at;
    if (tab == NULL) break;
    *tab = '\0';
    at = tab + 1;
  }
  if (strcmp(part[0], "agent") == 0) {
    if (tau_agent_new(runtime, str(part[1]), &p->agent, &err) != TAU_OK) fail("tau_agent_new", err);
  } else if (strcmp(part[0], "tool") == 0) {
    add_tool(p, part);
  } else if (strcmp(part[0], "run") == 0) {
    if (p->session == NULL && tau_session_open(p->agent, str(NULL), &p->session, &err) != TAU_OK)
      fail("tau_session_open", err);
    play_run(p, part);
  } else if (strcmp(part[0], "memory") == 0 || strcmp(part[0], "perform") == 0 ||
             strcmp(part[0], "search") == 0) {
    play_memory(runtime, p, part);
  } else {
    struct rule* rule = &p->rules[p->rule_count++];
    rule->once = strcmp(part[0], "once") == 0;
    rule->event = strdup(part[1]);
    rule->op = strdup(part[2]);
  }
}

static void play_file(tau_runtime* runtime, const char* path) {
  static char line[kLine];
  struct play p = {0};
  FILE* file = fopen(path, "r");
  int i;
  if (file == NULL) fail(path, NULL);
  printf("== %s\n", path);
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    play_line(runtime, &p, line);
  }
  fclose(file);
  for (i = 0; i < p.tool_count; ++i) free(p.tools[i].name), free(p.tools[i].answer), free(p.tools[i].reason);
  for (i = 0; i < p.rule_count; ++i) free(p.rules[i].event), free(p.rules[i].op);
  tau_memory_unref(p.memory);
  tau_session_unref(p.session);
  tau_agent_unref(p.agent);
}

int main(int argc, char** argv) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  tau_error* err = NULL;
  int first = 1;
  const char* config = getenv("DOOR_CONFIG");
  o.flags = TAU_RUNTIME_NO_STORE;
  if (config != NULL) o.config.data = config, o.config.len = TAU_STRLEN;
  if (argc > 1 && strcmp(argv[1], "--manual") == 0) {
    o.flags |= TAU_RUNTIME_MANUAL;
    o.workers = TAU_NO_WORKERS;
    first = 2;
  }
  if (tau_runtime_new(&o, &runtime, &err) != TAU_OK) fail("tau_runtime_new", err);
  for (; first < argc; ++first) play_file(runtime, argv[first]);
  tau_runtime_unref(runtime);
  return 0;
}
