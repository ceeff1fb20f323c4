// The one thread that writes: it takes what is queued, commits it as one transaction, and answers. A caller
// that would wait for an idle writer takes its place for one batch.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "store/apply.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

class Writer {
 public:
  // Work of its own transaction, run on the writer thread between groups.
  using Work = UniqueFunction<Status(Connection& db)>;
  enum class After : uint8_t {
    kNothing,
    kEmptyWal,  // what the transaction erased must leave the WAL too
  };

  // Housekeeping: a transaction of its own in an idle moment, once an hour, and soon again while it says that
  // there is more to do.
  using Chore = UniqueFunction<StatusOr<bool>(Connection& db)>;

  // What is looked at, without a transaction, after another connection has committed; see look_out().
  using Look = UniqueFunction<Status(Connection& db)>;

  Writer(std::unique_ptr<Connection> db, const StoreOptions& options, Chore chore = nullptr,
         Look look = nullptr);
  ~Writer();  // commits what is queued

  void submit(Batch batch, Done done);
  // The same, and waits. Not from a Done.
  Status write(Batch batch);
  // Blocks until the work, and everything submitted before it, is committed. Not from a Done.
  Status run(Work work, After after = After::kNothing);
  // The same without waiting: tells on the writer thread.
  void post(Work work, UniqueFunction<void(Status)> then);
  Status flush();
  // Whether anybody wants the look: some five times a second it is asked whether there is a reason for one.
  // The next submission begins it. Any thread.
  void look_out(bool wanted) { looking_.store(wanted, std::memory_order_release); }
  // There is a reason for one.
  void look_soon() { look_version_.store(-1, std::memory_order_release); }

  bool poisoned() const { return poisoned_.load(std::memory_order_acquire); }
  StoreStats stats() const;

 private:
  // Either a batch, or work with somebody waiting for it.
  struct Waiter;
  struct Item {
    Batch batch;
    Done done;
    size_t bytes = 0;
    Waiter* waiter = nullptr;
    bool refused = false;  // the queue was full
    Status status;         // of the batch, and its lsn
    Lsn lsn = 0;
  };
  // Of somebody who waits for a batch. It stays when that one is gone: who wakes it up may still be at it.
  struct Seat {
    std::mutex mutex;
    std::condition_variable changed;
    bool over = false;
    Status result;
    Seat* next_free = nullptr;
  };
  struct GiveSeatBack {
    Writer* writer;
    void operator()(Seat* seat) const;
  };
  // The first `size` items that were taken.
  struct Group {
    size_t size = 0;
    size_t bytes = 0;
    int64_t rows = 0;
    bool open = false;  // its transaction has begun
    bool each = false;  // every batch got one of its own: its status says how that went
    Status failure;     // of the group as a whole
  };

  void loop();
  using Time = std::chrono::steady_clock::time_point;
  bool wait_for_items();
  bool is_called() const;
  void sleep(std::unique_lock<std::mutex>& lock);
  bool take_place();
  Status write_in_place(Batch batch);
  Status queue_and_wait(Batch batch);
  void give_place_back();
  Seat& take_seat();
  void enqueue(Item item);
  bool has_idle_work(Time now) const;
  void idle(Time now);
  void do_chore(Time now);
  void look(Time now);
  bool wants_checkpoint() const { return wal_pages_ >= checkpoint_at_ && !poisoned(); }
  bool refill();
  void take_next();
  void commit_group(size_t most);
  Status begin();
  Status roll_back();
  Status open_transaction();
  Status commit();
  void collect(Group* group, size_t most);
  void commit_each(Group* group);
  Status commit_alone(Item& item);
  void settle(Group* group);
  void count_commit();
  void abandon(const Status& failure);
  void perform(Waiter& waiter);
  Status transact(Work& work);
  Status checkpoint(int mode);
  void note_wal(int pages);
  void poison(const Status& cause);

  const size_t max_group_;
  const size_t max_queue_bytes_;
  const int64_t fsyncs_per_commit_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Item> queue_;      // under mutex_
  size_t queue_bytes_ = 0;      // under mutex_; of batches not yet answered
  std::deque<Seat> seats_;      // under mutex_; as many as ever waited at once
  Seat* free_seats_ = nullptr;  // under mutex_
  bool stopping_ = false;       // under mutex_
  // Under mutex_: somebody writes, the thread or one in its place. What follows is theirs meanwhile.
  bool busy_ = true;
  bool crowded_ = false;      // under mutex_: several waited for the last commit
  bool handed_over_ = false;  // under mutex_: who was in its place leaves the thread something to do
  bool rests_ = false;        // under mutex_: the thread sleeps until it is woken
  bool woken_ = false;        // under mutex_: to see what there will be to do in an idle moment

  // The rest belongs to who writes.
  std::unique_ptr<Connection> db_;
  Applier applier_;
  std::deque<Item> taken_;
  Status poison_ = Status::out_of_memory();  // what everybody is told once it is poisoned
  int wal_pages_ = 0;                        // after the last commit
  int checkpoint_at_ = 0;                    // pages; grows while readers hold the WAL
  bool checkpointed_ = true;                 // since the last commit
  bool erase_wal_ = false;                   // something purged is still in the WAL
  Chore chore_;
  Time chore_due_;
  Look look_;
  Time look_due_;
  std::atomic<bool> looking_{false};
  std::atomic<int64_t> look_version_{-1};  // of the database, as it was looked at; -1: never, or not whole

  std::atomic<bool> poisoned_{false};
  std::atomic<int64_t> batches_{0};
  std::atomic<int64_t> groups_{0};
  std::atomic<int64_t> fsyncs_{0};
  std::atomic<int64_t> rows_{0};
  std::thread thread_;
};

}  // namespace tau::store
