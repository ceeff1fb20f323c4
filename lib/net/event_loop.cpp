// EventLoop over epoll. The epoll descriptor is what the host polls: behind it stand the watched descriptors,
// a timerfd armed for the earliest timer, and an eventfd that is written when tasks wait. A loop whose fd()
// was never asked for is only entered through process(): it then needs no system call to learn of its own
// tasks.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>
#include <thread>

#include "net/net.h"
#include "net/timer_heap.h"

namespace tau::net {
namespace {

constexpr int kEventsPerTurn = 128;
// How many generations of tasks (tasks posted by tasks) one turn runs before descriptors are looked at again.
constexpr int kTaskRoundsPerTurn = 16;
// Values of epoll_event.data that are not (generation, fd) pairs; a generation is never 0.
constexpr uint64_t kWakeKey = 1;
constexpr uint64_t kTimerKey = 2;

void close_if_open(int fd) {
  if (fd >= 0) close(fd);
}

// What other threads touch. It outlives the loop for as long as anybody holds a Poster.
class Inbox final : public EventLoop::Poster {
 public:
  explicit Inbox(int event_fd) : event_fd_(event_fd) {}
  ~Inbox() override { close(event_fd_); }

  int event_fd() const { return event_fd_; }

  bool post(Task task) override {
    bool heard = false;  // the loop finds the task without being told
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      tasks_.push_back(std::move(task));
      any_.store(true, std::memory_order_release);
      heard = !waiting_ && !polled_;
    }
    if (!heard) signal();
    return true;
  }

  // The owner is about to wait; false when something was posted meanwhile. From here to end_wait() every post
  // signals.
  bool begin_wait() {
    const std::lock_guard lock(mutex_);
    waiting_ = tasks_.empty();
    return waiting_;
  }
  void end_wait() {
    const std::lock_guard lock(mutex_);
    waiting_ = false;
  }
  // From now on somebody polls the descriptor: every post signals. True when something waits already.
  bool set_polled() {
    const std::lock_guard lock(mutex_);
    polled_ = true;
    return put_off_ || !tasks_.empty();
  }
  // Called at the end of process() until set_polled(): whether the descriptor says less than it should. True
  // when somebody began to poll it meanwhile, and has to be told.
  bool put_off(bool yes) {
    const std::lock_guard lock(mutex_);
    put_off_ = yes;
    return yes && polled_;
  }

  // Async-signal-safe. Writes the eventfd unless an earlier write is still to be consumed.
  void signal() {
    if (signalled_.exchange(true, std::memory_order_acq_rel)) return;
    const int saved_errno = errno;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
    errno = saved_errno;
  }

  // The read comes before the flag is cleared: a writer in between sees the flag set and writes nothing, and
  // its task is found by the drain() that follows.
  void consume_signal() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_fd_, &count, sizeof count);
    signalled_.exchange(false, std::memory_order_acq_rel);
  }

  // Appends what was posted to `out`; leaves it here when there is no room and no memory for that.
  void drain(std::vector<Task>& out) {
    if (!any_.load(std::memory_order_acquire)) return;  // begin_wait() looks again
    const std::lock_guard lock(mutex_);
    if (out.empty()) {
      out.swap(tasks_);
    } else {
      try {
        out.reserve(out.size() + tasks_.size());
      } catch (const std::bad_alloc&) { return; }
      std::move(tasks_.begin(), tasks_.end(), std::back_inserter(out));
      tasks_.clear();
    }
    any_.store(false, std::memory_order_relaxed);
  }

  // Whose work failed for lack of memory on other threads. Each is kept once, so that there is room for all.
  void expect_owners(size_t count) {
    const std::lock_guard lock(mutex_);
    failed_.reserve(count);
  }
  void add_failed(Owner owner) noexcept {
    {
      const std::lock_guard lock(mutex_);
      const bool known = std::find(failed_.begin(), failed_.end(), owner) != failed_.end();
      if (!known && failed_.size() < failed_.capacity()) failed_.push_back(owner);
      any_failed_ = true;
    }
    signal();
  }
  // 0: none.
  Owner take_failed() {
    if (!any_failed_.load(std::memory_order_acquire)) return 0;
    const std::lock_guard lock(mutex_);
    if (failed_.size() <= 1) any_failed_ = false;
    if (failed_.empty()) return 0;
    const Owner owner = failed_.back();
    failed_.pop_back();
    return owner;
  }

  std::vector<Task> close_and_take() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return std::exchange(tasks_, {});
  }

 private:
  const int event_fd_;
  std::atomic<bool> signalled_ = false;
  std::atomic<bool> any_ = false;  // tasks; written under the mutex
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::vector<Owner> failed_;
  std::atomic<bool> any_failed_ = false;
  bool closed_ = false;
  bool waiting_ = false;
  bool polled_ = false;
  bool put_off_ = false;
};

