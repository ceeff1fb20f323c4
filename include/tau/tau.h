/* libtau: an agent runtime to link into your program. This header includes the whole C API.
 *
 *   tau_runtime   loops, store, configuration        one per program
 *   tau_agent     a model, instructions, tools       share it between sessions
 *   tau_session   a durable conversation             one writer at a time
 *   tau_run       one request and its events         ends with exactly one TAU_EVENT_RUN_DONE
 *   tau_queue     where events come out              one per loop, or one per run
 *   tau_memory    what is remembered, of one scope     searchable, without agents too
 *   tau_vault     secrets, each for one origin       given to a runtime, or used alone
 *   tau_identity  a key and its DID                  signs; what others sign, tau_access judges
 *   tau_access    who may do what, what is accepted  given to nobody: a program of its own asks it
 *   tau_policy    what tool calls may do               a runtime has its own; used alone by others
 *   tau_error     why a call failed
 *
 * Objects are reference counted; children keep their parents alive, so the order of release does not matter. A
 * release never blocks: stop (tau_runtime_stop) and cancel (tau_run_cancel) are verbs of their own. After fork the child
 * may only release. Options structs carry their size; a newer program on an older library fails with
 * UNIMPLEMENTED only when it sets a member that the library does not know. */
#ifndef TAU_TAU_H
#define TAU_TAU_H

#include "access.h"
#include "agent.h"
#include "audit.h"
#include "base.h"
#include "embed.h"
#include "error.h"
#include "event.h"
#include "home.h"
#include "identity.h"
#include "memory.h"
#include "model.h"
#include "policy.h"
#include "run.h"
#include "runtime.h"
#include "safety.h"
#include "session.h"
#include "tool.h"
#include "vault.h"
#include "version.h"
#include "wire.h"

#endif
