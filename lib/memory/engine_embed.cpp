// Which memories have no vector yet, and how they get theirs from a model that is slow.
//
// New rows have the highest numbers: behind each workspace's last one that was looked at there is all that
// lacks a vector, but for memories that were written anew. Those are kept in mind, where this process wrote
// them; what others leave behind is found by looking at everything again, now and then.
#include <algorithm>
#include <utility>

#include "memory/engine.h"

namespace tau::memory {
namespace {

constexpr size_t kMostRevised = 4096;          // more are found by looking at everything
constexpr int64_t kLookAgainMs = 10 * 60'000;  // at everything, while there are changes

}  // namespace

// What one step works on, and how to take that back.
struct Engine::WithoutVector {
  std::vector<store::MemoryRow> rows;
  std::string workspace;  // empty: they were written anew
  int64_t after = 0;      // in it, before this step
};

// Of these edits: rows that were there before. A new one lies beyond all that was looked at.
void Engine::note_revised(const std::vector<size_t>& edits,
                          const std::vector<store::MemoryOutcome>& outcomes) {
  const std::lock_guard lock(mutex_);
  for (const size_t i : edits) {
    const store::MemoryOutcome& out = outcomes[i];
    if (out.row == 0 || out.unchanged || (out.created && out.revision == 1)) continue;
    if (revised_.size() < kMostRevised) {
      revised_.insert(out.row);
    } else {
      embedded_to_.clear();
    }
  }
}

// Their indexes know: what was written anew may have kept its text, and with it its vector.
StatusOr<std::vector<store::MemoryRow>> Engine::revised_without_vector(const std::vector<int64_t>& revised) {
  TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryRow> rows, memories_->load_rows(revised));
  std::vector<store::MemoryRow> without;
  for (store::MemoryRow& row : rows) {
    if (row.forgotten_ms != 0) continue;
    TAU_ASSIGN_OR_RETURN(const auto scopes, memories_->scopes(only(row.scope)));
    for (const store::MemoryScopeRecord& scope : scopes) {
      const std::shared_ptr<Slot> slot = slot_of(scope.key);
      TAU_RETURN_IF_ERROR(catch_up(*slot, scope.key, scope.change));
      const std::shared_lock lock(slot->mutex);
      const Doc doc = slot->shard == nullptr ? kNoDoc : slot->shard->documents().find(row.row);
      if (doc != kNoDoc && !slot->shard->vectors().has(doc)) without.push_back(std::move(row));
    }
  }
  return without;
}

StatusOr<Engine::WithoutVector> Engine::next_without_vector(int64_t space, size_t limit) {
  WithoutVector next;
  std::vector<int64_t> revised;
  {
    const std::lock_guard lock(mutex_);
    while (!revised_.empty() && revised.size() < limit) {
      revised.push_back(*revised_.begin());
      revised_.erase(revised_.begin());
    }
    if (clock_.wall_ms() - looked_ms_ >= kLookAgainMs) {
      looked_ms_ = clock_.wall_ms();
      embedded_to_.clear();
    }
  }
  if (!revised.empty()) {
    TAU_ASSIGN_OR_RETURN(next.rows, revised_without_vector(revised));
    if (!next.rows.empty()) return next;
  }
  TAU_ASSIGN_OR_RETURN(const auto workspaces, memories_->workspaces());
  for (const std::string& workspace : workspaces) {
    {
      const std::lock_guard lock(mutex_);
      next.after = vectors_.space == space ? embedded_to_[workspace] : 0;
    }
    TAU_ASSIGN_OR_RETURN(next.rows, memories_->without_vector(workspace, space, next.after, limit));
    if (next.rows.empty()) continue;
    next.workspace = workspace;
    const std::lock_guard lock(mutex_);
    if (vectors_.space == space) embedded_to_[workspace] = next.rows.back().row;
    return next;
  }
  return next;
}

void Engine::give_back(WithoutVector taken) {
  const std::lock_guard lock(mutex_);
  if (taken.workspace.empty()) {
    for (const store::MemoryRow& row : taken.rows) revised_.insert(row.row);
  } else {
    int64_t& after = embedded_to_[taken.workspace];
    after = std::min(after, taken.after);
  }
}

Status Engine::embed_rows(const VectorSpace& now, const std::vector<store::MemoryRow>& rows) {
  std::vector<std::string_view> texts;
  for (const store::MemoryRow& row : rows) texts.push_back(row.text);
  const size_t dimensions = now.embedder->dimensions();
  std::vector<float> made(rows.size() * dimensions);
  TAU_RETURN_IF_ERROR(now.embedder->embed(texts, Purpose::kDocument, made.data()));
  std::vector<store::MemoryEdit> edits;
  for (size_t i = 0; i < rows.size(); ++i) {
    TAU_ASSIGN_OR_RETURN(std::string bytes, quantise(made.data() + i * dimensions, dimensions));
    edits.push_back({.what = store::MemoryVector{.row = rows[i].row,
                                                 .revision = rows[i].revision,
                                                 .space = now.space,
                                                 .bytes = std::move(bytes)}});
  }
  return commit(std::move(edits)).status();
}

// The first ones of those that it sees.
StatusOr<std::vector<store::MemoryRow>> Engine::seen_without_vector(int64_t space, size_t limit,
                                                                    const Reach& reach) {
  std::vector<store::MemoryRow> rows;
  for (int64_t after = 0; rows.empty();) {
    TAU_ASSIGN_OR_RETURN(rows, memories_->without_vector(reach.workspace, space, after, limit));
    if (rows.empty()) break;
    after = rows.back().row;
    std::erase_if(rows, [&](const store::MemoryRow& row) { return !reach.sees(row.scope); });
  }
  return rows;
}

StatusOr<int64_t> Engine::embed_missing(size_t limit, const Reach* reach) {
  const VectorSpace now = vectors();
  if (now.embedder == nullptr || now.space == 0) return 0;
  if (reach != nullptr) {
    TAU_ASSIGN_OR_RETURN(const auto rows, seen_without_vector(now.space, limit, *reach));
    if (!rows.empty()) TAU_RETURN_IF_ERROR(embed_rows(now, rows));
    return static_cast<int64_t>(rows.size());
  }
  TAU_ASSIGN_OR_RETURN(WithoutVector next, next_without_vector(now.space, limit));
  const auto count = static_cast<int64_t>(next.rows.size());
  if (count == 0) return 0;
  Status done = embed_rows(now, next.rows);
  if (done.ok()) return count;
  give_back(std::move(next));
  return done;
}

StatusOr<int64_t> Engine::missing(const Reach& reach) {
  const VectorSpace now = vectors();
  if (now.embedder == nullptr || now.space == 0) return 0;
  return memories_->count_without_vector(reach.scopes(), now.space);
}

}  // namespace tau::memory
