/* Secrets: their bytes as a Buffer of JavaScript's own, which its program wipes. */
#include <string.h>

#include "addon.h"

napi_value js_secret_bytes(napi_env env, napi_callback_info info) {
  js_call call;
  napi_value result = NULL;
  void* data = NULL;
  if (!begin(&call, env, info, 1)) return NULL;
  const handle* owned = read_owner(&call, 0, &kind_tau_secret);
  if (call.failed) return end(&call, NULL);
  const size_t length = tau_secret_len(owned->pointer);
  if (napi_create_buffer(env, length, &data, &result) != napi_ok) {
    napi_throw_error(env, NULL, "out of memory");
    return end(&call, NULL);
  }
  if (length > 0) memcpy(data, tau_secret_data(owned->pointer), length);
  return end(&call, result);
}
