// What an edit of a memory has to be like, and the labels of one that is written again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/memories.h"

namespace tau::store {

Status invalid_memory(std::string_view id, std::string_view what);
Status check_memory_name(const MemoryScope& scope, std::string_view id);
Status check_memory(const MemoryRow& row);
inline bool is_share(double x) { return x >= 0 && x <= 1; }  // not of NaN

// Sorted, each once, joined to one text.
std::string join_sorted_tags(std::vector<std::string> tags);

// Sources of both, readers no more than either had; who wrote last stands there.
StatusOr<Provenance> join_provenance(const Provenance& old, const Provenance& now);
bool is_same(const Provenance& a, const Provenance& b);

}  // namespace tau::store
