#include "runtime/workers.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "runtime/own_thread.h"

namespace tau::runtime {
namespace {

thread_local bool is_worker = false;

}  // namespace

struct WorkerPool::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable quiet;
  std::deque<net::Task> tasks;
  uint32_t busy = 0;     // threads with a task
  uint32_t running = 0;  // threads
  uint32_t idle = 0;
  bool stop = false;

  // An empty one when there is none.
  net::Task take() {
    const std::lock_guard lock(mutex);
    if (tasks.empty()) return {};
    net::Task task = std::move(tasks.front());
    tasks.pop_front();
    return task;
  }
};

WorkerPool::WorkerPool(uint32_t threads) : threads_(threads), shared_(std::make_shared<Shared>()) {}

// Allocates nothing.
WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->wake.notify_all();
  while (shared_->take()) {}  // what a task owns dies outside the lock
}

void WorkerPool::submit(net::Task task) {
  net::Task dropped;  // before the lock: it dies after it
  std::unique_lock lock(shared_->mutex);
  shared_->tasks.push_back(std::move(task));
  if (shared_->idle > 0 || shared_->running == threads_) {
    lock.unlock();
    return shared_->wake.notify_one();
  }
  const auto take_back = [&] {  // nobody would take it
    dropped = std::move(shared_->tasks.back());
    shared_->tasks.pop_back();
  };
  try {
    if (start_thread()) {
      ++shared_->running;
    } else if (shared_->running == 0) {
      take_back();
    }
  } catch (const std::bad_alloc&) {
    if (shared_->running > 0) return;
    take_back();
    throw;
  }
}

// Under the lock, so that nobody counts on a thread that does not come to be.
bool WorkerPool::start_thread() {
  // Workers take no signals: those are the host's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = false;
  bool out_of_memory = false;
  try {
    std::thread([shared = shared_] { work(shared); }).detach();
    started = true;
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) { out_of_memory = true; }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (out_of_memory) throw std::bad_alloc();
  return started;
}

bool WorkerPool::wait_idle(int timeout_ms) {
  if (is_worker) return true;
  std::unique_lock lock(shared_->mutex);
  const auto idle = [this] { return shared_->busy == 0 && shared_->tasks.empty(); };
  if (timeout_ms >= 0) return shared_->quiet.wait_for(lock, std::chrono::milliseconds(timeout_ms), idle);
  shared_->quiet.wait(lock, idle);
  return true;
}

// Who fails for lack of memory has said so to whom it concerns.
void WorkerPool::run(net::Task& task) {
  const net::OwnerScope scope(task.owner());
  try {
    task();
  } catch (const std::bad_alloc&) {}
}

void WorkerPool::work(const std::shared_ptr<Shared>& shared) {
  is_worker = true;
  const OwnThread mark;
  std::unique_lock lock(shared->mutex);
  while (true) {
    ++shared->idle;
    shared->wake.wait(lock, [&] { return shared->stop || !shared->tasks.empty(); });
    --shared->idle;
    if (shared->stop) break;
    net::Task task = std::move(shared->tasks.front());
    shared->tasks.pop_front();
    ++shared->busy;
    lock.unlock();
    run(task);
    task = nullptr;  // what it owns dies outside the lock
    lock.lock();
    if (--shared->busy == 0 && shared->tasks.empty()) shared->quiet.notify_all();
  }
  --shared->running;
}

}  // namespace tau::runtime
