// One search, step by step. Private to memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/candidates.h"
#include "memory/search.h"
#include "memory/word_scores.h"

namespace tau::memory {

// How far a search looks. Constant: the first hits are the same ones whatever k is.
inline constexpr size_t kWordCandidates = SearchRequest::kMaxHits;
inline constexpr size_t kVectorCandidates = Vectors::kDeepest;
// Of those by words, whose vectors are looked at; those of the others count when they are among the nearest.
inline constexpr size_t kCompared = 256;
// Whose neighbours become candidates, and count: the best of both lists together.
inline constexpr size_t kContextCandidates = 128;
inline constexpr size_t kGraphSeeds = 32;
inline constexpr size_t kMaxPhraseRows = 65'536;

class SearchRun {
 public:
  // `sums` has memory for each shard.
  SearchRun(const SearchRequest& request, std::span<const Shard* const> shards, const QueryVector* vector,
            SearchSource* source, std::span<std::vector<float>> sums);
  StatusOr<SearchResult> run();

 private:
  // A condition that counts as a word does: a phrase, a prefix, a time; a set for each shard.
  struct Extra {
    std::vector<DocSet> docs;
    double weight = 0;
    bool is_time = false;
  };

  static constexpr double kNone = std::numeric_limits<double>::infinity();

  Status prepare();
  Status read_extras();
  std::vector<DocSet> docs_of_rows(const std::vector<int64_t>& rows) const;
  void read_windows();
  void add_extra(std::vector<DocSet> docs, bool is_time);
  void exclude();
  void apply_strict();

  void score_words();
  void weigh_vectors();
  Status add_feedback();
  void collect_words();
  void collect_vectors();
  void fuse();
  void score_own(Candidate& candidate) const;

  bool has_word(uint32_t shard, Doc doc) const;
  size_t add(uint32_t shard, Doc doc, bool hit, bool with_vector = true);
  void add_context();
  // Before and behind a memory in its thread, each by distance; kNoDoc where there is none that may be found.
  static constexpr size_t kSides = 2 * (kNeighbour.size() - 1);
  using Beside = std::array<Doc, kSides>;
  Beside beside(size_t i) const;
  template <class F>
  void each_beside(const std::vector<size_t>& order, F&& f);
  void add_threads();
  Status add_graph();
  void finish(Candidate& candidate, ScoreParts* parts) const;
  void drop_hopeless(std::vector<uint32_t>& order, size_t wanted) const;
  std::vector<uint32_t> hits();
  std::vector<uint32_t> sorted_hits();
  void keep_best_of_threads(std::vector<uint32_t>& order) const;
  Status diversify(std::vector<uint32_t>& order);
  double most() const;

  const SearchRequest& request_;
  const std::span<const Shard* const> shards_;
  SearchSource* const source_;
  const QueryVector* const vector_;
  double vector_weight_;
  const bool with_words_;  // are looked for as well
  const ShardStatistics statistics_;
  const Bm25 bm25_;
  std::vector<WordScores> words_;

  Query query_;
  std::vector<DocSet> allowed_;
  std::vector<Extra> extras_;
  double most_words_ = 0;     // that the words of the query can bring
  double unknown_words_ = 0;  // of that, what no memory has
  // The least weight of a word, and of a condition, that some memory has.
  double least_term_ = kNone;
  double least_extra_ = kNone;
  // Ranks in the two lists, by candidate, from 0; for fusion by ranks.
  std::vector<std::pair<size_t, size_t>> word_ranks_;
  std::vector<std::pair<size_t, size_t>> vector_ranks_;
  Candidates candidates_;
  SearchResult result_;
};

}  // namespace tau::memory
