#include "runtime/queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
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
    case agent::EventKind::kHeldText:
    case agent::EventKind::kModelCall:
    case agent::EventKind::kModelCallOver:
    case agent::EventKind::kRunDone: return true;
    default: return false;
  }
}

thread_local int notifications = 0;  // that this thread is giving

constexpr size_t kUsualOutcome = 384;  // bytes
// What stands around the run and its outcome in the body of a terminal event.
constexpr std::string_view kEndFrame[] = {R"({"event":"run_done","run":")", R"(","outcome":)", "}"};

}  // namespace

Channel::Channel(std::shared_ptr<EventQueue> queue, SharedString run_id, void* userdata, bool quiet)
    : queue_(std::move(queue)),
      run_id_(std::move(run_id)),
      userdata_(userdata),
      quiet_(quiet),
      last_(std::make_unique<Queued>()) {
  expect_end(std::max(kUsualOutcome, out_of_memory_outcome().size()));
}

Channel::~Channel() = default;

void Channel::expect_end(size_t outcome_bytes) {
  if (last_ != nullptr)
    last_->json.reserve(kEndFrame[0].size() + run_id_.size() + kEndFrame[1].size() + outcome_bytes +
                        kEndFrame[2].size());
}

std::string_view Queued::body() {
  if (!json.empty()) return json;
  if (event.kind == agent::EventKind::kRunDone) {
    json.append(kEndFrame[0]).append(channel->run_id()).append(kEndFrame[1]);
    json.append(event.json.view()).append(kEndFrame[2]);
  } else {
    json = agent::event_json(event, channel->run_id());
  }
  return json;
}

void QueuedList::push(Queued* queued) noexcept {
  queued->next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = queued;
  last_ = queued;
  ++size_;
}

Queued* QueuedList::pop() noexcept {
  Queued* const queued = first_;
  if (queued == nullptr) return nullptr;
  first_ = queued->next;
  if (first_ == nullptr) last_ = nullptr;
  --size_;
  return queued;
}

void QueuedList::append(QueuedList& other) noexcept {
  if (other.empty()) return;
  (last_ == nullptr ? first_ : last_->next) = std::exchange(other.first_, nullptr);
  last_ = std::exchange(other.last_, nullptr);
  size_ += std::exchange(other.size_, 0);
}

void QueuedList::drop(size_t keep) noexcept {
  while (size_ > keep) delete pop();
}

bool WakeList::add(std::shared_ptr<EventQueue> queue) {
  try {
    queues_.push_back(std::move(queue));
  } catch (const std::bad_alloc&) { return false; }
  return true;
}

void WakeList::end_turn() {
  in_turn_ = false;
  for (const auto& queue : queues_) queue->end_turn();
  queues_.clear();
}

EventQueue::EventQueue(uint32_t loop, std::function<void()> notify, WakeList* wakes)
    : loop_(loop), notify_(std::move(notify)), wakes_(wakes) {
  taken_.reserve(1);
}

EventQueue::~EventQueue() {
  if (fd_ >= 0) ::close(fd_);
}

