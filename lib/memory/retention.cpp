#include "memory/retention.h"

#include <algorithm>
#include <tuple>

namespace tau::memory {
namespace {

bool covers(const RetentionRule& rule, const store::MemoryScope& scope) {
  const auto fits = [](const std::string& wanted, const SharedString& name) {
    return wanted.empty() || name == wanted;
  };
  return fits(rule.workspace, scope.workspace) && fits(rule.channel, scope.channel) &&
         fits(rule.actor, scope.actor);
}

struct Kept {
  size_t index;
  double strength;
};

class Planner {
 public:
  Planner(const DecayPolicy& decay, const LifecycleRows& rows, std::vector<bool> alive, int64_t now_ms)
      : decay_(decay), rows_(rows), alive_(std::move(alive)), now_ms_(now_ms) {}

  void apply(const RetentionRule& rule) {
    std::vector<std::vector<Kept>> scopes(rows_.scopes().size());
    for (size_t i = 0; i < rows_.rows().size(); ++i) {
      const LifecycleRow& row = rows_.rows()[i];
      if (!alive_[i] || (rule.types >> static_cast<unsigned>(row.type) & 1) == 0) continue;
      if (!covers(rule, rows_.scopes()[row.scope])) continue;
      if (rule.max_age_ms > 0 && elapsed_ms(row.created_ms, now_ms_) > rule.max_age_ms) {
        lose(i, RetentionReason::kTooOld);
      } else if (rule.max_count > 0 || rule.max_bytes > 0) {
        scopes[row.scope].push_back({i, strength(decay_, row.worth(), now_ms_)});
      }
    }
    for (std::vector<Kept>& scope : scopes) shrink(rule, scope);
  }
  std::vector<RetentionLoss> take() { return std::move(losses_); }

 private:
  void lose(size_t index, RetentionReason reason) {
    alive_[index] = false;
    losses_.push_back({index, reason});
  }

  void shrink(const RetentionRule& rule, std::vector<Kept>& scope) {
    std::sort(scope.begin(), scope.end(), [&](const Kept& a, const Kept& b) {
      const LifecycleRow& x = rows_.rows()[a.index];
      const LifecycleRow& y = rows_.rows()[b.index];
      return std::tie(a.strength, x.created_ms, x.row) < std::tie(b.strength, y.created_ms, y.row);
    });
    auto count = static_cast<int64_t>(scope.size());
    int64_t bytes = 0;
    for (const Kept& kept : scope) bytes += rows_.rows()[kept.index].bytes;
    for (const Kept& kept : scope) {
      const bool many = rule.max_count > 0 && count > rule.max_count;
      const bool large = rule.max_bytes > 0 && bytes > rule.max_bytes;
      if (!many && !large) return;
      --count;
      bytes -= rows_.rows()[kept.index].bytes;
      lose(kept.index, many ? RetentionReason::kTooMany : RetentionReason::kTooLarge);
    }
  }

  const DecayPolicy& decay_;
  const LifecycleRows& rows_;
  std::vector<bool> alive_;
  int64_t now_ms_;
  std::vector<RetentionLoss> losses_;
};

}  // namespace

Status check(const RetentionRule& rule) {
  if (rule.max_age_ms < 0 || rule.max_count < 0 || rule.max_bytes < 0) {
    return invalid_argument("invalid_retention",
                            format("max_age_ms {}, max_count {} and max_bytes {}; each is at least 0, which "
                                   "limits nothing",
                                   rule.max_age_ms, rule.max_count, rule.max_bytes));
  }
  if (rule.types == 0 || (rule.types & ~kAllTypes) != 0) {
    return invalid_argument("invalid_retention",
                            "a rule of retention names at least one type, and only known ones");
  }
  return ok_status();
}

std::vector<RetentionLoss> plan_retention(const std::vector<RetentionRule>& rules, const DecayPolicy& decay,
                                          const LifecycleRows& rows, std::vector<bool> alive,
                                          int64_t now_ms) {
  Planner planner(decay, rows, std::move(alive), now_ms);
  for (const RetentionRule& rule : rules) planner.apply(rule);
  return planner.take();
}

}  // namespace tau::memory
