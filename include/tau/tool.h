/* Tools of the host. Two forms: answered from the event queue (every language), or a C function on a worker. */
#ifndef TAU_TOOL_H
#define TAU_TOOL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a call can do to the world, in order of consequence. Events and records name it. A tool of the host runs
 * without approval, whatever its effect, unless TAU_TOOL_ASK or the policy of the configuration asks for one. */
typedef uint32_t tau_tool_effect;
enum {
  TAU_EFFECT_PURE = 0,   /* computes from its arguments alone */
  TAU_EFFECT_READ = 1,   /* reads the workspace or the host */
  TAU_EFFECT_WRITE = 2,  /* changes the workspace or the host */
  TAU_EFFECT_EGRESS = 3, /* sends data out */
  TAU_EFFECT_EXEC = 4,   /* runs programs */
  TAU_EFFECT_IRREVERSIBLE = 5
};

/* tau_tool.flags */
typedef uint32_t tau_tool_flags;
enum {
  TAU_TOOL_PARALLEL = 1u,   /* may run beside other calls of the same turn */
  TAU_TOOL_IDEMPOTENT = 2u, /* may be run again when a crash hid its outcome */
  TAU_TOOL_ASK = 4u         /* ask for approval before every call, whatever the policy */
};

/* A call that waits for its result. */
typedef struct tau_tool_reply tau_tool_reply;

typedef struct tau_tool_call {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  tau_str run_id;
  tau_str session_id;
  tau_str call_id;   /* unique within the run */
  tau_str name;
  tau_str arguments; /* JSON, valid against `parameters` */
} tau_tool_call;

/* Runs a tool on a worker thread. `call` lives until this returns. `reply` is handed over: answer it once, now or
 * later, on any thread, with tau_tool_reply_complete or tau_tool_reply_fail, or drop it (an error result). */
typedef void (*tau_tool_invoke_fn)(void *userdata, const tau_tool_call *call, tau_tool_reply *reply);

/* Called exactly once, when nothing can call `invoke` any more: the agent, its sessions and their runs were given back,
 * runs that went on without a handle have ended, every `invoke` has returned and every reply was answered or dropped.
 * It comes on the thread that lets go last. After tau_runtime_stop has returned OK that is one of the host, inside of the
 * last unref or reply; otherwise it may be one of the library, shortly after. A tool that tau_agent_add_tool refused is
 * not finalized. */
typedef void (*tau_finalize_fn)(void *userdata);

typedef struct tau_tool {
  uint32_t struct_size; /* sizeof(tau_tool) */
  tau_tool_flags flags;
  tau_str name;        /* [a-zA-Z0-9_-]{1,64} */
  tau_str description; /* for the model */
  tau_str parameters;  /* JSON Schema of the arguments; absent: any object */
  tau_tool_effect effect;
  uint32_t reserved; /* 0 */
  int64_t timeout_ms; /* 0 means 120,000 */
  tau_tool_invoke_fn invoke; /* NULL: answered by op tool_result */
  void *userdata;            /* for invoke */
  tau_finalize_fn finalize;  /* called once with userdata at the end: see tau_finalize_fn; may be NULL */
  tau_str destinations;      /* JSON list of the arguments that say where an effect lands: ["to","cc.address"], with
                                dots inside of objects; absent: none. Once untrusted input was seen, policy holds them
                                to what the user wrote (docs/monitor.md). Since 0.3 */
} tau_tool;

#define TAU_TOOL_INIT \
  { sizeof(tau_tool), 0, {0, 0}, {0, 0}, {0, 0}, TAU_EFFECT_IRREVERSIBLE, 0, 0, 0, 0, 0, {0, 0} }

/* Set a tool to its defaults, as TAU_TOOL_INIT does.
 * tool: not NULL. struct_size: the caller's sizeof.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_tool_init(tau_tool *tool, uint32_t struct_size);

/* Answer a call with its result.
 * reply: consumed, also on failure; NULL is INVALID_ARGUMENT.
 * content: text or JSON for the model.
 * Returns: OK, also when the run has ended meanwhile; INVALID_ARGUMENT when content is not UTF-8 (the call then ends
 * with an error result).
 * Thread: any
 * Since: 0.1 */
TAU_API tau_status tau_tool_reply_complete(tau_tool_reply *reply, tau_str content, tau_error **err);

/* Answer a call with an error that the model will see.
 * reply: consumed. reason: a stable snake_case code; message: what went wrong.
 * Returns: as tau_tool_reply_complete.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_status tau_tool_reply_fail(tau_tool_reply *reply, tau_str reason, tau_str message, tau_error **err);

/* Tell whether nobody wants the result any more: a long tool polls it.
 * Returns: 1 or 0.
 * Thread: any
 * Since: 0.1 */
TAU_API int32_t tau_tool_reply_cancelled(const tau_tool_reply *reply);

/* Drop a call without an answer: an error result "reply_dropped". NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_tool_reply_drop(tau_tool_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
