/* Attempts to leave a confinement, one per run: `escape_probes PROBE DIR VICTIM PORT FD`.
 *
 * Exit status 0: the attempt succeeded. 1: it was refused. 77: it makes no sense here. The world is made by
 * confinement_test.cpp: DIR/home is the user's, DIR/home/ws the workspace and working directory, DIR/outside
 * belongs to the same user; VICTIM is a process of that user, with DIR/secret open as FD and TAU_PROBE_SECRET
 * in its environment; PORT listens on 127.0.0.1.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { kEscaped = 0, kRefused = 1, kSenseless = 77 };

static const char* g_dir;
static pid_t g_victim;
static int g_port;
static int g_victim_fd;

static int escaped_if(int condition) { return condition ? kEscaped : kRefused; }

static const char* at(const char* name) {
  static char paths[4][512];
  static int next;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", g_dir, name);
  return path;
}

static int write_to(const char* path, int flags) {
  const int fd = open(path, flags, 0644);
  return escaped_if(fd >= 0 && write(fd, "x", 1) == 1);
}

static int read_of(const char* path) {
  char c;
  const int fd = open(path, O_RDONLY | O_NONBLOCK);
  return escaped_if(fd >= 0 && read(fd, &c, 1) == 1);
}

static const char* proc(pid_t pid, const char* what) {
  static char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
  return path;
}

/* "Reached": any answer of the kernel itself but that a privilege is missing. */
static int reached(long result) {
  if (result < 0 && errno == ENOSYS) return kSenseless;
  return escaped_if(result >= 0 || (errno != EPERM && errno != EACCES));
}

