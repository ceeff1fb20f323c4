/* Access: who may do what, who is admitted, and what is accepted once. For programs that decide of others by themselves; a runtime
 * checks a policy of its own accord (`access.policy` in its configuration, docs/access.md).
 *
 * Requests are JSON objects with a member "op":
 *   {"op":"challenge","purpose":"…"}                                      asks for a proof; gives the challenge
 *   {"op":"verify","kind":"proof","proof":"…","purpose":"…","did":"…"}    accepts the answer once
 *   {"op":"verify","kind":"envelope","envelope":{…},"payload":"…"}        accepts a message once
 *   {"op":"verify","kind":"card","card":{…},"did":"…"}                    as tau_identity_verify
 *   {"op":"roots","list":{…},"digest":"…"}                                the first list of trust roots, or the next one
 *   {"op":"pair","channel":"…","actor":"…"}                               makes a code of 40 bits for one actor, for 10 minutes
 *   {"op":"redeem","channel":"…","actor":"…","code":"…"}                  who says it is admitted from then on
 *   {"op":"allow","channel":"…","actor":"…","until_ms":0}                 admits somebody; "remove" ends it
 *   {"op":"admit","channel":"…","actor":"…","proven_did":"…"}             whether somebody is admitted
 *   {"op":"ask","action":"…","target":"…","content":"…","summary":"…","requester":"…"}   puts a request before people
 *   {"op":"decide","id":"…","allow":true,"approver":"…"}                  who is not the requester says yes or no
 *   {"op":"use","id":"…","action":"…","target":"…","content":"…"}         spends a yes to the very same, once
 *   {"op":"approvals"}                                                    lists the requests
 * "documents":{did: document} gives the documents of did:web; "now_ms" the time to judge by, in milliseconds since 1970, in place
 * of the system's. What was accepted, who is admitted and the roots are durable, where there is a file, before the answer is given. */
#ifndef TAU_ACCESS_H
#define TAU_ACCESS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_access tau_access;

typedef struct tau_access_options {
  uint32_t struct_size; /* sizeof(tau_access_options) */
  uint32_t flags;       /* 0 */
  tau_str policy;       /* JSON (docs/access.md); absent: nobody may do anything */
  tau_str audience;     /* who asks for proofs and receives envelopes: "telegram:4711"; absent: neither is accepted */
  tau_str state;        /* file of what was accepted, made when there is none; beside it stands "<state>.lock". Put it where no tool
                           can write. Absent: kept in memory, and what was issued before now is refused */
} tau_access_options;

#define TAU_ACCESS_OPTIONS_INIT \
  { sizeof(tau_access_options), 0, {0, 0}, {0, 0}, {0, 0} }

/* Set options to their defaults, as TAU_ACCESS_OPTIONS_INIT does.
 * options: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_access_options_init(tau_access_options *options, uint32_t struct_size);

/* Open what decides.
 * options: read and copied during the call; NULL for the defaults. out: receives it, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_policy" (the message names the role or the binding), "invalid_options"; UNAVAILABLE "state_busy"
 * while another has the file open; DATA_LOSS "access_state_damaged", "replay_state_damaged"; failures of files.
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_access_unref.
 * Since: 0.3 */
TAU_API tau_status tau_access_open(const tau_access_options *options, tau_access **out, tau_error **err);

/* Take another reference.
 * access: not NULL.
 * Returns: access.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_access *tau_access_ref(tau_access *access);

/* Give a reference back. With the last one the file is free for others. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_access_unref(tau_access *access);

/* Ask whether somebody may do something. A rule that denies wins, and what no rule allows is denied.
 * principal, action, resource: not empty; compared byte by byte with the patterns of the policy. The resource is named as it was
 * resolved. out: receives {"allowed","reason","explain","role","action","resource","principal"} when it is allowed; must not be
 * NULL.
 * Returns: OK when it is allowed; PERMISSION_DENIED "access_denied" with the same as details of the error.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_access_check(tau_access *access, tau_str principal, tau_str action, tau_str resource, tau_buf *out,
                                    tau_error **err);

/* Do what a request asks for (see the top of this file).
 * request: JSON. out: receives the answer, JSON; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_request" and others for what is malformed; UNAUTHENTICATED with why it is not
 * accepted: "invalid_signature", "wrong_audience", "wrong_purpose", "wrong_did", "unknown_challenge", "proof_expired",
 * "envelope_expired", "payload_mismatch", "unknown_key", "untrusted_key", "wrong_code", "pairing_unknown", "pairing_expired",
 * "pairing_locked", …; PERMISSION_DENIED "replayed", "replay_window_passed", "self_approval", "approval_mismatch", "approval_rejected",
 * "approval_expired", "approval_used"; RESOURCE_EXHAUSTED "replay_store_full", "pairing_full",
 * "allowlist_full", "approval_queue_full"; NOT_FOUND "approval_unknown"; FAILED_PRECONDITION "no_audience", "no_document", "pairing_pending", "forked"; failures of files: then nothing was
 * accepted.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_access_perform(tau_access *access, tau_str request, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
