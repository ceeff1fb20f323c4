'use strict';
// Identities and access, driven by the fixture that C and Python are driven by: tests/access/golden/identity.json.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const util = require('node:util');
const tau = require('libtau');
const { test } = require('./tap.js');

const fixture = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'access', 'golden', 'identity.json'), 'utf8'));
const NOW_MS = fixture.now_ms;
const LATER_MS = 4_000_000_000_000; // behind the start of any state

function identity(number, more = {}) {
  const seed = Buffer.alloc(32);
  seed.writeUInt32BE(number, 28);
  return new tau.Identity({ seed, ...more });
}

const refused = (reason, call) => assert.throws(call, { reason });
const without = (value, member) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== member));

test('keys and documents', () => {
  for (const wanted of fixture.keys) {
    assert.equal(identity(wanted.seed_number).did, wanted.did);
    assert.equal(identity(wanted.seed_number).keyId, wanted.key_id);
  }
  const { document } = fixture.did_key_documents[0];
  assert.deepEqual(tau.resolveDid(document.id).document, without(document, 'keyAgreement'));
  for (const { did, url } of fixture.did_web) {
    assert.throws(() => tau.resolveDid(did), (error) => error.reason === (url ? 'no_document' : 'invalid_did_web') &&
      (error.details.url ?? null) === url);
  }
});

test('statements are made', () => {
  const proof = identity(1).prove(fixture.proof.challenge, { audience: 'agent.example', purpose: 'pair' });
  assert.equal(proof, fixture.proof.jws.join('.'));
  const { card } = fixture.agent_card;
  assert.deepEqual(identity(3).signCard(without(card, 'signatures'),
    { issuedS: NOW_MS / 1000, expiresS: NOW_MS / 1000 + 86_400 }), card);
  const roots = identity(1).signRoots({ ...fixture.trust_roots.list, signatures: [] });
  assert.deepEqual(identity(3).signRoots(roots), fixture.trust_roots.list);
});

test('statements are judged', () => {
  const { card } = fixture.agent_card;
  const { did } = fixture.keys[3];
  assert.equal(tau.verifyCard(card, { did, nowMs: NOW_MS }).did, did);
  refused('wrong_did', () => tau.verifyCard(card, { did: fixture.keys[0].did, nowMs: NOW_MS }));
  refused('card_expired', () => tau.verifyCard(card, { nowMs: NOW_MS + 86_400_000 }));
  refused('invalid_signature', () => tau.verifyCard({ ...card, name: 'Mixture' }, { nowMs: NOW_MS }));
  const { list, digest } = fixture.trust_roots;
  assert.equal(tau.verifyRoots(list, { digest }).digest, digest);
  refused('unknown_roots', () => tau.verifyRoots(list, { digest: '00' }));
});

test('the envelope is for its audience and time', (cleanup) => {
  const { envelope, payload } = fixture.envelope;
  const access = new tau.Access({ audience: 'telegram:4711' });
  cleanup(() => access.close());
  refused('replay_window_passed', () => access.openEnvelope(envelope, payload, { nowMs: NOW_MS }));
  refused('payload_mismatch', () => access.openEnvelope(envelope, 'other', { nowMs: NOW_MS }));
  refused('envelope_expired', () => access.openEnvelope(envelope, payload, { nowMs: NOW_MS + 400_000 }));
  const other = new tau.Access({ audience: 'telegram:1' });
  cleanup(() => other.close());
  refused('wrong_audience', () => other.openEnvelope(envelope, payload, { nowMs: NOW_MS }));
});

test('a proof is accepted once by who asked', () => {
  const [access, other] = [new tau.Access({ audience: 'me' }), new tau.Access({ audience: 'me' })];
  const agent = new tau.Identity();
  const proof = agent.prove(access.challenge('pair'), { audience: 'me', purpose: 'pair' });
  refused('unknown_challenge', () => other.verifyProof(proof, { purpose: 'pair' }));
  refused('wrong_purpose', () => access.verifyProof(proof, { purpose: 'pay' }));
  refused('wrong_did', () => access.verifyProof(proof, { purpose: 'pair', did: identity(1).did }));
  const [head, payload, signature] = proof.split('.');
  const forged = signature.slice(0, -10) + (signature.at(-10) === 'A' ? 'B' : 'A') + signature.slice(-9);
  refused('invalid_signature', () => access.verifyProof([head, payload, forged].join('.'), { purpose: 'pair' }));
  assert.equal(access.verifyProof(proof, { purpose: 'pair', did: agent.did }).did, agent.did);
  refused('replayed', () => access.verifyProof(proof, { purpose: 'pair' }));
  refused('wrong_audience', () => agent.prove(access.challenge('pair'), { audience: 'somebody', purpose: 'pair' }));
});

