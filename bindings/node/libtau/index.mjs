// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Policy, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool, ToolError, Vault,
  abiVersion, auditHead, auditRecords, buildInfo, checkUrl, hasFeature, injectionSignals, readAudit, restoreHome,
  run, summariseAudit, tool, verifyAudit, verifyHome, version, wire } = tau;
