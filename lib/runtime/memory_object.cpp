// The object behind a tau_memory: what it is bound to, and which op does what.
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"
#include "runtime/memory_watch.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kUsualWorkspace = "default";

// A part of a scope: names of people, channels, folders; no control characters.
StatusOr<std::optional<SharedString>> read_part(const json::Value& v, std::string_view key) {
  constexpr size_t kMost = 256;
  const json::Value* const member = v.find(key);
  if (member == nullptr || member->is_null()) return std::optional<SharedString>();
  const std::string_view text = member->as_string();
  const bool plain = std::none_of(text.begin(), text.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!member->is_string() || text.empty() || text.size() > kMost || !plain)
    return invalid_argument(
        "invalid_scope",
        format("scope: \"{}\" should be 1 to {} bytes of text without control characters", key, kMost));
  return std::optional<SharedString>(text);
}

StatusOr<memory::Reach> read_reach(std::string_view text) {
  memory::Reach reach;
  reach.workspace = kUsualWorkspace;
  if (text.empty()) return reach;
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(text));
  TAU_RETURN_IF_ERROR(only_keys(v, "scope", {"workspace", "channel", "actor", "principal"}));
  TAU_ASSIGN_OR_RETURN(const auto workspace, read_part(v, "workspace"));
  if (workspace) reach.workspace = *workspace;
  TAU_ASSIGN_OR_RETURN(reach.channel, read_part(v, "channel"));
  TAU_ASSIGN_OR_RETURN(reach.actor, read_part(v, "actor"));
  if (!v.contains("principal")) return reach;
  TAU_RETURN_IF_ERROR(check_type(is_valid_id(v["principal"].as_string()), "scope", "principal", "an id"));
  reach.principal = v["principal"].as_string();
  return reach;
}

struct MemoryOp {
  std::string_view name;
  std::string_view action;  // for access rules
  StatusOr<std::string> (*perform)(Memory& memory, const json::Value& request);
};
constexpr MemoryOp kMemoryOps[] = {
    {"get", "memory:read", get_memory},
    {"list", "memory:read", list_memories},
    {"forget", "memory:forget", forget_memory},
    {"restore", "memory:write", restore_memory},
    {"purge", "memory:purge", purge_memories},
    {"relate", "memory:write", relate_memories},
    {"unrelate", "memory:write", unrelate_memories},
    {"tree", "memory:read", memory_tree},
    {"stats", "memory:read", memory_stats},
    {"graph", "memory:read", memory_graph},
    {"path", "memory:read", memory_path},
    {"maintain", "memory:maintain", maintain_memories},
    {"embed", "memory:maintain", embed_memories},
    {"extract", "memory:write", extract_memories},
    {"consolidate", "memory:maintain", consolidate_memories},
    {"models", "memory:read", list_memory_models},
    {"install_model", "memory:maintain", install_memory_model},
    {"ingest", "memory:ingest", ingest_memories},
    {"watch", "memory:ingest", watch_folder},
    {"watches", "memory:read", list_watches},
    {"unwatch", "memory:ingest", unwatch_folder},
    {"export", "memory:export", export_memories},
    {"import", "memory:import", import_memories},
};

Status unknown_op(std::string_view op) {
  std::string known = "add";
  for (const MemoryOp& each : kMemoryOps) known.append(", ").append(each.name);
  return invalid_argument("unknown_op", format("unknown op \"{}\"; known are {}", op, known));
}

}  // namespace

Memory::Memory(std::shared_ptr<Runtime> runtime, memory::Engine& engine, memory::Reach reach)
    : runtime_(std::move(runtime)),
      engine_(engine),
      reach_(std::move(reach)),
      watches_(std::make_unique<MemoryWatches>()) {}

// In a child process the watches are the parent's.
Memory::~Memory() {
  if (runtime_->forked()) {
    (void)watches_.release();  // NOLINT: nor is what they hold
  } else {
    watches_->stop();
  }
}

StatusOr<std::shared_ptr<Memory>> Memory::open(std::shared_ptr<Runtime> runtime, std::string_view scope) {
  TAU_ASSIGN_OR_RETURN(memory::Reach reach, read_reach(scope));
  TAU_ASSIGN_OR_RETURN(memory::Engine* const engine, runtime->core()->memory().engine());
  auto memory = std::make_shared<Memory>(std::move(runtime), *engine, std::move(reach));
  TAU_RETURN_IF_ERROR(memory->told("open", "memory:open", memory->authorize("memory:open")));
  return memory;
}

Core& Memory::core() const { return *runtime_->core(); }

Status Memory::authorize(std::string_view action) const {
  return core().authorize(reach_.principal, action, "memory/" + std::string(reach_.workspace));
}

Status Memory::told(std::string_view op, std::string_view action, Status status) const {
  if (!status.ok()) note_memory_failure(*this, op, action, status);
  return status;
}

StatusOr<std::string> Memory::search(std::string_view request, std::span<const float> vector) {
  TAU_RETURN_IF_ERROR(runtime_->check());
  TAU_ASSIGN_OR_RETURN(const json::Value parsed, json::parse(request));
  return guarded("search", "memory:read", [&] { return search_memories(*this, parsed, vector); });
}

StatusOr<std::string> Memory::perform(std::string_view request, std::span<const float> vectors) {
  TAU_RETURN_IF_ERROR(runtime_->check());
  TAU_ASSIGN_OR_RETURN(const json::Value parsed, json::parse(request));
  if (!parsed.is_object()) return invalid_argument("wrong_type", "a request should be a JSON object");
  TAU_ASSIGN_OR_RETURN(const std::string op, need_string(parsed, "request", "op"));
  if (op == "add") return guarded(op, "memory:write", [&] { return add_memories(*this, parsed, vectors); });
  if (!vectors.empty())
    return invalid_argument("invalid_vector", format("vectors go with \"add\", not with \"{}\"", op));
  for (const MemoryOp& each : kMemoryOps)
    if (op == each.name) return guarded(op, each.action, [&] { return each.perform(*this, parsed); });
  return unknown_op(op);
}

}  // namespace tau::runtime
