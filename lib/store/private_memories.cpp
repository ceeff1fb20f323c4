// One connection and one mutex: whoever asks waits for whoever writes.
#include "store/private_memories.h"

#include "store/schema.h"

namespace tau::store {

// Under the mutex. The whole schema, for a migration may build on any other.
StatusOr<Connection*> PrivateMemories::open() {
  if (db_ != nullptr) {
    // Of somebody who had no memory to end it.
    if (db_->in_transaction()) TAU_RETURN_IF_ERROR(db_->exec("ROLLBACK"));
    return db_.get();
  }
  TAU_ASSIGN_OR_RETURN(auto db, Connection::open(":memory:", {.vfs = {}}));
  TAU_RETURN_IF_ERROR(db->exec("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY"));
  for (const char* const migration : kMigrations) TAU_RETURN_IF_ERROR(db->exec(migration));
  db_ = std::move(db);
  return db_.get();
}

Status PrivateMemories::read(Query query) {
  const std::lock_guard lock(mutex_);
  TAU_ASSIGN_OR_RETURN(Connection* const db, open());
  return query(*db);
}

Status PrivateMemories::write(Query work) {
  const std::lock_guard lock(mutex_);
  return transact(work);
}

Status PrivateMemories::transact(Query& work) {
  TAU_ASSIGN_OR_RETURN(Connection* const db, open());
  TAU_RETURN_IF_ERROR(db->exec("BEGIN"));
  Status status = work(*db);
  if (status.ok()) status = db->exec("COMMIT");
  if (!status.ok() && db->in_transaction()) (void)db->exec("ROLLBACK");
  return status;
}

Status PrivateMemories::apply(const std::vector<MemoryEdit>& edits) {
  return write([&](Connection& db) -> Status {
    MemoryRows rows(db);
    TAU_RETURN_IF_ERROR(rows.apply(edits));
    return rows.finish();
  });
}

StatusOr<int64_t> PrivateMemories::newest_change() {
  const std::lock_guard lock(mutex_);
  if (db_ == nullptr) return 0;
  Statement& query = db_->prepare("SELECT last_change FROM memory_state");
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const int64_t change = row ? query.integer(0) : 0;
  query.reset();
  return change;
}

}  // namespace tau::store
