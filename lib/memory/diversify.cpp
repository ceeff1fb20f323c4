// Choosing hits that differ.
#include "memory/diversify.h"

#include <algorithm>

#include "memory/text_analysis.h"
#include "memory/vectors.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxTextBytes = 16'384;

}  // namespace

void DiverseItem::read(std::string_view text) {
  terms.clear();
  Analyzer().analyze(truncate_utf8(text, kMaxTextBytes), &terms);
  std::ranges::sort(terms);
  terms.erase(std::ranges::unique(terms).begin(), terms.end());
}

double likeness(const DiverseItem& a, const DiverseItem& b) {
  if (!a.vector.empty() && !b.vector.empty()) {
    const auto value = cosine(a.vector, b.vector);
    return value.ok() ? std::clamp(static_cast<double>(*value), 0.0, 1.0) : 0;
  }
  size_t shared = 0;
  for (size_t i = 0, j = 0; i < a.terms.size() && j < b.terms.size();) {
    if (a.terms[i] == b.terms[j]) ++shared;
    const bool step_a = a.terms[i] <= b.terms[j];
    if (a.terms[i] >= b.terms[j]) ++j;
    if (step_a) ++i;
  }
  const size_t all = a.terms.size() + b.terms.size() - shared;
  return all == 0 ? 0 : static_cast<double>(shared) / static_cast<double>(all);
}

std::vector<size_t> diverse_order(const std::vector<DiverseItem>& items, double diversity) {
  std::vector<size_t> left(items.size());
  for (size_t i = 0; i < left.size(); ++i) left[i] = i;
  double best_score = 0;
  for (const DiverseItem& item : items) best_score = std::max(best_score, item.score);
  std::vector<double> closest(items.size(), 0);
  std::vector<size_t> order;
  while (!left.empty()) {
    const auto value = [&](size_t i) {
      const double score = best_score > 0 ? items[i].score / best_score : 0;
      return (1 - diversity) * score - diversity * closest[i];
    };
    size_t best = 0;
    for (size_t i = 1; i < left.size(); ++i)
      if (value(left[i]) > value(left[best])) best = i;
    const size_t chosen = left[best];
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    order.push_back(chosen);
    for (const size_t i : left) closest[i] = std::max(closest[i], likeness(items[i], items[chosen]));
  }
  return order;
}

}  // namespace tau::memory
