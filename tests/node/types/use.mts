// What a user writes, in full: everything here must compile.
import {
  Policy, Runtime, TauError, ToolError, Vault, abiVersion, auditHead, auditRecords, buildInfo, checkUrl,
  hasFeature, injectionSignals, readAudit, run, summariseAudit, tool, verifyAudit, version, wire,
} from 'libtau';
import type {
  Agent, Blob, Event, MemoryEntry, MemoryHits, OnApproval, Outcome, PolicyVerdict, Run, Secret, Session, ToolCall,
} from 'libtau';
import * as native from 'libtau/native';

const runtime = new Runtime({ home: '~/x', environment: true, loops: 2, workers: 0, config: { limits: { turns: 3 } } });
const count = tool<{ text: string }>({
  name: 'count', description: 'Counts.', effect: 'pure', parallel: true, timeoutMs: 5,
  parameters: { type: 'object', properties: { text: { type: 'string' } } },
}, async ({ text }, call) => {
  call.progress(call.name);
  if (call.signal.aborted) throw new ToolError('gone', 'gone');
  return text.length;
});
const onApproval: OnApproval = async (event) => (event.text === 'x' ? true : { allow: false, reason: 'no' });
const agent: Agent = runtime.agent({ model: 'scripted/demo', tools: [count, 'read'], onApproval });
agent.tool({ name: 'plain', destinations: ['to'] });
agent.tool({ name: 'any' }, (args: { a: number }, call: ToolCall) => `${args.a}${call.callId}`);
const session: Session = agent.session('one');
const blob: Blob = { mime: 'image/png', data: new Uint8Array(2) };
const controller = new AbortController();

async function read(): Promise<string> {
  await using going: Run = session.run('hi', { signal: controller.signal, deadlineMs: 5, blobs: [blob], quiet: false });
  let all = '';
  for await (const event of going) {
    switch (event.kind) {
      case 'text': all += event.text; break;
      case 'approval': going.approve(event, { id: 'a' }); going.deny(event.callId, 'no'); break;
      case 'tool_call': going.toolResult(event, { any: event.arguments }, { isError: true, reason: 'x' }); break;
      case 'run_done': all += event.outcome.usage.costUsdMicros.toFixed(); break;
      default: all += String(event.body['event']);
    }
  }
  going.steer('shorter');
  going.message('more', { id: 'm', blobs: [blob] });
  going.cancel();
  const outcome: Outcome = await going.result();
  const code: 'ok' | 'cancelled' | string = outcome.code;
  return all + code;
}

async function all(): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (error instanceof TauError && error.code === 'UNAVAILABLE' && error.retryable) {
      const wait: number = error.retryAfterMs ?? 0;
      console.log(wait, error.reason, error.details['http_status'], error.outcome?.status);
    }
  }
  for (const one of runtime.sessions({ limit: 2 })) console.log(one['id']);
  using fork = session.fork({ entry: 'e', id: 'f' });
  console.log(fork.export(), fork.describe(), session.agent.runtime.describe(), runtime.replay('r'));
  runtime.removeSession('one');
  await runtime.stop({ timeoutMs: 5 });
  await runtime.close();
  const text: string = (await run('hi', { model: 'a/b', tools: [count] })).text;
  console.log(text, version(), abiVersion()[0], hasFeature('x'), buildInfo()['version']);
  const events: wire.Stream = new wire.Stream('openai_chat', { quirks: {} });
  console.log(events.feed('x'), wire.decode('openai_chat', '{}', { kind: 'request' }), native.tau_status.OK);
}

export function vault(path: string): number {
  using kept: Vault = new Vault(path, { keyFile: 'key', make: true, create: true });
  kept.put('a', new Uint8Array(1), { origin: 'https://host', expires: new Date() });
  kept.rotateSecret('a', new Uint8Array(3), { graceMs: 1000 });
  const secret: Secret = kept.get('a', { version: 1 });
  kept.addKey({ passphrase: new Uint8Array(12), label: 'words' });
  kept.rotateKeys();
  void new Runtime({ vault: kept });
  return secret.reveal().length + Object.keys(kept.describe()).length;
}

export function policy(): string {
  const rules = new Policy({ preset: 'strict' });
  const found: PolicyVerdict = rules.decide({ tool: { name: 'f', effect: 'read' }, arguments: {}, labels: { integrity: ['user'] },
    user: ['hi'], reads: [{ arguments: '{}', content: 'x' }], run: { calls: 1, recent: [{ tool: 'f', age_ms: 5 }] } });
  const place = checkUrl('https://host/', { hosts: ['host'], addresses: ['192.0.2.1'] });
  return `${found.verdict}${found.signals.length}${place.verdict}${place.port ?? 0}${injectionSignals('x', 'user').length}`;
}

export function audit(home: string): number {
  const runtime = new Runtime({ home });
  runtime.audit({ kind: 'host.noted', action: 'deployed', count: 3 });
  const head: string = runtime.auditHead();
  const about = verifyAudit(home, { head });
  const page = readAudit(home, { cursor: '-3', limit: 3 });
  return Object.keys(about).length + Object.keys(page).length + [...auditRecords(home)].length
    + Object.keys(summariseAudit([home], { data: new Uint8Array(3) })).length + auditHead(home).length;
}

export const kinds: Event['kind'][] = ['text', 'run_done'];
export default all;

async function memories(): Promise<number> {
  runtime.setEmbedder('two', 2, async (texts, purpose) => texts.map((text) => [text.length, purpose === 'query' ? 1 : 0]));
  const memory = runtime.memory({ workspace: 'w', channel: 'c' });
  const entry: MemoryEntry = { text: 'x', type: 'fact', time: new Date(), fact: { subject: 'a', predicate: 'b', object: 'c' } };
  const { id } = await memory.add('a text', { tags: ['x'], expectedRevision: 0 });
  const written = await memory.add([entry, 'another'], { vectors: [new Float32Array(2), [1, 2]] });
  const found: MemoryHits = await memory.search('a text', { k: 3, asOf: { valid: '2026-01-01' }, explain: true });
  for await (const each of memory.list({ types: ['fact'] })) await memory.relate(id, each.id, 'part_of', { weight: 0.5 });
  await memory.forget(id);
  const erased: number = (await memory.purge([id])) + (await memory.purge({ all: true, tags: ['x'] }));
  memory.close();
  return erased + written.length + found.hits[0]!.score;
}
void memories;
