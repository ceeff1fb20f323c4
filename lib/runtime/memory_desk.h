// The memories of a runtime: the engine, opened when somebody asks for it, and who makes the vectors.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/base.h"
#include "json/json.h"
#include "memory/memory.h"
#include "runtime/config.h"

namespace tau::runtime {

class Core;

// Any thread.
class MemoryDesk {
 public:
  explicit MemoryDesk(Core& core);
  ~MemoryDesk();

  // The first call opens it. Lives until close().
  StatusOr<memory::Engine*> engine();
  // Vectors of the program's own from now on; null: of what the configuration says again.
  Status set_embedder(std::shared_ptr<const memory::Embedder> embedder);
  // Something was written: what is slow or can wait is done by a worker soon.
  void wrote();
  // Makes vectors that are missing, at most `limit`: how many there were. Waits.
  StatusOr<int64_t> embed_missing(size_t limit, const memory::Reach* reach);
  // {"state","model","dimensions","missing","reason"?}, of what the reach sees.
  Status describe_vectors(json::Writer& w, const memory::Reach& reach) const;
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
};

}  // namespace tau::runtime
