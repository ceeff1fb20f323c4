// The event queue between loops and the host: bounded by parking runs and merging text, never by dropping.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "runtime/driver.h"

namespace tau::runtime {

class EventQueue;
struct Queued;

// One run's end of a queue: numbers events, merges deltas, knows when the reader is too far behind. Its
// functions are for the loop of the queue, but for what says otherwise.
class Channel final : public EventOutput, public std::enable_shared_from_this<Channel> {
 public:
  static constexpr uint64_t kParkAt = 64;   // unread control events at which the run waits
  static constexpr uint64_t kMergeAt = 16;  // unread deltas from which on further ones merge

  Channel(std::shared_ptr<EventQueue> queue, SharedString run_id, void* userdata, bool quiet);
  ~Channel() override;

  void emit(agent::Event&& event) override;
  void expect_end(size_t outcome_bytes) override;
  void delta(agent::EventKind kind, std::string_view call_id, std::string_view text) override;
  bool parked() const override;
  // What was emitted so far can be taken, though readers are not woken before the turn of the loop is over.
  void publish();

  std::string_view run_id() const { return run_id_; }
  void* userdata() const { return userdata_; }
  // Called, on the reader's thread, when a parked run may go on. Must not throw.
  void set_unpark(UniqueFunction<void()> unpark) { unpark_ = std::move(unpark); }
  // The run's handle is gone: nobody will read its events. Any thread.
  void mute();

 private:
  friend class EventQueue;
  uint64_t unread_control() const {
    return control_.load(std::memory_order_relaxed) - read_control_.load(std::memory_order_relaxed);
  }
  bool merge(agent::EventKind kind, std::string_view call_id, std::string_view text, bool locked);

  const std::shared_ptr<EventQueue> queue_;
  const SharedString run_id_;
  void* const userdata_;
  const bool quiet_;
  UniqueFunction<void()> unpark_;
  std::atomic<bool> muted_ = false;
  // The loop's.
  std::unique_ptr<Queued> last_;  // for the terminal event; null once that was emitted
  uint64_t seq_ = 0;
  uint64_t deltas_ = 0;            // emitted, without those that merged
  Queued* tail_delta_ = nullptr;   // this channel's last event while it is a delta that was not taken
  uint64_t tail_first_seq_ = 0;    // of it
  uint64_t tail_publication_ = 0;  // when it was made: see EventQueue::publications_
  // How many there were: the loop writes the first, the reader the others.
  std::atomic<uint64_t> control_ = 0;
  std::atomic<uint64_t> read_control_ = 0;
  std::atomic<uint64_t> read_deltas_ = 0;
  // Guarded by the queue's mutex.
  uint64_t taken_seq_ = 0;  // of the last event that the reader fetched
  mutable bool was_parked_ = false;
};

struct Queued {
  Channel* channel = nullptr;
  std::shared_ptr<Channel> holds_channel;  // of neighbours of one channel the last one's
  agent::Event event;
  uint64_t first_seq = 0;
  uint64_t seq = 0;
  std::string json;  // built when asked for
  bool is_delta = false;
  Queued* next = nullptr;  // in its list

  // What tau_event_json shows; lives as long as the event. That of a terminal event needs no memory.
  std::string_view body();
};

// A list of events that owns them.
class QueuedList {
 public:
  QueuedList() = default;
  QueuedList(QueuedList&& other) noexcept { append(other); }
  QueuedList& operator=(QueuedList&&) = delete;
  ~QueuedList() { drop(0); }
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  Queued* last() const { return last_; }
  void push(Queued* queued) noexcept;
  Queued* pop() noexcept;                   // null when it is empty
  void append(QueuedList& other) noexcept;  // takes all
  void drop(size_t keep) noexcept;
  template <class F>
  void each(F&& f) const {
    for (Queued* queued = first_; queued != nullptr; queued = queued->next) f(*queued);
  }

 private:
  Queued* first_ = nullptr;
  Queued* last_ = nullptr;
  size_t size_ = 0;
};

// The queues that were written during one turn of a loop. What was written is shown, and readers are woken,
// when it ends: a reader that is woken by the first of many events only fights the loop for the lock.
class WakeList {
 public:
  void begin_turn() { in_turn_ = true; }
  void end_turn();
  // On the loop's thread, as are the others.
  bool in_turn() const { return in_turn_; }
  // False when memory is short.
  bool add(std::shared_ptr<EventQueue> queue);

