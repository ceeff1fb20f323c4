// The best few of many, by a total order: score downwards, then row upwards. Private to memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tau::memory {

// Of items with a `score` and a `row`.
template <class T>
class BestOf {
 public:
  // Those that score less than `least` are not wanted, whatever else there is.
  explicit BestOf(size_t k, double least = 0) : k_(k), least_(least) { kept_.reserve(2 * k); }

  // What scores less is not among the best.
  double least() const { return least_; }
  void offer(const T& item) {
    if (item.score < least_) return;
    kept_.push_back(item);
    if (kept_.size() >= 2 * k_) cut();
  }
  std::vector<T> take() {
    cut();
    std::ranges::sort(kept_, kRanked);
    return std::move(kept_);
  }

 private:
  // A value, and no function: compilers take it in where they sort.
  static constexpr auto kRanked = [](const T& a, const T& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  };
  void cut() {
    if (kept_.size() <= k_) return;
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(k_) - 1;
    std::ranges::nth_element(kept_, last, kRanked);
    kept_.resize(k_);
    least_ = kept_.back().score;
  }

  size_t k_;
  double least_;
  std::vector<T> kept_;
};

}  // namespace tau::memory
