// Limits on calls: requests and tokens of any minute, and calls at the same time, for whatever has a name (a
// route, a principal, a provider's key). Pure: time comes in, nothing is called. Not for several threads at
// once.
//
// Exact: in no window of 60 seconds, wherever it begins, does a limit admit more than it says; time is cut
// into slots of two seconds, and a slot counts until all of it is older than a minute. A call takes all its
// limits at once or none. Who waits is served in order of arrival, and waits only for those before it that a
// limit in common holds up.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/base.h"

namespace tau::provider {

struct LimitRule {  // 0: no limit
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;
  int64_t concurrency = 0;
  int64_t max_waiting = 1'000;  // calls in the queue; one more is refused
  int64_t max_wait_ms = 0;      // 0: nobody waits
  bool any() const { return requests_per_minute > 0 || tokens_per_minute > 0 || concurrency > 0; }
};

class Limiter {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kSlotNs = 2'000 * kNanosPerMilli;
  static constexpr size_t kMaxUses = 4;
  static constexpr size_t kMaxLimits = 16'384;  // names at a time; idle ones are forgotten for others

  struct Use {
    std::string_view name;
    LimitRule rule;
  };
  struct Answer {
    enum class Kind : uint8_t { kGranted, kWaiting, kRefused };
    Kind kind = Kind::kRefused;
    uint64_t id = 0;   // of the grant, and of what waits to be one
    size_t which = 0;  // the use that holds it up
    Status refusal;
  };
  // What became of a call that waited: a grant, or why there is none.
  struct Decision {
    uint64_t id = 0;
    Status status;
  };
  struct Load {
    int64_t active = 0;
    int64_t waiting = 0;
    int64_t requests = 0;  // of the last minute
    int64_t tokens = 0;
  };

  Limiter();
  ~Limiter();

  // A call of so many tokens at most. RESOURCE_EXHAUSTED, with the time after which a new try may help where
  // that is known: "limit_requests", "limit_tokens", "limit_concurrency"; "limit_queue" when others came
  // first; "limit_queue_full"; "limit_too_small" for a call that never fits; "limiter_full" when too many
  // names are in use.
  Answer acquire(std::span<const Use> uses, int64_t tokens, bool may_wait, int64_t now_ns);
  // A granted call is over and took so many tokens. More than it asked for count too.
  void settle(uint64_t id, int64_t tokens, int64_t now_ns);
  // A granted call that was never made: as if it had not asked.
  void undo(uint64_t id, int64_t now_ns);
  // Whoever waits goes away.
  void cancel(uint64_t id, int64_t now_ns);

  // Serves whom time has helped, and refuses those whose time is up: "limit_wait_timeout".
  void advance(int64_t now_ns);
  // When advance() may have something to do; kNever: not before another call ends.
  int64_t next_due_ns() const { return due_ns_; }
  bool next_decision(Decision* out);

  Load load(std::string_view name, int64_t now_ns);
  struct NamedLoad {
    std::string name;
    LimitRule rule;
    Load load;
  };
  // Of all limits that are in use; those with the most who wait come first.
  std::vector<NamedLoad> loads(int64_t now_ns);
  size_t waiting() const { return places_.size(); }

 private:
  class Window;
  struct Limit;
  using Ids = std::array<uint32_t, kMaxUses>;  // limits; kNoLimit after the last
  static constexpr uint32_t kNoLimit = ~uint32_t{0};
  enum class Lack : uint8_t { kNone, kRequests, kTokens, kConcurrency, kOthersFirst, kTooSmall };

  struct Grant {
    Ids limits;
    int64_t tokens = 0;
    int64_t slot = 0;
  };
  struct Waiter {
    int64_t tokens = 0;
    int64_t deadline_ns = 0;
    Lack lack = Lack::kNone;  // what held it up when it was looked at last
    size_t which = 0;
  };
  // Those that want the same limits, by their id: in order of arrival.
  using Line = std::map<uint64_t, Waiter>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  int64_t monotonic(int64_t now_ns);
  Load load_of(Limit& limit) const;
  uint32_t find_or_add(const Use& use);
  bool find_all(std::span<const Use> uses, Ids* ids);
  bool forget_an_idle_one();
  Lack lack_of(Limit& limit, int64_t tokens) const;
  int64_t earliest(Limit& limit, Lack lack, int64_t tokens) const;
  Lack first_lack(const Ids& ids, int64_t tokens, size_t* which);
  Answer refuse_or_wait(std::span<const Use> uses, const Ids& ids, int64_t tokens, bool may_wait, Lack lack,
                        size_t which);
  Status refusal(const Limit& limit, Lack lack, int64_t tokens, int64_t at_ns) const;
  void grant(uint64_t id, const Ids& ids, int64_t tokens);
  void leave(const Ids& ids);
  void time_out();
  void serve();
  void release(uint64_t id, int64_t tokens, bool made);

  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> names_;
  std::vector<std::unique_ptr<Limit>> limits_;
  std::vector<uint32_t> free_;
  size_t hand_ = 0;  // where the search for an idle limit goes on
  std::unordered_map<uint64_t, Grant> grants_;
  std::map<Ids, Line> lines_;
  std::unordered_map<uint64_t, Ids> places_;          // of who waits
  std::set<std::pair<int64_t, uint64_t>> deadlines_;  // of who waits
  std::vector<Decision> decisions_;
  size_t next_decision_ = 0;
  uint64_t last_id_ = 0;
  int64_t now_ns_ = 0;
  int64_t due_ns_ = kNever;
};

}  // namespace tau::provider
