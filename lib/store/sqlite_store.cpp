// The durable store: one writer, a few readers, leases and the guard against use after fork.
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "store/approval_rows.h"
#include "store/backup.h"
#include "store/budget.h"
#include "store/edit.h"
#include "store/lease.h"
#include "store/mark.h"
#include "store/prune.h"
#include "store/read_only.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/store.h"
#include "store/stored_memories.h"
#include "store/usage_rows.h"
#include "store/writer.h"

namespace tau::store {
namespace {

Status forked() {
  return failed_precondition("forked", "the store was opened before fork(); open it in the child");
}
Status no_database() { return failed_precondition("no_database", "this store keeps nothing on a disk"); }

constexpr size_t kPruneTogether = 32;  // sessions of one transaction: appends wait no longer than for these

Status read_only() { return failed_precondition("store_read_only", "the store was opened for reading only"); }

// Connections that read. As many as threads read at once; a few are kept.
class ReaderPool {
 public:
  explicit ReaderPool(StoreOptions options) : options_(std::move(options)) { idle_.reserve(kMaxIdle); }

  // Runs query(Connection&) on a connection of its own.
  template <class Query>
  auto read(Query query) -> decltype(query(std::declval<Connection&>())) {
    if (options_.read_only) return read_quietly(options_, std::move(query));
    TAU_ASSIGN_OR_RETURN(std::unique_ptr<Connection> db, take());
    const Loan loan{*this, db};
    return query(*db);
  }
  StatusOr<std::unique_ptr<Connection>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto db = std::move(idle_.back());
        idle_.pop_back();
        return db;
      }
    }
    return open_reader(options_);
  }
  void give_back(std::unique_ptr<Connection> db) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(db));
  }

 private:
  // Goes back however the query ends: one that ran out of memory leaves nothing half read.
  struct Loan {
    ReaderPool& pool;
    std::unique_ptr<Connection>& db;
    ~Loan() {
      db->reset_statements();
      if (!db->in_transaction()) pool.give_back(std::move(db));
    }
  };

  static constexpr size_t kMaxIdle = 4;
  const StoreOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

class SqliteStore final : public Store {
 public:
  // Without a writer: read-only.
  SqliteStore(const StoreOptions& options, std::unique_ptr<Connection> writer, std::unique_ptr<Owners> owners,
              Clock& clock)
      : options_(options),
        clock_(clock),
        owners_(std::move(owners)),
        readers_(std::make_unique<ReaderPool>(options)) {
    if (writer == nullptr) return;
    Writer::Chore chore;
    if (options_.retention.limited()) chore = [this](Connection& db) { return keep_retention(db); };
    writer_ = std::make_unique<Writer>(std::move(writer), options, std::move(chore),
                                       [this](Connection& db) { return tell_decided(db); });
  }

  ~SqliteStore() override {
    if (in_child()) {
      // The thread does not exist here, and closing a connection would act on the parent's files.
      (void)writer_.release();
      memories_.leave_to_parent();
      (void)readers_.release();
      return;
    }
    try {
      release_all();
    } catch (const std::bad_alloc&) {}  // leases end with this process
    memories_.close();
    readers_.reset();  // the writer goes last, so that its closing can empty the WAL
  }

  void append(Batch&& given, Done done) override {
    Batch batch = std::move(given);
    given.clear();
    if (Status status = writable(); !status.ok()) {
      if (done) done(std::move(status), 0);
      return;
    }
    writer_->submit(std::move(batch), std::move(done));
  }

  Status write(Batch&& given) override {
    Batch batch = std::move(given);
    given.clear();
    TAU_RETURN_IF_ERROR(writable());
    return writer_->write(std::move(batch));
  }

  Status flush() override {
    if (in_child()) return forked();
    return writer_ == nullptr ? ok_status() : writer_->flush();
  }

  StatusOr<std::vector<SessionRecord>> list_sessions(size_t limit, std::string_view after_id) override {
    return read([&](Connection& db) { return read_sessions(db, limit, after_id); });
  }
  StatusOr<SessionRecord> load_session(std::string_view id) override {
    return read([&](Connection& db) { return read_session(db, id); });
  }
  StatusOr<std::vector<JournalEntry>> load_lineage(std::string_view entry) override {
    return read([&](Connection& db) { return read_lineage(db, entry); });
  }
  StatusOr<RunRecord> load_run(std::string_view id) override {
    return read([&](Connection& db) { return read_run(db, id); });
  }
  StatusOr<std::vector<RunRecord>> list_runs(std::string_view session_id) override {
    return read([&](Connection& db) { return read_runs(db, session_id); });
  }
  StatusOr<std::vector<JournalEntry>> load_journal(std::string_view run_id, int64_t from_seq) override {
    return read([&](Connection& db) { return read_journal(db, run_id, from_seq); });
  }
  Status verify_chain(std::string_view run_id) override {
    return read([&](Connection& db) { return verify_run_chain(db, run_id); });
  }

