// The system's randomness, fetched in blocks: an id costs no system call.
//
// A block must never be used twice, not by a forked child either: it lives in a page that the kernel empties
// in the child (MADV_WIPEONFORK), and an empty page says that nothing is left. Bytes are wiped as they are
// given out.
#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/clock.h"

namespace tau {
namespace {

void fetch(std::byte* out, size_t size) {
  while (size > 0) {
    const ssize_t n = getrandom(out, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) std::abort();  // no entropy: going on would make guessable ids
    out += n;
    size -= static_cast<size_t>(n);
  }
}

struct Block {
  size_t left;  // at the end of `bytes`; 0 in a fresh page
  std::byte bytes[1024];
};

Block* map_block() {
  void* page = mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, sizeof(Block), MADV_WIPEONFORK) == 0) return static_cast<Block*>(page);
  munmap(page, sizeof(Block));
  return nullptr;
}

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    if (block_ == nullptr || out.size() > sizeof(Block::bytes) / 4) return fetch(out.data(), out.size());
    // Another thread may have held the lock when this process was forked: nobody would ever give it back.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return fetch(out.data(), out.size());
    if (block_->left < out.size()) {
      fetch(block_->bytes, sizeof block_->bytes);
      block_->left = sizeof block_->bytes;
    }
    std::byte* from = std::end(block_->bytes) - block_->left;
    std::copy_n(from, out.size(), out.data());
    std::memset(from, 0, out.size());
    block_->left -= out.size();
  }

 private:
  Block* const block_ = map_block();
  std::mutex mutex_;
};

}  // namespace

Random& system_random() {
  static SystemRandom* const random = new SystemRandom;
  return *random;
}

}  // namespace tau
