/* One call from JavaScript: its arguments as C values, its result or exception. */
#include <stdlib.h>
#include <string.h>

#include "addon.h"

enum { LONGEST_SEQUENCE = 4 }; /* bytes of one character of UTF-8 */
static const double kMaxSafe = 9007199254740991.0;

int begin(js_call* call, napi_env env, napi_callback_info info, size_t count) {
  size_t given = count;
  call->env = env;
  call->failed = 0;
  call->count = count;
  call->blocks = NULL;
  call->used = 0;
  return napi_get_cb_info(env, info, &given, call->arguments, NULL, NULL) == napi_ok;
}

napi_value end(js_call* call, napi_value result) {
  while (call->blocks != NULL) {
    memory_block* block = call->blocks;
    call->blocks = block->next;
    free(block);
  }
  return result;
}

addon_state* state_of(napi_env env) {
  void* state = NULL;
  napi_get_instance_data(env, &state);
  return state;
}

/* Memory until end(); NULL, with an exception pending, when there is none. */
static void* allocate(js_call* call, size_t bytes) {
  memory_block* block = malloc(sizeof *block + bytes);
  if (block == NULL) {
    call->failed = 1;
    napi_throw_error(call->env, NULL, "out of memory");
    return NULL;
  }
  block->next = call->blocks;
  call->blocks = block;
  return block + 1;
}

void throw_type_error(js_call* call, const char* expected) {
  if (call->failed) return;
  call->failed = 1;
  napi_throw_type_error(call->env, "ERR_INVALID_ARG_TYPE", expected);
}

/* Throws what the factory of errors.js makes of these facts. */
static napi_value throw_facts(js_call* call, tau_status status, tau_str reason, tau_str message,
                              const tau_error* err) {
  const napi_env env = call->env;
  napi_value factory = NULL, self = NULL, error = NULL;
  napi_value facts[6];
  call->failed = 1;
  facts[0] = give_number(call, status);
  facts[1] = give_view(call, reason);
  facts[2] = give_view(call, message);
  facts[3] = give_view(call, tau_error_details(err));
  napi_get_boolean(env, tau_error_retryable(err) != 0, &facts[4]);
  facts[5] = give_number(call, tau_error_retry_after_ms(err));
  const addon_state* state = state_of(env);
  if (state->error_factory == NULL ||
      napi_get_reference_value(env, state->error_factory, &factory) != napi_ok || factory == NULL) {
    napi_throw_error(env, tau_status_name(status), message.data);
    return NULL;
  }
  napi_get_undefined(env, &self);
  if (napi_call_function(env, self, factory, 6, facts, &error) == napi_ok) napi_throw(env, error);
  return NULL;
}

napi_value throw_failure(js_call* call, tau_status status, tau_error* err) {
  throw_facts(call, status, tau_error_reason(err), tau_error_message(err), err);
  tau_error_free(err);
  return NULL;
}

napi_value throw_closed(js_call* call) {
  const tau_str reason = {"closed", 6}, message = {"the object was closed", 21};
  return call->failed ? NULL : throw_facts(call, TAU_FAILED_PRECONDITION, reason, message, NULL);
}

static napi_valuetype type_of(js_call* call, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call->env, value, &type);
  return type;
}

static int absent(js_call* call, napi_value value) {
  const napi_valuetype type = type_of(call, value);
  return type == napi_undefined || type == napi_null;
}

/* Text that fits is written in one pass; V8 replaces halves of surrogate pairs, so that it is always UTF-8.
 */
static void copy_string(js_call* call, napi_value value, tau_str* out) {
  char* at = call->space + call->used;
  const size_t room = SPACE_BYTES - call->used;
  size_t length = 0;
  if (room > LONGEST_SEQUENCE) {
    napi_get_value_string_utf8(call->env, value, at, room, &length);
    if (length + LONGEST_SEQUENCE < room) {
      call->used += length + 1;
      *out = (tau_str){at, length};
      return;
    }
  }
  napi_get_value_string_utf8(call->env, value, NULL, 0, &length);
  at = allocate(call, length + 1);
  if (at == NULL) return;
  napi_get_value_string_utf8(call->env, value, at, length + 1, &length);
  *out = (tau_str){at, length};
}

/* The bytes of a Uint8Array, in place: nothing of JavaScript runs before the call is over. */
static int bytes_of(js_call* call, napi_value value, const void** data, size_t* length) {
  static const char none[1] = "";
  napi_typedarray_type type;
  bool is_array = false;
  void* start = NULL;
  napi_is_typedarray(call->env, value, &is_array);
  if (!is_array || napi_get_typedarray_info(call->env, value, &type, length, &start, NULL, NULL) != napi_ok ||
      type != napi_uint8_array)
    return 0;
  *data = start != NULL ? start : none;
  return 1;
}

static void value_to_str(js_call* call, napi_value value, tau_str* out) {
  const napi_valuetype type = type_of(call, value);
  const void* data = NULL;
  size_t length = 0;
  if (type == napi_string) {
    copy_string(call, value, out);
  } else if (type == napi_undefined || type == napi_null) {
    return;
  } else if (bytes_of(call, value, &data, &length)) {
    *out = (tau_str){data, length};
  } else {
    throw_type_error(call, "expected text as string or Uint8Array");
  }
}

void read_str(js_call* call, size_t index, tau_str* out) {
  if (!call->failed) value_to_str(call, call->arguments[index], out);
}

