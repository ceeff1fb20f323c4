// The heap of timer_heap.h.
#include "net/timer_heap.h"

namespace tau::net {

// Nothing has changed when memory is short, and what is removed later needs none.
TimerId TimerHeap::set(int64_t deadline_ns, Task task) {
  if (free_.empty()) {
    if (free_.capacity() <= slots_.size()) free_.reserve(2 * slots_.size() + kFirst);
    slots_.emplace_back();
    free_.push_back(static_cast<uint32_t>(slots_.size() - 1));
  }
  const uint32_t slot = free_.back();
  heap_.emplace_back();
  free_.pop_back();
  slots_[slot].task = std::move(task);
  sift_up(heap_.size() - 1, Node{deadline_ns, next_sequence_++, slot});
  return (static_cast<TimerId>(slots_[slot].generation) << 32) | slot;
}

void TimerHeap::cancel(TimerId id) {
  const auto slot = static_cast<uint32_t>(id);
  const auto generation = static_cast<uint32_t>(id >> 32);
  if (slot >= slots_.size() || slots_[slot].generation != generation) return;
  remove(slots_[slot].heap_index);
}

Task TimerHeap::pop_due(int64_t now_ns, uint64_t before_sequence) {
  if (heap_.empty() || heap_.front().deadline_ns > now_ns || heap_.front().sequence >= before_sequence)
    return {};
  return remove(0);
}

Task TimerHeap::pop_any() { return heap_.empty() ? Task() : remove(0); }

void TimerHeap::place(size_t index, const Node& node) {
  heap_[index] = node;
  slots_[node.slot].heap_index = static_cast<uint32_t>(index);
}

void TimerHeap::sift_up(size_t index, Node node) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!before(node, heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, node);
}

void TimerHeap::sift_down(size_t index, Node node) {
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], node)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, node);
}

Task TimerHeap::remove(size_t index) {
  const uint32_t slot = heap_[index].slot;
  const Node last = heap_.back();
  heap_.pop_back();
  if (index < heap_.size()) {
    // The last node may belong above or below the hole.
    if (index > 0 && before(last, heap_[(index - 1) / 2])) {
      sift_up(index, last);
    } else {
      sift_down(index, last);
    }
  }
  Slot& freed = slots_[slot];
  if (++freed.generation == 0) freed.generation = 1;
  free_.push_back(slot);
  return std::move(freed.task);
}

}  // namespace tau::net
