// Streams through the Node SDKs of OpenAI and Anthropic, delivered by `for await`. See bench/support/sampler.mjs for the
// arguments; behind them stand DIALECT=FILE pairs.
import { readFileSync } from 'node:fs';
import { Stream as AnthropicStream } from '@anthropic-ai/sdk/streaming';
import { Stream as OpenAIStream } from 'openai/streaming';
import { sample } from './sampler.mjs';
import { piecesOf } from './streams.mjs';

const SDKS = { openai_chat: OpenAIStream, anthropic_messages: AnthropicStream };

function reader(Stream, data) {
  const pieces = piecesOf(data);
  return async () => {
    let at = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (at < pieces.length) controller.enqueue(pieces[at++]);
        else controller.close();
      },
    });
    let count = 0;
    for await (const event of Stream.fromSSEResponse(new Response(body), new AbortController())) count += event ? 1 : 0;
    if (count < 3) throw new Error('events are missing');
  };
}

const pairs = process.argv.slice(2).filter((word) => word.includes('=')).map((word) => word.split('='));
await sample(Object.fromEntries(pairs.map(([dialect, file]) =>
  [`node_sdk_${dialect}`, [reader(SDKS[dialect], readFileSync(file)), 1]])));
