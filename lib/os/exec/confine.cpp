#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock_abi.h"
#include "seccomp_filter.h"

namespace tau::os::exec {
namespace {

// A process of root without capabilities would get them back at its next exec: the bounding set and the
// secure bits see to that. Without the privilege to change them there is nothing to give up either.
bool drop_capabilities() {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    if (prctl(PR_CAPBSET_DROP, capability) != 0 && errno != EPERM) return false;
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                             SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
  if (prctl(PR_SET_SECUREBITS, bits) != 0 && errno != EPERM) return false;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) return false;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  return syscall(SYS_capset, &header, data) == 0;
}

uint64_t rights_of(char kind) {
  switch (kind) {
    case kWrite: return landlock::kAllFs;
    case kRead: return landlock::kExecute | landlock::kReadFile | landlock::kReadDir;
    case kDevice:
      return landlock::kReadFile | landlock::kReadDir | landlock::kWriteFile | landlock::kTruncate |
             landlock::kIoctlDev;
    default: return 0;
  }
}

// Rules for what is not there, or is a link, say nothing; a link's target has rules of its own.
bool add_rule(int ruleset, const char* rule, uint64_t handled) {
  const int fd = open(rule + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
  struct stat st;
  bool good = fstat(fd, &st) == 0;
  if (good && !S_ISLNK(st.st_mode)) {
    uint64_t rights = rights_of(rule[0]) & handled;
    if (!S_ISDIR(st.st_mode)) rights &= landlock::kFileFs;
    const landlock::PathBeneath beneath = {rights, fd};
    good = syscall(SYS_landlock_add_rule, ruleset, landlock::kRulePathBeneath, &beneath, 0) == 0;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return good;
}

bool apply_landlock(const Payload& payload) {
  const long version = landlock::abi();
  if (version < 1) {
    errno = ENOSYS;
    return false;
  }
  const int abi = static_cast<int>(version);
  landlock::RulesetAttr attr = {};
  attr.handled_fs = landlock::handled_fs(abi);
  if (abi >= 4 && (payload.flags & kNoSockets) != 0) attr.handled_net = landlock::kAllNet;
  if (abi >= 6) attr.scoped = landlock::kAllScopes;
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attr, landlock::attr_size(abi), 0);
  if (ruleset < 0) return false;
  bool good = true;
  for (int i = 0; good && i < payload.rule_count; ++i)
    good = add_rule(static_cast<int>(ruleset), payload.rules[i], attr.handled_fs);
  if (good) good = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  const int error = errno;
  close(static_cast<int>(ruleset));
  errno = error;
  return good;
}

bool apply_filter(const Payload& payload) {
  static struct sock_filter code[kMaxFilterLength];
  FilterOptions options;
  options.no_sockets = (payload.flags & kNoSockets) != 0;
  options.tcp_alone = (payload.flags & kProxy) != 0;
  options.shared_system = (payload.flags & kSharedSystem) != 0;
  options.no_truncate = (payload.flags & kNoTruncate) != 0;
  const int length = build_filter(options, code);
  if (length < 0) {
    errno = EOVERFLOW;
    return false;
  }
  const struct sock_fprog program = {static_cast<unsigned short>(length), code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

}  // namespace

bool confine_self(const Payload& payload, Stage& stage) {
  stage = Stage::kCapabilities;
  if (!drop_capabilities()) return false;
  stage = Stage::kLandlock;
  if ((payload.flags & kLandlock) != 0 && !apply_landlock(payload)) return false;
  stage = Stage::kSeccomp;
  return apply_filter(payload);
}

}  // namespace tau::os::exec
