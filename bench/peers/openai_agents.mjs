// The run of bench/doors through @openai/agents: its streamed runner over a model that plays the script and does no more.
// See sampler.mjs for the arguments.

import { Agent, Runner, tool } from '@openai/agents';
import { sample } from './sampler.mjs';

const PIECES = ['The ', 'sum ', 'of ', '1 ', 'and ', '2 ', 'is ', '3.'];
const USAGE = { inputTokens: 0, outputTokens: 0, totalTokens: 0 };

function done(id, item) {
  return { type: 'response_done', response: { id, usage: USAGE, output: [item] } };
}

const scripted = {
  async getResponse() {
    throw new Error('expected a streamed call');
  },
  async* getStreamedResponse({ input }) {
    yield { type: 'response_started' };
    if (typeof input === 'string' || input.length === 1) {
      yield done('1', { type: 'function_call', callId: 'call', name: 'add', arguments: '{"a":1,"b":2}', status: 'completed' });
      return;
    }
    for (const delta of PIECES) yield { type: 'output_text_delta', delta };
    yield done('2', { type: 'message', role: 'assistant', status: 'completed',
      content: [{ type: 'output_text', text: PIECES.join('') }] });
  },
};

let calls = 0;
const add = tool({
  name: 'add', description: 'Adds two numbers.', strict: false,
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'],
    additionalProperties: true },
  execute: async ({ a, b }) => {
    calls += 1;
    return a + b;
  },
});
const agent = new Agent({ name: 'bench', model: scripted, tools: [add] });
const runner = new Runner({ tracingDisabled: true });

async function play() {
  let texts = 0;
  calls = 0;
  const result = await runner.run(agent, 'What is 1 + 2?', { stream: true });
  for await (const event of result) {
    if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') texts += 1;
  }
  if (texts !== PIECES.length || calls !== 1 || result.finalOutput !== PIECES.join('')) throw new Error('the script was not played');
}

await sample({ node_openai_agents: [play, 1] });
