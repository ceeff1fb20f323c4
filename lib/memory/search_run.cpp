// The steps of a search: what may be found, what is scored, how it is put together.
#include "memory/search_run.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "memory/best_of.h"
#include "memory/decay.h"
#include "memory/diversify.h"
#include "memory/feedback.h"
#include "memory/graph_spread.h"
#include "memory/thread_words.h"

namespace tau::memory {
namespace {

struct Scored {
  double score = 0;
  int64_t row = 0;
  uint32_t shard = 0;
  Doc doc = 0;
};

// Texts that share parts of words are alike by accident so often that what is nearest hardly stands out, and
// finding all of it costs as much as the rest of a search. Beside words it counts too little for that: no
// more than this part of all documents is looked at for it.
constexpr size_t kSpellingPart = 100;

// A word that only one memory has says nothing about others.
class SharedWords final : public TermWeights {
 public:
  explicit SharedWords(const ShardStatistics& statistics) : statistics_(statistics) {}
  double weight(uint64_t term) const override {
    const int64_t count = statistics_.count(term);
    const bool wanted = count >= 2 && !is_common(count, statistics_.documents());
    return wanted ? inverse_document_frequency(statistics_.documents(), count) : 0;
  }

 private:
  const ShardStatistics& statistics_;
};

// The best of all shards by words. For many of them a guess says at first how good they are, so that few
// others are kept.
std::vector<Scored> best_by_words(std::span<const Shard* const> shards, std::span<const WordScores> words,
                                  std::span<const DocSet> allowed, size_t k) {
  constexpr size_t kMany = 256;
  float least = 0;
  for (size_t i = 0; k >= kMany && i < words.size(); ++i)
    least = std::max(least, words[i].likely_least(allowed[i], k));
  while (true) {
    BestOf<Scored> best(k, static_cast<double>(least));
    for (uint32_t i = 0; i < words.size(); ++i)
      words[i].each(
          allowed[i], [&] { return best.least(); },
          [&](Doc doc, float score) {
            best.offer({static_cast<double>(score), shards[i]->documents().row(doc), i, doc});
          });
    std::vector<Scored> found = best.take();
    if (found.size() >= k || least == 0) return found;
    least = 0;
  }
}

}  // namespace

SearchRun::SearchRun(const SearchRequest& request, std::span<const Shard* const> shards,
                     const QueryVector* vector, SearchSource* source, std::span<std::vector<float>> sums)
    : request_(request),
      shards_(shards),
      source_(source),
      vector_(vector),
      vector_weight_(vector == nullptr            ? 0
                     : request.vector_weight >= 0 ? request.vector_weight
                                                  : std::clamp(vector->usual_weight, 0.0, 1.0)),
      with_words_(vector_weight_ < 1),
      statistics_(shards),
      bm25_(Bm25::of(statistics_.average_length())) {
  for (size_t i = 0; i < shards.size(); ++i) words_.emplace_back(*shards[i], sums[i]);
}

StatusOr<SearchResult> SearchRun::run() {
  TAU_RETURN_IF_ERROR(prepare());
  if (with_words_) {
    score_words();
    weigh_vectors();
    if (request_.feedback) TAU_RETURN_IF_ERROR(add_feedback());
    collect_words();
  }
  if (vector_weight_ > 0) collect_vectors();
  fuse();
  if (request_.context) add_context();
  add_threads();
  if (request_.graph_weight > 0) TAU_RETURN_IF_ERROR(add_graph());

  std::vector<uint32_t> order = sorted_hits();
  if (request_.grouped) keep_best_of_threads(order);
  if (request_.diversity > 0) TAU_RETURN_IF_ERROR(diversify(order));
  for (size_t i = 0; i < std::min(order.size(), request_.k); ++i) {
    Candidate& candidate = candidates_[order[i]];
    SearchHit hit{
        .row = candidate.row, .score = 0, .parts = {}, .shard = candidate.shard, .doc = candidate.doc};
    finish(candidate, &hit.parts);
    hit.score = candidate.score;
    result_.hits.push_back(hit);
  }
  result_.query = std::move(query_);
  return std::move(result_);
}

// --- What may be found

Status SearchRun::prepare() {
  query_ = parse_query(request_.text, request_.now_ms);
  for (const Shard* shard : shards_) allowed_.push_back(shard->select(request_.filter, request_.as_of));
  exclude();
  TAU_RETURN_IF_ERROR(read_extras());
  if (request_.strict) apply_strict();
  return ok_status();
}

void SearchRun::exclude() {
  for (const uint64_t term : query_.excluded)
    for (size_t i = 0; i < shards_.size(); ++i)
      shards_[i]->postings().each(term, [&](Doc doc, uint32_t) { allowed_[i].remove(doc); });
}

std::vector<DocSet> SearchRun::docs_of_rows(const std::vector<int64_t>& rows) const {
  std::vector<DocSet> sets;
  for (const Shard* shard : shards_) {
    DocSet& set = sets.emplace_back(shard->size());
    for (const int64_t row : rows)
      if (const Doc doc = shard->documents().find(row); doc != kNoDoc) set.add(doc);
  }
  return sets;
}

void SearchRun::add_extra(std::vector<DocSet> docs, bool is_time) {
  int64_t count = 0;
  for (size_t i = 0; i < docs.size(); ++i) {
    docs[i].intersect(shards_[i]->documents().live());
    count += docs[i].count();
  }
  const double weight = inverse_document_frequency(statistics_.documents(), count);
  extras_.push_back({std::move(docs), weight, is_time});
}

// Where no memory is of a time, it says nothing: what was said relative to now was meant otherwise.
void SearchRun::read_windows() {
  for (size_t i = 0; i < query_.windows.size(); ++i) {
    store::MemoryFilter filter;
    filter.superseded = true;
    filter.since_ms = query_.windows[i].since_ms;
    filter.until_ms = query_.windows[i].until_ms;
    std::vector<DocSet> sets;
    for (const Shard* shard : shards_) sets.push_back(shard->select(filter));
    if (std::ranges::all_of(sets, &DocSet::empty)) {
      query_.read_as_words(i);
    } else {
      add_extra(std::move(sets), true);
    }
  }
}

Status SearchRun::read_extras() {
  read_windows();
  if (source_ == nullptr) return ok_status();
  for (const std::string& phrase : query_.phrases) {
    TAU_ASSIGN_OR_RETURN(const auto rows, source_->rows_with_phrase(phrase, kMaxPhraseRows));
    add_extra(docs_of_rows(rows), false);
  }
  for (const std::string& prefix : query_.prefixes) {
    TAU_ASSIGN_OR_RETURN(const auto rows, source_->rows_with_prefix(prefix, kMaxPhraseRows));
    add_extra(docs_of_rows(rows), false);
  }
  return ok_status();
}

// Every phrase and prefix, and one of the times.
void SearchRun::apply_strict() {
  for (size_t i = 0; i < shards_.size(); ++i) {
    DocSet times(shards_[i]->size());
    for (const Extra& extra : extras_) {
      if (extra.is_time) {
        times.unite(extra.docs[i]);
      } else {
        allowed_[i].intersect(extra.docs[i]);
      }
    }
    if (!query_.windows.empty()) allowed_[i].intersect(times);
  }
}

// --- Words

void SearchRun::score_words() {
  for (const TermCount& term : query_.terms) {
    const int64_t count = statistics_.count(term.term);
    const double weight =
        inverse_document_frequency(statistics_.documents(), count) * query_term_weight(term.count);
    const double most = weight * static_cast<double>(bm25_.most());
    if (count > 0) least_term_ = std::min(least_term_, weight);
    if (count == 0) unknown_words_ += most;
    most_words_ += most;
    for (WordScores& scores : words_) scores.add(term.term, weight, bm25_);
  }
  for (const Extra& extra : extras_) {
    most_words_ += extra.weight;
    least_extra_ = std::min(least_extra_, extra.weight);
    for (size_t i = 0; i < words_.size(); ++i) words_[i].add(extra.docs[i], extra.weight);
  }
}

// Who says how much vectors weigh is taken at their word.
void SearchRun::weigh_vectors() {
  if (vector_ == nullptr || request_.vector_weight >= 0) return;
  const double unknown = most_words_ > 0 ? unknown_words_ / most_words_ : 1;
  vector_weight_ =
      weight_of_vectors(vector_weight_, vector_->by_spelling, unknown, statistics_.average_length());
}

// Only memories that may be found say what else to look for.
Status SearchRun::add_feedback() {
  if (source_ == nullptr || query_.terms.empty()) return ok_status();
  const auto chosen = best_by_words(shards_, words_, allowed_, kFeedbackTexts);
  std::vector<int64_t> rows;
  for (const Scored& one : chosen) rows.push_back(one.row);
  if (rows.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(std::vector<std::string> texts, source_->texts(rows));
  if (texts.size() != rows.size())
    return internal_error("invalid_source", "a source gave texts of other rows");
  std::vector<FeedbackText> feedback;
  for (size_t i = 0; i < rows.size(); ++i) feedback.push_back({std::move(texts[i]), chosen[i].score});

  double named = 0;
  for (const TermCount& term : query_.terms) named += query_term_weight(term.count);
  for (const WeightedTerm& term : feedback_terms(feedback, SharedWords(statistics_))) {
    const double weight = term.weight * named * kFeedbackShare * statistics_.weight(term.term);
    most_words_ += weight * static_cast<double>(bm25_.most());
    for (WordScores& scores : words_) scores.add(term.term, weight, bm25_);
  }
  return ok_status();
}

// --- Candidates

// Whether it has at least as much as the least word of the query brings. What has less has only words of
// others, which feedback looked for.
bool SearchRun::has_word(uint32_t shard, Doc doc) const {
  if (!with_words_) return false;
  constexpr double kRounding = 1 - 1e-5;
  const auto once = static_cast<double>(bm25_.score(1, shards_[shard]->postings().length(doc)));
  const double words = words_[shard].of(doc);
  return words > 0 && words >= kRounding * std::min(least_term_ * once, least_extra_);
}

size_t SearchRun::add(uint32_t shard, Doc doc, bool hit, bool with_vector) {
  bool added = false;
  const size_t i = candidates_.find_or_add(shard, doc, &added);
  Candidate& candidate = candidates_[i];
  if (added) {
    candidate.row = shards_[shard]->documents().row(doc);
    candidate.supported = has_word(shard, doc);
    if (with_words_ && most_words_ > 0) candidate.words = std::min(1.0, words_[shard].of(doc) / most_words_);
    if (vector_weight_ > 0 && with_vector)
      candidate.vectors =
          vector_score(static_cast<double>(shards_[shard]->vectors().similarity(doc, vector_->vector)),
                       vector_->unrelated_cosine);
    score_own(candidate);
  }
  candidate.hit |= hit;
  return i;
}

void SearchRun::collect_words() {
  constexpr size_t kAhead = 8;
  const auto found = best_by_words(shards_, words_, allowed_, kWordCandidates);
  for (size_t rank = 0; rank < found.size(); ++rank) {
    const Scored& scored = found[rank];
    if (vector_weight_ > 0 && rank + kAhead < std::min(found.size(), kCompared))
      shards_[found[rank + kAhead].shard]->vectors().prefetch(found[rank + kAhead].doc);
    word_ranks_.emplace_back(add(scored.shard, scored.doc, true, rank < kCompared), rank);
  }
}

// Where words are looked for as well, what has none needs to be more alike than chance makes it.
void SearchRun::collect_vectors() {
  if (with_words_)
    result_.least_cosine =
        least_cosine(vector_->unrelated_cosine, vector_->unrelated_deviation, statistics_.documents());
  const auto least = static_cast<float>(result_.least_cosine);
  VectorEffort effort;
  if (with_words_ && vector_->by_spelling) effort.closer_part = kSpellingPart;
  BestOf<Scored> best(kVectorCandidates);
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    const auto hits = shards_[i]->vectors().top(vector_->vector, kVectorCandidates, allowed_[i], effort);
    for (const VectorHit& hit : hits) {
      const double score = vector_score(static_cast<double>(hit.score), vector_->unrelated_cosine);
      if (score > 0 && hit.score < least && words_[i].of(hit.doc) == 0) {
        ++result_.by_chance;
        continue;
      }
      if (score > 0) best.offer({score, shards_[i]->documents().row(hit.doc), i, hit.doc});
    }
  }
  const double least_score = vector_score(result_.least_cosine, vector_->unrelated_cosine);
  size_t rank = 0;
  for (const Scored& scored : best.take()) {
    const size_t i = add(scored.shard, scored.doc, true, false);
    candidates_[i].vectors = scored.score;
    candidates_[i].supported |= scored.score >= least_score;
    score_own(candidates_[i]);
    vector_ranks_.emplace_back(i, rank++);
  }
}

// --- Scores

void SearchRun::score_own(Candidate& candidate) const {
  candidate.own = (1 - vector_weight_) * candidate.words + vector_weight_ * candidate.vectors;
}

// By ranks: the shares of the two lists take the place of the two scores.
void SearchRun::fuse() {
  if (request_.fusion != Fusion::kReciprocalRank) return;
  for (size_t i = 0; i < candidates_.size(); ++i) candidates_[i].words = candidates_[i].vectors = 0;
  for (const auto& [i, rank] : word_ranks_) candidates_[i].words = reciprocal_rank(rank);
  for (const auto& [i, rank] : vector_ranks_) candidates_[i].vectors = reciprocal_rank(rank);
  for (size_t i = 0; i < candidates_.size(); ++i) score_own(candidates_[i]);
}

// Their vectors are fetched meanwhile.
SearchRun::Beside SearchRun::beside(size_t i) const {
  const uint32_t shard = candidates_[i].shard;
  const Documents& documents = shards_[shard]->documents();
  Beside found;
  found.fill(kNoDoc);
  for (const bool forward : {false, true}) {
    Doc at = candidates_[i].doc;
    for (size_t distance = 1; distance < kNeighbour.size(); ++distance) {
      at = forward ? documents.next(at) : documents.previous(at);
      if (at == kNoDoc) break;
      if (!allowed_[shard].contains(at)) continue;
      found[(forward ? kSides / 2 : 0) + distance - 1] = at;
      if (vector_weight_ > 0) shards_[shard]->vectors().prefetch(at);
    }
  }
  return found;
}

// f(candidate, distance, doc) of all that stand beside these. They are looked for some candidates ahead.
template <class F>
void SearchRun::each_beside(const std::vector<size_t>& order, F&& f) {
  constexpr size_t kAhead = 8;
  std::array<Beside, kAhead> ring;
  for (size_t i = 0; i < order.size() + kAhead; ++i) {
    if (i >= kAhead) {
      const Beside docs = ring[i % kAhead];
      for (size_t side = 0; side < kSides; ++side)
        if (docs[side] != kNoDoc) f(order[i - kAhead], side % (kSides / 2) + 1, docs[side]);
    }
    if (i < order.size()) ring[i % kAhead] = beside(order[i]);
  }
}

void SearchRun::add_context() {
  std::vector<uint32_t> order(candidates_.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto ranked = [&](uint32_t a, uint32_t b) {
    const Candidate& x = candidates_[a];
    const Candidate& y = candidates_[b];
    return x.own != y.own ? x.own > y.own : x.row < y.row;
  };
  if (order.size() > kContextCandidates) {
    std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(kContextCandidates), ranked);
    order.resize(kContextCandidates);
  }
  // Whoever stands beside a good one is looked at too: it may be what the good one speaks of.
  std::vector<size_t> around(order.begin(), order.end());
  each_beside(std::vector(around),
              [&](size_t i, size_t, Doc doc) { around.push_back(add(candidates_[i].shard, doc, true)); });
  std::ranges::sort(around);
  around.erase(std::ranges::unique(around).begin(), around.end());
  for (const size_t i : around) candidates_[i].neighbours = 0;
  each_beside(around, [&](size_t i, size_t distance, Doc doc) {
    const double own = candidates_[add(candidates_[i].shard, doc, false)].own;
    candidates_[i].neighbours += kNeighbour[distance] * own;
  });
}

void SearchRun::add_threads() {
  struct Best {
    double context = 0;
    double vectors = 0;
  };
  ThreadWords threads(shards_, allowed_);
  std::vector<Best> best;
  std::vector<uint32_t> thread_of(candidates_.size(), kNoThread);
  for (size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& candidate = candidates_[i];
    if (!candidate.hit) continue;
    candidate.context = candidate.own + candidate.neighbours;
    if (!request_.context) continue;
    candidate.thread = candidate.context;
    candidate.whole = candidate.own;
    const uint32_t thread = shards_[candidate.shard]->documents().thread(candidate.doc);
    if (thread == kNoThread) continue;
    thread_of[i] = static_cast<uint32_t>(threads.add(candidate.shard, thread));
    if (thread_of[i] == best.size()) best.emplace_back();
    Best& of_thread = best[thread_of[i]];
    of_thread.context = std::max(of_thread.context, candidate.context);
    of_thread.vectors = std::max(of_thread.vectors, candidate.vectors);
  }
  threads.score(with_words_ ? std::span<const TermCount>(query_.terms) : std::span<const TermCount>(),
                statistics_);
  for (size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& candidate = candidates_[i];
    if (!candidate.hit) continue;
    if (const uint32_t thread = thread_of[i]; thread != kNoThread) {
      candidate.thread = best[thread].context;
      candidate.whole = (1 - vector_weight_) * threads.of(thread) + vector_weight_ * best[thread].vectors;
    }
    candidate.sum = candidate.context + kThread * candidate.thread + kWhole * candidate.whole;
  }
}

double SearchRun::most() const {
  return (request_.context ? kMaxContext * (1 + kThread) + kWhole : 1) + request_.graph_weight;
}

namespace {

// Relations among what a search may show.
class GraphSource final : public SpreadSource {
 public:
  GraphSource(std::span<const Shard* const> shards, std::span<const DocSet> allowed, SearchSource& source)
      : shards_(shards), allowed_(allowed), source_(source) {}

  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) override {
    return source_.edges(rows);
  }
  double importance(int64_t row) override {
    for (size_t i = 0; i < shards_.size(); ++i)
      if (const Doc doc = shards_[i]->documents().find(row); doc != kNoDoc)
        return allowed_[i].contains(doc) ? static_cast<double>(shards_[i]->documents().importance(doc)) : 0;
    return 0;
  }

