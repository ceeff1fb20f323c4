'use strict';
// Policies: whether a tool call may run, for programs that run their own agent.

const native = require('./native.js');
const { inspect, json } = require('./values.js');

/** Rules for tool calls. */
class Policy {
  constructor(document) {
    this._handle = native.tau_policy_new(json(document));
  }

  /** The verdict on a call. An exception is none: do not make the call. */
  decide(call) {
    return JSON.parse(native.tau_policy_decide(this._handle, json(call)));
  }

  /** Its epoch, its document, what is in force, the table of presets, all reasons. */
  describe() {
    return JSON.parse(native.tau_policy_describe(this._handle));
  }

  [inspect]() {
    return `Policy { preset: '${this.describe().document.preset}' }`;
  }
}

module.exports = { Policy };
