// The same package for `import`.
import tau from './index.js';

export const { Agent, Event, Run, Runtime, Session, TauError, Tool, ToolError, abiVersion, buildInfo, hasFeature,
  restoreHome, run, tool, verifyHome, version, wire } = tau;
