/* Calls every function, generated from api.json, in random order with valid, absent and wrong arguments:
 * NULL, ill-formed text, broken JSON, numbers at their edges, handles that were used before. Nothing may
 * crash, leak or hang, and the rules for `out` and `err` hold after each call. Junk that only a broken caller
 * can make (wild pointers, wrong lengths) is left out.
 *
 *   junk_test [--seed N] [--calls N] [--trace]     a failure names its seed; --trace prints each call before
 * it */
#include <ftw.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>
#include <unistd.h>

enum { kHeld = 6, kEvents = 4, kBlobs = 2, kText = 512 };

struct world {
  uint64_t random;
  const char* call; /* that is being made */
  int failures;
  long errors; /* seen, to know that both ways were gone */
  long good;
  char text[8][kText];
  int texts; /* used by this call */
  tau_event events[kEvents];
  tau_blob blobs[kBlobs];
  tau_str out_text;
  size_t out_size;
  tau_runtime_options runtime_options;
  tau_queue_options queue_options;
  tau_run_options run_options;
  tau_scanner_options scanner_options;
  tau_tool tool;
  tau_model model;
  tau_embedder embedder;
  tau_buf buf;
  tau_runtime* runtimes[kHeld];
  tau_agent* agents[kHeld];
  tau_session* sessions[kHeld];
  tau_run* runs[kHeld];
  tau_queue* queues[kHeld];
  tau_error* errors_held[kHeld];
  tau_wire_stream* streams[kHeld];
  tau_scanner* scanners[kHeld];
  tau_redactor* redactors[kHeld];
  tau_policy* policies[kHeld];
  tau_tool_reply* replies[kHeld];
  tau_model_reply* model_replies[kHeld];
  tau_vault_options vault_options;
  tau_vault_key vault_key;
  tau_vault* vaults[kHeld];
  tau_secret* secrets[kHeld];
  tau_access_options access_options;
  tau_access* accesses[kHeld];
  tau_identity* identities[kHeld];
  tau_memory* memories[kHeld];
};

struct junk_call {
  const char* name;
  void (*make)(struct world* w);
};

static uint32_t junk_random(struct world* w, uint32_t below) {
  w->random = w->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(w->random >> 33) % below;
}

static int junk_coin(struct world* w) { return (int)junk_random(w, 2); }
static int junk_rarely(struct world* w) { return junk_random(w, 16) == 0; }

static void junk_expect(struct world* w, int good, const char* what) {
  if (good) return;
  printf("# %s: %s\n", w->call, what);
  ++w->failures;
}

/* ---- handles ---- */

#define HANDLE(type, list, give_back)                           \
  static void junk_keep_##type(struct world* w, type* handle) { \
    uint32_t at = junk_random(w, kHeld);                        \
    if (handle == NULL) return;                                 \
    give_back(w->list[at]);                                     \
    w->list[at] = handle;                                       \
  }                                                             \
  static type* junk_pick_##type(struct world* w) {              \
    uint32_t at = junk_random(w, kHeld + 1);                    \
    uint32_t i;                                                 \
    if (at == kHeld) return NULL;                               \
    for (i = 0; i < kHeld; ++i, at = (at + 1) % kHeld)          \
      if (w->list[at] != NULL) return w->list[at];              \
    return NULL;                                                \
  }                                                             \
  static type* junk_take_##type(struct world* w) {              \
    type* handle = junk_pick_##type(w);                         \
    uint32_t i;                                                 \
    for (i = 0; i < kHeld; ++i)                                 \
      if (w->list[i] == handle) {                               \
        w->list[i] = NULL;                                      \
        break; /* another reference to the same object stays */ \
      }                                                         \
    return handle;                                              \
  }                                                             \
  static void give_back_all_##type(struct world* w) {           \
    uint32_t i;                                                 \
    for (i = 0; i < kHeld; ++i) give_back(w->list[i]);          \
  }

