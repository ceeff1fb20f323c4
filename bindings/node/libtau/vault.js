'use strict';
// The vault: secrets in one encrypted file, each bound to the origin that may see it.

const native = require('./native.js');
const { checkOptions, dispose, expand, inspect, json } = require('./values.js');

const HIDDEN = '[REDACTED]';
const KINDS = { passphrase: 'PASSPHRASE', keyFile: 'FILE', keyVariable: 'ENVIRONMENT', keyring: 'KEYRING', key: 'CALLBACK' };
const KEY = new Set([...Object.keys(KINDS), 'label', 'make']);
const OPEN = new Set([...KEY, 'create', 'environment', 'readOnly', 'anchor', 'leastEpoch']);

/** The key that the options name; a tau_vault_key. */
function keyOf(what, options) {
  const named = Object.keys(KINDS).filter((name) => options[name] !== undefined && options[name] !== null);
  if (named.length !== 1) throw new TypeError(`${what}: name one key: ${Object.keys(KINDS).join(', ')}`);
  const [name] = named;
  const bytes = name === 'passphrase' || name === 'key';
  return {
    kind: native.tau_vault_key_kind[KINDS[name]],
    flags: options.make ? native.tau_vault_key_flags.MAKE : 0,
    secret: bytes ? options[name] : undefined,
    name: bytes ? undefined : name === 'keyFile' ? expand(options[name]) : options[name],
    label: options.label,
  };
}

/** Milliseconds since 1970 of a Date or a number; 0 for never. */
function time(when) {
  return when instanceof Date ? when.getTime() : when ?? 0;
}

/** Bytes that show themselves to nobody who does not ask: reveal(). */
class Secret {
  constructor(handle) {
    Object.defineProperty(this, '_handle', { value: handle });
  }

  /** A copy of the bytes. The library wipes its own; fill(0) wipes this one. */
  reveal() {
    return native.secret_bytes(this._handle);
  }

  /** Wipes it. Harmless when that was done. */
  close() {
    native.tau_secret_free(this._handle);
  }

  [dispose]() {
    this.close();
  }

  toString() {
    return HIDDEN;
  }

  toJSON() {
    return HIDDEN;
  }

  [inspect]() {
    return `Secret ${HIDDEN}`;
  }
}

/** Secrets in one file. Values go in as bytes (Buffer, Uint8Array) and come out as Secret. */
class Vault {
  constructor(path, options = {}) {
    checkOptions('Vault', options, OPEN);
    const flag = native.tau_vault_flags;
    const { create, environment, readOnly, anchor, leastEpoch } = options;
    this._handle = native.tau_vault_open({
      flags: (create ? flag.CREATE : 0) | (environment ? flag.USE_ENVIRONMENT : 0) | (readOnly ? flag.READ_ONLY : 0),
      path: expand(path),
      anchor: expand(anchor),
      least_epoch: leastEpoch,
    }, keyOf('Vault', options));
  }

  /** Stores a secret for one origin, in the place of all versions of an old one; without an origin for local use. */
  put(name, value, { origin, expires } = {}) {
    native.tau_vault_put(this._handle, name, value, origin, time(expires));
  }

  /** The Secret of that name, for its origin. version: the one before while it lasts; else the current one. */
  get(name, { origin, version = 0 } = {}) {
    return new Secret(native.tau_vault_get(this._handle, name, origin, version));
  }

  /** A new version; the one before stays readable by its number for graceMs. */
  rotateSecret(name, value, { graceMs = 0, expires } = {}) {
    native.tau_vault_rotate_secret(this._handle, name, value, graceMs, time(expires));
  }

  /** Erases every version; the name stays, so that who asks for it is told. */
  revoke(name) {
    native.tau_vault_revoke(this._handle, name);
  }

  /** Erases a secret, its name included. */
  remove(name) {
    native.tau_vault_remove(this._handle, name);
  }

  /** Until when the current version may be used: a Date, or milliseconds since 1970; absent: for ever. */
  setExpiry(name, expires) {
    native.tau_vault_set_expiry(this._handle, name, time(expires));
  }

  /** What is in it: names, origins, states, times, keys. No value. */
  describe() {
    return JSON.parse(native.tau_vault_describe(this._handle));
  }

  /** Erases the records that are damaged. */
  dropDamaged() {
    native.tau_vault_drop_damaged(this._handle);
  }

  /** Adds a way in. */
  addKey(options) {
    checkOptions('addKey', options, KEY);
    native.tau_vault_add_key(this._handle, keyOf('addKey', options));
  }

  /** Removes a way in by its label. */
  removeKey(label) {
    native.tau_vault_remove_key(this._handle, label);
  }

  /** A new master key that the given key alone opens, and a new key of the secrets; without a key only the latter. */
  rotateKeys(options) {
    if (options !== undefined) checkOptions('rotateKeys', options, KEY);
    native.tau_vault_rotate_keys(this._handle, options === undefined ? {} : keyOf('rotateKeys', options));
  }

  /** Takes over the secrets of a credential file of Tau; what went in and what did not. */
  importFile(path, { passphrase, origins } = {}) {
    return JSON.parse(native.tau_vault_import(this._handle, expand(path), passphrase, json(origins)));
  }

  /** Gives it back: with the last one who has it, the keys are wiped. Harmless when it was closed. */
  close() {
    native.tau_vault_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  [inspect]() {
    return 'Vault {}';
  }
}

module.exports = { Secret, Vault };
