'use strict';
// The runtime: loops, workers, the store of a home directory, the configuration.

const { setTimeout: sleep } = require('node:timers/promises');

const native = require('./native.js');
const { Agent } = require('./agent.js');
const { Channels } = require('./channel.js');
const { TauError } = require('./errors.js');
const { Embedder, Memory } = require('./memory.js');
const { HostModel } = require('./models.js');
const { scannerOf } = require('./scanner.js');
const { asyncDispose, checkOptions, dispose, expand, inspect, json } = require('./values.js');
const { Vault } = require('./vault.js');

const KNOWN = new Set(['home', 'workspace', 'config', 'environment', 'configFiles', 'loops', 'workers', 'execHelper',
  'readOnly', 'vault']);
const APPROVALS = new Set(['all']);
const DECIDE = new Set(['note', 'principal', 'waitMs']);
const AUTH_LOGIN = new Set(['flow']);
const EMBED = new Set(['model', 'inputType', 'dimensions', 'timeoutMs', 'principal']);
const RESOLVE = new Set(['timeoutMs']);
const ESTIMATE = new Set(['outputTokens']);
const USAGE = new Set(['by', 'since', 'until', 'limit']);
const PRUNE = new Set(['maxAgeDays', 'maxBytes', 'dryRun']);
const CLOSE_MS = 10_000;
const LONGEST_PAUSE_MS = 20;

/** What everything else hangs on; a program opens one and keeps it. */
class Runtime {
  constructor(options = {}) {
    checkOptions('Runtime', options, KNOWN);
    const flag = native.tau_runtime_flags;
    const { home, workspace, config, environment, configFiles, loops, workers, execHelper,
      readOnly, vault } = options;
    if (vault !== undefined && vault !== null && !(vault instanceof Vault))
      throw new TypeError('Runtime: vault must be a Vault');
    this._handle = native.tau_runtime_new({
      flags: (home ? 0 : flag.NO_STORE) | (environment ? flag.USE_ENVIRONMENT : 0)
        | (configFiles ? flag.USE_CONFIG_FILES : 0) | (readOnly ? flag.READ_ONLY : 0),
      home: expand(home),
      workspace: expand(workspace),
      config: json(config),
      loops,
      workers: workers === 0 ? native.NO_WORKERS : workers,
      exec_helper: expand(execHelper),
      vault: vault?._handle,
    });
    this._channels = new Channels(this._handle, loops === undefined && !process.versions.bun);
    this._models = new Map();
    this._embedder = undefined;
    this._calls = new Set(); // promises of memories
    this._closed = false;
  }

  /** An Agent of this runtime. */
  agent(options = {}) {
    return new Agent(this, options);
  }

  /** Supplies a model: addModel({ model: 'host/echo' }, async function* (call) { yield 'text'; }). Without a function the reader
   * of the model_call events answers. */
  addModel(document, answer) {
    const model = new HostModel(document, answer);
    native.tau_runtime_add_model(this._handle, { document: json(document) });
    this._models.set(model.name, model);
  }

  /** The vectors of texts, each a Float32Array. Blocks meanwhile. */
  embed(texts, options) {
    checkOptions('embed', options, EMBED);
    const { model, inputType, dimensions, timeoutMs, principal } = options;
    const [bytes, report] = native.tau_embed(this._handle, json({ model, texts: [...texts], input_type: inputType, dimensions,
      timeout_ms: timeoutMs, principal }));
    const { input_tokens: inputTokens, cost_usd_micros: costUsdMicros, requests, ...facts } = JSON.parse(report);
    const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const vectors = [];
    for (let at = 0; at < numbers.length; at += facts.dimensions) vectors.push(numbers.subarray(at, at + facts.dimensions));
    return { vectors, dimensions: facts.dimensions, model: facts.model, inputTokens, costUsdMicros, requests };
  }

  /** The memories of a scope: { workspace, channel, actor, principal }. */
  memory(scope = {}) {
    return new Memory(this, scope);
  }

  /** The vectors of memories are of this space from now on, made by `embed(texts, purpose)`, which may be asynchronous; without it
   * they come with the calls. Without a name: back to the configured model. */
  setEmbedder(name, dimensions, embed) {
    const embedder = name === undefined || name === null ? undefined : new Embedder(name, dimensions, embed);
    native.tau_runtime_set_embedder(this._handle, embedder?.name, embedder?.dimensions);
    this._embedder = embedder;
  }

  /** Takes a model out again; agents that have it keep it. */
  removeModel(name) {
    this.perform({ op: 'remove_model', model: name });
  }

  /** The configuration in force with the origin of each value, and the model that would answer. */
  describe() {
    return JSON.parse(native.tau_runtime_describe(this._handle));
  }

