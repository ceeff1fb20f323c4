// The memories of a runtime: the engine, opened when somebody asks for it, and who makes the vectors.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "memory/memory.h"
#include "runtime/config.h"

namespace tau::runtime {

class Core;
class Watching;

// Any thread.
class MemoryDesk {
 public:
  explicit MemoryDesk(Core& core);
  ~MemoryDesk();

  // The first call opens it. Lives until close().
  StatusOr<memory::Engine*> engine();
  // Vectors of the program's own from now on; null: of what the configuration says again.
  Status set_embedder(std::shared_ptr<const memory::Embedder> embedder);
  // Something was written: what is slow or can wait is done by a worker soon, when it is worth that.
  void wrote();
  // The same, whatever it is worth.
  void work_soon();
  // Makes vectors that are missing, at most `limit`: how many there were. Waits.
  StatusOr<int64_t> embed_missing(size_t limit, const memory::Reach* reach);
  // {"state","model","dimensions","missing","reason"?}, of what the reach sees. Waits.
  Status describe_vectors(const memory::Reach& reach, json::Writer& w) const;
  // Folders that are watched, until stop_watches(); that does not wait, the other one does: whether all
  // ended.
  void add_watch(const std::shared_ptr<Watching>& watching);
  void stop_watches();
  bool wait_watches(int timeout_ms);
  // What waited is written: a program that stops may end before the runtime is gone.
  void settle();
  // Before the store closes: nothing works on it any more, and what waited is written.
  void close();

 private:
  struct Upkeep;
  Status open();
  StatusOr<std::shared_ptr<const memory::Embedder>> make_local(const MemoryConfig& config);
  Status begin_provider();
  bool upkeep();

  Core& core_;
  const std::shared_ptr<Upkeep> upkeep_;
  mutable std::mutex mutex_;  // of what follows
  std::unique_ptr<memory::Engine> engine_;
  std::shared_ptr<const memory::Embedder> of_host_;
  Status problem_;  // why there are no vectors
  std::mutex watches_mutex_;
  std::vector<std::weak_ptr<Watching>> watches_;
};

}  // namespace tau::runtime
