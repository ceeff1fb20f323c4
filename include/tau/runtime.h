/* The runtime: loops, workers, the store of a home directory, the configuration. Everything else hangs on it.
 *
 * A program opens one runtime (several may live side by side) and keeps it. By default the runtime drives its
 * loops on threads of its own. In manual mode (TAU_RUNTIME_MANUAL) it starts no loop thread: the host polls
 * tau_runtime_fd and calls tau_runtime_process. A host with an event loop of its own on one thread (asyncio, libuv) can
 * do the same with single loops, while the runtime drives the others: tau_runtime_borrow_loop. The library installs no signal handler, prints nothing, never
 * changes directory or locale, and reads the environment only with TAU_RUNTIME_USE_ENVIRONMENT.
 *
 * tau_runtime_perform does what these ask for:
 *   {"op":"approvals","all":false}      the calls that wait for an approval, in whichever process of the home, oldest first:
 *                                       {"approvals":[{"id","state","applied","session","run","call_id","tool","effect","reason",…}]};
 *                                       "all": also those that nobody waits for any more
 *   {"op":"approval","id":"…"}          one of them with its "arguments"; of long ones the first 64 KiB as "arguments_head"
 *   {"op":"decide","id":"…","allow":true,"note":"…","principal":"…","wait_ms":0}
 *                                       says yes or no. Of all decisions the first counts; the process that waits takes it up within
 *                                       half a second. "wait_ms": for so long, up to 60,000, this waits to see that:
 *                                       {"id","state","applied"}. "principal": who decides, if not access.principal
 *   {"op":"resolve_did","did":"…","timeout_ms":10000}
 *                                       as tau_did_resolve, and the document of a did:web is fetched: over https, past the rules of
 *                                       egress for agents (network.*), at most 64 KiB, no redirect to another origin
 *   {"op":"auth_login","name":"…","flow":"browser"}
 *                                       begins a login of the configuration, auth.NAME: {"name","state":"waiting","flow","url","expires_in_ms"},
 *                                       and of the flow "device" "user_code" and "complete_url". Without "flow": that of its kind. Logins that
 *                                       need no person are over at once; the answer is that of auth_status
 *   {"op":"auth_wait","name":"…","timeout_ms":10000}
 *                                       waits for that person, up to 600,000 ms: {"name","state":"waiting"}, or as auth_status when it is over.
 *                                       Nothing goes on between two calls: who waits drives
 *   {"op":"auth_status"}                {"logins":[{"name","kind","providers","state","reason","refreshable","obtained_ms","expires_ms",
 *                                       "generation","scope","origins","refreshing_since_ms"}]}; with "name": of that one alone. The state of
 *                                       one is "ok", "expired" (it is renewed when it is needed), "none", "login_required", "invalid" or
 *                                       "unknown", with a "reason"
 *   {"op":"auth_refresh","name":"…"}    gets a new token now; as auth_status of one
 *   {"op":"auth_logout","name":"…"}     gives the refresh token back, if auth.NAME.revoke_url says where, and erases the tokens:
 *                                       {"name","state":"logged_out","revoked","reason"}
 *   {"op":"traffic"}                    how busy the limits and routes of this process are: {"routes":[{"name","active","retries","upstreams":
 *                                       [{"model","breaker","times_opened","open_ms"?,"held_ms"?,"first_event_us"?}]}],"limits":[{"name",
 *                                       "active","waiting",…}]}; docs/routing.md
 *   {"op":"usage","by":["day","model","session","principal","route"],"since":"2026-11-01","until":"7d","limit":1000}
 *                                       what models took and cost, by any of these (default: by model), with the sum of all:
 *                                       {"usage":[{"day","model",…,"calls","failures","unpriced_calls","input_tokens",
 *                                       "cached_tokens","cache_write_tokens","output_tokens","reasoning_tokens",
 *                                       "cost_usd_micros"}],"total":{…},"more":false}. Days are of UTC, both ends included; "7d": the
 *                                       last seven days. By day, then the dearest first; "limit" 1 to 10,000
 *   {"op":"models","provider":"openai"} the models that the catalogs know, of one provider or of all:
 *                                       {"as_of":"2026-11-27","models":[{"model":"openai/gpt-5","context_tokens","max_output_tokens",
 *                                       "image_tokens","price","tools","images","reasoning","catalog","source","as_of"}]}; what nobody
 *                                       said is null; prices are micro-dollars per million tokens
 *   {"op":"model","model":"openai/gpt-5"}
 *                                       one of them, known or not, with "base_url", "dialect", "ready", "reason", "quirks"
 *   {"op":"estimate","model":"openai/gpt-5","request":{"messages":[…],…},"output_tokens":500}
 *                                       what a call would count and cost, before it is made: {"tokens_bound","tokens_estimate",
 *                                       "output_limit","priced","cost_bound_usd_micros","cost_estimate_usd_micros"}, and "reason",
 *                                       "message" where a bound is null. "request" is in the form of tau_wire_decode.
 *                                       "output_tokens": of the answer that the estimate is made for; else the request's max_tokens
 *   {"op":"remove_model","model":"…"}   takes a model out that tau_runtime_add_model supplied; agents that have it keep it
 * No answer holds a token: they are in the vault, and go to the origins of the login. Docs: docs/auth.md.
 * The "state" of an approval is "waiting", "stale" (the process that waited is gone), "expired", "approved", "denied" or
 * "withdrawn"; "applied" says that the process that waited took it up. Docs: docs/access.md, docs/identity.md,
 * docs/routing.md, docs/quirks.md. */
