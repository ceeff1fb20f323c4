#include "seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <initializer_list>

namespace tau::os::exec {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the audit architecture of this machine here"
#endif

// Calls that the C library's headers may not know yet. Since 5.0 a call has one number everywhere.
constexpr uint32_t kFchmodat2 = 452;
constexpr uint32_t kSetxattrat = 463;
constexpr uint32_t kRemovexattrat = 466;
constexpr uint32_t kOpenTreeAttr = 467;
constexpr uint32_t kFileSetattr = 469;
constexpr uint32_t kLastKnown = 469;

constexpr uint32_t kNamespaceFlags =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint32_t kNewTime = 0x80;  // for unshare; of clone the signal number holds this bit

// Never needed by a command that builds, tests and edits: ways to reach other processes, the kernel's state,
// or out of the confinement; and the parts of the kernel whose errors have let programs out most often.
constexpr uint32_t kRefused[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    438 /* pidfd_getfd */,
    440 /* process_madvise */,
    448 /* process_mrelease */,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    428 /* open_tree */,
    429 /* move_mount */,
    430 /* fsopen */,
    431 /* fsconfig */,
    432 /* fsmount */,
    433 /* fspick */,
    442 /* mount_setattr */,
    kOpenTreeAttr,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    425 /* io_uring_setup */,
    426 /* io_uring_enter */,
    427 /* io_uring_register */,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_syslog,
    SYS_acct,
    SYS_quotactl,
    443 /* quotactl_fd */,
    SYS_vhangup,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
#ifdef SYS_iopl
    SYS_iopl,
#endif
#ifdef SYS_ioperm
    SYS_ioperm,
#endif
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
#ifdef SYS_uselib
    SYS_uselib,
#endif
};

constexpr uint32_t kAttributes[] = {
    SYS_fchmod,       SYS_fchmodat,   kFchmodat2,    SYS_fchown,  SYS_fchownat,    SYS_utimensat,
    SYS_setxattr,     SYS_lsetxattr,  SYS_fsetxattr, kSetxattrat, SYS_removexattr, SYS_lremovexattr,
    SYS_fremovexattr, kRemovexattrat, kFileSetattr,
#ifdef SYS_chmod
    SYS_chmod,        SYS_chown,      SYS_lchown,    SYS_utime,   SYS_utimes,      SYS_futimesat,
#endif
};

// Between processes by a number or name that any process of the user can give.
constexpr uint32_t kSharedMemory[] = {
    SYS_shmget, SYS_shmat, SYS_shmctl,     SYS_msgget, SYS_msgsnd,  SYS_msgrcv,    SYS_msgctl,
    SYS_semget, SYS_semop, SYS_semtimedop, SYS_semctl, SYS_mq_open, SYS_mq_unlink,
};

// Of other processes of the same user, whom Landlock does not shield here. The argument that names the
// process.
struct ByProcess {
  uint32_t call;
  int argument;
};
constexpr ByProcess kOfOthers[] = {
    {SYS_prlimit64, 0},         {SYS_sched_setscheduler, 0}, {SYS_sched_setparam, 0}, {SYS_sched_setattr, 0},
    {SYS_sched_setaffinity, 0}, {SYS_move_pages, 0},         {SYS_migrate_pages, 0},
};

constexpr uint32_t refuse(uint32_t error) { return SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA); }

// Writes instructions one after the other. Blocks for one call begin with begin_call() and end with
// end_call(): what no test inside decides is allowed.
class Program {
 public:
  explicit Program(struct sock_filter* code) : code_(code) {}

