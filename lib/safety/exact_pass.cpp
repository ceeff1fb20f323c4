#include "safety/exact_pass.h"

#include <algorithm>

namespace tau::safety {
namespace {

constexpr size_t kSlice = 64 << 10;  // candidates are settled slice by slice, so that few are ever kept

}  // namespace

uint64_t ExactPass::held_from() const {
  const uint64_t reach = secrets_->max_offset();
  uint64_t from = position_ > reach ? position_ - reach : 0;
  for (const ExactSet::Candidate& candidate : pending_) from = std::min(from, candidate.begin);
  return from;
}

void ExactPass::advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out) {
  const auto settle = [&](const ExactSet::Candidate& candidate) {
    const auto at = static_cast<size_t>(candidate.begin - base);
    if (text.size() - at < candidate.length) return complete;  // it was cut off
    uint32_t secret = 0;
    if (secrets_->confirm(candidate, text.substr(at, candidate.length), &secret))
      out.push_back({.begin = candidate.begin,
                     .end = candidate.begin + candidate.length,
                     .rank = kSecretRank,
                     .fingerprint = secrets_->fingerprint_of(secret),
                     .confidence = Confidence::kCertain,
                     .subject = &secrets_->id_of(secret)});
    return true;
  };
  std::erase_if(pending_, settle);
  auto from = static_cast<size_t>(position_ - base);
  while (from + ExactSet::kWindow <= text.size()) {
    const size_t end = std::min(text.size(), from + kSlice);
    from = secrets_->find_candidates(text.substr(0, end), from, base, pending_);
    if (!pending_.empty()) std::erase_if(pending_, settle);
  }
  if (complete) pending_.clear();
  position_ = base + from;
}

}  // namespace tau::safety
