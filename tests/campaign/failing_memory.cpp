#include "failing_memory.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TAU_SANITIZED 1
#endif

#ifndef TAU_SANITIZED
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* p);
}
#else
#define __libc_malloc std::malloc
#define __libc_free std::free
#define __libc_memalign std::aligned_alloc
#endif

namespace tau::campaign::memory {
namespace {

std::atomic<bool> armed{false};
std::atomic<bool> ever_after{false};
std::atomic<long> fails_at{0};
std::atomic<long> count{0};
std::atomic<long> failures{0};
std::atomic<long> objects{0};
std::atomic<long> blocks{0};
thread_local bool of_the_test = false;

bool fails() {
  if (!armed.load(std::memory_order_relaxed) || of_the_test) return false;
  const long mine = count.fetch_add(1) + 1;
  const long at = fails_at.load();
  if (mine < at || (mine > at && !ever_after.load())) return false;
  failures.fetch_add(1);
  return true;
}

}  // namespace

void fail_at(long n, bool and_ever_after) {
  fails_at = n;
  ever_after = and_ever_after;
  count = failures = 0;
  armed = true;
}

void fail_never() { armed = false; }
long made() { return count; }
long failed() { return failures; }
long live_objects() { return objects; }
long live_blocks() { return blocks; }
void this_thread_is_of_the_test() { of_the_test = true; }
Library::Library() { of_the_test = false; }
Library::~Library() { of_the_test = true; }

namespace {

void* counted(void* p, std::atomic<long>& live) {
  if (p == nullptr) {
    errno = ENOMEM;
  } else {
    live.fetch_add(1, std::memory_order_relaxed);
  }
  return p;
}

void* object(size_t size) {
  return fails() ? nullptr : counted(__libc_malloc(size == 0 ? 1 : size), objects);
}

void* aligned_object(size_t size, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  return fails() ? nullptr : counted(__libc_memalign(unit, (size + unit - 1) / unit * unit), objects);
}

void forget_object(void* p) {
  if (p != nullptr) objects.fetch_sub(1, std::memory_order_relaxed);
  __libc_free(p);
}

void* or_throw(void* p) {
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace
}  // namespace tau::campaign::memory

namespace memory = tau::campaign::memory;

void* operator new(size_t size) { return memory::or_throw(memory::object(size)); }
void* operator new[](size_t size) { return memory::or_throw(memory::object(size)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return memory::object(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return memory::object(size); }
void* operator new(size_t size, std::align_val_t a) {
  return memory::or_throw(memory::aligned_object(size, a));
}
void* operator new[](size_t size, std::align_val_t a) {
  return memory::or_throw(memory::aligned_object(size, a));
}
void operator delete(void* p) noexcept { memory::forget_object(p); }
void operator delete[](void* p) noexcept { memory::forget_object(p); }
void operator delete(void* p, size_t) noexcept { memory::forget_object(p); }
void operator delete[](void* p, size_t) noexcept { memory::forget_object(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { memory::forget_object(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { memory::forget_object(p); }
void operator delete(void* p, std::align_val_t) noexcept { memory::forget_object(p); }
void operator delete[](void* p, std::align_val_t) noexcept { memory::forget_object(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { memory::forget_object(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { memory::forget_object(p); }

#ifndef TAU_SANITIZED
extern "C" {

void* malloc(size_t size) noexcept {
  return memory::fails() ? (errno = ENOMEM, nullptr) : memory::counted(__libc_malloc(size), memory::blocks);
}

void* calloc(size_t n, size_t size) noexcept {
  return memory::fails() ? (errno = ENOMEM, nullptr)
                         : memory::counted(__libc_calloc(n, size), memory::blocks);
}

void* realloc(void* p, size_t size) noexcept {
  if (memory::fails()) return errno = ENOMEM, nullptr;
  void* const moved = __libc_realloc(p, size);
  if (p == nullptr) return memory::counted(moved, memory::blocks);
  if (moved == nullptr && size == 0) memory::blocks.fetch_sub(1);
  return moved;
}

void* memalign(size_t alignment, size_t size) noexcept {
  return memory::fails() ? (errno = ENOMEM, nullptr)
                         : memory::counted(__libc_memalign(alignment, size), memory::blocks);
}

void* aligned_alloc(size_t alignment, size_t size) noexcept { return memalign(alignment, size); }

int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  void* const p = memalign(alignment, size);
  if (p == nullptr) return ENOMEM;
  *out = p;
  return 0;
}

void free(void* p) noexcept {
  if (p != nullptr) memory::blocks.fetch_sub(1, std::memory_order_relaxed);
  __libc_free(p);
}

}  // extern "C"
#endif
