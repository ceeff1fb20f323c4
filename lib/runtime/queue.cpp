#include "runtime/queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>

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

}  // namespace

Channel::Channel(std::shared_ptr<EventQueue> queue, std::string run_id, void* userdata, bool quiet)
    : queue_(std::move(queue)), run_id_(std::move(run_id)), userdata_(userdata), quiet_(quiet) {}

EventQueue::EventQueue(uint32_t loop, std::function<void()> notify)
    : loop_(loop), notify_(std::move(notify)) {}

EventQueue::~EventQueue() {
  if (fd_ >= 0) ::close(fd_);
}

void Channel::emit(agent::Event event) {
  if (quiet_ && !shown_when_quiet(event.kind)) return;
  std::unique_lock lock(queue_->mutex_);
  if (muted_ || queue_->abandoned_) return;
  tail_delta_ = nullptr;
  ++unread_control_;
  queue_->push_locked(*this, std::move(event), false);
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
  ++unread_deltas_;
  tail_delta_ = queue_->push_locked(
      *this, {.kind = kind, .call_id = std::string(call_id), .text = std::string(text)}, true);
  queue_->became_nonempty(lock);
}

bool Channel::parked() const {
  const std::lock_guard lock(queue_->mutex_);
  const bool parked = unread_control_ >= kParkAt && !muted_ && !queue_->abandoned_;
  const_cast<Channel*>(this)->was_parked_ = parked;
  return parked;
}

void Channel::mute() {
  std::function<void()> unpark;
  {
    const std::lock_guard lock(queue_->mutex_);
    muted_ = true;
    if (was_parked_) unpark = unpark_;
    was_parked_ = false;
  }
  if (unpark) unpark();
}

Queued* EventQueue::push_locked(Channel& channel, agent::Event event, bool is_delta) {
  Queued& queued = events_.emplace_back();
  queued.channel = channel.shared_from_this();
  queued.event = std::move(event);
  queued.first_seq = queued.seq = ++channel.seq_;
  queued.is_delta = is_delta;
  return &queued;
}

// Wakes whoever waits. Only the step from empty to non-empty costs a system call, and only for those who
// asked for one.
void EventQueue::became_nonempty(std::unique_lock<std::mutex>& lock) {
  const bool first = events_.size() == 1;
  if (!first) return;
  if (fd_ >= 0) set_fd_locked(true);
  const bool wake = waiters_ > 0;
  const auto notify = notify_;
  lock.unlock();
  if (wake) available_.notify_all();
  if (notify) notify();
}

void EventQueue::set_fd_locked(bool readable) {
  uint64_t value = 1;
  const ssize_t n = readable ? write(fd_, &value, sizeof value) : read(fd_, &value, sizeof value);
  (void)n;  // EAGAIN: it already is as wanted
}

std::deque<Queued>& EventQueue::take(size_t max) {
  taken_.clear();
  std::vector<std::function<void()>> unpark;
  {
    const std::lock_guard lock(mutex_);
    while (taken_.size() < max && !events_.empty()) {
      Queued& queued = events_.front();
      Channel& channel = *queued.channel;
      --(queued.is_delta ? channel.unread_deltas_ : channel.unread_control_);
      if (channel.tail_delta_ == &queued) channel.tail_delta_ = nullptr;
      if (channel.was_parked_ && channel.unread_control_ < Channel::kParkAt / 2) {
        channel.was_parked_ = false;
        unpark.push_back(channel.unpark_);
      }
      taken_.push_back(std::move(queued));
      events_.pop_front();
    }
    if (events_.empty() && fd_ >= 0 && !wakeup_ && !closed_) set_fd_locked(false);
  }
  for (const auto& go_on : unpark)
    if (go_on) go_on();
  return taken_;
}

void EventQueue::wait(int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !events_.empty() || wakeup_ || closed_; };
  ++waiters_;
  if (timeout_ms < 0) {
    available_.wait(lock, ready);
  } else {
    available_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
  }
  --waiters_;
}

bool EventQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return events_.empty();
}

bool EventQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool EventQueue::consume_wakeup() {
  const std::lock_guard lock(mutex_);
  if (!wakeup_) return false;
  wakeup_ = false;
  if (events_.empty() && fd_ >= 0 && !closed_) set_fd_locked(false);
  return true;
}

void EventQueue::wakeup() {
  std::function<void()> notify;
  {
    const std::lock_guard lock(mutex_);
    wakeup_ = true;
    if (fd_ >= 0) set_fd_locked(true);
    notify = notify_;
  }
  available_.notify_all();
  if (notify) notify();
}

void EventQueue::close() {
  std::function<void()> notify;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (fd_ >= 0) set_fd_locked(true);
    notify = notify_;
  }
  available_.notify_all();
  if (notify) notify();
}

int EventQueue::fd() {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) {
    fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd_ >= 0 && (!events_.empty() || wakeup_ || closed_)) set_fd_locked(true);
  }
  return fd_;
}

void EventQueue::abandon() {
  taken_.clear();  // events hold their channels, and channels the queue
  std::deque<Queued> dropped;
  std::vector<std::function<void()>> unpark;
  {
    const std::lock_guard lock(mutex_);
    notify_ = nullptr;
    abandoned_ = true;
    dropped.swap(events_);
    for (Queued& queued : dropped) {
      Channel& channel = *queued.channel;
      channel.tail_delta_ = nullptr;
      if (std::exchange(channel.was_parked_, false)) unpark.push_back(channel.unpark_);
    }
  }
  for (const auto& go_on : unpark)
    if (go_on) go_on();
}

}  // namespace tau::runtime
