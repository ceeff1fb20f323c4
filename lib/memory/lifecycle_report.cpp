// What a plan of upkeep says, to the store and to people.
#include <algorithm>

#include "json/json.h"
#include "memory/lifecycle.h"

namespace tau::memory {
namespace {

const LifecycleAction* find_action(const LifecyclePlan& plan, int64_t row) {
  const auto at = std::lower_bound(plan.actions.begin(), plan.actions.end(), row,
                                   [](const LifecycleAction& a, int64_t b) { return a.row < b; });
  return at == plan.actions.end() || at->row != row ? nullptr : &*at;
}

}  // namespace

std::vector<store::MemoryEdit> forget_edits(const LifecyclePlan& plan,
                                            const std::vector<store::MemoryRow>& rows) {
  std::vector<store::MemoryEdit> edits;
  for (const store::MemoryRow& row : rows) {
    const LifecycleAction* action = find_action(plan, row.row);
    if (action == nullptr || row.forgotten_ms != 0 || row.revision != action->revision) continue;
    if (action->reason == LifecycleReason::kDuplicate || action->reason == LifecycleReason::kForgottenLong)
      continue;
    edits.push_back({store::MemoryForget{{row.scope, row.id}, plan.at_ms, row.revision}, nullptr});
  }
  return edits;
}

LifecycleReport::LifecycleReport(const LifecyclePlan& plan, size_t max_actions)
    : plan_(plan), shown_(std::min(plan.actions.size(), max_actions)) {
  for (size_t i = 0; i < shown_; ++i) {
    wanted_.push_back(plan.actions[i].row);
    if (plan.actions[i].kept != 0) wanted_.push_back(plan.actions[i].kept);
  }
  std::sort(wanted_.begin(), wanted_.end());
  wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
}

std::vector<int64_t> LifecycleReport::wants(int64_t after, size_t limit) const {
  const auto begin = std::upper_bound(wanted_.begin(), wanted_.end(), after);
  const auto most = std::min(limit, static_cast<size_t>(wanted_.end() - begin));
  return {begin, begin + static_cast<ptrdiff_t>(most)};
}

void LifecycleReport::add(const store::MemoryRow& row) {
  const Type type = row.type < kTypes ? static_cast<Type>(row.type) : Type::kIdentity;
  const auto at = std::lower_bound(names_.begin(), names_.end(), row.row,
                                   [](const Name& a, int64_t b) { return a.row < b; });
  if (at != names_.end() && at->row == row.row) return;
  names_.insert(at, {row.row, {row.scope, row.id}, type});
}

const LifecycleReport::Name* LifecycleReport::find(int64_t row) const {
  const auto at =
      std::lower_bound(names_.begin(), names_.end(), row, [](const Name& a, int64_t b) { return a.row < b; });
  return at == names_.end() || at->row != row ? nullptr : &*at;
}

std::string LifecycleReport::json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("at_ms", plan_.at_ms).field("scanned", plan_.scanned);
  out.field("forgotten", plan_.forgotten).field("exempt", plan_.exempt);
  out.key("counts").begin_object();
  const auto counts = plan_.counts();
  for (size_t i = 0; i < counts.size(); ++i)
    out.field(reason_name(static_cast<LifecycleReason>(i)), counts[i]);
  out.end_object().key("actions").begin_array();
  for (size_t i = 0; i < shown_; ++i) {
    const LifecycleAction& action = plan_.actions[i];
    out.begin_object();
    if (const Name* name = find(action.row)) {
      out.field("id", name->ref.id).field("workspace", name->ref.scope.workspace.view());
      out.field("channel", name->ref.scope.channel.view()).field("actor", name->ref.scope.actor.view());
      out.field("type", type_name(name->type));
    } else {
      out.field("row", action.row);
    }
    out.field("reason", reason_name(action.reason)).key("strength").number(action.strength);
    if (const Name* kept = action.kept == 0 ? nullptr : find(action.kept)) out.field("kept", kept->ref.id);
    out.end_object();
  }
  out.end_array().field("left_out", static_cast<int64_t>(plan_.actions.size() - shown_)).end_object();
  return text;
}

}  // namespace tau::memory