/* Files outside. */
static int write_outside(void) { return write_to(at("outside/file"), O_WRONLY | O_APPEND); }
static int create_outside(void) { return write_to(at("outside/new"), O_WRONLY | O_CREAT); }
static int create_in_home(void) { return write_to(at("home/.profile"), O_WRONLY | O_CREAT); }
static int append_to_home(void) { return write_to(at("home/.bashrc"), O_WRONLY | O_APPEND); }
static int truncate_outside(void) { return escaped_if(truncate(at("outside/file"), 1) == 0); }
static int truncate_by_open(void) { return escaped_if(open(at("outside/file"), O_RDONLY | O_TRUNC) >= 0); }
static int unlink_outside(void) { return escaped_if(unlink(at("outside/file")) == 0); }
static int rename_out_of_home(void) { return escaped_if(rename(at("outside/file"), at("home/ws/got")) == 0); }
static int rename_over_outside(void) {
  return escaped_if(rename(at("home/ws/file"), at("outside/file")) == 0);
}
static int hardlink(void) {
  if (link(at("outside/file"), at("home/ws/hard")) != 0) return kRefused;
  return write_to(at("home/ws/hard"), O_WRONLY | O_APPEND);
}
static int hardlink_secret(void) {
  if (link(at("home/.ssh/id"), at("home/ws/hard2")) != 0) return kRefused;
  return read_of(at("home/ws/hard2"));
}
static int symlink_to_outside(void) {
  if (symlink(at("outside/file"), at("home/ws/soft")) != 0) return kSenseless;
  return write_to(at("home/ws/soft"), O_WRONLY | O_APPEND);
}
static int symlink_to_secret(void) {
  if (symlink(at("home/.ssh"), at("home/ws/soft2")) != 0) return kSenseless;
  return read_of(at("home/ws/soft2/id"));
}
static int dots(void) { return write_to("../../outside/file", O_WRONLY | O_APPEND); }
static int through_proc_root(void) {
  char path[600];
  snprintf(path, sizeof path, "/proc/self/root%s", at("outside/file"));
  return write_to(path, O_WRONLY | O_APPEND);
}
static int through_proc_1_root(void) { return escaped_if(open("/proc/1/root", O_PATH | O_DIRECTORY) >= 0); }
static int through_victim_root(void) {
  char path[600];
  snprintf(path, sizeof path, "/proc/%d/root%s", (int)g_victim, at("outside/file"));
  return write_to(path, O_WRONLY | O_APPEND);
}
static int mkdir_outside(void) { return escaped_if(mkdir(at("outside/directory"), 0755) == 0); }
static int mkfifo_outside(void) { return escaped_if(mkfifo(at("outside/fifo"), 0644) == 0); }
static int chmod_outside(void) { return escaped_if(chmod(at("outside/file"), 0666) == 0); }
static int fchmod_outside(void) { return escaped_if(fchmod(open(at("outside/file"), O_RDONLY), 0666) == 0); }
static int chown_outside(void) { return escaped_if(chown(at("outside/file"), getuid(), getgid()) == 0); }
static int utimes_outside(void) {
  const struct timespec times[2] = {{1, 0}, {1, 0}};
  return escaped_if(utimensat(AT_FDCWD, at("outside/file"), times, 0) == 0);
}
static int setxattr_outside(void) {
  return escaped_if(setxattr(at("outside/file"), "user.tau", "x", 1, 0) == 0);
}
static int set_flags_outside(void) {
  const int fd = open(at("outside/file"), O_RDONLY);
  int flags = 0;
  if (fd < 0 || ioctl(fd, _IOR('f', 1, long), &flags) != 0) return kSenseless;
  flags |= 0x40; /* no dump */
  return escaped_if(ioctl(fd, _IOW('f', 2, long), &flags) == 0);
}
static int shared_tmp(void) {
  char path[64];
  snprintf(path, sizeof path, "/tmp/tau-probe-%d", (int)g_victim);
  return write_to(path, O_WRONLY | O_APPEND);
}
static int open_sysctl(void) { return escaped_if(open("/proc/sys/kernel/domainname", O_WRONLY) >= 0); }
static int open_sysrq(void) {
  if (access("/proc/sysrq-trigger", F_OK) != 0) return kSenseless;
  return escaped_if(open("/proc/sysrq-trigger", O_WRONLY) >= 0);
}
static int device_node(void) {
  if (mknod(at("home/ws/device"), S_IFCHR | 0666, makedev(1, 5)) != 0) return kRefused;
  return read_of(at("home/ws/device"));
}
static int open_disk(void) {
  DIR* blocks = opendir("/sys/block");
  int result = kSenseless;
  for (const struct dirent* e; blocks != NULL && (e = readdir(blocks)) != NULL;) {
    char path[300];
    snprintf(path, sizeof path, "/dev/%s", e->d_name);
    if (e->d_name[0] == '.' || strncmp(e->d_name, "loop", 4) == 0) continue;
    result = kRefused;
    if (open(path, O_RDONLY) >= 0) return kEscaped;
  }
  return result;
}

