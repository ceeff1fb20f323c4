'use strict';
// The vault: bytes in, Secret out; what is shown of it; a runtime that looks references up.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const util = require('node:util');
const tau = require('libtau');
const { test } = require('./tap.js');

const ORIGIN = 'https://api.example.com';
const KEY = Buffer.alloc(32, 5);

function folderOf(cleanup) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

function make(cleanup, folder = folderOf(cleanup)) {
  const file = path.join(folder, 'inner', 'vault');
  const vault = new tau.Vault(file, { key: KEY, create: true });
  cleanup(() => vault.close());
  return { vault, file, folder };
}

const text = (secret) => Buffer.from(secret.reveal()).toString();

test('a secret comes back for its origin alone', (cleanup) => {
  const { vault, file } = make(cleanup);
  vault.put('provider/example', Buffer.from('one two'), { origin: ORIGIN });
  vault.close();
  vault.close();
  assert.throws(() => vault.describe(), { reason: 'closed' });
  const again = new tau.Vault(file, { key: KEY });
  cleanup(() => again.close());
  const secret = again.get('secret://provider/example', { origin: `${ORIGIN}/v1` });
  assert.equal(text(secret), 'one two');
  secret.close();
  assert.throws(() => secret.reveal(), { reason: 'closed' });
  assert.throws(() => again.get('provider/example', { origin: 'https://other.example.com' }), (error) => {
    assert.equal(error.reason, 'secret_origin_mismatch');
    assert.ok(!util.inspect(error).includes('one two'));
    return true;
  });
  assert.throws(() => again.get('provider/none'), { code: 'NOT_FOUND' });
});

test('a secret shows itself to nobody', (cleanup) => {
  const { vault } = make(cleanup);
  vault.put('a', Buffer.from('hidden-value'));
  const secret = vault.get('a');
  const shown = [util.inspect(secret), `${secret}`, JSON.stringify({ secret }), util.inspect({ secret }, { depth: 9, showHidden: true }),
    util.format('%s %o %j', secret, secret, secret), JSON.stringify(vault), util.inspect(vault, { showHidden: true }),
    JSON.stringify(vault.describe())];
  for (const line of shown) assert.ok(!line.includes('hidden-value'), line);
  for (const line of shown.slice(0, 4)) assert.ok(line.includes('[REDACTED]'), line);
  assert.equal(text(secret), 'hidden-value');
});

test('values are bytes', (cleanup) => {
  const { vault, file } = make(cleanup);
  for (const wrong of ['text', 7, {}, new Uint16Array(4)]) assert.throws(() => vault.put('a', wrong), TypeError);
  for (const none of [undefined, null, new Uint8Array(0)]) assert.throws(() => vault.put('a', none), { reason: 'invalid_secret' });
  assert.throws(() => new tau.Vault(file, { passphrase: 'a long enough text' }), TypeError);
  assert.throws(() => new tau.Vault(file, {}), TypeError);
  assert.throws(() => new tau.Vault(file, { key: KEY, keyFile: 'x' }), TypeError);
  assert.throws(() => new tau.Vault(file, { key: KEY, nonsense: 1 }), TypeError);
  assert.throws(() => new tau.Vault(file, { key: KEY, leastEpoch: -1 }), RangeError);
});

test('versions, expiry and revocation', (cleanup) => {
  const { vault } = make(cleanup);
  vault.put('a#token', Buffer.from('first'), { expires: new Date(Date.now() + 3600_000) });
  vault.rotateSecret('a#token', Buffer.from('second'), { graceMs: 60_000 });
  assert.equal(text(vault.get('a#token')), 'second');
  assert.equal(text(vault.get('a#token', { version: 1 })), 'first');
  vault.setExpiry('a#token', 1);
  assert.throws(() => vault.get('a#token'), { code: 'FAILED_PRECONDITION', reason: 'secret_expired' });
  vault.setExpiry('a#token');
  vault.revoke('a#token');
  assert.deepEqual(vault.describe().secrets.map(({ state }) => state), ['revoked']);
  vault.remove('a#token');
  assert.deepEqual(vault.describe().secrets, []);
  vault.dropDamaged();
});

test('keys come, go and rotate', (cleanup) => {
  const { vault, file, folder } = make(cleanup);
  const keyFile = path.join(folder, 'key');
  vault.put('a', Buffer.from('value'));
  vault.addKey({ keyFile, make: true, label: 'file' });
  assert.throws(() => vault.addKey({ keyFile, make: true }), { code: 'ALREADY_EXISTS', reason: 'file_exists' });
  vault.addKey({ passphrase: Buffer.from('correct horse battery') });
  assert.deepEqual(vault.describe().keys.map(({ kind }) => kind), ['callback', 'key_file', 'passphrase']);
  vault.removeKey('passphrase');
  vault.rotateKeys({ keyFile });
  vault.rotateKeys();
  assert.throws(() => new tau.Vault(file, { key: KEY }), { code: 'UNAUTHENTICATED', reason: 'wrong_key' });
  const reader = new tau.Vault(file, { keyFile, readOnly: true });
  assert.equal(text(reader.get('a')), 'value');
  assert.throws(() => reader.remove('a'), { reason: 'vault_read_only' });
  reader.close();
});

test('takes over an older file', (cleanup) => {
  const { vault, folder } = make(cleanup);
  const old = path.join(folder, 'credentials.json');
  fs.writeFileSync(old, '{"schema_version":1,"providers":{"mine":{"access_token":"old"}},"integrations":{}}');
  const report = vault.importFile(old, { passphrase: Buffer.from('x'), origins: { 'provider/mine': ORIGIN } });
  assert.deepEqual(report.imported, ['secret://provider/mine#access_token']);
  assert.equal(text(vault.get('provider/mine#access_token', { origin: ORIGIN })), 'old');
});

test('a runtime looks references up', async (cleanup) => {
  const { vault } = make(cleanup);
  vault.put('provider/mine', Buffer.from('hidden-value'), { origin: ORIGIN });
  const config = { providers: { mine: { base_url: `${ORIGIN}/v1`, api_key: 'secret://provider/mine' } } };
  const runtime = new tau.Runtime({ config, vault });
  vault.close();
  const about = runtime.describe();
  assert.ok(!JSON.stringify(about).includes('hidden-value'));
  assert.equal(about.providers.find(({ name }) => name === 'mine').ready, true);
  await runtime.close();
  assert.throws(() => new tau.Runtime({ vault: {} }), TypeError);
});
