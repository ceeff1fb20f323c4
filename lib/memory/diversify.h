// Hits that do not all say the same (maximal marginal relevance: Carbonell, Goldstein 1998). Private to
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tau::memory {

inline constexpr size_t kDiversified = 50;  // hits from the front; the others stay where they are

struct DiverseItem {
  double score = 0;
  std::string vector;           // as the index keeps it; empty: it has none
  std::vector<uint64_t> terms;  // ascending, each once; for those without

  void read(std::string_view text);  // its terms
};

// 0 to 1: by vectors where both have one, else by the terms that they share (Jaccard).
double likeness(const DiverseItem& a, const DiverseItem& b);
// The order to show them in: each next one has the most of
// (1 - diversity) * score / best score - diversity * likeness to the most alike before it.
// Equal ones stay in their order.
std::vector<size_t> diverse_order(const std::vector<DiverseItem>& items, double diversity);

}  // namespace tau::memory
