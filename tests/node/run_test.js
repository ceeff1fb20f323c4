'use strict';
// Runs: streaming, tools, steering, failures, many at once.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const tau = require('libtau');
const { test } = require('./tap.js');
const { ADD, agentOf, collect, turn } = require('./support.js');

const kinds = (events) => events.map((event) => event.kind);
const texts = (events) => events.filter((event) => event.kind === 'text').map((event) => event.text).join('');
const resultOf = (events) => events.find((event) => event.kind === 'tool_result');

test('pieces arrive in order and the outcome is last', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ text: ['Hel', 'lo', '!'], usage: { input: 3, output: 2 } })]);
  const run = agent.session().run('hi');
  const events = await collect(run);
  assert.equal(texts(events), 'Hello!');
  assert.equal(events[0].kind, 'run_started');
  assert.equal(kinds(events).filter((kind) => kind === 'run_done').length, 1);
  const done = events.at(-1);
  assert.deepEqual([done.kind, done.outcome.text, done.outcome.ok], ['run_done', 'Hello!', true]);
  assert.deepEqual([done.outcome.usage.inputTokens, done.outcome.usage.outputTokens], [3, 2]);
  const numbers = events.map((event) => event.firstSeq);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  assert.deepEqual([...new Set(events.map((event) => event.runId))], [done.outcome.runId]);
  assert.equal(run.done && run.outcome, done.outcome);
});

test('whatever a tool throws or returns is an answer', async (cleanup) => {
  const bare = Object.create(null);
  const hostile = new Proxy({}, { get() { throw new Error('get'); }, getPrototypeOf() { throw new Error('prototype'); } });
  const tools = [() => { throw bare; }, async () => { throw bare; }, () => { throw hostile; },
    async () => { throw hostile; }, () => hostile, () => ({ get then() { throw bare; } }), () => { throw undefined; }];
  for (const tool of tools) {
    const agent = agentOf(cleanup, [turn({ calls: [['odd', {}]] }), turn({ text: 'ok' })]);
    agent.tool({ name: 'odd', effect: 'pure' }, tool);
    const events = await collect(agent.session().run('go'));
    assert.equal(resultOf(events).body.is_error, true, String(tool));
    assert.equal(texts(events), 'ok');
  }
});

test('text of every width comes out as it went in', async (cleanup) => {
  const pieces = ['plain ', 'schön ', '語 ', '👋🏽', ' \u0000 ', 'é'.repeat(3000), ' end'];
  const agent = agentOf(cleanup, [turn({ text: pieces, calls: [['echo', { said: 'größe 👍' }]] }), turn({ text: 'ok' })]);
  agent.tool({ name: 'echo', effect: 'pure' }, ({ said }) => `${said} and 👋`);
  const events = await collect(agent.session().run('¿qué? 👀'));
  assert.equal(texts(events), `${pieces.join('')}ok`);
  assert.equal(events.find((event) => event.kind === 'message').text, pieces.join(''));
  assert.equal(resultOf(events).text, 'größe 👍 and 👋');
  assert.equal(resultOf(events).body.content, 'größe 👍 and 👋');
});

test('a tool is called with its arguments and its result goes on', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['add', { a: 1, b: 2 }]] }), turn({ text: 'three' })]);
  const seen = [];
  agent.tool(ADD, async ({ a, b }, call) => {
    seen.push([a, b, call.name, call.signal.aborted]);
    call.progress('adding');
    await null;
    return a + b;
  });
  const events = await collect(agent.session().run('1 + 2?'));
  assert.deepEqual(seen, [[1, 2, 'add', false]]);
  const call = events.find((event) => event.kind === 'tool_call');
  assert.deepEqual([call.text, call.arguments], ['add', { a: 1, b: 2 }]);
  assert.deepEqual([resultOf(events).text, resultOf(events).callId], ['3', call.callId]);
  assert.equal(events.find((event) => event.kind === 'tool_progress').text, 'adding');
  assert.equal(events.at(-1).outcome.text, 'three');
  const order = ['run_started', 'tool_call', 'tool_result', 'message', 'run_done'].map((kind) => kinds(events).lastIndexOf(kind));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
});

