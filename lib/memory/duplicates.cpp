#include "memory/duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "memory/decay.h"
#include "memory/types.h"

namespace tau::memory {
namespace {

constexpr size_t kSimhashBlocks = 4;  // one of them is equal when at most three bits differ
constexpr size_t kKeys = 2 + kBands + kSimhashBlocks;
constexpr size_t kKeyOfText = 0;
constexpr size_t kKeyOfWords = 1;

uint64_t joined(uint64_t a, uint64_t b) {
  const uint64_t parts[] = {a, b};
  return hash_of({reinterpret_cast<const char*>(parts), sizeof parts});
}

// One of the buckets that a row is in. Rows without a bucket in common are never compared.
uint64_t bucket(const DuplicateSketch& sketch, size_t key) {
  const TextPrint& print = sketch.print;
  const uint64_t salt = sketch.group + key;
  if (key == kKeyOfText) return joined(salt, print.plain);
  const uint64_t near = joined(salt, print.guards);
  if (key == kKeyOfWords) return joined(near, print.words);
  if (key < 2 + kBands) return joined(near, print.bands[key - 2]);
  return joined(near, print.simhash >> (16 * (key - 2 - kBands)) & 0xffff);
}

// The buckets that a row shares with another one, as bits.
using Shared = uint32_t;
static_assert(kKeys <= 32);

bool is_simhash(size_t key) { return key >= 2 + kBands; }

int bits_apart(const DuplicateSketch& a, const DuplicateSketch& b) {
  return std::popcount(a.print.simhash ^ b.print.simhash);
}

// Buckets of texts that are nearly the same. Two with as many words are the same words or no duplicates, and
// a short one has no word to spare.
bool is_near(size_t key) { return key > kKeyOfWords; }
bool may_be_near(const DuplicateSketch& sketch) { return sketch.print.word_count >= kWordsForOneMore; }
bool may_be_near(const DuplicateSketch& a, const DuplicateSketch& b) {
  const auto [fewer, more] = std::minmax(a.print.word_count, b.print.word_count);
  return fewer < more && more - fewer <= fewer / kWordsForOneMore;
}

// Of rows in one bucket of SimHash, where there are many that are not close, those that are close to any
// other one. What goes later takes no mark from what stays: marks are of pairs.
void mark_close(const std::vector<DuplicateSketch>& sketches,
                std::span<const std::pair<uint64_t, uint32_t>> run, const DuplicateOptions& options,
                Shared bit, std::vector<Shared>& shared) {
  constexpr size_t kMostCompared = 4'096;  // of more, all count as close
  for (size_t i = 0; i < run.size(); ++i) {
    const uint32_t a = run[i].second;
    if (run.size() > kMostCompared && may_be_near(sketches[a])) shared[a] |= bit;
    if (run.size() > kMostCompared || !may_be_near(sketches[a])) continue;
    for (size_t j = i + 1; j < run.size(); ++j) {
      const uint32_t b = run[j].second;
      if (bits_apart(sketches[a], sketches[b]) > options.max_simhash_bits) continue;
      if (!may_be_near(sketches[a], sketches[b])) continue;
      shared[a] |= bit;
      shared[b] |= bit;
    }
  }
}

std::vector<Shared> shared_buckets(const std::vector<DuplicateSketch>& sketches,
                                   const DuplicateOptions& options) {
  std::vector<Shared> shared(sketches.size(), 0);
  std::vector<std::pair<uint64_t, uint32_t>> order(sketches.size());
  for (size_t key = 0; key < kKeys; ++key) {
    const Shared bit = Shared{1} << key;
    for (size_t i = 0; i < sketches.size(); ++i)
      order[i] = {bucket(sketches[i], key), static_cast<uint32_t>(i)};
    std::sort(order.begin(), order.end());
    for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      while (end < order.size() && order[end].first == order[begin].first) ++end;
      if (end - begin == 1) continue;
      if (is_simhash(key)) {
        mark_close(sketches, std::span(order).subspan(begin, end - begin), options, bit, shared);
        continue;
      }
      for (size_t i = begin; i < end; ++i)
        if (!is_near(key) || may_be_near(sketches[order[i].second])) shared[order[i].second] |= bit;
    }
  }
  return shared;
}

// What is kept before what may be lost.
bool comes_first(const DuplicateSketch& a, const DuplicateSketch& b) {
  return std::tie(a.group, b.importance, a.created_ms, a.row) <
         std::tie(b.group, a.importance, b.created_ms, b.row);
}

// Everything that must be equal but the text, each part with its length: no two different ones read alike.
std::string group_key(const store::MemoryRow& row) {
  std::string key;
  const auto part = [&](std::string_view text) { (key += format("{}:", text.size())) += text; };
  for (const std::string_view text :
       {row.scope.workspace.view(), row.scope.channel.view(), row.scope.actor.view(),
        std::string_view(row.fact.subject), std::string_view(row.fact.predicate),
        std::string_view(row.fact.object), row.provenance.integrity.view(), row.provenance.readers.view(),
        std::string_view(row.thread)})
    part(text);
  key += format("{},{},{}", row.type, row.valid_from_ms, row.valid_to_ms);
  if (!row.thread.empty()) key += format(",{},{},{}", row.time_ms, row.position, row.source);
  if (row.type == static_cast<uint8_t>(Type::kEvent)) key += format(",{}", row.time_ms / kDayMs);
  return key;
}

struct Known {  // a row whose text was loaded
  std::string group;
  TextForm form;
  std::vector<uint64_t> shingles;
};

// The texts that were looked at last.
class Texts {
 public:
  explicit Texts(DuplicateSource& source) : source_(source) {}

