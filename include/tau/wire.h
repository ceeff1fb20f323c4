/* Codecs: translate between the dialects that model providers speak and libtau's neutral messages. Pure functions, no
 * runtime, no network. Dialects: "openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse",
 * "cohere_chat", "ollama_chat". Neutral JSON: docs/schema/message.json, docs/schema/response.json. */
#ifndef TAU_WIRE_H
#define TAU_WIRE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a document is. Those of embeddings are of the dialects "openai_embeddings", "gemini_embeddings",
 * "cohere_embeddings" and "ollama_embeddings", and without quirks; neutral are
 * {"model","texts","input_type","dimensions","encoding"} and {"model","dimensions","vectors":[[…]],"usage"}. */
typedef uint32_t tau_wire_kind;
enum {
  TAU_WIRE_REQUEST = 0,
  TAU_WIRE_RESPONSE = 1,
  TAU_WIRE_EMBED_REQUEST = 2,
  TAU_WIRE_EMBED_RESPONSE = 3
};

/* Translate a document of a dialect into neutral JSON.
 * quirks: JSON object of a provider's habits, for example {"text_tool_calls":true}; absent: none.
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT (not JSON, not of the dialect: the message names the member; "unknown_dialect").
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_wire_decode(tau_str dialect, tau_wire_kind kind, tau_str quirks, tau_str body, tau_buf *out,
                                   tau_error **err);

/* Translate neutral JSON into a document of a dialect.
 * Returns: as tau_wire_decode.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_wire_encode(tau_str dialect, tau_wire_kind kind, tau_str quirks, tau_str neutral,
                                   tau_buf *out, tau_error **err);

/* Read an answer whose HTTP status is not 2xx as a typed error, which is what a run would fail with:
 * {"code","reason","message","retryable"}, and "retry_after_ms" and "details" when there are any.
 * headers: JSON object of strings, of which the times to try again are read; absent: none. body: any bytes.
 * out: receives the JSON. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_dialect", "invalid_headers", or "invalid_status" for a status below 300.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.2 */
TAU_API tau_status tau_wire_decode_error(tau_str dialect, uint32_t http_status, tau_str headers, tau_str body,
                                         tau_buf *out, tau_error **err);

/* Translates one streamed response: a dialect's bytes to neutral events, or the reverse. */
typedef struct tau_wire_stream tau_wire_stream;

/* Begin to decode the response stream of a dialect: server-sent events, of "ollama_chat" lines of JSON, of
 * "bedrock_converse" binary messages (application/vnd.amazon.eventstream).
 * quirks: as for tau_wire_decode. out: receives the decoder, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_dialect", or an unknown quirk.
 * Thread: any
 * Ownership: the caller owns *out; tau_wire_stream_free.
 * Since: 0.1 */
TAU_API tau_status tau_wire_stream_new(tau_str dialect, tau_str quirks, tau_wire_stream **out, tau_error **err);

/* Begin to encode: the stream takes neutral events, as lines that a decoder gives, and gives the bytes of a dialect's
 * response stream. {"event":"error","error":{…}}, with an error as tau_wire_decode_error gives it, ends a
 * stream that fails.
 * out: receives the encoder, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "unknown_dialect".
 * Thread: any
 * Ownership: the caller owns *out; tau_wire_stream_free.
 * Since: 0.2 */
TAU_API tau_status tau_wire_stream_encoder_new(tau_str dialect, tau_wire_stream **out, tau_error **err);

/* Feed bytes, in any split, and get what they complete: of a decoder the events as JSON lines,
 * {"event":"text","part":0,"text":"…"}, of an encoder the bytes of the dialect.
 * bytes: need not be UTF-8 at their edges. out: receives the text, perhaps none; must not be NULL.
 * Returns: OK; the provider's own failure when the stream carries one; INVALID_ARGUMENT for a malformed stream, or for
 * events that are not known or out of order ("invalid_event"); FAILED_PRECONDITION "stream_busy" while another thread is
 * in the stream. Any other failure is final.
 * Thread: owner
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_wire_stream_feed(tau_wire_stream *stream, tau_str bytes, tau_buf *out, tau_error **err);

/* End the stream and get what is left. The final line of a decoder, {"event":"finish","response":{…}}, comes from here
 * or from the feed that completed the stream.
 * Returns: OK; UNAVAILABLE "stream_truncated" when the dialect's terminal mark, or the final event, never came; the
 * failure of an earlier feed; FAILED_PRECONDITION "stream_busy".
 * Thread: owner
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.1 */
TAU_API tau_status tau_wire_stream_end(tau_wire_stream *stream, tau_buf *out, tau_error **err);

/* Free a decoder or encoder. NULL is ignored.
 * Thread: any
 * Since: 0.1 */
TAU_API void tau_wire_stream_free(tau_wire_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
