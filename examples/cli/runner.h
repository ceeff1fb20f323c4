// Drives one run from its start to its terminal event.
#pragma once

#include "approver.h"
#include "client.h"
#include "event_view.h"

namespace cli {

struct RunRequest {
  std::string prompt;
  std::string options_json;  // docs/schema/run.json
  tau_run_flags flags = 0;
  int64_t deadline_ms = 0;
};

Result<RunPtr> start_run(tau_session* session, tau_queue* queue, const RunRequest& request);

// Shows events and answers approvals until the run has ended; Ctrl-C and a reader that went away cancel it.
// Host tools cannot be called here: none was declared.
Result<Json> drive(tau_run* run, tau_queue* queue, EventView& events, Approver& approver);

// Gives up what a cut-off run of the session left open.
Result<Json> abandon_open_run(tau_session* session, tau_queue* queue);

// start_run and drive, then the exit code; failures are reported.
int run_to_end(tau_session* session, tau_queue* queue, const RunRequest& request, EventView& events,
               Approver& approver);

}  // namespace cli