HANDLE(tau_runtime, runtimes, tau_runtime_unref)
HANDLE(tau_agent, agents, tau_agent_unref)
HANDLE(tau_session, sessions, tau_session_unref)
HANDLE(tau_run, runs, tau_run_unref)
HANDLE(tau_queue, queues, tau_queue_unref)
HANDLE(tau_error, errors_held, tau_error_free)
HANDLE(tau_wire_stream, streams, tau_wire_stream_free)
HANDLE(tau_scanner, scanners, tau_scanner_unref)
HANDLE(tau_redactor, redactors, tau_redactor_free)
HANDLE(tau_policy, policies, tau_policy_free)
HANDLE(tau_tool_reply, replies, tau_tool_reply_drop)
HANDLE(tau_model_reply, model_replies, tau_model_reply_drop)
HANDLE(tau_vault, vaults, tau_vault_unref)
HANDLE(tau_secret, secrets, tau_secret_free)
HANDLE(tau_access, accesses, tau_access_unref)
HANDLE(tau_identity, identities, tau_identity_unref)
HANDLE(tau_memory, memories, tau_memory_unref)

/* A tool of the host leaves its reply here, on a worker's thread. */
static _Atomic(tau_tool_reply*) waiting_reply;

static void leave_reply(void* userdata, const tau_tool_call* call, tau_tool_reply* reply) {
  (void)userdata, (void)call;
  tau_tool_reply_drop(atomic_exchange(&waiting_reply, reply));
}

/* And so does a model. */
static _Atomic(tau_model_reply*) waiting_model_reply;

static void leave_model_reply(void* userdata, const tau_model_call* call, tau_model_reply* reply) {
  (void)userdata, (void)call;
  tau_model_reply_drop(atomic_exchange(&waiting_model_reply, reply));
}

/* ---- texts ---- */

static const char* const kTexts[] = {
    "",
    "x",
    "one",
    "{}",
    "[]",
    "null",
    "{\"model\":\"scripted/"
    "junk\",\"tools\":[],\"policy\":{\"allow\":[\"f\"]},\"script\":{\"loop\":true,\"turns\":["
    "{\"tool_calls\":[{\"name\":\"f\",\"arguments\":{}}]},{\"text\":[\"a\",\"b\"]}]}}",
    "{\"model\":\"scripted/junk\",\"script\":{\"turns\":[{\"text\":[\"x\"],\"hang\":true}]}}",
    "{\"limits\":{\"max_turns\":-1}}",
    "{\"unknown\":1}",
    "{\"op\":\"cancel\"}",
    "{\"op\":\"message\",\"text\":\"more\"}",
    "{\"op\":\"tool_result\",\"call_id\":\"call_1_1\",\"content\":\"3\"}",
    "{\"op\":\"tool_result\",\"id\":\"o\",\"call_id\":\"nothing\",\"content\":[1]}",
    "{\"op\":\"approval\",\"call_id\":\"call_1_1\",\"allow\":true}",
    "{\"max_age_days\":1,\"dry_run\":true}",
    "{\"op\":\"admit\",\"channel\":\"x\",\"actor\":\"one\"}",
    "{\"card\":{\"name\":\"x\"}}",
    "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    "{\"provider/openai\":\"https://host\"}",
    "https://host",
    "{\"http\":true,\"addresses\":[\"10.0.0.1\"]}",
    "{\"preset\":\"hardened\",\"rules\":[\"deny f\"]}",
    "{\"tool\":{\"name\":\"f\",\"destinations\":[\"to\"]},\"arguments\":\"{}\",\"user\":[\"go\"],\"labels\":"
    "{\"integrity\":[\"web\"]},\"run\":{\"calls\":1}}",
    "secret://one",
    "openai_chat",
    "anthropic_messages",
    "dialect:openai_chat",
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}",
    "{\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"Hi\"}]}],\"model\":\"m\"}",
    "{\"type\":\"object\"}",
    "{\"workspace\":\"one\",\"channel\":\"x\"}",
    "{\"op\":\"add\",\"id\":\"one\",\"text\":\"one\"}",
    "{\"op\":\"get\",\"id\":\"one\"}",
    "{\"op\":\"list\",\"limit\":2}",
    "{\"op\":\"forget\",\"id\":\"one\"}",
    "{\"op\":\"stats\"}",
    "{\"query\":\"one\",\"k\":3,\"explain\":true}",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "backup",
    "home",
    "\xff\xfe",
    "\xed\xa0\x80",
};

