// Latency: how long things took, as counts in buckets: bounded memory, and percentiles that are off by less
// than one part in 128.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace tau::observe {

class Latency {
 public:
  void add(uint64_t value);

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }  // stops at 2^64 - 1
  uint64_t least() const { return count_ == 0 ? 0 : least_; }
  uint64_t most() const { return most_; }
  // The value of nearest rank, ceil(count * percent / 100): exact below 256, else the largest one of its
  // bucket, and never more than most(). 0 when nothing was added. `percent`: 1 to 100.
  uint64_t percentile(unsigned percent) const;

  // The largest value that is counted together with this one.
  static uint64_t bucket_top(uint64_t value);

 private:
  // A page holds the values below 128, or an octave in 128 steps; pages are made when they are needed.
  static constexpr unsigned kBits = 7;
  static constexpr size_t kPages = 64 - kBits + 1;
  using Page = std::array<uint64_t, size_t{1} << kBits>;
  struct Place {
    size_t page;
    size_t slot;
  };
  static Place place(uint64_t value);
  static uint64_t top(Place place);

  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t least_ = UINT64_MAX;
  uint64_t most_ = 0;
  std::array<std::unique_ptr<Page>, kPages> pages_;
};

}  // namespace tau::observe
