/* Queues: a wake signal that carries no data, and batches of events handed over as one text and an array of
 * numbers. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "addon.h"

/* What a queue's `notify` points to. Runs that are still held keep the queue, and so its `notify`, when the
 * queue is given back, so that slots are used again but never freed: a late call finds no function, or wakes
 * another queue in vain. */
typedef struct wake_slot {
  pthread_mutex_t mutex;             /* guards `function`; nothing of the library is called under it */
  napi_threadsafe_function function; /* NULL when its queue or its environment is gone */
  atomic_bool pending;               /* called, and not yet seen by the environment's thread */
  napi_env env;                      /* whose it is */
  pthread_t thread;                  /* of the environment */
  atomic_bool driven;                /* `drive` tells of what comes on that thread */
  drive* drive; /* NULL where the library drives the queue's loop; the environment's, as `kept` */
  int kept;     /* the process waits for the queue */
  struct wake_slot* next;
} wake_slot;

static pthread_mutex_t free_mutex = PTHREAD_MUTEX_INITIALIZER;
static wake_slot* free_slots;

static wake_slot* take_slot(void) {
  pthread_mutex_lock(&free_mutex);
  wake_slot* slot = free_slots;
  if (slot != NULL) free_slots = slot->next;
  pthread_mutex_unlock(&free_mutex);
  if (slot != NULL) return slot;
  slot = calloc(1, sizeof *slot);
  if (slot != NULL) pthread_mutex_init(&slot->mutex, NULL);
  return slot;
}

static void give_slot_back(wake_slot* slot) {
  pthread_mutex_lock(&free_mutex);
  slot->next = free_slots;
  free_slots = slot;
  pthread_mutex_unlock(&free_mutex);
}

/* tau_notify_fn: any thread. */
static void notify(void* userdata) {
  wake_slot* slot = userdata;
  if (atomic_load(&slot->driven) && pthread_equal(slot->thread, pthread_self())) return;
  if (atomic_exchange(&slot->pending, true)) return;
  pthread_mutex_lock(&slot->mutex);
  if (slot->function != NULL) napi_call_threadsafe_function(slot->function, NULL, napi_tsfn_nonblocking);
  pthread_mutex_unlock(&slot->mutex);
}

/* On the environment's thread, once per signal. */
static void wake(napi_env env, napi_value callback, void* context, void* data) {
  wake_slot* slot = context;
  napi_value self = NULL;
  (void)data;
  atomic_store(&slot->pending, false);
  if (env == NULL || callback == NULL) return;
  napi_get_undefined(env, &self);
  if (napi_call_function(env, self, callback, 0, NULL, NULL) == napi_pending_exception) {
    napi_value error = NULL;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error); /* an uncaught exception like any other */
  }
}

/* Nothing is called any more once this returns. Also the clean-up hook of the environment, which ends before
 * the library stops to notify. */
static void detach(void* data) {
  wake_slot* slot = data;
  pthread_mutex_lock(&slot->mutex);
  const napi_threadsafe_function function = slot->function;
  slot->function = NULL;
  pthread_mutex_unlock(&slot->mutex);
  if (function != NULL) napi_release_threadsafe_function(function, napi_tsfn_abort);
}

static void let_loop_go(wake_slot* slot) {
  atomic_store(&slot->driven, false);
  drop_drive(slot->drive);
  slot->drive = NULL;
}

static void keep_alive(const wake_slot* slot) {
  if (slot->function == NULL) return; /* only this thread clears it */
  if (drives(slot->drive)) {
    keep_drive_alive(slot->drive, slot->kept);
  } else if (slot->kept) {
    napi_ref_threadsafe_function(slot->env, slot->function);
  } else {
    napi_unref_threadsafe_function(slot->env, slot->function);
  }
}

static void loop_was_taken_back(void* context) {
  wake_slot* slot = context;
  atomic_store(&slot->driven, false);
  keep_alive(slot);
}

void drop_tau_queue(handle* owned) {
  wake_slot* slot = owned->wake;
  if (slot != NULL) {
    napi_remove_env_cleanup_hook(owned->env, detach, slot);
    detach(slot);
    let_loop_go(slot);
  }
  tau_queue_unref(owned->pointer);
  if (slot != NULL) give_slot_back(slot);
}