class EpollLoop final : public EventLoop {
 public:
  EpollLoop(Clock& clock, int epoll_fd, int timer_fd, std::shared_ptr<Inbox> inbox)
      : clock_(clock), epoll_fd_(epoll_fd), timer_fd_(timer_fd), inbox_(std::move(inbox)) {}
  ~EpollLoop() override;

  void post(Task task) override;
  bool on_owner_thread() const override {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  int64_t now_ns() override {
    return processing_.load(std::memory_order_relaxed) ? now_ns_ : clock_.monotonic_ns();
  }
  TimerId set_timer(int64_t deadline_ns, Task task) override;
  void cancel_timer(TimerId id) override;

  int fd() override;
  StatusOr<int> process(int timeout_ms) override;
  void wake() override { inbox_->signal(); }
  std::shared_ptr<Poster> poster() override { return inbox_; }
  Status watch(int fd, uint32_t events, IoHandler handler) override;
  Status rewatch(int fd, uint32_t events) override;
  void unwatch(int fd) override;
  void on_out_of_memory(UniqueFunction<void(Owner)> handler) override { out_of_memory_ = std::move(handler); }
  void expect_owners(size_t count) override { inbox_->expect_owners(count); }
  void out_of_memory(Owner owner) noexcept override { inbox_->add_failed(owner); }

 private:
  struct Watch {
    uint32_t generation;
    Owner owner;
    IoHandler handler;
    std::unique_ptr<Watch> next_retired;
  };
  StatusOr<int> turn(int timeout_ms);
  int dispatch(const epoll_event& event);
  int run_timers();
  void run(Task& task);
  void report(Owner owner);
  int run_tasks();
  void settle_fd();
  void arm_timer();
  Status control(int op, int fd, uint32_t events, uint32_t generation);
  Watch* find(int fd) {
    return fd >= 0 && static_cast<size_t>(fd) < watches_.size() ? watches_[static_cast<size_t>(fd)].get()
                                                                : nullptr;
  }
  // Owner thread, inside process(): what is posted or set now needs no system call to be seen. One variable,
  // which only the thread that is named writes its name to: the owner before cannot mistake itself for it.
  bool inside() const { return inside_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }

  Clock& clock_;
  const int epoll_fd_;
  const int timer_fd_;
  const std::shared_ptr<Inbox> inbox_;
  std::atomic<std::thread::id> owner_ = std::this_thread::get_id();
  std::atomic<std::thread::id> inside_ = std::thread::id();  // who is in process()
  std::atomic<bool> processing_ = false;
  int64_t now_ns_ = 0;
  TimerHeap timers_;
  int64_t armed_ns_ = INT64_MAX;                 // the deadline the timerfd is set to; INT64_MAX: none
  std::vector<Task> tasks_;                      // posted by the owner, waiting
  std::vector<Task> running_;                    // the round being run
  std::vector<std::unique_ptr<Watch>> watches_;  // by fd
  size_t watched_ = 0;                           // how many of them there are
  std::atomic<bool> polled_ = false;             // fd() was asked for
  std::unique_ptr<Watch> retired_;  // a list of those unwatched during this turn: one of them may be running
  uint32_t next_generation_ = 1;
  UniqueFunction<void(Owner)> out_of_memory_;
};

EpollLoop::~EpollLoop() {
  // Whatever dies here may post and set timers again: the inbox refuses, and the loop below takes the rest.
  watches_.clear();
  inbox_->close_and_take();
  while (!tasks_.empty() || !timers_.empty()) {
    const std::vector<Task> dropped = std::exchange(tasks_, {});
    while (const Task dropped_timer = timers_.pop_any()) {}
  }
  close(timer_fd_);
  close(epoll_fd_);
}

// Outside process() any thread may become the owner at any moment: only from inside is tasks_ safe.
void EpollLoop::post(Task task) {
  if (inside()) {
    tasks_.push_back(std::move(task));
  } else {
    inbox_->post(std::move(task));
  }
}

int EpollLoop::fd() {
  // What process() put off, its next call makes good.
  if (!polled_.exchange(true) && inbox_->set_polled()) inbox_->signal();
  return epoll_fd_;
}

TimerId EpollLoop::set_timer(int64_t deadline_ns, Task task) {
  const TimerId id = timers_.set(deadline_ns, std::move(task));
  if (!inside()) arm_timer();
  return id;
}

void EpollLoop::cancel_timer(TimerId id) {
  timers_.cancel(id);
  if (!inside()) arm_timer();
}

StatusOr<int> EpollLoop::process(int timeout_ms) {
  if (processing_.exchange(true, std::memory_order_acquire)) {
    return failed_precondition("loop_busy", "process() was called while another call of it is running");
  }
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  inside_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  StatusOr<int> ran = turn(timeout_ms);
  while (retired_ != nullptr) {  // what a handler owns may unwatch more when it dies
    const std::unique_ptr<Watch> dead = std::move(retired_);
    retired_ = std::move(dead->next_retired);
  }
  settle_fd();
  inside_.store(std::thread::id(), std::memory_order_relaxed);
  processing_.store(false, std::memory_order_release);
  return ran;
}

StatusOr<int> EpollLoop::turn(int timeout_ms) {
  epoll_event events[kEventsPerTurn];
  inbox_->drain(tasks_);
  int ready = 0;
  if (tasks_.empty() || watched_ > 0 || polled_) {
    const bool wait = tasks_.empty() && timeout_ms != 0 && inbox_->begin_wait();
    ready = epoll_wait(epoll_fd_, events, kEventsPerTurn, wait ? timeout_ms : 0);
    const int error = errno;
    if (wait) inbox_->end_wait();
    if (ready < 0 && error != EINTR) return errno_status(error, "epoll_wait");
  }
  now_ns_ = clock_.monotonic_ns();
  int ran = 0;
  for (int i = 0; i < ready; ++i) ran += dispatch(events[i]);
  ran += run_timers();
  ran += run_tasks();
  while (const Owner owner = inbox_->take_failed()) report(owner);
  return ran;
}

int EpollLoop::dispatch(const epoll_event& event) {
  if (event.data.u64 == kWakeKey) {
    inbox_->consume_signal();
    return 0;
  }
  if (event.data.u64 == kTimerKey) {
    uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t got = read(timer_fd_, &expirations, sizeof expirations);
    armed_ns_ = INT64_MAX;
    return 0;
  }
  Watch* watch = find(static_cast<int>(event.data.u64 & 0xffffffffu));
  // A handler that ran before in this turn may have unwatched this fd, or watched its number anew.
  if (watch == nullptr || watch->generation != event.data.u64 >> 32) return 0;
  const OwnerScope scope(watch->owner);
  try {
    watch->handler(event.events);
  } catch (const std::bad_alloc&) { report(watch->owner); }
  return 1;
}

// Memory may be short for one: the others go on. What the task owned dies before its owner is told and before
// the next one runs.
void EpollLoop::run(Task& task) {
  const Owner owner = task.owner();
  const OwnerScope scope(owner);
  bool failed = false;
  try {
    task();
  } catch (const std::bad_alloc&) { failed = true; }
  task = nullptr;
  if (failed) report(owner);
}

void EpollLoop::report(Owner owner) {
  const OwnerScope scope(owner);
  if (out_of_memory_) out_of_memory_(owner);
}

int EpollLoop::run_timers() {
  int ran = 0;
  const uint64_t bound = timers_.next_sequence();
  while (Task task = timers_.pop_due(now_ns_, bound)) {
    run(task);
    ++ran;
  }
  return ran;
}

int EpollLoop::run_tasks() {
  int ran = 0;
  for (int round = 0; round < kTaskRoundsPerTurn; ++round) {
    inbox_->drain(tasks_);
    if (tasks_.empty()) break;
    running_.swap(tasks_);
    for (Task& task : running_) {
      run(task);
      ++ran;
    }
    running_.clear();
  }
  return ran;
}

// Makes the descriptor say what is left to do. While nobody polls it, work that waits needs no signal, and a
// timerfd that fires too early is left alone: most timers are cancelled long before they are due, and one
// wake-up too many costs less than two system calls for each of them.
void EpollLoop::settle_fd() {
  if (polled_) {
    arm_timer();
    if (!tasks_.empty()) inbox_->signal();
    return;
  }
  const bool early = armed_ns_ != INT64_MAX && (timers_.empty() || armed_ns_ < timers_.earliest_ns());
  if (!early) arm_timer();
  if (inbox_->put_off(early || !tasks_.empty())) inbox_->signal();
}

// Sets the timerfd to the earliest timer, unless it is. The delay is measured from a fresh reading of the
// clock: counted from the cached time the timer would fire late by as much as the turn took.
void EpollLoop::arm_timer() {
  const int64_t wanted = timers_.empty() ? INT64_MAX : timers_.earliest_ns();
  if (wanted == armed_ns_) return;
  itimerspec spec = {};
  if (wanted != INT64_MAX) {
    const int64_t delay_ns = std::max<int64_t>(wanted - clock_.monotonic_ns(), 1);  // 0 would disarm
    spec.it_value.tv_sec = delay_ns / 1'000'000'000;
    spec.it_value.tv_nsec = delay_ns % 1'000'000'000;
  }
  timerfd_settime(timer_fd_, 0, &spec, nullptr);
  armed_ns_ = wanted;
}

Status EpollLoop::control(int op, int fd, uint32_t events, uint32_t generation) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = (static_cast<uint64_t>(generation) << 32) | static_cast<uint32_t>(fd);
  if (epoll_ctl(epoll_fd_, op, fd, &event) != 0) return errno_status(errno, "epoll_ctl");
  return ok_status();
}

