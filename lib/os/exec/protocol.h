// What the library and tau-exec say to each other. Both are built from the same tree; the version guards
// against a helper left over from another installation.
//
//   tau-exec VERSION HOST_PID LIMITS ENV_COUNT ENV... ARGV...
//
// LIMITS is "cpu:as:fsize:nofile:nproc" in decimal, 0 for none. The environment travels as arguments, so that
// nothing in it (LD_PRELOAD) acts on the helper. Standard input, output and error are the command's.
#pragma once

#include <cstdint>

namespace tau::os::exec {

inline constexpr char kVersion[] = "1";
inline constexpr int kStatusFd = 3;    // write end: one Report, then end of file
inline constexpr int kLifelineFd = 4;  // read end: Requests; end of file means kKill
inline constexpr int kFirstFreeFd = 5;
inline constexpr int kFixedArgs = 5;  // argv[0] and the four words before ENV

struct Request {
  enum Kind : int32_t { kKill = 1, kTerminate = 2 } kind;
  int32_t grace_ms;  // for kTerminate
};

struct Report {
  static constexpr uint32_t kMagic = 0x54415531;  // "TAU1"
  uint32_t magic;
  int32_t exec_error;  // errno when the command could not be executed, else 0
  int32_t exit_code;
  int32_t signal;
  int32_t stopped_by_host;
  int32_t killed;
  int64_t user_us;
  int64_t system_us;
  int64_t max_rss_bytes;
};

}  // namespace tau::os::exec
