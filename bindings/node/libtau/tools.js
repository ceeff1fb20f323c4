'use strict';
// Tools: JavaScript functions that a model may call.

const native = require('./native.js');
const { ToolError, textOf } = require('./errors.js');
const { checkOptions, json } = require('./values.js');

const KNOWN = new Set(['name', 'description', 'parameters', 'effect', 'parallel', 'idempotent', 'ask', 'timeoutMs',
  'destinations']);
const EFFECTS = native.tau_tool_effect;
const FLAGS = native.tau_tool_flags;

/** A manifest and the function that answers; without one the reader of the events answers. */
class Tool {
  constructor(manifest, execute) {
    checkOptions('tool', manifest, KNOWN);
    if (typeof manifest.name !== 'string') throw new TypeError('tool: name is missing');
    if (execute !== undefined && typeof execute !== 'function') {
      throw new TypeError(`tool ${manifest.name}: expected a function`);
    }
    this.name = manifest.name;
    this.manifest = Object.freeze({ ...manifest });
    this.execute = execute;
    Object.freeze(this);
  }

  /** The members of tau_tool. */
  _entry() {
    const { name, description, parameters, effect = 'irreversible', parallel, idempotent, ask, timeoutMs,
      destinations } = this.manifest;
    const number = EFFECTS[String(effect).toUpperCase()];
    if (number === undefined) {
      const known = Object.keys(EFFECTS).join(', ').toLowerCase();
      throw new TypeError(`tool ${name}: effect ${effect} is none of ${known}`);
    }
    const flags = (parallel ? FLAGS.PARALLEL : 0) | (idempotent ? FLAGS.IDEMPOTENT : 0) | (ask ? FLAGS.ASK : 0);
    return { name, description, parameters: json(parameters), effect: number, flags, timeout_ms: timeoutMs,
      destinations: json(destinations) };
  }
}

/** What a tool function gets beside its arguments. */
class ToolCall {
  #run;
  #abort;

  constructor(run, callId, name) {
    this.#run = run;
    this.runId = run.id;
    this.callId = callId;
    this.name = name;
  }

  /** Aborts when nobody wants the result any more. */
  get signal() {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (!this.#run._wants(this.callId)) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Reports to whoever watches the run. */
  progress(text) {
    if (this.#run._wants(this.callId)) this.#run.toolProgress(this.callId, text);
  }

  static drop(call) {
    call.#abort?.abort();
  }
}

/** Halves of surrogate pairs are no Unicode text: each becomes a replacement character. */
function wellFormed(text) {
  return Buffer.from(text).toString();
}

/** What the model sees of a returned value: text as it is, anything else as JSON. */
function resultText(value) {
  if (typeof value === 'string') return wellFormed(value);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return JSON.stringify(value, (key, item) => (typeof item === 'bigint' ? item.toString() : item)) ?? 'null';
}

/** The op that answers a call with what its function returned. */
function success(callId, value) {
  try {
    return { op: 'tool_result', call_id: callId, content: resultText(value), is_error: false };
  } catch (error) { // no JSON: a cycle, a toJSON that throws
    return failure(callId, error);
  }
}

/** The op that answers a call with an exception. */
function failure(callId, error) {
  const [reason, text] = isToolError(error) ? [error.reason, error.message] : ['tool_failed', textOf(error)];
  return { op: 'tool_result', call_id: callId, content: wellFormed(text), is_error: true, reason };
}

function isToolError(error) {
  try {
    return error instanceof ToolError;
  } catch { // a proxy whose prototype cannot be had
    return false;
  }
}

module.exports = { Tool, ToolCall, failure, success };
