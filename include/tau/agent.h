/* Agents: a configuration and a set of tools that sessions are run with. */
#ifndef TAU_AGENT_H
#define TAU_AGENT_H

#include "base.h"
#include "runtime.h"
#include "tool.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_agent tau_agent;

/* Make an agent.
 * config: JSON (docs/schema/agent.json): model, system, tools, limits, policy, response_schema, params; each
 * overrides the runtime's configuration. Absent: the runtime's configuration as it is.
 * out: receives the agent, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT naming the key ("unknown_key", "invalid_model_reference", "unknown_tool", …).
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_agent_unref.
 * Since: 0.1 */
TAU_API tau_status tau_agent_new(tau_runtime *runtime, tau_str config, tau_agent **out, tau_error **err);

/* Take another reference.
 * agent: not NULL.
 * Returns: agent.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_agent *tau_agent_ref(tau_agent *agent);

/* Give a reference back. Never blocks. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_agent_unref(tau_agent *agent);

/* Offer a tool of the host to the model. Runs that started earlier do not see it.
 * tool: read and copied during the call. With `invoke` NULL a call is a TAU_EVENT_TOOL_CALL that the host answers
 * with op tool_result; else `invoke` runs on a worker.
 * Returns: OK; INVALID_ARGUMENT "invalid_manifest" (name, schema, options too new); ALREADY_EXISTS "duplicate_tool";
 * FAILED_PRECONDITION "needs_worker" for `invoke` in a runtime without workers.
 * Thread: any, waits
 * Ownership: on success the library owns userdata and calls finalize once, when no call can reach the tool any more;
 * on failure finalize is not called.
 * Since: 0.1 */
TAU_API tau_status tau_agent_add_tool(tau_agent *agent, const tau_tool *tool, tau_error **err);

/* Describe the agent as JSON: model, tools with their manifests, `unavailable` with the name, reason and message of each
 * built-in tool that the configuration asks for and that cannot be offered (no workspace, no tau-exec), the
 * configuration.
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_agent_describe(tau_agent *agent, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
