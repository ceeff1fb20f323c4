'use strict';
// Memories: what is remembered is found, from promises; vectors of the program's own; nothing of JavaScript runs elsewhere.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const tau = require('libtau');
const { program } = require('./support.js');
const { test } = require('./tap.js');

const THREE = [
  { id: 'tea', text: 'Ada drinks tea in the morning', type: 'preference', tags: ['drinks'] },
  { id: 'boat', text: 'The boat leaves at noon', time: new Date('2026-11-02T10:00:00Z') },
  { id: 'cat', text: 'The cat is called Miro' },
];

function open(cleanup, scope, options) {
  const runtime = new tau.Runtime(options);
  cleanup(() => runtime.close());
  return { runtime, memory: runtime.memory(scope) };
}

async function listed(iterator) {
  const ids = [];
  for await (const each of iterator) ids.push(each.id);
  return ids;
}

/** Two numbers: whether a text says "tea". */
const teaVector = (text) => (text.includes('tea') ? [1, 0] : [0, 1]);

test('what is added is found, listed and read', async (cleanup) => {
  const { memory } = open(cleanup);
  const written = await memory.add(THREE);
  assert.deepEqual(written.map(({ id, created }) => [id, created]), [['tea', true], ['boat', true], ['cat', true]]);
  const found = await memory.search('who drinks tea?', { k: 2, explain: true });
  assert.equal(found.hits[0].id, 'tea');
  assert.ok(found.hits[0].score > 0 && found.hits[0].score <= 1 && found.hits[0].parts);
  assert.deepEqual(await listed(memory.list({ limit: 1 })), ['tea', 'boat', 'cat']);
  assert.deepEqual(await listed(memory.list({ types: ['preference'] })), ['tea']);
  assert.equal((await memory.get('boat')).time.slice(0, 19), '2026-11-02T10:00:00');
  await assert.rejects(memory.get('none'), { code: 'NOT_FOUND', reason: 'no_such_memory' });
});

test('a text alone is enough, and options are members', async (cleanup) => {
  const { memory } = open(cleanup);
  const { id } = await memory.add('Ada prefers green tea', { type: 'preference', tags: ['drinks'], expectedRevision: 0 });
  assert.equal((await memory.get(id)).type, 'preference');
  await assert.rejects(memory.add({ id, text: 'again' }, { expectedRevision: 0 }), { reason: 'revision_changed' });
  await assert.rejects(memory.add('x', { colour: 'red' }), { reason: 'unknown_key' });
});

test('forgetting, restoring, purging', async (cleanup) => {
  const { memory } = open(cleanup);
  await memory.add(THREE);
  await memory.forget('tea');
  assert.ok((await memory.search('tea')).hits.every(({ id }) => id !== 'tea'));
  await memory.restore('tea');
  assert.equal((await memory.search('tea')).hits[0].id, 'tea');
  assert.equal(await memory.purge(['tea', 'cat']), 2);
  assert.equal(await memory.purge({ all: true }), 1);
  assert.deepEqual(await listed(memory.list()), []);
});

test('relations', async (cleanup) => {
  const { memory } = open(cleanup);
  await memory.add(THREE);
  await memory.relate('tea', 'boat', 'caused_by', { weight: 0.5 });
  const [relation] = (await memory.get('tea', { relations: true })).relations;
  assert.deepEqual([relation.to, relation.relation, relation.weight], ['boat', 'caused_by', 0.5]);
  await memory.unrelate('tea', 'boat', 'caused_by');
  assert.deepEqual((await memory.get('tea')).relations, []);
});

test('a scope keeps to itself', async (cleanup) => {
  const { runtime, memory } = open(cleanup, { channel: 'a' });
  const other = runtime.memory({ channel: 'b' });
  await memory.add('Ada drinks tea');
  assert.equal((await other.search('tea')).hits.length, 0);
  await assert.rejects(memory.add('x', { channel: 'b' }), { reason: 'outside_scope' });
  assert.equal((await runtime.memory().tree()).memories, 1);
  assert.equal((await memory.stats()).memories, 1);
  assert.throws(() => runtime.memory({ chanel: 'a' }), TypeError);
});