test('what tools return and throw reaches the model', async (cleanup) => {
  const loop = {};
  loop.self = loop;
  const cases = [
    [() => 'text', 'text', false], [() => ({ a: [1, null] }), '{"a":[1,null]}', false], [() => undefined, 'null', false],
    [() => 12n, '"12"', false], [() => new Uint8Array([104, 105]), 'hi', false], [() => '\ud800', '\ufffd', false],
    [async () => 4, '4', false], [() => loop, /circular/, true],
    [() => { throw new RangeError('too far'); }, 'RangeError: too far', true],
    [async () => { throw new Error('late'); }, 'Error: late', true], [() => Promise.reject(undefined), 'undefined', true],
    [() => { throw new tau.ToolError('half \ud800'); }, 'half \ufffd', true],
    [() => { throw new tau.ToolError('closed on Sundays', 'closed'); }, 'closed on Sundays', true],
  ];
  for (const [execute, text, isError] of cases) {
    const agent = agentOf(cleanup, [turn({ calls: [['f']] }), turn({ text: 'end' })]);
    agent.tool({ name: 'f', effect: 'pure' }, execute);
    const result = resultOf(await collect(agent.session().run('go')));
    if (text instanceof RegExp) assert.match(result.text, text);
    else assert.ok(result.text.includes(text), `${result.text} has not ${text}`);
    assert.equal(result.body.is_error, isError);
    if (text === 'closed on Sundays') assert.equal(result.body.reason, 'closed');
  }
});

test('a tool without a function is answered by the reader', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['ask']] }), turn({ text: 'end' })]);
  agent.tool({ name: 'ask', effect: 'pure' });
  const run = agent.session().run('go');
  let result;
  for await (const event of run) {
    if (event.kind === 'tool_call') run.toolResult(event, { answer: 42 });
    if (event.kind === 'tool_result') result = event.text;
  }
  assert.equal(result, '{"answer":42}');
});

test('tools and approvals see the async context of who started the run', async (cleanup) => {
  const storage = new AsyncLocalStorage();
  const seen = [];
  const agent = agentOf(cleanup, [turn({ calls: [['f']] }), turn({ text: 'end' })], { loop: true });
  agent.tool({ name: 'f', effect: 'pure', ask: true }, () => { seen.push(storage.getStore()); });
  await agent.session().run('go', { onApproval: () => true }).result(); // the queue is made outside of the context
  seen.length = 0;
  await storage.run('mine', () => agent.session().run('go', {
    onApproval: () => { seen.push(storage.getStore()); return true; },
  }).result());
  assert.deepEqual(seen, ['mine', 'mine']);
});

test('result() gives the outcome, and rejects for a failed run', async (cleanup) => {
  const fine = await agentOf(cleanup, [turn({ text: 'fine' })]).session().run('how are you?').result();
  assert.deepEqual([fine.text, fine.status, fine.code], ['fine', 'done', 'ok']);
  const error = { code: 'permission_denied', reason: 'no_way', message: 'not today' };
  const run = agentOf(cleanup, [turn({ error })]).session().run('please');
  await assert.rejects(run.result(), (thrown) => thrown instanceof tau.TauError && thrown.code === 'PERMISSION_DENIED'
    && thrown.status === -7 && thrown.reason === 'no_way' && /not today/.test(thrown.message)
    && thrown.outcome.status === 'failed');
});

test('iterating a failed run ends without an exception', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ error: { code: 'unavailable', reason: 'down' } })]);
  const events = await collect(agent.session().run('please'));
  assert.deepEqual([events.at(-1).outcome.code, events.at(-1).outcome.reason], ['unavailable', 'down']);
});

test('errors of calls carry what C tells', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ text: 'a', hang: true })]);
  const facts = (call) => {
    try {
      call();
    } catch (error) {
      return [error.name, error.code, error.reason, error.retryable];
    }
    return 'no error';
  };
  assert.deepEqual(facts(() => agent.session('no blanks')), ['TauError', 'INVALID_ARGUMENT', 'invalid_session_id', false]);
  const session = agent.session();
  const run = session.run('go');
  assert.deepEqual(facts(() => session.run('too')).slice(0, 3), ['TauError', 'UNAVAILABLE', 'session_busy']);
  assert.equal(facts(() => run.submit({ op: 'dance' }))[1], 'INVALID_ARGUMENT');
  assert.throws(() => agent.runtime.agent({ config: { modle: 'x' } }), /modle/);
  assert.throws(() => agent.session().run(), (error) => error.code === 'INVALID_ARGUMENT');
  run.cancel();
  await assert.rejects(run.result(), { code: 'CANCELLED' });
  assert.deepEqual(facts(() => run.steer('late')), ['TauError', 'FAILED_PRECONDITION', 'run_ended', false]);
});

