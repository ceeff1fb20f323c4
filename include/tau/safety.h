/* Scanners: find secrets in text, whole or streamed, and take them out. What they know: docs/safety.md. Beside them, each a
 * function alone: whether a URL may be reached, and what in a text looks like a prompt injection.
 *
 * A runtime has one scanner, through which every text of its runs passes; a program may take it to register secrets of its
 * own, and may make others, without a runtime. Texts are bytes; a finding tells where something stands, and never holds
 * it. */
#ifndef TAU_SAFETY_H
#define TAU_SAFETY_H

#include "base.h"
#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The secrets and rules that are looked for. */
typedef struct tau_scanner tau_scanner;

/* tau_scanner_options.flags */
typedef uint32_t tau_scanner_flags;
enum {
  TAU_SCANNER_EXACT = 1u,           /* registered secrets alone, no credentials of others */
  TAU_SCANNER_PERSONAL_SIGNALS = 2u /* personal data is found and stays where it stands */
};

typedef struct tau_scanner_options {
  uint32_t struct_size; /* sizeof(tau_scanner_options) */
  tau_scanner_flags flags;
  tau_str rules; /* a bundle, as for tau_scanner_replace_rules; absent: the built-in rules */
  tau_str pii;   /* classes of personal data, a JSON array: ["email","card"] (docs/safety.md); absent: none */
} tau_scanner_options;

#define TAU_SCANNER_OPTIONS_INIT \
  { sizeof(tau_scanner_options), 0, {0, 0}, {0, 0} }

/* Set options to their defaults, as TAU_SCANNER_OPTIONS_INIT does, for callers without macros.
 * options: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_scanner_options_init(tau_scanner_options *options, uint32_t struct_size);

/* Make a scanner.
 * options: may be NULL for defaults; read during the call only.
 * out: receives the scanner, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_rules" (the message names rule and member), "invalid_pii" for what is no array
 * of classes.
 * Thread: any
 * Ownership: the caller holds one reference; tau_scanner_unref.
 * Since: 0.3 */
TAU_API tau_status tau_scanner_new(const tau_scanner_options *options, tau_scanner **out, tau_error **err);

/* Give the scanner of a runtime. What is registered there counts for all its runs from their next text on. It knows the
 * keys of the providers that are configured.
 * out: receives the scanner, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL; FAILED_PRECONDITION "forked".
 * Thread: any
 * Ownership: the caller holds one reference; tau_scanner_unref. It may outlive the runtime.
 * Since: 0.3 */
TAU_API tau_status tau_runtime_scanner(tau_runtime *runtime, tau_scanner **out, tau_error **err);

/* Take another reference.
 * scanner: not NULL.
 * Returns: scanner.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_scanner *tau_scanner_ref(tau_scanner *scanner);

/* Give a reference back. Redactors that were made with it go on. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_scanner_unref(tau_scanner *scanner);

/* Register a secret: from now on it is found in every usual encoding. It is kept as keyed hashes, not as itself. Another
 * value under the same id is known beside the first: one that was rotated may still turn up.
 * id: what findings call it; not a secret. secret: any bytes.
 * Returns: OK; INVALID_ARGUMENT "secret_too_short" for less than 8 bytes, which text of every kind holds by accident, or
 * "secret_too_long" for more than 16 KiB.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_status tau_scanner_add_secret(tau_scanner *scanner, tau_str id, tau_str secret, tau_error **err);

/* Forget every secret of an id.
 * Returns: OK; NOT_FOUND "secret_not_found".
 * Thread: any
 * Since: 0.3 */
TAU_API tau_status tau_scanner_remove_secret(tau_scanner *scanner, tau_str id, tau_error **err);

