/* Handles: JavaScript objects that own one reference to an object of the library. It is given back by
 * release_handle, or when the object is collected, or when the environment ends; each happens on the
 * environment's thread, at any time and in any order, which the library allows. */
#include <stdlib.h>

#include "addon.h"

/* Tells our objects from those of other addons. */
static const napi_type_tag kTag = {0x7461752d6e6f6465u, 0x9d3c51e8a7f0462bu};

/* Gives the reference back, if it still is there. */
static void let_go(handle* owned, int given_up) {
  if (owned->pointer == NULL) return;
  if (given_up && owned->kind->give_up != NULL) owned->kind->give_up(owned);
  owned->kind->drop(owned);
  owned->pointer = NULL;
  if (owned->next != NULL) owned->next->previous = owned->previous;
  if (owned->previous != NULL) owned->previous->next = owned->next;
  if (owned->state->handles == owned) owned->state->handles = owned->next;
  if (owned->state->ended && owned->state->handles == NULL) free(owned->state);
}

static void finalize(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  let_go(data, 1);
  free(data);
}

/* A run that nobody holds any more has no reader. */
void give_up_tau_run(handle* owned) { tau_run_cancel(owned->pointer); }

/* The handle behind a value, or NULL for what is none of ours. */
static handle* handle_of(napi_env env, napi_value value) {
  bool ours = false;
  void* data = NULL;
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return NULL; /* asking would throw */
  if (napi_check_object_type_tag(env, value, &kTag, &ours) != napi_ok || !ours) return NULL;
  return napi_unwrap(env, value, &data) == napi_ok ? data : NULL;
}

/* Puts a handle into the list of its environment. */
static void enlist(handle* owned, js_call* call) {
  const handle* parent = call->count > 0 ? handle_of(call->env, call->arguments[0]) : NULL;
  owned->runtime = owned->kind == &kind_tau_runtime ? owned->pointer
                   : parent != NULL                 ? parent->runtime
                                                    : NULL;
  owned->next = owned->state->handles;
  if (owned->next != NULL) owned->next->previous = owned;
  owned->state->handles = owned;
}

napi_value give_handle(js_call* call, const handle_kind* kind, void* pointer) {
  const napi_env env = call->env;
  napi_value object = NULL;
  handle* owned = calloc(1, sizeof *owned);
  if (owned != NULL) {
    *owned = (handle){.kind = kind, .pointer = pointer, .state = state_of(env), .env = env};
    if (napi_create_object(env, &object) == napi_ok && napi_type_tag_object(env, object, &kTag) == napi_ok &&
        napi_wrap(env, object, owned, finalize, NULL, NULL) == napi_ok) {
      enlist(owned, call);
      return object;
    }
    free(owned);
  }
  handle orphan = {.kind = kind, .pointer = pointer, .env = env};
  kind->drop(&orphan);
  call->failed = 1;
  napi_throw_error(env, NULL, "out of memory");
  return NULL;
}

handle* read_owner(js_call* call, size_t index, const handle_kind* kind) {
  handle* owned = call->failed ? NULL : handle_of(call->env, call->arguments[index]);
  if (owned == NULL || owned->kind != kind) {
    throw_type_error(call, kind->name);
  } else if (owned->pointer == NULL) {
    throw_closed(call);
  }
  return owned;
}

void* read_handle(js_call* call, size_t index, const handle_kind* kind) {
  napi_valuetype type = napi_undefined;
  if (call->failed) return NULL;
  napi_typeof(call->env, call->arguments[index], &type);
  if (type == napi_undefined || type == napi_null) return NULL;
  const handle* owned = read_owner(call, index, kind);
  return call->failed ? NULL : owned->pointer;
}

void release_handle(js_call* call, size_t index, const handle_kind* kind) {
  handle* owned = call->failed ? NULL : handle_of(call->env, call->arguments[index]);
  if (owned == NULL || owned->kind != kind) {
    throw_type_error(call, kind->name);
  } else {
    let_go(owned, 0);
  }
}

/* release_all_of(runtime): also what belongs to it. Children keep a runtime alive, and with it the home
 * directory, until they are collected; who closes it wants to open it again. */
napi_value js_release_all_of(napi_env env, napi_callback_info info) {
  js_call call;
  if (!begin(&call, env, info, 1)) return NULL;
  const handle* runtime = read_owner(&call, 0, &kind_tau_runtime);
  if (call.failed) return end(&call, NULL);
  const void* const whose = runtime->runtime;
  handle* next = NULL;
  for (handle* owned = runtime->state->handles; owned != NULL; owned = next) {
    next = owned->next;
    if (owned->runtime == whose) let_go(owned, 1);
  }
  return end(&call, NULL);
}
