/* Models of the host through the public API: answered by a function on a worker and from the events, in
 * routes, under budgets, and by hosts that do everything wrong. Prints TAP. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>
#include <time.h>

#include "tap.h"

static const char* const kHello =
    "{\"event\":\"text\",\"text\":\"Hel\"}\n{\"event\":\"text\",\"text\":\"lo\"}\n";
static const char* const kFinish =
    "{\"event\":\"usage\",\"usage\":{\"input\":10,\"output\":2}}\n{\"event\":\"finish\"}\n";

enum deed {
  kGood,
  kBytewise,
  kDrop,
  kGarbage,
  kTwice,
  kKeep,
  kFail,
  kHuge,
  kThread,
  kPeek,
  kDialect,
  kWhole
};

/* A model, and what became of it. */
struct model {
  enum deed deed;
  atomic_int calls, cancels, finals, late;
  tau_model_reply* _Atomic kept;
  char seen[4096];
};

static void say(tau_model_reply* reply, const char* text) {
  tau_model_reply_feed(reply, str(text), -1, NULL);
}

static void pause_ms(long ms) {
  const struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* Whether a count comes to be so much: the threads of a library let go a moment after their runtime. */
static int becomes(const atomic_int* count_of, int much) {
  int i;
  for (i = 0; i < 2000 && atomic_load(count_of) != much; ++i) pause_ms(5);
  return atomic_load(count_of) == much;
}

static void end(tau_model_reply* reply) { tau_model_reply_drop(reply); }

static void* answer_later(void* reply) {
  pause_ms(20);
  say(reply, kHello);
  say(reply, kFinish);
  end(reply);
  return NULL;
}

static void huge(struct model* m, tau_model_reply* reply) {
  enum { kPiece = 1 << 20 };
  char* line = malloc(kPiece);
  int i;
  memset(line, 'x', kPiece);
  memcpy(line, "{\"event\":\"text\",\"text\":\"", 24);
  memcpy(line + kPiece - 3, "\"}\n", 3);
  for (i = 0; i < 1024; ++i) {
    const tau_str piece = {line, kPiece};
    if (tau_model_reply_feed(reply, piece, -1, NULL) != TAU_OK) break;
  }
  atomic_store(&m->late, i);
  free(line);
}

static void invoke(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  struct model* m = userdata;
  size_t i;
  pthread_t thread;
  atomic_fetch_add(&m->calls, 1);
  switch (m->deed) {
    case kPeek:
      snprintf(m->seen, sizeof m->seen, "%.*s|%.*s|%d|%.*s|%.*s", (int)call->model.len, call->model.data,
               (int)call->request.len, call->request.data, (int)call->blob_count,
               call->blob_count > 0 ? (int)call->blobs[0].len : 0,
               call->blob_count > 0 ? (const char*)call->blobs[0].data : "", (int)call->path.len,
               call->path.data);
      say(reply, kHello);
      say(reply, kFinish);
      break;
    case kDialect:
      snprintf(m->seen, sizeof m->seen, "%.*s|%.*s", (int)call->path.len, call->path.data,
               (int)call->request.len, call->request.data);
      say(reply,
          "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: "
          "{\"id\":");
      say(reply,
          "\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n");
      say(reply, "data: [DONE]\n\n");
      break;
    case kWhole:
      say(reply, "{\"message\":{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"text\":\"Hello\"}]},");
      say(reply, "\"finish\":\"stop\"}");
      break;
    case kBytewise:
      for (i = 0; i < strlen(kHello); ++i) {
        const tau_str one = {kHello + i, 1};
        tau_model_reply_feed(reply, one, -1, NULL);
      }
      say(reply, kFinish);
      break;
    case kDrop: break;
    case kGarbage: say(reply, "no json at all \xff\xfe\n"); break;
    case kTwice:
      say(reply, kHello);
      say(reply, kFinish);
      say(reply, kFinish);
      say(reply, kHello);
      break;
    case kKeep: end(atomic_exchange(&m->kept, reply)); return;
    case kFail:
      tau_model_reply_fail(
          reply, str("{\"code\":\"unavailable\",\"reason\":\"gpu_on_fire\",\"message\":\"hot\"}"), NULL);
      return;
    case kHuge: huge(m, reply); break;
    case kThread:
      if (pthread_create(&thread, NULL, answer_later, reply) == 0) pthread_detach(thread);
      return;
    default: say(reply, kHello); say(reply, kFinish);
  }
  end(reply);
}

static void cancel(void* userdata, const tau_model_call* call) {
  struct model* m = userdata;
  if (call->call_id.len > 0) atomic_fetch_add(&m->cancels, 1);
}

static void finalize(void* userdata) { atomic_fetch_add(&((struct model*)userdata)->finals, 1); }

static tau_runtime* open_runtime(const char* config) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* rt = NULL;
  tau_error* err = NULL;
  o.flags = TAU_RUNTIME_NO_STORE;
  o.config = str(config);
  if (tau_runtime_new(&o, &rt, &err) != TAU_OK) printf("# %s\n", tau_error_message(err).data);
  tau_error_free(err);
  return rt;
}

