/* Models of the host: a program supplies a model of its own (inference in process, the client of a gateway, a double for
 * tests), and it is used by its name like any other: in agents, in routes, under limits, budgets, deadlines and cancel;
 * its answers are recorded, and replayed from the record. Two forms: answered from the event queue (every language), or a
 * C function on a worker.
 *
 * The document of a model (docs/schema/host_model.json) has its name, "provider/model", and what is known of it:
 *   {"model":"host/llama","context_tokens":8192,"max_output_tokens":1024,"price":{"input":0,"output":0},"tools":true}
 * A name that ends in a star ("gateway/" and the star) answers for every model of that provider that has none of its own.
 *
 * The answer is fed as lines of neutral events, those of tau_wire_stream_feed, in any split:
 *   {"event":"reasoning","text":"…"}
 *   {"event":"text","text":"…"}
 *   {"event":"tool_call","id":"…","name":"…","arguments":{…}}
 *   {"event":"usage","usage":{"input":12,"output":3}}
 *   {"event":"finish","finish":"stop"}            or {"event":"finish","response":{…}} with the whole response
 *   {"event":"error","error":{"code":"unavailable","reason":"…","message":"…","retryable":true}}
 * With "dialect" in the document, the host is given the body of a request in that dialect and feeds the bytes that the
 * provider answers with, for programs that have an HTTP stack of their own. With "stream":false the answer is one
 * document: a neutral response (docs/schema/response.json), or a response body of the dialect.
 *
 * An answer has at most 64 MiB; calls have the deadlines of the document or of providers.NAME. Until the first piece of
 * an answer was fed, a failure may be tried again, or elsewhere where the model is one of a route. */
#ifndef TAU_MODEL_H
#define TAU_MODEL_H

#include "base.h"
#include "runtime.h"
#include "tool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A call that waits for its answer. */
typedef struct tau_model_reply tau_model_reply;

typedef struct tau_model_call {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  tau_str run_id;
  tau_str session_id;
  tau_str call_id;    /* of this try alone */
  tau_str request_id; /* the same over tries, and when a run is resumed after a crash */
  tau_str model;      /* "provider/model" */
  tau_str request;    /* neutral JSON whose media are "blob:N"; with a dialect the body of a request */
  tau_str path;       /* of a dialect: where that body goes, behind a base URL ("/chat/completions"); else absent */
  const tau_blob *blobs; /* of a neutral request */
  size_t blob_count;
  int64_t timeout_ms; /* for the whole answer; 0: no limit */
} tau_model_call;

/* Answers a call of a model, on a worker thread: it may block, or return at once and go on elsewhere. `reply` is handed
 * over: feed it, now or later, on any thread, and end it once, with tau_model_reply_drop or tau_model_reply_fail. `call`
 * lives until then. An exception that
 * escapes, where a compiler makes that possible, fails the call; the reply stays the host's. */
typedef void (*tau_model_invoke_fn)(void *userdata, const tau_model_call *call, tau_model_reply *reply);

/* Told, on a thread of the library, that nobody wants the answer to a call any more: the run was cancelled, a deadline
 * passed, another upstream of a route was faster. At most once for a call; it may come before `invoke` has said that it
 * knows the call, and just after the reply was ended. It must only signal: no blocking, no calls tagged owner. `call` is
 * what `invoke` was given, without its request, and lives until this returns. */
typedef void (*tau_model_cancel_fn)(void *userdata, const tau_model_call *call);

typedef struct tau_model {
  uint32_t struct_size; /* sizeof(tau_model) */
  uint32_t reserved;    /* 0 */
  tau_str document;     /* JSON, docs/schema/host_model.json: "model" and what is known of it */
  tau_model_invoke_fn invoke; /* NULL: answered from TAU_EVENT_MODEL_CALL with ops model_event and model_drop */
  tau_model_cancel_fn cancel; /* may be NULL; of a model with `invoke` */
  void *userdata;             /* for invoke and cancel */
  tau_finalize_fn finalize;   /* called once with userdata when nothing can call the model any more: it was removed or
                                 the runtime is gone, no agent has it, every `invoke` has returned and every reply was
                                 ended; may be NULL. On whatever thread lets go last */
} tau_model;

#define TAU_MODEL_INIT \
  { sizeof(tau_model), 0, {0, 0}, 0, 0, 0, 0 }

/* Set a model to its defaults, as TAU_MODEL_INIT does.
 * model: not NULL. struct_size: the caller's sizeof.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_model_init(tau_model *model, uint32_t struct_size);

/* Supply a model, at any time: agents made from now on find it by its name, before any provider of that name. Taken out
 * again with op "remove_model" of tau_runtime_perform; agents that have it keep it.
 * model: read during the call only. One that is refused is not finalized.
 * Returns: OK; INVALID_ARGUMENT "invalid_model", "invalid_model_reference", "unknown_dialect", "unknown_key",
 * "wrong_type": the message names the member; ALREADY_EXISTS "model_exists"; RESOURCE_EXHAUSTED "too_many_models";
 * FAILED_PRECONDITION "needs_worker" for one with `invoke` in a runtime without workers, "runtime_stopped".
 * Thread: any
 * Ownership: userdata is the library's until `finalize`.
 * Since: 0.3 */
TAU_API tau_status tau_runtime_add_model(tau_runtime *runtime, const tau_model *model, tau_error **err);

/* Feed bytes of an answer, in any split: all of them are taken, or none. A run that does not get on takes 256 KiB, and
 * one larger piece when nothing waits. No bytes at all ask whether there is room and anybody wants more.
 * timeout_ms: how long to wait for room; 0 does not wait, -1 waits without limit. On the thread that drives the run's loop
 * it never waits.
 * Returns: OK when they were taken; AGAIN when there is no room; CANCELLED "model_call_over" once the answer is complete
 * or nobody wants it: end the reply; RESOURCE_EXHAUSTED "response_too_large" past 64 MiB.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_model_reply_feed(tau_model_reply *reply, tau_str bytes, int32_t timeout_ms, tau_error **err);

/* End a reply with an error: the call fails with it, unless its answer was whole before.
 * reply: consumed, also on failure; NULL is INVALID_ARGUMENT.
 * error: JSON, {"code","reason","message","retryable","retry_after_ms"} as tau_wire_decode_error gives it.
 * Returns: OK, also when nobody wants the answer any more; INVALID_ARGUMENT when `error` is no such JSON (the call then
 * fails as dropped).
 * Thread: any
 * Since: 0.3 */
TAU_API tau_status tau_model_reply_fail(tau_model_reply *reply, tau_str error, tau_error **err);

/* End a reply: nothing more comes. Every reply that was not failed is ended so. Before the answer was whole that is the
 * failure "model_dropped_reply". NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_model_reply_drop(tau_model_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
