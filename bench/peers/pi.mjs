// The run of bench/doors through @mariozechner/pi-agent-core: its loop over a stream function that does no more than play
// the script, and its Agent over the faux provider of pi-ai. See sampler.mjs for the arguments.

import { Agent, agentLoop } from '@mariozechner/pi-agent-core';
import { createAssistantMessageEventStream, fauxAssistantMessage, fauxToolCall, registerFauxProvider, Type } from '@mariozechner/pi-ai';
import { sample } from './sampler.mjs';

const PROMPT = 'What is 1 + 2?';
const PIECES = ['The ', 'sum ', 'of ', '1 ', 'and ', '2 ', 'is ', '3.'];
// The faux provider cuts a text into pieces of four characters.
const CUT = PIECES.map((piece) => piece.padEnd(4)).join('');
const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
const MODEL = { id: 'bench', name: 'bench', api: 'scripted', provider: 'scripted', baseUrl: '', reasoning: false,
  input: ['text'], cost: NOTHING, contextWindow: 100_000, maxTokens: 10_000 };

function message(content, stopReason) {
  return { role: 'assistant', content, api: MODEL.api, provider: MODEL.provider, model: MODEL.id, stopReason, timestamp: 0,
    usage: { ...NOTHING, totalTokens: 0, cost: { ...NOTHING, total: 0 } } };
}

function scripted(model, { messages }) {
  const stream = createAssistantMessageEventStream();
  const asks = messages.length === 1;
  const block = asks ? { type: 'toolCall', id: 'call', name: 'add', arguments: { a: 1, b: 2 } } : { type: 'text', text: '' };
  const partial = message([block], asks ? 'toolUse' : 'stop');
  stream.push({ type: 'start', partial });
  if (asks) stream.push({ type: 'toolcall_end', contentIndex: 0, toolCall: block, partial });
  for (const delta of asks ? [] : PIECES) {
    block.text += delta;
    stream.push({ type: 'text_delta', contentIndex: 0, delta, partial });
  }
  stream.push({ type: 'done', reason: partial.stopReason, message: partial });
  stream.end(partial);
  return stream;
}

let calls = 0;
const add = {
  name: 'add', label: 'add', description: 'Adds two numbers.', parameters: Type.Object({ a: Type.Number(), b: Type.Number() }),
  execute: async (id, { a, b }) => {
    calls += 1;
    return { content: [{ type: 'text', text: String(a + b) }], details: undefined };
  },
};

function check(texts, text, wanted) {
  if (texts !== PIECES.length || calls !== 1 || text !== wanted) throw new Error('the script was not played');
  calls = 0;
}

async function looped() {
  let texts = 0;
  let text;
  const context = { systemPrompt: '', messages: [], tools: [add] };
  const config = { model: MODEL, convertToLlm: (messages) => messages };
  for await (const event of agentLoop([{ role: 'user', content: PROMPT, timestamp: 0 }], context, config, undefined, scripted)) {
    if (event.type === 'message_update' && event.assistantMessageEvent.type === 'text_delta') texts += 1;
    else if (event.type === 'agent_end') text = event.messages.at(-1).content[0].text;
  }
  check(texts, text, PIECES.join(''));
}

const faux = registerFauxProvider({ tokenSize: { min: 1, max: 1 } });

async function subscribed() {
  let texts = 0;
  faux.setResponses([fauxAssistantMessage(fauxToolCall('add', { a: 1, b: 2 }, { id: 'call' }), { stopReason: 'toolUse' }),
    fauxAssistantMessage(CUT)]);
  const agent = new Agent({ initialState: { systemPrompt: '', model: faux.getModel(), tools: [add], messages: [] } });
  agent.subscribe((event) => {
    if (event.type === 'message_update' && event.assistantMessageEvent.type === 'text_delta') texts += 1;
  });
  await agent.prompt(PROMPT);
  check(texts, agent.state.messages.at(-1).content[0].text, CUT);
}

await sample({ node_pi: [looped, 1], node_pi_faux_provider: [subscribed, 1] });
