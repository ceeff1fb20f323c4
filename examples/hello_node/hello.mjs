#!/usr/bin/env node
// One question, one tool, streamed: the whole of an agent in JavaScript.
//
//   node hello.mjs                      a model that plays a script: no key, no network
//   node hello.mjs openai/gpt-5-mini    any provider whose key is in the environment

import { createRequire } from 'node:module';

// As `import { Runtime, tool } from 'libtau'` in a project that has the package; this also heeds NODE_PATH.
const { Runtime, tool } = createRequire(import.meta.url)('libtau');

const SCRIPT = { turns: [
  { text: ['I shall ', 'count them.'], tool_calls: [{ name: 'word_count', arguments: { text: 'to be or not' } }] },
  { text: ['Those are ', 'four ', 'words.'] },
] };

const wordCount = tool({
  name: 'word_count',
  description: 'Counts the words of a text.',
  effect: 'pure',
  parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
}, async ({ text }) => text.split(/\s+/).filter(Boolean).length);

const [name] = process.argv.slice(2);
const model = name ? { model: name } : { model: 'scripted/demo', script: SCRIPT };
const runtime = new Runtime({ environment: true });
const agent = runtime.agent({ ...model, system: 'Answer in one sentence.', tools: [wordCount] });

for await (const event of agent.session().run('How many words are in "to be or not"?')) {
  if (event.kind === 'text') process.stdout.write(event.text);
  if (event.kind === 'tool_result') console.log(`\n[${event.body.tool} -> ${event.text}]`);
  if (event.kind === 'run_done') {
    console.log(`\n(${event.outcome.status}, ${event.outcome.turns} turns)`);
    process.exitCode = event.outcome.ok ? 0 : 1;
  }
}
await runtime.close();
