/* What the hand-written files of the addon share with the generated table: one call from JavaScript, its
 * values in and out, and handles. Everything here runs on the thread of the environment; a function that
 * fails leaves a JavaScript exception pending and sets `failed`. */
#ifndef TAU_NODE_ADDON_H
#define TAU_NODE_ADDON_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <tau/tau.h>

typedef struct handle handle;

/* Of one environment: the main thread has one, and so has each worker. */
typedef struct addon_state {
  napi_ref error_factory; /* makes the exception of a failed call */
  handle* handles;        /* all that hold a reference, as a list; the last of them frees an ended state */
  int ended;
  char* text; /* of the batch of events that is being handed over; kept for the next */
  size_t capacity;
} addon_state;

typedef struct memory_block {
  struct memory_block* next;
} memory_block;

enum { MAX_ARGUMENTS = 12, SPACE_BYTES = 1024 };

typedef struct js_call {
  napi_env env;
  int failed;
  size_t count; /* of arguments that the function has */
  napi_value arguments[MAX_ARGUMENTS];
  memory_block* blocks; /* what did not fit into `space` */
  size_t used;
  char space[SPACE_BYTES]; /* copies of short texts */
} js_call;

typedef struct handle_kind {
  const char* name;
  void (*drop)(handle* owned);    /* gives the reference back */
  void (*give_up)(handle* owned); /* comes first when nobody released it; may be NULL */
} handle_kind;

/* A reference to an object of the library, owned by a JavaScript object. */
struct handle {
  const handle_kind* kind;
  void* pointer;       /* NULL once the reference was given back */
  const void* runtime; /* that it belongs to, or NULL */
  void* wake;          /* of a queue; see queue.c */
  addon_state* state;
  napi_env env;
  handle *next, *previous;
};

extern const handle_kind kind_tau_memory;
extern const handle_kind kind_tau_queue;
extern const handle_kind kind_tau_runtime;
extern const handle_kind kind_tau_secret;

/* call.c */
int begin(js_call* call, napi_env env, napi_callback_info info, size_t count);
napi_value end(js_call* call, napi_value result);
addon_state* state_of(napi_env env);
void throw_type_error(js_call* call, const char* expected);
napi_value throw_failure(js_call* call, tau_status status, tau_error* err); /* takes err */
napi_value throw_closed(js_call* call);

/* Absent values leave what is there. */
void read_str(js_call* call, size_t index, tau_str* out);
void read_i32(js_call* call, size_t index, int32_t* out);
void read_u32(js_call* call, size_t index, uint32_t* out);
void read_i64(js_call* call, size_t index, int64_t* out);
void read_u64(js_call* call, size_t index, uint64_t* out);
void read_bytes(js_call* call, size_t index, const void** data, size_t* length); /* in place */
void read_key(js_call* call, size_t index, void** out);
const tau_blob* read_blobs(js_call* call, size_t index, size_t* count);

napi_value give_number(js_call* call, int64_t value);
napi_value give_text(js_call* call, const char* text);
napi_value give_view(js_call* call, tau_str view);
napi_value give_buf(js_call* call, tau_buf* buf); /* takes the buffer */

/* handle.c */
void* read_handle(js_call* call, size_t index, const handle_kind* kind); /* NULL when absent */
handle* read_owner(js_call* call, size_t index, const handle_kind* kind);
/* Takes the reference. What the first argument belongs to, the result belongs to. */
napi_value give_handle(js_call* call, const handle_kind* kind, void* pointer);
void release_handle(js_call* call, size_t index, const handle_kind* kind);
void give_up_tau_run(handle* owned);
napi_value js_release_all_of(napi_env env, napi_callback_info info);

/* embed.c */
napi_value js_tau_embed(napi_env env, napi_callback_info info);

/* memory.c */
napi_value js_tau_memory_perform(napi_env env, napi_callback_info info);
napi_value js_tau_memory_search(napi_env env, napi_callback_info info);
napi_value js_tau_runtime_set_embedder(napi_env env, napi_callback_info info);

/* secret.c */
napi_value js_secret_bytes(napi_env env, napi_callback_info info);

/* drive.c: see there */
typedef struct drive drive;
/* Borrows a loop for Node's own and calls `callback` when something may have come of it; NULL when that
 * cannot be. */
drive* start_drive(napi_env env, tau_runtime* runtime, uint32_t loop, napi_value callback,
                   void (*lost)(void* context), void* context);
int drives(const drive* driven);  /* until the loop was taken back; NULL drives nothing */
int advance_drive(drive* driven); /* does what waits; whether it drives (still) */
void keep_drive_alive(drive* driven, int keep);
void drop_drive(drive* driven); /* gives the loop back; NULL is ignored */

/* queue.c */
void drop_tau_queue(handle* owned);
napi_value js_tau_queue_new(napi_env env, napi_callback_info info);
napi_value js_tau_queue_drain(napi_env env, napi_callback_info info);
napi_value js_queue_advance(napi_env env, napi_callback_info info);
napi_value js_queue_keep_alive(napi_env env, napi_callback_info info);

#endif