/* Secrets. */
static int read_secret(void) { return read_of(at("home/.ssh/id")); }
static int list_secrets(void) {
  DIR* directory = opendir(at("home/.ssh"));
  for (const struct dirent* e; directory != NULL && (e = readdir(directory)) != NULL;)
    if (e->d_name[0] != '.') return kEscaped;
  return kRefused;
}
static int read_vault(void) { return read_of(at("tauhome/vault")); }
static int write_vault(void) { return write_to(at("tauhome/vault"), O_WRONLY | O_APPEND); }
static int write_config(void) { return write_to(at("tauhome/tau.toml"), O_WRONLY | O_CREAT); }
static int read_shadow(void) {
  return access("/etc/shadow", F_OK) == 0 ? read_of("/etc/shadow") : kSenseless;
}
/* It may be empty. */
static int environ_of_1(void) { return escaped_if(open("/proc/1/environ", O_RDONLY) >= 0); }
static int environ_of_victim(void) { return read_of(proc(g_victim, "environ")); }
static int environ_of_anybody(void) {
  DIR* processes = opendir("/proc");
  static char text[65536];
  for (const struct dirent* e; processes != NULL && (e = readdir(processes)) != NULL;) {
    const int fd = open(proc(atoi(e->d_name), "environ"), O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    if (n > 0 && memmem(text, (size_t)n, "TAU_PROBE_SECRET", 16) != NULL) return kEscaped;
  }
  return kRefused;
}
static int memory_of_victim(void) { return escaped_if(open(proc(g_victim, "mem"), O_RDWR) >= 0); }
static int descriptor_of_victim(void) {
  char what[32];
  snprintf(what, sizeof what, "fd/%d", g_victim_fd);
  return read_of(proc(g_victim, what));
}
static int inherited_environment(void) { return escaped_if(getenv("TAU_PROBE_LEAK") != NULL); }
static int inherited_descriptor(void) {
  for (int fd = 3; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) return kEscaped;
  return kRefused;
}

/* Processes. */
static int trace_victim(void) { return escaped_if(ptrace(PTRACE_SEIZE, g_victim, 0, 0) == 0); }
static int trace_parent(void) { return escaped_if(ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0); }
static int read_memory(void) {
  char c;
  struct iovec here = {&c, 1}, there = {(void*)&g_dir, 1};
  const ssize_t n = process_vm_readv(g_victim, &here, 1, &there, 1, 0);
  return escaped_if(n == 1 || errno == EFAULT);
}
static int signal_victim(void) { return escaped_if(kill(g_victim, SIGURG) == 0); }
static int queue_signal(void) {
  siginfo_t info = {.si_signo = SIGURG, .si_code = SI_QUEUE};
  return escaped_if(syscall(SYS_rt_sigqueueinfo, g_victim, SIGURG, &info) == 0);
}
static int signal_by_descriptor(void) {
  const int fd = (int)syscall(SYS_pidfd_open, g_victim, 0);
  return escaped_if(fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGURG, 0, 0) == 0);
}
static int signal_parent(void) {
  const pid_t parent = getppid();
  if (parent <= 1) return kRefused;
  return escaped_if(kill(parent, SIGURG) == 0);
}
static int limit_victim(void) {
  struct rlimit limit;
  if (prlimit(g_victim, RLIMIT_CORE, NULL, &limit) != 0) return kRefused;
  return escaped_if(prlimit(g_victim, RLIMIT_CORE, &limit, NULL) == 0);
}
static int slow_victim(void) { return escaped_if(setpriority(PRIO_PROCESS, (id_t)g_victim, 5) == 0); }
static int pin_victim(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  return escaped_if(sched_setaffinity(g_victim, sizeof set, &set) == 0);
}
static int take_descriptor(void) {
  const int fd = (int)syscall(SYS_pidfd_open, g_victim, 0);
  return escaped_if(fd >= 0 && syscall(438, fd, g_victim_fd, 0) >= 0);
}
static int shared_memory(void) { /* the victim's, by its key */
  const int id = shmget(g_victim, 1, 0);
  return escaped_if(id >= 0 && shmat(id, NULL, SHM_RDONLY) != (void*)-1);
}
static int message_queue(void) {
  char name[32];
  snprintf(name, sizeof name, "/tau-probe-%d", (int)g_victim);
  return escaped_if(mq_open(name, O_RDONLY) >= 0);
}