/* The function of a slot, not yet keeping the process alive. */
static int attach(js_call* call, napi_value callback, wake_slot* slot) {
  const napi_env env = call->env;
  napi_value name = give_text(call, "libtau");
  napi_threadsafe_function function = NULL;
  if (napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, slot, wake, &function) !=
      napi_ok)
    return 0;
  napi_unref_threadsafe_function(env, function);
  pthread_mutex_lock(&slot->mutex);
  slot->function = function;
  slot->env = env;
  slot->thread = pthread_self();
  slot->kept = 0;
  atomic_store(&slot->pending, false); /* a late call on the slot's earlier queue may have set it */
  pthread_mutex_unlock(&slot->mutex);
  /* Hooks run last in, first out: this one stands before that of the function itself. */
  return napi_add_env_cleanup_hook(env, detach, slot) == napi_ok;
}

/* tau_queue_new(runtime, loop, wake, borrow): `borrow` lets Node's loop drive that one, when nobody else
 * does. */
napi_value js_tau_queue_new(napi_env env, napi_callback_info info) {
  js_call call;
  tau_queue_options options = TAU_QUEUE_OPTIONS_INIT;
  tau_queue* queue = NULL;
  tau_error* err = NULL;
  bool borrow = false;
  if (!begin(&call, env, info, 4)) return NULL;
  tau_runtime* runtime = read_handle(&call, 0, &kind_tau_runtime);
  read_u32(&call, 1, &options.loop);
  napi_get_value_bool(env, call.arguments[3], &borrow);
  if (call.failed) return end(&call, NULL);
  wake_slot* slot = take_slot();
  if (slot == NULL || !attach(&call, call.arguments[2], slot)) {
    if (slot != NULL) detach(slot);
    if (slot != NULL) give_slot_back(slot);
    throw_type_error(&call, "expected a function");
    return end(&call, NULL);
  }
  options.notify = notify;
  options.notify_userdata = slot;
  const tau_status status = tau_queue_new(runtime, &options, &queue, &err);
  const napi_value result =
      status < 0 ? throw_failure(&call, status, err) : give_handle(&call, &kind_tau_queue, queue);
  void* owned = NULL;
  if (result != NULL && napi_unwrap(env, result, &owned) == napi_ok) {
    ((handle*)owned)->wake = slot;
    if (borrow)
      slot->drive = start_drive(env, runtime, options.loop, call.arguments[2], loop_was_taken_back, slot);
    atomic_store(&slot->driven, slot->drive != NULL);
  } else {
    napi_remove_env_cleanup_hook(env, detach, slot);
    detach(slot);
    give_slot_back(slot);
  }
  return end(&call, result);
}

/* queue_keep_alive(queue, keep): whether the process waits for the queue. */
napi_value js_queue_keep_alive(napi_env env, napi_callback_info info) {
  js_call call;
  bool keep = false;
  if (!begin(&call, env, info, 2)) return NULL;
  const handle* owned = read_owner(&call, 0, &kind_tau_queue);
  if (call.failed) return end(&call, NULL);
  napi_get_value_bool(env, call.arguments[1], &keep);
  wake_slot* slot = owned->wake;
  slot->kept = keep;
  keep_alive(slot);
  return end(&call, NULL);
}

/* queue_advance(queue): lets the library's loop get on where Node drives it, and says whether it does. */
napi_value js_queue_advance(napi_env env, napi_callback_info info) {
  js_call call;
  napi_value result = NULL;
  if (!begin(&call, env, info, 1)) return NULL;
  const handle* owned = read_owner(&call, 0, &kind_tau_queue);
  if (call.failed) return end(&call, NULL);
  const wake_slot* slot = owned->wake;
  napi_get_boolean(env, advance_drive(slot->drive) != 0, &result);
  return end(&call, result);
}

/* ---- batches ---- */

/* numbers: status, count, then of each event kind, userdata, first_seq, seq, and where its text, call id and
 * body end in the common text, in units of UTF-16. */
enum { BATCH = 64, HEAD = 2, FIELDS = 7, KEPT_BYTES = 1 << 20 };

typedef struct batch {
  addon_state* state;
  size_t bytes;
  size_t units;
  unsigned char above_ascii;
} batch;

