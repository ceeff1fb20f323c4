#include "tau/event.h"

#include <vector>

#include "handles.h"

using namespace tau::capi;
using tau::Status;
using tau::runtime::EventQueue;
using tau::runtime::Queued;

namespace {

// The caller's struct may be longer than ours, and is never shorter: see check_event().
void show(const Queued& queued, tau_event& event, uint32_t struct_size) {
  event.struct_size = struct_size;
  event.kind = static_cast<tau_event_kind>(queued.event.kind);
  event.first_seq = queued.first_seq;
  event.seq = queued.seq;
  event.run_id = view(queued.channel->run_id());
  event.call_id = view(queued.event.call_id);
  event.text = view(queued.event.shown_text());
  event.userdata = queued.channel->userdata();
  event.body = &queued;
}

Status check_event(const tau_queue* queue, const tau_event* event) {
  if (queue == nullptr) return null_argument("queue");
  if (event == nullptr) return null_argument("event");
  const uint32_t size = event->struct_size;
  if (size < offsetof(tau_event, body) + sizeof(void*) || !can_be_sizeof<tau_event>(size))
    return tau::invalid_argument("struct_size", "event.struct_size is not set: sizeof(tau_event)");
  return queue->runtime->may_read(*queue->object);
}

// What one thread at a time may do.
class Reading {
 public:
  explicit Reading(EventQueue& queue) : queue_(queue), mine_(queue.begin_reading()) {}
  ~Reading() {
    if (mine_) queue_.end_reading();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  Status check() const {
    return mine_ ? tau::ok_status()
                 : tau::failed_precondition("queue_busy", "another thread reads this queue");
  }

 private:
  EventQueue& queue_;
  const bool mine_;
};

// Fills at most `capacity` events; AGAIN or DONE when there are none.
tau_status take(tau_queue* queue, tau_event* events, size_t capacity, size_t* count) {
  const uint32_t struct_size = events->struct_size;
  const bool closed = queue->object->closed();  // first: the last event may come at any moment
  const auto& taken = queue->object->take(capacity);
  *count = taken.size();
  auto* at = reinterpret_cast<unsigned char*>(events);
  for (const Queued* queued : taken) {
    show(*queued, *reinterpret_cast<tau_event*>(at), struct_size);
    at += struct_size;
  }
  if (!taken.empty()) return TAU_OK;
  return closed ? TAU_DONE : TAU_AGAIN;
}

}  // namespace

void tau_queue_options_init(tau_queue_options* options, uint32_t struct_size) {
  const tau_queue_options defaults = TAU_QUEUE_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

tau_status tau_queue_new(tau_runtime* runtime, const tau_queue_options* options, tau_queue** out,
                         tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    tau_queue_options o = TAU_QUEUE_OPTIONS_INIT;
    TAU_RETURN_IF_ERROR(read_options(options, &o, "options"));
    std::function<void()> notify;
    if (o.notify != nullptr) notify = [fn = o.notify, userdata = o.notify_userdata] { fn(userdata); };
    TAU_RETURN_IF_ERROR(hand_out(runtime->object->make_queue(o.loop, std::move(notify)), out));
    (*out)->runtime = runtime->object;
    return tau::ok_status();
  });
}

tau_queue* tau_queue_ref(tau_queue* queue) { return ref(queue); }
void tau_queue_unref(tau_queue* queue) { unref(queue); }

tau_status tau_queue_next(tau_queue* queue, int32_t timeout_ms, tau_event* event, tau_error** err) {
  return guard(err, [&]() -> tau_status {
    if (const Status bad = check_event(queue, event); !bad.ok()) return fail(bad, err);
    const Reading reading(*queue->object);
    if (const Status busy = reading.check(); !busy.ok()) return fail(busy, err);
    size_t count = 0;
    tau_status status = take(queue, event, 1, &count);
    if (status != TAU_AGAIN || queue->object->consume_wakeup()) return status;
    if (const Status waited = queue->runtime->wait_for(*queue->object, timeout_ms); !waited.ok())
      return fail(waited, err);
    status = take(queue, event, 1, &count);
    if (status == TAU_AGAIN) queue->object->consume_wakeup();
    return status;
  });
}

tau_status tau_queue_drain(tau_queue* queue, tau_event* events, size_t capacity, size_t* count,
                           tau_error** err) {
  return guard(err, [&]() -> tau_status {
    if (count == nullptr) return fail(null_argument("count"), err);
    *count = 0;
    if (const Status bad = check_event(queue, events); !bad.ok()) return fail(bad, err);
    if (capacity == 0)
      return fail(tau::invalid_argument("no_capacity", "capacity should be at least 1"), err);
    const Reading reading(*queue->object);
    if (const Status busy = reading.check(); !busy.ok()) return fail(busy, err);
    const tau_status status = take(queue, events, capacity, count);
    if (status == TAU_AGAIN) queue->object->consume_wakeup();
    return status;
  });
}

tau_status tau_event_json(tau_queue* queue, const tau_event* event, tau_str* out, tau_error** err) {
  return guard(err, [&]() -> Status {
    TAU_RETURN_IF_ERROR(check_event(queue, event));
    if (out == nullptr) return null_argument("out");
    const Reading reading(*queue->object);
    TAU_RETURN_IF_ERROR(reading.check());
    for (Queued* queued : queue->object->taken()) {
      if (queued != event->body) continue;
      *out = view(queued->body());
      return tau::ok_status();
    }
    return tau::invalid_argument("stale_event", "the event is not of the queue's last batch");
  });
}

int32_t tau_queue_fd(const tau_queue* queue) {
  return guard_value(-1, [&] { return queue == nullptr ? -1 : queue->object->fd(); });
}

void tau_queue_wakeup(tau_queue* queue) {
  if (queue == nullptr) return;
  guard(nullptr, [&] {
    // What it tells may give the last handle back.
    const auto runtime = queue->runtime;
    const auto object = queue->object;
    runtime->wake(*object);
    return tau::ok_status();
  });
}
