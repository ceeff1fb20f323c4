#include "observe/tail.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "observe/folder.h"

namespace tau::observe {
namespace {

struct Lines {
  std::vector<uint64_t> starts;  // where each of the last ones begins
  uint64_t end = 0;              // where the last one ends
};

// The last `keep` lines of a file, at least one.
StatusOr<Lines> last_lines(int fd, size_t keep) {
  Lines out;
  std::vector<uint64_t>& ring = out.starts;
  size_t count = 0;
  LineReader reader(fd);
  std::string_view line;
  for (uint64_t begin = 0;; begin = reader.offset()) {
    const LineReader::Got got = reader.next(line);
    if (got == LineReader::Got::kFailed) return reader.status();
    if (got != LineReader::Got::kLine) break;
    if (ring.size() < keep)
      ring.push_back(begin);
    else
      ring[count % keep] = begin;
    ++count;
  }
  std::sort(ring.begin(), ring.end());
  out.end = reader.offset();
  return out;
}

}  // namespace

struct Tail::Impl {
  explicit Impl(Folder in) : folder(std::move(in)) {}

  // The file after the current one, when there is one.
  StatusOr<bool> advance() {
    TAU_ASSIGN_OR_RETURN(const auto segments, folder.segments());
    for (const Segment& segment : segments) {
      if (segment.first_seq <= current) continue;
      auto next = folder.open_for_reading(segment.name);
      if (!next.ok() && next.status().reason() == "file_not_found") continue;
      if (!next.ok()) return next.status();
      fd = *std::move(next);
      current = segment.first_seq;
      offset = 0;
      gone = false;
      return true;
    }
    return false;
  }

  Folder folder;
  uint64_t current = 0;  // the first sequence number of the file that is read; 0: none yet
  bool gone = false;     // that file is not there any more
  os::Fd fd;
  uint64_t offset = 0;
};

Tail::Tail(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tail::Tail(Tail&&) noexcept = default;
Tail& Tail::operator=(Tail&&) noexcept = default;
Tail::~Tail() = default;

StatusOr<Tail> Tail::open(const std::string& directory, size_t lines) {
  lines = std::min(lines, kMostTailLines);
  TAU_ASSIGN_OR_RETURN(Folder folder, Folder::open(directory));
  auto impl = std::make_unique<Impl>(std::move(folder));
  TAU_ASSIGN_OR_RETURN(const auto segments, impl->folder.segments());
  for (size_t i = segments.size(); i > 0; --i) {
    auto fd = impl->folder.open_for_reading(segments[i - 1].name);
    if (!fd.ok() && fd.status().reason() == "file_not_found") break;
    if (!fd.ok()) return fd.status();
    TAU_ASSIGN_OR_RETURN(const Lines found, last_lines(fd->get(), std::max<size_t>(lines, 1)));
    impl->current = segments[i - 1].first_seq;
    impl->offset = lines == 0 || found.starts.empty() ? found.end : found.starts.front();
    impl->fd = *std::move(fd);
    lines -= std::min(lines, found.starts.size());
    if (lines == 0) break;
  }
  return Tail(std::move(impl));
}

StatusOr<Tail> Tail::begin(const std::string& directory) {
  TAU_ASSIGN_OR_RETURN(Folder folder, Folder::open(directory));
  return Tail(std::make_unique<Impl>(std::move(folder)));
}

// "SEQ:OFFSET": the first sequence number of the file, and how far it was read.
std::string Tail::cursor() const { return format("{}:{}", impl_->current, impl_->offset); }

StatusOr<Tail> Tail::resume(const std::string& directory, std::string_view cursor) {
  uint64_t current = 0;
  uint64_t offset = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto first = std::from_chars(cursor.data(), end, current);
  const bool parted = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
  const auto second = parted ? std::from_chars(first.ptr + 1, end, offset) : first;
  if (!parted || second.ec != std::errc() || second.ptr != end)
    return invalid_argument("invalid_cursor", "a cursor is what an earlier answer gave as \"next\"");
  TAU_ASSIGN_OR_RETURN(Tail tail, begin(directory));
  if (current == 0) return tail;
  auto fd = tail.impl_->folder.open_for_reading(segment_name(current));
  if (!fd.ok() && fd.status().reason() != "file_not_found") return fd.status();
  tail.impl_->current = current;
  if (!fd.ok()) {  // removed as old
    tail.impl_->gone = true;
    return tail;
  }
  TAU_ASSIGN_OR_RETURN(const uint64_t size, size_of(fd->get()));
  if (offset > size) return invalid_argument("invalid_cursor", "the cursor is not of this log");
  tail.impl_->offset = offset;
  tail.impl_->fd = *std::move(fd);
  return tail;
}

StatusOr<size_t> Tail::poll(std::vector<std::string>& out, size_t most) {
  most = std::min(most, kMostTailLines);
  size_t count = 0;
  while (count < most) {
    if (impl_->current != 0 && !impl_->gone) {
      LineReader reader(impl_->fd.get(), impl_->offset);
      std::string_view line;
      LineReader::Got got = LineReader::Got::kEnd;
      while (count < most && (got = reader.next(line)) == LineReader::Got::kLine) {
        out.emplace_back(line);
        impl_->offset = reader.offset();
        ++count;
      }
      if (got == LineReader::Got::kFailed) return reader.status();
      if (count == most) break;
    }
    TAU_ASSIGN_OR_RETURN(const bool more, impl_->advance());
    if (!more) break;
  }
  return count;
}

}  // namespace tau::observe