 private:
  bool in_turn_ = false;
  std::vector<std::shared_ptr<EventQueue>> queues_;
};

// Events go from the loop to the reader in batches: what the loop emits during a turn it keeps to itself,
// without a lock, and the reader fetches several at a time, though it is given one.
class EventQueue final : public std::enable_shared_from_this<EventQueue> {
 public:
  // `wakes` is that of the loop whose runs write here; null in tests.
  EventQueue(uint32_t loop, std::function<void()> notify, WakeList* wakes = nullptr);
  ~EventQueue();

  uint32_t loop() const { return loop_; }
  // The reader's own: one thread at a time is inside of what the reader calls.
  bool begin_reading() { return !reading_.exchange(true, std::memory_order_acquire); }
  void end_reading() { reading_.store(false, std::memory_order_release); }
  // Whether this thread is giving a notification, of any queue.
  static bool is_notifying();
  // Moves at most `max` events out, one at least where there is one, also when memory is short; the previous
  // ones of this call die. Reader's thread.
  const std::vector<Queued*>& take(size_t max);
  const std::vector<Queued*>& taken() const { return taken_; }
  // Waits until there is an event, wakeup() was called, close() was called or the time is over. Reader's
  // thread.
  void wait(int timeout_ms);
  bool ready() const { return !empty() || wakeup_ || over(); }  // wait() would not
  bool empty() const { return !any_waiting_ && fetched_count_ == 0; }
  // Nothing will come any more; what is there can still be taken: who finds nothing there must have asked
  // before.
  bool closed() const { return over(); }
  // True once per wakeup().
  bool consume_wakeup();
  void wakeup();
  void close();  // nothing will come any more
  int fd();      // made at the first call; -1 when there are no descriptors
  // The queue is a run's own: it closes with that run's terminal event, or when nobody holds the run any
  // more.
  void serve_one_run() { one_run_ = true; }
  // Another run uses it too: from now on it waits for whatever may come.
  void serve_many_runs();
  // Nobody will read any more: no notification, nothing is kept, no run waits for a reader. A notification
  // that another thread is giving is waited for, unless this thread is giving one itself, of any queue.
  void abandon();

 private:
  friend class Channel;
  friend class WakeList;
  static constexpr size_t kFetched = 16;  // events that the reader fetches at least, when there are as many
  static constexpr size_t kKept = 64;     // events that are kept to be used again

  // The right to write: during a turn of the loop the loop alone writes; else whoever holds the mutex.
  std::unique_lock<std::mutex> write_lock() {
    return wakes_ != nullptr && wakes_->in_turn() ? std::unique_lock<std::mutex>()
                                                  : std::unique_lock<std::mutex>(mutex_);
  }
  Queued* spare();
  void push(Channel& channel, Queued* queued);
  void pushed(std::unique_lock<std::mutex>& lock);
  void publish();
  void publish_locked();
  void end_turn();
  void tell_if_due(std::unique_lock<std::mutex>& lock);
  void tell_end();
  size_t make_room(size_t wanted);
  void fetch(size_t max);
  void reset_fd();
  void hand_out(Queued* queued);
  void may_unpark(Channel& channel);
  void unpark_all(const QueuedList& list);
  bool over() const { return closed_ || run_over_; }
  // Whether that closes the queue just now.
  bool end_of_run_locked() { return one_run_ && !run_over_.exchange(true); }
  void tell(std::unique_lock<std::mutex>& lock);
  static void unpark(Channel& channel);
  void set_fd_locked(bool readable);
  static void release(Queued& queued);

  const uint32_t loop_;
  mutable std::mutex mutex_;  // innermost: nothing is called and no other lock taken under it
  std::condition_variable available_;
  const std::function<void()> notify_;
  WakeList* const wakes_;
  std::atomic<bool> one_run_ = false;
  std::atomic<bool> abandoned_ = false;

  // The loop's: see write_lock().
  QueuedList unpublished_;
  QueuedList spares_;
  uint64_t publications_ = 0;  // how often something was published
  bool listed_ = false;        // in wakes_
  bool ends_run_ = false;      // the last event of a run is among the unpublished

  // Guarded by mutex_; what is atomic is read without it, too.
  QueuedList waiting_;
  QueuedList used_;  // for the loop, to be used again
  int waiters_ = 0;
  int notifying_ = 0;      // threads inside of notify_
  bool tell_due_ = false;  // when the turn is over
  std::atomic<bool> any_waiting_ = false;
  std::atomic<bool> wakeup_ = false;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> run_over_ = false;  // of one_run_: its last event is here
  std::atomic<int> fd_ = -1;

  // The reader's.
  QueuedList fetched_;
  std::atomic<size_t> fetched_count_ = 0;  // read by others
  QueuedList read_;                        // what the last take() moved out, and events that are over
  std::vector<Queued*> taken_;             // the first of these
  std::atomic<bool> reading_ = false;      // somebody reads
};

}  // namespace tau::runtime
