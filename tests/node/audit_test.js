'use strict';
// The audit log: appended, read, verified, summed up.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const tau = require('libtau');
const { test } = require('./tap.js');

function homeOf(cleanup) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  return path.join(folder, 'home');
}

const reason = (name) => (error) => error.reason === name;

test('a record is appended, read, verified and summed up', async (cleanup) => {
  const home = homeOf(cleanup);
  assert.throws(() => tau.verifyAudit(home), reason('no_audit_log'));
  const runtime = new tau.Runtime({ home });
  runtime.audit({ kind: 'host.noted', action: 'deployed', target: 'v2' });
  assert.throws(() => runtime.audit({ kind: 'tool.decided' }), reason('reserved_kind'));
  const head = runtime.auditHead();
  await runtime.close();
  assert.equal(tau.auditHead(home), head);
  const about = tau.verifyAudit(home, { head });
  assert.deepEqual([about.ok, about.signature, about.heads], [true, 'none', ['database', 'kept']]);
  const records = [...tau.auditRecords(home)];
  assert.equal(records.length, about.records);
  const last = tau.readAudit(home, { cursor: '-1' });
  assert.deepEqual(last.records, records.slice(-1));
  assert.deepEqual(tau.readAudit(home, { cursor: last.next }).records, []);
  assert.equal(tau.summariseAudit([home], { data: '{}\n' }).kinds['host.noted'], 1);
  assert.throws(() => tau.readAudit(home, { cursors: 'x' }), TypeError);
});

test('a changed byte is named', async (cleanup) => {
  const home = homeOf(cleanup);
  const runtime = new tau.Runtime({ home });
  runtime.audit({ kind: 'host.noted', action: 'deployed' });
  await runtime.close();
  const file = path.join(home, 'audit', fs.readdirSync(path.join(home, 'audit')).find((name) => name.startsWith('audit-')));
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('deployed', 'deployes'));
  const about = tau.verifyAudit(home);
  assert.equal(about.ok, false);
  assert.equal(about.reason, 'bad_hash');
  assert.ok(about.line > 1);
});

test('a runtime without a home has none', async () => {
  const runtime = new tau.Runtime();
  assert.throws(() => runtime.audit({ kind: 'host.noted' }), reason('no_audit_log'));
  assert.throws(() => runtime.auditHead(), reason('no_audit_log'));
  await runtime.close();
});