static tau_status add(tau_runtime* rt, struct model* m, const char* document, tau_error** err) {
  tau_model model = TAU_MODEL_INIT;
  model.document = str(document);
  model.invoke = invoke;
  model.cancel = cancel;
  model.userdata = m;
  model.finalize = finalize;
  return tau_runtime_add_model(rt, &model, err);
}

static tau_run* ask_with(tau_runtime* rt, const char* agent_config, tau_run_options* o) {
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_error* err = NULL;
  if (tau_agent_new(rt, str(agent_config), &agent, &err) == TAU_OK &&
      tau_session_open(agent, str(""), &session, &err) == TAU_OK)
    tau_run_start(session, o, &run, &err);
  if (err != NULL) printf("# %s\n", tau_error_message(err).data);
  tau_error_free(err);
  tau_session_unref(session);
  tau_agent_unref(agent);
  return run;
}

static tau_run* ask(tau_runtime* rt, const char* agent_config) {
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str("Say hello.");
  return ask_with(rt, agent_config, &o);
}

/* The outcome of a run, as JSON. */
static int outcome(tau_run* run, char out[2048]) {
  tau_buf text = {NULL, 0, NULL};
  tau_error* err = NULL;
  const tau_status status = run == NULL ? TAU_INTERNAL : tau_run_wait(run, 20000, &text, &err);
  snprintf(out, 2048, "%s", text.data != NULL ? text.data : err != NULL ? tau_error_reason(err).data : "");
  tau_error_free(err);
  tau_buf_free(&text);
  tau_run_unref(run);
  return status == TAU_OK;
}

static int has(const char* text, const char* part) {
  if (strstr(text, part) != NULL) return 1;
  printf("# no %s in %.300s\n", part, text);
  return 0;
}

static void close_runtime(tau_runtime* rt) {
  tau_runtime_stop(rt, -1, NULL);
  tau_runtime_unref(rt);
}

/* One that no other test has: its runtime may let go of it later. */
static struct model* fresh(enum deed deed) {
  static struct model models[64];
  static int used;
  struct model* m = &models[used++];
  m->deed = deed;
  return m;
}

/* One call of one model. */
static int one(enum deed deed, const char* document, struct model** out_model, char out[2048]) {
  tau_runtime* rt = open_runtime("{}");
  int good;
  struct model* m = fresh(deed);
  *out_model = m;
  add(rt, m, document, NULL);
  good = outcome(ask(rt, "{\"model\":\"host/m\"}"), out);
  close_runtime(rt);
  return good;
}

static void test_answers(void) {
  struct model* m;
  char out[2048];
  const char* const kModel = "{\"model\":\"host/m\"}";
  check(one(kGood, kModel, &m, out) && has(out, "Hello"), "a model of the host answers");
  check(atomic_load(&m->calls) == 1 && becomes(&m->finals, 1), "it was called once, and finalized once");
  check(atomic_load(&m->cancels) == 0, "nobody cancelled it");
  check(has(out, "\"input_tokens\":10") || has(out, "\"input\":10"), "its usage counts");
  check(one(kBytewise, kModel, &m, out) && has(out, "Hello"), "bytes come in any split");
  check(one(kThread, kModel, &m, out) && has(out, "Hello"), "a reply is fed on another thread");
  check(becomes(&m->finals, 1), "which is finalized once, too");
  check(one(kTwice, kModel, &m, out) && has(out, "Hello") && atomic_load(&m->calls) == 1,
        "what follows a finish is nothing");
  check(one(kDialect, "{\"model\":\"host/m\",\"dialect\":\"openai_chat\"}", &m, out) && has(out, "Hello"),
        "a host with an HTTP stack of its own feeds a dialect");
  check(
      has(m->seen, "/chat/completions|{") && has(m->seen, "\"messages\"") && has(m->seen, "\"model\":\"m\""),
      "and is given path and body");
  check(one(kWhole, "{\"model\":\"host/m\",\"stream\":false}", &m, out) && has(out, "Hello"),
        "an answer may be one document");
}

