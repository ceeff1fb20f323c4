/* The addon: the generated table of functions, and what one environment owns. */
#include "addon.h"

#include <stdlib.h>

#include "table.inc"

static napi_value js_set_error_factory(napi_env env, napi_callback_info info) {
  js_call call;
  if (!begin(&call, env, info, 1)) return NULL;
  addon_state* state = state_of(env);
  if (state->error_factory != NULL) napi_delete_reference(env, state->error_factory);
  state->error_factory = NULL;
  if (napi_create_reference(env, call.arguments[0], 1, &state->error_factory) != napi_ok)
    throw_type_error(&call, "expected a function");
  return end(&call, NULL);
}

static void end_state(napi_env env, void* data, void* hint) {
  addon_state* state = data;
  (void)env;
  (void)hint;
  free(state->text);
  state->ended = 1;
  if (state->handles == NULL) free(state);
}

static napi_value export_all(napi_env env, napi_value exports) {
#define ROW(name) {#name, NULL, js_##name, NULL, NULL, NULL, napi_enumerable, NULL},
  const napi_property_descriptor functions[] = {TAU_NODE_FUNCTIONS(ROW)                     //
                                                ROW(queue_advance) ROW(queue_keep_alive)    //
                                                ROW(release_all_of) ROW(set_error_factory)  //
                                                ROW(secret_bytes) ROW(tau_embed)            //
                                                ROW(tau_memory_perform)                     //
                                                ROW(tau_memory_search)                      //
                                                ROW(tau_runtime_set_embedder)               //
                                                ROW(tau_queue_drain)                        //
                                                ROW(tau_queue_new)};
#undef ROW
  const size_t count = sizeof functions / sizeof functions[0];
  return napi_define_properties(env, exports, count, functions) == napi_ok ? exports : NULL;
}

NAPI_MODULE_INIT() {
  addon_state* state = calloc(1, sizeof *state);
  if (state == NULL) return NULL;
  if (napi_set_instance_data(env, state, end_state, NULL) == napi_ok) return export_all(env, exports);
  free(state);
  return NULL;
}
