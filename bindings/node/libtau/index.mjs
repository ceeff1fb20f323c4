// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Run, Runtime, Secret, Session, TauError, Tool, ToolError, Vault, abiVersion, buildInfo,
  hasFeature, restoreHome, run, tool, verifyHome, version, wire } = tau;