/* Network. */
static int connect_to(int family) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)g_port)};
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)g_port)};
  v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
  memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
  const int fd = socket(family, SOCK_STREAM, 0);
  if (fd < 0) return kRefused;
  const int done = family == AF_INET ? connect(fd, (struct sockaddr*)&v4, sizeof v4)
                                     : connect(fd, (struct sockaddr*)&v6, sizeof v6);
  return escaped_if(done == 0);
}
static int connect_inet(void) { return connect_to(AF_INET); }
static int connect_inet6(void) { return connect_to(AF_INET6); }
static int send_datagram(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return escaped_if(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr*)&to, sizeof to) == 1);
}
/* The ports below the dynamic ones on this machine's loopback, but that of a proxy. */
static int connect_any_port(void) {
  for (int port = 1; port < 32768; ++port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return kRefused;
    const int done = port == 3128 ? -1 : connect(fd, (struct sockaddr*)&to, sizeof to);
    close(fd);
    if (done == 0) return kEscaped;
  }
  return kSenseless; /* nobody listens there */
}
static int send_datagram_inet6(void) {
  struct sockaddr_in6 to = {
      .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) return kSenseless;
  return escaped_if(sendto(fd, "x", 1, 0, (struct sockaddr*)&to, sizeof to) == 1 || errno == EADDRNOTAVAIL);
}
static int raw_socket(void) { return escaped_if(socket(AF_INET, SOCK_RAW, 1 /* ICMP */) >= 0); }
static int listen_unix(void) {
  struct sockaddr_un here = {.sun_family = AF_UNIX};
  snprintf(here.sun_path + 1, sizeof here.sun_path - 1, "tau-probe-own-%d", (int)getpid());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return escaped_if(fd >= 0 && bind(fd, (struct sockaddr*)&here, sizeof here) == 0);
}
static int connect_unix(const char* path, int is_abstract, int fd) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path + is_abstract, sizeof to.sun_path - 1, "%s", path);
  const socklen_t size =
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)is_abstract + strlen(path));
  return escaped_if(fd >= 0 && connect(fd, (struct sockaddr*)&to, size) == 0);
}
static int connect_abstract(void) {
  char name[32];
  snprintf(name, sizeof name, "tau-probe-%d", (int)g_victim);
  return connect_unix(name, 1, socket(AF_UNIX, SOCK_STREAM, 0));
}
static int connect_path(void) {
  return connect_unix(at("outside/socket"), 0, socket(AF_UNIX, SOCK_STREAM, 0));
}
static int reconnect_pair(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return kRefused;
  return connect_unix(at("outside/datagram"), 0, pair[0]);
}
static int packet_socket(void) { return reached(socket(AF_PACKET, SOCK_RAW, 0)); }
static int algorithm_socket(void) { return reached(socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0)); }
static int machine_socket(void) { return reached(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0)); }
static int netlink_socket(void) { return escaped_if(socket(AF_NETLINK, SOCK_RAW, 0) >= 0); }

/* The kernel. */
static int mount_tmpfs(void) {
  const int result = escaped_if(mount("none", at("home/ws/mnt"), "tmpfs", 0, NULL) == 0);
  umount2(at("home/ws/mnt"), MNT_DETACH);
  return result;
}
static int open_mount_tree(void) { return reached(syscall(428, AT_FDCWD, "/", 1u /* clone */)); }
static int new_mount(void) { return reached(syscall(430, "tmpfs", 0)); }
static int unmount_secret(void) { return reached(umount2(at("home/.ssh"), MNT_DETACH)); }
static int user_namespace(void) { return escaped_if(unshare(CLONE_NEWUSER) == 0); }
static int mount_namespace(void) { return escaped_if(unshare(CLONE_NEWNS) == 0); }
static int clone_namespace(void) {
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return escaped_if(pid > 0);
}
static int clone3_namespace(void) {
  uint64_t arguments[11] = {CLONE_NEWUSER};
  arguments[4] = SIGCHLD;
  const long pid = syscall(SYS_clone3, arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return escaped_if(pid > 0);
}
static int join_namespace(void) {
  const int fd = open("/proc/self/ns/mnt", O_RDONLY);
  return fd < 0 ? kRefused : escaped_if(setns(fd, 0) == 0);
}
static int change_root(void) { return escaped_if(chroot(".") == 0); }
static int load_program(void) {
  struct bpf_insn code[2] = {{.code = 0xb7}, {.code = 0x95}};
  union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2};
  attr.insns = (uintptr_t)code;
  attr.license = (uintptr_t) "GPL";
  return reached(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr));
}
static int ring(void) {
  static char parameters[256];
  return reached(syscall(425, 4, parameters));
}
static int fault_handler(void) { return reached(syscall(SYS_userfaultfd, 1 /* user mode only */)); }
static int performance(void) {
  struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};
  attr.exclude_kernel = attr.exclude_hv = 1;
  return reached(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}
