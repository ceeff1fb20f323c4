'use strict';
// Memory: what an application remembers. Each call waits for the disk on a thread of Node's pool.

const native = require('./native.js');
const { checkOptions, dispose, expand, inspect, json } = require('./values.js');

const SCOPE = new Set(['workspace', 'channel', 'actor', 'principal']);
const PAGE = 100;
const LONGEST_WAIT_MS = 60_000;
const SLICE_MS = 500; // of a wait: a close ends it soon

/** Numbers in one Float32Array: of one, of numbers, or of rows of either. */
function floats(vectors) {
  if (vectors === undefined || vectors === null || vectors instanceof Float32Array) return vectors ?? undefined;
  if (ArrayBuffer.isView(vectors) && !(vectors instanceof DataView)) return Float32Array.from(vectors, Number);
  if (!Array.isArray(vectors)) throw new TypeError('expected vectors as Float32Array or an array of rows');
  if (vectors.every((each) => typeof each === 'number')) return Float32Array.from(vectors);
  const rows = vectors.map(floats);
  const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** Options as members of a request: asOf is "as_of". */
function members(options) {
  return Object.fromEntries(Object.entries(options)
    .map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value ?? undefined]));
}

/** A JavaScript function that makes vectors. It runs before a call into the library, never during one. */
class Embedder {
  constructor(name, dimensions, embed) {
    if (embed !== undefined && typeof embed !== 'function') throw new TypeError('setEmbedder: expected a function');
    this.name = String(name);
    this.dimensions = dimensions;
    this.embed = embed;
  }

  /** The vectors of texts; undefined when there is no function. */
  async make(texts, purpose) {
    if (this.embed === undefined || texts.length === 0) return undefined;
    const made = floats(await this.embed(texts, purpose));
    const wanted = texts.length * this.dimensions;
    if (made?.length === wanted) return made;
    throw new TypeError(`embedder ${this.name}: expected ${texts.length} vectors of ${this.dimensions} numbers, got ${made?.length}`);
  }
}

/** A folder that is watched; made by memory.watch(). Ends with close(), with the memory and with the runtime. */
class Watch {
  constructor(memory, id) {
    this._memory = memory;
    this.id = id;
    this._last = 0;
    this._closed = false;
  }

  /** How it is now: { state, backlog, counts, lastError? … } as the library names them. */
  state() {
    return this._ask(0);
  }

  /** Changes since the last call; waits for one, at most timeoutMs. */
  async changes({ timeoutMs = 0 } = {}) {
    const state = await this._ask(Math.min(timeoutMs, LONGEST_WAIT_MS));
    this._last = state.last;
    return state.changes;
  }

  /** Changes as they come. */
  async* [Symbol.asyncIterator]() {
    while (!this._closed) {
      let state;
      try {
        state = await this._ask(SLICE_MS);
      } catch (error) {
        if (this._closed) return; // meanwhile
        throw error;
      }
      this._last = state.last;
      yield* state.changes;
      if (state.state === 'ended' && state.changes.length === 0) return;
    }
  }

  /** Nothing of the folder is taken in any more; what is remembered stays. Harmless when it was closed. */
  async close() {
    if (this._closed) return;
    this._closed = true;
    await this._memory._op('unwatch', { id: this.id });
  }

  async _ask(waitMs) {
    const { watches } = await this._memory._op('watches', { id: this.id, after: this._last, wait_ms: waitMs });
    return watches[0];
  }

  [inspect]() {
    return `Watch { id: '${this.id}' }`;
  }
}

/** The memories of a scope; made by runtime.memory(). */
class Memory {
  constructor(runtime, scope) {
    checkOptions('memory', scope, SCOPE);
    this._runtime = runtime;
    this._handle = native.tau_memory_open(runtime._handle, json(scope));
  }

  /** Remembers a text, a memory as an object (docs/schema/memory.json), or several of them, all or nothing. */
  async add(what, { vectors, ...options } = {}) {
    const several = Array.isArray(what);
    const memories = (several ? what : [what]).map((each) => ({ ...(typeof each === 'string' ? { text: each } : each),
      ...members(options) }));
    const embedder = vectors === undefined ? this._runtime._embedder : undefined;
    const made = embedder === undefined ? vectors : await embedder.make(memories.map(({ text }) => text), 'document');
    const answer = await this._ask(native.tau_memory_perform, { op: 'add', memories }, made);
    return several ? answer.memories : answer.memories[0];
  }