test('misspelt options and values of another type are named', (cleanup) => {
  const agent = agentOf(cleanup, []);
  assert.throws(() => new tau.Runtime({ hom: '/x' }), /unknown option hom/);
  assert.throws(() => agent.session().run('x', { onAproval: () => true }), /unknown option onAproval/);
  assert.throws(() => agent.tool({ name: 'f', effects: 'pure' }), /unknown option effects/);
  assert.throws(() => agent.tool({ name: 'f', effect: 'none' }), /effect none is none of pure/);
  assert.throws(() => agent.tool({ name: 'f' }, 'not a function'), /expected a function/);
  assert.throws(() => agent.session(5), { name: 'TypeError', message: /string or Uint8Array/ });
  assert.throws(() => agent.session().run('x', { deadlineMs: 'soon' }), { name: 'RangeError' });
  assert.throws(() => agent.session().run('x', { blobs: [{ mime: 'a/b', data: 'text' }] }), /Uint8Array/);
});

test('messages and steering', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['wait']] }), turn({ text: 'one' }), turn({ text: 'two' })]);
  let go;
  agent.tool({ name: 'wait', effect: 'pure' }, () => new Promise((resolve) => { go = resolve; }));
  const session = agent.session();
  const run = session.run('start');
  const acknowledged = [];
  for await (const event of run) {
    if (event.kind === 'tool_call') {
      run.message('and then?', { id: 'm1' });
      run.steer('shorter', { id: 's1' });
    }
    if (event.kind === 'op_accepted') acknowledged.push(event.body.id);
    if (acknowledged.length === 2) go('waited');
  }
  assert.deepEqual(acknowledged.sort(), ['m1', 's1']);
  const said = JSON.stringify(session.export());
  assert.ok(said.includes('and then?') && said.includes('shorter'));
});

test('structured answers', async (cleanup) => {
  const responseSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  const agent = agentOf(cleanup, [turn({ text: '{"n": 5}' })]);
  const outcome = await agent.session().run('give me n', { responseSchema }).result();
  assert.deepEqual(outcome.output, { n: 5 });
});

test('blobs travel as bytes', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ text: 'a red square' })]);
  const session = agent.session();
  const data = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
  await session.run('what is it?', { blobs: [{ mime: 'image/png', name: 'a.png', data }] }).result();
  assert.match(JSON.stringify(session.export()), /image\/png/);
});

test('100 runs at once', async (cleanup) => {
  const agent = agentOf(cleanup, [turn({ calls: [['add', { a: 1, b: 2 }]] }), turn({ text: ['th', 'ree'] })], { loop: true });
  agent.tool(ADD, async ({ a, b }) => a + b);
  const all = await Promise.all(Array.from({ length: 100 }, () => collect(agent.session().run('go'))));
  for (const events of all) {
    assert.equal(texts(events), 'three');
    assert.equal(resultOf(events).text, '3');
    assert.equal(events.at(-1).outcome.ok, true);
    assert.equal(new Set(events.map((event) => event.runId)).size, 1);
  }
});

test('several loops share the work', async (cleanup) => {
  const runtime = new tau.Runtime({ loops: 3 });
  cleanup(() => runtime.close());
  const agent = runtime.agent({ config: { model: 'scripted/demo', script: { turns: [turn({ text: 'a' })], loop: true } } });
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => agent.session().run('go').result()));
  assert.ok(outcomes.every((outcome) => outcome.text === 'a'));
});

test('a slow reader loses nothing', async (cleanup) => {
  const pieces = Array.from({ length: 500 }, (_, i) => `${i} `);
  const run = agentOf(cleanup, [turn({ text: pieces, delay_ms: 1 })]).session().run('count');
  const iterator = run[Symbol.asyncIterator]();
  const { value: first } = await iterator.next();
  await run.result();
  const rest = [];
  for (let item = await iterator.next(); !item.done; item = await iterator.next()) rest.push(item.value);
  assert.equal(texts([first, ...rest]), pieces.join(''));
  assert.ok(rest.length > 200 && rest.length < 300, `${rest.length} events are kept`);
  assert.ok(rest.every((event, i) => i === 0 || event.firstSeq === rest[i - 1].seq + 1));
});

test('the one-shot form', async () => {
  const script = { turns: [turn({ calls: [['add', { a: 1, b: 2 }]] }), turn({ text: '3' })] };
  const outcome = await tau.run('1 + 2?', { model: 'scripted/demo', script, tools: [tau.tool(ADD, ({ a, b }) => a + b)] });
  assert.equal(outcome.text, '3');
});