  void load(uint32_t offset) { put(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
  void load_number() { load(offsetof(struct seccomp_data, nr)); }
  // The low half: the kernel itself looks at no more of these arguments. Both machines are little-endian.
  void load_argument(int i) {
    load(static_cast<uint32_t>(offsetof(struct seccomp_data, args) +
                               static_cast<size_t>(i) * sizeof(uint64_t)));
  }
  void mask(uint32_t bits) { put(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0); }
  void give(uint32_t action) { put(BPF_RET | BPF_K, action, 0, 0); }
  void give_if_equal(uint32_t value, uint32_t action) {
    put(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    give(action);
  }
  void give_unless_equal(uint32_t value, uint32_t action) {
    put(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    give(action);
  }
  void give_if_any(uint32_t bits, uint32_t action) {
    put(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    give(action);
  }
  void give_if_above(uint32_t value, uint32_t action) {
    put(BPF_JMP | BPF_JGT | BPF_K, value, 0, 1);
    give(action);
  }
  void begin_call(uint32_t number) {
    put(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
    block_ = length_ - 1;
  }
  void end_call() {
    give(SECCOMP_RET_ALLOW);
    if (length_ <= kMaxFilterLength) code_[block_].jf = static_cast<uint8_t>(length_ - block_ - 1);
  }
  int length() const { return length_ <= kMaxFilterLength ? length_ : -1; }

 private:
  void put(int operation, uint32_t k, uint8_t when_true, uint8_t when_false) {
    if (length_ < kMaxFilterLength)
      code_[length_] = {static_cast<uint16_t>(operation), when_true, when_false, k};
    ++length_;
  }

  struct sock_filter* code_;
  int length_ = 0;
  int block_ = 0;
};

void check_architecture(Program& p) {
  p.load(offsetof(struct seccomp_data, arch));
  p.give_unless_equal(kArchitecture, SECCOMP_RET_KILL_PROCESS);
  p.load_number();
#if defined(__x86_64__)
  constexpr uint32_t kX32Bit = 0x40000000;
  p.give_if_any(kX32Bit, SECCOMP_RET_KILL_PROCESS);
#endif
  p.give_if_above(kLastKnown, refuse(ENOSYS));
}

void refuse_namespaces(Program& p) {
  p.give_if_equal(SYS_clone3, refuse(ENOSYS));
  p.begin_call(SYS_clone);
  p.load_argument(0);
  p.give_if_any(kNamespaceFlags, refuse(EPERM));
  p.end_call();
  p.begin_call(SYS_unshare);
  p.load_argument(0);
  p.give_if_any(kNamespaceFlags | kNewTime, refuse(EPERM));
  p.end_call();
}

// ioctl numbers are 32 bits wide: a filter that compares 64 is passed by setting one of the upper ones
// (CVE-2019-10063).
void filter_ioctl(Program& p, const FilterOptions& options) {
  p.begin_call(SYS_ioctl);
  p.load_argument(1);
  p.give_if_equal(TIOCSTI, refuse(EPERM));
  p.give_if_equal(TIOCLINUX, refuse(EPERM));
  p.give_if_equal(TIOCSETD, refuse(EPERM));
  if (options.shared_system) {
    // Attributes of files (FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR, FS_IOC_ENABLE_VERITY): every number of these
    // types that hands something in. A descriptor open for reading is enough for them.
    constexpr uint32_t kWriteAndType = 0x4000ff00;
    p.mask(kWriteAndType);
    for (const char type : {'f', 'v', 'X'})
      p.give_if_equal(0x40000000u | static_cast<uint32_t>(type) << 8, refuse(EPERM));
  }
  p.end_call();
}

void filter_sockets(Program& p, const FilterOptions& options) {
  constexpr uint32_t kTypeMask = 0xf;
  p.begin_call(SYS_socket);
  if (options.tcp_alone) {
    p.load_argument(1);
    p.mask(kTypeMask);
    p.give_unless_equal(SOCK_STREAM, refuse(EPERM));
  }
  p.load_argument(0);
  // By a path a unix socket reaches every server of the user.
  const bool any_family = !options.no_sockets && !options.tcp_alone;
  if (any_family && !options.shared_system) p.give_if_equal(AF_UNIX, SECCOMP_RET_ALLOW);
  if (any_family) p.give_if_equal(AF_NETLINK, SECCOMP_RET_ALLOW);
  if (!options.no_sockets)
    for (const int family : {AF_INET, AF_INET6})
      p.give_if_equal(static_cast<uint32_t>(family), SECCOMP_RET_ALLOW);
  p.give(refuse(EPERM));
  p.end_call();
  if (any_family && !options.shared_system) return;
  // Of a pair only datagram sockets can be connected anew, or send elsewhere.
  p.begin_call(SYS_socketpair);
  p.load_argument(1);
  p.mask(kTypeMask);
  p.give_if_equal(SOCK_STREAM, SECCOMP_RET_ALLOW);
  p.give_if_equal(SOCK_SEQPACKET, SECCOMP_RET_ALLOW);
  p.give(refuse(EPERM));
  p.end_call();
}

void filter_shared_system(Program& p) {
  for (const uint32_t call : kAttributes) p.give_if_equal(call, refuse(EPERM));
  for (const uint32_t call : kSharedMemory) p.give_if_equal(call, refuse(EPERM));
  for (const ByProcess& entry : kOfOthers) {
    p.begin_call(entry.call);
    p.load_argument(entry.argument);
    p.give_unless_equal(0, refuse(EPERM));
    p.end_call();
  }
  // Of a user all processes at once, too.
  p.give_if_equal(SYS_ioprio_set, refuse(EPERM));
  p.begin_call(SYS_setpriority);
  for (const int argument : {0, 1}) {
    p.load_argument(argument);
    p.give_unless_equal(0, refuse(EPERM));
  }
  p.end_call();
}

// Landlock before ABI 3 knows no truncation: neither the call nor the flag of an open for reading.
void filter_truncation(Program& p) {
  p.give_if_equal(SYS_truncate, refuse(EPERM));
  p.give_if_equal(SYS_openat2, refuse(ENOSYS));  // its flags are out of a filter's sight
  struct Open {
    uint32_t call;
    int flags_argument;
  };
  const Open opens[] = {
      {SYS_openat, 2},
#ifdef SYS_open
      {SYS_open, 1},
#endif
  };
  for (const Open& open : opens) {
    p.begin_call(open.call);
    p.load_argument(open.flags_argument);
    p.mask(O_TRUNC | O_ACCMODE);
    p.give_if_equal(O_TRUNC | O_RDONLY, refuse(EPERM));
    p.end_call();
  }
}

}  // namespace

int build_filter(const FilterOptions& options, struct sock_filter* code) {
  Program p(code);
  check_architecture(p);
  for (const uint32_t call : kRefused) p.give_if_equal(call, refuse(EPERM));
  refuse_namespaces(p);
  filter_ioctl(p, options);
  filter_sockets(p, options);
  if (options.shared_system) filter_shared_system(p);
  if (options.no_truncate) filter_truncation(p);
  p.give(SECCOMP_RET_ALLOW);
  return p.length();
}

}  // namespace tau::os::exec