  Status load(const std::vector<int64_t>& rows) {
    std::vector<int64_t> missing;
    for (const int64_t row : rows)
      if (!known_.contains(row)) missing.push_back(row);
    for (size_t at = 0; at < missing.size(); at += DuplicateSource::kMaxRows) {
      const size_t end = std::min(missing.size(), at + DuplicateSource::kMaxRows);
      const auto first = missing.begin();
      TAU_ASSIGN_OR_RETURN(
          const std::vector<store::MemoryRow> loaded,
          source_.rows({first + static_cast<ptrdiff_t>(at), first + static_cast<ptrdiff_t>(end)}));
      for (const store::MemoryRow& row : loaded) take(row);
    }
    return ok_status();
  }
  StatusOr<const Known*> get(int64_t row) {
    if (!known_.contains(row)) TAU_RETURN_IF_ERROR(load({row}));
    const auto at = known_.find(row);
    return at == known_.end() ? nullptr : &at->second;
  }
  // Before a new step; what is returned by get() lives until here.
  void make_room() {
    for (; known_.size() > kMost && !order_.empty(); order_.pop_front()) known_.erase(order_.front());
  }

 private:
  static constexpr size_t kMost = 8'192;

  void take(const store::MemoryRow& row) {
    if (!known_.contains(row.row)) order_.push_back(row.row);
    Known& known = known_[row.row];
    known.group = group_key(row);
    known.form = form_of(row.text);
    known.shingles = shingles_of(known.form);
  }

  DuplicateSource& source_;
  std::unordered_map<int64_t, Known> known_;
  std::deque<int64_t> order_;
};

std::optional<Duplicate> same(const Known& a, const Known& b, const DuplicateOptions& options) {
  if (a.group != b.group) return std::nullopt;
  if (a.form.plain == b.form.plain) return Duplicate{0, 0, Likeness::kSameText, 1};
  if (a.form.guards != b.form.guards) return std::nullopt;
  if (a.form.words == b.form.words) return Duplicate{0, 0, Likeness::kSameWords, 1};
  const double near = overlap(a.shingles, b.shingles);
  if (near < options.min_overlap || !words_agree(a.form, b.form) || !capitals_agree(a.form, b.form))
    return std::nullopt;
  return Duplicate{0, 0, Likeness::kNearText, near};
}

std::optional<Duplicate> near_vector(const Known& a, const Known& b, double cosine,
                                     const DuplicateOptions& options) {
  constexpr double kMinWords = 0.5;
  if (!(cosine >= options.min_cosine) || a.group != b.group) return std::nullopt;
  if (a.form.guards != b.form.guards || !capitals_agree(a.form, b.form)) return std::nullopt;
  if (word_overlap(a.form, b.form) < kMinWords) return std::nullopt;
  if (options.vectors_of_words && !words_agree(a.form, b.form)) return std::nullopt;
  return Duplicate{0, 0, Likeness::kNearVector, std::min(cosine, 1.0)};
}

// Goes through the rows of one group after the other, those that are kept first.
class Finder {
 public:
  Finder(const std::vector<DuplicateSketch>& sketches, const std::vector<Shared>& shared,
         DuplicateSource& source, const DuplicateOptions& options)
      : sketches_(sketches), shared_(shared), source_(source), options_(options), texts_(source) {}

