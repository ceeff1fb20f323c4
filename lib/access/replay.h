// What was accepted once, kept for as long as it could be accepted again.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/crypto.h"

namespace tau::access {

// Bounded: an entry goes only after its time, and a full store refuses. What was forgotten stays refused when
// the clock goes back. Times are milliseconds since 1970 by one wall clock. Any thread.
class ReplayStore {
 public:
  static constexpr size_t kMaxCapacity = size_t{1} << 20;

  // At most `capacity` entries, and never more than kMaxCapacity.
  explicit ReplayStore(size_t capacity);

  // Takes the key down until `hold_until_ms`, the last moment at which whatever it stands for is valid. It
  // was issued at `issued_ms`. PERMISSION_DENIED "replayed" for a key that is held, "replay_window_passed"
  // for one that may have been forgotten or is past its time; RESOURCE_EXHAUSTED "replay_store_full". Of
  // several calls with one key at once one succeeds.
  Status admit(const crypto::Digest& key, int64_t issued_ms, int64_t hold_until_ms, int64_t now_ms);

  // Refuses from now on what was issued before that. For a start without the state of before: the present and
  // what clocks may differ by.
  void refuse_issued_before(int64_t ms);

  size_t size() const;

  // The whole state, 40 bytes an entry. Whoever acts on what was admitted first makes this durable: a restart
  // from an older state opens the window again.
  std::string serialize() const;
  // Takes the place of this state. DATA_LOSS "replay_state_damaged", RESOURCE_EXHAUSTED "replay_store_full"
  // when there are more entries than capacity; then nothing has changed.
  Status restore(std::string_view state);

 private:
  struct State {
    int64_t floor_ms = std::numeric_limits<int64_t>::min();  // whatever is valid no longer may be forgotten
    int64_t not_before_ms = std::numeric_limits<int64_t>::min();
    std::map<crypto::Digest, int64_t> entries;
    std::set<std::pair<int64_t, crypto::Digest>> by_time;
  };

  const size_t capacity_;
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace tau::access
