'use strict';
// libtau: run language-model agents inside your program. docs/node.md tells the whole story.

const native = require('./native.js');

checkAbi(native.tau_abi_version());

const { Access } = require('./access.js');
const { Agent } = require('./agent.js');
const { TauError, ToolError } = require('./errors.js');
const { Event } = require('./events.js');
const { Identity, resolveDid, verifyCard, verifyRoots } = require('./identity.js');
const { Memory } = require('./memory.js');
const { Policy } = require('./policy.js');
const { Run } = require('./run.js');
const { auditHead, auditRecords, readAudit, summariseAudit, verifyAudit } = require('./audit.js');
const { Runtime, restoreHome, verifyHome } = require('./runtime.js');
const { Redactor, Scanner, checkUrl, injectionSignals } = require('./scanner.js');
const { Session } = require('./session.js');
const { Tool } = require('./tools.js');
const { Secret, Vault } = require('./vault.js');
const wire = require('./wire.js');

/** The library that was found must speak what the addon was built against. */
function checkAbi(number) {
  const [major, minor] = [Math.floor(number / 1000), number % 1000];
  if (major === native.ABI_MAJOR && minor >= native.ABI_MINOR) return;
  throw new Error(`libtau has ABI ${major}.${minor}, this package needs ${native.ABI_MAJOR}.${native.ABI_MINOR}`);
}

/** The version of the library that is loaded. */
function version() {
  return native.tau_version();
}

/** [major, minor] of the ABI that the library speaks. */
function abiVersion() {
  const number = native.tau_abi_version();
  return [Math.floor(number / 1000), number % 1000];
}

/** Whether a feature is built in and works. */
function hasFeature(name) {
  return native.tau_has_feature(name) !== 0;
}

/** Version, features, built-in tools, dialects and known providers. */
function buildInfo() {
  return JSON.parse(native.tau_build_info());
}

/** A tool for agent({ tools: [...] }). */
function tool(manifest, execute) {
  return new Tool(manifest, execute);
}

/** Asks one question and waits for the answer; nothing is kept. Further options are those of an agent. */
async function run(prompt, { workspace, environment = true, signal, deadlineMs, ...agent } = {}) {
  const runtime = new Runtime({ workspace, environment });
  try {
    return await runtime.agent(agent).session().run(prompt, { signal, deadlineMs }).result();
  } finally {
    await runtime.close();
  }
}

module.exports = { Access, Agent, Event, Identity, Memory, Policy, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool,
  ToolError, Vault, abiVersion, auditHead, auditRecords, buildInfo, checkUrl, hasFeature, injectionSignals,
  readAudit, resolveDid, restoreHome, run, summariseAudit, tool, verifyAudit, verifyCard, verifyHome, verifyRoots,
  version, wire };