test('vectors come along, in any array of numbers', async (cleanup) => {
  const { runtime, memory } = open(cleanup);
  runtime.setEmbedder('tea-2', 2);
  const rows = THREE.map(({ text }) => teaVector(text));
  for (const vectors of [rows, rows.map((row) => Float32Array.from(row)), Float32Array.from(rows.flat()), Float64Array.from(rows.flat()), rows.flat()])
    await memory.add(THREE, { vectors });
  const found = await memory.search(undefined, { mode: 'vector', vector: [1, 0], k: 1 });
  assert.deepEqual([found.vectors, found.hits[0].id], ['used', 'tea']);
  await assert.rejects(memory.search('tea', { vector: [1, 0, 0] }), { reason: 'invalid_vector' });
  await assert.rejects(memory.add(THREE, { vectors: 'text' }), TypeError);
  assert.equal((await memory.search('tea')).vectors, 'unavailable');
  runtime.setEmbedder();
  assert.notEqual((await memory.search('tea')).vectors, 'unavailable');
});

test('a function makes the vectors, at once or later', async (cleanup) => {
  const { runtime, memory } = open(cleanup);
  const asked = [];
  runtime.setEmbedder('tea-2', 2, async (texts, purpose) => {
    asked.push([texts.length, purpose]);
    return texts.map(teaVector);
  });
  await memory.add(THREE);
  const found = await memory.search('some tea', { mode: 'vector', k: 1 });
  assert.deepEqual([found.vectors, found.hits[0].id], ['used', 'tea']);
  assert.deepEqual(asked, [[3, 'document'], [1, 'query']]);
  runtime.setEmbedder('tea-3', 2, () => { throw new Error('bad luck'); });
  const words = await memory.search('tea');
  assert.deepEqual([words.vectors, words.hits[0].id], ['unavailable', 'tea']);
  assert.match(words.message, /"tea-3".*bad luck/);
  await assert.rejects(memory.add('x'), { message: 'bad luck' });
  assert.throws(() => runtime.setEmbedder('x', 0), { reason: 'invalid_embedder' });
});

test('a call is under way when it returns, so that a close waits for it', async (cleanup) => {
  const { memory } = open(cleanup);
  await memory.add(THREE);
  const calls = [memory.search('tea'), memory.add('one more'), memory.get('tea')];
  memory.close();
  const [found, , got] = await Promise.all(calls);
  assert.deepEqual([found.hits[0].id, got.id], ['tea', 'tea']);
  await assert.rejects(memory.search('tea'), { reason: 'closed' });
});

test('many at once, while the loop goes on', async (cleanup) => {
  const { memory } = open(cleanup);
  await Promise.all(Array.from({ length: 50 }, (_, i) => memory.add(`note ${i} about tea`)));
  const found = await Promise.all(Array.from({ length: 50 }, () => memory.search('tea', { k: 5 })));
  assert.ok(found.every(({ hits }) => hits.length === 5));
});

test('closing waits for what is under way, and the home is free then', async (cleanup) => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(home, { recursive: true }));
  const runtime = new tau.Runtime({ home });
  const memory = runtime.memory();
  const writing = memory.add(THREE);
  await runtime.close();
  assert.equal((await writing).length, 3);
  await assert.rejects(memory.search('tea'), { reason: 'closed' });
  const again = new tau.Runtime({ home });
  cleanup(() => again.close());
  assert.equal((await again.memory().search('tea')).hits[0].id, 'tea');
});

test('a program that leaves calls under way ends', async () => {
  const done = await program("const m = new tau.Runtime().memory(); m.add('tea').then(() => m.search('tea'));");
  assert.deepEqual([done.code, done.stderr], [0, '']);
});

test('a folder is watched', async (cleanup) => {
  const { memory } = open(cleanup);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-watch-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  fs.writeFileSync(path.join(folder, 'a.md'), 'The kiosk opens at nine');
  const watch = await memory.watch(folder, { quietMs: 20 });
  const seen = [];
  for await (const change of watch) {
    seen.push([change.path, change.what, change.added]);
    if (seen.length === 1) fs.writeFileSync(path.join(folder, 'b.md'), 'The boat leaves at noon');
    if (seen.length === 2) await watch.close();
  }
  assert.deepEqual(seen, [['a.md', 'ingested', 1], ['b.md', 'ingested', 1]]);
  assert.deepEqual((await memory.perform({ op: 'watches' })).watches, []);
  await assert.rejects(watch.state(), { reason: 'no_such_watch' });
  await watch.close();
});
