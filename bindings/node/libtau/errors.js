'use strict';
// Failures: TauError for calls and runs, ToolError for what a tool tells the model.

const native = require('./native.js');

const NAMES = new Map(Object.entries(native.tau_status).map(([name, status]) => [status, name]));

/** A failed call or run: `code` is the canonical code, `reason` a stable snake_case word to branch on. */
class TauError extends Error {
  constructor(message, { code = 'UNKNOWN', reason = '', details = {}, retryable = false, retryAfterMs, outcome,
    cause } = {}) {
    super(reason ? `${message} [${reason}]` : message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
    if (outcome !== undefined) Object.defineProperty(this, 'outcome', { value: outcome });
  }

  /** The number of the canonical code in C. */
  get status() {
    return native.tau_status[this.code] ?? native.tau_status.UNKNOWN;
  }
}
Object.defineProperty(TauError.prototype, 'name', { value: 'TauError', configurable: true, writable: true });

/** Thrown by a tool to choose the reason that the model sees. */
class ToolError extends Error {
  constructor(message, reason = 'tool_failed') {
    super(message);
    this.reason = reason;
  }
}
Object.defineProperty(ToolError.prototype, 'name', { value: 'ToolError', configurable: true, writable: true });

native.set_error_factory((status, reason, message, details, retryable, retryAfterMs) => new TauError(
  message || native.tau_status_name(status), {
    code: NAMES.get(status) ?? 'UNKNOWN',
    reason,
    details: details ? JSON.parse(details) : {},
    retryable,
    retryAfterMs: retryAfterMs < 0 ? undefined : retryAfterMs,
  }));

/** What was thrown, as text. Not everything has one: String() throws for Object.create(null). */
function textOf(thrown, withStack = false) {
  try {
    return String(withStack ? thrown?.stack ?? thrown : thrown);
  } catch {
    return 'a value without a text was thrown';
  }
}

function fromOutcome(outcome, cause) {
  return new TauError(outcome.message, { code: outcome.code.toUpperCase(), reason: outcome.reason, outcome, cause });
}

module.exports = { TauError, ToolError, fromOutcome, textOf };
