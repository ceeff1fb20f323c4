// The upkeep of memories: what has faded, what nothing leads to any more, what is over, what says what
// another one says, what is too much, and what was forgotten long enough to be erased. It only plans: the
// plan is a report, and edits for those who want it done. Doing it and planning again plans nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/duplicate_merge.h"
#include "memory/duplicates.h"
#include "memory/lifecycle_rows.h"
#include "memory/retention.h"

namespace tau::memory {

struct LifecyclePolicy {
  DecayPolicy decay;
  // Weaker than this, and not used for as long: it is forgotten. 0: never.
  double forget_below = 0.05;
  int64_t grace_ms = 30 * kDayMs;
  bool forget_linked = false;   // also what has relations
  bool forget_threads = false;  // also what is a part of a conversation or of a document
  // Without any relation to what stays, and at most this strong: forgotten after the same time.
  bool orphans = true;
  double orphan_below = 0.1;
  bool duplicates = true;
  DuplicateOptions duplicate;
  int64_t ended_after_ms = 0;  // facts that were over, or replaced, for longer; 0: history stays
  int64_t purge_after_ms = 0;  // erases what was forgotten for longer; 0: never
  std::vector<RetentionRule> retention;
};
// INVALID_ARGUMENT "invalid_lifecycle", "invalid_decay", "invalid_duplicates", "invalid_retention".
Status check(const LifecyclePolicy& policy);

enum class LifecycleReason : uint8_t {
  kFaded,
  kOrphan,
  kEnded,
  kTooOld,
  kTooMany,
  kTooLarge,
  kDuplicate,
  kForgottenLong  // to be erased
};
inline constexpr size_t kLifecycleReasons = 8;
std::string_view reason_name(LifecycleReason reason);  // "faded", …

struct LifecycleAction {
  int64_t row = 0;
  int64_t revision = 0;
  LifecycleReason reason = LifecycleReason::kFaded;
  double strength = 0;  // at the time of the plan
  int64_t kept = 0;     // of a duplicate: the one that stays
};

struct LifecyclePlan {
  int64_t at_ms = 0;
  int64_t scanned = 0;                   // not forgotten
  int64_t forgotten = 0;                 // already before
  int64_t exempt = 0;                    // identity and preference, which do not fade
  std::vector<LifecycleAction> actions;  // by row
  std::vector<Duplicate> duplicates;     // by the row that is lost

  bool empty() const { return actions.empty(); }
  std::array<int64_t, kLifecycleReasons> counts() const;
};

// Fed with pages in any order. 80 bytes a row, 128 more where duplicates are looked for, and 24 a relation.
class Lifecycle {
 public:
  // The policy was checked.
  Lifecycle(LifecyclePolicy policy, int64_t now_ms) : policy_(std::move(policy)), now_ms_(now_ms) {}

  void add(const store::MemoryRow& row, const store::MemoryUses& uses);
  void add_edge(const store::MemoryEdge& edge) { rows_.add_edge(edge); }
  // Once. `texts` is asked for rows that may be duplicates, and for what is near by vectors; what
  // related() says does not matter: relations are known here.
  StatusOr<LifecyclePlan> plan(DuplicateSource& texts);

 private:
  class Judge;
  LifecyclePolicy policy_;
  int64_t now_ms_;
  LifecycleRows rows_;
  std::vector<DuplicateSketch> sketches_;
};

// Edits that forget, for the rows of one page: those of `plan` that are there, whose revision is still that
// of the plan. Duplicates are left to merge_edits(), what is to be erased to Memories::purge().
std::vector<store::MemoryEdit> forget_edits(const LifecyclePlan& plan,
                                            const std::vector<store::MemoryRow>& rows);

// The report, page by page, so that ids need not be in memory:
// {"at_ms":…,"scanned":…,"forgotten":…,"exempt":…,"counts":{"faded":…,…},"actions":[{"id":…,"workspace":…,
//  "channel":…,"actor":…,"type":…,"reason":…,"strength":…,"kept":…},…],"left_out":…}
class LifecycleReport {
 public:
  explicit LifecycleReport(const LifecyclePlan& plan, size_t max_actions = 1'000);
  // Rows that the report wants the names of, those after `after`; empty: no more.
  std::vector<int64_t> wants(int64_t after, size_t limit) const;
  void add(const store::MemoryRow& row);
  std::string json() const;

 private:
  struct Name {
    int64_t row;
    store::MemoryRef ref;
    Type type;
  };
  const Name* find(int64_t row) const;

  const LifecyclePlan& plan_;
  size_t shown_;
  std::vector<int64_t> wanted_;  // sorted
  std::vector<Name> names_;      // sorted
};

}  // namespace tau::memory
