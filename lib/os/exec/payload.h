// The command and what it runs under, as it travels in the arguments; and becoming it.
#pragma once

#include <stdint.h>
#include <sys/resource.h>

#include "protocol.h"

namespace tau::os::exec {

inline constexpr int kLimitCount = 5;
inline constexpr int kUsageExit = 125;

struct Payload {
  rlim_t limits[kLimitCount] = {};
  uint32_t flags = 0;
  int rule_count = 0;
  char** rules = nullptr;
  char** env = nullptr;  // ends in a null
  char** argv = nullptr;
};

// `words` are the arguments from LIMITS on, `count` of them and a null; they are rearranged in place.
bool parse_payload(int count, char** words, Payload& payload);

struct Failure {
  volatile Stage stage = Stage::kExec;
  volatile int error = 0;
};

// In a child that shares the memory of its parent (vfork): limits, confinement, then the command. Standard
// descriptors must be in place; all others are closed. Comes back never: on failure it leaves word in
// `failure`.
[[noreturn]] void become_command(const Payload& payload, Failure& failure);

// Every signal to its default, none ignored.
void reset_signals();

int64_t micros(const struct timeval& time);

}  // namespace tau::os::exec
