/* Errors: what a failed call tells besides its status.
 *
 * Functions that can fail take `tau_error **err` last; NULL means that the caller does not want the details.
 * On failure *err receives an error to be freed with tau_error_free; on success *err is not touched. Views
 * out of an error live as long as the error. */
#ifndef TAU_ERROR_H
#define TAU_ERROR_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Give the canonical code of an error; TAU_OK for NULL.
 * Returns: the status that the failing function returned.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_status tau_error_status(const tau_error *error);

/* Give the stable snake_case reason, for example "session_busy". Programs branch on it.
 * Returns: a view that lives as long as the error; empty for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_str tau_error_reason(const tau_error *error);

/* Give the message for people. Its wording may change in any release.
 * Returns: a view that lives as long as the error; empty for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_str tau_error_message(const tau_error *error);

/* Give more facts as one JSON object, for example {"http_status":429}.
 * Returns: a view that lives as long as the error; empty when there are none.
 * Thread: any
 * Since: 0.1 */
TAU_API tau_str tau_error_details(const tau_error *error);

/* Tell whether the same call may succeed later.
 * Returns: 1 or 0; 0 for NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API int32_t tau_error_retryable(const tau_error *error);

/* Tell how long the failing side asked to wait before a retry.
 * Returns: milliseconds; -1 when it did not say.
 * Thread: any
 * Since: 0.1 */
TAU_API int64_t tau_error_retry_after_ms(const tau_error *error);

/* Free an error. Harmless on NULL.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_error_free(tau_error *error);

#ifdef __cplusplus
}
#endif

#endif
