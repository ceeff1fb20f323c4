'use strict';
// What the tests share: scripted agents, and programs in processes of their own.

const { execFile } = require('node:child_process');
const tau = require('libtau');

/** A turn of a script. calls: [name, arguments]. */
function turn({ text, calls = [], ...rest } = {}) {
  return { ...(text !== undefined && { text }),
    ...(calls.length > 0 && { tool_calls: calls.map(([name, args = {}]) => ({ name, arguments: args })) }), ...rest };
}

function scripted(turns, { loop = false, config, ...options } = {}) {
  return { config: { model: 'scripted/demo', script: { turns, loop }, ...config }, ...options };
}

/** An agent of a runtime in memory, which is closed when the test ends. */
function agentOf(cleanup, turns, options) {
  const runtime = new tau.Runtime();
  cleanup(() => runtime.close());
  return runtime.agent(scripted(turns, options));
}

const ADD = {
  name: 'add', description: 'Adds two numbers.', effect: 'pure',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
};

async function collect(run) {
  const events = [];
  for await (const event of run) events.push(event);
  return events;
}

/** A program that ends by itself: what it exits with and prints. */
function program(code, ...flags) {
  return new Promise((resolve) => {
    execFile(process.execPath, [...flags, '-e', `const tau = require('libtau');\n${code}`], { timeout: 50_000 },
      (error, stdout, stderr) => resolve({ code: error ? error.code ?? error.signal : 0, stdout, stderr }));
  });
}

/** Waits until `ready` holds; a test that waits in vain ends by its limit. */
async function until(ready) {
  while (!ready()) await new Promise((resolve) => { setTimeout(resolve, 2); });
}

module.exports = { ADD, agentOf, collect, program, scripted, turn, until };
