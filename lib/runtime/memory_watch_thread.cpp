// The thread of a watch, and the watches of a handle.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/core.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_watch.h"
#include "runtime/own_thread.h"

namespace tau::runtime {
namespace {

constexpr int kRestMs = 50;  // between hints: what comes meanwhile is read at once

// The host's signals are none of its business.
bool start_thread(void (*run)(std::shared_ptr<Watching>), std::shared_ptr<Watching> watching) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = false;
  try {
    std::thread(run, std::move(watching)).detach();
    started = true;
  } catch (const std::system_error&) {}
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace

Watching::Watching(Memory& memory, WatchAsk asked, std::unique_ptr<os::FolderEvents> events)
    : id_(make_id("watch_", system_clock(), system_random())),
      runtime_(memory.runtime()),
      reach_(memory.reach()),
      labels_(memory.labels()),
      watch_(std::move(asked), std::move(events), system_clock()) {}

StatusOr<std::shared_ptr<Watching>> Watching::start(Memory& memory, WatchAsk asked) {
  if (memory.core().stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  if (!memory.core().workers().available())
    return failed_precondition("no_workers",
                               "this runtime has no threads of its own (TAU_NO_WORKERS), and a watch needs "
                               "one: ingest again and again");
  TAU_ASSIGN_OR_RETURN(auto events, os::make_folder_events(asked.ingest.path));
  auto watching = std::make_shared<Watching>(memory, std::move(asked), std::move(events));
  memory.core().memory().add_watch(watching);
  if (!start_thread(&Watching::run, watching)) {
    watching->ended_ = true;
    return resource_exhausted("no_thread", "the system gives no further thread: the folder is not watched");
  }
  return watching;
}

void Watching::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && !departure_) departure_.emplace();
  }
  watch_.stop();
}

bool Watching::wait_ended(int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return ended_; };
  if (timeout_ms >= 0) return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), over);
  changed_.wait(lock, over);
  return true;
}

void Watching::run(std::shared_ptr<Watching> self) {
  const OwnThread mark;
  std::optional<Departure> last;  // outlives all that this thread holds
  const std::shared_ptr<Watching> watching = std::move(self);
  try {
    watching->work();
  } catch (const std::bad_alloc&) { watching->watch_.end(Status::out_of_memory()); }
  const std::lock_guard lock(watching->mutex_);
  watching->ended_ = true;
  if (watching->departure_) last.emplace();
  watching->departure_.reset();
  watching->changed_.notify_all();
}

void Watching::work() {
  while (!watch_.stopped()) {
    const bool hinted = watch_.wait();
    if (watch_.stopped()) break;
    if (watch_.is_due() && !turn()) return;
    if (hinted) std::this_thread::sleep_for(std::chrono::milliseconds(kRestMs));
  }
  watch_.end(ok_status());
}

// The runtime is held for this only. Whether the watch goes on.
bool Watching::turn() {
  const std::shared_ptr<Runtime> runtime = runtime_.lock();
  if (runtime == nullptr || runtime->core()->stopping()) return watch_.end(ok_status()), false;
  Core& core = *runtime->core();
  const auto engine = core.memory().engine();
  if (!engine.ok()) return watch_.end(engine.status()), false;
  Memory memory(runtime, **engine, reach_);
  if (labels_) memory.write_as(*labels_);
  const Status may = memory.authorize("memory:ingest");
  if (!may.ok()) return watch_.end(may), false;
  if (watch_.look(memory)) core.memory().wrote();
  return true;
}

StatusOr<std::string> MemoryWatches::add(Memory& memory, WatchAsk asked) {
  const std::lock_guard lock(mutex_);
  for (const auto& each : watches_)
    if (each->watch().path() == asked.ingest.path && !each->watch().is_over())
      return Status(Code::kAlreadyExists, "watched_already",
                    format("\"{}\" is watched already, by {}", asked.ingest.path, each->id()));
  if (watches_.size() >= kMost)
    return resource_exhausted("too_many_watches",
                              format("this handle has {} watches, which is all it may have", kMost));
  TAU_ASSIGN_OR_RETURN(auto watching, Watching::start(memory, std::move(asked)));
  watches_.push_back(watching);
  return watching->id();
}

StatusOr<std::shared_ptr<Watching>> MemoryWatches::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& each : watches_)
    if (each->id() == id) return each;
  return not_found("no_such_watch", format("this handle has no watch \"{}\"", id));
}

std::vector<std::shared_ptr<Watching>> MemoryWatches::all() const {
  const std::lock_guard lock(mutex_);
  return watches_;
}

void MemoryWatches::remove(const std::shared_ptr<Watching>& watching) {
  watching->stop();
  const std::lock_guard lock(mutex_);
  watches_.erase(std::remove(watches_.begin(), watches_.end(), watching), watches_.end());
}

void MemoryWatches::stop() {
  for (const auto& each : all()) each->stop();
}

}  // namespace tau::runtime
