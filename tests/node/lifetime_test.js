'use strict';
// Objects may be dropped in any order at any time; a process ends by itself, and however it ends.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const tau = require('libtau');
const { test } = require('./tap.js');
const { agentOf, program, scripted, turn, until } = require('./support.js');

const HANG = turn({ text: 'a', hang: true });
const MADE = (rest) => `
const rt = new tau.Runtime();
const ag = rt.agent({ config: { model: 'scripted/demo', script: { turns: [${JSON.stringify(rest)}], loop: true } } });
`;
const RUNNING = `${MADE(HANG)}const run = ag.session().run('go');\n`;

async function collectGarbage(gone) {
  while (!gone()) {
    globalThis.gc();
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}

function permutations(items) {
  if (items.length < 2) return [items];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

for (const [name, script, ended] of [['running', HANG, false], ['ended', turn({ text: 'a' }), true]]) {
  test(`every order of release, ${name}`, async () => {
    for (const order of permutations(['runtime', 'agent', 'session', 'run'])) {
      const held = { runtime: new tau.Runtime() };
      held.agent = held.runtime.agent(scripted([script]));
      held.session = held.agent.session();
      held.run = held.session.run('go');
      if (ended) await held.run.result();
      else held.run.cancel();
      for (const part of order) {
        delete held[part];
        globalThis.gc();
        await new Promise((resolve) => { setImmediate(resolve); });
      }
    }
  });
}

test('parts keep what they need', async () => {
  const run = new tau.Runtime().agent(scripted([turn({ text: 'still here' })])).session().run('go');
  globalThis.gc();
  assert.equal((await run.result()).text, 'still here');
});

test('idle runtimes are collected, and their threads end', async () => {
  const threads = () => fs.readdirSync('/proc/self/task').length;
  const before = threads();
  await (async () => {
    for (let i = 0; i < 3; i += 1) {
      await new tau.Runtime().agent(scripted([turn({ text: 'a' })])).session().run('go').result();
    }
  })();
  assert.ok(threads() > before);
  await collectGarbage(() => threads() <= before);
});

test('a run that is half read and dropped is cancelled', async (cleanup) => {
  const session = agentOf(cleanup, [HANG, turn({ text: 'b' })]).session();
  const run = session.run('go');
  await (async () => { await run[Symbol.asyncIterator]().next(); })();
  await collectGarbage(() => run.done);
  assert.equal(run.outcome.status, 'cancelled');
});

test('a run that nobody reads goes on to its end', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['f']] }), turn({ text: 'end' })]);
  let called = false;
  agent.tool({ name: 'f', effect: 'pure' }, () => { called = true; });
  const session = agent.session();
  (() => { session.run('go'); })();
  globalThis.gc();
  await until(() => session.describe().turns > 1 || session._last === undefined);
  assert.equal(called, true);
});

test('closed objects say so', async () => {
  const runtime = new tau.Runtime();
  const agent = runtime.agent(scripted([turn({ text: 'a' })]));
  const session = agent.session();
  session.close();
  session.close();
  agent.close();
  await runtime.close();
  await runtime.close();
  for (const call of [() => session.run('go'), () => session.id, () => agent.session(), () => runtime.agent()]) {
    assert.throws(call, { code: 'FAILED_PRECONDITION', reason: 'closed' });
  }
});

test('closing a runtime gives its home back, whatever is still held', async (cleanup) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  const held = [];
  for (let i = 0; i < 3; i += 1) {
    const runtime = new tau.Runtime({ home: path.join(folder, 'home') });
    const session = runtime.agent(scripted([turn({ text: 'a' })], { loop: true })).session('one');
    const run = session.run('go');
    held.push(runtime, session, run);
    await run.result();
    if (i % 2) await runtime.close();
    else runtime[Symbol.dispose ?? Symbol.for('nodejs.dispose')]();
    assert.throws(() => session.run('go'), { reason: 'closed' });
    assert.throws(() => session.id, { reason: 'closed' });
    assert.equal(run.outcome.text, 'a');
  }
});

test('a tool may close its own runtime', async () => {
  for (const close of [(runtime) => runtime[Symbol.dispose ?? Symbol.for('nodejs.dispose')](), (runtime) => runtime.close()]) {
    const runtime = new tau.Runtime();
    const agent = runtime.agent(scripted([turn({ calls: [['f']] }), turn({ text: 'end' })]));
    let closing;
    agent.tool({ name: 'f', effect: 'pure' }, () => { closing = close(runtime); });
    await assert.rejects(agent.session().run('go').result(), (error) => ['CANCELLED', 'UNAVAILABLE'].includes(error.code));
    await closing;
  }
});

test('handles of another kind, and what is no handle, are refused', () => {
  const native = require('libtau/native');
  const runtime = new tau.Runtime();
  for (const wrong of [{}, 5, 'text', runtime, Object.create(runtime._handle), new Proxy(runtime._handle, {})]) {
    assert.throws(() => native.tau_agent_new(wrong, undefined), { name: 'TypeError' });
  }
  assert.throws(() => native.tau_session_open(runtime._handle, undefined), { name: 'TypeError' });
  assert.throws(() => native.tau_agent_new(undefined, undefined), { code: 'INVALID_ARGUMENT', reason: 'null_argument' });
});

test('dispose and asyncDispose let go', async () => {
  const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');
  const dispose = Symbol.dispose ?? Symbol.for('nodejs.dispose');
  const runtime = new tau.Runtime();
  const agent = runtime.agent(scripted([HANG]));
  const run = agent.session().run('go');
  await run[asyncDispose]();
  assert.equal(run.outcome.status, 'cancelled');
  const other = agent.session().run('go');
  agent[dispose]();
  runtime[dispose]();
  runtime[dispose]();
  await assert.rejects(other.result(), { name: 'TauError' });
  const third = new tau.Runtime();
  await third[asyncDispose]();
  assert.throws(() => third.describe(), { reason: 'closed' });
});

