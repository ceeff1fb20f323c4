'use strict';
// Agents: a model, instructions and tools that sessions are run with.

const native = require('./native.js');
const { Session } = require('./session.js');
const { Tool } = require('./tools.js');
const { checkOptions, dispose, given, inspect, json } = require('./values.js');

const KNOWN = new Set(['model', 'system', 'tools', 'limits', 'policy', 'params', 'responseSchema', 'script',
  'principal', 'onApproval', 'config']);

/** A configuration and a set of tools; made by runtime.agent(). */
class Agent {
  constructor(runtime, options) {
    checkOptions('agent', options, KNOWN);
    const { model, system, tools, limits, policy, params, responseSchema, script, principal, onApproval,
      config } = options;
    if (tools !== undefined && !Array.isArray(tools)) throw new TypeError('agent: tools should be an array');
    const names = tools?.filter((item) => typeof item === 'string');
    const document = { ...config, ...given({ model, system, tools: names, limits, policy, params,
      response_schema: responseSchema, script }) };
    if (principal !== undefined) document.access = { ...document.access, principal };
    this._runtime = runtime;
    this._onApproval = onApproval;
    this._tools = new Map(); // replaced, never changed: a run keeps those that it started with
    this._handle = native.tau_agent_new(runtime._handle, json(given(document)));
    for (const item of tools ?? []) if (typeof item !== 'string') this._add(item);
  }

  get runtime() {
    return this._runtime;
  }

  /** Offers a tool to the model. Runs that started earlier do not see it. Without a function, whoever reads the
   * tool_call events answers. */
  tool(manifest, execute) {
    const tool = manifest instanceof Tool ? manifest : new Tool(manifest, execute);
    this._add(tool);
    return tool;
  }

  _add(tool) {
    if (!(tool instanceof Tool)) {
      throw new TypeError('agent: a tool is the name of a built-in tool or what tool(manifest, execute) makes');
    }
    native.tau_agent_add_tool(this._handle, tool._entry());
    this._tools = new Map(this._tools).set(tool.name, tool);
  }

  /** Opens a session, creating it when there is none of that id; without an id, a session of its own. */
  session(id) {
    return new Session(this, native.tau_session_open(this._handle, id));
  }

  /** Model, tools with their manifests, limits, policy. */
  describe() {
    return JSON.parse(native.tau_agent_describe(this._handle));
  }

  /** Gives the agent back before it is collected; its sessions go on. */
  close() {
    native.tau_agent_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  [inspect]() {
    return `Agent { tools: [${[...this._tools.keys()].map((name) => `'${name}'`).join(', ')}] }`;
  }
}

module.exports = { Agent };
