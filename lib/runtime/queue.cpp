#include "runtime/queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <new>

namespace tau::runtime {
namespace {

// What a quiet run still shows: what the host must answer, and the end.
bool shown_when_quiet(agent::EventKind kind) {
  switch (kind) {
    case agent::EventKind::kToolCall:
    case agent::EventKind::kApproval:
    case agent::EventKind::kOpRejected:
    case agent::EventKind::kOpAccepted:
    case agent::EventKind::kRunDone: return true;
    default: return false;
  }
}

thread_local int notifications = 0;  // that this thread is giving

}  // namespace

Channel::Channel(std::shared_ptr<EventQueue> queue, SharedString run_id, void* userdata, bool quiet)
    : queue_(std::move(queue)), run_id_(std::move(run_id)), userdata_(userdata), quiet_(quiet) {}

bool WakeList::add(std::shared_ptr<EventQueue> queue) {
  if (!in_turn_) return false;
  try {
    queues_.push_back(std::move(queue));
  } catch (const std::bad_alloc&) { return false; }
  return true;
}

void WakeList::end_turn() {
  in_turn_ = false;
  for (const auto& queue : queues_) queue->wake_reader();
  queues_.clear();
}

EventQueue::EventQueue(uint32_t loop, std::function<void()> notify, WakeList* wakes)
    : loop_(loop), notify_(std::move(notify)), wakes_(wakes) {}

EventQueue::~EventQueue() {
  if (fd_ >= 0) ::close(fd_);
}

void Channel::emit(agent::Event&& event) {
  if (quiet_ && !shown_when_quiet(event.kind)) return;
  std::unique_lock lock(queue_->mutex_);
  if (muted_ || queue_->abandoned_) return;
  tail_delta_ = nullptr;
  const bool last = event.kind == agent::EventKind::kRunDone;
  queue_->push_locked(*this, false).event = std::move(event);
  if (last) queue_->end_of_run_locked();
  unread_control_.fetch_add(1, std::memory_order_relaxed);
  queue_->became_nonempty(lock);
}

void Channel::delta(agent::EventKind kind, std::string_view call_id, std::string_view text) {
  if (quiet_) return;
  std::unique_lock lock(queue_->mutex_);
  if (muted_ || queue_->abandoned_) return;
  Queued* tail = tail_delta_;
  const bool same = tail != nullptr && tail->event.kind == kind && tail->event.call_id == call_id;
  if (same && unread_deltas_ >= kMergeAt) {
    tail->event.text += text;
    tail->seq = ++seq_;
    return;
  }
  Queued& queued = queue_->push_locked(*this, true);
  ++unread_deltas_;
  queued.event.kind = kind;
  try {
    queued.event.call_id = call_id;
    queued.event.text = text;
  } catch (const std::bad_alloc&) {
    queued.event.text.clear();  // what an earlier event left there
    throw;
  }
  tail_delta_ = &queued;
  queue_->became_nonempty(lock);
}

bool Channel::parked() const {
  if (unread_control_.load(std::memory_order_relaxed) < kParkAt) return false;
  const std::lock_guard lock(queue_->mutex_);
  const bool parked = unread_control_ >= kParkAt && !muted_ && !queue_->abandoned_;
  const_cast<Channel*>(this)->was_parked_ = parked;
  return parked;
}

void Channel::mute() {
  std::function<void()> unpark;
  bool ends = false;
  {
    const std::lock_guard lock(queue_->mutex_);
    muted_ = true;
    if (was_parked_) unpark = unpark_;
    was_parked_ = false;
    ends = queue_->end_of_run_locked();
  }
  if (ends) queue_->wake_reader();
  if (unpark) unpark();
}

Queued& EventQueue::push_locked(Channel& channel, bool is_delta) {
  Queued& queued = events_.push();
  queued.channel = channel.shared_from_this();
  queued.first_seq = queued.seq = ++channel.seq_;
  queued.is_delta = is_delta;
  return queued;
}

// Only the step from empty to non-empty wakes anybody.
void EventQueue::became_nonempty(std::unique_lock<std::mutex>& lock) {
  if (waiting_locked() != 1) return;
  lock.unlock();
  if (wakes_ == nullptr || !wakes_->add(shared_from_this())) wake_reader();
}

// Wakes whoever waits; a system call only for those who asked for one.
void EventQueue::wake_reader() {
  std::unique_lock lock(mutex_);
  if (abandoned_ || (waiting_locked() == 0 && !over_locked())) return;  // read meanwhile
  tell(lock);
}

// Unlocks. The queue is held by the caller: what is called may give the last handle back.
void EventQueue::tell(std::unique_lock<std::mutex>& lock) {
  if (fd_ >= 0) set_fd_locked(true);
  const bool wake = waiters_ > 0;
  const bool notify = notify_ && !abandoned_;
  if (notify) ++notifying_;
  lock.unlock();
  if (wake) available_.notify_all();
  if (!notify) return;
  ++notifications;
  notify_();
  --notifications;
  lock.lock();
  if (--notifying_ == 0 && abandoned_) available_.notify_all();
  lock.unlock();
}

// Leaves a node that may be used again: nothing is held but the memory of short texts.
void EventQueue::release(Queued& queued) {
  constexpr size_t kKeptBytes = 512;
  queued.channel = nullptr;
  agent::Event& event = queued.event;
  if (queued.is_delta && queued.json.empty() && event.text.capacity() <= kKeptBytes) return;  // is set anew
  for (std::string* text :
       {&event.call_id, &event.text, &event.name, &event.reason, &event.json, &queued.json}) {
    if (text->capacity() > kKeptBytes) *text = std::string();
    text->clear();
  }
  event.number = 0;
  event.flag = false;
  event.response = nullptr;
}

void EventQueue::set_fd_locked(bool readable) {
  uint64_t value = 1;
  const ssize_t n = readable ? write(fd_, &value, sizeof value) : read(fd_, &value, sizeof value);
  (void)n;  // EAGAIN: it already is as wanted
}

const std::vector<Queued*>& EventQueue::take(size_t max) {
  for (Queued* queued : taken_) release(*queued);
  taken_.clear();
  bool any_parked = false;
  {
    const std::lock_guard lock(mutex_);
    for (; taken_count_ > 0; --taken_count_) events_.pop();
    taken_.reserve(std::min(max, events_.size()));  // what follows cannot fail
    while (taken_count_ < max && taken_count_ < events_.size()) {
      Queued& queued = events_[taken_count_++];
      Channel& channel = *queued.channel;
      if (queued.is_delta) {
        --channel.unread_deltas_;
      } else {
        channel.unread_control_.fetch_sub(1, std::memory_order_relaxed);
      }
      if (channel.tail_delta_ == &queued) channel.tail_delta_ = nullptr;
      if (channel.was_parked_ && channel.unread_control_ < Channel::kParkAt / 2) {
        channel.was_parked_ = false;
        channel.unpark_due_ = any_parked = true;
      }
      taken_.push_back(&queued);
    }
    if (waiting_locked() == 0 && fd_ >= 0 && !wakeup_ && !over_locked()) set_fd_locked(false);
  }
  for (size_t i = 0; any_parked && i < taken_.size(); ++i)
    if (std::exchange(taken_[i]->channel->unpark_due_, false)) unpark(*taken_[i]->channel);
  return taken_;
}

void EventQueue::wait(int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return waiting_locked() > 0 || wakeup_ || over_locked(); };
  ++waiters_;
  if (timeout_ms < 0) {
    available_.wait(lock, ready);
  } else {
    available_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
  }
  --waiters_;
}

