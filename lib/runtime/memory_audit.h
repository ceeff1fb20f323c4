// What the audit log is told of memories: who changed how many of which scope, who took some out, and what
// was refused. Never a text, an id or a query: a record outlives a purge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/observe.h"
#include "store/store.h"

namespace tau::runtime {

class Memory;

// The call of a run that works on memories; all empty: the program itself does.
struct MemoryCaller {
  SharedString session;
  SharedString run;
  std::string call;
  std::string tool;
};

// Counts what one op does, and tells of it once the op is over, also when it broke off in the middle. Where
// nothing was counted there is nothing to tell.
class MemoryTally {
 public:
  MemoryTally(const Memory& memory, std::string_view op, observe::Kind kind = observe::Kind::kMemoryChanged)
      : memory_(memory), op_(op), kind_(kind) {}
  ~MemoryTally();
  MemoryTally(const MemoryTally&) = delete;
  MemoryTally& operator=(const MemoryTally&) = delete;

  // Narrower than what the handle is bound to; of several scopes, the handle's is told.
  MemoryTally& within(const store::MemoryScope& scope);
  void add(int64_t count) { count_ += count; }
  void add(const std::vector<store::MemoryOutcome>& outcomes);  // those that changed something

 private:
  const Memory& memory_;
  const std::string_view op_;
  const observe::Kind kind_;
  enum class Scopes : uint8_t { kNone, kOne, kMore } scopes_ = Scopes::kNone;
  store::MemoryScope scope_;
  int64_t count_ = 0;
};

// An op that failed. `action`: the one that rules of access know. Refusals are told of all ops; what was
// asked wrongly, or of a memory that there is not, of none.
void note_memory_failure(const Memory& memory, std::string_view op, std::string_view action,
                         const Status& why) noexcept;

}  // namespace tau::runtime
