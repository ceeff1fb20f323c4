/* Identities: Ed25519 keys and the DIDs they speak for; what they sign, and who signed it.
 *
 * A DID is did:key (the key itself) or did:web (a document at an https address of its owner). An identity signs four kinds
 * of statements, from requests in JSON whose members docs/identity.md lists:
 *   TAU_STATEMENT_PROOF     {"challenge":{…},"audience":"…","purpose":"…"}      that it holds the key: a JWS
 *   TAU_STATEMENT_ENVELOPE  {"id":"…","audience":"…","payload":"…"}             that it sent a message: JSON
 *   TAU_STATEMENT_CARD      {"card":{…}}                                        an agent card (A2A): JSON
 *   TAU_STATEMENT_ROOTS     {"list":{…}}                                        a list of trust roots: JSON
 * Cards and lists of roots are judged by tau_identity_verify. Proofs and envelopes are accepted once, which takes a memory:
 * tau_access_perform. Nothing here uses the network. The private key goes out through tau_identity_seed alone, for a vault to
 * keep; it is in no description, error or statement. */
#ifndef TAU_IDENTITY_H
#define TAU_IDENTITY_H

#include "base.h"
#include "vault.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_identity tau_identity;

/* What is signed. */
typedef uint32_t tau_statement_kind;
enum {
  TAU_STATEMENT_PROOF = 1,    /* of the possession of a key, for one challenge */
  TAU_STATEMENT_ENVELOPE = 2, /* around a message to somebody */
  TAU_STATEMENT_CARD = 3,     /* of an agent */
  TAU_STATEMENT_ROOTS = 4     /* keys, and for whom they speak */
};

/* Make an identity from its private key, or with a new one.
 * seed: 32 bytes (RFC 8032), copied; NULL with a length of 0: a new key of the system's randomness. did: a did:web that the key
 * speaks for, with "#name" where its document calls it something else than its multikey; absent: the did:key of the key. out:
 * receives the identity, NULL on failure; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_length", "invalid_did", "invalid_did_web", "wrong_did"; UNIMPLEMENTED for DIDs of other
 * methods.
 * Thread: any
 * Ownership: the caller holds one reference; tau_identity_unref.
 * Since: 0.3 */
TAU_API tau_status tau_identity_new(const void *seed, size_t seed_len, tau_str did, tau_identity **out,
                                    tau_error **err);

/* Take another reference.
 * identity: not NULL.
 * Returns: identity.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_identity *tau_identity_ref(tau_identity *identity);

/* Give a reference back. With the last one the key is wiped. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_identity_unref(tau_identity *identity);

/* Tell who it is. No private key is in it.
 * out: receives {"did","key_id","multikey","document"}, and of a did:web "url", where the document has to stand. Must not be
 * NULL.
 * Returns: OK; INVALID_ARGUMENT for NULL.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_identity_describe(tau_identity *identity, tau_buf *out, tau_error **err);

/* Give the private key out, to be put into a vault.
 * out: receives the 32 bytes, NULL on failure; must not be NULL.
 * Returns: OK; FAILED_PRECONDITION "forked".
 * Thread: any
 * Ownership: the caller frees *out with tau_secret_free.
 * Since: 0.3 */
TAU_API tau_status tau_identity_seed(tau_identity *identity, tau_secret **out, tau_error **err);

/* Sign a statement.
 * request: JSON, see above. Times that it does not say are the system's. out: receives the statement; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_request", "wrong_audience" and "wrong_purpose" (the challenge asks for something else),
 * "invalid_challenge", "invalid_envelope", "invalid_card", "invalid_validity", "invalid_trust_roots"; FAILED_PRECONDITION "forked".
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_identity_sign(tau_identity *identity, tau_statement_kind kind, tau_str request, tau_buf *out,
                                     tau_error **err);

/* Judge a statement that holds whenever it is seen: a card or a list of roots.
 * statement: its text. request: what is expected of it, JSON: of a card {"did":"…","documents":{did: document}}, of roots
 * {"digest":"…"} for a first list or {"previous":{…}} for one that follows; may be absent for a card. out: receives who signed it
 * and until when, or the version and digest of the list; must not be NULL.
 * Returns: OK; UNAUTHENTICATED with why it is not accepted: "invalid_signature", "card_unsigned", "card_expired",
 * "wrong_did", "unknown_key", "unknown_roots", "too_few_signatures", …; INVALID_ARGUMENT for what is malformed;
 * FAILED_PRECONDITION "no_document" with {"url"} as details for a did:web that `documents` lacks, "roots_version_gap",
 * "roots_rollback", "roots_expired", "key_unrevoked", "needs_memory" for proofs and envelopes.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_identity_verify(tau_statement_kind kind, tau_str statement, tau_str request, tau_buf *out,
                                       tau_error **err);

/* Read a DID: the keys that may speak for it. The document of a did:key is made, that of a did:web is given.
 * did: without "#name". document: of a did:web, the JSON that stands at its address, fetched by the caller without following a
 * redirect to another origin; absent for a did:key. out: receives {"did","document","keys":[{"id","multikey","relationships"}]},
 * of a did:web "url" too; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "invalid_did", "invalid_did_web", "invalid_multikey", "unsupported_key_type",
 * "invalid_did_document", "private_key_published"; FAILED_PRECONDITION "no_document" with {"url"} as details; UNIMPLEMENTED for DIDs of
 * other methods.
 * Thread: any
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_did_resolve(tau_str did, tau_str document, tau_buf *out, tau_error **err);

#ifdef __cplusplus
}
#endif

#endif
