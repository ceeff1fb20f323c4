'use strict';
// The JavaScript examples of the documents run; a scripted model stands in for the one they name.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const tau = require('libtau');
const { test, within } = require('./tap.js');
const { turn } = require('./support.js');

const ROOT = path.resolve(__dirname, '..', '..');
const NAMED = 'openai/gpt-5-mini';

function examples(page) {
  return [...fs.readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```js\n(.*?)^```/gms)].map((match) => match[1]);
}

/** The package with the scripted model in place of the named one. */
function standIn(turns) {
  const scripted = (options) => {
    if (options.model === 'host/echo') return options;  // the example's own
    assert.equal(options.model, NAMED);
    return { ...options, model: 'scripted/demo', script: { turns } };
  };
  class Runtime extends tau.Runtime {
    agent(options) {
      return super.agent(scripted(options));
    }
  }
  return { ...tau, Runtime, run: (prompt, options) => tau.run(prompt, scripted(options)) };
}

/** What an example prints, in all. */
function outputOf(text, turns) {
  let out = '';
  const write = (more) => { out += more; };
  const finished = new Promise((resolve) => {
    const print = (...items) => { write(`${items.join(' ')}\n`); resolve(); };
    vm.runInNewContext(`(async () => { ${text} })()`, { AbortSignal, console: { log: print },
      process: { stdout: { write } }, require: (name) => (name === 'libtau' ? standIn(turns) : require(name)) });
  });
  return within(finished.then(() => out), 30_000);
}

test('the examples of the README and of docs/node.md run', async () => {
  const sums = [turn({ calls: [['add', { a: 2, b: 3 }]] }), turn({ text: 'It is 5.' })];
  const talk = [turn({ text: ['Hel', 'lo.'] }), turn({ text: 'The end.' })];
  const [readme] = examples('README.md');
  const [first, loop, own, ...others] = examples('docs/node.md');
  assert.equal(await outputOf(readme, sums), 'It is 5.\n');
  assert.equal(await outputOf(first, sums), 'It is 5. 0\n');
  assert.equal(await outputOf(loop, talk), 'Hello.The end.\n');
  assert.equal(await outputOf(own, []), 'You said: hi\n');
  assert.deepEqual(others, []);
});
