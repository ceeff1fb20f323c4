#include "memory/documents_names.h"

#include <algorithm>

namespace tau::memory {

uint32_t DocumentNames::find(std::string_view name) const {
  const uint32_t in_base = base_.find(name);
  if (in_base != kNoString || numbers_.empty()) return in_base;
  const auto found = numbers_.find(std::string(name));
  return found == numbers_.end() ? kNoString : found->second;
}

uint32_t DocumentNames::number(std::string_view name) {
  const uint32_t in_base = base_.find(name);
  if (in_base != kNoString) return in_base;
  const auto [at, is_new] = numbers_.try_emplace(std::string(name), size());
  if (is_new) {
    added_.push_back(&at->first);
    bytes_ += name.size() + 96;  // with its node and pointer
  }
  return at->second;
}

std::vector<bool> DocumentNames::with_prefix(std::string_view prefix) const {
  std::vector<bool> found(size());
  const SegmentStrings::Range range = base_.with_prefix(prefix);
  for (uint32_t i = range.begin; i < range.end; ++i) found[i] = true;
  for (size_t i = 0; i < added_.size(); ++i) found[base_.size() + i] = added_[i]->starts_with(prefix);
  return found;
}

std::vector<uint32_t> DocumentNames::save(SegmentWriter& writer, uint32_t section,
                                          const std::vector<bool>& used) const {
  std::vector<uint32_t> kept;
  for (uint32_t i = 0; i < size(); ++i)
    if (used[i]) kept.push_back(i);
  std::sort(kept.begin(), kept.end(), [&](uint32_t a, uint32_t b) { return at(a) < at(b); });
  std::vector<std::string_view> sorted;
  std::vector<uint32_t> numbers(size(), kNoString);
  for (const uint32_t old : kept) {
    numbers[old] = static_cast<uint32_t>(sorted.size());
    sorted.push_back(at(old));
  }
  write_strings(writer, section, sorted);
  return numbers;
}

}  // namespace tau::memory
