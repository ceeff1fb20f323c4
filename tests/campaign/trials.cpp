#include "trials.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <new>
#include <thread>

namespace tau::campaign {
namespace {

constexpr unsigned kHangsAfterS = 60;

std::string death(int status) {
  if (!WIFSIGNALED(status)) return "exit " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status)) + (WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
}

}  // namespace

void Progress::note(const std::string& what) {
  ++bad;
  if (shown == kMostShown) return;
  char* const text = notes[shown++];
  std::snprintf(text, kNote, "allocation %ld: %s", n, what.c_str());
  for (char* c = text; *c != '\0'; ++c)
    if (*c == '\n') *c = '~';
}

void Progress::try_each(const std::function<bool(long n)>& reached, int misses) {
  for (int missed = 0; missed < misses; n += stride) {
    alarm(kHangsAfterS);
    missed = reached(n) ? 0 : missed + 1;
  }
  alarm(0);
}

// The kernel's own count: a folder of threads that is read while they end may miss some.
int threads_now() {
  std::ifstream in("/proc/self/status");
  std::string word;
  while (word != "Threads:" && in >> word) {}
  int threads = 0;
  in >> threads;
  return threads;
}

void wait_for_threads(int wanted) {
  while (threads_now() > wanted) std::this_thread::yield();
}

Trials::Trials() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  void* const shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  progress_ = shared == MAP_FAILED ? nullptr : static_cast<Progress*>(shared);
}

void Trials::run(const std::string& name, long stride, const std::function<void(Progress&)>& work) {
  if (progress_ == nullptr) return;
  Progress& progress = *new (progress_) Progress;
  progress.stride = stride;
  while (!progress.done) {
    const pid_t child = fork();
    if (child == 0) {
      work(progress);
      progress.done = true;
      _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) break;
    if (progress.done) break;
    progress.note(death(status));
    progress.n += stride;
  }
  const bool good = progress.done && progress.bad == 0 && progress.injected > 0;
  std::printf("%s %d - %s\n", good ? "ok" : "not ok", ++number_, name.c_str());
  if (!good) std::printf("# %ld of %ld are bad\n", progress.bad, progress.injected);
  for (int i = 0; i < progress.shown; ++i) std::printf("# %s\n", progress.notes[i]);
  injected_ += progress.injected;
  bad_ += good ? progress.bad : progress.bad + 1;
}

int Trials::finish() {
  std::printf("# %d stories, %ld failures of memory, %ld bad\n1..%d\n", number_, injected_, bad_, number_);
  return number_ > 0 && bad_ == 0 ? 0 : 1;
}

}  // namespace tau::campaign
