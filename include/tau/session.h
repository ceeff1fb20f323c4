/* Sessions: durable conversations. */
#ifndef TAU_SESSION_H
#define TAU_SESSION_H

#include "agent.h"
#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_session tau_session;

/* Open a session, creating it when there is none of that id.
 * id: 1 to 128 characters of [A-Za-z0-9_.:-]; absent: a new session with an id of its own.
 * out: receives the session, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_session_id"; DATA_LOSS when its records are damaged. A session that another
 * process is writing opens, but runs on it fail UNAVAILABLE "session_busy".
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_session_unref.
 * Since: 0.1 */
TAU_API tau_status tau_session_open(tau_agent *agent, tau_str id, tau_session **out, tau_error **err);

/* Take another reference.
 * session: not NULL.
 * Returns: session.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_session *tau_session_ref(tau_session *session);

/* Give a reference back. Never blocks; a run in progress goes on. With the last one the session is free: for
 * this runtime at once, for other runtimes and processes a moment later; tau_runtime_stop waits for it. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_session_unref(tau_session *session);

/* Give the id of a session.
 * Returns: a view that lives as long as the session; empty for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_str tau_session_id(const tau_session *session);

/* Describe a session as JSON: title, head, counts, usage, cost, and `open_run` when a run was cut off and can be
 * resumed (TAU_RUN_RESUME).
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_session_describe(tau_session *session, tau_buf *out, tau_error **err);

/* Give the whole conversation as JSON: {"session":…,"messages":[…]} (docs/schema/message.json).
 * out: receives the text. Must not be NULL.
 * Returns: OK; DATA_LOSS when records are damaged.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_session_export(tau_session *session, tau_buf *out, tau_error **err);

/* Make a session that begins with the conversation of another one; the messages are shared, not copied.
 * entry: the last message to keep, by its id in tau_session_export; absent: all.
 * id: of the fork; absent: a new one.
 * out: receives the fork, NULL on failure; must not be NULL.
 * Returns: OK; NOT_FOUND "no_such_entry"; ALREADY_EXISTS "session_exists".
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_session_unref.
 * Since: 0.1 */
TAU_API tau_status tau_session_fork(tau_session *session, tau_str entry, tau_str id, tau_session **out,
                                    tau_error **err);

/* List the sessions of a home, newest first, as JSON: {"sessions":[…],"next":"…"}.
 * limit: 1 to 1,000. after: "next" of the page before; absent: the first page.
 * out: receives the text. Must not be NULL.
 * Returns: OK; OUT_OF_RANGE for a bad limit.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_session_list(tau_runtime *runtime, uint32_t limit, tau_str after, tau_buf *out,
                                    tau_error **err);

/* Remove a session and erase what no fork shares: rows, blobs, write-ahead log.
 * Returns: OK; NOT_FOUND "no_such_session"; UNAVAILABLE "session_busy" while a run writes it.
 * Thread: any, waits
 * Since: 0.1 */
TAU_API tau_status tau_session_remove(tau_runtime *runtime, tau_str id, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
