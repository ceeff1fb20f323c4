// The request "consolidate": observations that belong together, made into fewer memories by a model.
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_document.h"
#include "runtime/memory_model_writes.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kPolicy = "request.policy";
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kMostHours = 876'000;
constexpr int64_t kMostSources = 64;
constexpr int64_t kUsualGroups = 20;
constexpr int64_t kMostGroups = 1000;

struct Asked {
  memory::ConsolidateOptions options;
  store::MemoryFilter filter;
  std::string model;
  int64_t timeout_ms = 0;  // of each question
  int64_t limit = kUsualGroups;
  bool dry_run = true;
};

Status read_policy(const json::Value& request, memory::ConsolidateOptions& options) {
  const json::Value* const v = request.find("policy");
  if (v == nullptr) return ok_status();
  TAU_RETURN_IF_ERROR(only_keys(*v, kPolicy, {"superseded", "min_sources", "max_sources", "max_gap_hours"}));
  TAU_ASSIGN_OR_RETURN(options.supersede, read_flag(*v, kPolicy, "superseded", false));
  const auto number = [&](std::string_view key, int64_t otherwise, int64_t limit) {
    return read_bounded(*v, kPolicy, key, otherwise, 0, limit);
  };
  TAU_ASSIGN_OR_RETURN(const int64_t least,
                       number("min_sources", static_cast<int64_t>(options.min_sources), kMostSources));
  TAU_ASSIGN_OR_RETURN(const int64_t most,
                       number("max_sources", static_cast<int64_t>(options.max_sources), kMostSources));
  TAU_ASSIGN_OR_RETURN(const int64_t hours,
                       number("max_gap_hours", options.max_gap_ms / kHourMs, kMostHours));
  options.min_sources = static_cast<size_t>(least);
  options.max_sources = static_cast<size_t>(most);
  options.max_gap_ms = hours * kHourMs;
  return memory::check(options);
}

StatusOr<Asked> read_ask(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_filter_keys(request, {"op", "model", "dry_run", "limit", "timeout_ms", "policy"}));
  Asked asked;
  TAU_ASSIGN_OR_RETURN(asked.filter, read_filter(request, memory.reach()));
  if (request.contains("types") && request["types"].size() > 0) asked.options.types = asked.filter.types;
  TAU_RETURN_IF_ERROR(read_policy(request, asked.options));
  TAU_ASSIGN_OR_RETURN(asked.model, read_model_name(request));
  TAU_ASSIGN_OR_RETURN(asked.dry_run, read_flag(request, "request", "dry_run", true));
  TAU_ASSIGN_OR_RETURN(asked.timeout_ms, read_model_timeout(request));
  TAU_ASSIGN_OR_RETURN(asked.limit, read_bounded(request, "request", "limit", kUsualGroups, 0, kMostGroups));
  TAU_RETURN_IF_ERROR(check_writable(memory, asked.dry_run));
  return asked;
}

class Consolidating {
 public:
  Consolidating(Memory& memory, const Asked& asked) : memory_(memory), asked_(asked) {}

  StatusOr<std::string> run() {
    TAU_ASSIGN_OR_RETURN(
        const memory::ConsolidationRows found,
        memory::consolidation_rows(memory_.engine(), memory_.reach(), asked_.filter, asked_.options));
    const auto groups = memory::consolidation_groups(found.rows, found.edges, found.near, asked_.options);
    json::Writer w(out_);
    w.begin_object().field("dry_run", asked_.dry_run).key("groups").begin_array();
    int64_t count = 0;
    for (const std::vector<size_t>& group : groups) {
      if (count++ == asked_.limit) break;
      std::vector<store::MemoryRow> sources;
      for (const size_t i : group) sources.push_back(found.rows[i]);
      TAU_RETURN_IF_ERROR(report(w, sources));
    }
    w.end_array().field("more", found.more || static_cast<int64_t>(groups.size()) > asked_.limit);
    use_.write(w);
    w.end_object();
    return std::move(out_);
  }

 private:
  // A group that fails leaves the others alone, unless they would fail of the same.
  Status report(json::Writer& w, const std::vector<store::MemoryRow>& sources) {
    w.begin_object().key("sources").begin_array();
    for (const store::MemoryRow& source : sources) w.string(source.id);
    w.end_array();
    if (!asked_.dry_run) {
      const StatusOr<ModelWrites> writes = consolidate(sources);
      if (writes.ok()) {
        write_model_writes(w, *writes);
        w.key("superseded").begin_array();
        for (const std::string& id : writes->sources) w.string(id);
        w.end_array();
      } else if (writes.status().reason() == "model_answer" || writes.status().reason() == "answer_cut" ||
                 writes.status().code() == Code::kAborted) {
        w.key("error").begin_object().field("reason", writes.status().reason());
        w.field("message", writes.status().message()).end_object();
      } else {
        return writes.status();
      }
    }
    w.end_object();
    return ok_status();
  }

  StatusOr<ModelWrites> consolidate(const std::vector<store::MemoryRow>& sources) {
    ModelQuestion question{.model = asked_.model,
                           .request = {},
                           .principal = memory_.reach().principal,
                           .timeout_ms = asked_.timeout_ms};
    TAU_ASSIGN_OR_RETURN(question.request, memory::consolidation_request(sources, asked_.options));
    TAU_ASSIGN_OR_RETURN(const ModelAnswer answer, ask_model(memory_.core(), question));
    use_.add(answer);
    TAU_ASSIGN_OR_RETURN(
        const memory::Consolidated made,
        memory::read_consolidation(sources, asked_.options, answer.text, memory_.engine().clock().wall_ms()));
    return write_of_model(memory_, "consolidate", made.edits, made.ids, made.rejected, /*dry_run=*/false);
  }

  Memory& memory_;
  const Asked& asked_;
  ModelUse use_;
  std::string out_;
};

}  // namespace

StatusOr<std::string> consolidate_memories(Memory& memory, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(const Asked asked, read_ask(memory, request));
  return Consolidating(memory, asked).run();
}

}  // namespace tau::runtime
