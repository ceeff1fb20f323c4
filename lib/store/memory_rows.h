// Edits of memories, inside the transaction of the writer that calls it.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "store/memories.h"
#include "store/memory_facts.h"
#include "store/memory_words.h"
#include "store/sqlite.h"

namespace tau::store {

// Counts and the full-text index are written once, at the end of a transaction. Nothing is remembered from
// one transaction to the next: other code and other processes write too.
class MemoryRows {
 public:
  explicit MemoryRows(Connection& db) : db_(db), indexing_(db) {}

  // The edits of one batch, in their order.
  Status apply(const std::vector<MemoryEdit>& edits);
  // What the last apply() did was rolled back.
  void take_back();
  // Before the transaction is committed.
  Status finish();
  // The transaction is over, one way or the other.
  void forget();

 private:
  struct Scope {
    int64_t key = 0;  // 0: there is none, as far as known
    int64_t live = 0;
    int64_t forgotten = 0;
    int64_t change = 0;
    bool changed = false;
  };
  struct Old;
  struct Draft;
  using ScopeName = std::tuple<std::string, std::string, std::string>;

  Status begin();
  StatusOr<Scope*> find_scope(const MemoryScope& name, bool make);
  StatusOr<bool> find(const Scope& scope, std::string_view id, Old* old);
  StatusOr<int64_t> find_live(const MemoryRef& ref, MemoryOutcome* out);
  void touch(Scope& scope);
  int64_t next_change(Scope& scope);
  Status note_change(Scope& scope, int64_t row, int64_t* change);
  void note_words(const Scope& scope, const Old& old);

  Status apply_one(const MemoryEdit& edit, MemoryOutcome& out);
  Status put(const MemoryPut& put, MemoryOutcome& out);
  Status forget_memory(const MemoryForget& forget, MemoryOutcome& out);
  Status relate(const MemoryRelate& relate, MemoryOutcome& out);
  Status put_vector(const MemoryVector& vector, MemoryOutcome& out);
  Status use(const MemoryUse& use, MemoryOutcome& out);

  Status prepare(const MemoryPut& put, const Scope& scope, const Old& old, Draft& draft, FactPlan& plan);
  static void keep_closing(const MemoryRow& now, const Old& old, Draft& draft);
  Status insert(Scope& scope, const MemoryRow& row, Draft& draft);
  Status update(Scope& scope, const MemoryRow& row, Draft& draft, const Old& old);
  static void bind_content(Statement& statement, const MemoryRow& row, const Draft& draft);
  Status begin_anew(int64_t row);
  Status close_facts(Scope& scope, const FactPlan& plan, int64_t row, int64_t recorded_ms, uint8_t relation,
                     const MemoryScope& name, MemoryOutcome& out);
  StatusOr<int64_t> split_fact(Scope& scope, int64_t row, int64_t end_ms, int64_t recorded_ms);
  Status forget_parts(int64_t row, const MemoryForget& whole);
  Status restore_fact(Scope& scope, const Old& old, const MemoryScope& name, MemoryOutcome& out);
  Status drop_vectors(int64_t row);
  StatusOr<bool> write_vector(int64_t row, int64_t space, std::string_view bytes);
  StatusOr<bool> has_space(int64_t space);

  Connection& db_;
  MemoryIndexing indexing_;
  bool begun_ = false;
  int64_t last_row_ = 0;
  int64_t last_change_ = 0;
  int64_t indexed_row_ = 0;
  std::map<ScopeName, Scope, std::less<>> scopes_;
  std::vector<std::pair<Scope*, Scope>> before_;  // of this batch: scopes as they were
  int64_t known_space_ = 0;                       // that is there
};

}  // namespace tau::store