void Channel::emit(agent::Event&& event) {
  if (quiet_ && !shown_when_quiet(event.kind)) return;
  EventQueue& queue = *queue_;
  auto lock = queue.write_lock();
  if (muted_ || queue.abandoned_) return;
  const bool last = event.kind == agent::EventKind::kRunDone && last_ != nullptr;
  Queued* const queued = last ? last_.release() : queue.spare();
  queued->event.take(std::move(event));
  queued->is_delta = false;
  if (last) queue.ends_run_ = true;
  tail_delta_ = nullptr;
  control_.store(control_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  queue.push(*this, queued);
  queue.pushed(lock);
}

void Channel::delta(agent::EventKind kind, std::string_view call_id, std::string_view text) {
  if (quiet_) return;
  EventQueue& queue = *queue_;
  auto lock = queue.write_lock();
  if (muted_ || queue.abandoned_) return;
  if (merge(kind, call_id, text, lock.owns_lock())) return;
  Queued* const queued = queue.spare();
  queued->is_delta = true;
  queued->event.kind = kind;
  try {
    queued->event.call_id = call_id;
    queued->event.text = text;
  } catch (const std::bad_alloc&) {
    queued->event.call_id.clear();
    queued->event.text.clear();
    queue.spares_.push(queued);
    throw;
  }
  ++deltas_;
  tail_delta_ = queued;
  tail_first_seq_ = seq_ + 1;
  tail_publication_ = queue.publications_;
  queue.push(*this, queued);
  queue.pushed(lock);
}

// Appends to the last event, when there are many deltas and it is still here.
bool Channel::merge(agent::EventKind kind, std::string_view call_id, std::string_view text, bool locked) {
  if (tail_delta_ == nullptr || deltas_ - read_deltas_.load(std::memory_order_relaxed) < kMergeAt)
    return false;
  std::unique_lock<std::mutex> lock;
  if (tail_publication_ != queue_->publications_) {
    if (!locked) lock = std::unique_lock(queue_->mutex_);
    if (taken_seq_ >= tail_first_seq_) tail_delta_ = nullptr;
  }
  if (tail_delta_ == nullptr || tail_delta_->event.kind != kind || tail_delta_->event.call_id != call_id)
    return false;
  tail_delta_->event.text += text;
  tail_delta_->seq = ++seq_;
  return true;
}

bool Channel::parked() const {
  if (unread_control() < kParkAt) return false;
  const std::lock_guard lock(queue_->mutex_);
  // Under the lock: see may_unpark().
  was_parked_ = unread_control() >= kParkAt && !muted_ && !queue_->abandoned_;
  return was_parked_;
}

void Channel::publish() { queue_->publish(); }

void Channel::mute() {
  bool parked = false;
  bool ends = false;
  {
    const std::lock_guard lock(queue_->mutex_);
    muted_ = true;
    parked = std::exchange(was_parked_, false);
    ends = queue_->end_of_run_locked();
  }
  if (ends) queue_->tell_end();
  if (parked) EventQueue::unpark(*this);
}

// An event to be filled: a new one, or one that was read.
Queued* EventQueue::spare() {
  Queued* const queued = spares_.pop();
  return queued != nullptr ? queued : new Queued;
}

void EventQueue::push(Channel& channel, Queued* queued) {
  // Events are read and die in order: one of neighbours is enough to hold the channel.
  Queued* const before = unpublished_.last();
  if (before != nullptr && before->channel == &channel) {
    queued->holds_channel = std::move(before->holds_channel);
  } else {
    queued->holds_channel = channel.shared_from_this();
  }
  queued->channel = &channel;
  queued->first_seq = queued->seq = ++channel.seq_;
  unpublished_.push(queued);
}

void EventQueue::pushed(std::unique_lock<std::mutex>& lock) {
  if (!lock.owns_lock()) {
    if (!listed_) listed_ = wakes_->add(shared_from_this());
    if (listed_) return;
    lock = std::unique_lock(mutex_);
  }
  const auto keep_alive = shared_from_this();
  publish_locked();
  tell_if_due(lock);
}

void EventQueue::publish() {
  const std::lock_guard lock(mutex_);
  publish_locked();
}

void EventQueue::end_turn() {
  listed_ = false;
  std::unique_lock lock(mutex_);
  publish_locked();
  tell_if_due(lock);
}

// Only the step from empty to non-empty wakes anybody.
void EventQueue::publish_locked() {
  ++publications_;
  if (waiting_.empty() && !unpublished_.empty()) tell_due_ = true;
  waiting_.append(unpublished_);
  any_waiting_ = !waiting_.empty();
  // Last: a reader that sees the end without the lock sees what came before it.
  if (std::exchange(ends_run_, false) && end_of_run_locked()) tell_due_ = true;
  spares_.append(used_);
  spares_.drop(kKept);
}

// Unlocks. A system call only for those who asked for one.
void EventQueue::tell_if_due(std::unique_lock<std::mutex>& lock) {
  const bool due = std::exchange(tell_due_, false);
  if (abandoned_) {  // what came meanwhile
    QueuedList dropped = std::move(waiting_);
    any_waiting_ = false;
    lock.unlock();
    unpark_all(dropped);
  } else if (due && ready()) {  // else it was read meanwhile
    tell(lock);
  }
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

// Leaves an event that may be used again: nothing is held but the memory of short texts.
void EventQueue::release(Queued& queued) {
  constexpr size_t kKeptBytes = 512;
  const auto empty = [](std::string& text) {
    if (text.capacity() > kKeptBytes) text = std::string();
    text.clear();
  };
  queued.channel = nullptr;
  if (queued.holds_channel != nullptr) queued.holds_channel.reset();
  empty(queued.event.call_id);
  empty(queued.event.text);
  empty(queued.json);
  if (!queued.is_delta) queued.event.clear();  // a delta has nothing else
}

void EventQueue::set_fd_locked(bool readable) {
  uint64_t value = 1;
  const ssize_t n = readable ? write(fd_, &value, sizeof value) : read(fd_, &value, sizeof value);
  (void)n;  // EAGAIN: it already is as wanted
}

// Of so many that are to be taken: how many can be.
size_t EventQueue::make_room(size_t wanted) {
  if (wanted <= taken_.capacity()) return wanted;
  try {
    taken_.reserve(wanted);
  } catch (const std::bad_alloc&) {}
  return std::min(wanted, taken_.capacity());
}

const std::vector<Queued*>& EventQueue::take(size_t max) {
  for (Queued* queued : taken_) release(*queued);
  taken_.clear();
  if (fetched_.size() < max && any_waiting_) fetch(max);
  const size_t room = make_room(std::min(max, fetched_.size()));  // what follows cannot fail
  while (taken_.size() < room) hand_out(fetched_.pop());
  fetched_count_.store(fetched_.size(), std::memory_order_relaxed);
  if (!taken_.empty() && fetched_.empty() && fd_ >= 0) reset_fd();
  return taken_;
}

void EventQueue::fetch(size_t max) {
  const std::lock_guard lock(mutex_);
  used_.append(read_);
  for (size_t room = std::max(max, kFetched) - fetched_.size(); room > 0 && !waiting_.empty(); --room) {
    Queued* const queued = waiting_.pop();
    queued->channel->taken_seq_ = queued->seq;
    fetched_.push(queued);
  }
  any_waiting_ = !waiting_.empty();
}

void EventQueue::hand_out(Queued* queued) {
  read_.push(queued);
  taken_.push_back(queued);
  Channel& channel = *queued->channel;
  const auto add_one = [](std::atomic<uint64_t>& count) {  // nobody else writes it
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
  if (queued->is_delta) return add_one(channel.read_deltas_);
  add_one(channel.read_control_);
  if (channel.unread_control() == Channel::kParkAt / 2 - 1) may_unpark(channel);
}

// Called whenever the reader has worked off half of what a run may leave unread. A run that parked before the
// lock is taken here goes on; one that asks for it later sees how much was read.
void EventQueue::may_unpark(Channel& channel) {
  {
    const std::lock_guard lock(mutex_);
    if (channel.unread_control() >= Channel::kParkAt / 2 || !std::exchange(channel.was_parked_, false))
      return;
  }
  unpark(channel);
}

void EventQueue::unpark_all(const QueuedList& list) {
  list.each([this](const Queued& queued) {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(queued.channel->was_parked_, false)) return;
    }
    unpark(*queued.channel);
  });
}

// After the last event that was there.
void EventQueue::reset_fd() {
  const std::lock_guard lock(mutex_);
  if (!ready()) set_fd_locked(false);
}

bool EventQueue::is_notifying() { return notifications > 0; }

void EventQueue::wait(int timeout_ms) {
  std::unique_lock lock(mutex_);
  ++waiters_;
  if (timeout_ms < 0) {
    available_.wait(lock, [this] { return ready(); });
  } else {
    available_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return ready(); });
  }
  --waiters_;
}

