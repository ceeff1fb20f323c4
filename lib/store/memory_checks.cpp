// Checks of edits, and how labels are joined.
#include "store/memory_checks.h"

#include <algorithm>

#include "base/label.h"
#include "store/memory_columns.h"

namespace tau::store {
namespace {

constexpr size_t kMostNameBytes = 4096;  // of a part of a scope, an id, a tag
constexpr uint8_t kTypes = 32;           // as many as a filter can tell apart

bool is_name(std::string_view text) { return !text.empty() && text.size() <= kMostNameBytes; }

bool is_tag(std::string_view tag) {
  return is_name(tag) &&
         std::ranges::none_of(tag, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

StatusOr<Labels> labels_of(const Provenance& p) {
  TAU_ASSIGN_OR_RETURN(Labels labels, parse_integrity(p.integrity));
  if (p.readers == "*") return labels;
  std::vector<std::string> readers;
  for (std::string_view rest = p.readers; !rest.empty();) {
    const size_t comma = rest.find(',');
    readers.emplace_back(rest.substr(0, comma));
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
  }
  labels.restrict_readers(std::move(readers));
  return labels;
}

}  // namespace

Status invalid_memory(std::string_view id, std::string_view what) {
  return invalid_argument("invalid_memory", format("memory {}: {}", id, what));
}

Status check_memory_name(const MemoryScope& scope, std::string_view id) {
  if (!is_name(scope.workspace))
    return invalid_memory(id, "its workspace is empty, or longer than 4096 bytes");
  if (scope.channel.size() > kMostNameBytes || scope.actor.size() > kMostNameBytes)
    return invalid_memory(id, "its channel or actor is longer than 4096 bytes");
  if (!is_name(id)) return invalid_argument("invalid_memory", "the id is empty, or longer than 4096 bytes");
  return ok_status();
}

Status check_memory(const MemoryRow& row) {
  TAU_RETURN_IF_ERROR(check_memory_name(row.scope, row.id));
  if (row.type >= kTypes) return invalid_memory(row.id, format("type {} is none of 0 to 31", row.type));
  if (!is_share(row.importance))
    return invalid_memory(row.id, format("importance {} is not from 0 to 1", row.importance));
  if (!std::ranges::all_of(row.tags, is_tag))
    return invalid_memory(row.id, "a tag is empty, longer than 4096 bytes or has control characters");
  if (row.valid_from_ms != kNoTime && row.valid_to_ms < row.valid_from_ms)
    return invalid_memory(row.id,
                          format("it ends at {} before it begins at {}", row.valid_to_ms, row.valid_from_ms));
  return ok_status();
}

std::string join_sorted_tags(std::vector<std::string> tags) {
  if (!std::ranges::is_sorted(tags)) std::ranges::sort(tags);
  const auto rest = std::ranges::unique(tags);
  tags.erase(rest.begin(), rest.end());
  return join_tags(tags);
}

StatusOr<Provenance> join_provenance(const Provenance& old, const Provenance& now) {
  Provenance out = now;
  if (old.integrity == now.integrity && old.readers == now.readers) return out;
  TAU_ASSIGN_OR_RETURN(Labels labels, labels_of(now));
  TAU_ASSIGN_OR_RETURN(const Labels had, labels_of(old));
  labels.join(had);
  out.integrity = labels.integrity();
  out.readers = labels.readable_by_all() ? Provenance::everyone() : labels.readers();
  return out;
}

bool is_same(const Provenance& a, const Provenance& b) {
  return a.integrity == b.integrity && a.readers == b.readers && a.principal == b.principal &&
         a.policy_epoch == b.policy_epoch && a.scanned_epoch == b.scanned_epoch;
}

}  // namespace tau::store
