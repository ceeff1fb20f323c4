// What a memory does on request: the ops of tau_memory_perform, and searches. Private to the module.
#pragma once

#include <span>
#include <string>

#include "base/base.h"
#include "json/json.h"
#include "runtime/memory.h"

namespace tau::runtime {

// A request of tau_memory_search(), as far as what it finds. `explain`: whether it asked why; may be null.
StatusOr<memory::Found> find_memories(Memory& memory, const json::Value& request,
                                      std::span<const float> vector, bool* explain = nullptr);
// Each answers with JSON, as include/tau/memory.h describes it.
StatusOr<std::string> search_memories(Memory& memory, const json::Value& request,
                                      std::span<const float> vector);
// memory_writes.cpp
StatusOr<std::string> add_memories(Memory& memory, const json::Value& request,
                                   std::span<const float> vectors);
StatusOr<std::string> forget_memory(Memory& memory, const json::Value& request);
StatusOr<std::string> restore_memory(Memory& memory, const json::Value& request);
StatusOr<std::string> purge_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> relate_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> unrelate_memories(Memory& memory, const json::Value& request);
// memory_reads.cpp
StatusOr<std::string> get_memory(Memory& memory, const json::Value& request);
// The same of a row that is there; it counts as used.
StatusOr<std::string> show_memory(Memory& memory, const store::MemoryRow& row, bool relations);
StatusOr<std::string> list_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> memory_tree(Memory& memory, const json::Value& request);
StatusOr<std::string> memory_stats(Memory& memory, const json::Value& request);
// memory_graph.cpp
StatusOr<std::string> memory_graph(Memory& memory, const json::Value& request);
StatusOr<std::string> memory_path(Memory& memory, const json::Value& request);
// memory_upkeep.cpp
StatusOr<std::string> maintain_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> embed_memories(Memory& memory, const json::Value& request);
// memory_extract.cpp, memory_consolidate.cpp
StatusOr<std::string> extract_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> consolidate_memories(Memory& memory, const json::Value& request);
// memory_models.cpp
StatusOr<std::string> list_memory_models(Memory& memory, const json::Value& request);
StatusOr<std::string> install_memory_model(Memory& memory, const json::Value& request);
// memory_ingest.cpp
StatusOr<std::string> ingest_memories(Memory& memory, const json::Value& request);
// memory_watch_ops.cpp
StatusOr<std::string> watch_folder(Memory& memory, const json::Value& request);
StatusOr<std::string> list_watches(Memory& memory, const json::Value& request);
StatusOr<std::string> unwatch_folder(Memory& memory, const json::Value& request);
// memory_files.cpp
StatusOr<std::string> export_memories(Memory& memory, const json::Value& request);
StatusOr<std::string> import_memories(Memory& memory, const json::Value& request);

// What every row passes before it is written, wherever it comes from: no secret that the runtime knows is in
// it, its labels are those that writing through this object gives, and it keeps to the limits.
// INVALID_ARGUMENT "invalid_memory".
Status prepare_row(Memory& memory, store::MemoryRow& row);

// The memory of that id within reach: in its own scope first, then in those that it sees. NOT_FOUND
// "no_such_memory", and for one that it sees twice FAILED_PRECONDITION "ambiguous_memory" names the scopes.
StatusOr<store::MemoryRow> find_memory(Memory& memory, const json::Value& request, std::string_view key,
                                       bool forgotten);

}  // namespace tau::runtime