static void test_failures(void) {
  struct model* m;
  char out[2048];
  const char* const kOnce = "{\"model\":\"host/m\",\"retry\":{\"max_attempts\":1}}";
  check(!one(kDrop, kOnce, &m, out) && has(out, "model_dropped_reply"), "a dropped reply is a failure");
  check(atomic_load(&m->calls) == 1, "of one try");
  check(!one(kDrop, "{\"model\":\"host/m\",\"retry\":{\"base_delay_ms\":1}}", &m, out) &&
            atomic_load(&m->calls) == 3,
        "which is tried again");
  check(!one(kGarbage, kOnce, &m, out) && has(out, "invalid_response"), "garbage is a failure");
  check(!one(kFail, kOnce, &m, out) && has(out, "gpu_on_fire"), "a model says why it fails");
  check(!one(kHuge, kOnce, &m, out) && has(out, "response_too_large"), "an answer has its bound");
  check(atomic_load(&m->late) <= 64 && becomes(&m->finals, 1), "so has what is taken of it");
  check(!one(kKeep,
             "{\"model\":\"host/m\",\"retry\":{\"max_attempts\":1},\"deadlines\":{\"first_byte_ms\":50}}", &m,
             out) &&
            has(out, "first_byte_timeout"),
        "one that never answers meets its deadline");
  check(becomes(&m->cancels, 1), "and is told");
  check(atomic_load(&m->finals) == 0, "it is not finalized while the host has its reply");
  check(tau_model_reply_feed(atomic_load(&m->kept), str(kHello), -1, NULL) == TAU_CANCELLED,
        "late bytes are nobody's");
  end(atomic_exchange(&m->kept, NULL));
  check(becomes(&m->finals, 1), "until it ends it");
}

static void test_cancel_and_stop(void) {
  static struct model m;
  tau_runtime* rt = open_runtime("{}");
  tau_run* run;
  char out[2048];
  int i;
  memset(&m, 0, sizeof m);
  m.deed = kKeep;
  add(rt, &m, "{\"model\":\"host/m\"}", NULL);
  run = ask(rt, "{\"model\":\"host/m\"}");
  for (i = 0; i < 1000 && atomic_load(&m.kept) == NULL; ++i) pause_ms(5);
  check(tau_model_reply_feed(atomic_load(&m.kept), str("{\"event\":\"text\",\"text\":\"par\"}\n"), 0, NULL) ==
            TAU_OK,
        "a piece is taken");
  tau_run_cancel(run);
  check(!outcome(run, out) && has(out, "cancelled") && becomes(&m.cancels, 1), "cancel reaches the model");
  check(tau_model_reply_feed(atomic_load(&m.kept), str(kHello), 0, NULL) == TAU_CANCELLED,
        "and ends its call");
  end(atomic_exchange(&m.kept, NULL));
  run = ask(rt, "{\"model\":\"host/m\"}");
  for (i = 0; i < 1000 && atomic_load(&m.kept) == NULL; ++i) pause_ms(5);
  check(tau_runtime_stop(rt, 20000, NULL) == TAU_OK, "a runtime stops with a call under way");
  tau_run_unref(run);
  tau_runtime_unref(rt);
  check(atomic_load(&m.finals) == 0, "the reply outlives its runtime");
  say(atomic_load(&m.kept), kHello);
  end(atomic_exchange(&m.kept, NULL));
  check(becomes(&m.finals, 1) && becomes(&m.cancels, 2), "and its model is finalized with it");
}

