#include "memory/lifecycle.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tau::memory {

// Decides over rows that stay or go, with the relations between those that stay.
class Lifecycle::Judge {
 public:
  Judge(const LifecyclePolicy& policy, const LifecycleRows& rows, int64_t now_ms)
      : policy_(policy),
        rows_(rows),
        now_ms_(now_ms),
        alive_(rows.rows().size()),
        links_(rows.rows().size(), 0) {
    for (size_t i = 0; i < alive_.size(); ++i) alive_[i] = rows.rows()[i].forgotten_ms == 0;
    begin_.assign(alive_.size() + 1, 0);
    for (const auto& [a, b] : rows.links()) {
      if (!alive_[a] || !alive_[b]) continue;
      ++links_[a];
      ++links_[b];
    }
    index_neighbours();
  }

  void erase_long_forgotten(std::vector<LifecycleAction>& actions) const {
    if (policy_.purge_after_ms <= 0) return;
    for (const LifecycleRow& row : rows_.rows()) {
      if (row.forgotten_ms == 0 || elapsed_ms(row.forgotten_ms, now_ms_) <= policy_.purge_after_ms) continue;
      actions.push_back({row.row, row.revision, LifecycleReason::kForgottenLong, 0, 0});
    }
  }
  void end_facts(std::vector<LifecycleAction>& actions) {
    if (policy_.ended_after_ms <= 0) return;
    for (size_t i = 0; i < alive_.size(); ++i) {
      const LifecycleRow& row = rows_.rows()[i];
      if (!alive_[i] || row.type == Type::kIdentity || row.ended_ms == store::kEndless) continue;
      if (elapsed_ms(row.ended_ms, now_ms_) > policy_.ended_after_ms)
        lose(i, LifecycleReason::kEnded, actions);
    }
  }
  // What is lost may have been the last relation of something weak: until nothing changes any more.
  void fade(std::vector<LifecycleAction>& actions) {
    std::vector<size_t> look(alive_.size());
    for (size_t i = 0; i < look.size(); ++i) look[i] = i;
    while (!look.empty()) {
      std::vector<size_t> next;
      for (const size_t i : look) {
        const std::optional<LifecycleReason> reason = alive_[i] ? verdict(i) : std::nullopt;
        if (!reason) continue;
        lose(i, *reason, actions);
        next.insert(next.end(), neighbours_.begin() + static_cast<ptrdiff_t>(begin_[i]),
                    neighbours_.begin() + static_cast<ptrdiff_t>(begin_[i + 1]));
      }
      look = std::move(next);
    }
  }
  void retain(std::vector<LifecycleAction>& actions) {
    if (policy_.retention.empty()) return;
    for (const auto& [index, reason] :
         plan_retention(policy_.retention, policy_.decay, rows_, alive_, now_ms_)) {
      const auto offset = static_cast<uint8_t>(reason);
      lose(index, static_cast<LifecycleReason>(static_cast<uint8_t>(LifecycleReason::kTooOld) + offset),
           actions);
    }
  }
  bool alive(size_t i) const { return alive_[i]; }
  double strength_of(size_t i) const { return strength(policy_.decay, rows_.rows()[i].worth(), now_ms_); }

 private:
  void index_neighbours() {
    for (const auto& [a, b] : rows_.links()) {
      ++begin_[a + 1];
      ++begin_[b + 1];
    }
    for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    neighbours_.resize(begin_.back());
    std::vector<size_t> at(begin_.begin(), begin_.end() - 1);
    for (const auto& [a, b] : rows_.links()) {
      neighbours_[at[a]++] = b;
      neighbours_[at[b]++] = a;
    }
  }

  // Why it is to be forgotten, if it is. Only relations that go can change it, and only to forgetting: the
  // order in which rows are looked at does not matter for which go; nor for the reason, which is its
  // strength's.
  std::optional<LifecycleReason> verdict(size_t i) const {
    const LifecycleRow& row = rows_.rows()[i];
    if (never_fades(row.type) || (row.in_thread && !policy_.forget_threads)) return std::nullopt;
    if (idle_ms(row.worth(), now_ms_) < policy_.grace_ms) return std::nullopt;
    const double left = strength_of(i);
    const bool linked = links_[i] > 0;
    if (left < policy_.forget_below && (!linked || policy_.forget_linked)) return LifecycleReason::kFaded;
    if (policy_.orphans && !linked && left <= policy_.orphan_below) return LifecycleReason::kOrphan;
    return std::nullopt;
  }

  void lose(size_t i, LifecycleReason reason, std::vector<LifecycleAction>& actions) {
    alive_[i] = false;
    for (size_t at = begin_[i]; at < begin_[i + 1]; ++at)
      if (alive_[neighbours_[at]]) --links_[neighbours_[at]];
    const LifecycleRow& row = rows_.rows()[i];
    actions.push_back({row.row, row.revision, reason, strength_of(i), 0});
  }

