#include "runtime/memory_recall.h"

#include <string>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"
#include "runtime/memory_tools.h"
#include "runtime/runtime.h"

namespace tau::runtime {
namespace {

std::string text_of(const wire::Message& message) {
  std::string text;
  for (const wire::Part& part : message.parts)
    if (const auto* piece = part.as<wire::Text>()) text.append(text.empty() ? "" : "\n").append(piece->text);
  return text;
}

std::string report_of(const memory::Found& found, const memory::RecallBlock& block) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("memories").begin_array();
  for (const size_t i : block.taken) {
    const store::MemoryRow& row = found.rows[i];
    w.begin_object()
        .field("id", row.id)
        .field("type", memory::type_name(static_cast<memory::Type>(row.type)));
    w.key("score").number(found.result.hits[i].score).end_object();
  }
  w.end_array().field("left_out", static_cast<int64_t>(block.left_out));
  w.field("bytes", static_cast<int64_t>(block.text.size()));
  using enum memory::Found::Vectors;
  w.field("vectors", found.vectors == kUsed ? "used" : found.vectors == kOff ? "off" : "unavailable");
  w.end_object();
  return out;
}

StatusOr<std::optional<agent::Recalled>> recall(const std::shared_ptr<Runtime>& runtime,
                                                const MemoryConfig& config, std::string_view session,
                                                std::string_view principal, std::string query) {
  Core& core = *runtime->core();
  TAU_ASSIGN_OR_RETURN(memory::Engine* const engine, core.memory().engine());
  Memory memory(runtime, *engine, reach_of(config, session, principal));
  TAU_RETURN_IF_ERROR(memory.authorize("memory:read"));
  json::Value request = json::Value::object();
  request.set("query", std::move(query));
  request.set("k", 2 * config.recall_count);  // some may not fit
  request.set("touch", false);                // being shown unasked is no use
  TAU_ASSIGN_OR_RETURN(const memory::Found found, find_memories(memory, request, {}));
  std::vector<memory::RecallHit> hits;
  for (size_t i = 0; i < found.rows.size(); ++i)
    hits.push_back({.row = &found.rows[i], .score = found.result.hits[i].score});
  memory::RecallOptions options;
  options.max_memories = static_cast<size_t>(config.recall_count);
  options.max_bytes = static_cast<size_t>(config.recall_bytes);
  const memory::RecallBlock block = memory::recall_block(hits, options);
  if (block.text.empty()) return std::optional<agent::Recalled>();
  agent::Recalled recalled;
  recalled.message = user_message(block.text, {});
  recalled.message.labels = block.labels;
  recalled.message.labels.join(labels_of(found.rows));
  recalled.report = report_of(found, block);
  return std::optional(std::move(recalled));
}

}  // namespace

std::optional<agent::Recalled> recall_for(const std::shared_ptr<Runtime>& runtime, const AgentSnapshot& agent,
                                          std::string_view session, std::string_view principal,
                                          const wire::Message& message) {
  if (!agent.memory.recall) return std::nullopt;
  std::string query = text_of(message);
  if (query.empty()) return std::nullopt;
  auto recalled = recall(runtime, agent.memory, session, principal, std::move(query));
  if (recalled.ok()) return *std::move(recalled);
  runtime->core()->log(LogLevel::kWarn, "memory",
                       "nothing is recalled: " + std::string(recalled.status().message()));
  return std::nullopt;
}

}  // namespace tau::runtime
