// Turns a Batch into rows, inside the transaction of the writer that calls it.
#pragma once

#include <string>
#include <string_view>

#include "store/by_name.h"
#include "store/chain.h"
#include "store/memory_rows.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "store/usage_rows.h"

namespace tau::store {

// Bodies longer than this are kept in the blob table.
inline constexpr size_t kInlineBodyBytes = 8192;

class Applier {
 public:
  explicit Applier(Connection& db) : db_(db), usage_(db), memories_(db) {}

  // At the start of each transaction: forgets what another process may have changed.
  Status begin();
  // All of the batch or nothing of it. `lsn` is that of the last row, 0 without rows.
  Status apply(const Batch& batch, Lsn* lsn);
  // What the batches left for the end of the transaction, before it is committed.
  Status finish() { return memories_.finish(); }
  // After a rollback of the whole transaction.
  void forget() {
    heads_.clear();
    usage_.forget();
    memories_.forget();
  }

 private:
  // Where a run stands: the chain is extended from here.
  struct Head {
    int64_t run = 0;  // runs.id
    int64_t next_seq = 0;
    Digest chain{};
  };

  void forget(std::string_view run_id);
  Status apply_all(const Batch& batch, Lsn* lsn);
  Status check_fence(const Lease& lease);
  StatusOr<Head*> head_of(std::string_view run_id);
  Status insert_run(const RunRecord& run);
  Status update_run(const RunRecord& run);
  StatusOr<Lsn> append_row(const JournalRow& row);
  StatusOr<int64_t> store_blob(const Digest& digest, std::string_view bytes);
  Status append_entry(const EntryRow& entry);

  Connection& db_;
  ByName<Head> heads_;
  UsageRows usage_;
  MemoryRows memories_;
  int64_t data_version_ = -1;
};

// INVALID_ARGUMENT "invalid_entry" for an entry without a name or an owner.
Status check_names(const EntryRow& entry);

// Inserts a session record, or updates all but its origin and age. FAILED_PRECONDITION "no_such_entry" for a
// head that names no entry.
Status put_session(Connection& db, const SessionRecord& session);

}  // namespace tau::store
