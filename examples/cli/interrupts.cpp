#include "interrupts.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "exit_codes.h"

namespace cli {
namespace {

// A handler reaches nothing but globals; the atomics are lock-free.
std::atomic<tau_run*> watched_run{nullptr};
std::atomic<int> interrupt_count{0};
int wake_pipe[2] = {-1, -1};

void on_signal(int) {
  if (interrupt_count.fetch_add(1) > 0) _exit(kExitCancelled);
  tau_run_cancel(watched_run.load());
  const int kept = errno;
  const ssize_t written = write(wake_pipe[1], "", 1);  // a full pipe is readable already
  static_cast<void>(written);
  errno = kept;
}

}  // namespace

void install_interrupts() {
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return;  // without it the default, ending, is right
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART: a blocking read ends with EINTR
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Watched::Watched(tau_run* run) {
  watched_run = run;
  if (interrupted()) tau_run_cancel(run);  // it came while the run was being started
}
Watched::~Watched() { watched_run = nullptr; }

bool interrupted() { return interrupt_count > 0; }
int interrupt_fd() { return wake_pipe[0]; }

void reset_interrupts() {
  interrupt_count = 0;
  char bytes[16];
  while (read(wake_pipe[0], bytes, sizeof bytes) > 0) continue;
}

}  // namespace cli
