'use strict';
// Identities: Ed25519 keys, the DIDs they speak for, and what they sign.

const native = require('./native.js');
const { Secret } = require('./vault.js');
const { dispose, given, inspect, json } = require('./values.js');

const KIND = native.tau_statement_kind;

/** A document as text: what is text already stays it. */
function text(document) {
  return typeof document === 'string' ? document : json(document);
}

/** A key that signs. Without a seed (32 bytes) a new one is made; without a did it speaks for its did:key. */
class Identity {
  constructor({ seed, did } = {}) {
    if (seed !== undefined && seed.length === 0) throw new RangeError('a private key has 32 bytes');
    Object.defineProperty(this, '_handle', { value: native.tau_identity_new(seed, did) });
    const { did: own, key_id: keyId } = this.describe();
    this.did = own;
    this.keyId = keyId;
  }

  /** The DID, the name of the key, the multikey and the DID document; no private key. */
  describe() {
    return JSON.parse(native.tau_identity_describe(this._handle));
  }

  /** The private key as a Secret, for a vault to keep. */
  seed() {
    return new Secret(native.tau_identity_seed(this._handle));
  }

  /** The answer to a challenge, when it is of whom we speak to and for what we want: a JWS. */
  prove(challenge, { audience, purpose } = {}) {
    return this._sign(KIND.PROOF, { challenge, audience, purpose });
  }

  /** The envelope of a message; the message travels beside it. Valid for five minutes unless told else. */
  seal(payload, { audience, id, issuer, keyId, issuedMs, expiresMs } = {}) {
    return JSON.parse(this._sign(KIND.ENVELOPE, { payload, audience, id, issuer, key_id: keyId, issued_ms: issuedMs,
      expires_ms: expiresMs }));
  }

  /** The agent card with one signature more, for 90 days unless told else. */
  signCard(card, { issuedS, expiresS } = {}) {
    return JSON.parse(this._sign(KIND.CARD, { card, issued_s: issuedS, expires_s: expiresS }));
  }

  /** The list of trust roots with the signature of this key. */
  signRoots(list) {
    return JSON.parse(this._sign(KIND.ROOTS, { list }));
  }

  _sign(kind, request) {
    return native.tau_identity_sign(this._handle, kind, json(given(request)));
  }

  /** Gives it back: with the last one who has it, the key is wiped. Harmless when it was closed. */
  close() {
    native.tau_identity_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  [inspect]() {
    return `Identity { did: '${this.did}', seed: [REDACTED] }`;
  }
}

/** Who signed an agent card and until when; throws when nobody did who may. */
function verifyCard(card, { did, documents, nowMs } = {}) {
  return JSON.parse(native.tau_identity_verify(KIND.CARD, text(card), json(given({ did, documents, now_ms: nowMs }))));
}

/** The version and the digest of a list of trust roots: the first one, of that digest, or the one that follows. */
function verifyRoots(list, { digest, previous, nowMs } = {}) {
  return JSON.parse(native.tau_identity_verify(KIND.ROOTS, text(list),
    json(given({ digest, previous, now_ms: nowMs }))));
}

/** The document of a DID and its keys. document: of a did:web, as it stands at its address. */
function resolveDid(did, document) {
  return JSON.parse(native.tau_did_resolve(did, text(document)));
}

module.exports = { Identity, resolveDid, text, verifyCard, verifyRoots };
