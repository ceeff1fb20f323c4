/* Structs that callers fill in: the INIT macro and the init function give the same bytes, structs of every
 * older size are accepted and not read past their end, newer ones are accepted while what they add is zero.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tau/tau.h>

enum { kNewer = 24, kPoison = 0xAA };

static int failures = 0;

static void check(int good, const char* what, long size) {
  if (good) return;
  printf("failed: %s (%ld bytes)\n", what, size);
  ++failures;
}

static tau_str str(const char* text) {
  tau_str view = {text, TAU_STRLEN};
  return view;
}

/* ---- one way to use each struct; each gives the status of the function that takes it ---- */

static tau_runtime* runtime;
static tau_agent* agent;
static char folder[] = "/tmp/tau-options-XXXXXX";
static char vault_path[64];
static const unsigned char kVaultKey[32] = {3};

static tau_status use_tau_runtime_options(const tau_runtime_options* options) {
  tau_runtime* made = NULL;
  tau_status status = tau_runtime_new(options, &made, NULL);
  tau_runtime_unref(made);
  return status;
}

static tau_status use_tau_queue_options(const tau_queue_options* options) {
  tau_queue* made = NULL;
  tau_status status = tau_queue_new(runtime, options, &made, NULL);
  tau_queue_unref(made);
  return status;
}

static tau_status use_tau_run_options(const tau_run_options* options) {
  tau_session* session = NULL;
  tau_run* made = NULL;
  tau_status status = tau_session_open(agent, str(NULL), &session, NULL);
  if (status == TAU_OK) status = tau_run_start(session, options, &made, NULL);
  tau_run_cancel(made);
  tau_run_unref(made);
  tau_session_unref(session);
  return status;
}

static tau_status use_tau_scanner_options(const tau_scanner_options* options) {
  tau_scanner* made = NULL;
  tau_status status = tau_scanner_new(options, &made, NULL);
  tau_scanner_unref(made);
  return status;
}

static tau_status use_tau_tool(const tau_tool* tool) {
  tau_agent* made = NULL;
  tau_status status = tau_agent_new(runtime, str(NULL), &made, NULL);
  if (status == TAU_OK) status = tau_agent_add_tool(made, tool, NULL);
  tau_agent_unref(made);
  return status;
}

static tau_status use_tau_model(const tau_model* model) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* made = NULL;
  tau_status status;
  options.flags = TAU_RUNTIME_NO_STORE | TAU_RUNTIME_MANUAL;
  status = tau_runtime_new(&options, &made, NULL);
  if (status == TAU_OK) status = tau_runtime_add_model(made, model, NULL);
  tau_runtime_unref(made);
  return status;
}

static tau_status use_tau_embedder(const tau_embedder* embedder) {
  return tau_runtime_set_embedder(runtime, embedder, NULL);
}

static tau_status open_vault(const tau_vault_options* options, const tau_vault_key* key) {
  tau_vault* made = NULL;
  tau_status status = tau_vault_open(options, key, &made, NULL);
  tau_vault_unref(made);
  return status;
}

static size_t complete_tau_vault_key(tau_vault_key* key);

static tau_status use_tau_vault_options(const tau_vault_options* options) {
  tau_vault_key key = TAU_VAULT_KEY_INIT;
  complete_tau_vault_key(&key);
  return open_vault(options, &key);
}

static tau_status use_tau_access_options(const tau_access_options* options) {
  tau_access* made = NULL;
  tau_status status = tau_access_open(options, &made, NULL);
  tau_access_unref(made);
  return status;
}

static tau_status use_tau_vault_key(const tau_vault_key* key) {
  tau_vault_options options = TAU_VAULT_OPTIONS_INIT;
  options.path = str(vault_path);
  return open_vault(&options, key);
}

/* What makes a struct of defaults complete, and how many of its first bytes that needs. */
static size_t complete_tau_runtime_options(tau_runtime_options* options) {
  options->flags = TAU_RUNTIME_NO_STORE | TAU_RUNTIME_MANUAL;
  return offsetof(tau_runtime_options, home);
}

