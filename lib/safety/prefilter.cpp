#include "safety/prefilter.h"

#include <algorithm>

#include "safety/chars.h"

namespace tau::safety {

void Prefilter::add(std::string_view text, bool fold, uint16_t rule) {
  const auto same = [&](const Word& word) { return word.fold == fold && word.text == text; };
  auto at = std::find_if(words_.begin(), words_.end(), same);
  if (at == words_.end()) at = words_.insert(at, {std::string(text), fold, {}});
  if (at->rules.empty() || at->rules.back() != rule) at->rules.push_back(rule);
  longest_ = std::max(longest_, text.size());
}

void Prefilter::build() {
  std::vector<uint16_t> order(words_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint16_t>(i);
  const auto gram_of = [this](uint16_t word) { return gram(words_[word].text.data()); };
  std::stable_sort(order.begin(), order.end(),
                   [&](uint16_t a, uint16_t b) { return gram_of(a) < gram_of(b); });
  offsets_.assign((1U << kBits) + 1, 0);
  bitmap_.fill(0);
  for (const uint16_t word : order) {
    const uint32_t g = gram_of(word);
    bitmap_[g / 64] |= uint64_t{1} << (g % 64);
    ++offsets_[g + 1];
  }
  for (size_t i = 1; i < offsets_.size(); ++i)
    offsets_[i] = static_cast<uint16_t>(offsets_[i] + offsets_[i - 1]);
  members_ = std::move(order);
  members_.push_back(0);  // so that the end of the last list has an address
}

bool Prefilter::matches(const Word& word, std::string_view text) {
  const std::string_view here = text.substr(0, word.text.size());
  const std::string_view wanted = std::string_view(word.text).substr(0, here.size());
  return word.fold ? equal_folded(here, wanted) : here == wanted;
}

}  // namespace tau::safety
