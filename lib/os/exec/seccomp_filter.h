// The filter of system calls: a denylist, in classic BPF as seccomp(2) runs it. Pure.
//
// Refused calls fail with EPERM; clone3 fails with ENOSYS, so that C libraries fall back to clone, whose
// flags a filter can see; calls newer than the table here fail with ENOSYS, so that no future way to mount or
// trace comes in unseen. A call of another architecture (i386, x32) kills the process.
#pragma once

#include <linux/filter.h>

namespace tau::os::exec {

inline constexpr int kMaxFilterLength = 512;

struct FilterOptions {
  // No sockets but connected pairs, which reach nobody. Else those of AF_UNIX, AF_INET, AF_INET6 and
  // AF_NETLINK.
  bool no_sockets = true;
  // Of sockets TCP over IPv4 and IPv6, and connected pairs: for a network with nothing but a proxy.
  bool tcp_alone = false;
  // No namespaces keep the rest of the system away: no changes of mode, owner, times and attributes of files
  // (Landlock does not know them), no unix sockets, no System V IPC and message queues, no limits or
  // priorities of other processes.
  bool shared_system = false;
  bool no_truncate = false;  // for Landlock before ABI 3
};

// The number of instructions in `code`, of kMaxFilterLength; -1 when they do not fit.
int build_filter(const FilterOptions& options, struct sock_filter* code);

}  // namespace tau::os::exec
