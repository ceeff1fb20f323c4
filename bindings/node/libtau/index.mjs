// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Policy, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool, ToolError, Vault,
  abiVersion, buildInfo, checkUrl, hasFeature, injectionSignals, restoreHome, run, tool, verifyHome, version, wire } = tau;
