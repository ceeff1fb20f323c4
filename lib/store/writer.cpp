// Group commit.
//
// A group is one transaction. Each batch in it stands in its own savepoint, so that a refused one (stale
// fence, wrong sequence) fails alone. A failure of the file system fails the group and poisons the writer:
// after a failed fsync nobody knows which pages reached the disk, so nothing is acknowledged again until the
// store is reopened and SQLite has recovered from what is really there.
#include "store/writer.h"

#include <chrono>
#include <new>
#include <utility>

namespace tau::store {
namespace {

constexpr int kCheckpointPages = 4096;  // 16 MB: checkpoint between groups
constexpr int kIdlePages = 64;          // below that an idle writer leaves the WAL alone
constexpr auto kIdle = std::chrono::milliseconds(200);
constexpr auto kChoreEvery = std::chrono::hours(1);
constexpr const char* kRollback = "ROLLBACK";

size_t bytes_of(const MemoryEdit& edit) {
  if (const auto* put = std::get_if<MemoryPut>(&edit.what)) {
    const MemoryRow& row = put->row;
    return sizeof edit + row.id.size() + row.text.size() + row.attributes.size() + row.fact.object.size() +
           row.source.size() + put->vector.size();
  }
  if (const auto* vector = std::get_if<MemoryVector>(&edit.what)) return sizeof edit + vector->bytes.size();
  return sizeof edit;
}

size_t bytes_of(const Batch& batch) {
  size_t bytes = sizeof(Batch);
  for (const JournalRow& row : batch.rows) bytes += sizeof row + row.body.size() + row.kind.size();
  bytes += batch.entries.size() * sizeof(EntryRow) + batch.usage.size() * sizeof(UsageNote);
  for (const ApprovalEdit& edit : batch.approvals)
    bytes += sizeof edit + edit.decision.note.size() +
             (edit.row ? sizeof *edit.row + edit.row->arguments.size() : 0);
  for (const MemoryEdit& edit : batch.memories) bytes += bytes_of(edit);
  if (batch.run.has_value()) {
    bytes +=
        batch.run->snapshot_json.size() + batch.run->outcome_json.size() + batch.run->options_json.size();
  }
  return bytes;
}

Status called_on_writer() {
  return failed_precondition("called_on_writer",
                             "a blocking call of the store was made from a callback of append");
}

}  // namespace

struct Writer::Waiter {
  Work work;  // empty: only a mark in the queue
  After after = After::kNothing;
  Status status;
  bool finished = false;              // under the mutex of the writer
  UniqueFunction<void(Status)> then;  // of one that nobody waits for: it owns itself
  std::condition_variable done;
};

Writer::Writer(std::unique_ptr<Connection> db, const StoreOptions& options, Chore chore, Look look)
    : max_group_(options.max_group > 0 ? options.max_group : 1),
      max_queue_bytes_(options.max_queue_bytes),
      fsyncs_per_commit_(options.durability == Durability::kFull ? 1 : 0),
      db_(std::move(db)),
      applier_(*db_),
      checkpoint_at_(kCheckpointPages),
      chore_(std::move(chore)),
      chore_due_(std::chrono::steady_clock::now()),
      look_(std::move(look)) {
  sqlite3_wal_hook(
      db_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Writer*>(self)->note_wal(pages);
        return SQLITE_OK;
      },
      this);
  (void)db_->prepare(kRollback);
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

void Writer::submit(Batch batch, Done done) {
  Item item{.batch = std::move(batch), .done = std::move(done)};
  item.bytes = bytes_of(item.batch);
  enqueue(std::move(item));
}

// Who is busy looks at the queue before resting, and needs no waking.
void Writer::enqueue(Item item) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (item.waiter == nullptr && queue_bytes_ > 0 && queue_bytes_ + item.bytes > max_queue_bytes_) {
      item.refused = true;
      item.batch = {};
      item.bytes = 0;
    }
    const size_t bytes = item.bytes;
    queue_.push_back(std::move(item));
    queue_bytes_ += bytes;
    wakes = !busy_;
  }
  if (wakes) ready_.notify_one();
}

Status Writer::write(Batch batch) {
  return take_place() ? write_in_place(std::move(batch)) : queue_and_wait(std::move(batch));
}

// Where nothing is queued and nobody writes. Of many writers the thread makes groups: one that went ahead
// alone would have all others wait for its own sync.
bool Writer::take_place() {
  const std::lock_guard lock(mutex_);
  if (busy_ || crowded_ || stopping_ || !queue_.empty() || looking_.load(std::memory_order_acquire))
    return false;
  busy_ = true;
  return true;
}

