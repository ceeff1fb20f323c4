// Killing every descendant of this process, which must be a subreaper.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace tau::os::exec {

// The command as its parent sees it; filled when it is reaped.
struct Command {
  pid_t pid = 0;
  bool reaped = false;
  int wait_status = 0;
  struct rusage usage = {};
};

// Whether this process can list its children; the kernel needs CONFIG_PROC_CHILDREN and a mounted /proc.
bool can_list_children();

// Reaps adopted orphans that have ended, without waiting. True when the command has; it stays a zombie, so
// that its number still names its process group.
bool command_has_ended(const Command& command);

// SIGKILLs all descendants, also those that fork or setsid() meanwhile, and reaps them until none is left.
// SIGCHLD must be blocked. Returns how many were found, the command not counted.
int kill_descendants(Command& command);

}  // namespace tau::os::exec
