// Random programs that read, hold back, extract, transform and call, over the labels and the monitor: does a
// byte that the user did not write reach an argument that says where an effect lands?
#pragma once

#include <cstdint>
#include <string>

#include "base/label.h"

namespace tau::safety::test {

using Join = void (*)(Labels& into, const Labels& other);
inline void join_all(Labels& into, const Labels& other) { into.join(other); }

// What the programs run on, and what may be wrong with it.
struct World {
  enum class Defect : uint8_t {
    kNone,
    kExtractForgets,  // values that were read out of held texts have no labels of theirs
    kAnswerForgets,   // nor have the answers of a model that read one
    kPutForgets,      // a held text among the arguments leaves the labels of the call as they are
    kJudgesHandle,    // the monitor sees the handle, and the tool gets the text
  };
  Join join = join_all;
  Defect defect = Defect::kNone;
};

struct Outcome {
  int64_t programs = 0;
  int64_t calls = 0;
  int64_t allowed_in_doubt = 0;  // allowed although untrusted input had been seen
  int64_t extracts = 0;          // values and answers out of held texts
  int64_t handles = 0;           // arguments that stood for a held text
  int64_t violations = 0;
  std::string first;  // of the violations
};

// The same for the same seed.
Outcome run_programs(int64_t count, uint64_t seed, World world = {});

}  // namespace tau::safety::test