static void test_registry(void) {
  static struct model m, other;
  tau_runtime* rt = open_runtime("{}");
  tau_error* err = NULL;
  tau_buf answer = {NULL, 0, NULL};
  tau_agent* agent = NULL;
  char out[2048];
  static const char* const kBad[] = {"",
                                     "[]",
                                     "{}",
                                     "{\"model\":7}",
                                     "{\"model\":\"alone\"}",
                                     "{\"model\":\"route/x\"}",
                                     "{\"model\":\"scripted/x\"}",
                                     "{\"model\":\"ho st/x\"}",
                                     "{\"model\":\"host/x\",\"colour\":1}",
                                     "{\"model\":\"host/x\",\"dialect\":\"latin\"}",
                                     "{\"model\":\"host/x\",\"quirks\":{}}",
                                     "{\"model\":\"host/x\",\"price\":{\"input\":-1,\"output\":1}}",
                                     "{\"model\":\"host/x\",\"deadlines\":{\"total_ms\":-1}}",
                                     "{\"model\":\"host/x\",\"stream\":1}"};
  size_t i, refused = 0;
  memset(&m, 0, sizeof m);
  memset(&other, 0, sizeof other);
  for (i = 0; i < sizeof kBad / sizeof *kBad; ++i) {
    if (add(rt, &other, kBad[i], &err) == TAU_INVALID_ARGUMENT && tau_error_message(err).len > 0) {
      ++refused;
    } else {
      printf("# taken: %s\n", kBad[i]);
    }
    tau_error_free(err);
    err = NULL;
  }
  check(refused == i, "bad documents are refused");
  check(tau_agent_new(rt, str("{\"model\":\"host/m\"}"), &agent, NULL) == TAU_INVALID_ARGUMENT,
        "no model, no agent");
  check(add(rt, &m, "{\"model\":\"host/*\"}", NULL) == TAU_OK, "one that answers for a provider");
  check(add(rt, &other, "{\"model\":\"host/*\"}", NULL) == TAU_ALREADY_EXISTS, "a name is taken once");
  m.deed = kPeek;
  check(outcome(ask(rt, "{\"model\":\"host/any/thing\"}"), out) && has(m.seen, "host/any/thing|"),
        "it is told which");
  check(has(m.seen, "\"model\":\"any/thing\""), "in the request, too");
  check(tau_runtime_describe(rt, &answer, NULL) == TAU_OK &&
            has(answer.data, "\"host_models\":[{\"model\":\"host/*\""),
        "models are described");
  tau_buf_free(&answer);
  check(tau_agent_new(rt, str("{\"model\":\"host/m\"}"), &agent, NULL) == TAU_OK, "an agent has it");
  check(
      tau_runtime_perform(rt, str("{\"op\":\"remove_model\",\"model\":\"host/*\"}"), &answer, NULL) == TAU_OK,
      "it is taken out");
  tau_buf_free(&answer);
  check(tau_runtime_perform(rt, str("{\"op\":\"remove_model\",\"model\":\"host/*\"}"), &answer, NULL) ==
            TAU_NOT_FOUND,
        "once");
  check(atomic_load(&m.finals) == 0, "and lives on with the agent");
  tau_agent_unref(agent);
  close_runtime(rt);
  check(becomes(&m.finals, 1) && atomic_load(&other.finals) == 0, "what was refused is not finalized");
}

static void test_blobs(void) {
  static struct model m;
  tau_runtime* rt = open_runtime("{}");
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  const tau_blob blob = {{"image/png", 9}, {NULL, 0}, "PIXELS", 6};
  char out[2048];
  memset(&m, 0, sizeof m);
  m.deed = kPeek;
  add(rt, &m, "{\"model\":\"host/m\",\"images\":true}", NULL);
  o.prompt = str("Look.");
  o.blobs = &blob;
  o.blob_count = 1;
  check(outcome(ask_with(rt, "{\"model\":\"host/m\"}", &o), out) && has(m.seen, "\"data\":\"blob:0\"") &&
            has(m.seen, "|1|PIXELS|"),
        "media go beside the request");
  close_runtime(rt);
}

