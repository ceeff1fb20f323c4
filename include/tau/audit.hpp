// The audit log: verifying, reading and summing it up, with or without a runtime (tau/audit.h).
#ifndef TAU_AUDIT_HPP
#define TAU_AUDIT_HPP

#include <tau/audit.h>

#include <tau/run.hpp>
#include <tau/runtime.hpp>

namespace tau {
inline namespace v0 {

// Verifies the log of a home, or one that is named itself, as a JSON report (tau_audit_verify). kept_head: one of
// audit_head that was kept elsewhere; public_key: 64 hexadecimal digits.
// Errors: kDataLoss "audit_log_damaged" (the report is there all the same); kNotFound "no_audit_log";
// kInvalidArgument "invalid_key".
// Thread: any; blocks while it reads.
inline Outcome verify_audit(std::string_view place, std::string_view kept_head = {},
                            std::string_view public_key = {}) {
  return detail::outcome_of(tau_audit_verify, detail::str(place), detail::str(kept_head),
                            detail::str(public_key));
}

// Records from a cursor on, as JSON: "-20", or "next" of an answer (tau_audit_read).
// Errors: kNotFound "no_audit_log"; kInvalidArgument "invalid_cursor"; kOutOfRange "bad_limit".
// Thread: any; blocks while it reads.
inline Result<Text> read_audit(std::string_view place, std::string_view cursor = {}, uint32_t limit = 0) {
  return detail::text_of(tau_audit_read, detail::str(place), detail::str(cursor), limit);
}

// Sums of logs, as JSON; paths: a JSON array of files, folders and homes (tau_audit_summary).
// Errors: kNotFound "no_audit_log", "file_not_found"; kInvalidArgument "wrong_type".
// Thread: any; blocks while it reads.
inline Result<Text> summarise_audit(std::string_view paths, std::string_view bytes = {}) {
  return detail::text_of(tau_audit_summary, detail::str(paths), detail::str(bytes));
}

// Appends a record of the program's own, a JSON object (tau_audit_append).
// Errors: kInvalidArgument "reserved_kind", …; kFailedPrecondition "no_audit_log"; kResourceExhausted "disk_full".
// Thread: any; blocks until it is in the log.
inline Result<void> append_audit(const Runtime& runtime, std::string_view record) {
  return detail::done(tau_audit_append, runtime.c(), detail::str(record));
}

// The newest signed head of a runtime's log, over all that was recorded so far, to keep elsewhere (tau_audit_head).
// Errors: kFailedPrecondition "no_audit_log"; kUnavailable "audit_key_missing".
// Thread: any; blocks while it writes.
inline Result<Text> audit_head(const Runtime& runtime) {
  return detail::text_of(tau_audit_head, runtime.c(), detail::str({}));
}

// That of a home, or of the folder of a log, as it stands there.
// Errors: kNotFound "no_audit_log".
// Thread: any.
inline Result<Text> audit_head(std::string_view place) {
  return detail::text_of(tau_audit_head, static_cast<tau_runtime*>(nullptr), detail::str(place));
}

}  // namespace v0
}  // namespace tau

#endif
