// Match: what a pass found, before overlaps are settled.
#pragma once

#include <cstdint>
#include <string>

#include "safety/safety.h"

namespace tau::safety {

struct Match {
  uint64_t begin = 0;
  uint64_t end = 0;
  int rank = 0;  // where matches overlap the highest names them; a RuleKind, or one of the ranks below
  uint64_t fingerprint = 0;
  Confidence confidence = Confidence::kLikely;
  const std::string* rule = nullptr;     // of the RuleSet; null: a registered secret
  const std::string* subject = nullptr;  // of the ExactSet
  bool signal = false;                   // told, and left where it stands
};

inline constexpr int kSecretRank = 100;
inline constexpr int kBlockRank = 200;  // a key is taken out before all that stands in it is known

}  // namespace tau::safety
