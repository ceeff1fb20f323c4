'use strict';
// Models: JavaScript functions that answer the calls of a model.

const { setTimeout: sleep } = require('node:timers/promises');

const { TauError, textOf } = require('./errors.js');

const LONGEST_PAUSE_MS = 50; // while the run has not taken what it was given
const LAST = '{"event":"finish"}\n';

/** A document (docs/schema/host_model.json) and the function that answers; without one the reader of the events does. */
class HostModel {
  constructor(document, answer) {
    if (typeof document?.model !== 'string') throw new TypeError('model: a name "provider/model" is missing');
    if (answer !== undefined && typeof answer !== 'function') {
      throw new TypeError(`model ${document.model}: expected a function`);
    }
    this.name = document.model;
    this.document = document;
    this.answer = answer;
    this.raw = document.dialect !== undefined;
    this.stream = document.stream !== false;
    Object.freeze(this);
  }

  /** What is fed for a piece. */
  encode(piece) {
    if (piece instanceof Uint8Array) return piece;
    if (typeof piece === 'string') {
      if (this.raw) return piece;
      return line(this.stream ? { event: 'text', text: piece }
        : { message: { role: 'assistant', parts: [{ type: 'text', text: piece }] }, finish: 'stop' });
    }
    if (typeof piece === 'object' && piece !== null) return line(piece);
    throw new TypeError(`model ${this.name}: gave a ${typeof piece}; expected text, bytes or an event`);
  }
}

function line(event) {
  return `${JSON.stringify(event)}\n`;
}

/** What the function of a model gets. */
class ModelCall {
  #run;
  #abort = new AbortController();

  constructor(run, event) {
    const { body } = event;
    this.#run = run;
    this.runId = event.runId;
    this.callId = event.callId;
    this.model = event.text;
    this.requestId = body.request_id;
    this.request = body.request;
    this.path = body.path;
    this.body = body.body;
    this.timeoutMs = body.timeout_ms;
  }

  /** Aborts when nobody wants the answer any more. */
  get signal() {
    return this.#abort.signal;
  }

  static drop(call) {
    call.#abort.abort();
  }

  /** Feeds what the function gives; never rejects. */
  static async answer(call, model, run) {
    let error;
    try {
      await feedAll(call, model, run);
    } catch (thrown) {
      error = thrown;
    }
    run._endModel(call.callId, isOver(error) ? undefined : error);
  }
}

async function feedAll(call, model, run) {
  const pieces = piecesOf(await model.answer(call));
  let ended = false;
  const stop = () => { pieces.return?.(undefined)?.catch?.(() => {}); };
  call.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const piece of pieces) {
      await feed(call, run, model.encode(piece));
      ended = piece?.event === 'finish' || piece?.event === 'error';
    }
  } finally {
    call.signal.removeEventListener('abort', stop);
  }
  if (!ended && model.stream && !model.raw && !call.signal.aborted) await feed(call, run, LAST);
}

async function feed(call, run, data) {
  for (let pause = 1; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (call.signal.aborted) throw over();
    try {
      return run._feedModel(call.callId, data);
    } catch (error) {
      if (error.reason !== 'model_reply_full') throw error;
    }
    await sleep(pause);
  }
}

async function* piecesOf(value) {
  if (value === undefined || value === null) return;
  const isWhole = typeof value === 'string' || value instanceof Uint8Array
    || (value[Symbol.asyncIterator] === undefined && value[Symbol.iterator] === undefined);
  if (isWhole) yield value;
  else yield* value;
}

function over() {
  return new TauError('nobody wants the answer any more', { code: 'FAILED_PRECONDITION', reason: 'model_call_over' });
}

function isOver(error) {
  return error instanceof TauError && (error.reason === 'model_call_over' || error.reason === 'run_ended'
    || error.reason === 'response_too_large');
}

/** The error that a call fails with; a TauError passes as it is. */
function failure(error) {
  if (error instanceof TauError) {
    return { code: error.code.toLowerCase(), reason: error.reason || 'model_failed', message: error.message,
      retryable: error.retryable, retry_after_ms: error.retryAfterMs };
  }
  return { code: 'unavailable', reason: 'model_failed', message: Buffer.from(textOf(error)).toString(), retryable: false };
}

module.exports = { HostModel, ModelCall, failure };