  /** Finds memories by words, meaning, relations and time together: { hits, vectors, searched }. */
  async search(query, { k, vector, ...options } = {}) {
    const request = { query, k, ...members(options) };
    const embedder = this._runtime._embedder;
    if (vector !== undefined || embedder === undefined || options.mode === 'text' || typeof query !== 'string')
      return this._ask(native.tau_memory_search, request, vector);
    let made;
    let failure;
    try {
      made = await embedder.make([query], 'query');
    } catch (error) {
      failure = error; // words alone are searched, and the answer says so
    }
    const answer = await this._ask(native.tau_memory_search, request, made);
    return failure === undefined || answer.vectors !== 'unavailable' ? answer
      : { ...answer, message: `${answer.message}: ${failure?.message ?? failure}` };
  }

  /** One memory. */
  get(id, options = {}) {
    return this._op('get', { id, ...members(options) });
  }

  /** Some, and the cursor to go on with: { memories, next }. */
  page({ limit = PAGE, ...options } = {}) {
    return this._op('list', { limit, ...members(options) });
  }

  /** Every memory of the scope that the filters let through: for await (const each of memory.list()). */
  async* list(options = {}) {
    let after;
    do {
      const page = await this.page({ ...options, after });
      yield* page.memories;
      after = page.next;
    } while (after);
  }

  /** Nobody finds it any more; restore() brings it back. */
  forget(id) {
    return this._op('forget', { id });
  }

  restore(id) {
    return this._op('restore', { id });
  }

  /** Erases memories for good: by id or ids, or { all: true } with filters; how many. */
  async purge(what, options = {}) {
    const named = typeof what === 'string' ? { ids: [what] } : Array.isArray(what) ? { ids: what } : members(what ?? {});
    return (await this._op('purge', { ...named, ...members(options) })).purged;
  }

  /** Links two. */
  relate(from, to, relation = 'related_to', { weight } = {}) {
    return this._op('relate', { from, to, relation, weight });
  }

  unrelate(from, to, relation = 'related_to') {
    return this._op('unrelate', { from, to, relation });
  }

  /** The scopes within this one, with counts. */
  tree() {
    return this._op('tree');
  }

  /** Counts, sizes, the state of indexes and vectors. */
  stats() {
    return this._op('stats');
  }

  /** Nodes and edges around a memory; without an id a page of the whole graph, with positions to draw it. */
  graph(id, options = {}) {
    return this._op('graph', { id, ...members(options) });
  }

  /** The strongest chain of relations between two. */
  path(from, to, options = {}) {
    return this._op('path', { from, to, ...members(options) });
  }

  /** Sees to what fades, what is double, what was forgotten long ago; a report. */
  maintain(options = {}) {
    return this._op('maintain', members(options));
  }

  /** Computes vectors that are missing, now. */
  embed(limit) {
    return this._op('embed', { limit });
  }

  /** Files and folders into memories, only what changed since; a report. */
  ingest(path, options = {}) {
    return this._op('ingest', { path: expand(path), ...members(options) });
  }

  /** Takes in what changes in a folder, from now on: const watch = await memory.watch('notes'); for await (const change of watch) … */
  async watch(path, options = {}) {
    return new Watch(this, (await this._op('watch', { path: expand(path), ...members(options) })).id);
  }

  /** What is worth knowing of a text, or of { messages }, written down by a model. */
  extract(text, options = {}) {
    return this._op('extract', { text, ...members(options) });
  }

  /** Observations that belong together, made into fewer memories by a model; { dryRun: false }: it is done. */
  consolidate(options = {}) {
    return this._op('consolidate', members(options));
  }

  /** Writes memories to a file or a folder. */
  export(path, options = {}) {
    return this._op('export', { path: expand(path), ...members(options) });
  }

  /** Takes over what export() or Tau wrote, or notes in Markdown. */
  import(path, options = {}) {
    return this._op('import', { path: expand(path), ...members(options) });
  }

  /** What tau_memory_perform answers to a request, an object with a member "op". */
  perform(request, { vectors } = {}) {
    return this._ask(native.tau_memory_perform, request, vectors);
  }

  /** Gives it back; what is remembered stays. Harmless when it was closed. */
  close() {
    native.tau_memory_unref(this._handle);
  }

  [dispose]() {
    this.close();
  }

  _op(op, more = {}) {
    return this._ask(native.tau_memory_perform, { ...more, op });
  }

  async _ask(call, request, vectors) {
    const calls = this._runtime._calls;
    const answered = call(this._handle, json(request), floats(vectors));
    calls.add(answered);
    try {
      return JSON.parse(await answered);
    } finally {
      calls.delete(answered);
    }
  }

  [inspect]() {
    return 'Memory {}';
  }
}

module.exports = { Embedder, Memory };
