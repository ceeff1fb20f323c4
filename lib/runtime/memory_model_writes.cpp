#include "runtime/memory_model_writes.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using store::MemoryEdit;
using store::MemoryPut;
using store::MemoryRelate;

constexpr int64_t kUsualTimeoutMs = 60'000;
constexpr int64_t kMaxTimeoutMs = 3'600'000;
constexpr int64_t kMostMemories = 32;
constexpr int64_t kTokensPerMemory = 250;
constexpr int kTries = 3;  // others write meanwhile

// Looks at the edits of one answer as the store is now.
class Settling {
 public:
  Settling(Memory& memory, const std::vector<std::string>& ids) : memory_(memory), ids_(ids) {}

  Status settle(const std::vector<MemoryEdit>& edits) {
    for (const MemoryEdit& edit : edits) {
      if (const auto* const relate = std::get_if<MemoryRelate>(&edit.what)) {
        TAU_RETURN_IF_ERROR(take(*relate));
      } else if (const auto* const put = std::get_if<MemoryPut>(&edit.what)) {
        const bool is_new = std::find(ids_.begin(), ids_.end(), put->row.id) != ids_.end();
        TAU_RETURN_IF_ERROR(is_new ? take(*put) : replace(*put));
      }
    }
    return ok_status();
  }

  std::vector<MemoryEdit>& edits() { return edits_; }
  ModelWrites& writes() { return writes_; }

 private:
  Status take(MemoryPut put) {
    const auto known = memory_.engine().memories().load({put.row.scope, put.row.id}, /*forgotten=*/true);
    if (known.ok() && known->forgotten_ms != 0) return refuse(put.row.id, "forgotten");
    if (known.ok()) {
      there_.insert(put.row.id);
      writes_.existing.push_back(std::move(put.row.id));
      return ok_status();
    }
    if (known.status().code() != Code::kNotFound) return known.status();
    if (const Status good = prepare_row(memory_, put.row); !good.ok())
      return refuse(put.row.id, good.reason());
    put.expected_revision = 0;  // and nobody writes or forgets it meanwhile
    there_.insert(put.row.id);
    writes_.rows.push_back(put.row);
    edits_.push_back({std::move(put), nullptr});
    return ok_status();
  }

  Status refuse(std::string id, std::string_view reason) {
    writes_.refused.push_back({.list = "memories", .id = std::move(id), .reason = std::string(reason)});
    return ok_status();
  }

  Status take(const MemoryRelate& relate) {
    if (!there_.contains(relate.source.id)) return ok_status();
    if (!there_.contains(relate.target.id)) {
      const auto target = memory_.engine().memories().load(relate.target, /*forgotten=*/false);
      if (target.status().code() == Code::kNotFound) return ok_status();
      TAU_RETURN_IF_ERROR(target.status());
    }
    linked_.insert(relate.target.id);
    ++writes_.relations;
    edits_.push_back({relate, nullptr});
    return ok_status();
  }

  // Only what something was made of that is there.
  Status replace(MemoryPut put) {
    if (!linked_.contains(put.row.id)) return ok_status();
    TAU_RETURN_IF_ERROR(prepare_row(memory_, put.row));
    writes_.sources.push_back(put.row.id);
    edits_.push_back({std::move(put), nullptr});
    return ok_status();
  }

  Memory& memory_;
  const std::vector<std::string>& ids_;
  std::set<std::string, std::less<>> there_;   // memories of this answer that relations may begin at
  std::set<std::string, std::less<>> linked_;  // what they lead to
  std::vector<MemoryEdit> edits_;
  ModelWrites writes_;
};

bool was_overtaken(const Status& status) {
  return status.code() == Code::kAborted || status.reason() == "no_such_memory";
}

void write_row(json::Writer& w, const store::MemoryRow& row) {
  w.begin_object().field("id", row.id).field("created", true).field("text", row.text);
  w.field("type", memory::type_name(static_cast<memory::Type>(row.type)));
  w.key("importance").number(row.importance);
  w.key("tags").begin_array();
  for (const std::string& tag : row.tags) w.string(tag);
  w.end_array();
  if (!row.fact.empty()) {
    w.key("fact").begin_object().field("subject", row.fact.subject);
    w.field("predicate", row.fact.predicate).field("object", row.fact.object).end_object();
  }
  w.end_object();
}

}  // namespace

StatusOr<ModelWrites> write_of_model(Memory& memory, std::string_view op,
                                     const std::vector<MemoryEdit>& edits,
                                     const std::vector<std::string>& ids,
                                     const std::vector<memory::Rejected>& rejected, bool dry_run) {
  for (int left = kTries;;) {
    Settling settling(memory, ids);
    TAU_RETURN_IF_ERROR(settling.settle(edits));
    ModelWrites& writes = settling.writes();
    for (const memory::Rejected& each : rejected)
      writes.refused.push_back(
          {.list = each.list, .id = {}, .index = static_cast<int64_t>(each.index), .reason = each.reason});
    if (dry_run || settling.edits().empty()) return std::move(writes);
    const auto written = memory.engine().commit(std::move(settling.edits()));
    if (written.ok()) {
      MemoryTally(memory, op).add(*written);
      memory.core().memory().wrote();
      return std::move(writes);
    }
    if (--left == 0 || !was_overtaken(written.status())) return written.status();
  }
}

void write_model_writes(json::Writer& w, const ModelWrites& writes) {
  w.key("memories").begin_array();
  for (const store::MemoryRow& row : writes.rows) write_row(w, row);
  for (const std::string& id : writes.existing)
    w.begin_object().field("id", id).field("created", false).end_object();
  w.end_array().key("refused").begin_array();
  for (const ModelWrites::Refused& each : writes.refused) {
    w.begin_object().field("list", each.list);
    if (each.id.empty()) {
      w.field("index", each.index);
    } else {
      w.field("id", each.id);
    }
    w.field("reason", each.reason).end_object();
  }
  w.end_array().field("relations", writes.relations);
}

void ModelUse::add(const ModelAnswer& answer) {
  ++calls;
  input_tokens += answer.usage.input;
  output_tokens += answer.usage.output;
  cost_usd_micros += answer.cost_usd_micros;
  model = answer.model;
}

void ModelUse::write(json::Writer& w) const {
  if (!model.empty()) w.field("model", model);
  w.field("calls", calls).field("input_tokens", input_tokens).field("output_tokens", output_tokens);
  w.field("cost_usd_micros", cost_usd_micros);
}

StatusOr<int64_t> read_model_timeout(const json::Value& request) {
  return read_bounded(request, "request", "timeout_ms", kUsualTimeoutMs, 1, kMaxTimeoutMs);
}

Status read_max_memories(const json::Value& request, memory::ExtractOptions& options) {
  if (!request.contains("max_memories")) return ok_status();
  TAU_ASSIGN_OR_RETURN(const int64_t most,
                       read_bounded(request, "request", "max_memories", 1, 1, kMostMemories));
  options.bounds.max_memories = static_cast<size_t>(most);
  options.max_tokens = std::max(options.max_tokens, most * kTokensPerMemory);
  return ok_status();
}

StatusOr<std::string> read_model_name(const json::Value& request) {
  if (!request.contains("model")) return std::string();
  return need_string(request, "request", "model");
}

Status check_writable(Memory& memory, bool dry_run) {
  if (dry_run || !memory.core().options().read_only) return ok_status();
  return failed_precondition("store_read_only",
                             "this runtime only reads its home: nothing can be remembered");
}

}  // namespace tau::runtime
