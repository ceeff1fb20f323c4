// Memories of a store without a disk: a database of their own in memory, made when something is remembered.
#pragma once

#include <memory>
#include <mutex>

#include "store/memory_rows.h"
#include "store/stored_memories.h"

namespace tau::store {

class PrivateMemories final : public StoredMemories {
 public:
  // All of the edits or nothing.
  Status apply(const std::vector<MemoryEdit>& edits);
  StatusOr<int64_t> newest_change() override;

 protected:
  Status read(Query query) override;
  Status write(Query work) override;
  Status empty_wal() override { return ok_status(); }

 private:
  StatusOr<Connection*> open();
  Status transact(Query& work);

  std::mutex mutex_;
  std::unique_ptr<Connection> db_;  // under mutex_, as all that is done with it
};

}  // namespace tau::store