/* One of the texts, as it is or with a wound. */
static tau_str junk_tau_str(struct world* w) {
  const uint32_t kinds = sizeof kTexts / sizeof *kTexts;
  const uint32_t i = junk_random(w, kinds + 4);
  const char* source = kTexts[i < kinds ? i : junk_random(w, kinds)];
  char* text = w->text[w->texts++ % 8];
  tau_str out = {text, 0};
  if (i == kinds) return (tau_str){NULL, 0};
  if (i == kinds + 1) return (tau_str){NULL, 7};
  out.len = strlen(source);
  memcpy(text, source, out.len + 1);
  if (i == kinds + 2 && out.len > 0) text[junk_random(w, (uint32_t)out.len)] = (char)junk_random(w, 256);
  if (i == kinds + 3 && out.len > 0) out.len = junk_random(w, (uint32_t)out.len);
  if (junk_rarely(w)) out.len = TAU_STRLEN;
  return out;
}

static long long junk_number(struct world* w) {
  static const long long kNumbers[] = {0,  1,  2,         3,         17,         200, 1001,
                                       -1, -2, INT32_MAX, INT32_MIN, UINT32_MAX, 42};
  return kNumbers[junk_random(w, sizeof kNumbers / sizeof *kNumbers)];
}

static int32_t junk_timeout(struct world* w) { return (int32_t)junk_random(w, 3); }
static size_t junk_size_t(struct world* w) { return junk_random(w, kBlobs + 1); } /* of the arrays below */

/* ---- structs ---- */

