/* Ground rules of the C API: strings, buffers, status codes, versions.
 *
 * Strings are UTF-8. Input views (tau_str by value) need to live only during the call; ill-formed UTF-8 is an
 * INVALID_ARGUMENT, never a crash. Output views (tau_str) are borrowed for as long as their function says.
 * Owned output is a tau_buf, freed with tau_buf_free.
 *
 * Thread tags in the comments, of which docs/c-api/threads.md is the table:
 *   any        on every thread at any time, on several at once with the same handle, inside of every callback
 *   owner      on one thread at a time per object, the first argument: a second one at the same time is refused with
 *              FAILED_PRECONDITION ("queue_busy", "loop_busy", "stream_busy"). Not inside of log, notify and finalize
 *              callbacks
 *   , waits    may block for a disk or for other threads: not inside of log, notify and finalize callbacks. A call that
 *              would wait for the loop whose thread makes it is refused with FAILED_PRECONDITION "reentrant"
 *   , signals  in signal handlers, too
 * A handle may be used by whoever holds a reference of it; `_unref`, `_free`, `_drop` and the answers to a
 * tau_tool_reply end that for their caller. */
#ifndef TAU_BASE_H
#define TAU_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TAU_API __attribute__((visibility("default")))
#else
#define TAU_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* 0 is success; positive values are normal answers without data; negative values are failures, the sixteen
 * canonical codes. The set of failures is closed; a program may switch over it. */
typedef int32_t tau_status;
enum {
  TAU_OK = 0,
  TAU_DONE = 1,  /* nothing will come any more */
  TAU_AGAIN = 2, /* nothing now; wait and call again */
  TAU_CANCELLED = -1,
  TAU_UNKNOWN = -2,
  TAU_INVALID_ARGUMENT = -3,
  TAU_DEADLINE_EXCEEDED = -4,
  TAU_NOT_FOUND = -5,
  TAU_ALREADY_EXISTS = -6,
  TAU_PERMISSION_DENIED = -7,
  TAU_RESOURCE_EXHAUSTED = -8,
  TAU_FAILED_PRECONDITION = -9,
  TAU_ABORTED = -10,
  TAU_OUT_OF_RANGE = -11,
  TAU_UNIMPLEMENTED = -12,
  TAU_INTERNAL = -13,
  TAU_UNAVAILABLE = -14,
  TAU_DATA_LOSS = -15,
  TAU_UNAUTHENTICATED = -16
};

/* As tau_str.len: data ends with a NUL. */
#define TAU_STRLEN SIZE_MAX

/* A view of UTF-8 text. {NULL, 0} means absent. Embedded NULs are allowed when len counts them. */
typedef struct tau_str {
  const char *data;
  size_t len; /* bytes, or TAU_STRLEN */
} tau_str;

/* Bytes owned by the caller until tau_buf_free. data[len] is a NUL for convenience. */
typedef struct tau_buf {
  char *data;
  size_t len;
  void *owner; /* private */
} tau_buf;

/* Binary content that a JSON body refers to as "blob:N", N being its position in the array it is passed in.
 * Copied during the call. */
typedef struct tau_blob {
  tau_str mime; /* "image/png" */
  tau_str name; /* file name, may be absent */
  const void *data;
  size_t len;
} tau_blob;

typedef struct tau_error tau_error;

/* Tell the version of the package that is running, for example "0.1.0".
 * Compare with TAU_VERSION_STRING to see whether header and library agree.
 * Returns: a static string.
 * Thread: any
 * Since: 0.1 */
TAU_API const char *tau_version(void);

/* Tell the ABI version that the library speaks: major * 1000 + minor (see version.h).
 * Returns: the number; a program fits when major is equal and minor is not smaller than at its build.
 * Thread: any
 * Since: 0.1 */
TAU_API uint32_t tau_abi_version(void);

/* Ask whether a feature is built in and works: "python-tools", "dialect:openai_chat", "tool:bash", ….
 * An unknown name is 0, never an error.
 * Returns: 1 or 0.
 * Thread: any
 * Since: 0.1 */
TAU_API int32_t tau_has_feature(tau_str name);

/* Describe the build: version, ABI, features, built-in tools, dialects and known providers, as one JSON object.
 * out: receives the text; set to empty on failure. Must not be NULL.
 * Returns: OK; RESOURCE_EXHAUSTED when memory ran out.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_build_info(tau_buf *out, tau_error **err);

/* Name a status: "OK", "NOT_FOUND", ….
 * Returns: a static string; "UNKNOWN" for a number that is none.
 * Thread: any
 * Since: 0.1 */
TAU_API const char *tau_status_name(tau_status status);

/* Free what a function put into a tau_buf, and make it empty.
 * Harmless on NULL and on an empty or already freed buffer.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_buf_free(tau_buf *buf);

#ifdef __cplusplus
}
#endif

#endif
