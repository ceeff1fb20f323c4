/** Run language-model agents inside your program. docs/node.md tells the whole story. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
/** A document whose members are described by a schema in docs/schema. */
export type Document = { readonly [key: string]: unknown };
export type JsonSchema = Document | boolean;

/** The canonical codes. */
export type Code =
  | 'CANCELLED' | 'UNKNOWN' | 'INVALID_ARGUMENT' | 'DEADLINE_EXCEEDED' | 'NOT_FOUND' | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED' | 'RESOURCE_EXHAUSTED' | 'FAILED_PRECONDITION' | 'ABORTED' | 'OUT_OF_RANGE' | 'UNIMPLEMENTED'
  | 'INTERNAL' | 'UNAVAILABLE' | 'DATA_LOSS' | 'UNAUTHENTICATED';

export interface TauErrorFacts {
  code?: Code;
  reason?: string;
  details?: Document;
  retryable?: boolean;
  retryAfterMs?: number;
  outcome?: Outcome;
  cause?: unknown;
}

/** A failed call or run. */
export class TauError extends Error {
  constructor(message: string, facts?: TauErrorFacts);
  readonly code: Code;
  /** The number of the code in C. */
  readonly status: number;
  /** A stable snake_case word to branch on; empty when there is none. */
  readonly reason: string;
  readonly details: Document;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** How long the failing side asked to wait. */
  readonly retryAfterMs: number | undefined;
  /** Of a failed run. */
  readonly outcome?: Outcome;
}

/** Thrown by a tool to choose the reason that the model sees. */
export class ToolError extends Error {
  constructor(message: string, reason?: string);
  readonly reason: string;
}

/** Sums over a run. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  /** 0 when prices are unknown. */
  readonly costUsdMicros: number;
}

/** How a run ended. */
export interface Outcome {
  readonly runId: string;
  readonly status: 'done' | 'cancelled' | 'failed';
  /** The canonical code in lower case, "ok" when all went well. */
  readonly code: 'ok' | Lowercase<Code>;
  readonly ok: boolean;
  /** The final answer. */
  readonly text: string;
  readonly reason: string;
  readonly message: string;
  readonly turns: number;
  /** Why the model stopped. */
  readonly finish: string;
  /** The answer as JSON, when a response schema asked for it. */
  readonly output: unknown;
  readonly usage: Usage;
}

interface EventFacts {
  readonly runId: string;
  /** What the kind says it is (docs/events.md). */
  readonly text: string;
  /** Of the events merged into this one; usually equal to seq. */
  readonly firstSeq: number;
  readonly seq: number;
  /** Everything else, parsed at the first look. */
  readonly body: Document;
  /** Of a tool call or model call; may be empty. */
  readonly callId: string;
}

export interface PlainEvent extends EventFacts {
  readonly kind: 'run_started' | 'turn_started' | 'text' | 'reasoning' | 'message' | 'tool_progress' | 'tool_result'
    | 'attempt' | 'turn_done' | 'op_accepted' | 'op_rejected' | 'snapshot' | 'held_text' | 'route'
    | 'model_call' | 'model_call_over'
    | `kind_${number}`;
}

export interface CallEvent extends EventFacts {
  readonly kind: 'tool_call' | 'approval' | 'tool_started';
  /** The raw text when the model did not write JSON. */
  readonly arguments: unknown;
}

export interface RunDoneEvent extends EventFacts {
  readonly kind: 'run_done';
  readonly outcome: Outcome;
}

/** Kinds that this version does not know are `kind_18` and so on: ignore them. */
export type Event = PlainEvent | CallEvent | RunDoneEvent;
export type EventKind = Event['kind'];

/** Binary content: an image or file that a message refers to as "blob:N". */
export interface Blob {
  mime: string;
  name?: string;
  data: Uint8Array;
}

export type Effect = 'pure' | 'read' | 'write' | 'egress' | 'exec' | 'irreversible';

export interface ToolManifest {
  name: string;
  /** For the model. */
  description?: string;
  /** JSON Schema of the arguments; absent: any object. */
  parameters?: JsonSchema;
  /** What a call can do to the world, from which policy decides. Who does not say counts as "irreversible". */
  effect?: Effect;
  /** The arguments that say where an effect lands: ['to', 'cc.address']. Once something untrusted was read, policy holds
   *  them to what the user wrote. */
  destinations?: readonly string[];
  /** May run beside other calls of the same turn. */
  parallel?: boolean;
  /** May be run again when a crash hid its outcome. */
  idempotent?: boolean;
  /** Asks for approval before every call. */
  ask?: boolean;
  /** Absent: 120,000. */
  timeoutMs?: number;
}

/** What a tool function gets beside its arguments. */
export interface ToolCall {
  readonly runId: string;
  readonly callId: string;
  readonly name: string;
  /** Aborts when nobody wants the result any more. */
  readonly signal: AbortSignal;
  /** Reports to whoever watches the run. */
  progress(text: string): void;
}

/** Text is shown to the model as it is, bytes as UTF-8, anything else as JSON; an exception is an error result. */
export type Execute<A = any> = (args: A, call: ToolCall) => unknown;

export class Tool {
  private constructor();
  readonly name: string;
  readonly manifest: Readonly<ToolManifest>;
  readonly execute: Execute | undefined;
}

/** A tool for agent({ tools: [...] }). */
export function tool<A = any>(manifest: ToolManifest, execute?: Execute<A>): Tool;

