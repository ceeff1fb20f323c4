// The tables of a search.
#include "memory/candidates.h"

namespace tau::memory {

size_t PairIndex::slot_of(uint64_t pair) const {
  const size_t mask = table_.size() - 1;
  size_t slot = static_cast<size_t>((pair * 0x9e37'79b9'7f4a'7c15) >> 32) & mask;
  while (table_[slot] != 0 && pairs_[table_[slot] - 1] != pair) slot = (slot + 1) & mask;
  return slot;
}

void PairIndex::grow() {
  table_.assign(table_.size() * 2, 0);
  for (size_t i = 0; i < pairs_.size(); ++i) table_[slot_of(pairs_[i])] = static_cast<uint32_t>(i + 1);
}

size_t PairIndex::find_or_add(uint32_t first, uint32_t second) {
  if (pairs_.size() * 2 >= table_.size()) grow();
  const uint64_t pair = uint64_t{first} << 32 | second;
  uint32_t& number = table_[slot_of(pair)];
  if (number == 0) {
    pairs_.push_back(pair);
    number = static_cast<uint32_t>(pairs_.size());
  }
  return number - 1;
}

size_t Candidates::find_or_add(uint32_t shard, Doc doc, bool* added) {
  const size_t i = index_.find_or_add(shard, doc);
  *added = i == all_.size();
  if (*added) {
    Candidate& candidate = all_.emplace_back();
    candidate.shard = shard;
    candidate.doc = doc;
  }
  return i;
}

}  // namespace tau::memory
