// The public face of store: durable repositories behind asynchronous, batched interfaces. No SQL leaves this
// module. One writer thread per Store commits in groups: one fsync serves every batch that waits.
//
// Runs and sessions that are written are owned through leases with a fencing epoch; every append checks the
// epoch inside its own transaction, so a writer that lost its lease can change nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "store/approval.h"    // IWYU pragma: export
#include "store/memories.h"    // IWYU pragma: export
#include "store/provenance.h"  // IWYU pragma: export
#include "store/usage.h"       // IWYU pragma: export

namespace tau::store {

using Lsn = int64_t;  // position in the journal of one home; grows, never reused

// One journaled input of a run.
struct JournalRow {
  SharedString run_id;
  int64_t seq = 0;             // position within the run, from 0, without gaps
  SharedString kind;           // "start", "model_done", "tool_done", …
  std::string body;            // JSON; bodies over 8 KB go to the blob table, once per content
  std::string effects_digest;  // of the effects that the engine answered with; may be empty
  int64_t time_ms = 0;         // wall clock
  Provenance provenance;
};

// One message of a conversation: a name for the body of a journal row. Conversations are trees: an entry
// knows its parent, a session knows its head. The row may be older than the entry, or in the same batch.
struct EntryRow {
  SharedString id;
  SharedString parent;  // id of the previous entry; empty: first
  SharedString session_id;
  SharedString run_id;  // the journal row (run_id, seq) that holds the body
  int64_t seq = 0;
};

enum class RunState : uint8_t { kOpen, kDone, kFailed, kCancelled };

struct RunRecord {
  SharedString id;
  SharedString session_id;
  int64_t logic_version = 0;
  RunState state = RunState::kOpen;
  SharedString outcome_json;  // set with the terminal state
  std::string snapshot_json;  // engine state at the last turn boundary
  int64_t snapshot_seq = 0;   // the first journal seq that the snapshot does not cover
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  std::string options_json;  // what the run was started with
  std::string chain_head;    // hex digest of the chain over all its rows; set by the store
  Provenance provenance;     // of the bodies above
};

struct SessionRecord {
  SharedString id;
  SharedString title;
  SharedString head_entry;      // last entry of the conversation; empty: none yet
  SharedString parent_session;  // it was forked from this one; empty: none
  SharedString workspace;
  SharedString model;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  int64_t turns = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cost_usd_micros = 0;
  SharedString open_run;  // a run that did not end; empty: none
};

struct Lease {
  SharedString resource;  // "session:<id>"
  int64_t epoch = 0;      // fencing token; grows with every owner
};

// What one append changes, all or nothing. Rows need their run, entries their row and parent, heads their
// entry: each in the store already or earlier in the same batch (run, rows, entries, session), else
// FAILED_PRECONDITION "no_such_run", "no_such_row", "no_such_entry"; "wrong_seq" for a gap or a repetition,
// ALREADY_EXISTS "entry_exists" for an id that names another row (the same again is no change). A refused
// batch fails alone; those after it go on.
struct Batch {
  std::optional<Lease> fence;  // checked in the transaction; ABORTED "lease_lost" when stale
  std::vector<JournalRow> rows;
  std::vector<EntryRow> entries;
  std::optional<RunRecord> run;          // insert, or update of state, outcome, snapshot
  std::optional<SessionRecord> session;  // insert or update
  std::vector<ApprovalEdit> approvals;   // in their order; where there is a disk
  std::vector<UsageNote> usage;          // likewise
  std::vector<MemoryEdit> memories;      // in their order; everywhere

