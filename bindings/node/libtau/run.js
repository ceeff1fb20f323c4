'use strict';
// Runs: one request to an agent, its events, and the ops that steer it meanwhile.

const { AsyncResource } = require('node:async_hooks');

const native = require('./native.js');
const { TauError, fromOutcome, textOf } = require('./errors.js');
const { Event, outcomeOf } = require('./events.js');
const { RunEvents } = require('./run_events.js');
const { ModelCall, failure: modelFailure } = require('./models.js');
const { ToolCall, failure, success } = require('./tools.js');
const { asyncDispose, inspect } = require('./values.js');

const MERGE_AT = 256; // unread events from which on pieces of text are joined

/** A run, started by session.run(): `for await (const event of run)`, `await run.result()`. */
class Run {
  constructor(session, { agent, channel, onApproval, signal }) {
    this._session = session;
    this._channel = channel;
    this._onApproval = onApproval;
    this._tools = agent._tools; // those that the agent had at the start
    // What the host's functions see as their caller, for AsyncLocalStorage.
    this._models = agent._runtime._models;
    this._context = this._tools.size > 0 || this._models.size > 0 || onApproval ? new AsyncResource('TauRun') : undefined;
    this._handle = undefined;
    this._id = '';
    this._key = 0;
    this._inbox = [];
    this._waiters = []; // iterators that wait for an event
    this._iterators = 0;
    this._outcome = undefined;
    this._failure = undefined; // why it could not be started
    this._result = undefined; // the promise of result(), and what settles it
    this._settle = undefined;
    this._cancelled = false;
    this._calls = new Map(); // call id -> the call that has no result yet
    this._modelCalls = new Map(); // call id -> the call whose answer is not over
    this._approvals = new Map(); // call id -> the event that has no decision yet
    this._afterEnd = undefined;
    this._signal = signal;
    this._onAbort = undefined;
  }

  // ---- starting -----------------------------------------------------------------------------------------------

  _start(options) {
    this._key = this._channel.attach(this);
    try {
      options.queue = this._channel.queue;
      options.userdata = this._key;
      this._handle = native.tau_run_start(this._session._handle, options);
    } catch (error) {
      this._channel.detach(this._key);
      throw error;
    }
    this._id = native.tau_run_id(this._handle);
    this._channel.advance();
    if (this._cancelled) this.cancel();
    else this._listen();
  }

  /** Starts when `previous`, which is being cancelled, has ended: a session has one writer. */
  _startAfter(previous, options) {
    previous._afterEnd = () => {
      try {
        this._start(options);
      } catch (error) {
        this._fail(error);
      }
    };
    this._listen();
  }

  _listen() {
    if (this._signal === undefined || this._onAbort !== undefined) return;
    this._onAbort = () => this.cancel();
    this._signal.addEventListener('abort', this._onAbort, { once: true });
  }

  /** Ends a run that never started. */
  _fail(error) {
    this._failure = error;
    this._finished();
  }

  // ---- facts --------------------------------------------------------------------------------------------------

  /** Empty while the run waits for its cancelled predecessor. */
  get id() {
    return this._id;
  }

  get session() {
    return this._session;
  }

  /** The outcome, once run_done has come. */
  get outcome() {
    return this._outcome;
  }

  get done() {
    return this._outcome !== undefined || this._failure !== undefined;
  }

  _wants(callId) {
    return this._calls.has(callId);
  }

  // ---- steering -----------------------------------------------------------------------------------------------

  /** Sends an op (docs/schema/op.json). */
  submit(op, blobs) {
    if (this._handle === undefined) {
      throw this.done ? new TauError('the run has ended', { code: 'FAILED_PRECONDITION', reason: 'run_ended' })
        : new TauError('the run has not started', { code: 'FAILED_PRECONDITION', reason: 'not_started' });
    }
    native.tau_run_submit(this._handle, JSON.stringify(op), blobs);
    this._channel.advance();
  }

  /** Asks more; answered after the current answer. */
  message(text, { id, blobs } = {}) {
    this.submit({ op: 'message', text, id }, blobs);
  }

  /** Changes course: said to the model before its next call. */
  steer(text, { id, blobs } = {}) {
    this.submit({ op: 'steer', text, id }, blobs);
  }

  /** Allows a call that waits for approval; takes the event or its call id. */
  approve(call, { id } = {}) {
    this._decide(callIdOf(call), true, undefined, id);
  }

  deny(call, reason, { id } = {}) {
    this._decide(callIdOf(call), false, reason, id);
  }

