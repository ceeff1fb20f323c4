// How a memory lies in its table: the columns that are read, and the forms of tags and of keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

// The start of a query of whole memories; what follows begins with a space. Table m is memories, s its
// scopes. A macro, for the statement cache knows texts by their address.
#define TAU_MEMORY_COLUMNS                                                                                   \
  "m.id, m.change, m.revision, m.name, m.type, m.importance, m.time_ms, m.position, m.valid_from_ms,"        \
  " m.valid_to_ms, m.valid_to_before_ms, m.superseded_ms, m.created_ms, m.updated_ms, m.forgotten_ms,"       \
  " m.integrity, m.readers, m.principal, m.policy_epoch, m.scanned_epoch, m.thread, m.subject, m.predicate," \
  " m.object, m.source, m.tags, m.attributes, m.text, m.scope, m.supersedes"
inline constexpr int kMemoryScopeColumn = 28;
inline constexpr int kMemorySupersedesColumn = 29;
inline constexpr int kMemoryColumns = 30;

// All but the scope.
MemoryRow memory_at(const Statement& q);

// Of a query that begins with source, target, relation, weight, created_ms.
MemoryEdge memory_edge_at(const Statement& q);

// Tags as one text in which each stands between two separators.
inline constexpr char kTagSeparator = '\x1f';
std::string join_tags(const std::vector<std::string>& tags);
std::vector<std::string> split_tags(std::string_view joined);

// Vectors of a space lie together.
inline constexpr int64_t kVectorKeys = int64_t{1} << 40;  // of one space
inline int64_t vector_key(int64_t space, int64_t row) { return space * kVectorKeys + row; }

}  // namespace tau::store
