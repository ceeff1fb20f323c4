// Rows of the table of memories as structs.
#include "store/memory_columns.h"

namespace tau::store {

MemoryRow memory_at(const Statement& q) {
  MemoryRow row;
  row.row = q.integer(0);
  row.change = q.integer(1);
  row.revision = q.integer(2);
  row.id = q.text(3);
  row.type = static_cast<uint8_t>(q.integer(4));
  row.importance = q.real(5);
  row.time_ms = q.integer(6);
  row.position = q.integer(7);
  row.valid_from_ms = q.integer(8);
  row.valid_to_ms = q.integer(9);
  row.valid_to_before_ms = q.integer(10);
  row.superseded_ms = q.integer(11);
  row.created_ms = q.integer(12);
  row.updated_ms = q.integer(13);
  row.forgotten_ms = q.integer(14);
  row.provenance = {.integrity = q.bytes(15),
                    .readers = q.bytes(16),
                    .principal = q.bytes(17),
                    .policy_epoch = q.integer(18),
                    .scanned_epoch = q.integer(19)};
  row.thread = q.text(20);
  row.fact = {.subject = q.text(21), .predicate = q.text(22), .object = q.text(23)};
  row.source = q.text(24);
  row.tags = split_tags(q.bytes(25));
  row.attributes = q.text(26);
  row.text = q.text(27);
  return row;
}

MemoryEdge memory_edge_at(const Statement& q) {
  return {.source = q.integer(0),
          .target = q.integer(1),
          .relation = static_cast<uint8_t>(q.integer(2)),
          .weight = q.real(3),
          .created_ms = q.integer(4)};
}

std::string join_tags(const std::vector<std::string>& tags) {
  std::string joined;
  for (const std::string& tag : tags) {
    if (joined.empty()) joined += kTagSeparator;
    joined += tag;
    joined += kTagSeparator;
  }
  return joined;
}

std::vector<std::string> split_tags(std::string_view joined) {
  std::vector<std::string> tags;
  for (size_t at = 1; at < joined.size();) {
    const size_t end = joined.find(kTagSeparator, at);
    tags.emplace_back(joined.substr(at, end - at));
    if (end == joined.npos) break;
    at = end + 1;
  }
  return tags;
}

}  // namespace tau::store