// A group of one batch: what arrives meanwhile is the thread's.
Status Writer::write_in_place(Batch batch) {
  struct GiveBack {
    Writer& writer;
    ~GiveBack() { writer.give_place_back(); }
  } const give_back{*this};
  Status result;
  Item item{.batch = std::move(batch), .done = [&](Status status, Lsn) { result = std::move(status); }};
  item.bytes = bytes_of(item.batch);
  taken_.push_back(std::move(item));
  {
    const std::lock_guard lock(mutex_);
    queue_bytes_ += taken_.front().bytes;
  }
  commit_group(1);
  return result;
}

// What is left to do is the thread's: it is handed the place, so that nobody else comes before it.
void Writer::give_place_back() {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    handed_over_ = !queue_.empty() || stopping_ || wants_checkpoint();
    busy_ = handed_over_;
    wakes = handed_over_;
    if (!wakes && rests_ && !woken_ && has_idle_work(std::chrono::steady_clock::now())) wakes = woken_ = true;
  }
  if (wakes) ready_.notify_one();
}

Status Writer::queue_and_wait(Batch batch) {
  if (std::this_thread::get_id() == thread_.get_id()) return called_on_writer();
  const std::unique_ptr<Seat, GiveSeatBack> seat(&take_seat(), {this});
  submit(std::move(batch), [&seat = *seat](Status status, Lsn) {
    {
      const std::lock_guard lock(seat.mutex);
      seat.result = std::move(status);
      seat.over = true;
    }
    seat.changed.notify_one();  // not under the lock: who wakes up needs it
  });
  std::unique_lock lock(seat->mutex);
  seat->changed.wait(lock, [&] { return seat->over; });
  return std::move(seat->result);
}

Writer::Seat& Writer::take_seat() {
  const std::lock_guard lock(mutex_);
  if (free_seats_ == nullptr) return seats_.emplace_back();
  Seat& seat = *free_seats_;
  free_seats_ = seat.next_free;
  seat.over = false;
  return seat;
}

void Writer::GiveSeatBack::operator()(Seat* seat) const {
  const std::lock_guard lock(writer->mutex_);
  seat->next_free = writer->free_seats_;
  writer->free_seats_ = seat;
}

Status Writer::run(Work work, After after) {
  if (std::this_thread::get_id() == thread_.get_id()) return called_on_writer();
  Waiter waiter;
  waiter.work = std::move(work);
  waiter.after = after;
  enqueue(Item{.waiter = &waiter});
  std::unique_lock lock(mutex_);
  waiter.done.wait(lock, [&] { return waiter.finished; });
  return waiter.status;
}

void Writer::post(Work work, UniqueFunction<void(Status)> then) {
  auto waiter = std::make_unique<Waiter>();
  waiter->work = std::move(work);
  waiter->then = std::move(then);
  enqueue(Item{.waiter = waiter.get()});
  (void)waiter.release();
}

Status Writer::flush() { return run(nullptr); }

StoreStats Writer::stats() const {
  return {
      .batches = batches_.load(), .groups = groups_.load(), .fsyncs = fsyncs_.load(), .rows = rows_.load()};
}

void Writer::loop() {
  while (wait_for_items()) {
    do {
      if (!taken_.empty()) take_next();
      if (wants_checkpoint()) (void)checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    } while (!taken_.empty());
    if (looking_.load(std::memory_order_acquire)) look(std::chrono::steady_clock::now());
  }
}

void Writer::take_next() {
  if (taken_.front().waiter == nullptr) return commit_group(max_group_);
  Waiter& waiter = *taken_.front().waiter;
  taken_.pop_front();
  perform(waiter);
}

void Writer::note_wal(int pages) {
  if (pages < wal_pages_) checkpoint_at_ = kCheckpointPages;  // the WAL began anew
  wal_pages_ = pages;
}

// Moves what is queued to taken_; false at the end. Idle moments are used.
bool Writer::wait_for_items() {
  std::unique_lock lock(mutex_);
  busy_ = false;
  while (!is_called()) sleep(lock);
  handed_over_ = false;
  busy_ = true;
  taken_.swap(queue_);
  return !taken_.empty() || !stopping_;
}

// Under the lock.
bool Writer::is_called() const { return handed_over_ || (!busy_ && (stopping_ || !queue_.empty())); }