test('nothing is left behind', async () => {
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const cycle = async () => {
    const runtime = new tau.Runtime();
    await runtime.agent(scripted([turn({ text: 'b' })])).session().run('go').result();
    await runtime.close();
  };
  await cycle();
  globalThis.gc();
  await until(() => true);
  const before = descriptors();
  for (let i = 0; i < 20; i += 1) await cycle();
  globalThis.gc();
  await new Promise((resolve) => { setImmediate(resolve); });
  await until(() => descriptors() <= before);
});

// ---- how processes end --------------------------------------------------------------------------------------------

const endings = {
  'without any run': ['const rt = new tau.Runtime();', 0, ''],
  'by itself after a run': [`${MADE(turn({ text: 'a' }))}ag.session().run('go').result().then((o) => console.log(o.text));`, 0, 'a\n'],
  'by itself with an idle runtime and a queue': [
    `${MADE(turn({ text: 'a' }))}(async () => { for await (const e of ag.session().run('go')); console.log('end'); })();`, 0, 'end\n'],
  'by itself after a cancelled run': [`${RUNNING}run.result().catch((e) => console.log(e.code)); setImmediate(() => run.cancel());`,
    0, 'CANCELLED\n'],
  'by leaving the loop': [`${RUNNING}(async () => { for await (const e of run) if (e.kind === 'text') break; })();`, 0, ''],
  'process.exit at once': [`${RUNNING}process.exit(3);`, 3, ''],
  'process.exit in the loop': [
    `${RUNNING}(async () => { for await (const e of run) if (e.kind === 'text') process.exit(4); })();`, 4, ''],
  'process.exit in a tool': [`const rt = new tau.Runtime();
    const ag = rt.agent({ config: { model: 'scripted/demo', script: { turns: [{ tool_calls: [{ name: 'f' }] }] } } });
    ag.tool({ name: 'f', effect: 'pure' }, () => process.exit(5));
    ag.session().run('go');`, 5, ''],
  'an uncaught exception in the loop': [
    `${RUNNING}(async () => { for await (const e of run) if (e.kind === 'text') setImmediate(() => { throw new Error('x'); }); })();`,
    1, ''],
  'an exception at once': [`${RUNNING}throw new Error('x');`, 1, ''],
  'with many runs of several runtimes': [`
    for (let i = 0; i < 4; i++) { ${MADE(HANG)} for (let k = 0; k < 25; k++) ag.session().run('go'); }
    setTimeout(() => process.exit(6), 20);`, 6, ''],
  'while runs end': [`${MADE(turn({ text: ['a', 'b', 'c'] }))}
    for (let k = 0; k < 200; k++) ag.session().run('go');
    setTimeout(() => process.exit(7), 3);`, 7, ''],
};
for (const [name, [code, status, out]] of Object.entries(endings)) {
  test(`a process ends: ${name}`, async () => {
    for (let i = 0; i < 3; i += 1) {
      const done = await program(code);
      assert.deepEqual([done.code, done.stdout], [status, out], done.stderr);
      if (status !== 1) assert.equal(done.stderr, '');
    }
  });
}

// ---- workers ------------------------------------------------------------------------------------------------------

/** Messages of a worker until it ends, and its exit code. `meet` may act on each message. */
function inWorker(code, meet) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(`const tau = require('libtau'); const { parentPort } = require('node:worker_threads');\n${code}`,
      { eval: true });
    const said = [];
    worker.on('message', (message) => { said.push(message); meet?.(message, worker); });
    worker.on('error', reject);
    worker.on('exit', (exit) => resolve({ said, exit }));
  });
}

test('workers run agents side by side and end by themselves', async () => {
  const code = `${MADE(turn({ text: 'hi' }))}
    (async () => { for (let i = 0; i < 10; i++) parentPort.postMessage((await ag.session().run('go').result()).text); })();`;
  const all = await Promise.all([1, 2, 3, 4].map(() => inWorker(code)));
  for (const { said, exit } of all) assert.deepEqual([said, exit], [Array(10).fill('hi'), 0]);
});

test('a worker is terminated during runs, tools and iteration', async () => {
  const code = `
    const rt = new tau.Runtime();
    const ag = rt.agent({ config: { model: 'scripted/demo', script: { loop: true, turns: [
      { tool_calls: [{ name: 'f' }] }, { text: ['a', 'b', 'c'] } ] } } });
    ag.tool({ name: 'f', effect: 'pure' }, async () => 1);
    (async () => { for (;;) { for await (const e of ag.session().run('go')); parentPort.postMessage('turn'); } })();`;
  for (let i = 0; i < 5; i += 1) {
    const { said, exit } = await inWorker(code, (message, worker) => worker.terminate());
    assert.deepEqual([said[0], exit], ['turn', 1]);
  }
});

test('the addon may be loaded by workers alone, one after the other', async () => {
  const done = await program('', '-r', 'node:assert');
  assert.equal(done.code, 0);
  const { execFileSync } = require('node:child_process');
  const worker = JSON.stringify(`const tau = require('libtau'); ${RUNNING}
    (async () => { for await (const e of run) if (e.kind === 'text') process.exit(0); })();`);
  const main = `const { Worker } = require('node:worker_threads');
    (async () => { for (let i = 0; i < 5; i++) await new Promise((end) => new Worker(${worker}, { eval: true }).on('exit', end));
      console.log('all'); })();`;
  assert.equal(execFileSync(process.execPath, ['-e', main], { encoding: 'utf8' }), 'all\n');
});
