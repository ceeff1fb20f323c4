'use strict';
// The runtime: loops, workers, the store of a home directory, the configuration.

const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const native = require('./native.js');
const { Agent } = require('./agent.js');
const { Channels } = require('./channel.js');
const { TauError } = require('./errors.js');
const { asyncDispose, checkOptions, dispose, inspect, json } = require('./values.js');

const KNOWN = new Set(['home', 'workspace', 'config', 'environment', 'configFiles', 'loops', 'workers', 'execHelper']);
const CLOSE_MS = 10_000;
const LONGEST_PAUSE_MS = 20;

function expand(name) {
  if (name === undefined || name === null) return undefined;
  const text = String(name);
  return text === '~' || text.startsWith('~/') ? path.join(os.homedir(), text.slice(1)) : text;
}

/** What everything else hangs on; a program opens one and keeps it. */
class Runtime {
  constructor(options = {}) {
    checkOptions('Runtime', options, KNOWN);
    const flag = native.tau_runtime_flags;
    const { home, workspace, config, environment, configFiles, loops = 1, workers, execHelper } = options;
    this._handle = native.tau_runtime_new({
      flags: (home ? 0 : flag.NO_STORE) | (environment ? flag.USE_ENVIRONMENT : 0)
        | (configFiles ? flag.USE_CONFIG_FILES : 0),
      home: expand(home),
      workspace: expand(workspace),
      config: json(config),
      loops,
      workers: workers === 0 ? native.NO_WORKERS : workers,
      exec_helper: expand(execHelper),
    });
    this._channels = new Channels(this._handle);
    this._closed = false;
  }

  /** An Agent of this runtime. */
  agent(options = {}) {
    return new Agent(this, options);
  }

  /** The configuration in force with the origin of each value, and the model that would answer. */
  describe() {
    return JSON.parse(native.tau_runtime_describe(this._handle));
  }

  /** Descriptions of the sessions of the home, newest first. */
  * sessions({ limit = 1000 } = {}) {
    let after;
    do {
      const page = JSON.parse(native.tau_session_list(this._handle, limit, after));
      yield* page.sessions;
      after = page.next;
    } while (after);
  }

  /** Removes a session and erases what no fork shares. */
  removeSession(id) {
    native.tau_session_remove(this._handle, id);
  }

  /** Re-runs the recorded inputs of a run; DATA_LOSS "replay_diverged" when the engine answers otherwise. */
  replay(runId) {
    return JSON.parse(native.tau_run_replay(this._handle, runId));
  }

  /** Cancels every run and waits until their records are durable. Asks again and again: Node's loop goes on meanwhile. */
  async stop({ timeoutMs } = {}) {
    const limit = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        native.tau_runtime_stop(this._handle, 0);
        return;
      } catch (error) {
        if (!(error instanceof TauError) || error.code !== 'DEADLINE_EXCEEDED' || performance.now() >= limit) throw error;
      }
      await sleep(pause);
    }
  }

  /** Stops the runtime and gives it and all that belongs to it back. Harmless when it was closed. */
  async close({ timeoutMs = CLOSE_MS } = {}) {
    if (this._closed) return;
    this._closed = true;
    try {
      await this.stop({ timeoutMs });
    } finally {
      this._release();
    }
  }

  async [asyncDispose]() {
    await this.close();
  }

  /** As close(), but Node's loop stands still meanwhile. */
  [dispose]() {
    if (this._closed) return;
    this._closed = true;
    try {
      native.tau_runtime_stop(this._handle, CLOSE_MS);
    } finally {
      this._release();
    }
  }

  /** With all agents, sessions and runs, so that the home is free for another runtime. */
  _release() {
    this._channels.close();
    native.release_all_of(this._handle);
  }

  [inspect]() {
    return `Runtime { ${this._closed ? 'closed' : 'open'} }`;
  }
}

module.exports = { Runtime };