// Until there is something to do, or it is time to look again.
void Writer::sleep(std::unique_lock<std::mutex>& lock) {
  const auto called = [this] { return is_called() || woken_; };
  const Time now = std::chrono::steady_clock::now();
  if (busy_ || has_idle_work(now)) {
    const int64_t groups = groups_.load(std::memory_order_relaxed);
    const bool quiet =
        !ready_.wait_for(lock, kIdle, called) && !busy_ && groups == groups_.load(std::memory_order_relaxed);
    if (quiet) {
      busy_ = true;
      lock.unlock();
      idle(now);
      lock.lock();
      busy_ = false;
    }
  } else {
    rests_ = true;
    if (!chore_ || poisoned()) {
      ready_.wait(lock, called);
    } else {
      ready_.wait_until(lock, chore_due_, called);
    }
    rests_ = false;
  }
  woken_ = false;
}

bool Writer::has_idle_work(Time now) const {
  if (poisoned()) return false;
  if (looking_.load(std::memory_order_acquire)) return true;
  const bool checkpoint = !checkpointed_ && (wal_pages_ >= kIdlePages || erase_wal_);
  return checkpoint || (chore_ && now >= chore_due_);
}

void Writer::idle(Time now) {
  if (chore_ && now >= chore_due_) do_chore(now);
  if (looking_.load(std::memory_order_acquire)) look(now);
  if (poisoned() || checkpointed_) return;
  if (erase_wal_) {
    (void)checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  } else if (wal_pages_ >= kIdlePages) {
    (void)checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  }
}

void Writer::do_chore(Time now) {
  bool more = false;
  Work work = [&](Connection& db) -> Status {
    TAU_ASSIGN_OR_RETURN(more, chore_(db));
    return ok_status();
  };
  const int before = sqlite3_total_changes(db_->handle());
  const bool done = transact(work).ok();
  if (done && sqlite3_total_changes(db_->handle()) != before) erase_wal_ = true;
  chore_due_ = done && more ? now : now + kChoreEvery;
}

// A failure, as of memory, is met by the next look.
void Writer::look(Time now) {
  if (poisoned() || (now < look_due_ && look_version_.load(std::memory_order_acquire) >= 0)) return;
  look_due_ = now + kIdle;
  try {
    const StatusOr<int64_t> version = db_->query_integer("PRAGMA data_version");
    if (!version.ok() || *version == look_version_.load(std::memory_order_acquire)) return;
    look_version_.store(*version, std::memory_order_release);
    if (!look_(*db_).ok()) look_soon();
  } catch (const std::bad_alloc&) { look_soon(); }
}

// What arrived while the group was written can still join it. False when there is nothing, or no memory to
// take it over: then it comes later.
bool Writer::refill() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return false;
  if (taken_.empty()) {
    taken_.swap(queue_);
    return true;
  }
  try {
    for (; !queue_.empty(); queue_.pop_front()) taken_.push_back(std::move(queue_.front()));
  } catch (const std::bad_alloc&) { return false; }
  return true;
}

void Writer::commit_group(size_t most) {
  Group group;
  try {
    if (!poisoned()) {
      group.failure = open_transaction();
      group.open = db_->in_transaction();
    }
    collect(&group, most);
    if (group.open && group.failure.ok()) group.failure = commit();
  } catch (const std::bad_alloc&) { group.failure = Status::out_of_memory(); }
  if (group.failure.is_out_of_memory()) commit_each(&group);
  settle(&group);
}

Status Writer::begin() {
  TAU_RETURN_IF_ERROR(roll_back());  // one that could not be
  return db_->prepare("BEGIN IMMEDIATE").run();
}

// Prepared when there was memory: needs none.
Status Writer::roll_back() { return db_->in_transaction() ? db_->prepare(kRollback).run() : ok_status(); }

Status Writer::open_transaction() {
  TAU_RETURN_IF_ERROR(begin());
  return applier_.begin();
}

Status Writer::commit() {
  TAU_RETURN_IF_ERROR(applier_.finish());
  return db_->prepare("COMMIT").run();
}

// Applies batches until there is none, the group is full or somebody's work comes first.
void Writer::collect(Group* group, size_t most) {
  while (group->size < most) {
    if (group->size == taken_.size() && !refill()) return;
    Item& item = taken_[group->size];
    if (item.waiter != nullptr) return;
    ++group->size;
    group->bytes += item.bytes;
    if (item.refused) {
      item.status =
          resource_exhausted("store_backlog", "more waits for the disk than max_queue_bytes allows");
    } else if (group->open && group->failure.ok()) {
      item.status = applier_.apply(item.batch, &item.lsn);
      if (item.status.ok()) group->rows += static_cast<int64_t>(item.batch.rows.size());
      if (!is_recoverable(item.status)) group->failure = item.status;
    }
  }
}

