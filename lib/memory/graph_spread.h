// Graph spread for search: what is related to what was found is worth something too.
//
//   score(v) = min(1, sum over seeds s != v of
//                     score(s) * importance(s) * importance(v) * max over paths s…v of
//                     product of weights * damping^(hops - 1))
//
// Of the paths from one seed only the strongest counts: a stronger one that is found later takes the place of
// the weaker, it does not come on top. Relations are taken either way. No weight or no importance: nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "base/base.h"
#include "store/store.h"

namespace tau::memory {

class SpreadSource {
 public:
  virtual ~SpreadSource() = default;
  // Relations of these rows, either way; what leads out of the scopes that may be read is left out.
  virtual StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) = 0;
  // Within 0 to 1; 0 of a row that is not there, or may not be found.
  virtual double importance(int64_t row) = 0;
};

struct SpreadScore {
  int64_t row = 0;
  double score = 0;
};

struct SpreadOptions {
  int depth = 2;         // relations that a path has at the most
  double damping = 0.5;  // of every relation after the first
  // Rows that one step goes on from: those that are reached most strongly, lower rows first among equals.
  size_t max_frontier = 256;
  size_t max_edges = 65'536;  // looked at in all, the heaviest first
};

// Rows by number, each once, with a score above 0. Seeds get what other seeds give them. The order of seeds
// and of relations does not matter, not even to the last bit; a seed that is named twice counts once, with
// its higher score. The source is asked once for each step.
StatusOr<std::vector<SpreadScore>> spread(const std::vector<SpreadScore>& seeds, SpreadSource& source,
                                          const SpreadOptions& options);

}  // namespace tau::memory