  /** Answers a tool_call event of a tool without a function. */
  toolResult(call, content, { isError = false, reason, id } = {}) {
    this.submit({ op: 'tool_result', call_id: callIdOf(call), content, is_error: isError, reason, id });
  }

  /** Feeds the answer to a model_call event of a model without a function: an event, or lines or bytes as they are. UNAVAILABLE
   * "model_reply_full": nothing was taken, try again. FAILED_PRECONDITION "model_call_over": nobody wants it. */
  modelEvent(call, event) {
    const isEvent = typeof event === 'object' && !(event instanceof Uint8Array);
    this._feedModel(callIdOf(call), isEvent ? `${JSON.stringify(event)}\n` : event);
  }

  /** Ends it, with an error where one is given. */
  modelDrop(call, error) {
    this._endModel(callIdOf(call), error);
  }

  toolProgress(call, text) {
    this.submit({ op: 'tool_progress', call_id: callIdOf(call), text });
  }

  /** Stops the run as soon as possible; run_done still comes. Harmless when it has ended. */
  cancel() {
    this._cancelled = true;
    if (this._handle !== undefined) native.tau_run_cancel(this._handle);
  }

  _decide(callId, allow, reason, id) {
    this._approvals.delete(callId);
    this.submit({ op: 'approval', call_id: callId, allow, reason, id });
  }

  // ---- reading ------------------------------------------------------------------------------------------------

  /** Ends after run_done. Leaving the loop early cancels the run. */
  [Symbol.asyncIterator]() {
    return new RunEvents(this);
  }

  /** The outcome of a run that ends well; rejects with TauError otherwise. */
  result() {
    if (this._result === undefined) {
      this._result = new Promise((resolve, reject) => { this._settle = { resolve, reject }; });
      if (this.done) this._settleResult();
      else this._denyUnseen();
    }
    return this._result;
  }

  /** Cancels, and waits for the end. */
  async [asyncDispose]() {
    if (this.done) return;
    this.cancel();
    await this.result().catch(() => {});
  }

  _settleResult() {
    if (this._settle === undefined) return;
    if (this._failure !== undefined) this._settle.reject(this._failure);
    else if (this._outcome.ok) this._settle.resolve(this._outcome);
    else this._settle.reject(fromOutcome(this._outcome, this._signal?.aborted ? this._signal.reason : undefined));
  }

  // ---- what comes from the queue -------------------------------------------------------------------------------

  _deliver(event) {
    switch (event.kind) {
      case 'tool_call': this._calls.set(event.callId, undefined); break;
      case 'approval': this._approvals.set(event.callId, event); break;
      case 'tool_started': this._approvals.delete(event.callId); break;
      case 'tool_result': this._ended(event.callId); break;
      case 'model_call_over': this._modelCallOver(event.callId, event.body.answered); break;
      case 'run_done':
        this._outcome = outcomeOf(this._id, event.body.outcome);
        event.outcome = this._outcome;
        break;
      default:
    }
    this._store(event);
    if (event.kind === 'tool_call') this._runTool(event);
    else if (event.kind === 'approval') this._ask(event);
    else if (event.kind === 'model_call') this._runModel(event);
    else if (event.kind === 'run_done') this._finished();
  }

  _store(event) {
    const waiter = this._waiters.shift();
    if (waiter !== undefined) return waiter.resolve({ value: event, done: false });
    if (this._result !== undefined && this._iterators === 0) return undefined; // only the outcome is asked for
    const last = this._inbox.length >= MERGE_AT ? this._inbox[this._inbox.length - 1] : undefined;
    const piece = event.kind === 'text' || event.kind === 'reasoning';
    if (piece && last !== undefined && last.kind === event.kind && last.callId === event.callId) {
      Event.absorb(last, event);
    } else {
      this._inbox.push(event);
    }
    return undefined;
  }

  _finished() {
    if (this._handle !== undefined) {
      this._channel.detach(this._key);
      native.tau_run_unref(this._handle);
      this._handle = undefined;
    }
    if (this._onAbort !== undefined) this._signal.removeEventListener('abort', this._onAbort);
    for (const callId of [...this._calls.keys()]) this._ended(callId);
    for (const callId of [...this._modelCalls.keys()]) this._modelCallOver(callId, false);
    this._approvals.clear();
    for (const waiter of this._waiters.splice(0)) waiter.end();
    this._settleResult();
    this._session._ended(this);
    this._afterEnd?.();
  }

  _ended(callId) {
    const call = this._calls.get(callId);
    this._calls.delete(callId);
    this._approvals.delete(callId);
    if (call !== undefined) ToolCall.drop(call);
  }