 private:
  std::span<const Shard* const> shards_;
  std::span<const DocSet> allowed_;
  SearchSource& source_;
};

}  // namespace

Status SearchRun::add_graph() {
  if (source_ == nullptr) return ok_status();
  BestOf<Scored> best(kGraphSeeds);
  for (size_t i = 0; i < candidates_.size(); ++i)
    if (const Candidate& c = candidates_[i]; c.hit && c.sum > 0) best.offer({c.sum, c.row, c.shard, c.doc});
  std::vector<SpreadScore> seeds;
  for (const Scored& one : best.take()) seeds.push_back({one.row, std::min(1.0, one.score / most())});
  if (seeds.empty()) return ok_status();
  GraphSource graph(shards_, allowed_, *source_);
  TAU_ASSIGN_OR_RETURN(const std::vector<SpreadScore> reached, spread(seeds, graph, {}));
  for (const SpreadScore& score : reached)
    for (uint32_t shard = 0; shard < shards_.size(); ++shard) {
      const Doc doc = shards_[shard]->documents().find(score.row);
      if (doc == kNoDoc || !allowed_[shard].contains(doc)) continue;
      Candidate& candidate = candidates_[add(shard, doc, false)];
      if (!candidate.hit) {
        candidate.hit = true;
        candidate.context = candidate.own;
        candidate.thread = candidate.whole = request_.context ? candidate.own : 0;
        candidate.sum = candidate.context + kThread * candidate.thread + kWhole * candidate.whole;
      }
      candidate.graph = score.score;
      candidate.sum += request_.graph_weight * score.score;
    }
  return ok_status();
}