/* Only the text, which the event carries itself, is in the body of these. */
static int has_body(tau_event_kind kind) {
  return kind != TAU_EVENT_TEXT && kind != TAU_EVENT_REASONING && kind != TAU_EVENT_SNAPSHOT &&
         kind != TAU_EVENT_TOOL_PROGRESS;
}

static int reserve(addon_state* state, size_t bytes) {
  if (bytes <= state->capacity) return 1;
  const size_t capacity = bytes + bytes / 2 + 4096;
  char* text = realloc(state->text, capacity);
  if (text == NULL) return 0;
  state->text = text;
  state->capacity = capacity;
  return 1;
}

/* Appends a view, and gives where it ends; -1 without memory. */
static double append(batch* out, tau_str view) {
  if (!reserve(out->state, out->bytes + view.len)) return -1;
  unsigned char* to = (unsigned char*)out->state->text + out->bytes;
  size_t units = view.len;
  unsigned char seen = 0;
  for (size_t i = 0; i < view.len; ++i) seen |= to[i] = (unsigned char)view.data[i];
  if (seen >= 0x80) { /* a character is one unit, those of four bytes are two */
    units = 0;
    for (size_t i = 0; i < view.len; ++i) units += (to[i] & 0xC0u) != 0x80u ? 1u + (to[i] >= 0xF0u) : 0u;
  }
  out->above_ascii |= seen & 0x80u;
  out->bytes += view.len;
  out->units += units;
  return (double)out->units;
}

static tau_status put(batch* out, tau_queue* queue, const tau_event* event, double* numbers,
                      tau_error** err) {
  tau_str body = {NULL, 0};
  const tau_status status = has_body(event->kind) ? tau_event_json(queue, event, &body, err) : TAU_OK;
  if (status < 0) return status;
  numbers[0] = event->kind;
  numbers[1] = (double)(uintptr_t)event->userdata;
  numbers[2] = (double)event->first_seq;
  numbers[3] = (double)event->seq;
  numbers[4] = append(out, event->text);
  numbers[5] = append(out, event->call_id);
  numbers[6] = append(out, body);
  return numbers[4] < 0 || numbers[5] < 0 || numbers[6] < 0 ? TAU_RESOURCE_EXHAUSTED : TAU_OK;
}

static double* numbers_of(js_call* call, size_t index) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = NULL;
  if (napi_get_typedarray_info(call->env, call->arguments[index], &type, &length, &data, NULL, NULL) ==
          napi_ok &&
      type == napi_float64_array && length >= HEAD + BATCH * FIELDS)
    return data;
  throw_type_error(call, "expected a Float64Array of 450 numbers");
  return NULL;
}

static napi_value text_of(napi_env env, const batch* out) {
  napi_value result = NULL;
  if (out->above_ascii == 0) {
    napi_create_string_latin1(env, out->state->text, out->bytes, &result);
  } else {
    napi_create_string_utf8(env, out->state->text, out->bytes, &result);
  }
  if (out->state->capacity > KEPT_BYTES) {
    free(out->state->text);
    out->state->text = NULL;
    out->state->capacity = 0;
  }
  return result;
}

napi_value js_tau_queue_drain(napi_env env, napi_callback_info info) {
  js_call call;
  tau_event events[BATCH];
  size_t count = 0;
  tau_error* err = NULL;
  if (!begin(&call, env, info, 2)) return NULL;
  tau_queue* queue = read_handle(&call, 0, &kind_tau_queue);
  double* numbers = call.failed ? NULL : numbers_of(&call, 1);
  if (numbers == NULL) return end(&call, NULL);
  events[0].struct_size = sizeof events[0];
  tau_status status = tau_queue_drain(queue, events, BATCH, &count, &err);
  batch out = {state_of(env), 0, 0, 0};
  numbers[0] = status;
  numbers[1] = (double)count;
  for (size_t i = 0; i < count && status >= 0; ++i)
    status = put(&out, queue, &events[i], numbers + HEAD + i * FIELDS, &err);
  if (status < 0) return end(&call, throw_failure(&call, status, err));
  return end(&call, count > 0 ? text_of(env, &out) : NULL);
}