Status EpollLoop::watch(int fd, uint32_t events, IoHandler handler) {
  if (find(fd) != nullptr)
    return failed_precondition("already_watched", format("fd {} is watched already", fd));
  if (fd < 0) return errno_status(EBADF, "watch");
  if (static_cast<size_t>(fd) >= watches_.size()) watches_.resize(static_cast<size_t>(fd) + 1);
  auto watch =
      std::make_unique<Watch>(Watch{next_generation_, OwnerScope::current(), std::move(handler), nullptr});
  TAU_RETURN_IF_ERROR(control(EPOLL_CTL_ADD, fd, events, next_generation_));
  if (++next_generation_ == 0) next_generation_ = 1;
  watches_[static_cast<size_t>(fd)] = std::move(watch);
  ++watched_;
  return ok_status();
}

Status EpollLoop::rewatch(int fd, uint32_t events) {
  const Watch* watch = find(fd);
  if (watch == nullptr) return failed_precondition("not_watched", format("fd {} is not watched", fd));
  return control(EPOLL_CTL_MOD, fd, events, watch->generation);
}

void EpollLoop::unwatch(int fd) {
  if (find(fd) == nullptr) return;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);  // fails harmlessly when the fd was closed before
  auto& slot = watches_[static_cast<size_t>(fd)];
  --watched_;
  if (inside()) {
    slot->next_retired = std::move(retired_);
    retired_ = std::move(slot);
  } else {
    slot = nullptr;
  }
}

}  // namespace

StatusOr<std::unique_ptr<EventLoop>> EventLoop::create(Clock& clock) {
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return errno_status(errno, "eventfd");
  auto inbox = std::make_shared<Inbox>(event_fd);
  const int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const int epoll_fd = timer_fd < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
  epoll_event wake = {};
  wake.events = EPOLLIN;
  wake.data.u64 = kWakeKey;
  epoll_event timer = wake;
  timer.data.u64 = kTimerKey;
  if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &wake) != 0 ||
      epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &timer) != 0) {
    Status failure = errno_status(errno, "cannot create the event loop");
    close_if_open(epoll_fd);
    close_if_open(timer_fd);
    return failure;
  }
  return std::unique_ptr<EventLoop>(new EpollLoop(clock, epoll_fd, timer_fd, std::move(inbox)));
}

}  // namespace tau::net
