'use strict';
// Codecs between the dialects of model providers and neutral messages. Pure functions: no runtime, no network.

const native = require('./native.js');
const { json } = require('./values.js');

const KIND = native.tau_wire_kind;

function kindOf(kind) {
  const number = KIND[String(kind).toUpperCase()];
  if (number === undefined) throw new TypeError(`kind ${kind} is neither request nor response`);
  return number;
}

function asJson(body) {
  return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
}

/** A document of a dialect as neutral JSON. */
function decode(dialect, body, { kind = 'response', quirks } = {}) {
  return JSON.parse(native.tau_wire_decode(dialect, kindOf(kind), json(quirks), asJson(body)));
}

/** Neutral JSON as a document of a dialect. */
function encode(dialect, neutral, { kind = 'request', quirks } = {}) {
  return JSON.parse(native.tau_wire_encode(dialect, kindOf(kind), json(quirks), asJson(neutral)));
}

/** The typed error that an answer with another HTTP status than 2xx stands for. */
function decodeError(dialect, status, body, headers) {
  return JSON.parse(native.tau_wire_decode_error(dialect, status, json(headers), body));
}

function lines(text) {
  // One list is read faster than its elements. Within JSON there is no line end.
  return JSON.parse(`[${text.trimEnd().replaceAll('\n', ',')}]`);
}

/** Decodes one streamed response: feed() bytes in any split, then end(). */
class Stream {
  constructor(dialect, { quirks } = {}) {
    this._handle = native.tau_wire_stream_new(dialect, json(quirks));
  }

  /** The events that these bytes complete; the last of a stream has the whole response. */
  feed(bytes) {
    return lines(native.tau_wire_stream_feed(this._handle, bytes));
  }

  /** The events that were left. UNAVAILABLE "stream_truncated" when the stream did not come to its end. */
  end() {
    try {
      return lines(native.tau_wire_stream_end(this._handle));
    } finally {
      native.tau_wire_stream_free(this._handle);
    }
  }
}

/**
 * Encodes one response as a dialect streams it: feed() the events that Stream gives, then end(). The stream of
 * bedrock_converse is no text: feedBytes() and endBytes(), which do for every dialect.
 */
class StreamEncoder {
  constructor(dialect) {
    this._handle = native.tau_wire_stream_encoder_new(dialect);
  }

  /** The text of these events; { event: 'error', error } ends a stream that fails. */
  feed(events) {
    return this.feedBytes(events).toString();
  }

  feedBytes(events) {
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    return Buffer.from(native.tau_wire_stream_feed(this._handle, text));
  }

  end() {
    return this.endBytes().toString();
  }

  endBytes() {
    try {
      return Buffer.from(native.tau_wire_stream_end(this._handle));
    } finally {
      native.tau_wire_stream_free(this._handle);
    }
  }
}

module.exports = { Stream, StreamEncoder, decode, decodeError, encode };
