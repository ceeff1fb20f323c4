/* Policies: whether a tool call may run. A runtime asks its own before every call; a program that runs its own agent asks one
 * that it makes here, without a runtime. What is decided, and why: docs/monitor.md.
 *
 * The verdict comes from what the tool can do, from labels of what the model had seen, and from what the user wrote. No
 * model is asked, no clock is read: the same call gives the same verdict. */
#ifndef TAU_POLICY_H
#define TAU_POLICY_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rules for tool calls. Immutable. */
typedef struct tau_policy tau_policy;

/* Make a policy.
 * document: JSON as a configuration has it under "policy" (docs/configuration.md): {"preset":"strict","approved":
 * ["team@example.org"],"rules":["ask bash command *sudo*"]}; absent: the preset "balanced".
 * out: receives the policy, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_key", "wrong_type", "bad_value", "too_many_rules" or of malformed JSON (the message
 * names the key and what was expected).
 * Thread: any
 * Ownership: the caller owns *out; tau_policy_free.
 * Since: 0.3 */
TAU_API tau_status tau_policy_new(tau_str document, tau_policy **out, tau_error **err);

/* Decide of one call. An error is no verdict: do not make the call.
 * tool_call: JSON, {"tool":{"name":"send_mail","effect":"egress","destinations":["to"],"host":true,"ask":false,
 * "sandboxed":false},"arguments":{…},"labels":{"integrity":["user","tool:read_inbox"],"readers":["*"]},"user":["…"],
 * "reads":[{"arguments":{…},"content":"…"}],"signals":["role_spoofing"],"run":{"calls":9,"recent":[{"tool":"send_mail",
 * "age_ms":2500}]}}. Only tool.name and arguments must be there.
 *   tool         effect: as tau_tool_effect, "irreversible" when absent; destinations: as in tau_tool; host: the program
 *                vouches for it, true when absent; ask: as TAU_TOOL_ASK; sandboxed: it runs confined
 *   arguments    an object, or its JSON as the model wrote it, as a string
 *   labels       of all that the model had seen: where it came from (system, user, workspace, tool:NAME, web, memory, model),
 *                and who may read it ("*": all, also when absent). Absent: untrusted and private
 *   user         what the user wrote in this session, message by message; absent: nothing
 *   reads        what earlier calls of the session were asked and answered; absent: nothing
 *   signals      the families of signals of injection in what the model was shown (tau_injection_signals); absent: none
 *   run          how many calls were not denied so far, and those of the last minute with their ages; absent: unknown, and
 *                what has a cap is denied
 * out: receives {"verdict","reason","message","rule","argument","signals","policy_epoch","binding"}. verdict: "allow", "ask" or
 * "deny"; reason: a code of docs/monitor.md, message: what it means; argument: the destination or rule that decided, if one
 * did; signals: of "untrusted_input", "private_data" and "way_out" those that are there; binding: of "ask", a hash of
 * tool, arguments, labels and policy for which an answer holds. Must not be NULL.
 * Returns: OK, whatever the verdict is; INVALID_ARGUMENT "unknown_key", "wrong_type", "invalid_call" or of malformed JSON (the
 * message names the member).
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_policy_decide(const tau_policy *policy, tau_str tool_call, tau_buf *out, tau_error **err);

/* Tell what the policy says, as JSON: {"epoch","document","in_force":[{"key","text","value"}],"presets":{"presets":["…"],
 * "rows":[{"key","text","values":["…"]}]},"reasons":[{"code","text"}]}. epoch: the number of the policy, equal for equal ones.
 * document: makes the same policy. in_force: the column of its preset, with its own caps. presets: the table of all.
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_policy_describe(const tau_policy *policy, tau_buf *out, tau_error **err);

/* Free a policy that nobody asks any more. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_policy_free(tau_policy *policy);

#ifdef __cplusplus
}
#endif

#endif
