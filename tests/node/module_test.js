'use strict';
// The package as a module: require and import, what it shows, and what inspect prints.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { inspect } = require('node:util');
const tau = require('libtau');
const { test } = require('./tap.js');
const { agentOf, turn } = require('./support.js');

const PACKAGE = path.dirname(require.resolve('libtau'));

function folderOf(cleanup) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tau-node-'));
  cleanup(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

test('import gives what require gives', (cleanup) => {
  const folder = folderOf(cleanup);
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(PACKAGE, path.join(folder, 'node_modules', 'libtau'));
  fs.writeFileSync(path.join(folder, 'main.mjs'), `
    import * as all from 'libtau';
    import { Runtime, TauError, version } from 'libtau';
    import { createRequire } from 'node:module';
    const same = createRequire(import.meta.url)('libtau');
    console.log(JSON.stringify([Object.keys(all).sort(), same.Runtime === Runtime && same.TauError === TauError, version()]));`);
  const out = JSON.parse(execFileSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' }));
  assert.deepEqual(out, [Object.keys(tau).sort(), true, tau.version()]);
});

test('version, features and the build are told', () => {
  const info = tau.buildInfo();
  assert.equal(info.version, tau.version());
  assert.deepEqual(tau.abiVersion(), [require('libtau/native').ABI_MAJOR, require('libtau/native').ABI_MINOR]);
  assert.deepEqual([tau.hasFeature('tool:read'), tau.hasFeature('no such thing')], [true, false]);
  assert.equal(JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'))).version, tau.version());
});

test('a library whose ABI does not fit is refused', (cleanup) => {
  const folder = path.join(folderOf(cleanup), 'libtau');
  fs.cpSync(PACKAGE, folder, { recursive: true });
  const file = path.join(folder, 'native.js');
  for (const [from, to] of [[/ABI_MAJOR = (\d+)/, 'ABI_MAJOR = 9'], [/ABI_MINOR = (\d+)/, 'ABI_MINOR = 99']]) {
    const text = fs.readFileSync(path.join(PACKAGE, 'native.js'), 'utf8');
    fs.writeFileSync(file, text.replace(from, to).replace("'./libtau.node'", JSON.stringify(path.join(PACKAGE, 'libtau.node'))));
    assert.throws(() => execFileSync(process.execPath, ['-e', `require(${JSON.stringify(folder)})`], { stdio: 'pipe' }),
      /this package needs/);
  }
});

test('inspect and JSON show ids and no inner things', async (cleanup) => {
  const secret = ['not', 'for', 'logs'].join('-');
  const agent = agentOf(cleanup, [turn({ text: 'a' })], { system: secret, config: {} });
  agent.tool({ name: 'f', effect: 'pure' }, () => secret);
  const session = agent.session('one');
  const run = session.run(secret);
  const outcome = await run.result();
  const shown = inspect([agent.runtime, agent, session, run, outcome], { depth: 9, showHidden: false });
  assert.ok(!shown.includes(secret), shown);
  assert.ok(shown.includes("Session { id: 'one' }") && shown.includes(run.id) && shown.includes("tools: ['f']"), shown);
});

test('codecs', () => {
  const { wire } = tau;
  const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  const neutral = wire.decode('openai_chat', request, { kind: 'request' });
  const back = wire.encode('openai_chat', neutral);
  assert.equal(back.messages[0].content, 'hi');
  const error = wire.decodeError('openai_chat', 429, '{"error":{"message":"slow down"}}', { 'retry-after': '2' });
  assert.deepEqual([error.retryable, error.retry_after_ms], [true, 2000]);
  assert.throws(() => wire.decode('klingon', '{}'), { name: 'TauError', code: 'INVALID_ARGUMENT', reason: 'unknown_dialect' });

  const encoder = new wire.StreamEncoder('anthropic_messages');
  const decoder = new wire.Stream('openai_chat');
  const chunk = (delta, finish = null) => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const bytes = Buffer.from(`${chunk({ role: 'assistant', content: 'größe' })}${chunk({}, 'stop')}data: [DONE]\n\n`);
  const events = [...bytes].flatMap((byte) => decoder.feed(Uint8Array.of(byte)));
  events.push(...decoder.end());
  assert.equal(events.filter((event) => event.event === 'text').map((event) => event.text).join(''), 'größe');
  assert.match(encoder.feed(events) + encoder.end(), /größe/);
  const binary = new wire.StreamEncoder('bedrock_converse');
  const messages = Buffer.concat([binary.feedBytes(events), binary.endBytes()]);
  const back2 = new wire.Stream('bedrock_converse');
  const found = [...back2.feed(messages), ...back2.end()];
  assert.equal(found.at(-1).response.message.parts[0].text, 'größe');
  const cut = new wire.Stream('openai_chat');
  cut.feed(chunk({ content: 'a' }));
  assert.throws(() => cut.end(), { code: 'UNAVAILABLE', reason: 'stream_truncated' });
  assert.throws(() => cut.feed('x'), { reason: 'closed' });
});
