// The store without a disk: the same contract over maps, on the caller's thread.
//
// A session id owns its record, its runs and its entries, so that removing it looks at nothing else. An entry
// outlives its owner while it has children or is the head of another session; a row keeps its body while an
// entry names it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/by_name.h"
#include "store/chain.h"
#include "store/private_memories.h"
#include "store/store.h"

namespace tau::store {

class MemoryStore final : public Store {
 public:
  MemoryStore() = default;

  void append(Batch&& batch, Done done) override;
  Status flush() override { return ok_status(); }
  StatusOr<std::vector<SessionRecord>> list_sessions(size_t limit, std::string_view after_id) override;
  StatusOr<SessionRecord> load_session(std::string_view id) override;
  StatusOr<std::vector<JournalEntry>> load_lineage(std::string_view entry) override;
  StatusOr<RunRecord> load_run(std::string_view id) override;
  StatusOr<std::vector<RunRecord>> list_runs(std::string_view session_id) override;
  StatusOr<std::vector<JournalEntry>> load_journal(std::string_view run_id, int64_t from_seq) override;
  Status fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) override;
  Status remove_session(std::string_view id) override;
  void forget(std::string_view session) override;
  StatusOr<Lease> acquire(const SharedString& resource) override;
  Status release(const Lease& lease) override;
  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override;
  void repay(Repayment repayment, UniqueFunction<void(Status)> done) override;
  StatusOr<std::vector<BudgetRecord>> list_budgets(std::string_view prefix) override;
  Status verify_chain(std::string_view run_id) override;
  StoreStats stats() const override;
  Memories* memories() override { return &memories_; }

 private:
  struct Run;
  struct Entry {
    SharedString name;
    bool owned = true;        // the session that made it exists
    bool named_so = false;    // lives in its row: see names_row()
    Entry* before = nullptr;  // that the same session made; only while it exists
    Entry* parent = nullptr;
    Run* run = nullptr;
    int64_t seq = 0;
    int64_t children = 0;
    int64_t heads = 0;  // sessions that end here

    void clear() { *this = Entry(); }
  };
  struct Row {
    explicit Row(JournalRow&& from) : row(std::move(from)) {}

    JournalRow row;
    Lsn lsn = 0;
    int64_t names = 0;  // entries that are this row
    bool purged = false;
    Digest body{};
    Digest chain{};
    Entry entry = {};  // the one that is named after the row, when there is one
  };
  // The rows of a run; row i has seq i. In chunks, so that growth moves nothing.
  class Rows {
   public:
    int64_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    Row& operator[](int64_t i) {
      return chunks_[static_cast<size_t>(i / kChunk)][static_cast<size_t>(i % kChunk)];
    }
    const Row& operator[](int64_t i) const { return const_cast<Rows&>(*this)[i]; }
    const Row& back() const { return (*this)[size_ - 1]; }
    Row& add(JournalRow&& row) {
      const auto chunk = static_cast<size_t>(size_ / kChunk);
      if (chunk == chunks_.size()) chunks_.emplace_back();
      if (chunks_[chunk].capacity() == 0) chunks_[chunk].reserve(kChunk);
      ++size_;
      return chunks_[chunk].emplace_back(std::move(row));
    }
    void clear() {
      size_ = 0;
      if (chunks_.size() > kKept) chunks_.resize(kKept);
      for (std::vector<Row>& chunk : chunks_) chunk.clear();
    }

   private:
    static constexpr int64_t kChunk = 8;
    static constexpr size_t kKept = 1;  // chunks of a run that is cleared
    std::vector<std::vector<Row>> chunks_;
    int64_t size_ = 0;
  };
  struct Run {
    RunRecord record;
    Rows rows;
    Run* before = nullptr;   // of the same session
    int64_t names = 0;       // entries that are rows of this run
    bool forgotten = false;  // goes with its last name

    void clear() {
      record = RunRecord();
      rows.clear();
      before = nullptr;
      names = 0;
      forgotten = false;
    }
  };
  struct LeaseState {
    int64_t epoch = 0;
    bool held = false;
  };
  // What belongs to a session id; there may be runs, or a lease, before there is a record.
  struct Owner {
    std::optional<SessionRecord> record;
    Run* last_run = nullptr;
    Entry* last_entry = nullptr;
    LeaseState lease;  // of "session:<id>"

    void clear() { *this = Owner(); }
  };

  // Everything is checked first, then applied; only want of memory can fail in between.
  Status check(const Batch& batch) const;
  Status check_rows(const Batch& batch) const;
  Status check_entries(const Batch& batch) const;
  bool has_row(const Batch& batch, const SharedString& run_id, int64_t seq) const;
  static bool in_batch(const Batch& batch, size_t before, const SharedString& name);
  bool has_entry(const Batch& batch, size_t before, const SharedString& name) const;
  Lsn apply(Batch&& batch);
  Run* find_run(const SharedString& id) const;
  Run* find_run(std::string_view id) const;
  Entry* find_entry(const SharedString& name) const;
  Owner* find_owner(std::string_view session) const;
  Owner& owner_of(std::string_view session);
  LeaseState* find_lease(const Lease& lease) const;  // null unless it is held under this epoch
  void append_row(Run& run, JournalRow&& row);
  void put_run(RunRecord&& record);
  void put_session(SessionRecord&& record);
  void put_entry(EntryRow&& row);
  void move_head(const SharedString& from, const SharedString& to);
  static bool names_row(std::string_view name, std::string_view run, int64_t seq);
  Entry* find_in_row(std::string_view name) const;
  Entry* find_entry(std::string_view name) const;
  void free_entries(Entry* last);
  void erase_entry(Entry* entry);
  void remove_owned(Owner& owner);
  void erase_run(Run* run);
  SessionRecord* find_session(std::string_view id);
  static void purge(Row* row);
  static JournalEntry read_back(const Row& row);
  StatusOr<Loan> lend_now(const LoanAsk& ask);
  Status repay_now(const Repayment& repayment);

  mutable std::mutex mutex_;
  ByName<Run> runs_;
  ByName<Entry> entries_;      // that are not named after their rows
  ByName<Owner> owners_;       // by session id
  ByName<LeaseState> leases_;  // of what is no session
  Spares<Run> spare_runs_;
  Spares<Owner> spare_owners_;
  // What was looked for last is usually what is next: names are compared by address first.
  Run* last_run_ = nullptr;
  Entry* last_entry_ = nullptr;
  ByName<Owner>::value_type* last_owner_ = nullptr;
  Lsn lsn_ = 0;
  StoreStats stats_;
  PrivateMemories memories_;
  // The ledger of budgets; blocks by their id.
  struct Block {
    std::string scope;
    int64_t granted = 0;
  };
  std::map<std::string, int64_t, std::less<>> lent_;
  std::map<int64_t, Block> blocks_;
  int64_t last_block_ = 0;
};

}  // namespace tau::store
