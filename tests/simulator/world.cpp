#include "simulator/world.h"

#include <limits>

namespace tau::sim {

SimLoop::Timer* SimLoop::find(net::TimerId id) {
  const auto slot = static_cast<uint32_t>(id);
  return slot < timers_.size() && timers_[slot].id == id ? &timers_[slot] : nullptr;
}

net::TimerId SimLoop::add(int64_t deadline_ns, net::Task task, bool world) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(timers_.size()));
    timers_.emplace_back();
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  const net::TimerId id = (++last_ << 32) | slot;
  timers_[slot] = {id, world, std::move(task)};
  library_timers_ += world ? 0 : 1;
  heap_.push_back({deadline_ns, id});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  return id;
}

net::TimerId SimLoop::set_timer(int64_t deadline_ns, net::Task task) {
  return add(deadline_ns, std::move(task), false);
}

void SimLoop::after(int64_t delay_ns, net::Task task) {
  add(clock_.now_ns + delay_ns, std::move(task), true);
}

net::Task SimLoop::take(Timer& timer) {
  free_.push_back(static_cast<uint32_t>(timer.id));
  library_timers_ -= timer.world ? 0 : 1;
  timer.id = 0;
  return std::move(timer.task);
}

void SimLoop::cancel_timer(net::TimerId id) {
  if (Timer* timer = find(id); timer != nullptr) take(*timer);
}

void SimLoop::run_ready() {
  net::Task task = std::move(ready_.front());
  ready_.pop_front();
  ++steps_;
  task();
}

void SimLoop::drain() {
  while (!ready_.empty()) run_ready();
}

int64_t SimLoop::next_ns() {
  if (!ready_.empty()) return clock_.now_ns;
  while (!heap_.empty() && find(heap_.front().id) == nullptr) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  return heap_.empty() ? std::numeric_limits<int64_t>::max() : heap_.front().deadline_ns;
}

bool SimLoop::step() {
  if (!ready_.empty()) return run_ready(), true;
  while (!heap_.empty()) {
    const Due due = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
    Timer* timer = find(due.id);
    if (timer == nullptr) continue;
    net::Task task = take(*timer);
    clock_.now_ns = std::max(clock_.now_ns, due.deadline_ns);
    ++steps_;
    task();
    return true;
  }
  return false;
}

}  // namespace tau::sim
