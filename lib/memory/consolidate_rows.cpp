#include "memory/consolidate_rows.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "memory/duplicate_text.h"

namespace tau::memory {
namespace {

using store::MemoryRow;

constexpr size_t kPage = 1'000;
constexpr size_t kMostEdges = 65'536;  // of one page of rows
constexpr size_t kMostSearched = 500;  // rows whose like is searched for
constexpr size_t kQueryBytes = 600;
constexpr size_t kAlike = 6;         // that a search gives, the row itself among them
constexpr double kMinOverlap = 0.3;  // of words that say something

Status read_rows(store::Memories& memories, const store::MemoryFilter& filter, ConsolidationRows& out) {
  int64_t before_ms = INT64_MAX;
  int64_t before_row = INT64_MAX;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(std::vector<MemoryRow> page,
                         memories.list_newest(filter, before_ms, before_row, kPage));
    if (page.empty()) return ok_status();
    before_ms = page.back().time_ms;
    before_row = page.back().row;
    for (MemoryRow& row : page) {
      if (out.rows.size() == kMostConsolidationRows) {
        out.more = true;
        return ok_status();
      }
      out.rows.push_back(std::move(row));
    }
  }
}

Status read_edges(store::Memories& memories, const store::MemoryFilter& scopes, ConsolidationRows& out) {
  for (size_t begin = 0; begin < out.rows.size(); begin += kPage) {
    std::vector<int64_t> numbers;
    for (size_t i = begin; i < std::min(out.rows.size(), begin + kPage); ++i)
      numbers.push_back(out.rows[i].row);
    TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryEdge> edges, memories.edges(numbers, kMostEdges, scopes));
    out.edges.insert(out.edges.end(), edges.begin(), edges.end());
  }
  return ok_status();
}

// By words alone: no model of vectors is asked for it.
Status find_near(Engine& engine, const ConsolidateOptions& options, ConsolidationRows& out) {
  const size_t count = std::min(out.rows.size(), kMostSearched);
  for (size_t i = 0; i < count; ++i) {
    const MemoryRow& row = out.rows[i];
    SearchRequest request;
    request.text = truncate_utf8(row.text, kQueryBytes);
    request.k = kAlike;
    request.context = request.feedback = false;
    request.graph_weight = request.importance_weight = request.recency_weight = 0;
    request.filter = {.workspace = row.scope.workspace,
                      .channels = {row.scope.channel},
                      .actors = {row.scope.actor},
                      .types = options.types};
    TAU_ASSIGN_OR_RETURN(const Found found, engine.search({.workspace = row.scope.workspace},
                                                          std::move(request), {}, Engine::Words::kAlone));
    const TextForm form = form_of(row.text);
    for (const MemoryRow& other : found.rows)
      if (other.row != row.row && word_overlap(form, form_of(other.text)) >= kMinOverlap)
        out.near.emplace_back(row.row, other.row);
  }
  return ok_status();
}

}  // namespace

StatusOr<ConsolidationRows> consolidation_rows(Engine& engine, const Reach& reach, store::MemoryFilter filter,
                                               const ConsolidateOptions& options) {
  TAU_RETURN_IF_ERROR(check(options));
  TAU_RETURN_IF_ERROR(reach.narrow(filter));
  reach.narrow_to_written(filter);
  filter.types = options.types;
  ConsolidationRows out;
  TAU_RETURN_IF_ERROR(read_rows(engine.memories(), filter, out));
  TAU_RETURN_IF_ERROR(read_edges(engine.memories(), filter, out));
  TAU_RETURN_IF_ERROR(find_near(engine, options, out));
  return out;
}

}  // namespace tau::memory
