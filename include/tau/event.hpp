// Events and the queues that they come out of.
#ifndef TAU_EVENT_HPP
#define TAU_EVENT_HPP

#include <tau/event.h>

#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <tau/error.hpp>

namespace tau {
inline namespace v0 {

// What an event is; event.h and docs/events.md say more. A newer library may send kinds that are not listed:
// ignore them.
enum class EventKind : uint32_t {
  kNone = TAU_EVENT_NONE,
  kRunStarted = TAU_EVENT_RUN_STARTED,
  kTurnStarted = TAU_EVENT_TURN_STARTED,
  kText = TAU_EVENT_TEXT,
  kReasoning = TAU_EVENT_REASONING,
  kMessage = TAU_EVENT_MESSAGE,
  kToolCall = TAU_EVENT_TOOL_CALL,  // answer with Run::tool_result
  kApproval = TAU_EVENT_APPROVAL,   // answer with Run::approve or Run::deny
  kToolStarted = TAU_EVENT_TOOL_STARTED,
  kToolProgress = TAU_EVENT_TOOL_PROGRESS,
  kToolResult = TAU_EVENT_TOOL_RESULT,
  kAttempt = TAU_EVENT_ATTEMPT,
  kTurnDone = TAU_EVENT_TURN_DONE,
  kOpAccepted = TAU_EVENT_OP_ACCEPTED,
  kOpRejected = TAU_EVENT_OP_REJECTED,
  kSnapshot = TAU_EVENT_SNAPSHOT,
  kRunDone = TAU_EVENT_RUN_DONE,  // the last of its run
  kHeldText = TAU_EVENT_HELD_TEXT,
  kRoute = TAU_EVENT_ROUTE,
  kModelCall = TAU_EVENT_MODEL_CALL,
  kModelCallOver = TAU_EVENT_MODEL_CALL_OVER,
  kRecalled = TAU_EVENT_RECALLED
};

// One event. It and its views live until the next one is taken from the queue; copy what you keep.
class Event {
 public:
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  EventKind kind() const noexcept { return static_cast<EventKind>(event_.kind); }

  // Of a text or reasoning event the piece, of a tool event the tool's name or result.
  std::string_view text() const noexcept { return detail::view(event_.text); }

  // Of a tool call, to answer it with; empty for others.
  std::string_view call_id() const noexcept { return detail::view(event_.call_id); }
  std::string_view run_id() const noexcept { return detail::view(event_.run_id); }

  // Grows by one with every event of a run. first_seq() is smaller when this one stands for several.
  uint64_t seq() const noexcept { return event_.seq; }
  uint64_t first_seq() const noexcept { return event_.first_seq; }

  // RunOptions::userdata of the run.
  void* userdata() const noexcept { return event_.userdata; }

  // The body as JSON, made on demand (tau_event_json).
  std::string_view json() const noexcept {
    tau_str out{};
    tau_event_json(queue_, &event_, &out, nullptr);
    return detail::view(out);
  }

  const tau_event& c() const noexcept { return event_; }

 private:
  friend class Events;
  friend class Queue;
  Event(tau_queue* queue, const tau_event& event) noexcept : queue_(queue), event_(event) {}

  tau_queue* queue_;
  tau_event event_;
};

struct QueueOptions {
  uint32_t loop = 0;  // runs with this queue live on this loop

  // Told on any thread that the queue is no longer empty; must only signal, and must not throw. The function
  // belongs to the caller and outlives the queue and every run that uses it.
  const std::function<void()>* notify = nullptr;
};

// The events of a queue as a range that is walked once.
//
//   auto events = run.events();
//   for (const tau::Event& event : events) …
//   if (!events.ok()) report(events.error());
//
// It ends after the terminal event of its run, or when nothing can come any more: kDone. It pauses when nothing
// came in time or the queue was woken: kAgain; another loop over it goes on. It fails with an error, and
// nothing is thrown.
// Thread: owner, of the queue.
class Events {
 public:
  struct Sentinel {};

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = const Event*;
    using reference = const Event&;

    const Event& operator*() const noexcept { return events_->event_; }
    const Event* operator->() const noexcept { return &events_->event_; }
    Iterator& operator++() {
      events_->advance();
      return *this;
    }
    void operator++(int) { events_->advance(); }
    bool operator==(Sentinel) const noexcept { return events_->status_ != Status::kOk; }
    bool operator!=(Sentinel) const noexcept { return events_->status_ == Status::kOk; }

   private:
    friend class Events;
    explicit Iterator(Events* events) noexcept : events_(events) {}
    Events* events_;
  };

  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() { tau_queue_unref(event_.queue_); }

  // Takes the next event.
  Iterator begin() {
    advance();
    return Iterator(this);
  }
  Sentinel end() const noexcept { return {}; }

  // kOk: an event is there; kDone, kAgain: as above; else the code of error().
  Status status() const noexcept { return status_; }
  bool ok() const noexcept { return !error_; }
  const Error& error() const& noexcept { return error_; }
  const Error& error() const&& = delete;

 private:
  friend class Queue;
  friend class Run;

  // `run_id`: whose terminal event ends the range and sets *over; with a queue of many runs there is none.
  Events(tau_queue* queue, int32_t timeout_ms, std::string_view run_id, std::shared_ptr<bool> over)
      : event_(tau_queue_ref(queue), tau_event{}),
        timeout_ms_(timeout_ms),
        run_id_(run_id),
        over_(std::move(over)) {
    event_.event_.struct_size = sizeof(tau_event);
  }

  void advance() {
    if (over_ && *over_) status_ = Status::kDone;
    if (status_ == Status::kDone || !ok()) return;
    tau_error* error = nullptr;
    status_ = static_cast<Status>(tau_queue_next(event_.queue_, timeout_ms_, &event_.event_, &error));
    error_ = Error(error);
    if (over_ && status_ == Status::kOk)
      *over_ = event_.kind() == EventKind::kRunDone && event_.run_id() == run_id_;
  }

  Event event_;
  int32_t timeout_ms_;
  std::string run_id_;
  std::shared_ptr<bool> over_;
  Status status_ = Status::kAgain;
  Error error_;
};

// Where events come out. One per loop of the program may serve many runs.
class Queue : public detail::Handle<tau_queue, tau_queue_unref> {
 public:
  using Handle::Handle;

