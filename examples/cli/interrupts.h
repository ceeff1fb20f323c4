// Ctrl-C and termination: the first cancels the run that is watched, the second ends the program at once.
#pragma once

#include <tau/run.h>

namespace cli {

// Handles SIGINT and SIGTERM for the rest of the program.
void install_interrupts();

// While it lives, an interrupt cancels `run`. One at a time.
class Watched {
 public:
  explicit Watched(tau_run* run);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

// Whether an interrupt came since the last reset_interrupts().
bool interrupted();
// Readable from an interrupt until reset_interrupts(): a signal that comes just before a wait still ends it.
int interrupt_fd();
void reset_interrupts();

}  // namespace cli
