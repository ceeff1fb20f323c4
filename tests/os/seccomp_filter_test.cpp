// The filter of system calls, run as the kernel runs it, by an interpreter of the instructions it uses.
#include "os/exec/seccomp_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <rapidcheck/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace tau::os::exec {
namespace {

#ifdef __x86_64__
constexpr uint32_t kHere = AUDIT_ARCH_X86_64;
constexpr uint32_t kElsewhere = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kHere = AUDIT_ARCH_AARCH64;
constexpr uint32_t kElsewhere = AUDIT_ARCH_X86_64;
#endif
constexpr uint32_t kAllowed = SECCOMP_RET_ALLOW;
constexpr uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;

class Filter {
 public:
  explicit Filter(const FilterOptions& options = {}) : code_(kMaxFilterLength) {
    const int length = build_filter(options, code_.data());
    EXPECT_GT(length, 0);
    code_.resize(static_cast<size_t>(length));
  }

  // Nothing: the program runs off its end or does what the kernel's checker refuses.
  std::optional<uint32_t> run(const struct seccomp_data& data) const {
    uint32_t a = 0;
    for (size_t at = 0; at < code_.size(); ++at) {
      const struct sock_filter& i = code_[at];
      switch (i.code) {
        case BPF_LD | BPF_W | BPF_ABS:
          if (i.k % 4 != 0 || i.k + 4 > sizeof data) return std::nullopt;
          std::memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
          break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: at += a == i.k ? i.jt : i.jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: at += (a & i.k) != 0 ? i.jt : i.jf; break;
        case BPF_JMP | BPF_JGT | BPF_K: at += a > i.k ? i.jt : i.jf; break;
        case BPF_RET | BPF_K: return i.k;
        default: return std::nullopt;
      }
    }
    return std::nullopt;
  }
  uint32_t call(long number, std::array<uint64_t, 6> arguments = {}) const {
    struct seccomp_data data = {static_cast<int>(number), kHere, 0, {}};
    std::memcpy(data.args, arguments.data(), sizeof data.args);
    return run(data).value_or(0xdead);
  }

 private:
  std::vector<struct sock_filter> code_;
};

TEST(SeccompFilter, LetsOrdinaryCallsPass) {
  for (const bool shared : {false, true}) {
    const Filter filter({.no_sockets = true, .shared_system = shared, .no_truncate = shared});
    for (const long number :
         {SYS_read, SYS_write, SYS_openat, SYS_close, SYS_mmap, SYS_execve, SYS_exit_group, SYS_wait4,
          SYS_kill, SYS_pipe2, SYS_dup3, SYS_futex, SYS_getdents64, SYS_renameat2, SYS_unlinkat, SYS_mkdirat,
          SYS_ftruncate, SYS_landlock_restrict_self, SYS_seccomp})
      EXPECT_EQ(filter.call(number), kAllowed) << number;
    EXPECT_EQ(filter.call(SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}),
              kAllowed);
    EXPECT_EQ(filter.call(SYS_socketpair, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC}), kAllowed);
    EXPECT_EQ(filter.call(SYS_ioctl, {0, TCGETS}), kAllowed);
  }
}

TEST(SeccompFilter, RefusesTheWaysOut) {
  const Filter filter;
  for (const long number : {SYS_ptrace,
                            SYS_process_vm_readv,
                            SYS_process_vm_writev,
                            SYS_mount,
                            SYS_umount2,
                            SYS_pivot_root,
                            SYS_chroot,
                            SYS_setns,
                            SYS_bpf,
                            SYS_perf_event_open,
                            SYS_userfaultfd,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_request_key,
                            SYS_init_module,
                            SYS_finit_module,
                            SYS_kexec_load,
                            SYS_open_by_handle_at,
                            SYS_reboot,
                            SYS_syslog,
                            SYS_kcmp,
                            SYS_io_uring_setup,
                            SYS_pidfd_getfd,
                            SYS_move_mount,
                            SYS_open_tree,
                            SYS_fsopen})
    EXPECT_EQ(filter.call(number), kRefused) << number;
  EXPECT_EQ(filter.call(SYS_clone3), kMissing);
}

TEST(SeccompFilter, WithAProxyOfSocketsTcpAlone) {
  const Filter filter({.no_sockets = false, .tcp_alone = true});
  for (const uint64_t family : {AF_INET, AF_INET6}) {
    EXPECT_EQ(filter.call(SYS_socket, {family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK}), kAllowed);
    for (const uint64_t type : {SOCK_DGRAM + 0, SOCK_RAW + 0, SOCK_SEQPACKET + 0, SOCK_DGRAM | SOCK_CLOEXEC})
      EXPECT_EQ(filter.call(SYS_socket, {family, type}), kRefused) << type;
  }
  for (const uint64_t family : {AF_UNIX, AF_NETLINK, AF_PACKET, 38, 40})
    for (const uint64_t type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW})
      EXPECT_EQ(filter.call(SYS_socket, {family, type}), kRefused) << family;
  EXPECT_EQ(filter.call(SYS_socketpair, {AF_UNIX, SOCK_STREAM}), kAllowed);
  EXPECT_EQ(filter.call(SYS_socketpair, {AF_UNIX, SOCK_DGRAM}), kRefused);
}