static int keyring(void) { return reached(syscall(SYS_keyctl, 0 /* get id */, -3 /* session */, 1)); }
static int handle(void) {
  struct {
    uint32_t size;
    int type;
    char data[64];
  } handle = {.size = 64};
  int mount_id;
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &mount_id, 0) != 0) return kSenseless;
  return reached(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
}
static int module(void) { return reached(syscall(SYS_finit_module, -1, "", 0)); }
static int kernel_log(void) { return reached(syscall(SYS_syslog, 10 /* size */, 0, 0)); }
static int host_name(void) {
  char name[65];
  if (gethostname(name, sizeof name) != 0) return kSenseless;
  return escaped_if(sethostname(name, strlen(name)) == 0);
}
static int type_into(unsigned long request) {
  const int host = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int zero = 0, number = 0;
  char path[32];
  if (host < 0 || ioctl(host, TIOCSPTLCK, &zero) != 0 || ioctl(host, TIOCGPTN, &number) != 0) return kRefused;
  snprintf(path, sizeof path, "/dev/pts/%d", number);
  setsid();
  const int terminal = open(path, O_RDWR);
  if (terminal < 0) return kRefused;
  ioctl(terminal, TIOCSCTTY, 0);
  return escaped_if(syscall(SYS_ioctl, terminal, request, "x") == 0);
}
static int type_ahead(void) { return type_into(TIOCSTI); }
static int type_ahead_wide(void) { return type_into(TIOCSTI | 0x100000000ul); }
static int gain_privileges(void) { return escaped_if(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0); }
static int capabilities(void) {
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long long held = 0, bounding = 0;
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    sscanf(line, "CapEff: %llx", &held);
    sscanf(line, "CapBnd: %llx", &bounding);
  }
  return escaped_if(held != 0 || (getuid() == 0 && bounding != 0));
}
static int other_architecture(void) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  return escaped_if(result == getpid());
#else
  return kSenseless;
#endif
}
static int x32(void) {
#ifdef __x86_64__
  return escaped_if(syscall(0x40000000 + 39) == getpid() || errno == ENOSYS);
#else
  return kSenseless;
#endif
}

