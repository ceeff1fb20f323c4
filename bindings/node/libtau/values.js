'use strict';
// Small idioms that the objects share.

const os = require('node:os');
const path = require('node:path');

const inspect = Symbol.for('nodejs.util.inspect.custom');
// Node 18 has neither symbol; transpilers and Node itself look for these.
const dispose = Symbol.dispose ?? Symbol.for('nodejs.dispose');
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

/** A path with "~" for the user's home; undefined for what is absent. */
function expand(name) {
  if (name === undefined || name === null) return undefined;
  const text = String(name);
  return text === '~' || text.startsWith('~/') ? path.join(os.homedir(), text.slice(1)) : text;
}

/** JSON text; undefined for what is absent. */
function json(value) {
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}

/** The members that are set; undefined when none is. */
function given(members) {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** Refuses misspelt options by name. */
function checkOptions(what, options, known) {
  for (const key of Object.keys(options)) {
    if (!known.has(key)) throw new TypeError(`${what}: unknown option ${key}; known: ${[...known].join(', ')}`);
  }
}

module.exports = { asyncDispose, checkOptions, dispose, expand, given, inspect, json };