export type Decision = boolean | { allow: boolean; reason?: string };
/** Answers an approval. An exception is a denial. */
export type OnApproval = (event: CallEvent, run: Run) => Decision | PromiseLike<Decision>;

export interface RuntimeOptions {
  /** Directory of sessions and configuration; without one sessions live in memory only. */
  home?: string;
  /** Directory that built-in tools work in. */
  workspace?: string;
  /** docs/schema/config.json; wins over files and environment. */
  config?: Document;
  /** Whether provider keys and TAU_* settings may come from the environment. */
  environment?: boolean;
  /** Whether tau.toml files are read. */
  configFiles?: boolean;
  /** Threads that serve runs, so that a program may block. When absent, Node's own loop does it, which costs least. */
  loops?: number;
  /** Threads for blocking tools; 0: none. */
  workers?: number;
  /** Path of tau-exec. */
  execHelper?: string;
  /** Nothing of the home is made or changed; its sessions can be listed, described, exported and backed up. */
  readOnly?: boolean;
  /** Where "secret://" references of the configuration are looked up; absent: the vault that its keys vault.* name. */
  vault?: Vault;
}

/** What everything else hangs on; a program opens one and keeps it. */
export interface EmbedOptions {
  /** "openai/text-embedding-3-small", or a route. */
  model: string;
  /** What the vectors are for: "document", "query", "classification", "clustering", "similarity". */
  inputType?: string;
  /** Of each, where the model has a choice. */
  dimensions?: number;
  /** 60 seconds where nothing is said. */
  timeoutMs?: number;
  principal?: string;
}

export interface Embeddings {
  readonly vectors: readonly Float32Array[];
  readonly dimensions: number;
  readonly model: string;
  readonly inputTokens: number;
  /** 0 when the price is unknown. */
  readonly costUsdMicros: number;
  readonly requests: number;
}

/** A call of a model, as its function sees it. */
export interface ModelCall {
  readonly runId: string;
  /** Of this try alone. */
  readonly callId: string;
  /** "provider/model". */
  readonly model: string;
  /** The same over tries, and when a run is resumed after a crash. */
  readonly requestId: string;
  /** The neutral request; of a model with a dialect there is a body and its path instead. */
  readonly request?: Document;
  readonly path?: string;
  readonly body?: string;
  /** For the whole answer; 0: no limit. */
  readonly timeoutMs: number;
  /** Aborts when nobody wants the answer any more. */
  readonly signal: AbortSignal;
}

/** Text, an event ({ event: 'tool_call', … }, docs/c-api/model.md), or bytes as a provider sends them. */
export type ModelPiece = string | Document | Uint8Array;

/** Answers a call: an async generator, a generator, or a function that gives the whole answer. */
export type ModelFunction = (call: ModelCall) =>
  AsyncIterable<ModelPiece> | Iterable<ModelPiece> | ModelPiece | void | Promise<ModelPiece | void>;

