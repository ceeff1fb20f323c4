// Landlock as the kernel defines it (Documentation/userspace-api/landlock.rst). The headers of a distribution
// are often older than the kernel that runs; the numbers never change.
#pragma once

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tau::os::exec::landlock {

inline constexpr uint64_t kExecute = 1u << 0;
inline constexpr uint64_t kWriteFile = 1u << 1;
inline constexpr uint64_t kReadFile = 1u << 2;
inline constexpr uint64_t kReadDir = 1u << 3;
inline constexpr uint64_t kRefer = 1u << 13;     // ABI 2
inline constexpr uint64_t kTruncate = 1u << 14;  // ABI 3
inline constexpr uint64_t kIoctlDev = 1u << 15;  // ABI 5
inline constexpr uint64_t kAllFs = (1u << 16) - 1;
// What can be granted on something that is no directory.
inline constexpr uint64_t kFileFs = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;
inline constexpr uint64_t kAllNet = 3;     // ABI 4: bind and connect of TCP
inline constexpr uint64_t kAllScopes = 3;  // ABI 6: abstract unix sockets, signals

inline constexpr unsigned kCreateRulesetVersion = 1;
inline constexpr int kRulePathBeneath = 1;

struct RulesetAttr {
  uint64_t handled_fs;
  uint64_t handled_net;
  uint64_t scoped;
};

struct __attribute__((packed)) PathBeneath {
  uint64_t allowed;
  int32_t parent_fd;
};

// 0 and below: not there, or switched off at boot.
inline long abi() {
  return syscall(SYS_landlock_create_ruleset, nullptr, static_cast<unsigned long>(0), kCreateRulesetVersion);
}

inline uint64_t handled_fs(int abi) {
  uint64_t rights = kAllFs;
  if (abi < 5) rights &= ~kIoctlDev;
  if (abi < 3) rights &= ~kTruncate;
  if (abi < 2) rights &= ~kRefer;
  return rights;
}

inline unsigned long attr_size(int abi) {
  if (abi >= 6) return sizeof(RulesetAttr);
  return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

}  // namespace tau::os::exec::landlock
