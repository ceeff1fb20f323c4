'use strict';
// Scanners by themselves, and that of a runtime.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { inspect } = require('node:util');

const tau = require('libtau');
const { agentOf, collect, turn } = require('./support.js');
const { test } = require('./tap.js');

const secret = () => randomBytes(16).toString('base64url');

test('a scanner finds and takes out what it was told', () => {
  const scanner = new tau.Scanner();
  const known = secret();
  scanner.addSecret('mine', known);
  const text = `é ${known} and ${Buffer.from(known).toString('hex')}`;
  const found = scanner.scan(text);
  assert.deepEqual(found.map((each) => each.subject), ['mine', 'mine']);
  assert.deepEqual([found[0].offset, found[0].length], [3, known.length]);
  assert.equal(scanner.redact(text), 'é [redacted:registered-secret] and [redacted:registered-secret]');
  assert.deepEqual(scanner.describe().secrets, ['mine']);
  assert.ok(!inspect(scanner).includes(known));
  scanner.removeSecret('mine');
  assert.deepEqual(scanner.scan(text), []);
  assert.throws(() => scanner.removeSecret('mine'), { code: 'NOT_FOUND', reason: 'secret_not_found' });
  assert.throws(() => scanner.addSecret('short', 'abc'), { code: 'INVALID_ARGUMENT', reason: 'secret_too_short' });
});

test('rules may be replaced or left out', () => {
  const token = `gh${'p'}_${randomBytes(18).toString('hex')}`;
  const scanner = new tau.Scanner();
  assert.equal(scanner.scan(token).length, 1);
  assert.equal(new tau.Scanner({ useRules: false }).scan(token).length, 0);
  scanner.replaceRules({ format: 1, revision: 7 });
  assert.throws(() => scanner.replaceRules({ format: 1, revision: 6 }), { reason: 'rules_outdated' });
  assert.throws(() => scanner.replaceRules({ format: 1, revision: 8, rules: 3 }), { reason: 'invalid_rules' });
});

test('personal data is looked for when asked to', () => {
  const text = 'jane@example.org pays with 4111 1111 1111 1111';
  assert.equal(new tau.Scanner().scan(text).length, 0);
  assert.equal(new tau.Scanner({ pii: ['email', 'card'] }).redact(text),
    '[redacted:email] pays with [redacted:payment-card]');
  const signals = new tau.Scanner({ pii: ['email'], piiAction: 'signal' });
  assert.equal(signals.redact(text), text);
  assert.equal(signals.scan(text)[0].signal, true);
  assert.throws(() => new tau.Scanner({ pii: ['name'] }), { reason: 'invalid_pii' });
  assert.throws(() => new tau.Scanner({ piiAction: 'drop' }), TypeError);
});

test('pieces of a text', () => {
  const scanner = new tau.Scanner({ useRules: false });
  const known = secret();
  scanner.addSecret('mine', known);
  const redactor = scanner.redactor();
  let out = '';
  for (const piece of `It is ${known}, they say.`) out += redactor.feed(piece);
  out += redactor.finish();
  assert.equal(out, 'It is [redacted:registered-secret], they say.');
  redactor.feed('half');
  assert.equal(redactor.flush() + redactor.finish(), 'half');
});

test('what a program registers is taken out of its runs', async (cleanup) => {
  const known = secret();
  const agent = agentOf(cleanup, [turn({ text: ['The word is ', known.slice(0, 9), known.slice(9), '!'] })]);
  agent.runtime.scanner.addSecret('word', known);
  const events = await collect(agent.session().run('What is the word?'));
  const text = events.filter((event) => event.kind === 'text').map((event) => event.text).join('');
  assert.equal(text, 'The word is [redacted:registered-secret]!');
});
