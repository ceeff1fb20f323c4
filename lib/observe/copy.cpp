#include "observe/copy.h"

#include <optional>

#include "observe/folder.h"

namespace tau::observe {
namespace {

constexpr int64_t kLockPatienceMs = 5000;
constexpr uint64_t kMostFileBytes = uint64_t{1} << 32;

// Of a file that grows: whole lines, as far as it went when it was looked at.
Status copy_segment(const Folder& from, const std::string& name, uint64_t size, const std::string& to) {
  auto fd = from.open_for_reading(name);
  if (!fd.ok() && fd.status().reason() == "file_not_found")
    return Status(Code::kAborted, "audit_log_changed", "files of the audit log were removed meanwhile");
  if (!fd.ok()) return fd.status();
  if (size > kMostFileBytes) return resource_exhausted("file_too_large", format("\"{}\" is too large", name));
  std::string bytes(size, '\0');
  TAU_ASSIGN_OR_RETURN(const size_t got, read_at(fd->get(), 0, bytes));
  bytes.resize(got);
  bytes.resize(bytes.rfind('\n') + 1);
  return os::write_private_file(to, bytes);
}

}  // namespace

bool is_log(const std::string& directory) {
  const auto folder = Folder::open(directory);
  if (!folder.ok()) return false;
  const auto segments = folder->segments();
  return folder->exists(kHeadFile) || (segments.ok() && !segments->empty());
}

Status copy_log(const std::string& from, const std::string& to) {
  TAU_ASSIGN_OR_RETURN(const Folder source, Folder::open(from));
  std::string head;
  std::vector<Segment> segments;
  std::vector<uint64_t> sizes;
  {
    // Nobody is in the middle of a line, or between two files; a log that cannot be locked is one that nobody
    // writes to.
    std::optional<os::FileLock> lock;
    if (source.exists(kLockFile)) {
      auto held = os::FileLock::acquire(source.path_of(kLockFile), kLockPatienceMs);
      if (!held.ok() && held.status().reason() == "file_locked") return held.status();
      if (held.ok()) lock = *std::move(held);
    }
    TAU_ASSIGN_OR_RETURN(head, source.head());
    TAU_ASSIGN_OR_RETURN(segments, source.segments());
    for (const Segment& segment : segments) {
      TAU_ASSIGN_OR_RETURN(const os::Fd fd, source.open_for_reading(segment.name));
      TAU_ASSIGN_OR_RETURN(const uint64_t size, size_of(fd.get()));
      sizes.push_back(size);
    }
  }
  TAU_ASSIGN_OR_RETURN(const Folder target, Folder::make(to));
  for (size_t i = 0; i < segments.size(); ++i)
    TAU_RETURN_IF_ERROR(copy_segment(source, segments[i].name, sizes[i], target.path_of(segments[i].name)));
  if (!head.empty()) TAU_RETURN_IF_ERROR(target.write_head(head));
  return target.sync();
}

}  // namespace tau::observe
