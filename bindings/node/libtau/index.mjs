// The same package for `import`.
import tau from './index.js';

export const { Access, Agent, Event, Identity, Redactor, Run, Runtime, Scanner, Secret, Session, TauError, Tool, ToolError, Vault,
  abiVersion, buildInfo, hasFeature, resolveDid, restoreHome, run, tool, verifyCard, verifyHome, verifyRoots, version,
  wire } = tau;
