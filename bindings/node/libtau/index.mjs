// The same package for `import`.
import tau from './index.js';

export const { Access, Agent, Event, Identity, Memory, Policy, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool,
  ToolError, Vault, abiVersion, auditHead, auditRecords, buildInfo, checkUrl, hasFeature, injectionSignals,
  readAudit, resolveDid, restoreHome, run, summariseAudit, tool, verifyAudit, verifyCard, verifyHome, verifyRoots,
  version, wire } = tau;
