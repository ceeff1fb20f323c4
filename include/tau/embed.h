/* Embeddings: the vectors of texts, asked of the same providers and routes as messages, under the same limits, budgets,
 * retries and deadlines. Dialects: OpenAI's (and what copies it), Gemini's, Cohere's, Ollama's. */
#ifndef TAU_EMBED_H
#define TAU_EMBED_H

#include "base.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ask a model for the vectors of texts. They are sent in as many requests as the provider's limits make of them, and what
 * the scanner of the runtime knows as a secret is taken out before.
 * request: JSON, {"model":"openai/text-embedding-3-small","texts":["…","…"]}; the model may be a route ("route/NAME").
 * Optional: "input_type", what the vectors are for ("document", "query", "classification", "clustering", "similarity", or
 * what the provider knows); "dimensions"; "timeout_ms", 0 means 60,000; "principal", who asks.
 * vectors: receives float32 numbers in little endian, row by row in the order of the texts: len is 4 * dimensions * texts.
 * Must not be NULL.
 * report: receives {"model","count","dimensions","input_tokens","cost_usd_micros","requests"}, JSON; may be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_texts", "invalid_model_reference", "unknown_key", "wrong_type"; UNIMPLEMENTED
 * "no_embeddings" for a model whose provider has none; PERMISSION_DENIED "access_denied"; DATA_LOSS "invalid_response" for
 * vectors that are too few, not finite or not all of one length; DEADLINE_EXCEEDED "embed_timeout"; CANCELLED
 * "runtime_stopped"; and what model calls fail with.
 * Thread: any, waits
 * Ownership: the caller frees *vectors and *report with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_embed(tau_runtime *runtime, tau_str request, tau_buf *vectors, tau_buf *report, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