#ifndef TAU_RUNTIME_H
#define TAU_RUNTIME_H

#include "base.h"
#include "vault.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_runtime tau_runtime;

/* Severity of a log record. */
typedef uint32_t tau_log_level;
enum { TAU_LOG_ERROR = 1, TAU_LOG_WARN = 2, TAU_LOG_INFO = 3, TAU_LOG_DEBUG = 4 };

typedef struct tau_log_record {
  uint32_t struct_size;
  tau_log_level level;
  tau_str module;  /* "net", "store", … */
  tau_str message; /* one line, redacted */
} tau_log_record;

/* Receives log records on any thread of the library. The record lives during the call. Must not block and must
 * not call functions tagged owner. */
typedef void (*tau_log_fn)(void *userdata, const tau_log_record *record);

/* tau_runtime_options.flags */
typedef uint32_t tau_runtime_flags;
enum {
  TAU_RUNTIME_MANUAL = 1u,           /* the host drives the loops */
  TAU_RUNTIME_USE_ENVIRONMENT = 2u,  /* provider keys and TAU_* settings come from the environment */
  TAU_RUNTIME_USE_CONFIG_FILES = 4u, /* read <home>/tau.toml and <workspace>/.tau/tau.toml */
  TAU_RUNTIME_NO_STORE = 8u,         /* durability off: sessions live in memory only, one opened without an id as
                                      long as a handle of it; no file is written */
  TAU_RUNTIME_READ_ONLY = 16u        /* sessions of the home can be listed, described, exported, replayed and backed
                                      up; whatever would change it fails with "store_read_only", no file of it is
                                      made or written. For full disks, read-only mounts, and a look beside the
                                      programs that write. Not with TAU_RUNTIME_NO_STORE. Since 0.3 */
};

