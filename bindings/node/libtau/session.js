'use strict';
// Sessions: durable conversations.

const native = require('./native.js');
const { TauError } = require('./errors.js');
const { Run } = require('./run.js');
const { checkOptions, dispose, given, inspect, json } = require('./values.js');

const KNOWN = new Set(['signal', 'onApproval', 'deadlineMs', 'responseSchema', 'limits', 'params', 'message', 'blobs',
  'principal', 'traceparent', 'quiet', 'resume', 'abandon']);
const NOTHING = Object.freeze({});
const FLAGS = native.tau_run_flags;

/** The options of tau_run_start. */
function request(prompt, o) {
  const changes = o === NOTHING ? undefined : given({
    message: o.message, limits: o.limits, params: o.params, principal: o.principal,
    response_schema: o.responseSchema, abandon: o.abandon || undefined,
  });
  return {
    flags: (o.quiet ? FLAGS.QUIET : 0) | (o.resume || o.abandon ? FLAGS.RESUME : 0),
    prompt,
    options: json(changes),
    queue: undefined, // of the run's channel
    userdata: 0,
    traceparent: o.traceparent,
    deadline_ms: o.deadlineMs === undefined ? 0 : Math.max(1, Math.ceil(o.deadlineMs)),
    blobs: o.blobs,
  };
}

/** One conversation; made by agent.session(). Runs on it follow each other. */
class Session {
  constructor(agent, handle) {
    this._agent = agent;
    this._handle = handle;
    this._last = undefined; // the run that has not ended
  }

  get agent() {
    return this._agent;
  }

  get id() {
    return native.tau_session_id(this._handle);
  }

  /** Starts a run. prompt: what the user says; or options.message, a neutral message. */
  run(prompt, options = NOTHING) {
    checkOptions('session.run', options, KNOWN);
    const agent = this._agent;
    const run = new Run(this, {
      agent, channel: agent._runtime._channels.next(), onApproval: options.onApproval ?? agent._onApproval,
      signal: options.signal,
    });
    if (options.signal?.aborted) {
      run._fail(new TauError('the signal was aborted before the run began',
        { code: 'CANCELLED', reason: 'aborted', cause: options.signal.reason }));
      return run;
    }
    const last = this._last;
    if (last !== undefined && last._cancelled) {
      run._startAfter(last, request(prompt, options));
    } else {
      run._start(request(prompt, options));
    }
    this._last = run;
    return run;
  }

  _ended(run) {
    if (this._last === run) this._last = undefined;
  }

  /** Title, counts, usage, cost, and `open_run` when a run was cut off and can be resumed. */
  describe() {
    return JSON.parse(native.tau_session_describe(this._handle));
  }

  /** The whole conversation: { session, messages }. */
  export() {
    return JSON.parse(native.tau_session_export(this._handle));
  }

  /** A session that begins with this conversation, up to the message with the id `entry`. */
  fork({ entry, id } = {}) {
    return new Session(this._agent, native.tau_session_fork(this._handle, entry, id));
  }

  /** Gives the session back before it is collected; a run in progress goes on. */
  close() {
    native.tau_session_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  [inspect]() {
    return inspectId('Session', () => this.id);
  }
}

function inspectId(name, id) {
  try {
    return `${name} { id: '${id()}' }`;
  } catch {
    return `${name} { closed }`;
  }
}

module.exports = { Session };
