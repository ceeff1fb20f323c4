'use strict';
// The ways to stop a run: cancel, AbortSignal, leaving the loop, deadlines.

const assert = require('node:assert/strict');
const { test } = require('./tap.js');
const { agentOf, collect, turn, until } = require('./support.js');

const HANG = turn({ text: 'a', hang: true });

test('cancel ends the run, again and again', async (cleanup) => {
  const run = agentOf(cleanup, [HANG]).session().run('go');
  const events = [];
  for await (const event of run) {
    events.push(event);
    run.cancel();
    run.cancel();
  }
  run.cancel();
  assert.equal(events.at(-1).outcome.status, 'cancelled');
  await assert.rejects(run.result(), { name: 'TauError', code: 'CANCELLED' });
});

test('a signal cancels and is the cause', async (cleanup) => {
  const controller = new AbortController();
  const run = agentOf(cleanup, [HANG]).session().run('go', { signal: controller.signal });
  for await (const event of run) if (event.kind === 'text') controller.abort(new Error('lunch'));
  await assert.rejects(run.result(), (error) => error.code === 'CANCELLED' && error.cause.message === 'lunch');
});

test('an aborted signal starts nothing', async (cleanup) => {
  const session = agentOf(cleanup, [turn({ text: 'a' })]).session();
  const run = session.run('go', { signal: AbortSignal.abort() });
  await assert.rejects(run.result(), { code: 'CANCELLED', reason: 'aborted' });
  await assert.rejects(collect(run), { code: 'CANCELLED', reason: 'aborted' });
  assert.equal(session.export().messages.length, 0);
  assert.equal((await session.run('go').result()).text, 'a');
});

test('a signal is let go when the run has ended', async (cleanup) => {
  const { signal } = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function add(...args) { listening += 1; addEventListener.apply(this, args); };
  signal.removeEventListener = function remove(...args) { listening -= 1; removeEventListener.apply(this, args); };
  await agentOf(cleanup, [turn({ text: 'a' })]).session().run('go', { signal }).result();
  assert.equal(listening, 0);
});

test('leaving the loop cancels, and the session is free for the next run', async (cleanup) => {
  const session = agentOf(cleanup, [HANG, turn({ text: 'b' })]).session();
  const run = session.run('go');
  for await (const event of run) if (event.kind === 'text') break;
  const next = session.run('again'); // waits for the cancelled one to end
  assert.equal((await next.result()).text, 'b');
  assert.equal(run.outcome.status, 'cancelled');
});

test('an exception in the loop cancels', async (cleanup) => {
  const run = agentOf(cleanup, [HANG]).session().run('go');
  await assert.rejects(async () => {
    for await (const event of run) if (event.kind === 'text') throw new Error('mine');
  }, /mine/);
  await assert.rejects(run.result(), { code: 'CANCELLED' });
});

test('a run that waits for its predecessor may be cancelled too', async (cleanup) => {
  const session = agentOf(cleanup, [HANG, HANG, turn({ text: 'c' })]).session();
  const [first, second, third] = [1, 2, 3].map((n) => {
    const run = session.run(`go ${n}`);
    if (n < 3) run.cancel();
    return run;
  });
  assert.equal(second.id, '');
  assert.throws(() => second.steer('x'), { reason: 'not_started' });
  await assert.rejects(first.result(), { code: 'CANCELLED' });
  await assert.rejects(second.result(), { code: 'CANCELLED' });
  assert.equal((await third.result()).ok, true);
});

test('a deadline ends the run', async (cleanup) => {
  const run = agentOf(cleanup, [HANG]).session().run('go', { deadlineMs: 20 });
  await assert.rejects(run.result(), { code: 'DEADLINE_EXCEEDED' });
});

test('a tool hears that nobody waits any more', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['slow']] }), turn({ text: 'end' })]);
  let signal;
  agent.tool({ name: 'slow', effect: 'pure' }, (args, call) => {
    signal = call.signal;
    return new Promise((resolve) => { signal.addEventListener('abort', () => resolve('too late')); });
  });
  const run = agent.session().run('go');
  await until(() => signal !== undefined);
  assert.equal(signal.aborted, false);
  run.cancel();
  await assert.rejects(run.result(), { code: 'CANCELLED' });
  assert.equal(signal.aborted, true);
});

test('closing the runtime ends its runs', async (cleanup) => {
  const agent = agentOf(cleanup, [HANG]);
  const runs = [1, 2, 3].map(() => agent.session().run('go'));
  const ends = runs.map((run) => run.result().catch((error) => error.code));
  await agent.runtime.close();
  assert.deepEqual(await Promise.all(ends), ['CANCELLED', 'CANCELLED', 'CANCELLED']);
  assert.throws(() => agent.runtime.describe(), { code: 'FAILED_PRECONDITION', reason: 'closed' });
});
