// Owners: which process holds a lease, and whether it still lives, across PID namespaces.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/base.h"

namespace tau::store {

// A process, unmistakably: pids are reused, start times of one boot are not together with a pid.
struct ProcessIdentity {
  std::string boot_id;
  int64_t pid = 0;            // as its own namespace counts
  int64_t start_time = 0;     // clock ticks since boot
  int64_t pid_namespace = 0;  // inode; 0: not known

  bool operator==(const ProcessIdentity&) const = default;
};

ProcessIdentity current_process();

// /proc answers for processes of the own PID namespace. For others it shows strangers or nothing, so every
// process that may own something holds a read lock on one byte of a file beside the database, at a place that
// follows from its identity. The kernel drops the lock with the process, however that ends, and shows it to
// everybody who can open the file. docs/decisions/0006-owners-hold-a-file-lock.md
//
// Locks of open file descriptions: those of the process would go with any descriptor of the file that some
// code closes. A child that was forked without exec keeps its copy, and with it, for other namespaces, the
// appearance that its parent lives. Any thread.
class Owners {
 public:
  // Empty: no lock is held, and owners in other namespaces count as dead, as they do where the file system
  // knows no such locks.
  static StatusOr<std::unique_ptr<Owners>> open(const std::string& database_path);
  // Owns nothing and makes no file; sees the locks of others where there is one.
  static std::unique_ptr<Owners> open_to_look(const std::string& database_path);
  // As the only process: UNAVAILABLE "home_busy" while another one has the database open, and for those that
  // come while this object lives.
  static StatusOr<std::unique_ptr<Owners>> open_alone(const std::string& database_path);
  ~Owners();
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;

  const ProcessIdentity& self() const { return self_; }
  bool is_alive(const ProcessIdentity& process) const;

 private:
  Owners() = default;
  Status open_file(const std::string& database_path);
  Status lock(const struct flock& lock);
  bool holds_lock(const ProcessIdentity& process) const;

  const ProcessIdentity self_ = current_process();
  int fd_ = -1;
};

}  // namespace tau::store
