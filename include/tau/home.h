/* Homes: the directory of a runtime as a whole. Copying it, putting a copy back, checking it, keeping it small.
 *
 * A backup is a directory of its own, mode 0700: a database without a WAL, tau.toml and the input history if there
 * are any, and backup.json, which says what it is. It is written under the name "<directory>.partial" and renamed
 * when it is whole and verified. It holds what the home holds: keep it as private. All functions here block while they
 * copy, read or remove. */
#ifndef TAU_HOME_H
#define TAU_HOME_H

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copy the home of a runtime, which goes on running.
 * What was committed when the call began is in the copy; every run that goes on meanwhile is in it as one that was
 * cut off.
 * directory: of the backup; it must not exist. out: receives
 * {"format","created_ms","schema_version","sessions","runs","open_runs","rows","entries","blobs","memories","bytes","files"};
 * must not be NULL.
 * Returns: OK; ALREADY_EXISTS "file_exists"; FAILED_PRECONDITION "no_database" with TAU_RUNTIME_NO_STORE; DATA_LOSS
 * "home_damaged" when the copy does not pass tau_home_verify; RESOURCE_EXHAUSTED "disk_full"; PERMISSION_DENIED.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_home_backup(tau_runtime *runtime, tau_str directory, tau_buf *out, tau_error **err);

/* tau_home_restore flags */
typedef uint32_t tau_home_restore_flags;
enum {
  TAU_HOME_REPLACE = 1u /* a database that is there is moved to a directory "replaced-<time>" of the home */
};

/* Put a backup in the place of a home that no program has open. The backup is verified first and stays as it is.
 * tau.toml and history of the home are kept, but for TAU_HOME_REPLACE, which moves them aside too.
 * backup, home: directories; home is made when there is none. out: receives
 * {"home","created_ms","schema_version","sessions",…,"replaced"}; "replaced" is the directory that holds what was
 * there, or "". Must not be NULL.
 * Returns: OK; FAILED_PRECONDITION "home_not_empty" without TAU_HOME_REPLACE, "backup_too_new"; UNAVAILABLE
 * "home_busy" while a runtime of any process has the home open; NOT_FOUND "no_backup"; DATA_LOSS "backup_damaged".
 * The home is unchanged after each of these.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_home_restore(tau_str backup, tau_str home, tau_home_restore_flags flags, tau_buf *out,
                                    tau_error **err);

/* Check a home or a backup, also one that is in use: pages of the database, references between its rows, digests of
 * bodies, the hash chain of every run, permissions of the files. Writes nothing.
 * home: a directory. out: receives
 * {"home","sound","schema_version","sessions",…,"problems":[{"reason","message"}]}; must not be NULL.
 * Returns: OK when nothing is wrong; DATA_LOSS "home_damaged" otherwise (*out is filled all the same, and the details of the
 * error are the report), and DATA_LOSS "database_corrupt" when nothing can be read; NOT_FOUND "no_such_database"; FAILED_PRECONDITION "database_too_new" or
 * "database_too_old".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_home_verify(tau_str home, tau_buf *out, tau_error **err);

/* Remove sessions until the home keeps limits, the ones that did not change for longest first. Sessions that a program
 * is writing stay. The configuration keys retention.* make a runtime do the same by itself, in idle moments.
 * limits: {"max_age_days","max_bytes","dry_run"}, each optional; what is not said comes from the configuration; may be
 * absent. With "dry_run":true nothing changes. out: receives
 * {"dry_run","count","spared","bytes_before","bytes_after","removed":[id,…]}, at most 1,000 ids; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "no_limit" when nobody says any, "unknown_key", "wrong_type", "bad_value";
 * FAILED_PRECONDITION "no_database".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_home_prune(tau_runtime *runtime, tau_str limits, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