  // Empties it; the memory of a usual batch is kept for the next one.
  void clear();
};

// Called once, on the writer thread; must not block, nor call a blocking function of the store. Typically
// posts to a loop. `lsn` is that of the last row; 0 when there was none. Only after a fork, or for a store
// opened read-only, is it called on the caller's thread, before append() returns.
using Done = UniqueFunction<void(Status status, Lsn lsn)>;

struct JournalEntry {  // as read back
  Lsn lsn = 0;
  JournalRow row;
  SharedString entry_id;  // set by load_lineage
  std::string chain;      // hex
  bool purged = false;    // the body was erased; the digest stayed
};

enum class Durability : uint8_t {
  kFull,     // fsync before an append is done
  kRelaxed,  // survives a crash of the process, not of the machine
};

// Which sessions may go: by their last change, the oldest first. One that somebody writes stays.
struct Retention {
  int64_t max_age_ms = 0;  // those that did not change for longer; 0: no limit
  int64_t max_bytes = 0;   // the oldest, while the database takes more; 0: no limit
  bool limited() const { return max_age_ms > 0 || max_bytes > 0; }
};

struct Pruned {
  std::vector<SharedString> removed;  // ids of sessions
  int64_t spared = 0;                 // sessions that had to go and are being written
  int64_t bytes_before = 0;           // in use: pages that wait for other rows are not counted
  int64_t bytes_after = 0;
};

struct StoreOptions {
  std::string path;  // of the database file; ":memory:" is refused: use make_memory_store()
  Durability durability = Durability::kFull;
  std::string vfs = "";  // name of a registered SQLite VFS, for fault tests; empty: default
  bool read_only = false;
  size_t max_group = 4096;             // batches per transaction
  size_t max_queue_bytes = 64u << 20;  // append() beyond that fails RESOURCE_EXHAUSTED "store_backlog"
  Retention retention = {};            // kept in idle moments of the writer
};

// Budgets: a ledger that lends blocks of a cap to processes, which spend them in memory. Amounts in
// micro-dollars. What a process did not give back when it died stays lent: nobody else can spend it again.
struct LoanAsk {
  SharedString scope;  // what the cap is on: "day:2026-11-27"
  int64_t cap_usd_micros = 0;
  int64_t block = 0;            // of this process, that is added to; 0: a new one
  int64_t need_usd_micros = 0;  // at least 1
  int64_t want_usd_micros = 0;  // at least what is needed
};
struct Loan {
  int64_t block = 0;
  int64_t granted_usd_micros = 0;    // from need to want; 0: the cap leaves too little
  int64_t remaining_usd_micros = 0;  // what the cap leaves after this
};
struct Repayment {
  SharedString scope;
  int64_t block = 0;
  int64_t unused_usd_micros = 0;  // of the block; negative: so much more was spent
};
struct BudgetRecord {
  SharedString scope;
  int64_t lent_usd_micros = 0;  // the most that was spent
  int64_t held_usd_micros = 0;  // of that: blocks of living processes, spent in part
  int64_t lost_usd_micros = 0;  // of that: blocks of processes that died, spent in part
  int64_t changed_ms = 0;
};

struct StoreStats {
  int64_t batches = 0;
  int64_t groups = 0;  // transactions committed
  int64_t fsyncs = 0;  // asked for: one a commit (none when relaxed), two a checkpoint
  int64_t rows = 0;
};

class Store {
 public:
  // Waits until everything appended is committed. In a forked child it leaves all to the parent.
  virtual ~Store() = default;

  // Any thread. Batches of one caller are committed in the order of the calls. After a failed commit the
  // store is poisoned: everything waiting and later fails DATA_LOSS "store_poisoned" until it is reopened
  // (the batches of the commit itself RESOURCE_EXHAUSTED "disk_full" when that is why). A failed batch may
  // turn out to be there after reopening; an acknowledged one always is. In a forked child:
  // FAILED_PRECONDITION "forked".
  // The batch is taken over: it is empty when `done` is called, and when std::bad_alloc is thrown. `done`
  // must not throw where it is called on another thread.
  virtual void append(Batch&& batch, Done done) = 0;
  // Appends and waits. Nobody needs to be woken for a batch that meets an idle store: it is committed on the
  // thread of the caller. Not from a Done.
  virtual Status write(Batch&& batch);
  // Blocks until all appended so far is durable (or the store is poisoned).
  virtual Status flush() = 0;

  // Blocking reads; any thread; they see what is committed. Sessions come newest first, by their creation.
  virtual StatusOr<std::vector<SessionRecord>> list_sessions(size_t limit, std::string_view after_id) = 0;
  virtual StatusOr<SessionRecord> load_session(std::string_view id) = 0;  // NOT_FOUND "no_such_session"
  // The conversation that ends at `entry` (of any session), oldest first.
  virtual StatusOr<std::vector<JournalEntry>> load_lineage(std::string_view entry) = 0;
  virtual StatusOr<RunRecord> load_run(std::string_view id) = 0;  // NOT_FOUND "no_such_run"
  virtual StatusOr<std::vector<RunRecord>> list_runs(std::string_view session_id) = 0;
  virtual StatusOr<std::vector<JournalEntry>> load_journal(std::string_view run_id, int64_t from_seq) = 0;

  // A new session whose conversation is that of `source` up to `entry` (empty: its head). Shares the rows.
  virtual Status fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) = 0;
  // Removes a session; bodies that no other session shares are erased (rows, blobs, WAL), digests stay.
  // UNAVAILABLE "session_busy" while another process owns "session:<id>". UNAVAILABLE "store_busy" when a
  // reader of another process kept the WAL from being emptied: the session is gone, its text leaves the WAL
  // when idle.
  virtual Status remove_session(std::string_view id) = 0;
  // Nobody will ask for this session or its runs again. A store without a disk drops all that no other
  // session needs, digests too, and gives the lease "session:<id>" up; others do nothing.
  virtual void forget(std::string_view session) { (void)session; }

  // Copies all that is committed to a new file at `path`, mode 0600, without a WAL and with every lease given
  // back. Appends go on meanwhile. ALREADY_EXISTS "file_exists". The default, for a store without a disk:
  // FAILED_PRECONDITION "no_database".
  virtual Status backup(const std::string& path);
  // Removes sessions until `retention` holds; `dry_run` changes nothing and tells which would go. The default
  // as above.
  virtual StatusOr<Pruned> prune(const Retention& retention, bool dry_run);

  // Marks: short texts by name that outlive sessions, such as how far a file beside the database has come.
  // Both wait; a mark is durable when store_mark() returns. An empty text: there is none. The default, for a
  // store without a disk: as of backup().
  virtual StatusOr<std::string> load_mark(std::string_view name);
  virtual Status store_mark(std::string_view name, std::string_view text);

