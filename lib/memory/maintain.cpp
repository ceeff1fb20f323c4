#include "memory/maintain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "json/json.h"

namespace tau::memory {
namespace {

using store::MemoryEdge;
using store::MemoryEdit;
using store::MemoryFilter;
using store::MemoryRow;

constexpr size_t kPage = 1'000;
constexpr size_t kTogether = 200;      // of edits in a transaction: writers wait no longer than for these
constexpr size_t kMostEdges = 65'536;  // of the rows of one transaction

struct Done {
  int64_t forgotten = 0;
  int64_t merged = 0;
  int64_t purged = 0;
};

class StoreTexts final : public DuplicateSource {
 public:
  explicit StoreTexts(store::Memories& memories) : memories_(memories) {}
  StatusOr<std::vector<MemoryRow>> rows(const std::vector<int64_t>& rows) override {
    return memories_.load_rows(rows);
  }
  bool related(int64_t, int64_t) override { return false; }  // the lifecycle knows relations

 private:
  store::Memories& memories_;
};

Status feed_rows(store::Memories& memories, const MemoryFilter& filter, Lifecycle& lifecycle) {
  for (int64_t after = 0;;) {
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> rows, memories.list(filter, after, kPage));
    if (rows.empty()) return ok_status();
    std::vector<int64_t> numbers;
    for (const MemoryRow& row : rows) numbers.push_back(row.row);
    TAU_ASSIGN_OR_RETURN(const std::vector<store::MemoryUses> uses, memories.uses(numbers));
    for (size_t i = 0; i < rows.size(); ++i) lifecycle.add(rows[i], uses[i]);
    after = rows.back().row;
  }
}

Status feed_edges(store::Memories& memories, const MemoryFilter& filter, Lifecycle& lifecycle) {
  for (MemoryEdge after;;) {
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryEdge> edges, memories.list_edges(filter, after, kPage));
    if (edges.empty()) return ok_status();
    for (const MemoryEdge& edge : edges) lifecycle.add_edge(edge);
    after = edges.back();
  }
}

// Calls use(rows) for those rows of the plan that `wanted` takes, some at a time.
template <class Wanted, class Use>
Status in_pages(store::Memories& memories, const LifecyclePlan& plan, Wanted wanted, Use use) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i <= plan.actions.size(); ++i) {
    const bool end = i == plan.actions.size();
    if (!end && wanted(plan.actions[i])) numbers.push_back(plan.actions[i].row);
    if (numbers.empty() || (!end && numbers.size() < kTogether)) continue;
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> rows, memories.load_rows(numbers));
    TAU_RETURN_IF_ERROR(use(rows));
    numbers.clear();
  }
  return ok_status();
}

// What is done of a plan, in the order in which its parts stand on one another.
class Doing {
 public:
  Doing(Engine& engine, const LifecyclePlan& plan) : engine_(engine), plan_(plan) {}

  Status all() {
    TAU_RETURN_IF_ERROR(forget());
    TAU_RETURN_IF_ERROR(merge());
    return purge();
  }
  const Done& done() const { return done_; }

 private:
  // Somebody was faster: it stays as it is now, and the next upkeep looks at it again.
  StatusOr<bool> commit(std::vector<MemoryEdit> edits) {
    if (edits.empty()) return false;
    const auto outcomes = engine_.commit(std::move(edits));
    if (outcomes.ok()) return true;
    if (outcomes.status().code() == Code::kAborted) return false;
    return outcomes.status();
  }

  Status forget() {
    const auto wanted = [](const LifecycleAction& action) {
      return action.reason != LifecycleReason::kForgottenLong && action.reason != LifecycleReason::kDuplicate;
    };
    return in_pages(engine_.memories(), plan_, wanted, [&](const std::vector<MemoryRow>& rows) -> Status {
      std::vector<MemoryEdit> edits = forget_edits(plan_, rows);
      const auto count = static_cast<int64_t>(edits.size());
      TAU_ASSIGN_OR_RETURN(const bool written, commit(std::move(edits)));
      if (written) done_.forgotten += count;
      return ok_status();
    });
  }

  Status merge() {
    for (size_t begin = 0; begin < plan_.duplicates.size(); begin += kTogether) {
      const auto first = plan_.duplicates.begin() + static_cast<ptrdiff_t>(begin);
      const size_t count = std::min(kTogether, plan_.duplicates.size() - begin);
      TAU_RETURN_IF_ERROR(merge_some({first, first + static_cast<ptrdiff_t>(count)}));
    }
    return ok_status();
  }