/* Resources; the test sets limits of 64 processes, 256 MiB and 1 MiB files. */
static int fork_bomb(void) {
  enum { kWanted = 200 };
  pid_t pids[kWanted];
  int count = 0;
  while (count < kWanted && (pids[count] = fork()) >= 0) {
    if (pids[count] == 0) {
      pause();
      _exit(0);
    }
    ++count;
  }
  for (int i = 0; i < count; ++i) kill(pids[i], SIGKILL);
  return escaped_if(count == kWanted);
}
static int much_memory(void) {
  return escaped_if(mmap(NULL, 1u << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                    MAP_FAILED);
}
static int big_file(void) {
  signal(SIGXFSZ, SIG_IGN);
  const int fd = open(at("home/ws/big"), O_WRONLY | O_CREAT, 0644);
  return fd < 0 ? kSenseless : escaped_if(ftruncate(fd, 16 << 20) == 0);
}

/* What is kept read-only inside the workspace. */
static int write_hook(void) { return write_to(at("home/ws/.git/hooks/post-checkout"), O_WRONLY | O_CREAT); }
static int write_git_config(void) { return write_to(at("home/ws/.git/config"), O_WRONLY | O_APPEND); }
static int replace_git_config(void) {
  return escaped_if(rename(at("home/ws/file"), at("home/ws/.git/config")) == 0);
}
static int move_git_away(void) { return escaped_if(rename(at("home/ws/.git"), at("home/ws/git2")) == 0); }
static int move_hooks_away(void) {
  return escaped_if(rename(at("home/ws/.git/hooks"), at("home/ws/.git/hooks2")) == 0);
}
static int write_project_config(void) { return write_to(at("home/ws/.tau/tau.toml"), O_WRONLY | O_CREAT); }
static int chmod_git_config(void) { return escaped_if(chmod(at("home/ws/.git/config"), 0666) == 0); }
static int read_hidden_in_workspace(void) { return read_of(at("home/ws/.env")); }

/* FD times: a child exchanges a directory of the workspace with a link that leads out, while paths through it
 * are opened, to write and to read. */
static int is_file(int fd, const struct stat* file) {
  struct stat st;
  const int same = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
  if (fd >= 0) close(fd);
  return same;
}
static int race(void) {
  struct stat file, secret;
  memset(&file, 0, sizeof file);
  memset(&secret, 0, sizeof secret);
  stat(at("outside/file"), &file);
  stat(at("home/.ssh/id"), &secret);
  if (mkdir("swap", 0755) != 0 || mkdir("swap/real", 0755) != 0 || symlink("../..", "link") != 0)
    return kSenseless;
  for (const char* const* name = (const char* const[]){"swap/outside", "swap/home", "swap/home/.ssh", NULL};
       *name; ++name)
    if (mkdir(*name, 0755) != 0) return kSenseless;
  if (write_to("swap/outside/file", O_WRONLY | O_CREAT) != 0 ||
      write_to("swap/home/.ssh/id", O_WRONLY | O_CREAT) != 0)
    return kSenseless;
  const pid_t swapper = fork();
  for (; swapper == 0;) syscall(SYS_renameat2, AT_FDCWD, "swap", AT_FDCWD, "link", 2u /* exchange */);
  int escapes = 0, inside = 0;
  for (int i = 0; i < g_victim_fd; ++i) {
    const int fd = open("swap/outside/file", O_WRONLY);
    inside += fd >= 0;
    escapes += is_file(fd, &file) + is_file(open("swap/home/.ssh/id", O_RDONLY), &secret);
  }
  kill(swapper, SIGKILL);
  printf("%d of %d opens led in, %d escapes\n", inside, g_victim_fd, escapes);
  return inside == 0 ? kSenseless : escaped_if(escapes > 0);
}

/* That the world is right: these must work under every confinement that writes. */
static int must_write_workspace(void) { return write_to(at("home/ws/written"), O_WRONLY | O_CREAT); }
static int must_commit(void) { return write_to(at("home/ws/.git/index.lock"), O_WRONLY | O_CREAT); }
static int must_use_tmp(void) {
  char path[512];
  const char* tmp = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/file", tmp == NULL ? "/tmp" : tmp);
  return write_to(path, O_WRONLY | O_CREAT);
}
static int must_use_devices(void) {
  return escaped_if(write_to("/dev/null", O_WRONLY) == 0 && read_of("/dev/urandom") == 0 &&
                    read_of("/dev/zero") == 0);
}
static int must_fork_and_pipe(void) {
  int ends[2], pair[2];
  if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return kRefused;
  const pid_t pid = fork();
  if (pid == 0) _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
  char c;
  int status = -1;
  return escaped_if(read(ends[0], &c, 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0);
}
static int must_read_system(void) { return read_of("/etc/passwd"); }
static int must_read_home(void) { return read_of(at("home/.bashrc")); }

/* Of a network that is a proxy: its port answers, whoever stands behind it, and no interface leads further.
 */
static int reach_proxy(void) {
  g_port = 3128;
  return connect_inet();
}
static int other_interface(void) {
  FILE* interfaces = fopen("/proc/net/dev", "r");
  char line[512];
  for (int number = 1; interfaces != NULL && fgets(line, sizeof line, interfaces) != NULL; ++number)
    if (number > 2 && strstr(line, " lo:") == NULL) return kEscaped;
  return kRefused;
}

/* clang-format off */
#define PROBE(name) {#name, name}
static const struct {
  const char* name;
  int (*run)(void);
} kProbes[] = {
  PROBE(write_outside), PROBE(create_outside), PROBE(create_in_home), PROBE(append_to_home),
  PROBE(truncate_outside), PROBE(truncate_by_open), PROBE(unlink_outside), PROBE(rename_out_of_home),
  PROBE(rename_over_outside), PROBE(hardlink), PROBE(hardlink_secret), PROBE(symlink_to_outside),
  PROBE(symlink_to_secret), PROBE(dots), PROBE(through_proc_root), PROBE(through_proc_1_root),
  PROBE(through_victim_root), PROBE(mkdir_outside), PROBE(mkfifo_outside), PROBE(chmod_outside),
  PROBE(fchmod_outside), PROBE(chown_outside), PROBE(utimes_outside), PROBE(setxattr_outside),
  PROBE(set_flags_outside), PROBE(shared_tmp), PROBE(open_sysctl), PROBE(open_sysrq), PROBE(device_node),
  PROBE(open_disk), PROBE(read_secret), PROBE(list_secrets), PROBE(read_vault), PROBE(write_vault),
  PROBE(write_config), PROBE(read_shadow), PROBE(environ_of_1), PROBE(environ_of_victim),
  PROBE(environ_of_anybody), PROBE(memory_of_victim), PROBE(descriptor_of_victim),
  PROBE(inherited_environment), PROBE(inherited_descriptor), PROBE(trace_victim), PROBE(trace_parent),
  PROBE(read_memory), PROBE(signal_victim), PROBE(queue_signal), PROBE(signal_by_descriptor),
  PROBE(signal_parent), PROBE(limit_victim), PROBE(slow_victim), PROBE(pin_victim), PROBE(take_descriptor),
  PROBE(shared_memory), PROBE(message_queue), PROBE(connect_inet), PROBE(connect_inet6), PROBE(send_datagram),
  PROBE(connect_abstract), PROBE(connect_path), PROBE(reconnect_pair), PROBE(packet_socket),
  PROBE(algorithm_socket), PROBE(machine_socket), PROBE(netlink_socket), PROBE(connect_any_port),
  PROBE(send_datagram_inet6), PROBE(raw_socket), PROBE(listen_unix), PROBE(mount_tmpfs),
  PROBE(open_mount_tree), PROBE(new_mount), PROBE(unmount_secret), PROBE(user_namespace),
  PROBE(mount_namespace), PROBE(clone_namespace), PROBE(clone3_namespace), PROBE(join_namespace),
  PROBE(change_root), PROBE(load_program), PROBE(ring), PROBE(fault_handler), PROBE(performance),
  PROBE(keyring), PROBE(handle), PROBE(module), PROBE(kernel_log), PROBE(host_name), PROBE(type_ahead),
  PROBE(type_ahead_wide), PROBE(gain_privileges), PROBE(capabilities), PROBE(other_architecture), PROBE(x32),
  PROBE(fork_bomb), PROBE(much_memory), PROBE(big_file), PROBE(write_hook), PROBE(write_git_config),
  PROBE(replace_git_config), PROBE(move_git_away), PROBE(move_hooks_away), PROBE(write_project_config),
  PROBE(chmod_git_config), PROBE(read_hidden_in_workspace), PROBE(must_write_workspace), PROBE(must_commit),
  PROBE(must_use_tmp), PROBE(must_use_devices), PROBE(must_fork_and_pipe), PROBE(must_read_system),
  PROBE(must_read_home),
};
/* clang-format on */

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i < sizeof kProbes / sizeof kProbes[0]; ++i) puts(kProbes[i].name);
    return 0;
  }
  if (argc != 6) return 2;
  g_dir = argv[2];
  g_victim = atoi(argv[3]);
  g_port = atoi(argv[4]);
  g_victim_fd = atoi(argv[5]);
  for (size_t i = 0; i < sizeof kProbes / sizeof kProbes[0]; ++i)
    if (strcmp(argv[1], kProbes[i].name) == 0) return kProbes[i].run();
  if (strcmp(argv[1], "race") == 0) return race();
  if (strcmp(argv[1], "reach_proxy") == 0) return reach_proxy();
  if (strcmp(argv[1], "other_interface") == 0) return other_interface();
  return 2;
}
