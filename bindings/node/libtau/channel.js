'use strict';
// Event queues: one for each loop of a runtime, shared by all runs that live there.

const native = require('./native.js');
const { Event, kindName } = require('./events.js');

const HEAD = 2; // numbers before those of the events: see batches in src/queue.c
const FIELDS = 7;
const BATCH = 64;
const BATCHES_OF_TURN = 16; // then others of Node's loop have their turn
const ADVANCES_OF_TURN = 16;
const DONE = native.tau_status.DONE;

// Channels with runs: those must hear from the library though nobody else holds them.
const busy = new Set();

/** A fault of one run does not cost others their events; it surfaces as any uncaught exception does. */
function deliver(run, event) {
  try {
    run._deliver(event);
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
}

class Channel {
  constructor(runtime, loop, borrow) {
    this._runs = new Map();
    this._key = 0;
    this._numbers = new Float64Array(HEAD + BATCH * FIELDS);
    this._open = true;
    this._draining = false;
    this._advancing = false;
    this._advances = 0; // since Node's loop has last told of events
    // Weak: the environment holds the function, and must not hold the channel.
    const self = new WeakRef(this);
    this.queue = native.tau_queue_new(runtime, loop, () => self.deref()?._wake(), borrow);
  }

  /** The key that the run's events will carry. The process stays while there are runs. */
  attach(run) {
    if (this._runs.size === 0) {
      native.queue_keep_alive(this.queue, true);
      busy.add(this);
    }
    this._key += 1;
    this._runs.set(this._key, run);
    return this._key;
  }

  detach(key) {
    if (this._runs.delete(key) && this._runs.size === 0) {
      busy.delete(this);
      native.queue_keep_alive(this.queue, false);
    }
  }

  /** What was just given to the library is done at the next tick where Node's loop drives the library's, and not only when
   * that has looked for input again. After some such ticks input has its turn. */
  advance() {
    if (this._advancing || this._advances === ADVANCES_OF_TURN) return;
    this._advancing = true;
    this._advances += 1;
    process.nextTick(() => {
      this._advancing = false;
      if (this._open && native.queue_advance(this.queue)) this._drain();
    });
  }

  _wake() {
    this._advances = 0;
    this._drain();
  }

  _drain() {
    this._draining = true;
    for (let i = 0; this._open; ++i) {
      const all = native.tau_queue_drain(this.queue, this._numbers);
      const count = this._numbers[1];
      if (this._numbers[0] === DONE) this._lose();
      if (count > 0) this._handOut(all, count);
      if (count < BATCH) break;
      if (i === BATCHES_OF_TURN) {
        setImmediate(() => this._drain());
        break;
      }
    }
    this._draining = false;
  }

  /** The last events, then nothing more: the runtime was stopped and is being given back. */
  close() {
    if (!this._draining) this._drain(); // else a tool closes its own runtime, and the rest is lost
    this._open = false;
    this._lose();
  }

  _handOut(all, count) {
    const numbers = this._numbers;
    let start = 0;
    for (let i = 0, at = HEAD; i < count; ++i, at += FIELDS) {
      const textEnd = numbers[at + 4];
      const callEnd = numbers[at + 5];
      const end = numbers[at + 6];
      const run = this._runs.get(numbers[at + 1]);
      if (run !== undefined) {
        deliver(run, new Event(kindName(numbers[at]), run.id, all.slice(textEnd, callEnd), all.slice(start, textEnd),
          numbers[at + 2], numbers[at + 3], all.slice(callEnd, end)));
      }
      start = end;
    }
  }

  /** No event can come any more: a run that still waits must not wait for ever. */
  _lose() {
    for (const run of [...this._runs.values()]) run._lost();
  }
}

/** The channels of one runtime, made when they are needed. `borrow`: Node's own loop drives the library's. */
class Channels {
  constructor(runtime, borrow) {
    this._runtime = runtime;
    this._loops = native.tau_runtime_loops(runtime);
    this._channels = new Array(this._loops);
    this._next = 0;
    this._borrow = borrow;
  }

  next() {
    const loop = this._next;
    this._next = (loop + 1) % this._loops;
    return this._channels[loop] ??= new Channel(this._runtime, loop, this._borrow);
  }

  close() {
    for (const channel of this._channels) channel?.close();
  }
}

module.exports = { Channels };
