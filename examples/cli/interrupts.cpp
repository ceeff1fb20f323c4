#include "interrupts.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "exit_codes.h"

namespace cli {
namespace {

// A handler reaches nothing but globals. Both are lock-free.
std::atomic<tau_run*> watched_run{nullptr};
std::atomic<int> interrupt_count{0};

void on_signal(int) {
  if (interrupt_count.fetch_add(1) > 0) _exit(kExitCancelled);
  tau_run_cancel(watched_run.load());
}

}  // namespace

void install_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART: a blocking read ends with EINTR
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

Watched::Watched(tau_run* run) {
  watched_run = run;
  if (interrupted()) tau_run_cancel(run);  // it came while the run was being started
}
Watched::~Watched() { watched_run = nullptr; }

bool interrupted() { return interrupt_count > 0; }
void reset_interrupts() { interrupt_count = 0; }

}  // namespace cli
