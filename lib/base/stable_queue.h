// StableQueue: first in, first out, of objects that never move and whose memory is used again. For hot paths
// that pass large values through a queue: a push costs no allocation once the queue has been that long
// before.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tau {

// Owned by one thread, or guarded by its owner's mutex. A popped object is not destroyed: who pops it leaves
// it in a state that holds nothing, and who pushes sets every member.
template <class T>
class StableQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T& front() { return *slots_[head_]; }
  T& operator[](size_t i) { return *slots_[(head_ + i) & (slots_.size() - 1)]; }

  // The new last object: default made, or one that was popped. Others stay where they are.
  T& push() {
    if (size_ == slots_.size()) grow();
    return *slots_[(head_ + size_++) & (slots_.size() - 1)];
  }
  void pop() {
    head_ = (head_ + 1) & (slots_.size() - 1);
    if (--size_ == 0 && slots_.size() > kKept) *this = StableQueue();
  }

 private:
  static constexpr size_t kFirst = 16;
  static constexpr size_t kKept = 64;  // a queue that was longer gives its memory back when it is empty

  void grow() {
    const size_t more = slots_.empty() ? kFirst : slots_.size();
    std::vector<T*> larger;
    larger.reserve(slots_.size() + more);
    for (size_t i = 0; i < size_; ++i) larger.push_back(&(*this)[i]);
    T* const block = blocks_.emplace_back(std::make_unique<T[]>(more)).get();
    for (size_t i = 0; i < more; ++i) larger.push_back(block + i);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<std::unique_ptr<T[]>> blocks_;
  std::vector<T*> slots_;  // a ring, a power of two; the free ones hold objects to use again
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace tau
