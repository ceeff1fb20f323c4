// Memories that say the same: found in two passes, so that a million rows need not be in memory at once. The
// first makes a small sketch of every row; the second looks at the texts of those that might match.
//
// Two memories are duplicates only when they are of one scope, type, fact, time of validity and trust, when
// nobody related them to each other, when numbers, dates, names and negations are the same in the same order,
// and when their words are: the same text but for case and punctuation, the same words but for small ones, or
// nearly all of the text (Jaccard of five-character shingles) with no word that is replaced. Vectors, where
// they are given, may replace words. Identity is never touched. What stands in a thread is a duplicate only
// of what stands at the same place in it, and an event of one of the same day.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "memory/duplicate_text.h"
#include "store/store.h"

namespace tau::memory {

struct DuplicateOptions {
  double min_overlap = 0.8;       // of shingles
  int max_simhash_bits = 3;       // that differ, of a candidate
  double min_cosine = 0.95;       // of a model's vectors; those of hashed n-grams need 0.97
  bool vectors_of_words = false;  // cosines come of hashed n-grams: they cannot tell one word from another
  // Rows that one row is compared with in one bucket; those that stay most surely come first.
  size_t max_compared = 32;
};
Status check(const DuplicateOptions& options);  // INVALID_ARGUMENT "invalid_duplicates"

struct DuplicateSketch {
  int64_t row = 0;
  int64_t created_ms = 0;
  double importance = 0;
  uint64_t group = 0;       // of all that must be equal but the text
  uint64_t attributes = 0;  // 0: none
  TextPrint print;
};
static_assert(sizeof(DuplicateSketch) <= 128);
// False: this one is never a duplicate (identity, forgotten, superseded, without words).
bool sketch_of(const store::MemoryRow& row, DuplicateSketch* sketch);

class DuplicateSource {
 public:
  virtual ~DuplicateSource() = default;
  // Those of these rows that are still there, in any order. At most kMaxRows at a time.
  static constexpr size_t kMaxRows = 512;
  virtual StatusOr<std::vector<store::MemoryRow>> rows(const std::vector<int64_t>& rows) = 0;
  // Whether a relation leads from one to the other, either way.
  virtual bool related(int64_t a, int64_t b) = 0;
  // What is near by its vector, with the cosine; nothing where there are none.
  virtual StatusOr<std::vector<std::pair<int64_t, double>>> nearest(int64_t row) {
    (void)row;
    return std::vector<std::pair<int64_t, double>>();
  }
  virtual bool has_vectors() const { return false; }
};

enum class Likeness : uint8_t { kSameText, kSameWords, kNearText, kNearVector };
std::string_view likeness_name(Likeness likeness);  // "same_text", …

struct Duplicate {
  int64_t kept = 0;
  int64_t lost = 0;
  Likeness likeness = Likeness::kSameText;
  double similarity = 1;
};

// By the row that is lost. The one that is kept is the more important, then the older, then the lower row; it
// is never lost itself. The order of the sketches does not matter, and where what is lost is gone, nothing is
// found any more.
StatusOr<std::vector<Duplicate>> find_duplicates(std::vector<DuplicateSketch> sketches,
                                                 DuplicateSource& source, const DuplicateOptions& options);

}  // namespace tau::memory
