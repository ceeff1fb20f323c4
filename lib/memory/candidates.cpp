// The table of candidates.
#include "memory/candidates.h"

namespace tau::memory {

Candidates::Candidates() : table_(4096) { all_.reserve(table_.size() / 2); }

size_t Candidates::slot_of(uint32_t shard, Doc doc) const {
  const size_t mask = table_.size() - 1;
  const uint64_t key = (uint64_t{shard} << 32 | doc) * 0x9e37'79b9'7f4a'7c15;
  size_t slot = static_cast<size_t>(key >> 32) & mask;
  while (table_[slot] != 0 && (all_[table_[slot] - 1].doc != doc || all_[table_[slot] - 1].shard != shard))
    slot = (slot + 1) & mask;
  return slot;
}

void Candidates::grow() {
  table_.assign(table_.size() * 2, 0);
  for (size_t i = 0; i < all_.size(); ++i)
    table_[slot_of(all_[i].shard, all_[i].doc)] = static_cast<uint32_t>(i + 1);
}

size_t Candidates::find_or_add(uint32_t shard, Doc doc, bool* added) {
  if (all_.size() * 2 >= table_.size()) grow();
  uint32_t& index = table_[slot_of(shard, doc)];
  *added = index == 0;
  if (index == 0) {
    all_.push_back({});
    all_.back().shard = shard;
    all_.back().doc = doc;
    index = static_cast<uint32_t>(all_.size());
  }
  return index - 1;
}

}  // namespace tau::memory