  /** The runtime was stopped before run_done could come. */
  _lost() {
    this._outcome = outcomeOf(this._id, { status: 'failed', code: 'unavailable', reason: 'runtime_stopped',
      message: 'the runtime was stopped before the run could end' });
    this._finished();
  }

  // ---- answering tool calls and approvals ----------------------------------------------------------------------

  _runTool(event) {
    const tool = this._tools.get(event.text);
    if (tool?.execute === undefined) return;
    const { callId } = event;
    const call = new ToolCall(this, callId, tool.name);
    this._calls.set(callId, call);
    const failed = (error) => this._answer(callId, failure(callId, error));
    try {
      const value = this._context.runInAsyncScope(tool.execute, undefined, event.arguments, call);
      if (typeof value?.then !== 'function') return this._answer(callId, success(callId, value));
      value.then((result) => this._answer(callId, success(callId, result)), failed);
      return undefined;
    } catch (error) { // of the tool, or of a `then` of its own
      return failed(error);
    }
  }

  _runModel(event) {
    const model = this._models.get(event.text) ?? this._models.get(`${event.text.split('/', 1)[0]}/*`);
    if (model?.answer === undefined) return;
    const call = new ModelCall(this, event);
    this._modelCalls.set(event.callId, call);
    const go = () => ModelCall.answer(call, model, this);
    if (this._context === undefined) go();
    else this._context.runInAsyncScope(go);
  }

  _modelCallOver(callId, answered) {
    const call = this._modelCalls.get(callId);
    this._modelCalls.delete(callId);
    if (call !== undefined && !answered) ModelCall.drop(call);
  }

  _feedModel(callId, data) {
    if (typeof data === 'string') this.submit({ op: 'model_event', call_id: callId, lines: data });
    else this.submit({ op: 'model_event', call_id: callId, bytes: 'blob:0' }, [{ mime: '', data }]);
  }

  /** The call, or the run, may be over. */
  _endModel(callId, error) {
    this._submitIfGoing({ op: 'model_drop', call_id: callId, error: error === undefined ? undefined : modelFailure(error) });
  }

  _answer(callId, op) {
    if (!this._wants(callId)) return;
    try {
      this._submitIfGoing(op);
    } catch (error) { // such as a result that is too long
      this._submitIfGoing(failure(callId, error));
    }
  }

  /** The run may have ended, though its last event was not read yet. */
  _submitIfGoing(op) {
    try {
      this.submit(op);
    } catch (error) {
      if (error.code !== 'FAILED_PRECONDITION') throw error;
    }
  }

  _ask(event) {
    if (this._onApproval === undefined) {
      if (this._result !== undefined) this._denyUnseen();
      return;
    }
    const failed = (error) => this._approvalFailed(event.callId, error);
    try {
      const decision = this._context.runInAsyncScope(this._onApproval, undefined, event, this);
      if (typeof decision?.then !== 'function') return this._apply(event.callId, decision);
      decision.then((value) => this._apply(event.callId, value), failed);
      return undefined;
    } catch (error) { // of the function, or of a `then` of its own
      return failed(error);
    }
  }

  /** A decision is true or false, or { allow, reason }. Nothing else allows: what asked a person may well return 'n'. */
  _apply(callId, decision) {
    if (!this._approvals.has(callId)) return;
    const { allow, reason } = typeof decision === 'object' && decision !== null ? decision : { allow: decision };
    this._approvals.delete(callId);
    if (typeof allow !== 'boolean' && allow !== undefined && allow !== null) {
      process.emitWarning(`onApproval gave a ${typeof allow}, neither true nor false; the call is denied`, 'TauWarning');
    }
    this._submitIfGoing({ op: 'approval', call_id: callId, allow: allow === true, reason });
  }

  _approvalFailed(callId, error) {
    process.emitWarning(`onApproval failed, the call is denied: ${textOf(error, true)}`, 'TauWarning');
    this._apply(callId, { allow: false, reason: 'the approval failed' });
  }

  /** Whoever only waits for the outcome answers no approval. */
  _denyUnseen() {
    if (this._onApproval !== undefined || this._iterators > 0) return;
    for (const callId of [...this._approvals.keys()]) {
      this._apply(callId, { allow: false, reason: 'nobody is there to ask' });
    }
  }

  [inspect]() {
    const state = this._outcome?.status ?? (this._failure ? 'failed' : this._handle ? 'running' : 'waiting');
    return `Run { id: '${this._id}', ${state} }`;
  }
}

function callIdOf(value) {
  return typeof value === 'string' ? value : value.callId;
}

module.exports = { Run };