  /** What every text of the runs passes: secrets that are registered here are taken out. */
  get scanner() {
    return scannerOf(this._handle);
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

  /** Copies the home, which goes on running, to a directory that does not exist yet; what is in it. Blocks meanwhile. */
  backup(directory) {
    return JSON.parse(native.tau_home_backup(this._handle, expand(directory)));
  }

  /** Removes the sessions that did not change for longest until the home keeps the limits; what went. */
  prune(options = {}) {
    checkOptions('prune', options, PRUNE);
    const { maxAgeDays, maxBytes, dryRun } = options;
    const limits = { max_age_days: maxAgeDays, max_bytes: maxBytes, dry_run: dryRun };
    return JSON.parse(native.tau_home_prune(this._handle, json(limits)));
  }

  /** The calls that wait for an approval, in whichever process of the home they do, oldest first. */
  approvals(options = {}) {
    checkOptions('approvals', options, APPROVALS);
    return this.perform({ op: 'approvals', all: options.all }).approvals;
  }

  /** One of them, with its arguments. */
  approval(id) {
    return this.perform({ op: 'approval', id });
  }

  /** Says yes or no to a call that waits; of all decisions the first counts. Blocks for up to waitMs, to see it taken up. */
  decide(id, allow, options = {}) {
    checkOptions('decide', options, DECIDE);
    const { note, principal, waitMs } = options;
    return this.perform({ op: 'decide', id, allow, note, principal, wait_ms: waitMs });
  }

  /** The document of a DID and its keys; that of a did:web is fetched. Blocks meanwhile. */
  resolveDid(did, options = {}) {
    checkOptions('resolveDid', options, RESOLVE);
    return this.perform({ op: 'resolve_did', did, timeout_ms: options.timeoutMs });
  }

  /** Begins a login of the configuration; what a person has to do is in url and user_code. Blocks for a request at most. */
  authLogin(name, options = {}) {
    checkOptions('authLogin', options, AUTH_LOGIN);
    return this.perform({ op: 'auth_login', name, flow: options.flow });
  }

  /** Waits for the end of a login that was begun. Blocks for up to timeoutMs: ask with small ones, in turns. */
  authWait(name, options = {}) {
    checkOptions('authWait', options, RESOLVE);
    return this.perform({ op: 'auth_wait', name, timeout_ms: options.timeoutMs });
  }

  /** How the logins stand, or one of them. No token is among what is told. */
  authStatus(name) {
    return this.perform({ op: 'auth_status', name }).logins;
  }

  /** Gets a new token now. Blocks meanwhile. */
  authRefresh(name) {
    return this.perform({ op: 'auth_refresh', name });
  }

  /** Gives the token back, if the configuration says where, and erases it. Blocks meanwhile. */
  authLogout(name) {
    return this.perform({ op: 'auth_logout', name });
  }

  /** What the catalogs know: windows, limits, prices in micro-dollars per million tokens, abilities, and where each is from. */
  models(provider) {
    return this.perform({ op: 'models', provider });
  }

  /** One model, "provider/name", known or not, with the quirks that are in force for it. */
  describeModel(name) {
    return this.perform({ op: 'model', model: name });
  }

  /** What a call would count and cost, without making it: a bound of each, which holds, and an estimate. */
  estimate(model, request, options = {}) {
    checkOptions('estimate', options, ESTIMATE);
    return this.perform({ op: 'estimate', model, request, output_tokens: options.outputTokens });
  }

  /** What models took and cost, told apart by days, models, sessions, principals, routes. */
  usage(options = {}) {
    checkOptions('usage', options, USAGE);
    const { by, since, until, limit } = options;
    return this.perform({ op: 'usage', by, since, until, limit });
  }

  /** What tau_runtime_perform answers to a request, an object with a member "op". */
  perform(request) {
    return JSON.parse(native.tau_runtime_perform(this._handle, json(request)));
  }

  /** Appends a record of the program's own to the audit log of the home, and waits until it is there. */
  audit(record) {
    native.tau_audit_append(this._handle, json(record));
  }

  /** The signed head over all that was recorded so far, to keep where the log is not. */
  auditHead() {
    return native.tau_audit_head(this._handle, undefined);
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
      await Promise.allSettled(this._calls); // each holds the home until it is done
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

/** Puts a backup in the place of a home that no program has open; what is there now. */
function restoreHome(backup, home, { replace = false } = {}) {
  const flags = replace ? native.tau_home_restore_flags.REPLACE : 0;
  return JSON.parse(native.tau_home_restore(expand(backup), expand(home), flags));
}

/** Checks a home or a backup, also one that is in use. */
function verifyHome(home) {
  try {
    return JSON.parse(native.tau_home_verify(expand(home)));
  } catch (error) {
    if (!(error instanceof TauError) || error.reason !== 'home_damaged') throw error;
    return error.details;
  }
}

module.exports = { Runtime, restoreHome, verifyHome };