  // Calls that wait for an approval; the process that waits changes its rows by Batch::approvals. Reading
  // waits, oldest first; `all`: also those that nobody waits for any more. The defaults: as of backup().
  virtual StatusOr<std::vector<ApprovalRow>> list_approvals(bool all);  // without arguments
  virtual StatusOr<ApprovalRow> load_approval(std::string_view id);     // NOT_FOUND "approval_unknown"
  // Durable when it returns. Of all decisions the first one counts: FAILED_PRECONDITION "approval_decided",
  // "approval_withdrawn"; "approval_expired" after its time, by `decision`; "approval_stale" when the process
  // that waited is gone.
  virtual Status decide_approval(std::string_view id, const ApprovalDecision& decision);
  // Called once, on the writer thread, soon after anybody decided: another process within a quarter of a
  // second. Must not block. Only while something is watched does anybody look. The default does nothing.
  using Decided = UniqueFunction<void(const ApprovalDecision& decision)>;
  virtual void watch_approval(const SharedString& id, Decided decided);
  virtual void unwatch_approval(const SharedString& id) noexcept;

  // Leases. The owner of a resource is this process (boot id, PID namespace, pid, start time) until it
  // releases or dies, which other containers of the same machine see by a lock on the file "<path>-owners".
  // UNAVAILABLE "session_busy" names the living owner, be it this process. Destroying the store releases what
  // it still holds.
  virtual StatusOr<Lease> acquire(const SharedString& resource) = 0;
  virtual Status release(const Lease& lease) = 0;

  // Recomputes a run's hash chain from its rows. DATA_LOSS "chain_broken" names the first bad row.
  virtual Status verify_chain(std::string_view run_id) = 0;
  virtual StoreStats stats() const = 0;

  // Any thread. Lends when that is durable, and tells on the writer thread, under the rules of Done. However
  // many processes ask: at no moment is more lent than the largest cap that was asked under.
  // INVALID_ARGUMENT "invalid_budget"; ABORTED "lease_lost" for a block that this process does not hold.
  virtual void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done);
  // Gives a block back: once, and by the process that holds it, else ABORTED "lease_lost".
  virtual void repay(Repayment repayment, UniqueFunction<void(Status)> done);
  // The budgets whose scope begins so, by scope.
  virtual StatusOr<std::vector<BudgetRecord>> list_budgets(std::string_view prefix);

  // What is remembered; lives as long as the store. Writes go through append(). Null: this store has none.
  virtual Memories* memories() { return nullptr; }

  // What calls of models took and cost, by what is asked. Waits. The default: as of backup().
  virtual StatusOr<UsageReport> report_usage(const UsageAsk& ask);
};

// Opens or creates, migrating forward. FAILED_PRECONDITION "database_too_new" for a later schema,
// PERMISSION_DENIED / RESOURCE_EXHAUSTED as the file system says, DATA_LOSS "database_corrupt".
StatusOr<std::unique_ptr<Store>> open_store(const StoreOptions& options, Clock& clock);

// What verify_database() counted, and what is wrong.
struct Soundness {
  struct Problem {
    std::string reason;   // "database_corrupt", "chain_broken", "missing_row", "missing_blob", …
    std::string message;  // names the thing
  };
  int64_t schema_version = 0;
  int64_t sessions = 0;
  int64_t runs = 0;
  int64_t open_runs = 0;
  int64_t rows = 0;
  int64_t entries = 0;
  int64_t blobs = 0;
  int64_t memories = 0;  // forgotten ones included
  int64_t bytes = 0;
  std::vector<Problem> problems;  // the first hundred
  int64_t more_problems = 0;
};
// Reads a whole database, also one that is in use: pages, references between rows, digests of bodies and
// blobs, the hash chain of every run. Writes nothing. Fails where it cannot be read at all: NOT_FOUND
// "no_such_database", DATA_LOSS "database_corrupt", FAILED_PRECONDITION "database_too_new",
// "database_too_old".
StatusOr<Soundness> verify_database(const std::string& path);

// A mark of a database that need not be open. Writes nothing. As verify_database() fails.
StatusOr<std::string> read_mark(const std::string& path, std::string_view name);

// Puts a copy of the database `from` in the place of `to`. What stood there goes to the directory `aside`,
// which exists, on the same file system. UNAVAILABLE "home_busy" while a process has `to` open; then, and
// after any other failure before the last step, `to` is what it was.
Status replace_database(const std::string& from, const std::string& to, const std::string& aside);

// The same contract with nothing on disk: durability off. Appends complete at once on the caller's thread,
// done is called before append() returns (no writer thread); the hash chain is computed all the same. No fork
// check: a child has a copy of its own.
std::unique_ptr<Store> make_memory_store(Clock& clock);

// The next link of a run's chain, hex: BLAKE2b over `previous` (hex; empty for the first row), the digest of
// the body, and every other field of the row but its run: effects digest, seq, time, kind and provenance.
std::string chain_link(std::string_view previous, const JournalRow& row);

}  // namespace tau::store