static size_t complete_tau_queue_options(tau_queue_options* options) {
  (void)options;
  return sizeof(uint32_t);
}

static size_t complete_tau_run_options(tau_run_options* options) {
  options->prompt = str("hello");
  return offsetof(tau_run_options, options);
}

static size_t complete_tau_scanner_options(tau_scanner_options* options) {
  options->flags = TAU_SCANNER_EXACT;
  return offsetof(tau_scanner_options, flags);
}

static size_t complete_tau_tool(tau_tool* tool) {
  tool->name = str("add");
  return offsetof(tau_tool, description);
}

static size_t complete_tau_model(tau_model* model) {
  model->document = str("{\"model\":\"host/m\"}");
  return offsetof(tau_model, invoke);
}

static void embed_nothing(void* userdata, const tau_str* texts, size_t count, tau_embed_purpose purpose,
                          float* out) {
  (void)userdata, (void)texts, (void)count, (void)purpose, (void)out;
}

static size_t complete_tau_embedder(tau_embedder* embedder) {
  embedder->dimensions = 4;
  embedder->name = str("none");
  embedder->embed = embed_nothing;
  return offsetof(tau_embedder, userdata);
}

static size_t complete_tau_vault_options(tau_vault_options* options) {
  options->path = str(vault_path);
  return offsetof(tau_vault_options, anchor);
}

static size_t complete_tau_vault_key(tau_vault_key* key) {
  key->kind = TAU_VAULT_KEY_CALLBACK;
  key->secret = kVaultKey;
  key->secret_len = sizeof kVaultKey;
  return offsetof(tau_vault_key, name);
}

static size_t complete_tau_access_options(tau_access_options* options) {
  options->audience = str("a");
  return sizeof(uint32_t);
}

static void make_vault(void) {
  tau_vault_options options = TAU_VAULT_OPTIONS_INIT;
  tau_vault_key key = TAU_VAULT_KEY_INIT;
  if (mkdtemp(folder) == NULL) exit(1);
  snprintf(vault_path, sizeof vault_path, "%s/vault", folder);
  options.path = str(vault_path);
  options.flags = TAU_VAULT_CREATE;
  complete_tau_vault_key(&key);
  check(open_vault(&options, &key) == TAU_OK, "a vault", 0);
}

static void remove_vault(void) {
  static const char* const kSuffixes[] = {"", ".lock", ".epochs", ".epochs.lock"};
  char path[96];
  size_t i;
  for (i = 0; i < sizeof kSuffixes / sizeof *kSuffixes; ++i) {
    snprintf(path, sizeof path, "%s%s", vault_path, kSuffixes[i]);
    check(remove(path) == 0, path, 0);
  }
  check(remove(folder) == 0, folder, 0);
}

/* ---- the table says which structs there are, and where their members end ---- */

