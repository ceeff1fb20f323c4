#include "store/prune.h"

#include "store/edit.h"
#include "store/lease.h"

namespace tau::store {
namespace {

constexpr int64_t kPage = 256;  // candidates looked at together
constexpr int64_t kReservePages = 512;

struct Candidate {
  std::string id;
  int64_t updated_ms = 0;
};

// The oldest sessions after the first `skip` of them.
StatusOr<std::vector<Candidate>> oldest(Connection& db, int64_t skip) {
  Statement& query =
      db.prepare("SELECT id, updated_ms FROM sessions ORDER BY updated_ms, id LIMIT ?1 OFFSET ?2");
  query.bind(kPage, skip);
  std::vector<Candidate> out;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back({query.text(0), query.integer(1)});
  }
  query.reset();
  return out;
}

StatusOr<bool> must_go(Connection& db, const Retention& retention, int64_t now_ms, int64_t updated_ms) {
  if (retention.max_age_ms > 0 && updated_ms < now_ms - retention.max_age_ms) return true;
  if (retention.max_bytes <= 0) return false;
  TAU_ASSIGN_OR_RETURN(const int64_t bytes, bytes_in_use(db));
  return bytes > retention.max_bytes;
}

}  // namespace

StatusOr<int64_t> bytes_in_use(Connection& db) {
  TAU_ASSIGN_OR_RETURN(const int64_t pages, db.query_integer("PRAGMA page_count"));
  TAU_ASSIGN_OR_RETURN(const int64_t free, db.query_integer("PRAGMA freelist_count"));
  TAU_ASSIGN_OR_RETURN(const int64_t size, db.query_integer("PRAGMA page_size"));
  return (pages - free) * size;
}

StatusOr<bool> prune_sessions(Connection& db, const Owners& owners, const Retention& retention,
                              int64_t now_ms, size_t limit, Pruned* pruned) {
  pruned->spared = 0;
  for (size_t removed = 0;;) {
    TAU_ASSIGN_OR_RETURN(const auto candidates, oldest(db, pruned->spared));
    for (const Candidate& candidate : candidates) {
      TAU_ASSIGN_OR_RETURN(const bool goes, must_go(db, retention, now_ms, candidate.updated_ms));
      if (!goes) return false;
      TAU_ASSIGN_OR_RETURN(const bool owned, is_owned(db, format("session:{}", candidate.id), owners));
      if (owned) {
        ++pruned->spared;
        continue;
      }
      if (removed == limit) return true;
      TAU_RETURN_IF_ERROR(remove_session_rows(db, candidate.id));
      pruned->removed.emplace_back(candidate.id);
      ++removed;
    }
    if (candidates.size() < static_cast<size_t>(kPage)) return false;
  }
}

StatusOr<bool> shrink(Connection& db) {
  TAU_ASSIGN_OR_RETURN(const int64_t before, db.query_integer("PRAGMA freelist_count"));
  if (before <= kReservePages) return false;
  TAU_RETURN_IF_ERROR(db.exec("PRAGMA incremental_vacuum(2048)"));
  TAU_ASSIGN_OR_RETURN(const int64_t after, db.query_integer("PRAGMA freelist_count"));
  return after < before && after > kReservePages;
}

}  // namespace tau::store