  Status fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) override {
    TAU_RETURN_IF_ERROR(writable());
    return writer_->run([&](Connection& db) { return fork_session_rows(db, source, entry, fork); });
  }
  Status remove_session(std::string_view id) override {
    TAU_RETURN_IF_ERROR(writable());
    const auto remove = [&](Connection& db) -> Status {
      TAU_RETURN_IF_ERROR(check_not_owned_elsewhere(db, format("session:{}", id), *owners_));
      return remove_session_rows(db, id);
    };
    return writer_->run(remove, Writer::After::kEmptyWal);
  }

  Status backup(const std::string& path) override {
    return read([&](Connection& db) { return copy_database(db, path); });
  }
  StatusOr<Pruned> prune(const Retention& retention, bool dry_run) override {
    TAU_RETURN_IF_ERROR(writable());
    Pruned pruned;
    bool more = true;
    const auto step = [&](Connection& db) -> Status {
      if (pruned.bytes_before == 0) { TAU_ASSIGN_OR_RETURN(pruned.bytes_before, bytes_in_use(db)); }
      // What does not happen is seen whole, in one transaction that is taken back.
      const size_t limit = dry_run ? std::numeric_limits<size_t>::max() : kPruneTogether;
      TAU_ASSIGN_OR_RETURN(more, prune_sessions(db, *owners_, retention, clock_.wall_ms(), limit, &pruned));
      TAU_ASSIGN_OR_RETURN(pruned.bytes_after, bytes_in_use(db));
      if (dry_run) return Status(Code::kAborted, "dry_run", "");
      TAU_ASSIGN_OR_RETURN(const bool shrinks, shrink(db));
      more = more || shrinks;
      return ok_status();
    };
    while (more) {
      const Status status = writer_->run(step);
      if (!status.ok() && status.reason() != "dry_run") return status;
    }
    if (!dry_run && !pruned.removed.empty())
      TAU_RETURN_IF_ERROR(writer_->run(nullptr, Writer::After::kEmptyWal));
    return pruned;
  }

  StatusOr<std::string> load_mark(std::string_view name) override {
    return read([&](Connection& db) { return store::load_mark(db, name); });
  }
  Status store_mark(std::string_view name, std::string_view text) override {
    TAU_RETURN_IF_ERROR(writable());
    return writer_->run([&](Connection& db) { return put_mark(db, name, text); });
  }

  StatusOr<std::vector<ApprovalRow>> list_approvals(bool all) override {
    return read([&](Connection& db) { return read_approvals(db, all, *owners_); });
  }
  StatusOr<ApprovalRow> load_approval(std::string_view id) override {
    return read([&](Connection& db) { return read_approval(db, id, *owners_); });
  }
  Status decide_approval(std::string_view id, const ApprovalDecision& decision) override {
    TAU_RETURN_IF_ERROR(writable());
    return writer_->run([&](Connection& db) {
      writer_->look_soon();  // who waits may be of this store
      return store::decide_approval(db, id, decision, *owners_);
    });
  }
  void watch_approval(const SharedString& id, Decided decided) override {
    if (!writable().ok()) return;
    const std::lock_guard lock(watches_mutex_);
    watches_.insert_or_assign(id, std::move(decided));
    writer_->look_soon();
    writer_->look_out(true);
  }
  void unwatch_approval(const SharedString& id) noexcept override {
    if (in_child() || writer_ == nullptr) return;
    const std::lock_guard lock(watches_mutex_);
    watches_.erase(id);
    if (watches_.empty()) writer_->look_out(false);
  }

  void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) override {
    if (Status status = writable(); !status.ok()) return done(std::move(status));
    // Shared by the work and by who is told of it, one after the other on the writer thread.
    auto made = std::make_shared<Loan>();
    writer_->post(
        [this, made, ask = std::move(ask)](Connection& db) -> Status {
          TAU_ASSIGN_OR_RETURN(*made, store::lend(db, ask, *owners_, clock_.wall_ms()));
          return ok_status();
        },
        [made, done = std::move(done)](Status status) mutable {
          if (status.ok()) return done(*made);
          done(std::move(status));
        });
  }
  void repay(Repayment repayment, UniqueFunction<void(Status)> done) override {
    if (Status status = writable(); !status.ok()) return done ? done(std::move(status)) : void();
    writer_->post([this, repayment = std::move(repayment)](
                      Connection& db) { return store::repay(db, repayment, *owners_, clock_.wall_ms()); },
                  [done = std::move(done)](Status status) mutable {
                    if (done) done(std::move(status));
                  });
  }
  StatusOr<std::vector<BudgetRecord>> list_budgets(std::string_view prefix) override {
    return read([&](Connection& db) { return read_budgets(db, prefix, *owners_); });
  }
  StatusOr<UsageReport> report_usage(const UsageAsk& ask) override {
    return read([&](Connection& db) { return read_usage(db, ask); });
  }

  StatusOr<Lease> acquire(const SharedString& resource) override {
    TAU_RETURN_IF_ERROR(writable());
    std::list<Lease> made(1);  // first: what is taken is remembered without memory
    const auto take = [&](Connection& db) -> Status {
      TAU_ASSIGN_OR_RETURN(made.front(), acquire_lease(db, resource, *owners_, clock_.wall_ms()));
      return ok_status();
    };
    TAU_RETURN_IF_ERROR(writer_->run(take));
    const Lease lease = made.front();
    const std::lock_guard lock(leases_mutex_);
    leases_.splice(leases_.end(), made);
    return lease;
  }
  Status release(const Lease& lease) override {
    TAU_RETURN_IF_ERROR(writable());
    Status status = writer_->run([&](Connection& db) { return release_lease(db, lease); });
    if (status.ok() || status.reason() == "lease_lost") drop_lease(lease);
    return status;
  }

  Memories* memories() override { return &memories_; }

  StoreStats stats() const override { return writer_ == nullptr ? StoreStats() : writer_->stats(); }

 private:
  bool in_child() const { return ::getpid() != owners_->self().pid; }
  Status writable() const {
    if (in_child()) return forked();
    return writer_ == nullptr ? read_only() : ok_status();
  }

  // On the writer thread.
  StatusOr<bool> keep_retention(Connection& db) {
    Pruned pruned;
    TAU_ASSIGN_OR_RETURN(const bool more, prune_sessions(db, *owners_, options_.retention, clock_.wall_ms(),
                                                         kPruneTogether, &pruned));
    TAU_ASSIGN_OR_RETURN(const bool shrinks, shrink(db));
    return more || shrinks;
  }

  // On the writer thread. Nothing is called under the lock.
  Status tell_decided(Connection& db) {
    TAU_ASSIGN_OR_RETURN(const auto all, read_decided(db));
    for (const DecidedApproval& one : all) {
      Decided decided;
      {
        const std::lock_guard lock(watches_mutex_);
        const auto found = watches_.find(one.id);
        if (found == watches_.end()) continue;
        decided = std::move(found->second);
        watches_.erase(found);
        if (watches_.empty()) writer_->look_out(false);
      }
      decided(one.decision);
    }
    return ok_status();
  }

  template <class Query>
  auto read(Query query) -> decltype(query(std::declval<Connection&>())) {
    if (in_child()) return forked();
    return readers_->read(std::move(query));
  }

  void drop_lease(const Lease& lease) {
    const std::lock_guard lock(leases_mutex_);
    std::erase_if(leases_,
                  [&](const Lease& l) { return l.resource == lease.resource && l.epoch == lease.epoch; });
  }

  // A lease whose store is gone could be released by nobody while this process lives. A poisoned writer
  // cannot write, a new connection perhaps can.
  void release_all() {
    if (writer_ == nullptr || leases_.empty()) return;
    const auto release_each = [&](Connection& db) -> Status {
      for (const Lease& lease : leases_) {
        Status status = release_lease(db, lease);
        if (!status.ok() && status.reason() != "lease_lost") return status;
      }
      return ok_status();
    };
    if (writer_->run(release_each).ok() || !writer_->poisoned()) return;
    writer_.reset();
    if (auto db = open_writer(options_); db.ok()) {
      Writer again(std::move(*db), options_);
      (void)again.run(release_each);
    }
  }

  // Memories on the connections of the store.
  class OnDisk final : public StoredMemories {
   public:
    explicit OnDisk(SqliteStore& store) : store_(store) {}

    // A connection counts the commits of all others, and no connection can tell those of another one's count.
    StatusOr<int64_t> newest_change() override {
      if (store_.in_child()) return forked();
      if (store_.writer_ == nullptr) return store_.read(read_change);
      const std::lock_guard lock(mutex_);
      if (db_ == nullptr) { TAU_ASSIGN_OR_RETURN(db_, open_reader(store_.options_)); }
      Statement& version = db_->prepare("PRAGMA data_version");
      TAU_ASSIGN_OR_RETURN(const bool row, version.step());
      const int64_t now = row ? version.integer(0) : -1;
      version.reset();
      if (now == version_) return change_;
      TAU_ASSIGN_OR_RETURN(change_, read_change(*db_));
      version_ = now;
      return change_;
    }
    void close() { db_.reset(); }
    void leave_to_parent() { (void)db_.release(); }

   protected:
    Status read(Query query) override {
      return store_.read([&](Connection& db) { return query(db); });
    }
    Status write(Query work) override {
      TAU_RETURN_IF_ERROR(store_.writable());
      return store_.writer_->run(std::move(work));
    }
    Status empty_wal() override { return store_.writer_->run(nullptr, Writer::After::kEmptyWal); }

   private:
    static StatusOr<int64_t> read_change(Connection& db) {
      Statement& query = db.prepare("SELECT last_change FROM memory_state");
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      const int64_t change = row ? query.integer(0) : 0;
      query.reset();
      return change;
    }

    SqliteStore& store_;
    std::mutex mutex_;
    std::unique_ptr<Connection> db_;  // under mutex_, and what follows
    int64_t version_ = -1;
    int64_t change_ = 0;
  };

  const StoreOptions options_;
  Clock& clock_;
  const std::unique_ptr<Owners> owners_;  // until the leases are released
  std::mutex leases_mutex_;
  std::list<Lease> leases_;
  std::mutex watches_mutex_;
  std::map<SharedString, Decided, std::less<>> watches_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  OnDisk memories_{*this};
};