  // Another owner of the same queue.
  Queue share() const noexcept { return Queue(tau_queue_ref(c())); }

  // The events of all runs of the queue, waiting at most timeout_ms for each (tau_queue_next). In manual mode
  // the wait processes the queue's loop.
  // Thread: owner.
  Events events(int32_t timeout_ms = kForever) const { return Events(c(), timeout_ms, {}, nullptr); }

  // Calls each(const Event&) for every event that is there, without waiting (tau_queue_drain).
  // Returns: kAgain; kDone when none can come any more.
  // Thread: owner. `each` may take nothing from this queue.
  template <typename Each>
  Result<Status> drain(Each&& each) const {
    std::array<tau_event, 32> events{};
    events[0].struct_size = sizeof(tau_event);
    for (;;) {
      size_t count = 0;
      auto status = detail::status_of(tau_queue_drain, c(), events.data(), events.size(), &count);
      if (!status || *status != Status::kOk) return status;
      for (size_t i = 0; i < count; ++i) each(static_cast<const Event&>(Event(c(), events[i])));
    }
  }

  // Readable while the queue is not empty; level-triggered; owned by the queue. -1 when empty.
  int fd() const noexcept { return tau_queue_fd(c()); }

  // Makes a wait for an event end with kAgain; the next one if none waits.
  void wakeup() const noexcept { tau_queue_wakeup(c()); }
};

}  // namespace v0
}  // namespace tau

#endif