TEST(SeccompFilter, KillsCallsOfOtherArchitectures) {
  const Filter filter;
  const struct seccomp_data other = {SYS_read, kElsewhere, 0, {}};
  EXPECT_EQ(filter.run(other), SECCOMP_RET_KILL_PROCESS);
#ifdef __x86_64__
  const struct seccomp_data i386 = {3, AUDIT_ARCH_I386, 0, {}};
  EXPECT_EQ(filter.run(i386), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(filter.call(0x40000000 | SYS_read), SECCOMP_RET_KILL_PROCESS);
#endif
}

TEST(SeccompFilter, CallsThatItDoesNotKnowDoNotExist) {
  const Filter filter;
  for (const long number : {470l, 512l, 547l, 1000l, 0x3fffffffl}) EXPECT_EQ(filter.call(number), kMissing);
}

TEST(SeccompFilter, SeesANamespaceFlagAmongAnyOthers) {
  const Filter filter;
  for (const uint64_t flag : {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
                              CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    for (const uint64_t others : {0ull, 0x11ull, 0x3d0f00ull, 0xffffffff00000000ull}) {
      EXPECT_EQ(filter.call(SYS_clone, {flag | others}), kRefused);
      EXPECT_EQ(filter.call(SYS_unshare, {flag | others}), kRefused);
    }
  }
  EXPECT_EQ(filter.call(SYS_unshare, {0x80}), kRefused) << "time";
  EXPECT_EQ(filter.call(SYS_unshare, {CLONE_FS | CLONE_FILES}), kAllowed);
}

// The kernel takes 32 bits of the number of an ioctl, whatever the upper ones say.
TEST(SeccompFilter, ComparesWhatTheKernelCompares) {
  const Filter filter({.no_sockets = false, .shared_system = true});
  for (const uint64_t upper : {0ull, 1ull << 32, 0xffffffffull << 32}) {
    EXPECT_EQ(filter.call(SYS_ioctl, {0, TIOCSTI | upper}), kRefused);
    EXPECT_EQ(filter.call(SYS_ioctl, {0, TIOCLINUX | upper}), kRefused);
    EXPECT_EQ(filter.call(SYS_ioctl, {0, 0x40086602 | upper}), kRefused) << "FS_IOC_SETFLAGS";
    EXPECT_EQ(filter.call(SYS_socket, {AF_PACKET | upper}), kRefused);
    EXPECT_EQ(filter.call(SYS_socket, {AF_INET | upper}), kAllowed);
  }
}

TEST(SeccompFilter, OpensSocketsAsFarAsAsked) {
  const Filter none;
  for (int family = 0; family < 64; ++family)
    EXPECT_EQ(none.call(SYS_socket, {static_cast<uint64_t>(family)}), kRefused);
  EXPECT_EQ(none.call(SYS_socketpair, {AF_UNIX, SOCK_DGRAM}), kRefused);
  const Filter some({.no_sockets = false});
  const Filter shared({.no_sockets = false, .shared_system = true});
  for (uint64_t family = 0; family < 64; ++family) {
    const bool inet = family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
    EXPECT_EQ(some.call(SYS_socket, {family}), inet || family == AF_UNIX ? kAllowed : kRefused);
    EXPECT_EQ(shared.call(SYS_socket, {family}), inet ? kAllowed : kRefused);
  }
  EXPECT_EQ(shared.call(SYS_socketpair, {AF_UNIX, SOCK_DGRAM}), kRefused);
}

TEST(SeccompFilter, OnASharedSystemLeavesOthersAlone) {
  const Filter shared({.no_sockets = true, .shared_system = true});
  const Filter alone;
  for (const long number :
       {SYS_fchmod, SYS_fchmodat, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_shmget, SYS_mq_open, 452}) {
    EXPECT_EQ(shared.call(number), kRefused) << number;
    EXPECT_EQ(alone.call(number), kAllowed) << number;
  }
  EXPECT_EQ(shared.call(SYS_prlimit64, {0}), kAllowed);
  EXPECT_EQ(shared.call(SYS_prlimit64, {1234}), kRefused);
  EXPECT_EQ(shared.call(SYS_setpriority, {0, 0}), kAllowed);
  EXPECT_EQ(shared.call(SYS_setpriority, {0, 1234}), kRefused);
  EXPECT_EQ(shared.call(SYS_setpriority, {2, 0}), kRefused) << "all of the user";
}

TEST(SeccompFilter, RefusesTruncationWhereLandlockCannot) {
  const Filter filter({.no_sockets = true, .shared_system = true, .no_truncate = true});
  EXPECT_EQ(filter.call(SYS_truncate), kRefused);
  EXPECT_EQ(filter.call(SYS_openat2), kMissing);
  EXPECT_EQ(filter.call(SYS_openat, {0, 0, O_RDONLY | O_TRUNC}), kRefused);
  EXPECT_EQ(filter.call(SYS_openat, {0, 0, O_WRONLY | O_TRUNC | O_CREAT}), kAllowed) << "Landlock decides";
  EXPECT_EQ(filter.call(SYS_openat, {0, 0, O_RDONLY}), kAllowed);
}

RC_GTEST_PROP(SeccompFilterProperty, AlwaysAnswers, ()) {
  const Filter filter({.no_sockets = *rc::gen::arbitrary<bool>(),
                       .shared_system = *rc::gen::arbitrary<bool>(),
                       .no_truncate = *rc::gen::arbitrary<bool>()});
  struct seccomp_data data = {*rc::gen::oneOf(rc::gen::inRange(0, 600), rc::gen::arbitrary<int>()),
                              *rc::gen::elementOf(std::vector<uint32_t>{kHere, kElsewhere, 0}),
                              0,
                              {}};
  for (auto& argument : data.args) argument = *rc::gen::arbitrary<uint64_t>();
  const auto answer = filter.run(data);
  RC_ASSERT(answer.has_value());
  RC_ASSERT(*answer == kAllowed || *answer == kRefused || *answer == kMissing ||
            *answer == SECCOMP_RET_KILL_PROCESS);
}

}  // namespace
}  // namespace tau::os::exec