void SearchRun::finish(Candidate& candidate, ScoreParts* parts) const {
  static const DecayPolicy kPolicy;
  const Documents& documents = shards_[candidate.shard]->documents();
  Worth worth;
  worth.importance = std::clamp(static_cast<double>(documents.importance(candidate.doc)), 0.0, 1.0);
  worth.type = static_cast<Type>(std::min<int>(documents.type(candidate.doc), kTypes - 1));
  worth.updated_ms = documents.updated_ms(candidate.doc);
  const double importance = request_.importance_weight * worth.importance;
  const double recency = request_.now_ms == store::kNoTime
                             ? 0
                             : request_.recency_weight * freshness(kPolicy, worth, request_.now_ms);
  const double scale = 1 / (most() * (1 + kMaxBoost));
  candidate.score = candidate.sum * (1 + importance + recency) * scale;
  if (parts == nullptr) return;
  parts->words = (1 - vector_weight_) * candidate.words * scale;
  parts->vectors = vector_weight_ * candidate.vectors * scale;
  parts->neighbours = candidate.neighbours * scale;
  parts->thread = (kThread * candidate.thread + kWhole * candidate.whole) * scale;
  parts->graph = request_.graph_weight * candidate.graph * scale;
  parts->importance = candidate.sum * importance * scale;
  parts->recency = candidate.sum * recency * scale;
}

