// Keeps the candidates with the largest estimates of all that are offered. A histogram of estimates tells how
// high the bar may be so that enough are at it or above.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "memory/doc_set.h"

namespace tau::memory {

struct VectorCandidate {
  Doc doc = 0;
  int16_t estimate = 0;
};

class Collector {
 public:
  // Estimates are within ±`reach`. Those below `bar` are not wanted; it rises while more than `most` are at
  // it, as far as `highest`.
  Collector(size_t most, int32_t reach, int32_t bar, int32_t highest)
      : most_(most),
        reach_(reach),
        counts_(2 * static_cast<size_t>(reach) + 1),
        bar_(bar),
        highest_(highest) {}

  int32_t bar() const { return bar_; }
  void offer(Doc doc, int16_t estimate) {
    if (estimate < bar_) return;
    found_.push_back({doc, estimate});
    ++counts_[static_cast<size_t>(estimate + reach_)];
    ++above_;
  }
  // To be called now and then.
  void raise() {
    while (bar_ < highest_ && above_ > most_ && above_ - counts_[index(bar_)] >= most_)
      above_ -= counts_[index(bar_++)];
    if (found_.size() > 2 * above_ + kSlack) cut();
  }
  // The highest bar that so many are at or above; bar() when there are not so many.
  int32_t bar_for(size_t wanted) const {
    int32_t bar = bar_;
    for (size_t above = above_; above > wanted && above - counts_[index(bar)] >= wanted;)
      above -= counts_[index(bar++)];
    return bar;
  }
  size_t count() const { return above_; }  // at the bar or above
  // Those at the bar or above, in the order they came in.
  const std::vector<VectorCandidate>& found() {
    cut();
    return found_;
  }

 private:
  static constexpr size_t kSlack = 2048;

  size_t index(int32_t estimate) const { return static_cast<size_t>(estimate + reach_); }
  void cut() {
    if (found_.size() == above_) return;
    std::erase_if(found_, [this](const VectorCandidate& one) { return one.estimate < bar_; });
  }

  size_t most_;
  int32_t reach_;
  std::vector<uint32_t> counts_;
  int32_t bar_;
  int32_t highest_;
  size_t above_ = 0;
  std::vector<VectorCandidate> found_;
};

}  // namespace tau::memory