  Status next(size_t at) {
    const DuplicateSketch& sketch = sketches_[at];
    if (sketch.group != group_) {
      group_ = sketch.group;
      kept_.clear();
      numbers_.clear();
      attributes_.clear();
    }
    texts_.make_room();
    TAU_ASSIGN_OR_RETURN(const Known* known, texts_.get(sketch.row));
    if (known == nullptr) return ok_status();  // it is gone by now
    TAU_ASSIGN_OR_RETURN(const bool lost, matched(at, *known));
    if (lost) return ok_status();
    numbers_[sketch.row] = at;
    for (size_t key = 0; key < kKeys; ++key)
      if ((shared_[at] >> key & 1) != 0) kept_[bucket(sketch, key)].push_back(static_cast<uint32_t>(at));
    return ok_status();
  }
  Status prefetch(const std::vector<int64_t>& rows) { return texts_.load(rows); }
  std::vector<Duplicate> take() { return std::move(found_); }

 private:
  // The attributes of a row that is kept, with those that it takes over.
  uint64_t& attributes_of(size_t at) {
    return attributes_.try_emplace(at, sketches_[at].attributes).first->second;
  }

  bool attributes_fit(size_t kept, size_t lost) {
    const uint64_t theirs = sketches_[lost].attributes;
    return theirs == 0 || attributes_of(kept) == 0 || attributes_of(kept) == theirs;
  }