  Status merge_some(const std::vector<Duplicate>& duplicates) {
    store::Memories& memories = engine_.memories();
    std::set<int64_t> numbers;
    for (const Duplicate& duplicate : duplicates) numbers.insert({duplicate.kept, duplicate.lost});
    MergeInput input;
    input.now_ms = engine_.clock().wall_ms();
    TAU_ASSIGN_OR_RETURN(input.edges, memories.edges({numbers.begin(), numbers.end()}, kMostEdges, {}));
    for (const MemoryEdge& edge : input.edges) numbers.insert({edge.source, edge.target});
    TAU_ASSIGN_OR_RETURN(input.rows, memories.load_rows({numbers.begin(), numbers.end()}));
    std::vector<int64_t> present;
    for (const MemoryRow& row : input.rows) present.push_back(row.row);
    TAU_ASSIGN_OR_RETURN(input.uses, memories.uses(present));
    std::vector<int64_t> lost;
    std::vector<MemoryEdit> edits = merge_edits(duplicates, input, &lost);
    TAU_ASSIGN_OR_RETURN(const bool written, commit(std::move(edits)));
    if (written) done_.merged += static_cast<int64_t>(lost.size());
    return ok_status();
  }

  Status purge() {
    const auto wanted = [](const LifecycleAction& action) {
      return action.reason == LifecycleReason::kForgottenLong;
    };
    std::vector<store::MemoryRef> refs;
    TAU_RETURN_IF_ERROR(
        in_pages(engine_.memories(), plan_, wanted, [&](const std::vector<MemoryRow>& rows) -> Status {
          for (const MemoryRow& row : rows)
            if (row.forgotten_ms != 0) refs.push_back({row.scope, row.id});
          return ok_status();
        }));
    // Also where there is nothing: a purge that was cut off is finished.
    TAU_ASSIGN_OR_RETURN(done_.purged, engine_.purge(refs));
    return ok_status();
  }

  Engine& engine_;
  const LifecyclePlan& plan_;
  Done done_;
};

StatusOr<std::string> report_of(store::Memories& memories, const LifecyclePlan& plan, size_t max_actions) {
  LifecycleReport report(plan, max_actions);
  for (int64_t after = 0;;) {
    const std::vector<int64_t> wanted = report.wants(after, kPage);
    if (wanted.empty()) return report.json();
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> rows, memories.load_rows(wanted));
    for (const MemoryRow& row : rows) report.add(row);
    after = wanted.back();
  }
}

}  // namespace

StatusOr<std::string> maintain(Engine& engine, const Reach& reach, MemoryFilter filter,
                               const MaintainOptions& options, int64_t* changed) {
  TAU_RETURN_IF_ERROR(check(options.policy));
  TAU_RETURN_IF_ERROR(reach.narrow(filter));
  reach.narrow_to_written(filter);
  store::Memories& memories = engine.memories();
  Lifecycle lifecycle(options.policy, engine.clock().wall_ms());
  filter.superseded = true;
  TAU_RETURN_IF_ERROR(feed_rows(memories, filter, lifecycle));
  filter.forgotten = true;
  TAU_RETURN_IF_ERROR(feed_rows(memories, filter, lifecycle));
  // Relations also of what is not looked at: what is linked from there is no orphan.
  TAU_RETURN_IF_ERROR(feed_edges(memories, {.workspace = filter.workspace}, lifecycle));
  StoreTexts texts(memories);
  TAU_ASSIGN_OR_RETURN(const LifecyclePlan plan, lifecycle.plan(texts));
  // Names first: what is purged has none afterwards.
  TAU_ASSIGN_OR_RETURN(std::string report, report_of(memories, plan, options.max_actions));
  Doing doing(engine, plan);
  const Status status = options.dry_run ? ok_status() : doing.all();
  const Done& done = doing.done();
  if (changed != nullptr) *changed = done.forgotten + done.merged + done.purged;
  TAU_RETURN_IF_ERROR(status);
  report.pop_back();  // of the object
  report += ',';
  std::string rest;
  json::Writer w(rest);
  w.begin_object().field("dry_run", options.dry_run).key("done").begin_object();
  w.field("forgotten", done.forgotten).field("merged", done.merged).field("purged", done.purged);
  w.end_object().end_object();
  return report + rest.substr(1);
}

}  // namespace tau::memory
