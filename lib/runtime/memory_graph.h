// Graphs that were laid out, kept for their next pages. Private to the module.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "memory/memory.h"

namespace tau::runtime {

struct GraphPicture {
  explicit GraphPicture(memory::Graph g) : graph(std::move(g)) {}
  const memory::Graph graph;
  std::optional<memory::GraphLayout> layout;  // of `graph`
};

// The last one. Any thread.
class GraphPictures {
 public:
  std::shared_ptr<const GraphPicture> find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return name == name_ ? last_ : nullptr;
  }
  void keep(const std::string& name, std::shared_ptr<const GraphPicture> picture) {
    const std::lock_guard lock(mutex_);
    name_ = name;
    last_ = std::move(picture);
  }

 private:
  mutable std::mutex mutex_;
  std::string name_;
  std::shared_ptr<const GraphPicture> last_;
};

}  // namespace tau::runtime
