#include "observe/latency.h"

#include <algorithm>
#include <bit>

namespace tau::observe {

Latency::Place Latency::place(uint64_t value) {
  constexpr uint64_t kSteps = uint64_t{1} << kBits;
  if (value < kSteps) return {0, static_cast<size_t>(value)};
  const auto octave = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
  return {octave + 1, static_cast<size_t>((value >> octave) - kSteps)};
}

uint64_t Latency::top(Place place) {
  if (place.page == 0) return place.slot;
  const auto octave = static_cast<unsigned>(place.page) - 1;
  const uint64_t least = (static_cast<uint64_t>(place.slot) + (uint64_t{1} << kBits)) << octave;
  return least + ((uint64_t{1} << octave) - 1);
}

uint64_t Latency::bucket_top(uint64_t value) { return top(place(value)); }

void Latency::add(uint64_t value) {
  const Place at = place(value);
  std::unique_ptr<Page>& page = pages_[at.page];
  if (page == nullptr) page = std::make_unique<Page>();
  ++(*page)[at.slot];
  ++count_;
  sum_ = sum_ > UINT64_MAX - value ? UINT64_MAX : sum_ + value;
  least_ = std::min(least_, value);
  most_ = std::max(most_, value);
}

uint64_t Latency::percentile(unsigned percent) const {
  if (count_ == 0) return 0;
  // ceil(count * percent / 100) without overflow.
  uint64_t rank = count_ / 100 * percent + (count_ % 100 * percent + 99) / 100;
  for (size_t page = 0; page < kPages; ++page) {
    if (pages_[page] == nullptr) continue;
    for (size_t slot = 0; slot < pages_[page]->size(); ++slot) {
      const uint64_t here = (*pages_[page])[slot];
      if (rank <= here) return std::min(top({page, slot}), most_);
      rank -= here;
    }
  }
  return most_;
}

}  // namespace tau::observe
