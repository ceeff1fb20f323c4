// A small pool of threads for what blocks.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "tool/tool.h"

namespace tau::runtime {

// Threads start with the first task. Destroying the pool lets them end on their own: it never waits, and
// tasks that have not begun are dropped.
class WorkerPool final : public tool::Workers {
 public:
  explicit WorkerPool(uint32_t threads);
  ~WorkerPool() override;
  bool available() const override { return threads_ > 0; }
  // The task is dropped when no thread can be started and there is none; for lack of memory alone it throws
  // std::bad_alloc.
  void submit(net::Task task) override;
  // Waits until every task is over and gone; -1 waits without limit. On a worker of any pool it does not
  // wait: the caller's own task is not over.
  bool wait_idle(int timeout_ms);

 private:
  struct Shared;
  bool start_thread();
  static void run(net::Task& task);
  static void work(const std::shared_ptr<Shared>& shared);
  const uint32_t threads_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace tau::runtime