static tau_runtime_options* junk_pointer_tau_runtime_options(struct world* w) {
  tau_runtime_options* o = &w->runtime_options;
  tau_runtime_options_init(o, sizeof *o);
  o->flags = TAU_RUNTIME_MANUAL | (junk_coin(w) ? TAU_RUNTIME_NO_STORE : 0u);
  o->workers = junk_coin(w) ? TAU_NO_WORKERS : 1;
  if (junk_coin(w)) o->home = (tau_str){"home", 4};
  if (junk_coin(w)) o->workspace = (tau_str){".", 1};
  if (junk_coin(w)) o->config = junk_tau_str(w);
  if (junk_rarely(w)) o->loops = (uint32_t)junk_number(w);
  if (junk_rarely(w)) o->flags = (tau_runtime_flags)junk_number(w);
  if (junk_rarely(w)) o->log_level = (tau_log_level)junk_number(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  if (junk_rarely(w)) o->exec_helper = junk_tau_str(w);
  if (junk_coin(w)) o->vault = junk_pick_tau_vault(w);
  return junk_rarely(w) ? NULL : o;
}

static tau_queue_options* junk_pointer_tau_queue_options(struct world* w) {
  tau_queue_options* o = &w->queue_options;
  tau_queue_options_init(o, sizeof *o);
  if (junk_rarely(w)) o->loop = (uint32_t)junk_number(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  return junk_coin(w) ? NULL : o;
}

static tau_scanner_options* junk_pointer_tau_scanner_options(struct world* w) {
  tau_scanner_options* o = &w->scanner_options;
  tau_scanner_options_init(o, sizeof *o);
  if (junk_coin(w)) o->flags = TAU_SCANNER_EXACT;
  if (junk_rarely(w)) o->flags = junk_random(w, 4);
  if (junk_rarely(w)) o->rules = junk_tau_str(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  return junk_coin(w) ? NULL : o;
}

static tau_blob* junk_pointer_tau_blob(struct world* w) {
  int i;
  for (i = 0; i < kBlobs; ++i) {
    w->blobs[i].mime = junk_tau_str(w);
    w->blobs[i].name = junk_tau_str(w);
    w->blobs[i].data = junk_coin(w) ? "bytes" : NULL;
    w->blobs[i].len = junk_coin(w) ? 5 : 0;
  }
  return junk_coin(w) ? NULL : w->blobs;
}

static tau_run_options* junk_pointer_tau_run_options(struct world* w) {
  tau_run_options* o = &w->run_options;
  tau_run_options_init(o, sizeof *o);
  if (!junk_rarely(w)) o->prompt = (tau_str){"go", 2};
  if (junk_rarely(w)) o->flags = (tau_run_flags)junk_number(w);
  if (junk_rarely(w)) o->prompt = junk_tau_str(w);
  if (junk_rarely(w)) o->options = junk_tau_str(w);
  if (junk_rarely(w)) o->traceparent = junk_tau_str(w);
  if (junk_rarely(w)) o->deadline_ms = (int32_t)junk_number(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  if (junk_rarely(w)) o->blobs = junk_pointer_tau_blob(w);
  if (o->blobs != NULL || junk_rarely(w)) o->blob_count = junk_size_t(w);
  if (junk_coin(w)) o->queue = junk_pick_tau_queue(w);
  return junk_rarely(w) ? NULL : o;
}

static tau_tool* junk_pointer_tau_tool(struct world* w) {
  tau_tool* t = &w->tool;
  tau_tool_init(t, sizeof *t);
  t->name = (tau_str){"f", 1};
  t->effect = TAU_EFFECT_PURE;
  if (junk_coin(w)) t->invoke = leave_reply;
  if (junk_rarely(w)) t->name = junk_tau_str(w);
  if (junk_rarely(w)) t->description = junk_tau_str(w);
  if (junk_rarely(w)) t->parameters = junk_tau_str(w);
  if (junk_rarely(w)) t->destinations = junk_tau_str(w);
  if (junk_rarely(w)) t->effect = (uint32_t)junk_number(w);
  if (junk_rarely(w)) t->flags = (tau_tool_flags)junk_number(w);
  if (junk_rarely(w)) t->timeout_ms = (int32_t)junk_number(w);
  if (junk_rarely(w)) t->struct_size = junk_random(w, sizeof *t + 1);
  return junk_rarely(w) ? NULL : t;
}

static tau_model* junk_pointer_tau_model(struct world* w) {
  static const char kDocument[] = "{\"model\":\"host/m\"}";
  tau_model* m = &w->model;
  tau_model_init(m, sizeof *m);
  m->document = (tau_str){kDocument, sizeof kDocument - 1};
  if (junk_coin(w)) m->invoke = leave_model_reply;
  if (junk_rarely(w)) m->document = junk_tau_str(w);
  if (junk_rarely(w)) m->reserved = (uint32_t)junk_number(w);
  if (junk_rarely(w)) m->struct_size = junk_random(w, sizeof *m + 1);
  return junk_rarely(w) ? NULL : m;
}

/* Vectors, or none: what was not written says so. */
static void junk_embed(void* userdata, const tau_str* texts, size_t count, tau_embed_purpose purpose,
                       float* out) {
  size_t i;
  (void)texts, (void)purpose;
  for (i = 0; userdata != NULL && i < 3 * count; ++i) out[i] = (float)i;
}

static tau_embedder* junk_pointer_tau_embedder(struct world* w) {
  tau_embedder* e = &w->embedder;
  tau_embedder_init(e, sizeof *e);
  e->name = (tau_str){"one", 3};
  e->dimensions = 3;
  if (!junk_rarely(w)) e->embed = junk_embed;
  if (junk_coin(w)) e->userdata = w;
  if (junk_rarely(w)) e->dimensions = (uint32_t)junk_number(w);
  if (e->dimensions != 3) e->userdata = NULL; /* junk_embed writes three */
  if (junk_rarely(w)) e->name = junk_tau_str(w);
  if (junk_rarely(w)) e->struct_size = junk_random(w, sizeof *e + 1);
  return junk_rarely(w) ? NULL : e;
}

static const float* junk_pointer_float(struct world* w) {
  static const float kNumbers[kBlobs] = {0.25f, -1};
  return junk_coin(w) ? NULL : kNumbers;
}

static tau_vault_options* junk_pointer_tau_vault_options(struct world* w) {
  tau_vault_options* o = &w->vault_options;
  tau_vault_options_init(o, sizeof *o);
  o->path = junk_coin(w) ? (tau_str){"vault", 5} : (tau_str){"other/vault", 11};
  if (junk_random(w, 4) == 0) o->flags = TAU_VAULT_CREATE;
  if (junk_rarely(w)) o->flags = (tau_vault_flags)junk_number(w);
  if (junk_rarely(w)) o->path = junk_tau_str(w);
  if (junk_rarely(w)) o->anchor = junk_tau_str(w);
  if (junk_rarely(w)) o->least_epoch = (uint64_t)junk_number(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  return junk_rarely(w) ? NULL : o;
}

static tau_access_options* junk_pointer_tau_access_options(struct world* w) {
  tau_access_options* o = &w->access_options;
  tau_access_options_init(o, sizeof *o);
  if (junk_coin(w)) o->audience = (tau_str){"a", 1};
  if (junk_coin(w)) o->state = (tau_str){"access", 6};
  if (junk_rarely(w)) o->flags = (uint32_t)junk_number(w);
  if (junk_rarely(w)) o->policy = junk_tau_str(w);
  if (junk_rarely(w)) o->audience = junk_tau_str(w);
  if (junk_rarely(w)) o->state = junk_tau_str(w);
  if (junk_rarely(w)) o->struct_size = junk_random(w, sizeof *o + 1);
  return junk_rarely(w) ? NULL : o;
}

static void junk_supply(void* userdata, void* key, size_t len) { memset(key, userdata != NULL, len); }

/* Few passphrases: each takes its time. */
static tau_vault_key* junk_pointer_tau_vault_key(struct world* w) {
  static const unsigned char kKey[32] = {1};
  tau_vault_key* k = &w->vault_key;
  tau_vault_key_init(k, sizeof *k);
  k->kind = junk_coin(w) ? TAU_VAULT_KEY_CALLBACK : TAU_VAULT_KEY_FILE;
  k->name = (tau_str){"key", 3};
  if (k->kind == TAU_VAULT_KEY_CALLBACK && junk_coin(w)) k->secret = kKey;
  if (k->secret != NULL) k->secret_len = junk_rarely(w) ? 7 : sizeof kKey;
  if (junk_coin(w)) k->supply = junk_supply;
  if (junk_coin(w)) k->userdata = w;
  if (junk_coin(w)) k->flags = TAU_VAULT_KEY_MAKE;
  if (junk_coin(w)) k->label = junk_tau_str(w);
  if (junk_rarely(w)) k->kind = (tau_vault_key_kind)junk_number(w);
  if (junk_rarely(w)) k->flags = (tau_vault_key_flags)junk_number(w);
  if (junk_rarely(w)) k->name = junk_tau_str(w);
  if (k->kind == TAU_VAULT_KEY_KEYRING) k->name.len = 0; /* that of the user is left alone */
  if (junk_rarely(w)) k->struct_size = junk_random(w, sizeof *k + 1);
  return junk_rarely(w) ? NULL : k;
}

static const void* junk_pointer_void(struct world* w) { return junk_rarely(w) ? NULL : "secret"; }

/* The events of the last call stay, so that their bodies are asked for in time and too late. */
static tau_event* junk_pointer_tau_event(struct world* w) {
  w->events[0].struct_size = junk_rarely(w) ? junk_random(w, sizeof(tau_event) + 1) : sizeof(tau_event);
  return junk_rarely(w) ? NULL : w->events;
}

static tau_buf* junk_pointer_tau_buf(struct world* w) {
  memset(&w->buf, 0, sizeof w->buf);
  return junk_coin(w) ? NULL : &w->buf;
}

static tau_str* junk_pointer_tau_str(struct world* w) { return junk_rarely(w) ? NULL : &w->out_text; }
static size_t* junk_pointer_size_t(struct world* w) { return junk_rarely(w) ? NULL : &w->out_size; }

/* ---- what holds after each call ---- */

static void junk_read(struct world* w, tau_str text) {
  size_t i;
  unsigned sum = 0;
  for (i = 0; i < text.len; ++i) sum += (unsigned char)text.data[i];
  junk_expect(w, text.data != NULL || text.len == 0, "a text without data has no length");
  w->random ^= sum & 1; /* read, whatever the compiler thinks */
}

static void junk_expect_status(struct world* w, tau_status status) {
  const char* name = tau_status_name(status);
  if (status < 0) {
    ++w->errors;
  } else {
    ++w->good;
  }
  junk_expect(w, name != NULL && *name != '\0', "the status has a name");
  junk_expect(w, status != TAU_INTERNAL && status != TAU_UNKNOWN, "the failure is a typed one");
}

static void junk_expect_error(struct world* w, int failed, tau_error** err, tau_error* error) {
  if (err == NULL) return;
  junk_expect(w, failed == (error != NULL), "an error comes with a failure, and only then");
  if (error == NULL) return;
  junk_expect(w, tau_error_status(error) < 0, "the error has its status");
  junk_expect(w, tau_error_reason(error).len > 0, "the error has a reason");
  junk_expect(w, tau_error_message(error).len > 0, "the error has a message");
  junk_keep_tau_error(w, error);
}

static void junk_expect_buf(struct world* w, tau_buf* buf, int failed) {
  junk_expect(w, buf->data != NULL || buf->len == 0, "a buffer without data has no length");
  if (buf->data != NULL) junk_expect(w, buf->data[buf->len] == '\0', "a buffer ends with a NUL");
  if (failed && buf->len == 0)
    junk_expect(w, buf->owner == NULL, "an empty buffer after a failure owns nothing");
  tau_buf_free(buf);
  junk_expect(w, buf->data == NULL && buf->len == 0, "a freed buffer is empty");
}

#include "junk_calls.h"

static int remove_entry(const char* path, const struct stat* st, int kind, struct FTW* where) {
  (void)st, (void)kind, (void)where;
  return remove(path);
}

enum { kFunctions = sizeof kCalls / sizeof *kCalls };
static long succeeded[kFunctions];
static long failed[kFunctions];

static void make_calls(struct world* w, long calls, int trace) {
  long i;
  for (i = 0; i < calls; ++i) {
    const uint32_t at = junk_random(w, kFunctions);
    const struct junk_call* call = &kCalls[at];
    const long good = w->good;
    const long bad = w->errors;
    w->call = call->name;
    w->texts = 0;
    if (trace) {
      printf("# %ld %s\n", i, call->name);
      fflush(stdout);
    }
    call->make(w);
    succeeded[at] += w->good - good;
    failed[at] += w->errors - bad;
    junk_keep_tau_tool_reply(w, atomic_exchange(&waiting_reply, NULL));
    junk_keep_tau_model_reply(w, atomic_exchange(&waiting_model_reply, NULL));
  }
}

static void give_back_everything(struct world* w) {
  give_back_all_tau_tool_reply(w);
  give_back_all_tau_model_reply(w);
  give_back_all_tau_wire_stream(w);
  give_back_all_tau_redactor(w);
  give_back_all_tau_scanner(w);
  give_back_all_tau_policy(w);
  give_back_all_tau_error(w);
  give_back_all_tau_memory(w);
  give_back_all_tau_run(w);
  give_back_all_tau_session(w);
  give_back_all_tau_agent(w);
  give_back_all_tau_queue(w);
  give_back_all_tau_runtime(w);
  give_back_all_tau_secret(w);
  give_back_all_tau_vault(w);
  give_back_all_tau_access(w);
  give_back_all_tau_identity(w);
  tau_tool_reply_drop(atomic_exchange(&waiting_reply, NULL));
  tau_model_reply_drop(atomic_exchange(&waiting_model_reply, NULL));
}

int main(int argc, char** argv) {
  static struct world w;
  char folder[] = "/tmp/tau-junk-XXXXXX";
  unsigned long long seed = 1;
  long calls = 60000;
  int trace = 0;
  int i;
  for (i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) seed = strtoull(argv[++i], NULL, 10);
    if (strcmp(argv[i], "--calls") == 0 && i + 1 < argc) calls = atol(argv[++i]);
    if (strcmp(argv[i], "--trace") == 0) trace = 1;
  }
  if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
  w.random = seed;
  if (tau_identity_new(NULL, 0, (tau_str){NULL, 0}, &w.identities[0], NULL) != TAU_OK) return 1;
  make_calls(&w, calls, trace);
  give_back_everything(&w);
  printf("# seed %llu: %ld calls, %ld failed as they should, %ld succeeded\n", seed, calls, w.errors, w.good);
  for (i = 0; i < kFunctions; ++i)
    if (failed[i] > 0 && succeeded[i] == 0) printf("# never succeeded: %s\n", kCalls[i].name);
  if (w.errors < calls / 20 || w.good < calls / 20) {
    printf("# too few calls of one kind\n");
    ++w.failures;
  }
  if (chdir("/") != 0 || nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0) ++w.failures;
  return w.failures == 0 ? 0 : 1;
}
