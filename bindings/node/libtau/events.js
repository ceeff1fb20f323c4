'use strict';
// What comes out of a run: events, and the outcome at its end.

const native = require('./native.js');
const { inspect } = require('./values.js');

const KINDS = [];
for (const [name, number] of Object.entries(native.tau_event_kind)) KINDS[number] = name.toLowerCase();

function kindName(number) {
  return KINDS[number] ?? `kind_${number}`;
}

/** One event of a run (docs/events.md). `text` is what its kind says it is, `body` everything else. */
class Event {
  #json;
  #body;

  constructor(kind, runId, callId, text, firstSeq, seq, json) {
    this.kind = kind;
    this.runId = runId;
    this.callId = callId;
    this.text = text;
    this.firstSeq = firstSeq;
    this.seq = seq;
    this.#json = json;
  }

  /** The body, parsed at the first look. */
  get body() {
    if (this.#body === undefined) {
      this.#body = this.#json ? JSON.parse(this.#json)
        : { event: this.kind, run: this.runId, text: this.text, ...(this.callId && { call_id: this.callId }) };
    }
    return this.#body;
  }

  /** Of a tool call or approval; the raw text when the model did not write JSON. */
  get arguments() {
    return this.body.arguments ?? this.body.arguments_text;
  }

  /** Joins the following piece of the same stream to `event`. */
  static absorb(event, next) {
    event.text += next.text;
    event.seq = next.seq;
    event.#json = event.#body = undefined;
  }

  [inspect](depth, options, print) {
    const shown = { kind: this.kind, text: this.text, ...(this.callId && { callId: this.callId }), seq: this.seq };
    return `Event ${print(shown, options)}`;
  }
}

function outcomeOf(runId, value) {
  const usage = value.usage ?? {};
  return Object.freeze({
    runId,
    status: value.status,
    code: value.code,
    ok: value.code === 'ok',
    text: value.text ?? '',
    reason: value.reason ?? '',
    message: value.message ?? '',
    turns: value.turns ?? 0,
    finish: value.finish ?? '',
    output: value.output,
    usage: Object.freeze({
      inputTokens: usage.input_tokens ?? 0,
      outputTokens: usage.output_tokens ?? 0,
      cachedInputTokens: usage.cached_input_tokens ?? 0,
      costUsdMicros: usage.cost_usd_micros ?? 0,
    }),
  });
}

module.exports = { Event, kindName, outcomeOf };
