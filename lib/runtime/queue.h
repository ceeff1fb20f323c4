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

// One run's end of a queue: numbers events, merges deltas, knows when the reader is too far behind.
class Channel final : public EventOutput, public std::enable_shared_from_this<Channel> {
 public:
  static constexpr size_t kParkAt = 64;   // unread control events at which the run waits
  static constexpr size_t kMergeAt = 16;  // unread deltas from which on further ones merge

  Channel(std::shared_ptr<EventQueue> queue, SharedString run_id, void* userdata, bool quiet);

  void emit(agent::Event&& event) override;
  void delta(agent::EventKind kind, std::string_view call_id, std::string_view text) override;
  bool parked() const override;

  std::string_view run_id() const { return run_id_; }
  void* userdata() const { return userdata_; }
  // Called, on the reader's thread, when a parked run may go on.
  void set_unpark(std::function<void()> unpark) { unpark_ = std::move(unpark); }
  // The run's handle is gone: nobody will read its events.
  void mute();

 private:
  friend class EventQueue;
  const std::shared_ptr<EventQueue> queue_;
  const SharedString run_id_;
  void* const userdata_;
  const bool quiet_;
  std::function<void()> unpark_;
  // Guarded by the queue's mutex.
  uint64_t seq_ = 0;
  std::atomic<size_t> unread_control_ = 0;  // also read without it
  size_t unread_deltas_ = 0;
  bool was_parked_ = false;
  bool unpark_due_ = false;  // the reader's alone
  bool muted_ = false;
  Queued* tail_delta_ = nullptr;  // this channel's last queued event while it is a delta
};

struct Queued {
  std::shared_ptr<Channel> channel;
  agent::Event event;
  uint64_t first_seq = 0;
  uint64_t seq = 0;
  std::string json;  // built when asked for
  bool is_delta = false;
};

// The queues that became readable during one turn of a loop. Their readers are woken when it ends: a reader
// that is woken by the first of many events only fights the loop for the lock.
class WakeList {
 public:
  void begin_turn() { in_turn_ = true; }
  void end_turn();
  // On the loop's thread. False outside of a turn and when memory is short: wake at once.
  bool add(std::shared_ptr<EventQueue> queue);

 private:
  bool in_turn_ = false;
  std::vector<std::shared_ptr<EventQueue>> queues_;
};

class EventQueue final : public std::enable_shared_from_this<EventQueue> {
 public:
  // `wakes` is that of the loop whose runs write here; null in tests.
  EventQueue(uint32_t loop, std::function<void()> notify, WakeList* wakes = nullptr);
  ~EventQueue();

  uint32_t loop() const { return loop_; }
  // Moves at most `max` events out; the previous ones of this call die. Reader's thread.
  const std::vector<Queued*>& take(size_t max);
  const std::vector<Queued*>& taken() const { return taken_; }
  // Waits until there is an event, wakeup() was called, close() was called or the time is over.
  void wait(int timeout_ms);
  bool ready() const;  // wait() would not
  bool empty() const;
  // Nothing will come any more; what is there can still be taken.
  bool closed() const;
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
  Queued& push_locked(Channel& channel, bool is_delta);
  size_t waiting_locked() const { return events_.size() - taken_count_; }
  void became_nonempty(std::unique_lock<std::mutex>& lock);
  void wake_reader();
  bool over_locked() const { return closed_ || run_over_; }
  // Whether that closes the queue just now.
  bool end_of_run_locked() { return one_run_ && !std::exchange(run_over_, true); }
  void tell(std::unique_lock<std::mutex>& lock);
  static void unpark(const Channel& channel);
  void set_fd_locked(bool readable);
  static void release(Queued& queued);

  const uint32_t loop_;
  mutable std::mutex mutex_;  // innermost: nothing is called and no other lock taken under it
  std::condition_variable available_;
  StableQueue<Queued> events_;  // those taken last, then those that wait
  size_t taken_count_ = 0;
  const std::function<void()> notify_;
  WakeList* const wakes_;
  std::atomic<bool> one_run_ = false;
  int fd_ = -1;
  int waiters_ = 0;
  int notifying_ = 0;  // threads inside of notify_
  bool wakeup_ = false;
  bool closed_ = false;
  bool run_over_ = false;  // of one_run_: its last event is here
  bool abandoned_ = false;
  std::vector<Queued*> taken_;  // the reader's
};

}  // namespace tau::runtime
