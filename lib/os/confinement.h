// Confinement: what a command may do to the system, as values; and which means of the kernel enforce it.
//
// Two mechanisms, the first that works:
//   bubblewrap  namespaces of its own (user, mount, process, network, IPC, host name): the root is read-only,
//               /tmp, /run and /dev are its own, hidden paths are covered, other processes do not exist;
//   Landlock    the kernel's rules for files on the shared system, and a stricter filter of system calls.
// Under both the command has no capabilities, cannot gain privileges, and a filter refuses the system calls
// that lead out (exec/seccomp_filter.h); under bubblewrap Landlock says the same a second time where the
// kernel has it. docs/confinement.md lists what each profile allows and what is not covered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "os/path_rules.h"

namespace tau::os {

enum class Profile : uint8_t {
  kFull,            // not confined
  kReadOnly,        // nothing is writable but the private /tmp
  kWorkspaceWrite,  // and the roots, less what the rules keep
};
enum class NetworkAccess : uint8_t {
  kNone,      // no sockets but connected pairs
  kLoopback,  // a loopback interface of its own, and unix sockets; needs bubblewrap
  kHost,      // the network of the host; unix sockets under bubblewrap only
  // A loopback interface of its own whose one listener is the host's (Process::take_listener), who is a proxy
  // there; the environment says where. Of sockets TCP and connected pairs. Needs bubblewrap.
  kProxy,
};
StatusOr<Profile> parse_profile(std::string_view name);  // "full", "read-only", "workspace-write"
StatusOr<NetworkAccess> parse_network_access(std::string_view name);  // "none", "loopback", "host", "proxy"

struct Confinement {
  Profile profile = Profile::kFull;
  NetworkAccess network = NetworkAccess::kNone;
  std::vector<std::string> roots;   // absolute directories: always visible, writable under kWorkspaceWrite
  PathRules rules;                  // beneath each root
  std::vector<std::string> hidden;  // absolute: secrets; those that do not exist are skipped
  // False: what cannot be enforced in full is refused. True: it runs under what there is, and the gaps are
  // told.
  bool accept_gaps = false;
};

// Places where the secrets of a user with this home lie, and servers that act for whoever can reach their
// sockets.
std::vector<std::string> default_hidden(std::string_view user_home);

enum class Mechanism : uint8_t { kNone, kLandlock, kBubblewrap };
std::string_view mechanism_name(Mechanism mechanism);  // "none", "landlock", "bubblewrap"

// What this machine can do.
struct ConfinementStatus {
  Mechanism best = Mechanism::kNone;
  std::string bubblewrap;         // the program, when it works
  std::string bubblewrap_defect;  // why it does not
  int landlock_abi = 0;           // 0: the kernel has it not
  bool seccomp = false;
};

// What stands behind one command.
struct Enforcement {
  Mechanism mechanism = Mechanism::kNone;
  int landlock_abi = 0;
  // What was demanded and is not enforced: "read_only_paths", "hidden_paths", "signals", "abstract_sockets",
  // "read_only_symlink". Empty unless accept_gaps.
  std::vector<std::string> gaps;
};

}  // namespace tau::os
