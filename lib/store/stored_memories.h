// Memories in a database, whoever holds it: the reads and the steps of what waits.
#pragma once

#include <mutex>
#include <utility>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

class StoredMemories : public Memories {
 public:
  StatusOr<std::vector<MemoryScopeRecord>> scopes(const MemoryFilter& filter) override;
  StatusOr<std::vector<std::string>> workspaces() override;
  Status visit_changes(int64_t scope_key, int64_t after, int64_t space, MemoryVisitor& visitor) override;
  StatusOr<MemoryRow> load(const MemoryRef& ref, bool forgotten) override;
  StatusOr<std::vector<MemoryRow>> named(std::string_view workspace, std::string_view id,
                                         bool forgotten) override;
  StatusOr<std::vector<MemoryRow>> load_rows(const std::vector<int64_t>& rows) override;
  StatusOr<std::vector<MemoryRow>> list(const MemoryFilter& filter, int64_t after, size_t limit) override;
  StatusOr<std::vector<MemoryRow>> list_newest(const MemoryFilter& filter, int64_t before_ms,
                                               int64_t before_row, size_t limit) override;
  StatusOr<int64_t> count(const MemoryFilter& filter) override;
  StatusOr<std::vector<MemoryUses>> uses(const std::vector<int64_t>& rows) override;
  StatusOr<std::vector<MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit,
                                          const MemoryFilter& scopes) override;
  StatusOr<std::vector<MemoryEdge>> list_edges(const MemoryFilter& filter, const MemoryEdge& after,
                                               size_t limit) override;
  StatusOr<std::vector<int64_t>> match(const std::vector<int64_t>& scope_keys, const Match& match,
                                       size_t limit) override;
  StatusOr<int64_t> space(std::string_view model, int64_t dimensions) override;
  StatusOr<std::vector<MemoryRow>> without_vector(std::string_view workspace, int64_t space, int64_t after,
                                                  size_t limit) override;
  StatusOr<int64_t> count_without_vector(const MemoryFilter& scopes, int64_t space) override;
  Status drop_space(int64_t space) override;
  StatusOr<int64_t> purge(const std::vector<MemoryRef>& refs) override;
  StatusOr<int64_t> purge_all(const MemoryFilter& filter) override;

 protected:
  using Query = UniqueFunction<Status(Connection& db)>;
  // Runs it on a connection that reads; again when what it read did not fit together.
  virtual Status read(Query query) = 0;
  // Runs it as a transaction, and waits until that is durable.
  virtual Status write(Query work) = 0;
  // What was erased leaves the WAL too.
  virtual Status empty_wal() = 0;

 private:
  template <class T, class F>
  StatusOr<T> ask(F query) {
    T out{};
    TAU_RETURN_IF_ERROR(read([&](Connection& db) -> Status {
      TAU_ASSIGN_OR_RETURN(out, query(db));
      return ok_status();
    }));
    return out;
  }
  Status erase_words(bool purged);

  std::mutex erasing_;  // two merges of the index at once would only hinder each other
};

}  // namespace tau::store
