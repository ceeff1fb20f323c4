// Pages of equal slots, one list of pages per slot size. Claiming and freeing a slot is one atomic operation,
// so a child forked in the middle of one finds no lock that nobody will give back.
//
// Pages are never unmapped: their number is that of the most secrets held at once.
#include "base/secret_arena.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <new>

#include "base/secret.h"

namespace tau {
namespace {

constexpr size_t kSlots = 64;  // the bits of Page::used
constexpr std::array<size_t, 4> kSlotBytes = {64, 256, 1024, 4096};

struct Page {
  char* base = nullptr;
  std::atomic<uint64_t> used = 0;
  Page* next = nullptr;  // fixed once the page is in its list
};

std::array<std::atomic<Page*>, kSlotBytes.size()> lists;

size_t class_of(size_t size) {
  size_t i = 0;
  while (i < kSlotBytes.size() && kSlotBytes[i] < size) ++i;
  return i;
}

char* map_private(size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  // Each as far as the system lets us: a limit on locked memory must not keep a host from having secrets.
  (void)mlock(data, size);
  (void)madvise(data, size, MADV_DONTDUMP);
  (void)madvise(data, size, MADV_WIPEONFORK);
  return static_cast<char*>(data);
}

char* claim(Page& page, size_t slot_bytes) {
  uint64_t used = page.used.load(std::memory_order_relaxed);
  while (used != UINT64_MAX) {
    const int slot = std::countr_one(used);
    if (page.used.compare_exchange_weak(used, used | uint64_t{1} << slot, std::memory_order_acquire))
      return page.base + static_cast<size_t>(slot) * slot_bytes;
  }
  return nullptr;
}

char* claim_in_new_page(std::atomic<Page*>& list, size_t slot_bytes) {
  auto* const page = new Page;
  try {
    page->base = map_private(slot_bytes * kSlots);
  } catch (...) {
    delete page;
    throw;
  }
  page->used = 1;
  page->next = list.load(std::memory_order_relaxed);
  while (!list.compare_exchange_weak(page->next, page, std::memory_order_release)) {}
  return page->base;
}

}  // namespace

char* secret_allocate(size_t size) {
  const size_t kind = class_of(size);
  if (kind == kSlotBytes.size()) return map_private(size);
  for (Page* page = lists[kind].load(std::memory_order_acquire); page != nullptr; page = page->next)
    if (char* const slot = claim(*page, kSlotBytes[kind])) return slot;
  return claim_in_new_page(lists[kind], kSlotBytes[kind]);
}

void secret_free(char* data, size_t size) noexcept {
  if (data == nullptr) return;
  secure_wipe(data, size);
  const size_t kind = class_of(size);
  if (kind == kSlotBytes.size()) {
    munmap(data, size);
    return;
  }
  for (Page* page = lists[kind].load(std::memory_order_acquire); page != nullptr; page = page->next) {
    const uintptr_t offset = reinterpret_cast<uintptr_t>(data) - reinterpret_cast<uintptr_t>(page->base);
    if (offset >= kSlotBytes[kind] * kSlots) continue;
    page->used.fetch_and(~(uint64_t{1} << (offset / kSlotBytes[kind])), std::memory_order_release);
    return;
  }
}

}  // namespace tau
