/* The vault: secrets in one encrypted file, each bound to the origin that may see it.
 *
 * A vault opens with any one of its keys: a passphrase, a file, a variable, an entry of the kernel's keyring, or 32 bytes
 * that the host supplies. Without a key there is no vault: none is made of what the machine is. The file's format and what
 * it protects from: docs/vault.md.
 *
 * A secret has a name, "provider/openai" or "provider/openai#access_token", and a reference, "secret://" and the name.
 * Everything else of libtau speaks of it by the reference: `providers.openai.api_key = "secret://provider/openai"` in
 * tau.toml. Functions here take either. Values go in as bytes and come out as a tau_secret; they are in no error, log,
 * JSON document or description.
 *
 * Every change is durable when its function returns OK. Several processes may have one vault open: their writers take
 * turns, and each call sees what others wrote before it. When another process rotated the master key, a vault that a
 * file, a variable or the keyring opened is opened again by itself; another fails with FAILED_PRECONDITION
 * "master_rotated" and must be opened anew. */
#ifndef TAU_VAULT_H
#define TAU_VAULT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tau_vault tau_vault;

/* Bytes that must not leak: not in a core dump, not swapped as far as RLIMIT_MEMLOCK lets us, wiped when freed. */
typedef struct tau_secret tau_secret;

/* What opens a vault. */
typedef uint32_t tau_vault_key_kind;
enum {
  TAU_VAULT_KEY_NONE = 0,        /* for tau_vault_rotate_keys: the master key and its keys stay */
  TAU_VAULT_KEY_PASSPHRASE = 1,  /* `secret`, at least 12 bytes; opening takes about 300 ms of a processor */
  TAU_VAULT_KEY_FILE = 2,        /* `name`: a private file of 64 hexadecimal digits */
  TAU_VAULT_KEY_ENVIRONMENT = 3, /* `name`: a variable of 64 hexadecimal digits; needs TAU_VAULT_USE_ENVIRONMENT */
  TAU_VAULT_KEY_KEYRING = 4,     /* `name`: an entry of the kernel's user keyring, which lasts until a restart */
  TAU_VAULT_KEY_CALLBACK = 5     /* 32 bytes of the host: in `secret`, or from `supply` */
};

/* tau_vault_key.flags */
typedef uint32_t tau_vault_key_flags;
enum {
  TAU_VAULT_KEY_MAKE = 1u /* make the file or the entry of the keyring, which must not exist, with a random key */
};

/* Writes a key of `len` bytes (32) to `key`, which starts as zeros and belongs to the library: fetch it from a key
 * management service, a desktop's keyring or hardware. Zeros that stay mean that there is none. Called on the thread of
 * the call that took the tau_vault_key, during it. */
typedef void (*tau_vault_supply_fn)(void *userdata, void *key, size_t len);

typedef struct tau_vault_key {
  uint32_t struct_size; /* sizeof(tau_vault_key) */
  tau_vault_key_kind kind;
  tau_vault_key_flags flags;
  uint32_t reserved;  /* 0 */
  const void *secret; /* the passphrase, or the host's 32 bytes; read during the call */
  size_t secret_len;
  tau_str name;  /* of the file, the variable or the entry */
  tau_str label; /* of the key in the vault, to remove it by; absent: any of the kind, and a new one is named for it */
  tau_vault_supply_fn supply; /* TAU_VAULT_KEY_CALLBACK without a secret; may be NULL */
  void *userdata;             /* of supply */
} tau_vault_key;

#define TAU_VAULT_KEY_INIT \
  { sizeof(tau_vault_key), 0, 0, 0, 0, 0, {0, 0}, {0, 0}, 0, 0 }

/* tau_vault_options.flags */
typedef uint32_t tau_vault_flags;
enum {
  TAU_VAULT_CREATE = 1u,          /* make the vault, which must not exist, and its directory when there is none */
  TAU_VAULT_USE_ENVIRONMENT = 2u, /* a key may come from the environment */
  TAU_VAULT_READ_ONLY = 4u        /* nothing is written, not even the epoch: every change fails */
};

typedef struct tau_vault_options {
  uint32_t struct_size; /* sizeof(tau_vault_options) */
  tau_vault_flags flags;
  tau_str path;         /* of the file; beside it stands "<path>.lock" */
  tau_str anchor;       /* file that remembers how far the vault has come, so that an older copy of it is noticed; absent:
                           "<path>.epochs". Put it where whoever can put back the vault's file cannot write */
  uint64_t least_epoch; /* an earlier epoch than this is refused as an older copy: what the host remembers of "epoch" of
                           tau_vault_describe. 0: nothing */
} tau_vault_options;

