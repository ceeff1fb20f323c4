'use strict';
// Models that are JavaScript functions: streaming, tools, failures, cancellation; and what embeddings say.

const assert = require('node:assert/strict');
const { Worker } = require('node:worker_threads');
const tau = require('libtau');
const { test } = require('./tap.js');
const { collect, until } = require('./support.js');

function open(cleanup, config) {
  const runtime = new tau.Runtime({ config });
  cleanup(() => runtime.close());
  return runtime;
}

const ask = (runtime, model) => runtime.agent({ model }).session().run('hi');

test('an async generator answers', async (cleanup) => {
  const runtime = open(cleanup);
  const seen = [];
  runtime.addModel({ model: 'host/echo', price: { input: 0, output: 0 } }, async function* echo(call) {
    seen.push(call);
    yield 'You said: ';
    await null;
    yield call.request.messages.at(-1).parts[0].text;
    yield { event: 'usage', usage: { input: 4, output: 2 } };
  });
  const events = await collect(ask(runtime, 'host/echo'));
  const { outcome } = events.at(-1);
  assert.deepEqual([outcome.text, outcome.usage.inputTokens], ['You said: hi', 4]);
  assert.deepEqual([seen[0].model, seen[0].request.model, seen[0].path], ['host/echo', 'echo', undefined]);
  assert.deepEqual(events.filter((e) => e.kind === 'model_call_over').map((e) => e.body.answered), [true]);
  assert.equal(seen[0].signal.aborted, false);
});

test('it calls tools and is asked again', async (cleanup) => {
  const runtime = open(cleanup);
  runtime.addModel({ model: 'host/calls' }, async function* calls(call) {
    if (call.request.messages.at(-1).role === 'tool') yield 'It is 5.';
    else yield { event: 'tool_call', id: 'c1', name: 'add', arguments: { a: 2, b: 3 } };
  });
  const agent = runtime.agent({ model: 'host/calls' });
  agent.tool({ name: 'add', effect: 'pure' }, ({ a, b }) => a + b);
  assert.equal((await agent.session().run('2 + 3?').result()).text, 'It is 5.');
});

test('every kind of function answers', async (cleanup) => {
  const runtime = open(cleanup);
  const kinds = {
    * generator() { yield 'a'; yield 'b'; },
    async promise() { return 'ab'; },
    plain: () => 'ab',
    list: () => ['a', 'b'],
    bytes: () => Buffer.from('{"event":"text","text":"ab"}\n'),
    event: () => ({ event: 'text', text: 'ab' }),
  };
  for (const [name, answer] of Object.entries(kinds)) {
    runtime.addModel({ model: `host/${name}` }, answer);
    assert.equal((await ask(runtime, `host/${name}`).result()).text, 'ab', name);
  }
});

test('documents and dialects', async (cleanup) => {
  const runtime = open(cleanup);
  runtime.addModel({ model: 'host/whole', stream: false }, () => 'whole');
  assert.equal((await ask(runtime, 'host/whole').result()).text, 'whole');
  runtime.addModel({ model: 'host/raw', dialect: 'openai_chat' }, function* raw(call) {
    assert.deepEqual([call.request, call.path], [undefined, '/chat/completions']);
    yield 'data: {"choices":[{"index":0,"delta":{"content":"r';
    yield Buffer.from('aw"},"finish_reason":"stop"}]}\n\n');
    yield 'data: [DONE]\n\n';
  });
  assert.equal((await ask(runtime, 'host/raw').result()).text, 'raw');
});

test('what it throws is the failure', async (cleanup) => {
  const runtime = open(cleanup);
  runtime.addModel({ model: 'host/broken' }, async function* broken() { yield 'part'; throw new RangeError('lost'); });
  runtime.addModel({ model: 'host/typed' }, () => { throw new tau.TauError('no', { code: 'PERMISSION_DENIED', reason: 'no_licence' }); });
  runtime.addModel({ model: 'host/odd' }, () => [7]);
  await assert.rejects(ask(runtime, 'host/broken').result(), { reason: 'model_failed', message: /RangeError: lost/ });
  await assert.rejects(ask(runtime, 'host/typed').result(), { code: 'PERMISSION_DENIED', reason: 'no_licence' });
  await assert.rejects(ask(runtime, 'host/odd').result(), { reason: 'model_failed' });
});

