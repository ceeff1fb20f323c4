// What a shard has to say, said the slow way: rows in a map, every question answered by going through all.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "memory/shard.h"
#include "memory/text_analysis.h"

namespace tau::memory::test {

inline constexpr size_t kModelDimensions = 20;

// Stands for the store: the memories as they are, and what was purged, by change.
struct ShardModel {
  struct Kept {
    store::MemoryRow row;
    std::string vector;
  };
  std::map<int64_t, Kept> rows;       // by row
  std::map<int64_t, int64_t> purges;  // row by change
  int64_t change = 0;

  store::MemoryRow& put(store::MemoryRow row, std::string vector) {
    row.change = ++change;
    Kept& kept = rows[row.row];
    kept = {std::move(row), std::move(vector)};
    return kept.row;
  }
  void purge(int64_t row) {
    if (rows.erase(row) != 0) purges[++change] = row;
  }

  // As the store tells what changed since: each memory once, by change.
  Status follow(Shard& shard) const {
    std::map<int64_t, const Kept*> changed;
    for (const auto& [row, kept] : rows) changed[kept.row.change] = &kept;
    for (const auto& [at, row] : purges) changed[at] = nullptr;
    for (const auto& [at, kept] : changed) {
      if (at <= shard.change()) continue;
      TAU_RETURN_IF_ERROR(kept != nullptr ? shard.apply(kept->row, kept->vector)
                                          : shard.purged(purges.at(at), at));
    }
    shard.advance(change);
    return ok_status();
  }
};

// Shown by the filter at that time, by the words of AsOf.
inline bool is_shown(const store::MemoryRow& row, const store::MemoryFilter& f, const AsOf& as_of) {
  if ((row.forgotten_ms != 0) != f.forgotten) return false;
  if (f.types != ~0u && (f.types >> row.type & 1) == 0) return false;
  for (const std::string& tag : f.tags)
    if (std::find(row.tags.begin(), row.tags.end(), tag) == row.tags.end()) return false;
  if (!f.thread.empty() && row.thread != f.thread) return false;
  if (!row.source.starts_with(f.source)) return false;
  if (row.time_ms < f.since_ms || row.time_ms > f.until_ms) return false;
  const bool asks_recorded = as_of.recorded_ms != store::kNoTime;
  const bool asks_valid = as_of.valid_ms != store::kNoTime;
  if (asks_recorded && row.created_ms > as_of.recorded_ms) return false;
  const bool superseded = row.superseded_ms != store::kEndless;
  const bool superseded_then = superseded && (!asks_recorded || row.superseded_ms <= as_of.recorded_ms);
  if (!asks_valid) return !superseded_then || f.superseded;
  int64_t end = row.valid_to_ms;
  if (superseded && !superseded_then) end = row.valid_to_before_ms;
  return row.valid_from_ms <= as_of.valid_ms && (end == store::kEndless || as_of.valid_ms < end);
}

inline std::vector<int64_t> shown_rows(const ShardModel& model, const store::MemoryFilter& f,
                                       const AsOf& as_of) {
  std::vector<int64_t> shown;
  for (const auto& [row, kept] : model.rows)
    if (is_shown(kept.row, f, as_of)) shown.push_back(row);
  return shown;
}

inline std::vector<int64_t> rows_of(const Shard& shard, const DocSet& set) {
  std::vector<int64_t> rows;
  set.each([&](Doc doc) { rows.push_back(shard.documents().row(doc)); });
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Rows of the thread that are not forgotten, in their order.
inline std::vector<int64_t> thread_rows(const ShardModel& model, const std::string& thread) {
  std::vector<std::tuple<int64_t, int64_t, int64_t>> places;
  for (const auto& [row, kept] : model.rows)
    if (kept.row.thread == thread && kept.row.forgotten_ms == 0)
      places.emplace_back(kept.row.time_ms, kept.row.position, row);
  std::sort(places.begin(), places.end());
  std::vector<int64_t> rows;
  for (const auto& place : places) rows.push_back(std::get<2>(place));
  return rows;
}

// The first thing in which the shard differs; empty: in none.
inline std::string row_difference(const Shard& shard, const ShardModel& model) {
  const Documents& documents = shard.documents();
  if (documents.present().count() != model.rows.size()) return "how many are present";
  std::map<uint32_t, std::string> threads;
  for (const auto& [row, kept] : model.rows) {
    const store::MemoryRow& r = kept.row;
    const Doc doc = documents.find(row);
    const std::string of = " of row " + std::to_string(row);
    if (doc == kNoDoc || documents.row(doc) != row) return "no document" + of;
    if (documents.live().contains(doc) != (r.forgotten_ms == 0)) return "forgotten" + of;
    if (documents.time_ms(doc) != r.time_ms || documents.position(doc) != r.position) return "place" + of;
    if (documents.created_ms(doc) != r.created_ms || documents.updated_ms(doc) != r.updated_ms)
      return "times" + of;
    if (documents.type(doc) != r.type || documents.importance(doc) != static_cast<float>(r.importance))
      return "type or importance" + of;
    if (documents.validity(doc) !=
        Validity{r.valid_from_ms, r.valid_to_ms, r.superseded_ms, r.valid_to_before_ms})
      return "validity" + of;
    const uint32_t thread = documents.thread(doc);
    if ((thread == kNoThread) != r.thread.empty()) return "thread" + of;
    if (thread != kNoThread && threads.try_emplace(thread, r.thread).first->second != r.thread)
      return "number of the thread" + of;
    if (shard.vectors().bytes(doc) != kept.vector) return "vector" + of;
    std::vector<TermCount> terms;
    document_terms(r, &terms);
    uint32_t length = 0;
    for (const TermCount& term : terms) length += term.count;
    if (shard.postings().length(doc) != length) return "length" + of;
  }
  for (const auto& [row, deleted] : model.purges)
    if (!model.rows.contains(deleted) && documents.find(deleted) != kNoDoc) return "a purged row";
  return "";
}

inline std::string neighbour_difference(const Shard& shard, const ShardModel& model) {
  const Documents& documents = shard.documents();
  std::set<std::string> threads;
  for (const auto& [row, kept] : model.rows) threads.insert(kept.row.thread);
  uint32_t live_threads = 0;
  uint64_t in_threads = 0;
  for (const std::string& thread : threads) {
    const std::vector<int64_t> rows = thread_rows(model, thread);
    if (!thread.empty() && !rows.empty()) {
      ++live_threads;
      in_threads += rows.size();
      if (documents.thread_size(documents.thread(documents.find(rows[0]))) != rows.size())
        return "size of thread " + thread;
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      const Doc doc = documents.find(rows[i]);
      const Doc before = i == 0 || thread.empty() ? kNoDoc : documents.find(rows[i - 1]);
      const Doc after = i + 1 == rows.size() || thread.empty() ? kNoDoc : documents.find(rows[i + 1]);
      if (documents.previous(doc) != before) return "before row " + std::to_string(rows[i]);
      if (documents.next(doc) != after) return "after row " + std::to_string(rows[i]);
    }
  }
  if (documents.live_threads() != live_threads || documents.in_threads() != in_threads)
    return "count of threads";
  return "";
}

// Statistics and postings of what is live.
inline std::string term_difference(const Shard& shard, const ShardModel& model) {
  int64_t live = 0;
  int64_t total = 0;
  std::map<uint64_t, std::map<int64_t, uint32_t>> lists;  // count by row
  std::set<uint64_t> all_terms = {12345};
  std::vector<TermCount> terms;
  for (const auto& [row, kept] : model.rows) {
    document_terms(kept.row, &terms);
    for (const TermCount& term : terms) all_terms.insert(term.term);
    if (kept.row.forgotten_ms != 0) continue;
    ++live;
    for (const TermCount& term : terms) {
      total += term.count;
      lists[term.term][row] = term.count;
    }
  }
  if (shard.live() != live) return "how many are live";
  if (shard.total_length() != total) return "the sum of lengths";
  for (const uint64_t term : all_terms) {
    std::map<int64_t, uint32_t> found;
    shard.postings().each(term, [&](Doc doc, uint32_t count) {
      if (shard.documents().live().contains(doc)) found[shard.documents().row(doc)] = count;
    });
    if (found != lists[term]) return "the list of a term";
    if (shard.document_count(term) != static_cast<int64_t>(lists[term].size())) return "the count of a term";
  }
  return "";
}

inline std::string difference(const Shard& shard, const ShardModel& model) {
  std::string found = row_difference(shard, model);
  if (found.empty()) found = neighbour_difference(shard, model);
  if (found.empty()) found = term_difference(shard, model);
  return found;
}

}  // namespace tau::memory::test
