'use strict';
// Plays scenarios through the Node package; the form of a file: scenarios.py. Prints the body of every event.

const fs = require('node:fs');
const tau = require('libtau');

class Play {
  constructor(runtime) {
    this.runtime = runtime;
    this.tools = {};
    this.rules = [];
  }

  async line(part) {
    if (part[0] === 'agent') {
      this.agent = this.runtime.agent({ config: JSON.parse(part[1]) });
    } else if (part[0] === 'tool') {
      this.addTool(part);
    } else if (part[0] === 'run') {
      this.session ??= this.agent.session();
      await this.run(part);
    } else if (part[0] === 'memory') {
      this.memory = this.runtime.memory(JSON.parse(part[1]));
    } else if (part[0] === 'perform' || part[0] === 'search') {
      await this.ask(part[0], JSON.parse(part[1]));
    } else {
      this.rules.push({ once: part[0] === 'once', event: part[1], op: part[2], done: false });
    }
  }

  async ask(what, { query, ...request }) {
    try {
      const answer = what === 'search' ? await this.memory.search(query, request) : await this.memory.perform(request);
      console.log('memory', JSON.stringify(answer));
    } catch (error) {
      console.log('!', error.reason);
    }
  }

  addTool([, name, effect, flags, parameters, by, answer, error, reason]) {
    const content = JSON.parse(answer);
    const manifest = { name, description: name, effect, parameters: JSON.parse(parameters),
      parallel: flags.includes('parallel'), idempotent: flags.includes('idempotent'), ask: flags.includes('ask') };
    if (by === 'function') {
      this.agent.tool(manifest, () => {
        if (error === '1') throw new tau.ToolError(content, reason);
        return content;
      });
    } else {
      this.agent.tool(manifest);
      this.tools[name] = { content, ...(error === '1' ? { is_error: true, reason } : {}) };
    }
  }

  async run([, prompt, options, deadline, flags]) {
    for (const rule of this.rules) rule.done = false;
    const { response_schema: responseSchema, ...others } = JSON.parse(options || '{}');
    const run = this.session.run(prompt || undefined, { responseSchema, ...others, deadlineMs: Number(deadline) || undefined,
      quiet: flags === 'quiet' });
    for await (const event of run) {
      console.log(JSON.stringify(event.body));
      let cancelled = false; // then its calls wait for no answer
      for (const rule of this.rules) {
        if (rule.event !== event.kind || (rule.once && rule.done)) continue;
        rule.done = true;
        cancelled ||= rule.op === 'cancel';
        this.obey(run, rule.op, event);
      }
      if (!cancelled && event.kind === 'tool_call' && this.tools[event.text])
        run.submit({ op: 'tool_result', call_id: event.callId, ...this.tools[event.text] });
    }
  }

  obey(run, op, event) {
    if (op === 'cancel') {
      run.cancel();
      return;
    }
    try {
      run.submit(JSON.parse(op.replace('$CALL', event.callId)));
    } catch (error) {
      console.log('!', error.reason);
    }
  }
}

async function main() {
  const config = process.env.DOOR_CONFIG;
  const runtime = new tau.Runtime({ config: config ? JSON.parse(config) : undefined });
  for (const path of process.argv.slice(2)) {
    console.log('==', path);
    const play = new Play(runtime);
    for (const line of fs.readFileSync(path, 'utf8').split('\n')) if (line) await play.line(line.split('\t'));
  }
  await runtime.close();
}

main();
