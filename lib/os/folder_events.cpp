// Hints by inotify.
#include "os/folder_events.h"

#include <linux/magic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <unordered_map>

#include "os/fd.h"
#include "os/file_io.h"

namespace tau::os {
namespace {

using What = FolderHint::What;

constexpr uint32_t kEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t kHow = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr size_t kBufferBytes = 64 << 10;
constexpr int kMostReads = 16;  // of one wait

// File systems that others write to, or that say nothing of what they do.
bool tells_of_all(const std::string& path) {
  struct statfs info;
  if (statfs(path.c_str(), &info) != 0) return true;  // watch() says what is wrong
  constexpr unsigned kCifs = 0xff534d42, kSmb2 = 0xfe534d42, kFuse = 0x65735546, kCeph = 0x00c36400,
                     kLustre = 0x0bd00bd0, kGpfs = 0x47504653, kBeeGfs = 0x19830326;
  constexpr unsigned kSilent[] = {NFS_SUPER_MAGIC,
                                  SMB_SUPER_MAGIC,
                                  V9FS_MAGIC,
                                  AFS_SUPER_MAGIC,
                                  CODA_SUPER_MAGIC,
                                  PROC_SUPER_MAGIC,
                                  SYSFS_MAGIC,
                                  kCifs,
                                  kSmb2,
                                  kFuse,
                                  kCeph,
                                  kLustre,
                                  kGpfs,
                                  kBeeGfs};
  const auto type = static_cast<unsigned>(info.f_type);
  return std::find(std::begin(kSilent), std::end(kSilent), type) == std::end(kSilent);
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
}

class Inotify final : public FolderEvents {
 public:
  explicit Inotify(std::string root) : root_(std::move(root)) {}

  Status open() {
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid()) return errno_status(errno, "cannot make an event descriptor");
    restart();
    return ok_status();
  }

  Status watch(std::string_view folder) override;
  StatusOr<std::vector<FolderHint>> wait(int64_t timeout_ms) override;
  void wake() override {
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);  // a full one is readable already
  }

 private:
  // Without any watch. The kernel forgets those that were, and what it had not told yet.
  void restart() {
    paths_.clear();
    by_path_.clear();
    moved_from_.clear();
    events_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    failed_ = events_.valid() ? 0 : errno;
  }
  void read_events(std::vector<FolderHint>& hints);
  void take(const inotify_event& event, std::string_view name, std::vector<FolderHint>& hints);
  void moved(const inotify_event& event, const std::string& path, std::vector<FolderHint>& hints);
  void forget(int wd);
  void forget_below(const std::string& path);

  const std::string root_;
  Fd events_;
  Fd wake_;
  int failed_ = 0;  // why there is no events_
  bool restarts_ = false;
  std::unordered_map<int, std::string> paths_;  // by watch
  std::map<std::string, int> by_path_;
  uint32_t cookie_ = 0;  // of the move whose first half came last
  std::string moved_from_;
};

Status no_watches(int error) {
  return resource_exhausted(
      "no_watches_left",
      format("the kernel has no watch left for this user ({}); fs.inotify.max_user_watches and "
             "max_user_instances say how many there are",
             std::strerror(error)));
}

Status Inotify::watch(std::string_view folder) {
  if (!events_.valid()) restart();
  if (!events_.valid()) return no_watches(failed_);
  const std::string name(folder);
  const std::string path = folder.empty() ? root_ : root_ + "/" + name;
  const int wd = inotify_add_watch(events_.get(), path.c_str(), kEvents | kHow);
  if (wd < 0) {
    if (errno == ENOSPC || errno == ENOMEM) return no_watches(errno);
    return file_error(errno, "cannot watch", path);
  }
  // The same folder has the same watch, wherever it has been before.
  if (const auto known = paths_.find(wd); known != paths_.end() && known->second != name) {
    if (const auto old = by_path_.find(known->second); old != by_path_.end() && old->second == wd)
      by_path_.erase(old);
  }
  paths_[wd] = name;
  by_path_[name] = wd;
  if (tells_of_all(path)) return ok_status();
  return Status(Code::kUnimplemented, "no_folder_events",
                format("the file system of \"{}\" does not tell of all changes", path));
}