#define TAU_VAULT_OPTIONS_INIT \
  { sizeof(tau_vault_options), 0, {0, 0}, {0, 0}, 0 }

/* Set options to their defaults, as TAU_VAULT_OPTIONS_INIT does.
 * options: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_vault_options_init(tau_vault_options *options, uint32_t struct_size);

/* Set a key to its defaults, as TAU_VAULT_KEY_INIT does.
 * key: not NULL. struct_size: the caller's sizeof; no more bytes are written.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_vault_key_init(tau_vault_key *key, uint32_t struct_size);

/* Open a vault, or make one.
 * options, key: not NULL; read during the call only. out: receives the vault, NULL on failure; must not be NULL.
 * Returns: OK; UNAUTHENTICATED "wrong_key"; NOT_FOUND "file_not_found", "variable_not_set", "no_such_key";
 * ALREADY_EXISTS "vault_exists", "file_exists", "key_exists"; DATA_LOSS "vault_damaged", "vault_rolled_back" (an older copy of the
 * file), "anchor_damaged"; INVALID_ARGUMENT "not_a_vault", "weak_passphrase", "invalid_key"; PERMISSION_DENIED
 * "file_not_private", "environment_not_allowed"; UNAVAILABLE "keyring_unavailable", "file_locked"; UNIMPLEMENTED
 * "vault_format".
 * Thread: any, waits
 * Ownership: the caller holds one reference; tau_vault_unref.
 * Since: 0.3 */
TAU_API tau_status tau_vault_open(const tau_vault_options *options, const tau_vault_key *key, tau_vault **out,
                                  tau_error **err);

/* Take another reference.
 * vault: not NULL.
 * Returns: vault.
 * Thread: any
 * Since: 0.3 */
TAU_API tau_vault *tau_vault_ref(tau_vault *vault);

/* Give a reference back. With the last one, the runtimes' included, the keys are wiped. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_vault_unref(tau_vault *vault);

/* Store a secret under a name: a new one, or in the place of all versions of an old one.
 * name: "provider/openai", of letters, digits, ".", "_" and "-", with "/" between parts; or a reference. data: 1 to
 * 65,536 bytes, copied. origin: the only one that may see it, "https://api.openai.com"; a URL's path does not count;
 * absent: none, it is for local use. expires_ms: milliseconds since 1970; 0: never.
 * Returns: OK; INVALID_ARGUMENT "invalid_secret_name", "invalid_secret", "invalid_origin", "invalid_expiry";
 * RESOURCE_EXHAUSTED "vault_full"; and as every change: FAILED_PRECONDITION "master_rotated", "vault_read_only";
 * DATA_LOSS "vault_damaged", "vault_rolled_back"; UNAVAILABLE "file_locked"; failures of files.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_put(tau_vault *vault, tau_str name, const void *data, size_t data_len, tau_str origin,
                                 int64_t expires_ms, tau_error **err);

/* Give a secret out, for the origin that it is bound to.
 * version: 0 for the current one; else that one, which may be the one before while its grace lasts. origin: as of
 * tau_vault_put; absent: for local use. out: receives the secret, NULL on failure; must not be NULL.
 * Returns: OK; NOT_FOUND "secret_not_found"; PERMISSION_DENIED "secret_origin_mismatch"; FAILED_PRECONDITION
 * "secret_revoked", "secret_expired", "master_rotated"; DATA_LOSS "record_damaged" (also for a name that is not found while a
 * record is damaged: it may be that one), "vault_damaged", "vault_rolled_back".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_secret_free.
 * Since: 0.3 */
TAU_API tau_status tau_vault_get(tau_vault *vault, tau_str name, tau_str origin, uint32_t version, tau_secret **out,
                                 tau_error **err);