typedef struct tau_runtime_options {
  uint32_t struct_size; /* sizeof(tau_runtime_options) */
  tau_runtime_flags flags;
  tau_str home;      /* directory of sessions and configuration, created 0700; absent: $XDG_DATA_HOME/tau when the
                        environment may be read, else an error unless TAU_RUNTIME_NO_STORE */
  tau_str workspace; /* directory that tools work in; absent: tools that need one are not offered */
  tau_str config;    /* JSON, docs/schema/config.json; wins over files and environment; may be absent */
  uint32_t loops;    /* event loops; 0 means 1 */
  uint32_t workers;  /* threads for blocking tools; 0 means 2, TAU_NO_WORKERS none */
  tau_log_fn log;    /* NULL: silent */
  void *log_userdata;
  tau_log_level log_level; /* records above it are not made; 0 means TAU_LOG_WARN */
  uint32_t reserved;       /* 0 */
  tau_str exec_helper;     /* path of tau-exec; absent: found beside the library */
  tau_vault *vault;        /* where "secret://" references of the configuration are looked up; the runtime takes a
                              reference. NULL: the vault that the keys vault.* name. Since 0.3 */
} tau_runtime_options;

#define TAU_NO_WORKERS 0xffffffffu
#define TAU_RUNTIME_OPTIONS_INIT \
  { sizeof(tau_runtime_options), 0, {0, 0}, {0, 0}, {0, 0}, 0, 0, 0, 0, 0, 0, {0, 0}, 0 }

/* Set options to their defaults, as TAU_RUNTIME_OPTIONS_INIT does, for callers without macros.
 * options: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_runtime_options_init(tau_runtime_options *options, uint32_t struct_size);

/* Open a runtime.
 * options: may be NULL for defaults with TAU_RUNTIME_NO_STORE; read during the call only.
 * out: receives the runtime, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT (unknown configuration key, bad value: the message names it; options too new);
 * PERMISSION_DENIED or RESOURCE_EXHAUSTED (home cannot be created or written); FAILED_PRECONDITION
 * "database_too_new"; DATA_LOSS "database_corrupt"; NOT_FOUND (TAU_RUNTIME_READ_ONLY, and there is no database).
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_runtime_unref.
 * Since: 0.1 */
TAU_API tau_status tau_runtime_new(const tau_runtime_options *options, tau_runtime **out, tau_error **err);

/* Take another reference.
 * runtime: not NULL.
 * Returns: runtime.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_runtime *tau_runtime_ref(tau_runtime *runtime);

/* Give a reference back. Agents, sessions, runs and queues keep their runtime alive; when the last of all goes, open runs
 * are cut off as by a crash (they can be resumed) and the home is closed: in manual mode, and after a tau_runtime_stop that
 * returned OK, on this thread before this returns, unless it is one of the library's; else by the library's threads a
 * moment later, and this never blocks. Whoever opens the home again in this process waits for that moment; before its folder
 * is moved or deleted, or another process takes a session over, call tau_runtime_stop. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_runtime_unref(tau_runtime *runtime);

/* Cancel every run, wait until all have ended, their records are durable and every `invoke` of a tool has returned, and
 * refuse new ones. Every session is free then, for other runtimes and processes too, whatever handles of it there are, and
 * no thread of the library holds a tool: what is given back is gone at once (tau_finalize_fn). Work on memories in the
 * background ends after the piece at hand, and goes on when the home is opened again.
 * timeout_ms: -1 waits without limit. In manual mode this drives all loops on the calling thread. Called from inside of
 * an `invoke` it does not wait for tools.
 * Returns: OK; DEADLINE_EXCEEDED when something still runs: a run, a tool, an embedder, a watch; FAILED_PRECONDITION when
 * called on a loop's thread from inside a callback.
 * Thread: any, waits
 * Since: 0.1 */
TAU_API tau_status tau_runtime_stop(tau_runtime *runtime, int32_t timeout_ms, tau_error **err);

/* Tell how many loops the runtime has.
 * Returns: the number; 0 for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API uint32_t tau_runtime_loops(const tau_runtime *runtime);

/* Give the file descriptor that becomes readable when tau_runtime_process has work. For poll, epoll, kqueue or an
 * event loop library; level-triggered; owned by the runtime: do not read or close it.
 * loop: 0 to tau_runtime_loops - 1.
 * Returns: the descriptor; -1 for a loop that the runtime drives, or a bad argument.
 * Thread: any
 * Since: 0.1 */
