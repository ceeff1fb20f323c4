// What the library and tau-exec say to each other. Both are built from the same tree; the version guards
// against a helper left over from another installation.
//
//   tau-exec VERSION run HOST_PID WRAP_COUNT WRAP... PAYLOAD    between the host and the command
//   tau-exec VERSION init PAYLOAD                               process 1 of a namespace that WRAP has made
//
//   PAYLOAD = LIMITS FLAGS RULE_COUNT RULE... ENV_COUNT ENV... ARGV...
//
// WRAP is a program with arguments that runs the words after it (bubblewrap, ending in "tau-exec VERSION
// init"), or nothing. LIMITS is "cpu:as:fsize:nofile:nproc" in decimal, 0 for none. FLAGS is a decimal sum of
// Flags. A RULE is one letter and an absolute path: what Landlock lets the command do beneath it. The
// environment travels as arguments, so that nothing in it (LD_PRELOAD) acts on the helper or on WRAP.
#pragma once

#include <stdint.h>

namespace tau::os::exec {

inline constexpr char kVersion[] = "3";
inline constexpr char kRun[] = "run";
inline constexpr char kInit[] = "init";

// Of "run". Standard input, output and error are the command's.
inline constexpr int kStatusFd = 3;    // write end: one Report, then end of file
inline constexpr int kLifelineFd = 4;  // read end: Requests; end of file means kKill
inline constexpr int kListenerFd = 5;  // with kProxy: a socket that takes the proxy's listener (SCM_RIGHTS)
inline constexpr int kFirstFreeFd = 6;

// Of "init". Its standard error is a pipe to "run"; what the command gets comes as numbers that WRAP passes
// on.
inline constexpr int kCommandStdio = 5;    // and 6, 7
inline constexpr int kInitStatusFd = 8;    // write end: InitReports, each in one write
inline constexpr int kInitListenerFd = 9;  // kListenerFd, where there is one

// Where commands under kProxy find it, on the loopback interface of their own network.
inline constexpr uint16_t kProxyPort = 3128;

enum Flags : uint32_t {
  kConfined = 1u << 0,   // no capabilities, the filter of system calls
  kLandlock = 1u << 1,   // Landlock by the RULEs, and from ABI 6 on signals and abstract sockets stay inside
  kNoSockets = 1u << 2,  // but connected pairs
  kSharedSystem = 1u << 3,  // no namespaces around: filter more
  kNoTruncate = 1u << 4,    // Landlock does not know truncation (ABI 1, 2): the filter refuses it
  kProxy = 1u << 5,         // "init" listens on kProxyPort for the host; of sockets the command has TCP alone
};

enum RuleKind : char {
  kRead = 'r',    // read, list, execute
  kWrite = 'w',   // and everything else
  kDevice = 'd',  // use devices that are there
};

struct Request {
  enum Kind : int32_t { kKill = 1, kTerminate = 2 } kind;
  int32_t grace_ms;  // for kTerminate
};

// What failed before the command ran.
enum class Stage : int32_t {
  kExec,          // executing the command itself
  kHelper,        // the helper's own needs: /proc, signalfd, pidfd
  kWrap,          // WRAP; its complaint is in Report::message
  kCapabilities,  // giving up privileges
  kLandlock,
  kSeccomp,
  kProxyListener,
};

struct Report {
  static constexpr uint32_t kMagic = 0x54415532;  // "TAU2"
  uint32_t magic;
  Stage stage;    // of `error`
  int32_t error;  // errno of what failed, else 0
  int32_t exit_code;
  int32_t signal;
  int32_t stopped_by_host;
  int32_t killed;
  int32_t reserved;
  int64_t user_us;
  int64_t system_us;
  int64_t max_rss_bytes;
  char message[200];  // NUL-terminated
};

struct InitReport {
  enum Kind : int32_t { kStarted = 1, kEnded = 2, kFailed = 3 } kind;
  Stage stage;    // for kFailed
  int32_t error;  // for kFailed
  int32_t wait_status;
  int32_t killed;
  int32_t reserved;
  int64_t user_us;
  int64_t system_us;
  int64_t max_rss_bytes;
};

}  // namespace tau::os::exec