  const LifecyclePolicy& policy_;
  const LifecycleRows& rows_;
  int64_t now_ms_;
  std::vector<bool> alive_;
  std::vector<uint32_t> links_;  // relations to what stays
  std::vector<size_t> begin_;    // of the neighbours of each
  std::vector<uint32_t> neighbours_;
};

namespace {

// Texts of the caller, relations of the plan: those to rows that stay, and to those that go in it.
class Related : public DuplicateSource {
 public:
  Related(DuplicateSource& texts, const LifecycleRows& rows) : texts_(texts), rows_(rows) {}
  StatusOr<std::vector<store::MemoryRow>> rows(const std::vector<int64_t>& rows) override {
    return texts_.rows(rows);
  }
  bool related(int64_t a, int64_t b) override { return rows_.linked(a, b); }
  StatusOr<std::vector<std::pair<int64_t, double>>> nearest(int64_t row) override {
    return texts_.nearest(row);
  }
  bool has_vectors() const override { return texts_.has_vectors(); }

 private:
  DuplicateSource& texts_;
  const LifecycleRows& rows_;
};

bool is_share(double value) { return value >= 0 && value <= 1; }

}  // namespace

Status check(const LifecyclePolicy& policy) {
  TAU_RETURN_IF_ERROR(check(policy.decay));
  TAU_RETURN_IF_ERROR(check(policy.duplicate));
  for (const RetentionRule& rule : policy.retention) TAU_RETURN_IF_ERROR(check(rule));
  if (!is_share(policy.forget_below) || !is_share(policy.orphan_below)) {
    return invalid_argument("invalid_lifecycle",
                            format("forget_below {} and orphan_below {}; both are 0 to 1",
                                   policy.forget_below, policy.orphan_below));
  }
  if (policy.grace_ms < 0 || policy.ended_after_ms < 0 || policy.purge_after_ms < 0) {
    return invalid_argument("invalid_lifecycle",
                            format("grace_ms {}, ended_after_ms {} and purge_after_ms {}; none is below 0",
                                   policy.grace_ms, policy.ended_after_ms, policy.purge_after_ms));
  }
  return ok_status();
}

std::string_view reason_name(LifecycleReason reason) {
  static constexpr std::array<std::string_view, kLifecycleReasons> kNames = {
      "faded", "orphan", "ended", "too_old", "too_many", "too_large", "duplicate", "forgotten_long",
  };
  return kNames[static_cast<size_t>(reason)];
}

std::array<int64_t, kLifecycleReasons> LifecyclePlan::counts() const {
  std::array<int64_t, kLifecycleReasons> counts{};
  for (const LifecycleAction& action : actions) ++counts[static_cast<size_t>(action.reason)];
  return counts;
}

void Lifecycle::add(const store::MemoryRow& row, const store::MemoryUses& uses) {
  rows_.add(row, uses);
  DuplicateSketch sketch;
  if (policy_.duplicates && sketch_of(row, &sketch)) sketches_.push_back(sketch);
}

StatusOr<LifecyclePlan> Lifecycle::plan(DuplicateSource& texts) {
  rows_.complete();
  LifecyclePlan plan;
  plan.at_ms = now_ms_;
  for (const LifecycleRow& row : rows_.rows()) {
    row.forgotten_ms != 0 ? ++plan.forgotten : ++plan.scanned;
    if (row.forgotten_ms == 0 && never_fades(row.type)) ++plan.exempt;
  }
  Judge judge(policy_, rows_, now_ms_);
  judge.erase_long_forgotten(plan.actions);
  judge.end_facts(plan.actions);
  judge.fade(plan.actions);
  judge.retain(plan.actions);
  judge.fade(plan.actions);
  // Last, among those that stay: the one that is kept of a pair does not go for another reason, now or in the
  // next plan, as it loses no relation.
  std::erase_if(sketches_, [&](const DuplicateSketch& sketch) {
    const size_t i = rows_.find(sketch.row);
    return i >= rows_.rows().size() || !judge.alive(i);
  });
  const auto by_row = [](const auto& a, const auto& b) { return a.row < b.row; };
  std::sort(sketches_.begin(), sketches_.end(), by_row);
  const auto same_row = [](const auto& a, const auto& b) { return a.row == b.row; };
  sketches_.erase(std::unique(sketches_.begin(), sketches_.end(), same_row), sketches_.end());
  Related related(texts, rows_);
  TAU_ASSIGN_OR_RETURN(plan.duplicates, find_duplicates(std::move(sketches_), related, policy_.duplicate));
  for (const Duplicate& duplicate : plan.duplicates) {
    const size_t i = rows_.find(duplicate.lost);
    plan.actions.push_back({duplicate.lost, rows_.rows()[i].revision, LifecycleReason::kDuplicate,
                            judge.strength_of(i), duplicate.kept});
  }
  std::sort(plan.actions.begin(), plan.actions.end(), by_row);
  return plan;
}

}  // namespace tau::memory