// --- The order of hits

// Boosts multiply sums: what is further below the last that is wanted than boosts can lift it needs none.
void SearchRun::drop_hopeless(std::vector<uint32_t>& order, size_t wanted) const {
  if (order.size() <= wanted || wanted == 0) return;
  std::vector<double> sums;
  sums.reserve(order.size());
  for (const uint32_t i : order) sums.push_back(candidates_[i].sum);
  std::ranges::nth_element(sums, sums.begin() + static_cast<std::ptrdiff_t>(wanted) - 1, std::greater<>());
  const double most_boost = 1 + request_.importance_weight + request_.recency_weight;
  const double least = sums[wanted - 1] / most_boost * (1 - 1e-9);
  std::erase_if(order, [&](uint32_t i) { return candidates_[i].sum < least; });
}

// What is a hit only for the sake of others is not far behind them.
std::vector<uint32_t> SearchRun::hits() {
  double most = 0;
  for (size_t i = 0; i < candidates_.size(); ++i)
    if (candidates_[i].hit) most = std::max(most, candidates_[i].sum);
  std::vector<uint32_t> found;
  for (uint32_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (!candidate.hit || candidate.sum <= 0) continue;
    if (!candidate.supported && candidate.graph == 0 && candidate.sum < kLeastShare * most) {
      ++result_.far_behind;
    } else {
      found.push_back(i);
    }
  }
  return found;
}

