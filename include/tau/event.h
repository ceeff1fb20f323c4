/* Events and queues: everything asynchronous comes out of a queue.
 *
 * A queue belongs to one loop and may serve many runs. Take events with tau_queue_next or tau_queue_drain; wait on
 * tau_queue_fd, or let `notify` tell. A slow reader does not make memory grow: text deltas merge (first_seq..seq
 * says how many events one stands for), and a run waits while 64 of its control events are unread. */
#ifndef TAU_EVENT_H
#define TAU_EVENT_H

#include "base.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_queue tau_queue;

/* What an event is. Unknown kinds may come from a newer library: ignore them. Bodies: docs/events.md. */
typedef uint32_t tau_event_kind;
enum {
  TAU_EVENT_NONE = 0,
  TAU_EVENT_RUN_STARTED = 1,     /* body: run, session, model. Not yet durable: a crash may forget the run */
  TAU_EVENT_TURN_STARTED = 2,    /* body: turn */
  TAU_EVENT_TEXT = 3,            /* text: a piece of the answer */
  TAU_EVENT_REASONING = 4,       /* text: a piece of the model's reasoning */
  TAU_EVENT_MESSAGE = 5,         /* body: the whole assistant message; text: its text */
  TAU_EVENT_TOOL_CALL = 6,       /* the host must answer with op tool_result; text: tool name; body: arguments */
  TAU_EVENT_APPROVAL = 7,        /* the host must answer with op approval; text: tool name; body: why, arguments */
  TAU_EVENT_TOOL_STARTED = 8,    /* text: tool name; body: arguments */
  TAU_EVENT_TOOL_PROGRESS = 9,   /* text: what a tool reported meanwhile */
  TAU_EVENT_TOOL_RESULT = 10,    /* text: the result as the model will see it; body: is_error, reason, held, signals */
  TAU_EVENT_ATTEMPT = 11,        /* the model call is tried again: text deltas since its start are void */
  TAU_EVENT_TURN_DONE = 12,      /* body: usage and cost so far */
  TAU_EVENT_OP_ACCEPTED = 13,    /* an op with an id is durable; body: op id */
  TAU_EVENT_OP_REJECTED = 14,    /* text: why; body: op id, reason */
  TAU_EVENT_SNAPSHOT = 15,       /* text: everything streamed so far, in place of deltas that were dropped */
  TAU_EVENT_RUN_DONE = 16,       /* the last event of a run, exactly once; body: outcome */
  TAU_EVENT_HELD_TEXT = 17,      /* answers op quarantine_read; text: what is held back; body: handle, labels */
  TAU_EVENT_ROUTE = 18,          /* what a route decided of a model call; body: decision, reason, upstream */
  TAU_EVENT_MODEL_CALL = 19,     /* the host must answer with ops model_event; text: model; body: request, request_id */
  TAU_EVENT_MODEL_CALL_OVER = 20, /* nothing more is taken for that call; text: model; body: answered */
  TAU_EVENT_RECALLED = 21        /* memories were put before the prompt; body: recall */
};

typedef struct tau_event {
  uint32_t struct_size; /* set by the caller before the first call: sizeof(tau_event) */
  tau_event_kind kind;
  uint64_t first_seq; /* of the events merged into this one; usually equal to seq */
  uint64_t seq;       /* grows by one with every event of a run */
  tau_str run_id;
  tau_str call_id; /* of a tool call or model call; may be empty */
  tau_str text;
  void *userdata; /* of the run, as given to tau_run_start */
  const void *body; /* private: see tau_event_json */
} tau_event;

/* Told that a queue has become non-empty, on any thread; carries no data, may be merged. It must only signal: no
 * blocking, no calls tagged owner. */
typedef void (*tau_notify_fn)(void *userdata);

typedef struct tau_queue_options {
  uint32_t struct_size; /* sizeof(tau_queue_options) */
  uint32_t loop;        /* runs with this queue live on this loop */
  tau_notify_fn notify; /* may be NULL */
  void *notify_userdata;
} tau_queue_options;

#define TAU_QUEUE_OPTIONS_INIT \
  { sizeof(tau_queue_options), 0, 0, 0 }

/* Set options to their defaults, as TAU_QUEUE_OPTIONS_INIT does.
 * options: not NULL. struct_size: the caller's sizeof.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_queue_options_init(tau_queue_options *options, uint32_t struct_size);

/* Make a queue.
 * options: NULL for defaults. out: receives the queue, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for a loop that does not exist; RESOURCE_EXHAUSTED without descriptors.
 * Thread: any
 * Ownership: the caller holds one reference; tau_queue_unref.
 * Since: 0.1 */
TAU_API tau_status tau_queue_new(tau_runtime *runtime, const tau_queue_options *options, tau_queue **out,
                                 tau_error **err);

/* Take another reference.
 * queue: not NULL.
 * Returns: queue.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_queue *tau_queue_ref(tau_queue *queue);

/* Give a reference back. Once the last is gone `notify` is not called any more: a call that is going on in another
 * thread is waited for, so hold no lock that `notify` takes. From inside of a `notify` that wait is left out, and
 * nothing blocks otherwise. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_queue_unref(tau_queue *queue);

/* Take the next event, waiting at most timeout_ms. In manual mode the wait processes the queue's loop.
 * A run's own queue (tau_run_queue, when the run was started without one) is done once its TAU_EVENT_RUN_DONE was
 * taken, or the run was given back and what had come was taken. Given to another run it serves many runs from then on,
 * as one of tau_queue_new does: those are done only when the runtime was stopped.
 * event: struct_size set; its views and body live until the next call of tau_queue_next or tau_queue_drain on
 * this queue.
 * timeout_ms: 0 does not wait, -1 waits without limit.
 * Returns: OK with an event; AGAIN when none came in time or tau_queue_wakeup was called; DONE, without waiting, when no
 * event can come any more; FAILED_PRECONDITION "reentrant" from inside a callback, "queue_busy" while another thread is
 * in a function of this queue tagged owner, "loop_busy" while one processes its loop in manual mode, "forked" after fork.
 * Thread: owner, waits
 * Since: 0.1 */
TAU_API tau_status tau_queue_next(tau_queue *queue, int32_t timeout_ms, tau_event *event, tau_error **err);

/* Take all events that are there, at most capacity, without waiting.
 * events: an array whose first element has struct_size set; count: receives how many were filled in. Views live until
 * the next call of tau_queue_next or tau_queue_drain on this queue.
 * Returns: OK with *count > 0; AGAIN when there are none; DONE when none can come any more; as tau_queue_next else.
 * Thread: owner
 * Since: 0.1 */
TAU_API tau_status tau_queue_drain(tau_queue *queue, tau_event *events, size_t capacity, size_t *count,
                                   tau_error **err);

/* Give the body of an event as JSON (docs/schema/events.json).
 * event: one that the last tau_queue_next or tau_queue_drain on this queue filled in.
 * out: receives a view that lives until the next such call. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT when the event is not of the queue's last batch; FAILED_PRECONDITION as tau_queue_next.
 * Thread: owner
 * Since: 0.1 */
TAU_API tau_status tau_event_json(tau_queue *queue, const tau_event *event, tau_str *out, tau_error **err);

/* Give a descriptor that is readable while the queue is not empty, or done. Level-triggered; owned by the queue. It turns
 * readable, and `notify` is called, when the turn of the loop ends that brought the events: once for all of them.
 * Returns: the descriptor; -1 for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API int32_t tau_queue_fd(const tau_queue *queue);

/* Make a waiting tau_queue_next return AGAIN; the next one if none waits.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_queue_wakeup(tau_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
