'use strict';
// Approvals: asked for, allowed, denied; and nobody there to ask.

const assert = require('node:assert/strict');
const { test } = require('./tap.js');
const { agentOf, collect, turn } = require('./support.js');

const SCRIPT = [turn({ calls: [['remove', { path: 'a.txt' }]] }), turn({ text: 'done' })];

function removing(cleanup, options) {
  const agent = agentOf(cleanup, SCRIPT, options);
  const removed = [];
  agent.tool({ name: 'remove', effect: 'pure', ask: true }, ({ path }) => { removed.push(path); });
  return { agent, removed };
}

const resultOf = (events) => events.find((event) => event.kind === 'tool_result');

test('the reader allows', async (cleanup) => {
  const { agent, removed } = removing(cleanup);
  const run = agent.session().run('go');
  for await (const event of run) {
    if (event.kind === 'approval') {
      assert.deepEqual([event.text, event.arguments, removed], ['remove', { path: 'a.txt' }, []]);
      run.approve(event);
    }
  }
  assert.deepEqual(removed, ['a.txt']);
});

test('the reader denies with a reason', async (cleanup) => {
  const { agent, removed } = removing(cleanup);
  const run = agent.session().run('go');
  const events = [];
  for await (const event of run) {
    events.push(event);
    if (event.kind === 'approval') run.deny(event, 'keep that one');
  }
  assert.equal(resultOf(events).body.is_error, true);
  assert.match(resultOf(events).text, /keep that one/);
  assert.deepEqual(removed, []);
});

test('no answer in time is a denial', async (cleanup) => {
  const { agent, removed } = removing(cleanup, { config: { limits: { approval_timeout_ms: 50 } } });
  const events = await collect(agent.session().run('go'));
  assert.equal(resultOf(events).body.is_error, true);
  assert.deepEqual([removed, events.at(-1).outcome.ok], [[], true]);
});

test('callbacks decide', async (cleanup) => {
  const cases = [[() => true, 1], [() => false, 0], [() => ({ allow: false, reason: 'no' }), 0], [() => undefined, 0],
    [async (event) => event.arguments.path === 'a.txt', 1], [async () => ({ allow: true }), 1], [() => ({}), 0],
    [() => 'n', 0], [async () => 'yes', 0], [() => 1, 0], [() => ({ allow: 'no' }), 0], [() => null, 0]];
  for (const [onApproval, count] of cases) {
    const { agent, removed } = removing(cleanup);
    const outcome = await agent.session().run('go', { onApproval }).result();
    assert.deepEqual([removed.length, outcome.text], [count, 'done'], String(onApproval));
  }
});

test('a failing callback denies and is reported', async (cleanup) => {
  for (const onApproval of [() => { throw new Error('no idea'); }, async () => { throw new Error('no idea'); }]) {
    const { agent, removed } = removing(cleanup);
    const warned = new Promise((resolve) => { process.once('warning', resolve); });
    const outcome = await agent.session().run('go', { onApproval }).result();
    assert.match((await warned).message, /no idea/);
    assert.deepEqual([removed, outcome.ok], [[], true]);
  }
});

test('whoever only waits for the outcome denies', async (cleanup) => {
  const { agent, removed } = removing(cleanup);
  assert.equal((await agent.session().run('go').result()).ok, true);
  assert.deepEqual(removed, []);
});

test('an approval that came before the wait is denied too', async (cleanup) => {
  const { agent, removed } = removing(cleanup);
  const run = agent.session().run('go');
  const iterator = run[Symbol.asyncIterator]();
  let item;
  do item = await iterator.next(); while (item.value.kind !== 'approval');
  const other = run.result();
  assert.equal(run.done, false);
  run.deny(item.value);
  while (!(await iterator.next()).done);
  assert.equal((await other).ok, true);
  assert.deepEqual(removed, []);
});

test('the agent may hold the callback', async (cleanup) => {
  const { agent, removed } = removing(cleanup, { onApproval: () => true });
  await agent.session().run('go').result();
  assert.deepEqual(removed, ['a.txt']);
});

test('cancelling while a question is open', async (cleanup) => {
  const { agent, removed } = removing(cleanup);
  let asked;
  const question = new Promise((resolve) => { asked = resolve; });
  const run = agent.session().run('go', { onApproval: () => { asked(); return new Promise(() => {}); } });
  await question;
  run.cancel();
  await assert.rejects(run.result(), { code: 'CANCELLED' });
  assert.deepEqual(removed, []);
});
