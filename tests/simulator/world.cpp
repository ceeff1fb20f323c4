#include "simulator/world.h"

namespace tau::sim {

net::TimerId SimLoop::set_timer(int64_t deadline_ns, net::Task task) {
  const net::TimerId id = ++last_timer_;
  timers_.emplace(std::make_pair(deadline_ns, id), std::move(task));
  deadlines_.emplace(id, deadline_ns);
  return id;
}

void SimLoop::cancel_timer(net::TimerId id) {
  const auto it = deadlines_.find(id);
  if (it == deadlines_.end()) return;
  timers_.erase({it->second, id});
  deadlines_.erase(it);
}

bool SimLoop::step() {
  ++steps_;
  if (!ready_.empty()) {
    net::Task task = std::move(ready_.front());
    ready_.pop_front();
    task();
    return true;
  }
  if (timers_.empty()) return false;
  auto node = timers_.extract(timers_.begin());
  clock_.now_ns = std::max(clock_.now_ns, node.key().first);
  deadlines_.erase(node.key().second);
  node.mapped()();
  return true;
}

void SimStore::append(store::Batch batch, store::Done done) {
  if (poisoned_) return done(data_loss("store_poisoned", "an earlier commit failed"), 0);
  if (acknowledges_early) {
    queue_.push_back({std::move(batch), nullptr});
    loop_->as_foreign_thread([&] { done(ok_status(), 1); });
  } else {
    queue_.push_back({std::move(batch), std::move(done)});
  }
  if (committing_) return;
  committing_ = true;
  const int64_t latency_ns = rng_->below(3'000'000);
  loop_->set_timer(loop_->now_ns() + latency_ns, [this, generation = generation_] {
    if (generation == generation_) commit();
  });
}

// Everything that waits becomes durable together, and only then is anybody told.
void SimStore::commit() {
  committing_ = false;
  std::deque<Waiting> group;
  group.swap(queue_);
  if (std::exchange(fail_next_, false)) {
    poisoned_ = true;
    for (Waiting& w : group)
      if (w.done) loop_->as_foreign_thread([&] { w.done(data_loss("io_error", "fsync failed"), 0); });
    return;
  }
  for (Waiting& w : group) {
    Status status;
    disk_->append(std::move(w.batch), [&](Status s, store::Lsn) { status = std::move(s); });
    if (w.done) loop_->as_foreign_thread([&] { w.done(status, 1); });
  }
}

void SimStore::power_cut() {
  ++generation_;
  queue_.clear();
  committing_ = false;
  poisoned_ = false;
  fail_next_ = false;
}

std::string_view fault_name(Fault fault) {
  static constexpr std::string_view kNames[] = {
      "crash",     "commit_failure",  "model_error",         "model_hang", "tool_error",
      "tool_hang", "reply_dropped",   "answers_twice",       "cancel",     "steer",
      "message",   "approval_denied", "approval_unanswered", "clock_jump", "slow_reader"};
  return kNames[static_cast<size_t>(fault)];
}

std::string_view when_name(When when) {
  static constexpr std::string_view kNames[] = {"model", "tools", "approval", "committing"};
  return kNames[static_cast<size_t>(when)];
}

}  // namespace tau::sim
