'use strict';
// The audit log: who did what under which verdict. Verified, read and summed up with or without a runtime.

const native = require('./native.js');
const { TauError } = require('./errors.js');
const { checkOptions, expand, json } = require('./values.js');

const VERIFY = new Set(['head', 'publicKey']);
const READ = new Set(['cursor', 'limit']);
const SUMMARISE = new Set(['data']);
const PAGE = 1000;

/** Checks the log of a home, or one that is named itself. */
function verifyAudit(place, options = {}) {
  checkOptions('verifyAudit', options, VERIFY);
  try {
    return JSON.parse(native.tau_audit_verify(expand(place), options.head, options.publicKey));
  } catch (error) {
    if (!(error instanceof TauError) || error.reason !== 'audit_log_damaged') throw error;
    return error.details;
  }
}

/** Records from a cursor on, and the cursor to go on with. */
function readAudit(place, options = {}) {
  checkOptions('readAudit', options, READ);
  return JSON.parse(native.tau_audit_read(expand(place), options.cursor, options.limit ?? 0));
}

/** Every record that is there now, the oldest first. */
function* auditRecords(place) {
  for (let cursor; ;) {
    const page = readAudit(place, { cursor, limit: PAGE });
    yield* page.records;
    if (page.records.length + page.damaged < PAGE) return;
    cursor = page.next;
  }
}

/** Sums of files, folders of logs and homes, and of `data`. */
function summariseAudit(paths, options = {}) {
  checkOptions('summariseAudit', options, SUMMARISE);
  return JSON.parse(native.tau_audit_summary(json(paths.map(expand)), options.data));
}

/** The newest signed head of a log, as it stands there. */
function auditHead(place) {
  return native.tau_audit_head(undefined, expand(place));
}

module.exports = { auditHead, auditRecords, readAudit, summariseAudit, verifyAudit };
