// The object behind a tau_memory: the memories of one scope, for one principal.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/base.h"
#include "json/json.h"
#include "memory/memory.h"
#include "runtime/memory_audit.h"
#include "runtime/memory_graph.h"

namespace tau::runtime {

class Core;
class MemoryWatches;
class Runtime;

class Memory final {
 public:
  // `scope`: as tau_memory_open() describes it.
  static StatusOr<std::shared_ptr<Memory>> open(std::shared_ptr<Runtime> runtime, std::string_view scope);
  Memory(std::shared_ptr<Runtime> runtime, memory::Engine& engine, memory::Reach reach);
  ~Memory();
  // What is written through it has these labels, whatever a request says: of a model's calls.
  void write_as(const Labels& labels) { labels_ = labels; }
  const std::optional<Labels>& labels() const { return labels_; }
  // Whose work this is, for the audit log.
  void act_for(MemoryCaller caller) { caller_ = std::move(caller); }
  const MemoryCaller& caller() const { return caller_; }

  // `vector`: of the query; empty: it is made.
  StatusOr<std::string> search(std::string_view request, std::span<const float> vector);
  StatusOr<std::string> perform(std::string_view request, std::span<const float> vectors);

  Core& core() const;
  memory::Engine& engine() const { return engine_; }
  const memory::Reach& reach() const { return reach_; }
  // Whether who acts may do that: PERMISSION_DENIED "access_denied".
  Status authorize(std::string_view action) const;
  // Does an op, where that is allowed: `do_it()`. That it was refused or failed is told to the audit log.
  template <class DoIt>
  auto guarded(std::string_view op, std::string_view action, const DoIt& do_it) const -> decltype(do_it()) {
    TAU_RETURN_IF_ERROR(told(op, action, authorize(action)));
    auto answer = do_it();
    if (!answer.ok()) return told(op, action, std::move(answer).status());
    return answer;
  }

  GraphPictures& pictures() { return pictures_; }
  MemoryWatches& watches() { return *watches_; }

  const std::shared_ptr<Runtime>& runtime() const { return runtime_; }

 private:
  Status told(std::string_view op, std::string_view action, Status status) const;

  const std::shared_ptr<Runtime> runtime_;
  memory::Engine& engine_;
  const memory::Reach reach_;
  std::optional<Labels> labels_;
  MemoryCaller caller_;
  GraphPictures pictures_;
  std::unique_ptr<MemoryWatches> watches_;
};

}  // namespace tau::runtime