#define SIZE(type, size)
#define OPTIONS(type, macro, init)                                                                          \
  static void macro_and_function_agree_##type(void) {                                                       \
    static const type from_macro = macro;                                                                   \
    type from_function;                                                                                     \
    memset(&from_function, kPoison, sizeof from_function);                                                  \
    init(&from_function, sizeof from_function);                                                             \
    check(memcmp(&from_macro, &from_function, sizeof from_macro) == 0, #init " == " #macro, sizeof(type));  \
  }                                                                                                         \
  static void init_writes_no_more_than_asked_##type(size_t size) {                                          \
    static const type whole = macro;                                                                        \
    unsigned char bytes[sizeof(type)];                                                                      \
    uint32_t own_size = (uint32_t)size;                                                                     \
    size_t i;                                                                                               \
    memset(bytes, kPoison, sizeof bytes);                                                                   \
    init((type*)(void*)bytes, own_size);                                                                    \
    check(memcmp(bytes, &own_size, sizeof own_size) == 0, #init " sets struct_size", (long)size);           \
    check(memcmp(bytes + 4, (const unsigned char*)&whole + 4, size - 4) == 0, #init " sets members",        \
          (long)size);                                                                                      \
    for (i = size; i < sizeof bytes; ++i) check(bytes[i] == kPoison, #init " stays inside", (long)size);    \
  }                                                                                                         \
  static void older_is_accepted_##type(size_t size) {                                                       \
    type options = macro;                                                                                   \
    unsigned char* bytes = malloc(sizeof options);                                                          \
    size_t needed = complete_##type(&options);                                                              \
    tau_status expected = size >= needed ? TAU_OK : TAU_INVALID_ARGUMENT;                                   \
    options.struct_size = (uint32_t)size;                                                                   \
    memcpy(bytes, &options, sizeof options);                                                                \
    memset(bytes + size, kPoison, sizeof options - size);                                                   \
    check(use_##type((const type*)(void*)bytes) == expected, #type " of an older program", (long)size);     \
    free(bytes);                                                                                            \
  }                                                                                                         \
  static void newer_is_accepted_while_zero_##type(void) {                                                   \
    type options = macro;                                                                                   \
    unsigned char* bytes = malloc(sizeof options + kNewer);                                                 \
    size_t i;                                                                                               \
    complete_##type(&options);                                                                              \
    options.struct_size = sizeof options + kNewer;                                                          \
    memcpy(bytes, &options, sizeof options);                                                                \
    memset(bytes + sizeof options, 0, kNewer);                                                              \
    check(use_##type((const type*)(void*)bytes) == TAU_OK, #type " with a zero tail", kNewer);              \
    for (i = sizeof options; i < sizeof options + kNewer; ++i) {                                            \
      bytes[i] = 1;                                                                                         \
      check(use_##type((const type*)(void*)bytes) == TAU_UNIMPLEMENTED, #type " with a set tail", (long)i); \
      bytes[i] = 0;                                                                                         \
    }                                                                                                       \
    free(bytes);                                                                                            \
  }                                                                                                         \
  static void size_must_be_set_##type(void) {                                                               \
    type options = macro;                                                                                   \
    unsigned char* bytes = calloc(1, sizeof options + kNewer);                                              \
    uint32_t size;                                                                                          \
    complete_##type(&options);                                                                              \
    options.struct_size = 0;                                                                                \
    check(use_##type(&options) == TAU_INVALID_ARGUMENT, #type " without struct_size", 0);                   \
    for (size = 1; size < sizeof options + kNewer; ++size) {                                                \
      if (size % _Alignof(type) == 0) continue;                                                             \
      memcpy(bytes, &options, sizeof options);                                                              \
      memcpy(bytes, &size, sizeof size);                                                                    \
      check(use_##type((const type*)(void*)bytes) == TAU_INVALID_ARGUMENT, #type " cut", (long)size);       \
    }                                                                                                       \
    free(bytes);                                                                                            \
  }
#include "options_table.h"
#undef OPTIONS
#undef SIZE

static void open_fixtures(void) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  options.flags = TAU_RUNTIME_NO_STORE;
  if (tau_runtime_new(&options, &runtime, NULL) != TAU_OK ||
      tau_agent_new(runtime, str("{\"model\":\"offline/offline\"}"), &agent, NULL) != TAU_OK) {
    printf("failed: no runtime or agent\n");
    exit(1);
  }
}

int main(void) {
  int structs = 0;
  open_fixtures();
  make_vault();
#define OPTIONS(type, macro, init)       \
  macro_and_function_agree_##type();     \
  newer_is_accepted_while_zero_##type(); \
  size_must_be_set_##type();             \
  ++structs;
#define SIZE(type, size)                       \
  init_writes_no_more_than_asked_##type(size); \
  older_is_accepted_##type(size);
#include "options_table.h"
  remove_vault();
  tau_agent_unref(agent);
  if (tau_runtime_stop(runtime, 10000, NULL) != TAU_OK) check(0, "stop", 0);
  tau_runtime_unref(runtime);
  printf("%d structs, %d failures\n", structs, failures);
  return failures != 0 || structs == 0;
}
