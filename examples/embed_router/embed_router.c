/* A router of models in a C program: three upstreams behind one name, a budget, and what the route decided.
 * The upstreams are models of this program, so it needs no network and no key: one is broken, one is slow,
 * one answers. */
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

static tau_str str(const char* text) {
  tau_str s;
  s.data = text;
  s.len = TAU_STRLEN;
  return s;
}

static int fail(tau_error* err) {
  fprintf(stderr, "embed_router: %s\n", tau_error_message(err).data);
  tau_error_free(err);
  return 1;
}

/* Everything that a program configures is one document. Prices are micro-dollars per million tokens. */
static const char* const kConfig =
    "{\"model\":\"route/answers\","
    "\"routes\":{\"answers\":{\"upstreams\":[\"host/broken\",\"host/slow\",\"host/"
    "good\"],\"strategy\":\"ordered\"}},"
    "\"budget\":{\"run_usd_micros\":5000}}";

/* A model of the program: what it feeds is lines of events, and the first piece of them ends all failing
 * over. */
static void broken(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  (void)userdata, (void)call;
  tau_model_reply_fail(reply,
                       str("{\"code\":\"unavailable\",\"reason\":\"overloaded\",\"message\":\"come back "
                           "later\",\"retryable\":true}"),
                       NULL);
}

/* Keeps its reply for ever: the deadline of its document passes. */
static tau_model_reply* kept;
static void slow(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  (void)userdata, (void)call;
  kept = reply;
}

static void good(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  static const char* const kLines[] = {
      "{\"event\":\"text\",\"text\":\"Routed \"}\n", "{\"event\":\"text\",\"text\":\"well.\"}\n",
      "{\"event\":\"usage\",\"usage\":{\"input\":100,\"output\":20}}\n", "{\"event\":\"finish\"}\n"};
  size_t i;
  (void)userdata, (void)call;
  for (i = 0; i < sizeof kLines / sizeof *kLines; ++i)
    if (tau_model_reply_feed(reply, str(kLines[i]), -1, NULL) != TAU_OK) break; /* nobody wants it any more */
  tau_model_reply_drop(reply);
}

static int add(tau_runtime* runtime, const char* document, tau_model_invoke_fn invoke, tau_error** err) {
  tau_model model = TAU_MODEL_INIT;
  model.document = str(document);
  model.invoke = invoke;
  return tau_runtime_add_model(runtime, &model, err) == TAU_OK;
}

static int add_models(tau_runtime* runtime, tau_error** err) {
  return add(runtime,
             "{\"model\":\"host/"
             "broken\",\"price\":{\"input\":100000,\"output\":400000},\"max_output_tokens\":256}",
             broken, err) &&
         add(runtime,
             "{\"model\":\"host/"
             "slow\",\"price\":{\"input\":100000,\"output\":400000},\"max_output_tokens\":256,"
             "\"deadlines\":{\"first_byte_ms\":100}}",
             slow, err) &&
         add(runtime,
             "{\"model\":\"host/"
             "good\",\"price\":{\"input\":1000000,\"output\":4000000},\"max_output_tokens\":256}",
             good, err);
}

static void show(tau_queue* queue, const tau_event* event) {
  tau_str json;
  if (event->kind != TAU_EVENT_ROUTE && event->kind != TAU_EVENT_TURN_DONE &&
      event->kind != TAU_EVENT_RUN_DONE)
    return;
  if (tau_event_json(queue, event, &json, NULL) == TAU_OK) printf("%.*s\n", (int)json.len, json.data);
}

static int play(tau_runtime* runtime) {
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  tau_error* err = NULL;
  tau_event event;
  options.prompt = str("Is anybody there?");
  if (tau_agent_new(runtime, str(""), &agent, &err) < 0 ||
      tau_session_open(agent, str(""), &session, &err) < 0 ||
      tau_run_start(session, &options, &run, &err) < 0)
    return fail(err);
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  while (tau_queue_next(tau_run_queue(run), -1, &event, &err) == TAU_OK) show(tau_run_queue(run), &event);
  tau_run_unref(run);
  tau_session_unref(session);
  tau_agent_unref(agent);
  return 0;
}

int main(void) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  tau_error* err = NULL;
  int status;
  options.flags = TAU_RUNTIME_NO_STORE;
  options.config = str(kConfig);
  if (tau_runtime_new(&options, &runtime, &err) < 0 || !add_models(runtime, &err)) return fail(err);
  status = play(runtime);
  tau_runtime_stop(runtime, -1, NULL);
  tau_runtime_unref(runtime);
  tau_model_reply_drop(kept); /* the program's until now */
  return status;
}
