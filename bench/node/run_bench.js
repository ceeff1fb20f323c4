'use strict';
// CPU of the run of bench/capi/run_bench.cpp (two turns, one tool of the host, eight text deltas; scripted model, nothing
// stored) as a JavaScript program sees it: every event delivered to `for await`, and only the outcome awaited. All
// threads of the process count: the library's loop, V8's collector and compiler.
//
// Usage: node run_bench.js FILES-OF-THE-PACKAGE… [--json FILE] [--quick]; or … --count N to play N runs and stop.

const fs = require('node:fs');
const path = require('node:path');

const SAMPLES = 15;
const RUNS = 1000; // of one sample
const WARM_UP = 5000; // until V8 has compiled what is hot
const TEXT_EVENTS = 8; // deltas of the script; merged ones are counted singly

const argv = process.argv.slice(2);
const option = (name) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
const tau = require(path.resolve(path.dirname(argv.find((name) => name.endsWith('.node')))));

const runtime = new tau.Runtime({ workers: 0 });
const agent = runtime.agent({ model: 'scripted/bench', tools: [], policy: { allow: ['add'] }, script: { loop: true, turns: [
  { tool_calls: [{ name: 'add', arguments: { a: 1, b: 2 } }] },
  { text: ['The ', 'sum ', 'of ', '1 ', 'and ', '2 ', 'is ', '3.'] },
] } });
let calls = 0;
agent.tool({ name: 'add', effect: 'pure' }, async ({ a, b }) => {
  calls += 1;
  return a + b;
});

async function iterated(session = agent.session()) {
  let texts = 0;
  let ended = false;
  for await (const event of session.run('What is 1 + 2?')) {
    if (event.kind === 'text') texts += event.seq - event.firstSeq + 1;
    else if (event.kind === 'run_done') ended = event.outcome.ok;
  }
  if (texts !== TEXT_EVENTS || !ended) throw new Error('the script was not played');
  session.close();
}

/** The sessions are left to the collector, and are many by the time it comes. */
async function forgotten() {
  const session = agent.session();
  await iterated({ run: (prompt) => session.run(prompt), close: () => {} });
}

async function awaited() {
  const session = agent.session();
  const outcome = await session.run('What is 1 + 2?').result();
  if (outcome.text !== 'The sum of 1 and 2 is 3.') throw new Error('the script was not played');
  session.close();
}

/** Runs side by side, as a server has them. */
async function together() {
  await Promise.all(Array.from({ length: 50 }, () => iterated()));
}

async function cpuOf(play, times, runsOfPlay) {
  const start = process.cpuUsage();
  for (let i = 0; i < times; i += 1) await play();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / times / runsOfPlay;
}

function row(name, samples) {
  const value = [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)];
  return { name, unit: 'us_cpu_per_run', value, baseline: null, ratio: null, samples };
}

async function main() {
  if (option('--count')) {
    await cpuOf(iterated, Number(option('--count')), 1);
    return;
  }
  const runs = argv.includes('--quick') ? RUNS / 10 : RUNS;
  const rows = [];
  await cpuOf(iterated, WARM_UP, 1);
  for (const [name, play, size] of [['for_await', iterated, 1], ['result', awaited, 1],
    ['for_await_50_at_once', together, 50], ['for_await_session_not_closed', forgotten, 1]]) {
    const samples = [];
    for (let i = 0; i < SAMPLES; i += 1) samples.push(await cpuOf(play, Math.ceil(runs / size), size));
    rows.push(row(name, samples));
    console.log(`${name.padEnd(32)} ${rows.at(-1).value.toFixed(1).padStart(8)} us of CPU per run`);
  }
  if (calls === 0) throw new Error('the tool was not called');
  if (option('--json')) fs.writeFileSync(option('--json'), JSON.stringify(rows));
}

main().then(() => runtime.close());