/* Replace the rules. Texts under way end under the rules they began with. Rules that are marked as floor stay whatever a
 * bundle says.
 * bundle: JSON, see docs/safety.md.
 * Returns: OK; INVALID_ARGUMENT "invalid_rules" (nothing changed); FAILED_PRECONDITION "rules_outdated" for a revision
 * lower than the one in force.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_status tau_scanner_replace_rules(tau_scanner *scanner, tau_str bundle, tau_error **err);

/* Tell what is looked for, as JSON: {"epoch":1,"rules":["…"],"secrets":["…"]}, both as ids; epoch 0: no rules.
 * out: receives the text. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_scanner_describe(tau_scanner *scanner, tau_buf *out, tau_error **err);

/* Find what stands in a text: a JSON array of {"rule","subject","offset","length","fingerprint","confidence"}, offsets and
 * lengths in bytes, without overlaps, in order. subject: the id of a registered secret. fingerprint: equal for equal
 * text, keyed for this process. confidence: "certain" or "likely". "signal":true where redaction leaves it.
 * out: receives the text. Must not be NULL.
 * Returns: OK, also when nothing was found.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_scanner_scan(tau_scanner *scanner, tau_str text, tau_buf *out, tau_error **err);

/* Give a text with "[redacted:RULE]" in the place of what was found.
 * out: receives the text. Must not be NULL.
 * Returns: OK, also when nothing was found.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_scanner_redact(tau_scanner *scanner, tau_str text, tau_buf *out, tau_error **err);

/* Tell whether a URL may be reached, and as what it is read. Nothing is resolved and nothing is sent: whoever sends the
 * request checks the addresses that the name leads to, and each redirect, in the same way.
 * url: any text. rules: JSON, absent for https to public hosts on the scheme's own port: {"http":true,"ports":[8443],
 * "any_port":true,"hosts":["*.example.com"],"denied_hosts":["…"],"private_origins":["http://127.0.0.1:8080"],
 * "base":"https://…","addresses":["192.0.2.1"]}, each may be left out. hosts: the only ones. private_origins: may be
 * reached though private. base: what the URL is relative to. addresses: what its name resolved to.
 * out: receives {"verdict","reason","message","url","host","port","address","user_information"}. verdict: "allow";
 * "deny", with a reason of docs/egress.md and a message; "resolve": the name may be asked for, its addresses decide. url,
 * host and port: as it is read by the WHATWG URL standard; not there when it cannot be read. address: whether the host is
 * an IP address. Must not be NULL.
 * Returns: OK, whatever the verdict is; INVALID_ARGUMENT "unknown_key", "wrong_type", "invalid_egress_rule",
 * "invalid_address" or of malformed JSON (the message names the member).
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_url_check(tau_str url, tau_str rules, tau_buf *out, tau_error **err);

/* Who says a text: a person may ask a model for anything, what a tool returns has no business to. */
typedef uint32_t tau_text_channel;
enum { TAU_TEXT_OF_TOOL = 0, TAU_TEXT_OF_USER = 1 };

/* Tell what in a text looks like an attempt to give a model orders. Signals are no gate: a text without any may be an
 * attack, and docs/monitor.md tells how many are.
 * text: any bytes, as a whole.
 * out: receives a JSON array of {"family","offset","score"}, at most one of a family. offset: about where, in bytes. score: from
 * 0 to 1, how seldom honest text says such a thing: a rank, no probability. Must not be NULL.
 * Returns: OK, also when there is none; INVALID_ARGUMENT "unknown_channel".
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_injection_signals(tau_str text, tau_text_channel channel, tau_buf *out, tau_error **err);

/* Takes secrets out of one text that comes in pieces. */
typedef struct tau_redactor tau_redactor;

/* Begin a text. It is looked at for what the scanner knows now.
 * out: receives the redactor, NULL on failure. Must not be NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any
 * Ownership: the caller owns *out; tau_redactor_free.
 * Since: 0.3 */
TAU_API tau_status tau_redactor_new(tau_scanner *scanner, tau_redactor **out, tau_error **err);

/* Feed a piece, in any split, and get what may go on: mostly all but the last word, never in the middle of a character.
 * out: receives the text, perhaps none; must not be NULL.
 * Returns: OK; FAILED_PRECONDITION "redactor_busy" while another thread is in it. After a lack of memory the text is lost,
 * and only tau_redactor_free may be called.
 * Thread: owner
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_redactor_feed(tau_redactor *redactor, tau_str piece, tau_buf *out, tau_error **err);

/* Get what is held back, for a reader who has waited long enough. It is still looked at together with what follows: of a
 * secret that goes on, only what follows is taken out.
 * Returns: as tau_redactor_feed.
 * Thread: owner
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_redactor_flush(tau_redactor *redactor, tau_buf *out, tau_error **err);

/* End the text and get what is left. The redactor is ready for another text.
 * Returns: as tau_redactor_feed.
 * Thread: owner
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_redactor_finish(tau_redactor *redactor, tau_buf *out, tau_error **err);

/* Free a redactor. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_redactor_free(tau_redactor *redactor);

#ifdef __cplusplus
}
#endif

#endif
