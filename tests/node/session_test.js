'use strict';
// Sessions and the home directory.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const tau = require('libtau');
const { test } = require('./tap.js');
const { ADD, scripted, turn } = require('./support.js');

function homeOf(cleanup) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  return path.join(folder, 'home');
}

test('a session outlives its runtime', async (cleanup) => {
  const home = homeOf(cleanup);
  const script = scripted([turn({ calls: [['add', { a: 1, b: 2 }]] }), turn({ text: '3' }), turn({ text: 'again 3' })]);
  let runId;
  for (const answer of ['3', 'again 3']) {
    const runtime = new tau.Runtime({ home });
    const agent = runtime.agent(script);
    agent.tool(ADD, ({ a, b }) => a + b);
    const session = agent.session('sums');
    const outcome = await session.run('1 + 2?').result();
    runId ??= outcome.runId;
    assert.equal(outcome.text, answer);
    await runtime.close();
  }
  const runtime = new tau.Runtime({ home });
  cleanup(() => runtime.close());
  const listed = [...runtime.sessions({ limit: 1 })];
  assert.deepEqual(listed.map((session) => session.id), ['sums']);
  assert.equal(runtime.replay(runId).identical, true);
  const session = runtime.agent(script).session('sums');
  const fork = session.fork({ id: 'fork' });
  assert.equal(fork.export().messages.length, session.export().messages.length);
  assert.throws(() => session.fork({ id: 'fork' }), { code: 'ALREADY_EXISTS', reason: 'session_exists' });
  fork.close();
  session.close();
  runtime.removeSession('sums');
  assert.throws(() => runtime.removeSession('sums'), { code: 'NOT_FOUND' });
  assert.deepEqual([...runtime.sessions()].map(({ id }) => id), ['fork']);
  assert.throws(() => [...runtime.sessions({ limit: 0 })], { code: 'OUT_OF_RANGE' });
  assert.throws(() => [...runtime.sessions({ limit: -1 })], { name: 'RangeError' });
});

test('a home is backed up, checked and restored', async (cleanup) => {
  const home = homeOf(cleanup);
  const [backup, other] = [`${home}-backup`, `${home}-other`];
  const runtime = new tau.Runtime({ home });
  await runtime.agent(scripted([turn({ text: 'kept' })])).session('one').run('hello').result();
  assert.equal(runtime.backup(backup).sessions, 1);
  assert.throws(() => runtime.backup(backup), { code: 'ALREADY_EXISTS', reason: 'file_exists' });
  assert.deepEqual(runtime.prune({ maxAgeDays: 1 }).removed, []);
  assert.deepEqual(runtime.approvals({ all: true }), []);
  assert.equal(typeof runtime.usage({ by: ['day', 'session'], since: '7d' }).total.calls, 'number');
  assert.throws(() => runtime.usage({ by: ['colour'] }), { reason: 'unknown_group' });
  assert.throws(() => runtime.approval('apr_none'), { code: 'NOT_FOUND', reason: 'approval_unknown' });
  assert.throws(() => runtime.decide('apr_none', true, { note: 'yes', waitMs: 10 }), { reason: 'approval_unknown' });
  assert.throws(() => runtime.decide('apr_none', true, { when: 'now' }), { name: 'TypeError' });
  const did = 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK';
  assert.equal(runtime.resolveDid(did, { timeoutMs: 1000 }).did, did);
  assert.throws(() => runtime.prune(), { code: 'INVALID_ARGUMENT', reason: 'no_limit' });
  assert.throws(() => tau.restoreHome(backup, home, { replace: true }), { reason: 'home_busy' });
  await runtime.close();
  assert.equal(tau.verifyHome(backup).sound, true);
  assert.equal(tau.restoreHome(backup, other).sessions, 1);
  fs.chmodSync(path.join(other, 'tau.db'), 0o644);
  const report = tau.verifyHome(other);
  assert.deepEqual([report.sound, report.problems.map(({ reason }) => reason)], [false, ['not_private']]);
  assert.throws(() => tau.verifyHome(`${home}-nothing`), { code: 'NOT_FOUND' });
});

test('a run that was cut off is resumed or given up', async (cleanup) => {
  const home = homeOf(cleanup);
  const { program } = require('./support.js');
  for (const [options, end] of [[{ resume: true }, 'done'], [{ abandon: true }, 'cancelled']]) {
    const id = options.resume ? 'one' : 'two';
    const script = { model: 'scripted/demo', policy: { allow: ['f'] }, script: { turns: [turn({ calls: [['f']] }), turn({ text: 'end' })] } };
    const cut = await program(`
      const ag = new tau.Runtime({ home: ${JSON.stringify(home)} }).agent({ config: ${JSON.stringify(script)} });
      ag.tool({ name: 'f', effect: 'write' }, () => process.kill(process.pid, 'SIGKILL'));
      ag.session('${id}').run('go');`);
    assert.equal(cut.code, 'SIGKILL', cut.stderr);
    const runtime = new tau.Runtime({ home });
    cleanup(() => runtime.close());
    const agent = runtime.agent({ config: script });
    agent.tool({ name: 'f', effect: 'write' }, () => 'now');
    const session = agent.session(id);
    assert.ok(session.describe().open_run);
    assert.throws(() => session.run('x'), { code: 'FAILED_PRECONDITION', reason: 'run_open' });
    const run = session.run(undefined, options);
    for await (const event of run) if (event.kind === 'run_done') assert.equal(event.outcome.status, end);
  }
});
