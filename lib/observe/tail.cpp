#include "observe/tail.h"

#include <algorithm>
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
      return true;
    }
    return false;
  }

  Folder folder;
  uint64_t current = 0;  // the first sequence number of the file that is read; 0: none yet
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

StatusOr<size_t> Tail::poll(std::vector<std::string>& out) {
  size_t count = 0;
  while (count < kMostTailLines) {
    if (impl_->current != 0) {
      LineReader reader(impl_->fd.get(), impl_->offset);
      std::string_view line;
      LineReader::Got got = LineReader::Got::kEnd;
      while (count < kMostTailLines && (got = reader.next(line)) == LineReader::Got::kLine) {
        out.emplace_back(line);
        impl_->offset = reader.offset();
        ++count;
      }
      if (got == LineReader::Got::kFailed) return reader.status();
      if (count == kMostTailLines) break;
    }
    TAU_ASSIGN_OR_RETURN(const bool more, impl_->advance());
    if (!more) break;
  }
  return count;
}

}  // namespace tau::observe