static void test_route(void) {
  static struct model bad, slow, good;
  tau_runtime* rt = open_runtime(
      "{\"routes\":{\"r\":{\"upstreams\":[\"host/bad\",\"host/slow\",\"host/good\"]}},"
      "\"budget\":{\"run_usd_micros\":1000000}}");
  char out[2048];
  memset(&bad, 0, sizeof bad);
  memset(&slow, 0, sizeof slow);
  memset(&good, 0, sizeof good);
  bad.deed = kDrop;
  slow.deed = kKeep;
  add(rt, &bad, "{\"model\":\"host/bad\",\"price\":{\"input\":1,\"output\":1},\"max_output_tokens\":64}",
      NULL);
  add(rt, &slow,
      "{\"model\":\"host/slow\",\"price\":{\"input\":1,\"output\":1},\"max_output_tokens\":64,"
      "\"deadlines\":{\"first_byte_ms\":30}}",
      NULL);
  add(rt, &good,
      "{\"model\":\"host/good\",\"price\":{\"input\":1000000,\"output\":2000000},\"max_output_tokens\":64}",
      NULL);
  check(outcome(ask(rt, "{\"model\":\"route/r\"}"), out) && has(out, "Hello"),
        "a route fails over to a model of the host");
  check(has(out, "\"cost_usd_micros\":14"), "and its price is what the answer costs");
  check(atomic_load(&bad.calls) == 1 && atomic_load(&slow.calls) == 1 && atomic_load(&good.calls) == 1,
        "in order");
  end(atomic_exchange(&slow.kept, NULL));
  close_runtime(rt);
  check(becomes(&bad.finals, 1) && becomes(&slow.finals, 1) && becomes(&good.finals, 1), "all are finalized");
}

/* ---- from the events ---- */

static int submit(tau_run* run, const char* op, tau_str call_id, const char* rest, const tau_blob* blob) {
  char text[1024];
  snprintf(text, sizeof text, "{\"op\":\"%s\",\"call_id\":\"%.*s\"%s}", op, (int)call_id.len, call_id.data,
           rest);
  return tau_run_submit(run, str(text), blob, blob != NULL, NULL);
}

static void test_events(void) {
  tau_runtime* rt = open_runtime("{}");
  tau_model model = TAU_MODEL_INIT;
  tau_run* run;
  tau_event ev;
  tau_str json;
  tau_status status = TAU_OK;
  const tau_blob bytes = {{NULL, 0}, {NULL, 0}, "{\"event\":\"text\",\"text\":\"Hi\"}\n", 29};
  char out[2048] = "", call[64] = "";
  int asked = 0, over = 0, done = 0;
  model.document = str("{\"model\":\"host/m\"}");
  tau_runtime_add_model(rt, &model, NULL);
  run = ask(rt, "{\"model\":\"host/m\"}");
  memset(&ev, 0, sizeof ev);
  ev.struct_size = sizeof ev;
  while (!done && (status = tau_queue_next(tau_run_queue(run), 20000, &ev, NULL)) == TAU_OK) {
    if (ev.kind == TAU_EVENT_MODEL_CALL) {
      ++asked;
      snprintf(call, sizeof call, "%.*s", (int)ev.call_id.len, ev.call_id.data);
      check(tau_event_json(tau_run_queue(run), &ev, &json, NULL) == TAU_OK &&
                has(json.data, "\"request\":{\"model\":\"m\""),
            "the event has the request");
      check(submit(run, "model_event", ev.call_id, ",\"lines\":\"\"", NULL) == TAU_OK, "nothing is fed");
      check(submit(run, "model_event", str("nobody"), ",\"lines\":\"\"", NULL) == TAU_FAILED_PRECONDITION,
            "to nobody");
      check(submit(run, "model_event", ev.call_id, ",\"bytes\":\"blob:0\"", &bytes) == TAU_OK,
            "bytes are a blob");
      check(submit(run, "model_event", ev.call_id, ",\"bytes\":\"blob:1\"", &bytes) == TAU_INVALID_ARGUMENT,
            "the one");
      check(submit(run, "model_event", ev.call_id, ",\"lines\":\"{\\\"event\\\":\\\"finish\\\"}\\n\"",
                   NULL) == TAU_OK,
            "lines are text");
    }
    if (ev.kind == TAU_EVENT_MODEL_CALL_OVER)
      over += has(tau_event_json(tau_run_queue(run), &ev, &json, NULL) == TAU_OK ? json.data : "",
                  "\"answered\":true");
    if (ev.kind == TAU_EVENT_RUN_DONE) done = 1;
  }
  check(asked == 1 && over == 1 && done, "a call from the events, and its end");
  check(submit(run, "model_event", str(call), ",\"lines\":\"\"", NULL) == TAU_FAILED_PRECONDITION,
        "late lines are nobody's");
  check(outcome(run, out) && has(out, "Hi"), "and its answer");
  close_runtime(rt);
}

int main(void) {
  test_answers();
  test_failures();
  test_cancel_and_stop();
  test_registry();
  test_blobs();
  test_route();
  test_events();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