/* Give a secret a new version, with the same origin.
 * data: as of tau_vault_put. grace_ms: how long the version before stays readable by its number; 0: it is erased.
 * expires_ms: of the new version; 0: never.
 * Returns: OK; NOT_FOUND "secret_not_found"; FAILED_PRECONDITION "secret_revoked"; INVALID_ARGUMENT "invalid_secret",
 * "invalid_expiry"; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_rotate_secret(tau_vault *vault, tau_str name, const void *data, size_t data_len,
                                           int64_t grace_ms, int64_t expires_ms, tau_error **err);

/* Erase every version of a secret. Its name stays, so that who asks for it is told. Revoking twice is no error.
 * Returns: OK; NOT_FOUND "secret_not_found"; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_revoke(tau_vault *vault, tau_str name, tau_error **err);

/* Erase a secret, its name included.
 * Returns: OK; NOT_FOUND "secret_not_found"; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_remove(tau_vault *vault, tau_str name, tau_error **err);

/* Say until when the current version of a secret may be used.
 * expires_ms: milliseconds since 1970; 0: for ever.
 * Returns: OK; NOT_FOUND "secret_not_found"; FAILED_PRECONDITION "secret_revoked"; INVALID_ARGUMENT "invalid_expiry"; and as
 * tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_set_expiry(tau_vault *vault, tau_str name, int64_t expires_ms, tau_error **err);

/* Tell what is in the vault. No value of a secret and no key is in it.
 * out: receives {"path","store_id","epoch","rotating","anchor","secrets":[{"name","origin","state","version","created_ms",
 * "expires_ms"}],"keys":[{"label","kind","memory_kib","passes"}],"damaged":[{"position","claimed_name"}]}; a state is
 * "current", "previous", "expired" or "revoked". Must not be NULL.
 * Returns: OK; FAILED_PRECONDITION "master_rotated"; DATA_LOSS "vault_damaged", "vault_rolled_back".
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_vault_describe(tau_vault *vault, tau_buf *out, tau_error **err);

/* Erase the records that are damaged, when no backup can give them back.
 * Returns: OK, also when there is none; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_drop_damaged(tau_vault *vault, tau_error **err);

/* Add a key: one more way to open the vault.
 * key: not NULL; read during the call.
 * Returns: OK; ALREADY_EXISTS "slot_exists" for a label that is taken, "file_exists", "key_exists"; RESOURCE_EXHAUSTED
 * "too_many_slots" (16); those of a key of tau_vault_open; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_add_key(tau_vault *vault, const tau_vault_key *key, tau_error **err);

/* Remove the key of a label. Who knows it and kept a copy of the file is shut out by tau_vault_rotate_keys only.
 * Returns: OK; NOT_FOUND "slot_not_found"; FAILED_PRECONDITION "last_slot"; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_remove_key(tau_vault *vault, tau_str label, tau_error **err);

/* Change the master key, then the key that the secrets are encrypted with. Readers of all processes go on meanwhile.
 * Each secret is read back with the new key before the old one goes. Stopped anywhere, the same call goes on.
 * key: the one way in from now on, further ones by tau_vault_add_key; every other key stops to work, in older copies of
 * the file it goes on to. NULL or TAU_VAULT_KEY_NONE: the master and its keys stay, only the key of the secrets changes.
 * Returns: OK; FAILED_PRECONDITION "vault_has_damaged_records"; those of a key of tau_vault_open; and as tau_vault_put.
 * Thread: any, waits
 * Since: 0.3 */
TAU_API tau_status tau_vault_rotate_keys(tau_vault *vault, const tau_vault_key *key, tau_error **err);

/* Take over the secrets of a credential file of Tau that the vault does not hold yet ("enc:v1:", "enc:v2:", "enc:v3:", plain).
 * path: of the file, which stays: delete it afterwards. passphrase: of its envelopes; may be NULL with a length of 0.
 * origins: {"provider/openai":"https://api.openai.com"}, where that is not the known one of a provider; may be absent.
 * out: receives {"imported":[reference],"skipped":[{"name","reason","message"}]}; must not be NULL.
 * Returns: OK; INVALID_ARGUMENT "not_a_credential_file", "invalid_origin", "wrong_type"; NOT_FOUND "file_not_found"; and as
 * tau_vault_put.
 * Thread: any, waits
 * Ownership: the caller frees *out with tau_buf_free.
 * Since: 0.3 */
TAU_API tau_status tau_vault_import(tau_vault *vault, tau_str path, const void *passphrase, size_t passphrase_len,
                                    tau_str origins, tau_buf *out, tau_error **err);

/* Give the bytes of a secret. Copy them nowhere where they stay.
 * secret: may be NULL.
 * Returns: the bytes, which live until tau_secret_free; NULL for NULL. There is no NUL behind them.
 * Thread: any
 * Since: 0.3 */
TAU_API const void *tau_secret_data(const tau_secret *secret);

/* Tell how many bytes a secret has.
 * Returns: the number; 0 for NULL.
 * Thread: any
 * Since: 0.3 */
TAU_API size_t tau_secret_len(const tau_secret *secret);

/* Wipe a secret and free it. NULL is ignored.
 * Thread: any
 * Since: 0.3 */
TAU_API void tau_secret_free(tau_secret *secret);

#ifdef __cplusplus
}
#endif

#endif
