'use strict';
// The iterator of a run's events.

const FINISHED = Object.freeze({ value: undefined, done: true });

// An iterator that is dropped half read, as one that is left: nobody will read on.
const dropped = new FinalizationRegistry((run) => leave(run));

function leave(run) {
  run._iterators -= 1;
  run.cancel();
}

class RunEvents {
  constructor(run) {
    this._run = run;
    this._open = true;
    run._iterators += 1;
    dropped.register(this, run, this);
  }

  next() {
    const run = this._run;
    if (run._inbox.length > 0) return Promise.resolve({ value: run._inbox.shift(), done: false });
    if (!this._open || run._outcome !== undefined) return Promise.resolve(this._close());
    if (run._failure !== undefined) {
      this._close();
      return Promise.reject(run._failure);
    }
    return new Promise((resolve) => {
      run._waiters.push({ resolve, end: () => resolve(this.next()) });
    });
  }

  /** Called by `break`, `return` and exceptions inside `for await`. */
  return(value) {
    if (this._open) {
      this._close();
      this._run.cancel();
    }
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  _close() {
    if (this._open) {
      this._open = false;
      this._run._iterators -= 1;
      dropped.unregister(this);
    }
    return FINISHED;
  }
}

module.exports = { RunEvents };