std::vector<uint32_t> SearchRun::sorted_hits() {
  std::vector<uint32_t> order = hits();
  result_.candidates = static_cast<int64_t>(order.size());
  const size_t most_wanted = request_.grouped ? order.size() : std::max(request_.k, kDiversified);
  if (request_.min_score <= 0) drop_hopeless(order, most_wanted);
  for (const uint32_t i : order) finish(candidates_[i], nullptr);
  if (request_.min_score > 0) {
    std::erase_if(order, [&](uint32_t i) { return candidates_[i].score < request_.min_score; });
    result_.candidates = static_cast<int64_t>(order.size());
  }
  const size_t wanted = std::min(order.size(), most_wanted);
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(wanted),
                            [&](uint32_t a, uint32_t b) {
                              const Candidate& x = candidates_[a];
                              const Candidate& y = candidates_[b];
                              return x.score != y.score ? x.score > y.score : x.row < y.row;
                            });
  order.resize(wanted);
  return order;
}

void SearchRun::keep_best_of_threads(std::vector<uint32_t>& order) const {
  PairIndex seen;
  std::erase_if(order, [&](uint32_t i) {
    const uint32_t thread = shards_[candidates_[i].shard]->documents().thread(candidates_[i].doc);
    if (thread == kNoThread) return false;
    const size_t threads = seen.size();
    seen.find_or_add(candidates_[i].shard, thread);
    return seen.size() == threads;
  });
}

Status SearchRun::diversify(std::vector<uint32_t>& order) {
  const size_t depth = std::min(order.size(), kDiversified);
  std::vector<DiverseItem> items(depth);
  std::vector<int64_t> rows;
  for (size_t i = 0; i < depth; ++i) {
    const Candidate& candidate = candidates_[order[i]];
    items[i].score = candidate.score;
    items[i].vector = shards_[candidate.shard]->vectors().bytes(candidate.doc);
    rows.push_back(candidate.row);
  }
  const auto no_vector = [](const DiverseItem& item) { return item.vector.empty(); };
  if (source_ != nullptr && std::ranges::any_of(items, no_vector)) {
    TAU_ASSIGN_OR_RETURN(const std::vector<std::string> texts, source_->texts(rows));
    for (size_t i = 0; i < std::min(depth, texts.size()); ++i) items[i].read(texts[i]);
  }
  const std::vector<size_t> chosen = diverse_order(items, request_.diversity);
  const std::vector<uint32_t> before(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(depth));
  for (size_t i = 0; i < depth; ++i) order[i] = before[chosen[i]];
  return ok_status();
}

}  // namespace tau::memory
