// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool, ToolError, Vault, abiVersion, buildInfo,
  hasFeature, restoreHome, run, tool, verifyHome, version, wire } = tau;
