// TimerHeap: one-shot timers in order of deadline, with cancellation. Private to net.
#pragma once

#include <cstdint>
#include <vector>

#include "net/net.h"

namespace tau::net {

// A binary heap of slots; an id names a slot and the generation it was issued in, so stale ids are harmless.
// Timers of one deadline fire in the order they were set.
class TimerHeap {
 public:
  TimerId set(int64_t deadline_ns, Task task);
  void cancel(TimerId id);

  bool empty() const { return heap_.empty(); }
  int64_t earliest_ns() const { return heap_.front().deadline_ns; }  // not when empty()
  // Timers set from now on have this sequence number or a higher one.
  uint64_t next_sequence() const { return next_sequence_; }
  // Removes the first timer if it is due and older than `before_sequence`; else returns an empty task.
  Task pop_due(int64_t now_ns, uint64_t before_sequence);
  // Removes the first timer, due or not; an empty task when there is none.
  Task pop_any();

 private:
  static constexpr size_t kFirst = 8;
  struct Node {
    int64_t deadline_ns;
    uint64_t sequence;
    uint32_t slot;
  };
  struct Slot {
    uint32_t generation = 1;  // never 0, so that no id is 0
    uint32_t heap_index = 0;
    Task task;  // empty: the slot is free
  };
  static bool before(const Node& a, const Node& b) {
    return a.deadline_ns != b.deadline_ns ? a.deadline_ns < b.deadline_ns : a.sequence < b.sequence;
  }
  void place(size_t index, const Node& node);
  void sift_up(size_t index, Node node);
  void sift_down(size_t index, Node node);
  Task remove(size_t index);

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;  // has room for all slots
  uint64_t next_sequence_ = 0;
};

}  // namespace tau::net
