// The system calls that a write of the vault makes, each of which a test can fail, tear or die before.
#pragma once

#include <string>
#include <vector>

namespace tau::test {

// Arms the calls of this process; destroyed, it disarms them. One at a time, one thread.
class OsCalls {
 public:
  enum class Harm {
    kNone,   // only counts and notes
    kFail,   // the call fails with `error`
    kShort,  // a write takes half of its bytes; other calls are let through
    kKill,   // SIGKILL before the call
    kTear,   // SIGKILL in the middle of a write; before other calls
  };
  explicit OsCalls(Harm harm = Harm::kNone, int at = 0, int error = 0);
  ~OsCalls();
  OsCalls(const OsCalls&) = delete;
  OsCalls& operator=(const OsCalls&) = delete;

  int count() const;
  // "write 5", "fsync 5", "renameat2", ...: the calls with the descriptor they are about.
  const std::vector<std::string>& log() const;
};

}  // namespace tau::test
