// The same streams as sdk_streams.mjs through libtau's Node package, delivered by `for await`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sample } from '../support/sampler.mjs';
import { piecesOf } from './streams.mjs';

const { wire } = createRequire(import.meta.url)('libtau');

async function* events(dialect, pieces) {
  const stream = new wire.Stream(dialect);
  for (const piece of pieces) yield* stream.feed(piece);
  yield* stream.end();
}

function reader(dialect, data) {
  const pieces = piecesOf(data);
  return async () => {
    let last;
    for await (const event of events(dialect, pieces)) last = event;
    if (last.event !== 'finish') throw new Error('events are missing');
  };
}

const pairs = process.argv.slice(2).filter((word) => word.includes('=')).map((word) => word.split('='));
await sample(Object.fromEntries(pairs.map(([dialect, file]) => [`node_libtau_${dialect}`, [reader(dialect, readFileSync(file)), 1]])));
