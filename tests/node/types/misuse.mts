// What must not compile: each marked line, and no other.
import { Runtime, Secret, Session, Vault, run, tool } from 'libtau';

const runtime = new Runtime({ hom: 'x' }); // refused
const agent = runtime.agent({ tools: [() => 1] }); // refused
tool({ name: 'x', effect: 'none' }); // refused
tool({ description: 'no name' }); // refused
new Session(); // refused
agent.session(5); // refused
const going = agent.session().run('x', { signal: new AbortController() }); // refused
for await (const event of going) {
  event.outcome; // refused
  if (event.kind === 'txt') going.cancel(); // refused
  if (event.kind === 'text') going.approve(event); // refused
}
const text: string = await going.result(); // refused
going.id = text; // refused
await run(5); // refused
const vault = new Vault('x', { key: 'text' }); // refused
vault.put('a', 'text'); // refused
new Secret(); // refused
await runtime.memory({ chanel: 'x' }); // refused
await runtime.memory().add('x', { type: 'dream' }); // refused
await runtime.memory().search('x', { k: 'many' }); // refused