test('an envelope is accepted once, also after a restart', (cleanup) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  const state = path.join(folder, 'state');
  const sealed = identity(2).seal('hi', { audience: 'me', id: 'm1', issuedMs: LATER_MS });
  const first = new tau.Access({ audience: 'me', state });
  assert.equal(first.openEnvelope(sealed, 'hi', { nowMs: LATER_MS }).id, 'm1');
  refused('state_busy', () => new tau.Access({ state }));
  first.close();
  const second = new tau.Access({ audience: 'me', state });
  refused('replayed', () => second.openEnvelope(sealed, 'hi', { nowMs: LATER_MS }));
  second.close();
});

test('a key shows itself to nobody', () => {
  const agent = identity(7);
  assert.equal(util.inspect(agent), `Identity { did: '${agent.did}', seed: [REDACTED] }`);
  assert.equal(util.inspect(agent.seed()), 'Secret [REDACTED]');
  assert.equal(Buffer.from(agent.seed().reveal()).readUInt32BE(28), 7);
  assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(agent))), ['did', 'keyId']);
  refused('invalid_length', () => new tau.Identity({ seed: Buffer.from('short') }));
  assert.throws(() => new tau.Identity({ seed: Buffer.alloc(0) }), RangeError);
  assert.notEqual(new tau.Identity().did, new tau.Identity().did);
});

test('a did:web is verified by its document', () => {
  const agent = identity(1, { did: 'did:web:agent.example' });
  const card = agent.signCard({ name: 'x' });
  refused('no_document', () => tau.verifyCard(card));
  const documents = { [agent.did]: agent.describe().document };
  assert.equal(tau.verifyCard(card, { did: agent.did, documents }).key_id, agent.keyId);
});

test('a policy decides', () => {
  const policy = { schema_version: 1,
    roles: { r: { allow: [{ action: 'read', resource: '*' }], deny: [{ action: '*', resource: 'x' }] } },
    bindings: [{ principal: 'alice', roles: ['r'] }] };
  const access = new tau.Access({ policy });
  assert.equal(access.check('alice', 'read', 'a').role, 'r');
  assert.equal(access.allows('bob', 'read', 'a'), false);
  assert.equal(access.explain('alice', 'read', 'x').reason, 'deny_rule');
  refused('access_denied', () => access.check('alice', 'write', 'a'));
  refused('invalid_policy', () => new tau.Access({ policy: { ...policy, more: 1 } }));
  const { code } = access.perform('pair', { channel: 'c', actor: 'alice' });
  refused('wrong_code', () => access.perform('redeem', { channel: 'c', actor: 'alice', code: '0000-0000' }));
  assert.equal(access.perform('redeem', { channel: 'c', actor: 'alice', code }).allowed, true);
});

test('a runtime holds every call to the policy', async (cleanup) => {
  const session = { action: 'session:*', resource: 'session/*' };
  const document = { schema_version: 1,
    roles: { r: { allow: [session, { action: 'tool:add', resource: 'tool/add' }] }, talks: { allow: [session] } },
    bindings: [{ principal: 'alice', roles: ['r'] }, { principal: 'bob', roles: ['talks'] }] };
  const script = { turns: [{ tool_calls: [{ name: 'add', arguments: { a: 1 } }] }, { text: 'done' }] };
  const runtime = new tau.Runtime({ config: { access: { document }, model: 'scripted/x', script } });
  cleanup(() => runtime.close());
  let calls = 0;
  const add = tau.tool({ name: 'add', parameters: { type: 'object' } }, () => { calls += 1; return 1; });
  const play = (principal, options) => runtime.agent({ tools: [add], principal }).session()
    .run('go', options).result();
  await play('bob');
  assert.equal(calls, 0);
  await play('alice');
  assert.equal(calls, 1);
  await assert.rejects(async () => play('bob', { principal: 'alice' }), { reason: 'access_denied' });
  await assert.rejects(async () => play('eve'), { reason: 'access_denied' });
});
