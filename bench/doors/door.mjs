// The run of bench/capi/run_bench.cpp as a JavaScript program sees it: two turns, one tool of the host, eight text deltas;
// scripted model, nothing stored. See bench/support/sampler.mjs for the arguments.

import { createRequire } from 'node:module';
import { sample } from '../support/sampler.mjs';

const tau = createRequire(import.meta.url)('libtau');

const ANSWER = 'The sum of 1 and 2 is 3.';
const PROMPT = 'What is 1 + 2?';
const AT_ONCE = 50;

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

async function read(session) {
  let texts = 0;
  let ended = false;
  for await (const event of session.run(PROMPT)) {
    if (event.kind === 'text') texts += event.text.length;
    else if (event.kind === 'run_done') ended = event.outcome.ok;
  }
  if (texts !== ANSWER.length || !ended) throw new Error('the script was not played');
}

async function iterated() {
  const session = agent.session();
  await read(session);
  session.close();
}

/** The sessions are left to the collector, and are many by the time it comes. */
function forgotten() {
  return read(agent.session());
}

async function awaited() {
  const session = agent.session();
  const outcome = await session.run(PROMPT).result();
  if (outcome.text !== ANSWER) throw new Error('the script was not played');
  session.close();
}

/** Runs side by side, as a server has them. */
async function together() {
  await Promise.all(Array.from({ length: AT_ONCE }, iterated));
}

await sample({
  node_for_await: [iterated, 1],
  node_result: [awaited, 1],
  node_for_await_50_at_once: [together, AT_ONCE],
  node_for_await_session_not_closed: [forgotten, 1],
});
if (calls === 0) throw new Error('the tool was not called');
await runtime.close();
