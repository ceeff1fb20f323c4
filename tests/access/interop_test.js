// The fixture of identities, checked by an implementation that shares nothing with libtau: Ed25519 and X25519 of
// OpenSSL, base 58 and canonical JSON as their specifications read.
'use strict';
const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('../node/tap.js');

const fixture = JSON.parse(fs.readFileSync(path.join(__dirname, 'golden', 'identity.json'), 'utf8'));
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function base58(bytes) {
  let number = BigInt('0x' + bytes.toString('hex'));
  let out = '';
  for (; number > 0n; number /= 58n) out = ALPHABET[Number(number % 58n)] + out;
  return '1'.repeat(bytes.findIndex((byte) => byte !== 0)) + out;
}

// RFC 8785: members by UTF-16 code units, numbers and strings as ECMAScript writes them.
function canonical(value) {
  if (Array.isArray(value)) return '[' + value.map(canonical).join(',') + ']';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => JSON.stringify(key) + ':' + canonical(value[key]));
  return '{' + members.join(',') + '}';
}

// The texts behind their lengths, as docs/access.md has them.
function bind(domain, ...parts) {
  return Buffer.concat([domain, ...parts].map((part) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(Buffer.byteLength(part)));
    return Buffer.concat([size, Buffer.from(part)]);
  }));
}

function keyNumber(number) {
  const seed = Buffer.alloc(32);
  seed.writeUInt32BE(number, 28);
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const secret = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const bytes = Buffer.from(crypto.createPublicKey(secret).export({ format: 'jwk' }).x, 'base64url');
  const multikey = 'z' + base58(Buffer.concat([Buffer.from([0xed, 0x01]), bytes]));
  return { secret, bytes, multikey, did: 'did:key:' + multikey, id: `did:key:${multikey}#${multikey}` };
}

const b64 = (data) => Buffer.from(data).toString('base64url');
const verifies = (key, data, signature) =>
  crypto.verify(null, Buffer.from(data), crypto.createPublicKey(key.secret), Buffer.from(signature, 'base64url'));
const without = (value, member) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== member));

test('keys', () => {
  assert.strictEqual(fixture.keys.length, 5);
  for (const wanted of fixture.keys) {
    const key = keyNumber(wanted.seed_number);
    assert.strictEqual(key.bytes.toString('hex'), wanted.public_key_hex);
    assert.strictEqual(key.did, wanted.did);
    assert.strictEqual(key.id, wanted.key_id);
  }
});

test('a proof is the JWS that anyone would make', () => {
  const { seed_number: number, challenge, jws } = fixture.proof;
  const key = keyNumber(number);
  const header = b64(canonical({ alg: 'EdDSA', kid: key.id, typ: 'tau-proof+jws' }));
  const payload = b64(canonical({ ...challenge, iss: key.did }));
  const signature = b64(crypto.sign(null, Buffer.from(`${header}.${payload}`), key.secret));
  assert.deepStrictEqual(jws, [header, payload, signature]);
});

test('an agent card', () => {
  const { seed_number: number, card } = fixture.agent_card;
  const [{ protected: header, signature }] = card.signatures;
  const payload = b64(canonical(without(card, 'signatures')));
  assert.ok(verifies(keyNumber(number), `${header}.${payload}`, signature));
  const { alg, kid, exp } = JSON.parse(Buffer.from(header, 'base64url'));
  assert.strictEqual(alg, 'EdDSA');
  assert.strictEqual(kid, keyNumber(number).id);
  assert.ok(exp > fixture.now_ms / 1000);
});

test('an envelope', () => {
  const { seed_number: number, payload, envelope } = fixture.envelope;
  assert.ok(verifies(keyNumber(number), bind('tau envelope 1', canonical(without(envelope, 'signature'))), envelope.signature));
  assert.strictEqual(crypto.createHash('sha256').update(payload).digest('base64url'), envelope.payload_hash);
});

test('trust roots', () => {
  const list = fixture.trust_roots.list;
  const signed = bind('tau trust roots 1', canonical(without(list, 'signatures')));
  const keys = [1, 2, 3].map(keyNumber);
  assert.deepStrictEqual(list.roots, keys.map((key) => key.multikey));
  assert.strictEqual(list.signatures.length, 2);
  for (const { key: multikey, signature } of list.signatures) {
    assert.ok(verifies(keys.find((key) => key.multikey === multikey), signed, signature));
  }
});