bool EventQueue::ready() const {
  const std::lock_guard lock(mutex_);
  return waiting_locked() > 0 || wakeup_ || over_locked();
}

bool EventQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return waiting_locked() == 0;
}

bool EventQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return over_locked();
}

bool EventQueue::consume_wakeup() {
  const std::lock_guard lock(mutex_);
  if (!wakeup_) return false;
  wakeup_ = false;
  if (waiting_locked() == 0 && fd_ >= 0 && !over_locked()) set_fd_locked(false);
  return true;
}

void EventQueue::wakeup() {
  const auto keep_alive = shared_from_this();
  std::unique_lock lock(mutex_);
  wakeup_ = true;
  tell(lock);
}

void EventQueue::close() {
  const auto keep_alive = shared_from_this();
  std::unique_lock lock(mutex_);
  closed_ = true;
  tell(lock);
}

void EventQueue::serve_many_runs() {
  if (!one_run_.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  run_over_ = false;
  if (waiting_locked() == 0 && fd_ >= 0 && !wakeup_ && !closed_) set_fd_locked(false);
}

int EventQueue::fd() {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) {
    fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd_ >= 0 && (waiting_locked() > 0 || wakeup_ || over_locked())) set_fd_locked(true);
  }
  return fd_;
}

// Allocates nothing: handles are given back when memory is short, too.
void EventQueue::abandon() {
  // Events hold their channels, and channels the queue.
  for (Queued* queued : taken_) release(*queued);
  taken_.clear();
  StableQueue<Queued> dropped;
  size_t first = 0;  // of those that nobody took
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    dropped = std::exchange(events_, {});
    first = std::exchange(taken_count_, 0);
  }
  for (size_t i = first; i < dropped.size(); ++i) {
    Channel& channel = *dropped[i].channel;
    {
      const std::lock_guard lock(mutex_);
      channel.tail_delta_ = nullptr;
      if (!std::exchange(channel.was_parked_, false)) continue;
    }
    unpark(channel);
  }
  if (notifications > 0) return;
  std::unique_lock lock(mutex_);
  available_.wait(lock, [this] { return notifying_ == 0; });
}

// The run goes on with its next input when memory is too short to tell it.
void EventQueue::unpark(const Channel& channel) {
  try {
    if (channel.unpark_) channel.unpark_();
  } catch (const std::bad_alloc&) {}
}

}  // namespace tau::runtime