TAU_API int32_t tau_runtime_fd(const tau_runtime *runtime, uint32_t loop);

/* Run what is ready on one loop, waiting at most timeout_ms for something to become ready.
 * Manual mode or a borrowed loop. Each loop belongs to the thread that processes it.
 * timeout_ms: 0 does not wait, -1 waits without limit.
 * Returns: OK when something ran; AGAIN when there was nothing to do; FAILED_PRECONDITION "not_manual" for a loop that the runtime drives,
 * "loop_busy" while another thread is in the loop, "reentrant" from inside a callback, "forked" after fork.
 * Thread: owner, waits
 * Since: 0.1 */
TAU_API tau_status tau_runtime_process(tau_runtime *runtime, uint32_t loop, int32_t timeout_ms, tau_error **err);

/* Drive a loop from the calling thread: the runtime's own thread for it rests until it is given back, and what runs on that
 * loop gets on only while the host calls tau_runtime_process, which it does when tau_runtime_fd is readable. Runs whose
 * queue is on that loop then need no change of threads, neither to work nor to be read. On this thread tau_queue_next and
 * tau_run_wait drive the loop while they wait. For hosts that keep their own loop turning; a thread that blocks for long
 * should leave the loop to the runtime.
 * loop: 0 to tau_runtime_loops - 1.
 * Returns: OK; UNAVAILABLE "loop_borrowed" when it is borrowed; OUT_OF_RANGE; FAILED_PRECONDITION "manual" in manual mode,
 * "runtime_stopped", or "reentrant" from inside a callback of that loop.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_runtime_borrow_loop(tau_runtime *runtime, uint32_t loop, tau_error **err);

/* Give a borrowed loop back: the runtime's thread drives it again, with all that is on it. tau_runtime_stop takes every
 * loop back by itself. Does not wait, also while another thread is inside of tau_runtime_process.
 * Returns: OK; FAILED_PRECONDITION "loop_not_borrowed"; OUT_OF_RANGE.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_status tau_runtime_return_loop(tau_runtime *runtime, uint32_t loop, tau_error **err);

/* Describe the configuration in force, each value with its origin, the model that would answer, what each provider
 * would need, what each route is made of, and what was spent of the budgets of days and routes, as JSON.
 * Secrets are not in it.
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_runtime_describe(tau_runtime *runtime, tau_buf *out, tau_error **err);

/* Do what a request asks for: a JSON object with a member "op", one of those that the top of this header lists.
 * request: JSON. out: receives the answer, JSON; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_op", "unknown_key", "wrong_type", "unknown_group", "invalid_day", "invalid_model_reference",
 * "invalid_request", and as tau_did_resolve; NOT_FOUND "approval_unknown", "did_not_found", "unknown_auth",
 * "no_such_model"; UNAUTHENTICATED "login_required", "invalid_grant", "invalid_client"; DATA_LOSS
 * "invalid_token_answer", "invalid_login_state"; DEADLINE_EXCEEDED "expired_token", "login_timeout"; FAILED_PRECONDITION
 * "approval_decided", "approval_withdrawn", "approval_expired", "approval_stale", "auth_incomplete", "no_login", "no_vault_key",
 * "vault_read_only", "token_refused", "redirect_refused", "no_database" for a runtime without a store, "store_read_only";
 * PERMISSION_DENIED "access_denied", "state_mismatch", "issuer_mismatch", "authorization_failed", "approval_refused" by the process
 * that waits, "redirect_refused", "egress_…"; UNAVAILABLE "did_unavailable", "token_endpoint_unavailable", "login_busy",
 * "file_locked" and failures of the network; RESOURCE_EXHAUSTED "document_too_large".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_runtime_perform(tau_runtime *runtime, tau_str request, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