  // Kept rows that share a bucket, those that come first first.
  std::vector<uint32_t> candidates(size_t at) const {
    constexpr size_t kMostLooked = 1'024;  // of one bucket
    std::vector<uint32_t> all;
    for (size_t key = 0; key < kKeys; ++key) {
      if ((shared_[at] >> key & 1) == 0) continue;
      const auto there = kept_.find(bucket(sketches_[at], key));
      if (there == kept_.end()) continue;
      size_t taken = 0;
      size_t looked = 0;
      for (const uint32_t kept : there->second) {
        if (++looked > kMostLooked || taken == options_.max_compared) break;
        if (is_near(key) && !may_be_near(sketches_[kept], sketches_[at])) continue;
        if (is_simhash(key) && bits_apart(sketches_[kept], sketches_[at]) > options_.max_simhash_bits)
          continue;
        all.push_back(kept);
        ++taken;
      }
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  StatusOr<bool> matched(size_t at, const Known& known) {
    for (const uint32_t kept : candidates(at)) {
      TAU_ASSIGN_OR_RETURN(const Known* other, texts_.get(sketches_[kept].row));
      if (other == nullptr) continue;
      if (const auto found = same(*other, known, options_); found && accept(kept, at, *found)) return true;
    }
    if (!source_.has_vectors()) return false;
    TAU_ASSIGN_OR_RETURN(auto nearest, source_.nearest(sketches_[at].row));
    std::vector<std::pair<size_t, double>> order;
    for (const auto& [row, cosine] : nearest)
      if (const auto there = numbers_.find(row); there != numbers_.end())
        order.emplace_back(there->second, cosine);
    std::sort(order.begin(), order.end());
    for (const auto& [kept, cosine] : order) {
      TAU_ASSIGN_OR_RETURN(const Known* other, texts_.get(sketches_[kept].row));
      if (other == nullptr) continue;
      if (const auto found = near_vector(*other, known, cosine, options_); found && accept(kept, at, *found))
        return true;
    }
    return false;
  }

  bool accept(size_t kept, size_t lost, Duplicate found) {
    const int64_t kept_row = sketches_[kept].row;
    const int64_t lost_row = sketches_[lost].row;
    if (!attributes_fit(kept, lost) || source_.related(kept_row, lost_row)) return false;
    if (attributes_of(kept) == 0) attributes_of(kept) = sketches_[lost].attributes;
    found.kept = kept_row;
    found.lost = lost_row;
    found_.push_back(found);
    return true;
  }

  const std::vector<DuplicateSketch>& sketches_;
  const std::vector<Shared>& shared_;
  DuplicateSource& source_;
  const DuplicateOptions& options_;
  Texts texts_;
  uint64_t group_ = 0;
  std::unordered_map<uint64_t, std::vector<uint32_t>> kept_;  // by bucket
  std::unordered_map<int64_t, size_t> numbers_;               // of kept rows
  std::unordered_map<size_t, uint64_t> attributes_;
  std::vector<Duplicate> found_;
};

}  // namespace

Status check(const DuplicateOptions& options) {
  const auto within = [](double value) { return value > 0 && value <= 1; };
  if (!within(options.min_overlap) || !within(options.min_cosine)) {
    return invalid_argument("invalid_duplicates",
                            format("min_overlap {} and min_cosine {}; both are above 0 and at most 1",
                                   options.min_overlap, options.min_cosine));
  }
  if (options.max_simhash_bits < 0 || options.max_simhash_bits > 3 || options.max_compared == 0) {
    return invalid_argument("invalid_duplicates",
                            format("max_simhash_bits {} and max_compared {}; they are 0 to 3 and at least 1",
                                   options.max_simhash_bits, options.max_compared));
  }
  return ok_status();
}

bool sketch_of(const store::MemoryRow& row, DuplicateSketch* sketch) {
  if (row.type == static_cast<uint8_t>(Type::kIdentity) || row.type >= kTypes) return false;
  if (row.forgotten_ms != 0 || row.superseded_ms != store::kEndless) return false;
  const TextForm form = form_of(row.text);
  if (form.words.empty()) return false;
  sketch->row = row.row;
  sketch->created_ms = row.created_ms;
  sketch->importance = row.importance > 0 ? row.importance : 0;
  sketch->group = hash_of(group_key(row));
  sketch->attributes = row.attributes.empty() ? 0 : hash_of(row.attributes) | 1;
  sketch->print = print_of(form);
  return true;
}

std::string_view likeness_name(Likeness likeness) {
  switch (likeness) {
    case Likeness::kSameText: return "same_text";
    case Likeness::kSameWords: return "same_words";
    case Likeness::kNearText: return "near_text";
    case Likeness::kNearVector: return "near_vector";
  }
  return "";
}

StatusOr<std::vector<Duplicate>> find_duplicates(std::vector<DuplicateSketch> sketches,
                                                 DuplicateSource& source, const DuplicateOptions& options) {
  TAU_RETURN_IF_ERROR(check(options));
  std::sort(sketches.begin(), sketches.end(), comes_first);
  const std::vector<Shared> shared = shared_buckets(sketches, options);
  std::vector<size_t> order;
  for (size_t i = 0; i < sketches.size(); ++i)
    if (shared[i] != 0 || source.has_vectors()) order.push_back(i);
  Finder finder(sketches, shared, source, options);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i % DuplicateSource::kMaxRows == 0) {
      std::vector<int64_t> ahead;
      for (size_t j = i; j < std::min(order.size(), i + DuplicateSource::kMaxRows); ++j)
        ahead.push_back(sketches[order[j]].row);
      TAU_RETURN_IF_ERROR(finder.prefetch(ahead));
    }
    TAU_RETURN_IF_ERROR(finder.next(order[i]));
  }
  std::vector<Duplicate> found = finder.take();
  std::sort(found.begin(), found.end(),
            [](const Duplicate& a, const Duplicate& b) { return a.lost < b.lost; });
  return found;
}

}  // namespace tau::memory
