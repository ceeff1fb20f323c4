// The store without a disk: the same contract over maps, on the caller's thread.
#pragma once

#include <mutex>
#include <vector>

#include "store/apply.h"
#include "store/chain.h"
#include "store/store.h"

namespace tau::store {

class MemoryStore final : public Store {
 public:
  MemoryStore() = default;

  void append(Batch batch, Done done) override;
  Status flush() override { return ok_status(); }
  StatusOr<std::vector<SessionRecord>> list_sessions(size_t limit, std::string_view after_id) override;
  StatusOr<SessionRecord> load_session(std::string_view id) override;
  StatusOr<std::vector<JournalEntry>> load_lineage(std::string_view entry) override;
  StatusOr<RunRecord> load_run(std::string_view id) override;
  StatusOr<std::vector<RunRecord>> list_runs(std::string_view session_id) override;
  StatusOr<std::vector<JournalEntry>> load_journal(std::string_view run_id, int64_t from_seq) override;
  Status fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) override;
  Status remove_session(std::string_view id) override;
  StatusOr<Lease> acquire(std::string_view resource) override;
  Status release(const Lease& lease) override;
  Status verify_chain(std::string_view run_id) override;
  StoreStats stats() const override;

 private:
  struct Row {
    JournalRow row;  // run_id is empty: the run knows its name
    Lsn lsn = 0;
    int64_t names = 0;  // entries that are this row
    bool purged = false;
    Digest body{};
    Digest chain{};
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
    const Row& back() const { return chunks_.back().back(); }
    Row& add() {
      if (size_ % kChunk == 0) chunks_.emplace_back().reserve(kChunk);
      ++size_;
      return chunks_.back().emplace_back();
    }

   private:
    static constexpr int64_t kChunk = 16;
    std::vector<std::vector<Row>> chunks_;
    int64_t size_ = 0;
  };
  struct Run {
    RunRecord record;
    Rows rows;
  };
  struct Entry {
    std::string name;
    std::string session;  // empty once that session is gone
    Entry* parent = nullptr;
    Run* run = nullptr;
    int64_t seq = 0;
    int64_t children = 0;
  };
  struct LeaseState {
    int64_t epoch = 0;
    bool held = false;
  };

  // Everything is checked first, then applied; nothing in between can fail.
  Status check(const Batch& batch) const;
  Status check_rows(const Batch& batch) const;
  bool same_entry(const EntryRow& entry) const;
  Status check_entries(const Batch& batch) const;
  bool has_row(const Batch& batch, std::string_view run_id, int64_t seq) const;
  Lsn apply(Batch&& batch);
  Run* find_run(std::string_view id) const;
  void append_row(Run& run, JournalRow&& row);
  void put_run(RunRecord&& record);
  void put_session(SessionRecord&& record);
  void put_entry(EntryRow&& row);
  void drop_entries_of(std::string_view session);
  bool is_live_session(std::string_view id) const { return sessions_.find(id) != sessions_.end(); }
  static void purge(Row* row);
  static JournalEntry read_back(const Run& run, const Row& row);

  mutable std::mutex mutex_;
  StringMap<std::unique_ptr<Run>> runs_;
  std::vector<Run*> run_order_;
  StringMap<std::unique_ptr<Entry>> entries_;
  StringMap<SessionRecord> sessions_;
  StringMap<LeaseState> leases_;
  Run* last_run_ = nullptr;  // that was appended to: usually the next one too
  Lsn lsn_ = 0;
  StoreStats stats_;
};

}  // namespace tau::store
