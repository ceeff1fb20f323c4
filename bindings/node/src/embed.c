/* Vectors of texts: their bytes as a Buffer of JavaScript's own, and the report. */
#include "addon.h"

napi_value js_tau_embed(napi_env env, napi_callback_info info) {
  js_call call;
  if (!begin(&call, env, info, 2)) return NULL;
  tau_runtime* runtime = read_handle(&call, 0, &kind_tau_runtime);
  tau_str request = {NULL, 0};
  read_str(&call, 1, &request);
  if (call.failed) return end(&call, NULL);
  tau_buf vectors = {NULL, 0, NULL};
  tau_buf report = {NULL, 0, NULL};
  tau_error* err = NULL;
  const tau_status status = tau_embed(runtime, request, &vectors, &report, &err);
  if (status < 0) return end(&call, throw_failure(&call, status, err));
  napi_value bytes = NULL;
  napi_value pair = NULL;
  const bool made = napi_create_buffer_copy(env, vectors.len, vectors.data, NULL, &bytes) == napi_ok &&
                    napi_create_array_with_length(env, 2, &pair) == napi_ok;
  tau_buf_free(&vectors);
  napi_value text = give_buf(&call, &report);
  if (!made) {
    napi_throw_error(env, NULL, "out of memory");
    return end(&call, NULL);
  }
  napi_set_element(env, pair, 0, bytes);
  napi_set_element(env, pair, 1, text);
  return end(&call, pair);
}
