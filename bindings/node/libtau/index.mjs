// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Redactor, Run, Runtime, Scanner, Session, TauError, Tool, ToolError, abiVersion, buildInfo,
  hasFeature, restoreHome, run, tool, verifyHome, version, wire } = tau;
