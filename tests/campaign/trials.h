// Trials in processes of their own, so that a crash or a hang is one failure among others; printed is TAP.
#pragma once

#include <functional>
#include <string>

namespace tau::campaign {

// What a process that tries leaves to its parent.
struct Progress {
  static constexpr int kMostShown = 5;
  static constexpr size_t kNote = 1500;

  long n = 1;         // that is being tried
  long stride = 1;    // to the next one
  long injected = 0;  // trials in which something failed
  long bad = 0;
  int shown = 0;
  char notes[kMostShown][kNote] = {};
  bool done = false;

  // A trial went wrong.
  void note(const std::string& what);
  // Tries n, n + stride, … until `reached` says so many times in a row that n was not reached. Each has a
  // minute, or the process is killed.
  void try_each(const std::function<bool(long n)>& reached, int misses = 1);
};

// How many threads there are, and waiting until there are no more than so many: those of the library end on
// their own, a moment after the last handle is gone.
int threads_now();
void wait_for_threads(int wanted);

class Trials {
 public:
  Trials();
  // Runs `work` over a progress in a process, and in another one from the next n on when it dies.
  void run(const std::string& name, long stride, const std::function<void(Progress&)>& work);
  // The plan and a summary; the exit status of the program.
  int finish();

 private:
  Progress* progress_;  // shared with the processes
  int number_ = 0;
  long injected_ = 0;
  long bad_ = 0;
};

}  // namespace tau::campaign
