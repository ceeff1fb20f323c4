'use strict';
// Access: who may do what, who is admitted, and what is accepted once.

const native = require('./native.js');
const { TauError } = require('./errors.js');
const { text } = require('./identity.js');
const { checkOptions, dispose, expand, given, inspect, json } = require('./values.js');

const OPTIONS = new Set(['policy', 'audience', 'state']);

/** What decides of others. Without a policy nobody may do anything; without a state a restart forgets. */
class Access {
  constructor(options = {}) {
    checkOptions('Access', options, OPTIONS);
    const { policy, audience, state } = options;
    this._handle = native.tau_access_open({ policy: text(policy), audience, state: expand(state) });
  }

  /** The rule that allows it; throws PERMISSION_DENIED "access_denied" with why as details. */
  check(principal, action, resource) {
    return JSON.parse(native.tau_access_check(this._handle, principal, action, resource));
  }

  /** The same, allowed or not. */
  explain(principal, action, resource) {
    try {
      return this.check(principal, action, resource);
    } catch (error) {
      if (error instanceof TauError && error.reason === 'access_denied') return error.details;
      throw error;
    }
  }

  /** Whether somebody may do something. */
  allows(principal, action, resource) {
    return this.explain(principal, action, resource).allowed === true;
  }

  /** Asks for a proof, to be answered by Identity.prove. */
  challenge(purpose) {
    return this.perform('challenge', { purpose });
  }

  /** Accepts the answer to a challenge once; did and key_id of who answered. */
  verifyProof(proof, { purpose, did, documents } = {}) {
    return this.perform('verify', { kind: 'proof', proof, purpose, did, documents });
  }

  /** Accepts a message once in its whole validity; who sent it. */
  openEnvelope(envelope, payload, { documents, nowMs } = {}) {
    return this.perform('verify', { kind: 'envelope', envelope, payload, documents, now_ms: nowMs });
  }

  /** Any request of tau/access.h: perform('pair', { channel: 'telegram', actor: 'alice' }). */
  perform(op, members = {}) {
    return JSON.parse(native.tau_access_perform(this._handle, json({ ...given(members), op })));
  }

  /** Gives it back: with the last one who has it, the file is free for others. Harmless when it was closed. */
  close() {
    native.tau_access_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  [inspect]() {
    return 'Access {}';
  }
}

module.exports = { Access };
