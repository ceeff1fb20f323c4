#include "memory/duplicate_merge.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "memory/types.h"

namespace tau::memory {
namespace {

store::MemoryRef ref_of(const store::MemoryRow& row) { return {row.scope, row.id}; }

class Merger {
 public:
  explicit Merger(const MergeInput& input) : input_(input) {
    for (size_t i = 0; i < input.rows.size(); ++i)
      if (input.rows[i].forgotten_ms == 0) at_[input.rows[i].row] = i;
  }

  void pair(const Duplicate& duplicate) {
    const store::MemoryRow* kept = find(duplicate.kept);
    const store::MemoryRow* lost = find(duplicate.lost);
    if (kept == nullptr || lost == nullptr || kept == lost || into_.contains(duplicate.kept)) return;
    store::MemoryRow& merged = merged_.try_emplace(duplicate.kept, *kept).first->second;
    if (!lost->attributes.empty() && !merged.attributes.empty() && lost->attributes != merged.attributes)
      return;
    if (merged.attributes.empty()) merged.attributes = lost->attributes;
    merged.tags.insert(merged.tags.end(), lost->tags.begin(), lost->tags.end());
    into_[duplicate.lost] = duplicate.kept;
  }

  std::vector<store::MemoryEdit> edits(std::vector<int64_t>* lost) {
    write_kept();
    move_relations();
    for (const auto& [from, to] : into_) {
      add_uses(from, to);
      relate(from, to, Relation::kRelatedTo, 1);
    }
    for (const auto& [from, to] : into_) {
      edits_.push_back(
          {store::MemoryForget{ref_of(*find(from)), input_.now_ms, find(from)->revision}, nullptr});
      lost->push_back(from);
    }
    return std::move(edits_);
  }

 private:
  const store::MemoryRow* find(int64_t row) const {
    const auto there = at_.find(row);
    return there == at_.end() ? nullptr : &input_.rows[there->second];
  }
  int64_t merged_row(int64_t row) const {
    const auto there = into_.find(row);
    return there == into_.end() ? row : there->second;
  }

  void write_kept() {
    for (auto& [row, merged] : merged_) {
      std::sort(merged.tags.begin(), merged.tags.end());
      merged.tags.erase(std::unique(merged.tags.begin(), merged.tags.end()), merged.tags.end());
      const store::MemoryRow& before = *find(row);
      if (merged.tags == before.tags && merged.attributes == before.attributes) continue;
      merged.updated_ms = std::max(merged.updated_ms, input_.now_ms);
      store::MemoryPut put;
      put.row = merged;
      put.expected_revision = before.revision;
      edits_.push_back({std::move(put), nullptr});
    }
  }

  void move_relations() {
    using Key = std::tuple<int64_t, int64_t, uint8_t>;
    std::map<Key, double> have;
    std::map<Key, double> want;
    for (const store::MemoryEdge& edge : input_.edges) {
      const Key moved{merged_row(edge.source), merged_row(edge.target), edge.relation};
      const bool moves = into_.contains(edge.source) || into_.contains(edge.target);
      if (std::get<0>(moved) == std::get<1>(moved)) continue;
      double& weight = (moves ? want : have).try_emplace(moved, 0).first->second;
      weight = std::max(weight, edge.weight);
    }
    for (const auto& [key, weight] : want) {
      const auto there = have.find(key);
      if (there != have.end() && there->second >= weight) continue;
      relate(std::get<0>(key), std::get<1>(key), static_cast<Relation>(std::get<2>(key)), weight);
    }
  }

  void relate(int64_t source, int64_t target, Relation relation, double weight) {
    const store::MemoryRow* from = find(source);
    const store::MemoryRow* to = find(target);
    if (from == nullptr || to == nullptr) return;
    edits_.push_back({store::MemoryRelate{ref_of(*from), ref_of(*to), static_cast<uint8_t>(relation), weight,
                                          input_.now_ms},
                      nullptr});
  }

  void add_uses(int64_t from, int64_t to) {
    const size_t at = at_.at(from);
    if (at >= input_.uses.size() || input_.uses[at].count <= 0) return;
    edits_.push_back({store::MemoryUse{to, input_.uses[at].count, input_.uses[at].last_ms}, nullptr});
  }

  const MergeInput& input_;
  std::unordered_map<int64_t, size_t> at_;
  std::map<int64_t, int64_t> into_;  // lost -> kept
  std::map<int64_t, store::MemoryRow> merged_;
  std::vector<store::MemoryEdit> edits_;
};

}  // namespace

std::vector<store::MemoryEdit> merge_edits(const std::vector<Duplicate>& duplicates, const MergeInput& input,
                                           std::vector<int64_t>* lost) {
  Merger merger(input);
  for (const Duplicate& duplicate : duplicates) merger.pair(duplicate);
  return merger.edits(lost);
}

}  // namespace tau::memory
