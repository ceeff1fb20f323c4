/* The audit log: who did what under which verdict, so that a change of what was written shows.
 *
 * A runtime with a home writes one to the folder "audit" of that home, unless its configuration says otherwise (audit.*):
 * runs, model calls, decisions on tool calls and their ends, approvals, changes. It holds metadata alone, no argument and no
 * output. The functions below need no runtime but where they take one; what a log looks like: docs/audit.md. */
#ifndef TAU_AUDIT_H
#define TAU_AUDIT_H

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Verify a log, which may be written to meanwhile: every record, the chain of all, the signed head.
 * place: a home, or the folder of a log. Of a home the head that its database keeps is compared, too, and its keys count.
 * kept_head: a head that was kept elsewhere, of tau_audit_head; may be absent. public_key: the Ed25519 key that must have
 * signed, as 64 hexadecimal digits; may be absent.
 * out: receives {"folder","ok","reason","file","line","records","first_seq","last_seq","last_hash","signed_seq","signature",
 * "key","heads"}; must not be NULL. "signature" is "checked", "unpinned" (by the key that the head itself names: give
 * public_key), "unchecked" or "none"; "heads" lists what the log was held against: "database", "kept".
 * Returns: OK when nothing is wrong; DATA_LOSS "audit_log_damaged" otherwise (*out is filled all the same, the message names
 * file, line and reason, and the details of the error are the report); NOT_FOUND "no_audit_log"; INVALID_ARGUMENT
 * "invalid_key".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_audit_verify(tau_str place, tau_str kept_head, tau_str public_key, tau_buf *out, tau_error **err);

/* Read records of a log, which may be written to meanwhile. Shows what is there; tau_audit_verify says whether it is right.
 * place: as for tau_audit_verify. cursor: absent for the first record, "-20" for the last twenty, "-0" for none but those
 * to come, or "next" of an earlier answer, which follows the log. limit: at most so many records, up to 10,000; 0: 1,000.
 * out: receives {"records":[…],"damaged":0,"next":"…"}, "damaged" counting lines that are no record; must not be NULL.
 * Returns: OK, also when there is nothing more yet; NOT_FOUND "no_audit_log"; INVALID_ARGUMENT "invalid_cursor";
 * OUT_OF_RANGE "bad_limit".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_audit_read(tau_str place, tau_str cursor, uint32_t limit, tau_buf *out, tau_error **err);

/* Sum up logs: this library's, and the tool audit, prompt telemetry and lifecycle records of Tau in every version. Memory is
 * bounded whatever the bytes are.
 * paths: a JSON array of files, folders of logs and homes; may be absent. bytes: lines of a log; may be absent.
 * out: receives the sums, docs/audit.md; must not be NULL.
 * Returns: OK, also with malformed lines, which are counted; NOT_FOUND "no_audit_log", "file_not_found"; INVALID_ARGUMENT
 * "wrong_type".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_audit_summary(tau_str paths, tau_str bytes, tau_buf *out, tau_error **err);

/* Append a record of the program's own to the log of a runtime, and wait until it is there; on the disk, where the
 * configuration asks for that. Secrets that the runtime knows are taken out of its texts.
 * record: {"kind":"host.noted","action":"deployed","target":"v2"}. Kinds: host.noted, access.denied, access.changed,
 * identity.changed, policy.changed, config.changed, vault.changed. Members: those of docs/audit.md.
 * Returns: OK; INVALID_ARGUMENT "unknown_key", "wrong_type", "unknown_kind", or "reserved_kind" for what the library records
 * itself; FAILED_PRECONDITION "no_audit_log" for a runtime that writes none; RESOURCE_EXHAUSTED "disk_full",
 * "audit_queue_full"; UNAVAILABLE "file_locked"; DATA_LOSS "audit_log_damaged". After each of these it is not in the log.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_audit_append(tau_runtime *runtime, tau_str record, tau_error **err);

/* Give the newest signed head of a log, to keep where the log is not: tau_audit_verify then finds whatever was changed,
 * dropped or cut before it. One line of at most 4,096 bytes.
 * runtime: that of the log: first all that was recorded so far is written, and signed; may be NULL. place: without a runtime,
 * as for tau_audit_verify; else absent.
 * out: receives the head; must not be NULL.
 * Returns: OK; NOT_FOUND or FAILED_PRECONDITION "no_audit_log"; UNAVAILABLE "audit_key_missing" when the key that signed the
 * log is not there; else as tau_audit_append.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_audit_head(tau_runtime *runtime, tau_str place, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
