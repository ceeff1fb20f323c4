'use strict';
// Scanners: find secrets in text, whole or streamed, and take them out; URLs and signals of injection.

const native = require('./native.js');
const { checkOptions, inspect, json } = require('./values.js');

const KNOWN = new Set(['pii', 'piiAction', 'rules', 'useRules']);
const inner = Symbol('handle');

const CHANNELS = new Map([['tool', native.tau_text_channel.TOOL], ['user', native.tau_text_channel.USER]]);

/** Whether a URL may be reached. Nothing is resolved and nothing is sent. */
function checkUrl(url, rules) {
  return JSON.parse(native.tau_url_check(url, json(rules)));
}

/** What in a text looks like an attempt to give a model orders. */
function injectionSignals(text, channel = 'tool') {
  const number = CHANNELS.get(channel);
  if (number === undefined) throw new TypeError(`injectionSignals: channel ${channel} is none of tool, user`);
  return JSON.parse(native.tau_injection_signals(text, number));
}

/** The secrets and rules that are looked for. */
class Scanner {
  constructor(options = {}) {
    if (options[inner] !== undefined) {
      this._handle = options[inner];
      return;
    }
    checkOptions('Scanner', options, KNOWN);
    const { rules, useRules = true, pii, piiAction = 'redact' } = options;
    if (piiAction !== 'redact' && piiAction !== 'signal') throw new TypeError("piiAction is 'redact' or 'signal'");
    const { EXACT, PERSONAL_SIGNALS } = native.tau_scanner_flags;
    const flags = (useRules ? 0 : EXACT) | (piiAction === 'signal' ? PERSONAL_SIGNALS : 0);
    this._handle = native.tau_scanner_new({ flags, rules: json(rules), pii: json(pii) });
  }

  /** Registers a secret, which is kept as keyed hashes; id: what findings call it. */
  addSecret(id, secret) {
    native.tau_scanner_add_secret(this._handle, id, secret);
  }

  /** Forgets every secret of an id. */
  removeSecret(id) {
    native.tau_scanner_remove_secret(this._handle, id);
  }

  replaceRules(bundle) {
    native.tau_scanner_replace_rules(this._handle, json(bundle));
  }

  /** What is looked for, as ids. */
  describe() {
    return JSON.parse(native.tau_scanner_describe(this._handle));
  }

  /** What stands in the text, in bytes of its UTF-8. */
  scan(text) {
    return JSON.parse(native.tau_scanner_scan(this._handle, text));
  }

  /** The text with "[redacted:RULE]" in the place of what was found. */
  redact(text) {
    return native.tau_scanner_redact(this._handle, text);
  }

  /** For one text that comes in pieces. */
  redactor() {
    return new Redactor(this);
  }

  [inspect]() {
    return 'Scanner {}';
  }
}

/** Takes secrets out of a text that comes in pieces. */
class Redactor {
  constructor(scanner) {
    this._handle = native.tau_redactor_new(scanner._handle);
  }

  /** What may go on: mostly all but the last word. */
  feed(piece) {
    return native.tau_redactor_feed(this._handle, piece);
  }

  /** What is held back, for a reader who has waited long enough. */
  flush() {
    return native.tau_redactor_flush(this._handle);
  }

  /** What is left; then it is ready for another text. */
  finish() {
    return native.tau_redactor_finish(this._handle);
  }

  [inspect]() {
    return 'Redactor {}';
  }
}

/** That of a runtime, through which every text of its runs passes. */
function scannerOf(runtime) {
  return new Scanner({ [inner]: native.tau_runtime_scanner(runtime) });
}

module.exports = { Redactor, Scanner, checkUrl, injectionSignals, scannerOf };