StatusOr<std::vector<FolderHint>> Inotify::wait(int64_t timeout_ms) {
  pollfd fds[2] = {{wake_.get(), POLLIN, 0}, {events_.get(), POLLIN, 0}};  // one of -1 is passed over
  const int timeout = static_cast<int>(std::clamp<int64_t>(timeout_ms, -1, INT_MAX));
  if (poll(fds, 2, timeout) < 0 && errno != EINTR) return errno_status(errno, "cannot wait for changes");
  uint64_t count = 0;
  if (fds[0].revents != 0) (void)!read(wake_.get(), &count, sizeof count);
  std::vector<FolderHint> hints;
  if (fds[1].revents != 0) read_events(hints);
  return hints;
}

void Inotify::read_events(std::vector<FolderHint>& hints) {
  alignas(inotify_event) char buffer[kBufferBytes];
  restarts_ = false;
  for (int reads = 0; reads < kMostReads && !restarts_; ++reads) {
    const ssize_t n = read(events_.get(), buffer, sizeof buffer);
    if (n <= 0) return;
    for (const char* at = buffer; at < buffer + n && !restarts_;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      take(event, event.len > 0 ? std::string_view(event.name) : std::string_view(), hints);
      at += sizeof event + event.len;
    }
  }
  if (!restarts_) return;
  // Too much happened: nobody knows what, nor which folders are new. Whoever looks at all of it watches anew.
  restart();
  hints = {{"", What::kChanged}};
}

void Inotify::take(const inotify_event& event, std::string_view name, std::vector<FolderHint>& hints) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    restarts_ = true;
    return;
  }
  const auto watched = paths_.find(event.wd);
  if (watched == paths_.end()) return;  // of a watch that was taken away
  const std::string folder = watched->second;
  if ((event.mask & (IN_IGNORED | IN_UNMOUNT)) != 0) forget(event.wd);
  if (name.empty()) {
    // A folder that is not the top has a parent that tells of it.
    const bool gone = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
    if (gone && (folder.empty() || (event.mask & IN_UNMOUNT) != 0)) hints.push_back({folder, What::kChanged});
    return;
  }
  const std::string path = joined(folder, name);
  const bool is_folder = (event.mask & IN_ISDIR) != 0;
  if ((event.mask & (IN_MOVED_FROM | IN_MOVED_TO)) != 0) return moved(event, path, hints);
  const bool writing = !is_folder && (event.mask & (IN_CREATE | IN_MODIFY)) != 0;
  hints.push_back({path, writing ? What::kWriting : What::kChanged});
}

// Both halves of a move have one cookie; where it came from below the folder is told once more when both are
// here.
void Inotify::moved(const inotify_event& event, const std::string& path, std::vector<FolderHint>& hints) {
  hints.push_back({path, What::kChanged});
  if ((event.mask & IN_MOVED_FROM) != 0) {
    if ((event.mask & IN_ISDIR) != 0) forget_below(path);
    cookie_ = event.cookie;
    moved_from_ = path;
  } else if (!moved_from_.empty() && event.cookie == cookie_) {
    hints.push_back({std::move(moved_from_), What::kMoved});
    moved_from_.clear();
  }
}

void Inotify::forget(int wd) {
  const auto known = paths_.find(wd);
  if (known == paths_.end()) return;
  if (const auto place = by_path_.find(known->second); place != by_path_.end() && place->second == wd)
    by_path_.erase(place);
  paths_.erase(known);
}

// Of folders that are elsewhere now, under names that nobody knows yet.
void Inotify::forget_below(const std::string& path) {
  for (auto at = by_path_.lower_bound(path); at != by_path_.end() && at->first.starts_with(path);) {
    if (at->first.size() > path.size() && at->first[path.size()] != '/') {
      ++at;
      continue;
    }
    inotify_rm_watch(events_.get(), at->second);
    paths_.erase(at->second);
    at = by_path_.erase(at);
  }
}

}  // namespace

StatusOr<std::unique_ptr<FolderEvents>> make_folder_events(std::string root) {
  auto made = std::make_unique<Inotify>(std::move(root));
  TAU_RETURN_IF_ERROR(made->open());
  return std::unique_ptr<FolderEvents>(std::move(made));
}

}  // namespace tau::os
