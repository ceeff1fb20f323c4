// The full-text index of memories: what is written to it, and what it is asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

// The words of one memory as the index has them.
struct MemoryWords {
  int64_t scope = 0;
  std::string text;
  std::string tags;  // joined
};

// Gathers what a transaction changes and writes it at its end: the index makes a segment of its own at every
// savepoint, and so of every batch, when it is written in between. New memories wait for others, for the
// segment of a single one costs as much as one of many; what asks for words looks at them by itself.
class MemoryIndexing {
 public:
  explicit MemoryIndexing(Connection& db) : db_(db) {}

  // The words of this memory were `old`, null where it had none in the index, and may be others now. Of
  // several calls in one transaction the first one counts.
  void note(int64_t row, const MemoryWords* old);
  // Memories up to `indexed` have their words in the index, those up to `last` exist: the new `indexed`.
  StatusOr<int64_t> finish(int64_t indexed, int64_t last);
  void forget() { changed_.clear(); }

 private:
  struct Change {
    bool indexed = false;
    MemoryWords old;
  };
  Status write(int64_t indexed);
  Status write_late(int64_t indexed, int64_t last);

  Connection& db_;
  std::map<int64_t, Change> changed_;  // by row: the index likes them in order
};

// In a transaction of its own.
Status unindex_memory(Connection& db, int64_t row, const MemoryWords& words);

// Segments of the index keep words that were taken out of it until they are merged. Merges some of them;
// false when nothing is left to merge. Each call in a transaction of its own, `first` for the first one.
StatusOr<bool> merge_words(Connection& db, bool first);
// After the last of them, in its transaction: merges make levels, and an index that has too many is damaged.
Status flatten_words(Connection& db);

// Rows of these scopes (numbers as in the database) that are not forgotten: the best first, but before them
// those that are not in the index yet.
StatusOr<std::vector<int64_t>> match_words(Connection& db, const std::vector<int64_t>& scopes,
                                           const Memories::Match& match, size_t limit);

}  // namespace tau::store
