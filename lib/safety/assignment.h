// Where a name is given a value: name = "value", "name": "value", <name>value</name>, name("…", "value").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tau::safety {

struct Assignment {
  enum class State : uint8_t {
    kNone,
    kFound,
    kMore,  // the text ended before it could be told
  };
  State state = State::kNone;
  size_t name_end = 0;  // of the word in which `at` stands
  size_t begin = 0;     // the value, without quotes
  size_t end = 0;
  bool quoted = false;
};

// A stretch of characters that may stand in a value, already looked at: where many names share one value it
// is measured once.
struct ValueRun {
  size_t begin = 0;
  size_t end = 0;
  bool quoted = false;
};

// Reads on from `at`, which stands in a name or at its end. `complete` says that nothing follows the text.
Assignment read_assignment(std::string_view text, size_t at, bool complete, ValueRun& run);

}  // namespace tau::safety
