/* Runs: one request to an agent, from its first message to its one terminal event.
 *
 * What the user says is text, or a message (docs/schema/message.json) whose parts are text, images, audio and files:
 *   {"role":"user","parts":[{"type":"text","text":"Compare:"},{"type":"image","data":"blob:0"}]}
 * "blob:N" stands for the bytes of blob N, with its type and name unless the part has a "mime" and "name" of its own.
 * Every blob must be named, by one part or several: INVALID_ARGUMENT "unused_blob", and "no_such_blob" for an N that is
 * none. With text all blobs follow it in their order. A message that says nothing is "empty_message"; one whose role
 * is not "user", or with parts that only a model makes, "invalid_message". Its labels are the library's: those given
 * are ignored.
 *
 * Ops steer a run while it goes on. They are JSON objects (docs/schema/op.json) with a member "op":
 *   {"op":"message","text":"…"}         ask more; answered after the current answer
 *   {"op":"steer","text":"…"}           change course: said to the model before its next call; calls that have not
 *                                       started are skipped
 *   {"op":"tool_result","call_id":"…","content":"…","is_error":false}
 *   {"op":"tool_progress","call_id":"…","text":"…"}
 *   {"op":"approval","call_id":"…","allow":true,"reason":"…"}
 *   {"op":"quarantine_read","id":"…","handle":"$result_1"}
 *                                       show people what the model was not shown: answered by TAU_EVENT_HELD_TEXT,
 *                                       or rejected as "unknown_handle"
 *   {"op":"model_event","call_id":"…","lines":"…"}
 *                                       feed the answer to a TAU_EVENT_MODEL_CALL (tau/model.h), in any split; with
 *                                       "bytes":"blob:0" in place of "lines" those of the one blob
 *   {"op":"model_drop","call_id":"…","error":{…}}
 *                                       end it; without "error" as tau_model_reply_drop
 *   {"op":"cancel"}
 * "message" and "steer" take a "message" in place of "text"; they and "model_event" take blobs. An op with an "id" is acknowledged
 * by TAU_EVENT_OP_ACCEPTED once it is durable, or TAU_EVENT_OP_REJECTED. */
#ifndef TAU_RUN_H
#define TAU_RUN_H

#include "base.h"
#include "event.h"
#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_run tau_run;

/* tau_run_options.flags */
typedef uint32_t tau_run_flags;
enum {
  TAU_RUN_RESUME = 1u, /* go on with the session's open run after a crash, or end it ({"abandon":true}) */
  TAU_RUN_QUIET = 2u   /* no events but approvals, calls that the host must answer and the terminal one */
};

typedef struct tau_run_options {
  uint32_t struct_size; /* sizeof(tau_run_options) */
  tau_run_flags flags;
  tau_str prompt;      /* what the user says; absent with a message in `options`, which takes its place */
  tau_str options;     /* JSON (docs/schema/run.json): message, limits, response_schema, principal; may be absent */
  tau_queue *queue;    /* where events go, of the same runtime; NULL: a private queue, see tau_run_queue */
  void *userdata;      /* comes back in every event */
  tau_str traceparent; /* W3C trace context of the caller; may be absent */
  int64_t deadline_ms; /* the run ends with DEADLINE_EXCEEDED after so long; 0: no limit */
  const tau_blob *blobs; /* they follow the prompt, or are named "blob:N" by the message in `options` */
  size_t blob_count;
} tau_run_options;

#define TAU_RUN_OPTIONS_INIT \
  { sizeof(tau_run_options), 0, {0, 0}, {0, 0}, 0, 0, {0, 0}, 0, 0, 0 }

/* Set options to their defaults, as TAU_RUN_OPTIONS_INIT does.
 * options: not NULL. struct_size: the caller's sizeof.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_run_options_init(tau_run_options *options, uint32_t struct_size);

/* Start a run on a session. Returns at once; everything else comes as events, the last one being exactly one
 * TAU_EVENT_RUN_DONE, whatever happens.
 * options: read and copied during the call.
 * out: receives the run, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT ("no_prompt", "two_messages" for a prompt and a message, those of a message above, bad
 * JSON, unknown key: the error names it; "foreign_queue" for a queue of another runtime); UNAVAILABLE "session_busy"
 * when a run of this or another process is writing the session; FAILED_PRECONDITION "run_open" when an earlier run was
 * cut off and must be resumed or given up first (TAU_RUN_RESUME, with {"abandon":true} in options to give it up),
 * "no_open_run" for TAU_RUN_RESUME without one.
 * Thread: any, waits
 * Ownership: the caller owns *out; tau_run_unref.
 * Since: 0.1 */
TAU_API tau_status tau_run_start(tau_session *session, const tau_run_options *options, tau_run **out,
                                 tau_error **err);

/* Give a run back. Never blocks. The run goes on and its events keep coming to a shared queue; with a private queue
 * it is cancelled. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_run_unref(tau_run *run);

/* Give the id of a run.
 * Returns: a view that lives as long as the run; empty for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_str tau_run_id(const tau_run *run);

/* Give the queue that the run's events come to. One of its own ends with the run (tau_queue_next).
 * Returns: a borrowed pointer that lives as long as the run; NULL for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_queue *tau_run_queue(const tau_run *run);

/* Send an op to a run (see the top of this file).
 * op: JSON. blobs: blob_count items for its text or message; NULL when 0.
 * Returns: OK when handed over; INVALID_ARGUMENT (bad JSON, unknown op or key, those of a message above, "unused_blob"
 * for blobs of another op: the error names it); NOT_FOUND is
 * never returned here: an unknown call_id is TAU_EVENT_OP_REJECTED; FAILED_PRECONDITION "run_ended"; of model_event and
 * model_drop, which take effect at once, FAILED_PRECONDITION "model_call_over", UNAVAILABLE "model_reply_full" (nothing
 * was taken: try again) and RESOURCE_EXHAUSTED "response_too_large".
 * Thread: any
 * Since: 0.1 */
TAU_API tau_status tau_run_submit(tau_run *run, tau_str op, const tau_blob *blobs, size_t blob_count,
                                  tau_error **err);

/* Stop a run as soon as possible: the model call is closed, processes are killed, waiting calls get the result
 * "cancelled", and the terminal event follows. A run that has ended does not notice. Idempotent; async-signal-safe. NULL
 * is ignored.
 * Thread: any, signals
 * Since: 0.1 */
TAU_API void tau_run_cancel(tau_run *run);

/* Wait for the end of a run and give its outcome, the body of its terminal event. Events are not consumed: use it with
 * TAU_RUN_QUIET, or while another thread reads the queue. When it tells of the end, all events of the run are in its
 * queue, and whoever took the last one is told of the end at once. In manual mode the wait processes the run's loop.
 * timeout_ms: -1 waits without limit. out: receives JSON; must not be NULL.
 * Returns: OK when the run ended well; the run's own failure otherwise (with *out filled all the same);
 * DEADLINE_EXCEEDED "wait_timeout" when it still runs; FAILED_PRECONDITION "reentrant" inside of a callback on the thread
 * of the run's loop.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_run_wait(tau_run *run, int32_t timeout_ms, tau_buf *out, tau_error **err);

/* Re-run the recorded inputs of a run and compare what the engine answers with what was recorded.
 * run_id: of any run of the home that is not being written. out: receives a JSON report
 * {"run","steps","digest","identical","divergence"}; must not be NULL.
 * Returns: OK when identical; DATA_LOSS "replay_diverged" (the report says where) or "chain_broken"; NOT_FOUND
 * "no_such_run".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_run_replay(tau_runtime *runtime, tau_str run_id, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