export class Runtime {
  constructor(options?: RuntimeOptions);
  /** Supplies a model, by a document of docs/schema/host_model.json: addModel({ model: 'host/echo' }, async function* (call) { … }).
   * Without a function the reader of the model_call events answers. */
  addModel(document: Document & { model: string }, answer?: ModelFunction): void;
  /** The vectors of texts, in their order and all of one length; asked of a provider or a route. Blocks meanwhile. */
  embed(texts: Iterable<string>, options: EmbedOptions): Embeddings;
  /** The memories of a scope: a workspace ("default"), a channel in it, an actor. */
  memory(scope?: MemoryScope): Memory;
  /** The vectors of memories are of this space from now on: `name` names it (another model, another name), `embed` makes them before
   * each add() and search() of a Memory; without it they come with these calls. Memories that came otherwise (ingest, import, other
   * programs) have none in it. Without a name: back to the configured model. */
  setEmbedder(name?: string | null, dimensions?: number, embed?: EmbedFunction): void;
  /** Takes a model out again; agents that have it keep it. */
  removeModel(name: string): void;
  agent(options?: AgentOptions): Agent;
  /** The configuration in force with the origin of each value, and the model that would answer. */
  describe(): Document;
  /** What every text of the runs passes: secrets that are registered here are taken out. */
  readonly scanner: Scanner;
  /** Descriptions of the sessions of the home, newest first. */
  sessions(options?: { limit?: number }): Generator<Document, void, undefined>;
  /** Removes a session and erases what no fork shares. */
  removeSession(id: string): void;
  /** Copies the home, which goes on running, to a directory that does not exist yet; what is in it. Blocks meanwhile. */
  backup(directory: string): Document;
  /** Removes the sessions that did not change for longest until the home keeps the limits; what went. A limit that is not
   * given is that of the configuration. */
  prune(options?: { maxAgeDays?: number; maxBytes?: number; dryRun?: boolean }): Document;
  /** The calls that wait for an approval, in whichever process of the home they do, oldest first; `all`: also those that nobody
   * waits for any more. */
  approvals(options?: { all?: boolean }): Document[];
  /** One of them, with its arguments. */
  approval(id: string): Document;
  /** Says yes or no to a call that waits; of all decisions the first counts. `principal`: who decides, when it is not that of the
   * runtime. Blocks for up to `waitMs` to see whether the process that waits takes it up: `applied` of the answer. */
  decide(id: string, allow: boolean, options?: { note?: string; principal?: string; waitMs?: number }): Document;
  /** The document of a DID and its keys; that of a did:web is fetched, at most for `timeoutMs` (10,000). Blocks meanwhile. */
  resolveDid(did: string, options?: { timeoutMs?: number }): Document;
  /** What models took and cost: `usage`, a list told apart by what `by` names (the model unless told), `total`, and whether there is
   * `more` than `limit`. `since` and `until` are days of UTC, both included: '2026-11-27', or '7d' for the last seven days. */
  usage(options?: { by?: ('day' | 'model' | 'session' | 'principal' | 'route')[]; since?: string; until?: string; limit?: number }): Document;
  /** Begins a login of the configuration, [auth.NAME]; what a person has to do is in `url` and `user_code`. `flow`: when it is not
   * that of the login's kind. Blocks for one request at most. */
  authLogin(name: string, options?: { flow?: 'browser' | 'device' }): Document;
  /** Waits for the end of a login that was begun; `state` is "waiting" when it has not come in `timeoutMs` (10,000). Blocks
   * meanwhile: ask with small ones, in turns. */
  authWait(name: string, options?: { timeoutMs?: number }): Document;
  /** How the logins stand, or one of them. No token is among what is told. */
  authStatus(name?: string): Document[];
  /** Gets a new token now. Blocks meanwhile. */
  authRefresh(name: string): Document;
  /** Gives the token back, if the configuration says where, and erases it. Blocks meanwhile. */
  authLogout(name: string): Document;
  /** What the catalogs know: windows, limits, prices in micro-dollars per million tokens, abilities, and where each is from. */
  models(provider?: string): Document;
  /** One model, "provider/name", known or not, with the quirks that are in force for it. */
  describeModel(name: string): Document;
  /** What a call would count and cost, without making it: a bound of each, which holds, and an estimate. `request` is in the
   * neutral form, as wire.decode gives it; `outputTokens`: of the answer that the estimate is made for. */
  estimate(model: string, request: object, options?: { outputTokens?: number }): Document;
  /** What tau_runtime_perform answers to a request: {op: 'traffic'}. Its ops are those of include/tau/runtime.h. */
  perform(request: { op: string; [member: string]: unknown }): Document;
  /** Appends a record of the program's own to the audit log of the home, and waits until it is there: `kind` ("host.noted",
   * "access.denied", …) and members of docs/audit.md, such as action, target, principal. */
  audit(record: { kind: string; [member: string]: string | number }): void;
  /** The signed head over all that was recorded so far, to keep where the log is not. */
  auditHead(): string;
  /** Re-runs the recorded inputs of a run; DATA_LOSS "replay_diverged" when the engine answers otherwise. */
  replay(runId: string): Document;
  /** Cancels every run, waits until their records are durable, and refuses further runs. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
  /** Stops and gives the runtime back; 10 seconds when no time is given. Harmless when it was closed. */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/** A workspace ("default"), a channel in it, an actor: what a Memory is bound to. With a channel it sees that channel and what belongs
 * to the whole workspace, and writes into the channel alone; without one it sees all channels. The same holds for actor. */
export interface MemoryScope {
  workspace?: string;
  channel?: string;
  actor?: string;
  /** Who acts, for access rules and records. */
  principal?: string;
}

export type MemoryType = 'observation' | 'event' | 'fact' | 'preference' | 'todo' | 'decision' | 'goal' | 'identity';
export type MemoryRelation = 'related_to' | 'updates' | 'contradicts' | 'caused_by' | 'result_of' | 'part_of';
/** A Date, text in ISO 8601 (UTC where no offset is said), or milliseconds since 1970. */
export type Time = Date | string | number;

/** A memory to be written, docs/schema/memory.json. */
export interface MemoryEntry {
  readonly text: string;
  readonly id?: string;
  readonly type?: MemoryType;
  /** From 0 to 1; that of the type unless told. */
  readonly importance?: number;
  readonly tags?: readonly string[];
  readonly time?: Time;
  readonly thread?: string;
  readonly fact?: { readonly subject: string; readonly predicate: string; readonly object: string };
  readonly valid_from?: Time | null;
  readonly valid_to?: Time | null;
  readonly source?: string;
  readonly channel?: string;
  readonly actor?: string;
  readonly attributes?: Document;
  readonly relations?: readonly { readonly to: string; readonly relation?: MemoryRelation; readonly weight?: number }[];
  /** Written only when the memory has this revision; 0: when it does not exist. */
  readonly expected_revision?: number;
  readonly [member: string]: unknown;
}

/** A memory as it is kept. */
export interface MemoryDocument {
  readonly id: string;
  readonly text: string;
  readonly type: MemoryType;
  readonly importance: number;
  readonly tags: readonly string[];
  readonly time: string;
  readonly revision: number;
  readonly [member: string]: unknown;
}

export interface MemoryFilter {
  types?: readonly MemoryType[];
  /** All of them. */
  tags?: readonly string[];
  /** Of `time`, both included. */
  since?: Time;
  until?: Time;
  channel?: string;
  actor?: string;
  thread?: string;
  /** A prefix. */
  source?: string;
}

export interface MemorySearchOptions extends MemoryFilter {
  /** At most so many hits: 10, up to 1,000. */
  k?: number;
  /** Of the query, when the program makes its own. */
  vector?: Vectors;
  mode?: 'hybrid' | 'text' | 'vector';
  fusion?: 'convex' | 'rrf';
  /** 0 to 1: maximal marginal relevance. */
  diversity?: number;
  asOf?: { readonly valid?: Time; readonly recorded?: Time };
  /** Also facts that another one replaced. */
  superseded?: boolean;
  /** Of each thread its best memory alone. */
  group?: 'thread';
  /** Quoted phrases, word* and dates are conditions. */
  strict?: boolean;
  /** Each hit has `parts`, which add up to its score. */
  explain?: boolean;
  minScore?: number;
  vectorWeight?: number;
  graphWeight?: number;
  importanceWeight?: number;
  recencyWeight?: number;
  context?: boolean;
  feedback?: boolean;
  touch?: boolean;
  /** What dates in the query are relative to. */
  now?: Time;
}

/** The best first. */
export interface MemoryHits {
  readonly hits: readonly (MemoryDocument & { readonly score: number; readonly parts?: Document })[];
  /** "unavailable": words alone were searched, and `message` says why. */
  readonly vectors: 'used' | 'off' | 'unavailable';
  readonly reason?: string;
  readonly message?: string;
  /** How many memories the search went through. */
  readonly searched: number;
}

/** Vectors, row by row: one array of numbers, or one for each row. */
export type Vectors = Float32Array | Float64Array | readonly number[] | readonly (Float32Array | Float64Array | readonly number[])[];
/** Gives a row of numbers for each text. */
export type EmbedFunction = (texts: string[], purpose: 'document' | 'query') => Vectors | Promise<Vectors>;

export interface MemoryWritten {
  readonly id: string;
  readonly revision: number;
  readonly created: boolean;
  readonly [member: string]: unknown;
}

export interface MemoryIngestOptions {
  globs?: readonly string[];
  /** Lines as in .gitignore. */
  ignore?: readonly string[];
  hidden?: boolean;
  type?: MemoryType;
  tags?: readonly string[];
  /** Whether memories of files that are gone are forgotten: true for one pass, false for a watch. */
  forgetVanished?: boolean;
  maxFileBytes?: number;
  /** A model is asked about each piece. */
  extract?: boolean;
  model?: string;
  maxMemories?: number;
  maxQuestions?: number;
  [option: string]: unknown;
}

export interface MemoryChange {
  readonly number: number;
  readonly time: string;
  /** Relative to the folder. */
  readonly path: string;
  readonly what: 'ingested' | 'gone' | 'failed';
  readonly added?: number;
  readonly moved?: number;
  readonly vanished?: number;
  readonly returned?: number;
  readonly extracted?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** A folder that is watched; made by memory.watch(). Ends with close(), with the memory and with the runtime. */
export interface MemoryWatch extends AsyncIterable<MemoryChange> {
  readonly id: string;
  state(): Promise<Document>;
  /** Changes since the last call; waits for one, at most timeoutMs. Of more than 1,000 the newest. */
  changes(options?: { timeoutMs?: number }): Promise<readonly MemoryChange[]>;
  close(): Promise<void>;
}

/** The memories of a scope; made by runtime.memory(). Calls wait for the disk on a thread of Node's pool. docs/memory.md tells the
 * story, docs/c-api/memory.md lists every request. */
export class Memory {
  private constructor();
  /** Remembers a text, a memory, or several of them, all or nothing. `vectors`: theirs, when the program makes its own; other
   * options are members of each. */
  add(what: string | MemoryEntry, options?: Partial<MemoryEntry> & { vectors?: Vectors; expectedRevision?: number }): Promise<MemoryWritten>;
  add(what: readonly (string | MemoryEntry)[],
    options?: Partial<MemoryEntry> & { vectors?: Vectors; expectedRevision?: number }): Promise<MemoryWritten[]>;
  /** Finds memories by words, meaning, relations and time together. */
  search(query: string | undefined, options?: MemorySearchOptions): Promise<MemoryHits>;
  get(id: string, options?: { forgotten?: boolean; relations?: boolean }): Promise<MemoryDocument>;
  page(options?: MemoryFilter & { limit?: number; after?: string; order?: 'newest' }):
    Promise<{ readonly memories: readonly MemoryDocument[]; readonly next?: string | null }>;
  /** Every memory that the filters let through: for await (const each of memory.list()). */
  list(options?: MemoryFilter & { limit?: number; order?: 'newest' }): AsyncGenerator<MemoryDocument, void, undefined>;
  /** Nobody finds it any more; restore() brings it back. */
  forget(id: string): Promise<Document>;
  restore(id: string): Promise<Document>;
  /** Erases for good, from the database, its log and every index: by ids, or { all: true } with a filter; how many. */
  purge(what: string | readonly string[] | (MemoryFilter & { all: true; forgotten?: boolean })): Promise<number>;
  relate(from: string, to: string, relation?: MemoryRelation, options?: { weight?: number }): Promise<Document>;
  unrelate(from: string, to: string, relation?: MemoryRelation): Promise<Document>;
  /** The scopes within this one, with counts. */
  tree(): Promise<Document>;
  /** Counts, sizes, the state of indexes and vectors. */
  stats(): Promise<Document>;
  /** Nodes and edges around a memory; without an id a page of the whole graph, with positions to draw it. */
  graph(id?: string, options?: MemoryFilter & { depth?: number; limit?: number; after?: string }): Promise<Document>;
  /** The strongest chain of relations between two. */
  path(from: string, to: string, options?: { maxHops?: number }): Promise<Document>;
  /** Sees to what fades, what is double, what was forgotten long ago; a report. dryRun: false does it. */
  maintain(options?: { dryRun?: boolean; policy?: Document }): Promise<Document>;
  /** Computes vectors that are missing, now. */
  embed(limit?: number): Promise<Document>;
  /** Files and folders into memories, only what changed since; a report. */
  ingest(path: string, options?: MemoryIngestOptions & { dryRun?: boolean; maxFiles?: number }): Promise<Document>;
  /** Takes in what changes in a folder, from now on: for await (const change of await memory.watch('notes')) … */
  watch(path: string, options?: MemoryIngestOptions & { quietMs?: number; pollMs?: number }): Promise<MemoryWatch>;
  /** What is worth knowing of a text, or of { messages }, written down by a model. */
  extract(text: string | undefined, options?: { messages?: readonly Document[]; model?: string; origin?: string; maxMemories?: number;
    dryRun?: boolean; [option: string]: unknown }): Promise<Document>;
  /** Observations that belong together, made into fewer memories by a model; dryRun: false does it. */
  consolidate(options?: MemoryFilter & { dryRun?: boolean; model?: string; limit?: number; policy?: Document }): Promise<Document>;
  export(path: string, options?: MemoryFilter & { format?: 'jsonl' | 'tau' | 'markdown' }): Promise<Document>;
  import(path: string, options?: { format?: 'jsonl' | 'tau' | 'markdown'; [option: string]: unknown }): Promise<Document>;
  /** What tau_memory_perform answers to a request. */
  perform(request: { op: string; [member: string]: unknown }, options?: { vectors?: Vectors }): Promise<Document>;
  /** Gives it back; what is remembered stays. Harmless when it was closed. */
  close(): void;
}

/** The key that opens a vault: one of the first five. */
export interface VaultKey {
  /** At least 12 bytes; opening takes about 300 ms. */
  passphrase?: Uint8Array;
  /** A private file of 64 hexadecimal digits. */
  keyFile?: string;
  /** An environment variable of 64 hexadecimal digits; needs `environment`. */
  keyVariable?: string;
  /** An entry of the kernel's user keyring, which lasts until a restart. */
  keyring?: string;
  /** 32 bytes of the program's. */
  key?: Uint8Array;
  /** Its name in the vault. */
  label?: string;
  /** The file or the entry does not exist and is made with a random key. */
  make?: boolean;
}

export interface VaultOptions extends VaultKey {
  /** Make the vault; it must not exist. */
  create?: boolean;
  environment?: boolean;
  /** Every change fails. */
  readOnly?: boolean;
  /** File that remembers how far the vault has come, so that an older copy is noticed. */
  anchor?: string;
  /** An earlier epoch of describe() is refused. */
  leastEpoch?: number;
}

/** Bytes that show themselves to nobody who does not ask: printed and as JSON it is "[REDACTED]". */
export class Secret {
  private constructor();
  /** A copy of the bytes; fill(0) wipes it. */
  reveal(): Uint8Array;
  /** Wipes it. Harmless when that was done. */
  close(): void;
  toString(): string;
  toJSON(): string;
}

/** Secrets in one encrypted file, each bound to the origin that may see it. Names are "provider/openai",
 * "provider/openai#field" or references; times are Dates or milliseconds since 1970. */
export class Vault {
  constructor(path: string, options: VaultOptions);
  /** Stores a secret for one origin, in the place of all versions of an old one; without an origin for local use. */
  put(name: string, value: Uint8Array, options?: { origin?: string; expires?: Date | number }): void;
  /** The secret, for its origin. version: the one before while it lasts; else the current one. */
  get(name: string, options?: { origin?: string; version?: number }): Secret;
  /** A new version; the one before stays readable by its number for graceMs. */
  rotateSecret(name: string, value: Uint8Array, options?: { graceMs?: number; expires?: Date | number }): void;
  /** Erases every version; the name stays, so that who asks for it is told. */
  revoke(name: string): void;
  /** Erases a secret, its name included. */
  remove(name: string): void;
  /** Until when the current version may be used; absent: for ever. */
  setExpiry(name: string, expires?: Date | number): void;
  /** What is in it: names, origins, states, times, keys. No value. */
  describe(): Document;
  /** Erases the records that are damaged. */
  dropDamaged(): void;
  /** Adds a way in. */
  addKey(key: VaultKey): void;
  /** Removes a way in by its label. */
  removeKey(label: string): void;
  /** A new master key that the given key alone opens, and a new key of the secrets; without a key only the latter. */
  rotateKeys(key?: VaultKey): void;
  /** Takes over the secrets of a credential file of Tau; what went in, and what did not and why. */
  importFile(path: string, options?: { passphrase?: Uint8Array; origins?: { readonly [id: string]: string } }): Document;
  /** Gives it back: with the last one who has it, the keys are wiped. Harmless when it was closed. */
  close(): void;
}

/** A key that signs; printed it shows its DID and "[REDACTED]". */
export class Identity {
  /** seed: the private key, 32 bytes; absent: a new one. did: a did:web; absent: the did:key of the key. */
  constructor(options?: { seed?: Uint8Array; did?: string });
  readonly did: string;
  readonly keyId: string;
  /** The DID, the name of the key, the multikey and the DID document; no private key. */
  describe(): Document;
  /** The private key, for a vault to keep. */
  seed(): Secret;
  /** The answer to a challenge, when it is of whom we speak to and for what we want: a JWS. */
  prove(challenge: Document, options: { audience: string; purpose: string }): string;
  /** The envelope of a message, which travels beside it; valid for five minutes unless told else. */
  seal(payload: string, options: {
    audience: string; id: string; issuer?: string; keyId?: string; issuedMs?: number; expiresMs?: number;
  }): Document;
  /** The agent card with one signature more, for 90 days unless told else. */
  signCard(card: Document, options?: { issuedS?: number; expiresS?: number }): Document;
  /** The list of trust roots with the signature of this key. */
  signRoots(list: Document): Document;
  /** Gives it back: with the last one who has it, the key is wiped. Harmless when it was closed. */
  close(): void;
}

/** DID documents by their DID. */
export interface DidDocuments { readonly [did: string]: Document }

/** Who signed an agent card and until when; throws when nobody did who may. */
export function verifyCard(card: Document | string,
  options?: { did?: string; documents?: DidDocuments; nowMs?: number }): Document;
/** The version and the digest of a list of trust roots: the first one, of that digest, or the one that follows. */
export function verifyRoots(list: Document | string,
  options: { digest?: string; previous?: Document; nowMs?: number }): Document;
/** The document of a DID and its keys. document: of a did:web, as it stands at its address. */
export function resolveDid(did: string, document?: Document | string): Document;

/** What decides of others: who may do what, who is admitted, what is accepted once. */
export class Access {
  /** policy: roles and bindings; absent: nobody may do anything. state: file of what was accepted; absent: memory. */
  constructor(options?: { policy?: Document | string; audience?: string; state?: string });
  /** The rule that allows it; throws "access_denied" with why as details. */
  check(principal: string, action: string, resource: string): Document;
  /** The same, allowed or not. */
  explain(principal: string, action: string, resource: string): Document;
  /** Whether somebody may do something. */
  allows(principal: string, action: string, resource: string): boolean;
  /** Asks for a proof, to be answered by Identity.prove. */
  challenge(purpose: string): Document;
  /** Accepts the answer to a challenge once; did and key_id of who answered. */
  verifyProof(proof: string, options: { purpose: string; did?: string; documents?: DidDocuments }): Document;
  /** Accepts a message once in its whole validity; who sent it. */
  openEnvelope(envelope: Document | string, payload: string,
    options?: { documents?: DidDocuments; nowMs?: number }): Document;
  /** Any request of tau/access.h. */
  perform(op: string, members?: Document): Document;
  /** Gives it back: with the last one who has it, the file is free for others. Harmless when it was closed. */
  close(): void;
}

/** Where something stands that must not leave; it never holds the thing. */
export interface Finding {
  rule: string;
  /** The id of a registered secret. */
  subject?: string;
  /** In bytes of the text's UTF-8. */
  offset: number;
  length: number;
  /** Equal for equal text, within this process. */
  fingerprint: string;
  confidence: 'certain' | 'likely';
  /** Present where redaction leaves it. */
  signal?: true;
}

/** What a URL is checked by; absent: https to public hosts on the scheme's own port. */
export interface UrlRules {
  http?: boolean;
  ports?: readonly number[];
  any_port?: boolean;
  /** The only ones: "example.com", "*.example.com". */
  hosts?: readonly string[];
  denied_hosts?: readonly string[];
  /** May be reached though private: "http://127.0.0.1:8080". */
  private_origins?: readonly string[];
  /** What the URL is relative to. */
  base?: string;
  /** What its name resolved to. */
  addresses?: readonly string[];
}

export interface UrlVerdict {
  /** "resolve": the name may be asked for, its addresses decide. */
  verdict: 'allow' | 'deny' | 'resolve';
  /** Of "deny". */
  reason?: string;
  message?: string;
  /** As it is read; absent when it cannot be. */
  url?: string;
  host?: string;
  port?: number;
  /** Whether the host is an IP address. */
  address?: boolean;
  user_information?: boolean;
}

/** Whether a URL may be reached. Nothing is resolved and nothing is sent. */
export function checkUrl(url: string, rules?: UrlRules): UrlVerdict;

export interface InjectionSignal {
  family: string;
  /** About where, in bytes of the text's UTF-8. */
  offset: number;
  /** From 0 to 1: how seldom honest text says such a thing. A rank, no probability. */
  score: number;
}

/** What in a text looks like an attempt to give a model orders. channel: who says it, "tool" by default. No gate. */
export function injectionSignals(text: string | Uint8Array, channel?: 'tool' | 'user'): InjectionSignal[];

/** A tool call to decide of; docs/monitor.md. */
export interface PolicyCall {
  tool: { name: string; effect?: Effect; destinations?: readonly string[]; host?: boolean; ask?: boolean; sandboxed?: boolean };
  /** An object, or its JSON as the model wrote it. */
  arguments: Document | string;
  /** Of all that the model had seen; absent: untrusted and private. */
  labels?: { integrity: readonly string[]; readers?: readonly string[] };
  /** What the user wrote in this session. */
  user?: readonly string[];
  /** What earlier calls were asked and answered. */
  reads?: ReadonlyArray<{ arguments: Document | string; content: string }>;
  /** Families of signals of injection in what the model was shown, as `injectionSignals` names them. */
  signals?: readonly string[];
  /** Calls of the run that were not denied, and those of the last minute; absent: what has a cap is denied. */
  run?: { calls: number; recent?: ReadonlyArray<{ tool: string; age_ms: number }> };
}

export interface PolicyVerdict {
  verdict: 'allow' | 'ask' | 'deny';
  reason: string;
  message: string;
  rule: string;
  /** The destination or rule that decided. */
  argument?: string;
  signals: Array<'untrusted_input' | 'private_data' | 'way_out'>;
  policy_epoch: number;
  /** Of "ask": what an answer holds for. */
  binding?: string;
}

/** Rules for tool calls, for programs that run their own agent. */
export class Policy {
  /** document: as a configuration has it under "policy". */
  constructor(document?: Document);
  /** An exception is no verdict: do not make the call. */
  decide(call: PolicyCall): PolicyVerdict;
  /** Its epoch, its document, what is in force, the table of presets, all reasons. */
  describe(): Document;
}

/** Classes of personal data (docs/safety.md). */
export type PersonalClass = 'card' | 'email' | 'iban' | 'ip' | 'national_id' | 'phone';

/** The secrets and rules that are looked for. */
export class Scanner {
  /** rules: a bundle (docs/safety.md) over the built-in rules. useRules: whether credentials are found that nobody registered.
   * pii: classes of personal data to look for as well; piiAction: 'signal' leaves it where it stands. */
  constructor(options?: { rules?: Document; useRules?: boolean; pii?: readonly PersonalClass[]; piiAction?: 'redact' | 'signal' });
  /** Registers a secret, which is kept as keyed hashes; id: what findings call it. */
  addSecret(id: string, secret: string | Uint8Array): void;
  /** Forgets every secret of an id. */
  removeSecret(id: string): void;
  replaceRules(bundle: Document): void;
  /** What is looked for, as ids. */
  describe(): Document;
  scan(text: string | Uint8Array): Finding[];
  /** The text with "[redacted:RULE]" in the place of what was found. */
  redact(text: string): string;
  /** For one text that comes in pieces. */
  redactor(): Redactor;
}

/** Takes secrets out of a text that comes in pieces. */
export class Redactor {
  constructor(scanner: Scanner);
  /** What may go on: mostly all but the last word. */
  feed(piece: string): string;
  /** What is held back, for a reader who has waited long enough. */
  flush(): string;
  /** What is left; then it is ready for another text. */
  finish(): string;
}

export interface AgentOptions {
  /** provider/model */
  model?: string;
  /** Instructions. */
  system?: string;
  /** The whole offer: names of built-in tools, and what tool() makes. Absent: the built-in tools of the configuration. */
  tools?: readonly (string | Tool)[];
  limits?: Document;
  policy?: Document;
  params?: Document;
  responseSchema?: Document;
  script?: Document;
  /** Who its sessions and runs act for, where a policy of access asks. */
  principal?: string;
  /** Answers approvals of all runs. */
  onApproval?: OnApproval;
  /** Any further key of docs/schema/config.json; the options above win. */
  config?: Document;
}

/** A configuration and a set of tools that sessions are run with. */
export class Agent {
  private constructor();
  readonly runtime: Runtime;
  /** Offers a tool. Without a function, whoever reads the tool_call events answers. */
  tool<A = any>(manifest: ToolManifest, execute?: Execute<A>): Tool;
  tool(tool: Tool): Tool;
  /** Opens a session, creating it when there is none of that id; without an id, a session of its own. */
  session(id?: string): Session;
  describe(): Document;
  /** Gives the agent back before it is collected; its sessions go on. */
  close(): void;
}

export interface RunOptions {
  /** Cancels the run. */
  signal?: AbortSignal;
  onApproval?: OnApproval;
  deadlineMs?: number;
  /** The outcome then has `output`. */
  responseSchema?: Document;
  limits?: Document;
  params?: Document;
  /** What the user says as a neutral message (docs/schema/message.json), in place of the prompt. */
  message?: Document;
  /** Referenced as "blob:N" by the message. */
  blobs?: readonly Blob[];
  /** On whose behalf the run acts. */
  principal?: string;
  /** W3C trace context of the caller. */
  traceparent?: string;
  /** No events but approvals, tool calls and the last one. */
  quiet?: boolean;
  /** Goes on with the run that a crash cut off; without a prompt. */
  resume?: boolean;
  /** Ends the run that a crash cut off; without a prompt. */
  abandon?: boolean;
}

/** A durable conversation. Runs on it follow each other. */
export class Session {
  private constructor();
  readonly agent: Agent;
  readonly id: string;
  /** Starts a run. Throws when it cannot be started. */
  run(prompt?: string | null, options?: RunOptions): Run;
  describe(): Document;
  /** The whole conversation: { session, messages }. */
  export(): Document;
  /** A session that begins with this conversation, up to the message with the id `entry`. */
  fork(options?: { entry?: string; id?: string }): Session;
  /** Gives the session back before it is collected; a run in progress goes on. */
  close(): void;
}

export interface OpOptions {
  /** The op is then acknowledged by op_accepted once it is durable, or by op_rejected. */
  id?: string;
}

/** One request to an agent. */
export class Run implements AsyncIterable<Event> {
  private constructor();
  /** Empty while the run waits for its cancelled predecessor. */
  readonly id: string;
  readonly session: Session;
  /** Once run_done has come. */
  readonly outcome: Outcome | undefined;
  readonly done: boolean;
  /** Ends after run_done and does not throw for a failed run. Leaving the loop early cancels the run. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event>;
  /** The outcome of a run that ends well; rejects with TauError otherwise. */
  result(): Promise<Outcome>;
  /** Asks more; answered after the current answer. */
  message(text: string, options?: OpOptions & { blobs?: readonly Blob[] }): void;
  /** Changes course: said to the model before its next call. */
  steer(text: string, options?: OpOptions & { blobs?: readonly Blob[] }): void;
  approve(call: CallEvent | string, options?: OpOptions): void;
  deny(call: CallEvent | string, reason?: string, options?: OpOptions): void;
  /** Answers a tool_call event of a tool without a function. */
  toolResult(call: CallEvent | string, content: unknown,
    options?: OpOptions & { isError?: boolean; reason?: string }): void;
  toolProgress(call: CallEvent | string, text: string): void;
  /** Feeds the answer to a model_call event of a model without a function: an event, or lines or bytes as they are. UNAVAILABLE
   * "model_reply_full": nothing was taken, try again. FAILED_PRECONDITION "model_call_over": nobody wants it. */
  modelEvent(call: PlainEvent | string, event: Document | string | Uint8Array): void;
  /** Ends it, with an error where one is given. */
  modelDrop(call: PlainEvent | string, error?: unknown): void;
  /** Sends any op (docs/schema/op.json). */
  submit(op: Document, blobs?: readonly Blob[]): void;
  /** Stops the run as soon as possible; run_done still comes. Harmless when it has ended. */
  cancel(): void;
}

// `using` and `await using`, where the compiler knows them.
export interface Runtime extends Disposables {}
export interface Run extends AsyncDisposables {}
export interface Agent extends SyncDisposables {}
export interface Session extends SyncDisposables {}
export interface Secret extends SyncDisposables {}
export interface Identity extends SyncDisposables {}
export interface Access extends SyncDisposables {}
export interface Vault extends SyncDisposables {}
type SyncDisposables = Picked<'dispose', () => void>;
type AsyncDisposables = Picked<'asyncDispose', () => Promise<void>>;
type Disposables = SyncDisposables & AsyncDisposables;
type Picked<K extends string, F> = SymbolConstructor extends { readonly [key in K]: infer S extends symbol }
  ? { [key in S]: F } : {};

/** Asks one question and waits for the answer; nothing is kept. Without a model, the one that the environment names. */
export function run(prompt: string, options?: AgentOptions & {
  workspace?: string; environment?: boolean; signal?: AbortSignal; deadlineMs?: number;
}): Promise<Outcome>;

/** Puts a backup in the place of a home that no program has open; what is there now. `replace`: a database that is there
 * moves to a directory of the home, which the report names as "replaced". */
export function restoreHome(backup: string, home: string, options?: { replace?: boolean }): Document;
/** Checks a home or a backup, also one that is in use: "sound", counts, and "problems" with reason and message. */
export function verifyHome(home: string): Document;

/** Checks the log of a home, or one that is named itself: "ok", else "reason", "file" and "line" of the first bad record.
 * `head`: one of auditHead() that was kept elsewhere; `publicKey`: the key that must have signed, 64 hexadecimal digits. */
export function verifyAudit(place: string, options?: { head?: string; publicKey?: string }): Document;
/** "records" from a cursor on, at most `limit`, and "next", the cursor to go on with. `cursor`: absent for the first record,
 * "-20" for the last twenty, or "next" of an earlier answer, which follows the log. */
export function readAudit(place: string, options?: { cursor?: string; limit?: number }): Document;
/** Every record that is there now, the oldest first. */
export function auditRecords(place: string): Generator<Document, void, undefined>;
/** Sums of files, folders of logs and homes, and of `data`: this library's records, and those that Tau wrote. */
export function summariseAudit(paths: string[], options?: { data?: string | Uint8Array }): Document;
/** The newest signed head of a log, as it stands there; Runtime.auditHead() signs one first. */
export function auditHead(place: string): string;

/** The version of the library that is loaded. */
export function version(): string;
/** [major, minor] of the ABI that the library speaks. */
export function abiVersion(): [number, number];
/** Whether a feature is built in and works. */
export function hasFeature(name: string): boolean;
/** Version, features, built-in tools, dialects and known providers. */
export function buildInfo(): Document;

/** Codecs between the dialects of model providers and neutral messages. */
export namespace wire {
  type Kind = 'request' | 'response';
  interface Options { kind?: Kind; quirks?: Document }
  /** A document of a dialect as neutral JSON; a response unless `kind` says otherwise. */
  function decode(dialect: string, body: string | Uint8Array | Document, options?: Options): Document;
  /** Neutral JSON as a document of a dialect; a request unless `kind` says otherwise. */
  function encode(dialect: string, neutral: string | Uint8Array | Document, options?: Options): Document;
  /** The typed error that an answer with another HTTP status than 2xx stands for. */
  function decodeError(dialect: string, status: number, body: string | Uint8Array,
    headers?: { readonly [name: string]: string }): Document;
  /** Decodes one streamed response: feed() bytes in any split, then end(). */
  class Stream {
    constructor(dialect: string, options?: { quirks?: Document });
    feed(bytes: string | Uint8Array): Document[];
    end(): Document[];
  }
  /** Encodes one response as a dialect streams it; the stream of "bedrock_converse" is no text. */
  class StreamEncoder {
    constructor(dialect: string);
    feed(events: readonly Document[]): string;
    feedBytes(events: readonly Document[]): Uint8Array;
    end(): string;
    endBytes(): Uint8Array;
  }
}