// Memory was too short for the group. Who caused that is not known, or it was chance: each batch gets a
// transaction of its own, so that the others are none the worse for it.
void Writer::commit_each(Group* group) {
  abandon(group->failure);
  group->failure = ok_status();
  group->open = false;
  group->each = true;
  for (size_t i = 0; i < group->size; ++i) {
    Item& item = taken_[i];
    if (item.refused) continue;
    item.status = commit_alone(item);
    if (item.status.ok()) count_commit();
  }
}

Status Writer::commit_alone(Item& item) {
  if (poisoned()) return poison_;
  Status status;
  try {
    status = open_transaction();
    if (status.ok()) status = applier_.apply(item.batch, &item.lsn);
    if (status.ok()) status = commit();
  } catch (const std::bad_alloc&) { status = Status::out_of_memory(); }
  if (!status.ok()) abandon(status);
  return status;
}

// Ends the transaction one way or the other and tells everybody.
void Writer::settle(Group* group) {
  const bool was_poisoned = poisoned();
  if (!group->failure.ok()) abandon(group->failure);
  if (group->open && group->failure.ok()) {
    count_commit();
    batches_.fetch_add(static_cast<int64_t>(group->size), std::memory_order_relaxed);
    rows_.fetch_add(group->rows, std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(mutex_);
    queue_bytes_ -= group->bytes;
    crowded_ = group->size > 1;
  }
  // Who was in the failed commit learns that the disk is full; who comes later, that the store is poisoned.
  Status failure = group->failure;
  const bool too_late = was_poisoned || (poisoned() && failure.reason() != "disk_full");
  if (too_late && !group->each) failure = poison_;
  for (; group->size > 0; --group->size) {
    Item item = std::move(taken_.front());
    taken_.pop_front();
    const Status& status = failure.ok() ? item.status : failure;
    if (item.done) item.done(status, status.ok() ? item.lsn : 0);
  }
}

void Writer::count_commit() {
  groups_.fetch_add(1, std::memory_order_relaxed);
  fsyncs_.fetch_add(fsyncs_per_commit_, std::memory_order_relaxed);
  checkpointed_ = false;
}

void Writer::abandon(const Status& failure) {
  applier_.forget();
  try {
    (void)roll_back();
  } catch (const std::bad_alloc&) {}  // begin() makes good for it
  // Memory comes back, and nothing was written: that is no reason to distrust the file.
  if (!is_recoverable(failure) && !failure.is_out_of_memory()) poison(failure);
}

void Writer::perform(Waiter& waiter) {
  Status status = poisoned() ? poison_ : ok_status();
  if (status.ok() && waiter.work) status = transact(waiter.work);
  if (status.ok() && waiter.after == After::kEmptyWal) {
    erase_wal_ = true;
    status = checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  }
  if (waiter.then) {
    const std::unique_ptr<Waiter> own(&waiter);
    own->then(std::move(status));
    return;
  }
  const std::lock_guard lock(mutex_);
  waiter.status = std::move(status);
  waiter.finished = true;
  waiter.done.notify_one();  // under the lock: the waiter lives on the stack of who wakes up
}

Status Writer::transact(Work& work) {
  Status status;
  try {
    status = begin();
    if (status.ok()) status = work(*db_);
    if (status.ok()) status = db_->prepare("COMMIT").run();
  } catch (const std::bad_alloc&) { status = Status::out_of_memory(); }
  if (status.ok()) {
    count_commit();
  } else {
    abandon(status);
  }
  return status;
}

// BUSY is no failure of a passive checkpoint: readers hold what it could not move. Any other failure is one
// of the disk, after which a later, seemingly successful fsync would prove nothing.
Status Writer::checkpoint(int mode) {
  int pages = 0;
  int moved = 0;
  const int rc = sqlite3_wal_checkpoint_v2(db_->handle(), "main", mode, &pages, &moved);
  if (moved > 0) fsyncs_.fetch_add(2, std::memory_order_relaxed);  // the WAL, then the database
  checkpointed_ = true;
  checkpoint_at_ = wal_pages_ + kCheckpointPages;
  if (rc == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE) erase_wal_ = false;
  if (rc == SQLITE_OK || (rc == SQLITE_BUSY && mode == SQLITE_CHECKPOINT_PASSIVE)) return ok_status();
  Status status = sqlite_status(db_->handle(), rc, "checkpoint");
  if (!is_recoverable(status) && !status.is_out_of_memory()) poison(status);
  return status;
}

void Writer::poison(const Status& cause) {
  if (poisoned()) return;
  try {
    poison_ = data_loss("store_poisoned",
                        format("a commit failed and the store must be reopened: {}", cause.to_string()));
  } catch (const std::bad_alloc&) {}
  // The WAL stays as it is, for recovery at the next opening.
  sqlite3_db_config(db_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  poisoned_.store(true, std::memory_order_release);
}

}  // namespace tau::store
