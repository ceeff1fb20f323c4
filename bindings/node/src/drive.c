/* A loop of the library that Node's own loop drives: runs get on, and their events come, without another
 * thread. Everything here runs on the environment's thread. Node's libuv is found when the addon is loaded;
 * where there is none, loops stay with the library. */
#include <stdlib.h>
#include <uv.h>

#include "addon.h"

#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_close
#pragma weak uv_ref
#pragma weak uv_unref

struct drive {
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;    /* NULL once it has stopped */
  tau_runtime* runtime; /* a reference, until it has stopped */
  uint32_t loop;
  napi_async_cleanup_hook_handle hook;
  void (*lost)(void* context); /* called when the runtime has taken its loop back */
  void* context;
  int closed;  /* libuv has let go of `poll` */
  int dropped; /* nobody else knows it any more */
};

static void free_if_over(drive* driven) {
  if (driven->closed && driven->dropped) free(driven);
}

static void on_closed(uv_handle_t* poll) {
  drive* driven = poll->data;
  driven->closed = 1;
  napi_remove_async_cleanup_hook(driven->hook);
  free_if_over(driven);
}

static void stop(drive* driven) {
  if (driven->runtime == NULL) return;
  uv_poll_stop(&driven->poll);
  uv_close((uv_handle_t*)&driven->poll, on_closed);
  if (driven->callback != NULL) napi_delete_reference(driven->env, driven->callback);
  driven->callback = NULL;
  tau_runtime_return_loop(driven->runtime, driven->loop, NULL);
  tau_runtime_unref(driven->runtime);
  driven->runtime = NULL;
}

static void on_environment_end(napi_async_cleanup_hook_handle hook, void* data) {
  (void)hook;
  stop(data);
}

static void lose(drive* driven) {
  stop(driven);
  driven->lost(driven->context);
}

/* The runtime took its loop back when processing fails: its threads tell of events from now on. */
int advance_drive(drive* driven) {
  if (!drives(driven)) return 0;
  if (tau_runtime_process(driven->runtime, driven->loop, 0, NULL) >= 0) return 1;
  lose(driven);
  return 0;
}

static void on_readable(uv_poll_t* poll, int status, int events) {
  drive* driven = poll->data;
  const napi_env env = driven->env;
  napi_handle_scope scope = NULL;
  napi_value callback = NULL;
  napi_value self = NULL;
  (void)events;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_reference_value(env, driven->callback, &callback);
  if (status >= 0) {
    advance_drive(driven);
  } else {
    lose(driven);
  }
  napi_get_global(env, &self);
  if (napi_make_callback(env, NULL, self, callback, 0, NULL, NULL) == napi_pending_exception) {
    napi_value error = NULL;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

drive* start_drive(napi_env env, tau_runtime* runtime, uint32_t loop, napi_value callback,
                   void (*lost)(void* context), void* context) {
  uv_loop_t* uv = NULL;
  if (uv_poll_init == NULL || napi_get_uv_event_loop(env, &uv) != napi_ok) return NULL;
  if (tau_runtime_borrow_loop(runtime, loop, NULL) < 0) return NULL;
  drive* driven = calloc(1, sizeof *driven);
  if (driven != NULL && uv_poll_init(uv, &driven->poll, tau_runtime_fd(runtime, loop)) == 0) {
    driven->poll.data = driven;
    driven->env = env;
    driven->loop = loop;
    driven->lost = lost;
    driven->context = context;
    driven->runtime = tau_runtime_ref(runtime);
    uv_unref((uv_handle_t*)&driven->poll);
    if (napi_create_reference(env, callback, 1, &driven->callback) == napi_ok &&
        napi_add_async_cleanup_hook(env, on_environment_end, driven, &driven->hook) == napi_ok &&
        uv_poll_start(&driven->poll, UV_READABLE, on_readable) == 0)
      return driven;
    drop_drive(driven);
    return NULL;
  }
  free(driven);
  tau_runtime_return_loop(runtime, loop, NULL);
  return NULL;
}

int drives(const drive* driven) { return driven != NULL && driven->runtime != NULL; }

void keep_drive_alive(drive* driven, int keep) {
  if (keep) {
    uv_ref((uv_handle_t*)&driven->poll);
  } else {
    uv_unref((uv_handle_t*)&driven->poll);
  }
}

void drop_drive(drive* driven) {
  if (driven == NULL) return;
  stop(driven);
  driven->dropped = 1;
  free_if_over(driven);
}