test('cancelling the run closes the generator', async (cleanup) => {
  const runtime = open(cleanup);
  let closed = false;
  let signal;
  runtime.addModel({ model: 'host/endless' }, async function* endless(call) {
    signal = call.signal;
    try {
      for (;;) {
        yield 'word ';
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
    } finally {
      closed = true;
    }
  });
  const run = ask(runtime, 'host/endless');
  for await (const event of run) if (event.kind === 'text') run.cancel();
  assert.equal(run.outcome.status, 'cancelled');
  await until(() => closed);
  assert.equal(signal.aborted, true);
});

test('a deadline aborts it while the run goes on', async (cleanup) => {
  const runtime = open(cleanup, { routes: { r: { upstreams: ['host/stuck', 'host/fine'] } } });
  let aborted = false;
  runtime.addModel({ model: 'host/stuck', deadlines: { first_byte_ms: 50 } }, (call) => new Promise((resolve) => {
    call.signal.addEventListener('abort', () => { aborted = true; resolve('late'); });
  }));
  runtime.addModel({ model: 'host/fine' }, () => 'fine');
  assert.equal((await ask(runtime, 'route/r').result()).text, 'fine');
  await until(() => aborted);
});

test('the reader of the events may answer', async (cleanup) => {
  const runtime = open(cleanup);
  runtime.addModel({ model: 'host/by_hand' });
  const run = ask(runtime, 'host/by_hand');
  let callId;
  for await (const event of run) {
    if (event.kind !== 'model_call') continue;
    callId = event.callId;
    run.modelEvent(event, { event: 'text', text: 'by hand' });
    run.modelEvent(event, '{"event":"finish"}\n');
  }
  assert.equal(run.outcome.text, 'by hand');
  assert.throws(() => run.modelEvent(callId, 'late'), { code: 'FAILED_PRECONDITION' });
});

test('names, removal and bad documents', async (cleanup) => {
  const runtime = open(cleanup);
  runtime.addModel({ model: 'host/*' }, (call) => call.model);
  assert.equal((await ask(runtime, 'host/any/one').result()).text, 'host/any/one');
  assert.throws(() => runtime.addModel({ model: 'host/*' }, () => ''), { code: 'ALREADY_EXISTS' });
  runtime.removeModel('host/*');
  assert.throws(() => runtime.agent({ model: 'host/any' }), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => runtime.addModel({ model: 'host/x', colour: 1 }), { reason: 'unknown_key' });
  assert.throws(() => runtime.addModel({}), TypeError);
  assert.throws(() => runtime.addModel({ model: 'host/x' }, 'no function'), TypeError);
});

// It answers in a thread of its own: embed() blocks this one.
const SERVER = `
const http = require('node:http');
const { parentPort } = require('node:worker_threads');
http.createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    const { input, model } = JSON.parse(body);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ model, data: input.map((text, index) => ({ index, embedding: [text.length, -1.5] })),
      usage: { prompt_tokens: 3 } }));
  });
}).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); });
`;

test('embeddings are arrays of floats', async (cleanup) => {
  const server = new Worker(SERVER, { eval: true });
  cleanup(() => server.terminate());
  const port = await new Promise((resolve) => { server.once('message', resolve); });
  const origin = `http://127.0.0.1:${port}`;
  const runtime = open(cleanup, { providers: { near: { base_url: `${origin}/v1` } }, network: { private_origins: [origin] } });
  const got = runtime.embed(['a', 'bcd'], { model: 'near/e' });
  assert.deepEqual(got.vectors, [new Float32Array([1, -1.5]), new Float32Array([3, -1.5])]);
  assert.deepEqual([got.dimensions, got.inputTokens, got.requests, got.model], [2, 3, 1, 'near/e']);
  assert.throws(() => runtime.embed([], { model: 'near/e' }), { reason: 'invalid_texts' });
  assert.throws(() => runtime.embed(['a'], { model: 'near/e', colour: 1 }), TypeError);
  runtime.addModel({ model: 'host/m' }, () => '');
  assert.throws(() => runtime.embed(['a'], { model: 'host/m' }), { reason: 'no_embeddings' });
});
