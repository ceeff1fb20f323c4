/* Memories: what waits for the disk happens on a thread of Node's pool and ends in a promise. No thread but
 * the environment's enters JavaScript: vectors that a JavaScript function makes are made before the call, and
 * the embedder that the library is given here only says that it cannot make any. */
#include <stdlib.h>
#include <string.h>

#include "addon.h"

typedef struct memory_job {
  napi_async_work work;
  napi_deferred deferred;
  tau_memory* memory; /* a reference of the job's own */
  int search;
  tau_str request;
  float* vectors;
  size_t count;
  tau_status status;
  tau_buf out;
  tau_error* err;
} memory_job;

static void free_job(memory_job* job) {
  if (job == NULL) return;
  tau_memory_unref(job->memory);
  tau_buf_free(&job->out);
  tau_error_free(job->err);
  free((char*)job->request.data);
  free(job->vectors);
  free(job);
}

static void execute(napi_env env, void* data) {
  memory_job* job = data;
  (void)env;
  job->status = (job->search ? tau_memory_search : tau_memory_perform)(
      job->memory, job->request, job->vectors, job->count, &job->out, &job->err);
}

/* Ends the promise with what the job came to. */
static void complete(napi_env env, napi_status ran, void* data) {
  memory_job* job = data;
  js_call call = {.env = env};
  napi_value result = NULL;
  if (ran != napi_ok) { /* the environment ends: it never began */
    napi_get_undefined(env, &result);
    napi_reject_deferred(env, job->deferred, result);
  } else if (job->status >= 0) {
    napi_resolve_deferred(env, job->deferred, give_buf(&call, &job->out));
  } else {
    tau_error* err = job->err;
    job->err = NULL;
    throw_failure(&call, job->status, err);
    napi_get_and_clear_last_exception(env, &result);
    napi_reject_deferred(env, job->deferred, result);
  }
  napi_delete_async_work(env, job->work);
  free_job(job);
}

/* The numbers of a Float32Array, copied. */
static void read_floats(js_call* call, size_t index, memory_job* job) {
  napi_typedarray_type type = napi_int8_array;
  napi_valuetype given = napi_undefined;
  bool is_array = false;
  void* start = NULL;
  const napi_value value = call->arguments[index];
  if (call->failed) return;
  napi_typeof(call->env, value, &given);
  if (given == napi_undefined || given == napi_null) return;
  napi_is_typedarray(call->env, value, &is_array);
  if (!is_array ||
      napi_get_typedarray_info(call->env, value, &type, &job->count, &start, NULL, NULL) != napi_ok ||
      type != napi_float32_array) {
    throw_type_error(call, "expected vectors as Float32Array");
    return;
  }
  job->vectors = malloc(job->count * sizeof(float) + 1);
  if (job->vectors == NULL) {
    call->failed = 1;
    napi_throw_error(call->env, NULL, "out of memory");
  } else if (job->count > 0) {
    memcpy(job->vectors, start, job->count * sizeof(float));
  }
}

static memory_job* read_job(js_call* call, int search) {
  memory_job* job = calloc(1, sizeof *job);
  tau_str request = {NULL, 0};
  tau_memory* memory = read_handle(call, 0, &kind_tau_memory);
  read_str(call, 1, &request);
  if (job == NULL || call->failed) {
    if (!call->failed) napi_throw_error(call->env, NULL, "out of memory");
    call->failed = 1;
    return job;
  }
  job->search = search;
  job->memory = tau_memory_ref(memory);
  read_floats(call, 2, job);
  char* copy = malloc(request.len + 1);
  if (copy != NULL && request.len > 0) memcpy(copy, request.data, request.len);
  job->request = (tau_str){copy, copy != NULL ? request.len : 0};
  return job;
}

static napi_value start(napi_env env, napi_callback_info info, int search) {
  js_call call;
  napi_value promise = NULL, name = NULL;
  if (!begin(&call, env, info, 3)) return NULL;
  memory_job* job = read_job(&call, search);
  if (call.failed) {
    free_job(job);
    return end(&call, NULL);
  }
  napi_create_string_utf8(env, "tau_memory", NAPI_AUTO_LENGTH, &name);
  if (napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok) {
    free_job(job);
    napi_throw_error(env, NULL, "out of memory");
    return end(&call, NULL);
  }
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_async_work(env, job->work);
    free_job(job);
    napi_throw_error(env, NULL, "the environment ends");
    return end(&call, NULL);
  }
  return end(&call, promise);
}

napi_value js_tau_memory_search(napi_env env, napi_callback_info info) { return start(env, info, 1); }
napi_value js_tau_memory_perform(napi_env env, napi_callback_info info) { return start(env, info, 0); }

/* What is not written says that there are no vectors now. */
static void embed_nothing(void* userdata, const tau_str* texts, size_t count, tau_embed_purpose purpose,
                          float* out) {
  (void)userdata, (void)texts, (void)count, (void)purpose, (void)out;
}

/* tau_runtime_set_embedder(runtime, name, dimensions): the space of the vectors that come with calls; without
 * a name back to the configured model. */
napi_value js_tau_runtime_set_embedder(napi_env env, napi_callback_info info) {
  js_call call;
  tau_embedder embedder = TAU_EMBEDDER_INIT;
  tau_error* err = NULL;
  if (!begin(&call, env, info, 3)) return NULL;
  tau_runtime* runtime = read_handle(&call, 0, &kind_tau_runtime);
  read_str(&call, 1, &embedder.name);
  read_u32(&call, 2, &embedder.dimensions);
  if (call.failed) return end(&call, NULL);
  embedder.embed = embed_nothing;
  const tau_status status =
      tau_runtime_set_embedder(runtime, embedder.name.data != NULL ? &embedder : NULL, &err);
  if (status < 0) throw_failure(&call, status, err);
  return end(&call, NULL);
}