bool EventQueue::consume_wakeup() {
  if (!wakeup_) return false;
  const std::lock_guard lock(mutex_);
  wakeup_ = false;
  if (fd_ >= 0 && !ready()) set_fd_locked(false);
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

void EventQueue::tell_end() {
  std::unique_lock lock(mutex_);
  if (!abandoned_) tell(lock);
}

void EventQueue::serve_many_runs() {
  if (!one_run_.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  run_over_ = false;
  if (fd_ >= 0 && !ready()) set_fd_locked(false);
}

int EventQueue::fd() {
  const std::lock_guard lock(mutex_);
  if (fd_ < 0) {
    fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd_ >= 0 && ready()) set_fd_locked(true);
  }
  return fd_;
}

// Allocates nothing: handles are given back when memory is short, too.
void EventQueue::abandon() {
  // Events hold their channels, and channels the queue.
  for (Queued* queued : taken_) release(*queued);
  taken_.clear();
  QueuedList dropped;
  dropped.append(fetched_);
  fetched_count_ = 0;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    waiting_.each([](const Queued& queued) { queued.channel->taken_seq_ = queued.seq; });
    dropped.append(waiting_);
    any_waiting_ = false;
  }
  unpark_all(dropped);
  if (notifications > 0) return;
  std::unique_lock lock(mutex_);
  available_.wait(lock, [this] { return notifying_ == 0; });
}

void EventQueue::unpark(Channel& channel) {
  if (channel.unpark_) channel.unpark_();
}

}  // namespace tau::runtime