/* A whole number between the two, or an exception. */
static int read_whole(js_call* call, size_t index, double least, double most, double* out) {
  const napi_value value = call->arguments[index];
  if (call->failed || absent(call, value)) return 0;
  if (napi_get_value_double(call->env, value, out) != napi_ok) {
    throw_type_error(call, "expected a number");
    return 0;
  }
  if (*out >= least && *out <= most && *out == (double)(int64_t)*out) return 1;
  call->failed = 1;
  napi_throw_range_error(call->env, "ERR_OUT_OF_RANGE", "expected a whole number that fits");
  return 0;
}

void read_i32(js_call* call, size_t index, int32_t* out) {
  double value = 0;
  if (read_whole(call, index, INT32_MIN, INT32_MAX, &value)) *out = (int32_t)value;
}

void read_u32(js_call* call, size_t index, uint32_t* out) {
  double value = 0;
  if (read_whole(call, index, 0, UINT32_MAX, &value)) *out = (uint32_t)value;
}

void read_i64(js_call* call, size_t index, int64_t* out) {
  double value = 0;
  if (read_whole(call, index, -kMaxSafe, kMaxSafe, &value)) *out = (int64_t)value;
}

void read_key(js_call* call, size_t index, void** out) {
  double value = 0;
  if (read_whole(call, index, 0, kMaxSafe, &value)) *out = (void*)(uintptr_t)value;
}

void read_u64(js_call* call, size_t index, uint64_t* out) {
  double value = 0;
  if (read_whole(call, index, 0, kMaxSafe, &value)) *out = (uint64_t)value;
}

void read_bytes(js_call* call, size_t index, const void** data, size_t* length) {
  if (call->failed || absent(call, call->arguments[index])) return;
  if (!bytes_of(call, call->arguments[index], data, length))
    throw_type_error(call, "expected bytes as Uint8Array");
}

static void read_blob(js_call* call, napi_value item, tau_blob* out) {
  napi_value mime = NULL, name = NULL, data = NULL;
  const napi_env env = call->env;
  memset(out, 0, sizeof *out);
  if (napi_get_named_property(env, item, "mime", &mime) != napi_ok ||
      napi_get_named_property(env, item, "name", &name) != napi_ok ||
      napi_get_named_property(env, item, "data", &data) != napi_ok) {
    call->failed = 1; /* null, or a getter that threw */
    return;
  }
  value_to_str(call, mime, &out->mime);
  if (!call->failed) value_to_str(call, name, &out->name);
  if (!bytes_of(call, data, &out->data, &out->len))
    throw_type_error(call, "expected blob.data as Uint8Array");
}

const tau_blob* read_blobs(js_call* call, size_t index, size_t* count) {
  const napi_value value = call->arguments[index];
  bool is_array = false;
  uint32_t length = 0;
  *count = 0;
  if (call->failed || absent(call, value)) return NULL;
  if (napi_is_array(call->env, value, &is_array) != napi_ok || !is_array) {
    throw_type_error(call, "expected an array of blobs");
    return NULL;
  }
  napi_get_array_length(call->env, value, &length);
  if (length == 0) return NULL;
  tau_blob* blobs = allocate(call, length * sizeof *blobs);
  for (uint32_t i = 0; blobs != NULL && i < length && !call->failed; ++i) {
    napi_value item = NULL;
    napi_get_element(call->env, value, i, &item);
    read_blob(call, item, &blobs[i]);
  }
  *count = length;
  return blobs;
}

napi_value give_number(js_call* call, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(call->env, value, &result);
  return result;
}

napi_value give_text(js_call* call, const char* text) {
  napi_value result = NULL;
  napi_create_string_utf8(call->env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value give_view(js_call* call, tau_str view) {
  napi_value result = NULL;
  napi_create_string_utf8(call->env, view.data != NULL ? view.data : "", view.len, &result);
  return result;
}

/* Whether a string of JavaScript can hold the bytes and give them back: UTF-8. */
static bool is_text(const unsigned char* p, size_t len) {
  for (size_t i = 0; i < len;) {
    const unsigned char c = p[i++];
    const size_t more = c < 0x80                ? 0
                        : c >= 0xC2 && c < 0xE0 ? 1
                        : c >= 0xE0 && c < 0xF0 ? 2
                        : c >= 0xF0 && c < 0xF5 ? 3
                                                : 4;
    if (more > 3 || more > len - i) return false;
    for (size_t k = 0; k < more; ++k)
      if ((p[i + k] & 0xC0) != 0x80) return false;
    if (more > 1 && ((c == 0xE0 && p[i] < 0xA0) || (c == 0xED && p[i] > 0x9F) || (c == 0xF0 && p[i] < 0x90) ||
                     (c == 0xF4 && p[i] > 0x8F)))
      return false;
    i += more;
  }
  return true;
}

/* Text is a string; what is none, such as the binary stream of a dialect, a Buffer. */
napi_value give_buf(js_call* call, tau_buf* buf) {
  napi_value result = NULL;
  if (buf->len == 0 || is_text((const unsigned char*)buf->data, buf->len))
    result = give_view(call, (tau_str){buf->data, buf->len});
  else
    napi_create_buffer_copy(call->env, buf->len, buf->data, NULL, &result);
  tau_buf_free(buf);
  return result;
}