// The connection of the writer; none for a store that only reads, of a database that can be read.
StatusOr<std::unique_ptr<Connection>> open_for(const StoreOptions& options) {
  if (!options.read_only) return open_writer(options);
  TAU_RETURN_IF_ERROR(read_quietly(options, [](Connection&) { return ok_status(); }));
  return std::unique_ptr<Connection>();
}

}  // namespace

Status Store::write(Batch&& batch) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> result;
  append(std::move(batch), [&](Status status, Lsn) {
    const std::lock_guard lock(mutex);
    result = std::move(status);
    changed.notify_one();  // under the lock: both end with this call
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return result.has_value(); });
  return *std::move(result);
}
Status Store::backup(const std::string&) { return no_database(); }
StatusOr<Pruned> Store::prune(const Retention&, bool) { return no_database(); }
StatusOr<std::string> Store::load_mark(std::string_view) { return no_database(); }
Status Store::store_mark(std::string_view, std::string_view) { return no_database(); }
StatusOr<std::vector<ApprovalRow>> Store::list_approvals(bool) { return no_database(); }
StatusOr<ApprovalRow> Store::load_approval(std::string_view) { return no_database(); }
Status Store::decide_approval(std::string_view, const ApprovalDecision&) { return no_database(); }
void Store::watch_approval(const SharedString&, Decided) {}
void Store::unwatch_approval(const SharedString&) noexcept {}
void Store::lend(LoanAsk, UniqueFunction<void(StatusOr<Loan>)> done) { done(no_database()); }
void Store::repay(Repayment, UniqueFunction<void(Status)> done) {
  if (done) done(no_database());
}
StatusOr<std::vector<BudgetRecord>> Store::list_budgets(std::string_view) { return no_database(); }
StatusOr<UsageReport> Store::report_usage(const UsageAsk&) { return no_database(); }

StatusOr<std::unique_ptr<Store>> open_store(const StoreOptions& options, Clock& clock) {
  if (options.path.empty() || options.path == ":memory:") {
    return invalid_argument("invalid_path",
                            "the store needs the path of a file; make_memory_store() needs none");
  }
  auto opened = open_for(options);
  if (!opened.ok()) {
    const bool named = opened.status().message().find(options.path) != std::string_view::npos;
    return named ? opened.status() : opened.status().annotate("database " + options.path);
  }
  std::unique_ptr<Connection> writer = *std::move(opened);
  // Databases of a VFS of their own need not be files; and who only reads owns nothing.
  const bool may_own = !options.read_only && options.vfs.empty();
  std::unique_ptr<Owners> owners;
  if (options.read_only && options.vfs.empty()) {
    owners = Owners::open_to_look(options.path);
  } else {
    TAU_ASSIGN_OR_RETURN(owners, Owners::open(may_own ? options.path : ""));
  }
  try {
    return std::unique_ptr<Store>(
        std::make_unique<SqliteStore>(options, std::move(writer), std::move(owners), clock));
  } catch (const std::system_error& error) { return resource_exhausted("no_thread", error.what()); }
}

}  // namespace tau::store
