#include "observe/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace tau::observe {
namespace {

constexpr std::string_view kPrefix = "audit-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr size_t kDigits = 20;

// 0 for a name that is not one of ours.
uint64_t seq_of(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size() || !name.starts_with(kPrefix) ||
      !name.ends_with(kSuffix))
    return 0;
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  uint64_t seq = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  return error == std::errc() && end == digits.data() + digits.size() ? seq : 0;
}

}  // namespace

std::string segment_name(uint64_t first_seq) { return format("{}{:020}{}", kPrefix, first_seq, kSuffix); }

StatusOr<Folder> Folder::open(const std::string& path) {
  TAU_ASSIGN_OR_RETURN(auto files, os::Workspace::open(path));
  return Folder(path, std::move(files));
}

StatusOr<Folder> Folder::make(const std::string& path) {
  TAU_RETURN_IF_ERROR(os::make_private_dir(path));
  return open(path);
}

StatusOr<std::vector<Segment>> Folder::segments() const {
  TAU_ASSIGN_OR_RETURN(const auto entries, files_->list("."));
  std::vector<Segment> out;
  for (const os::DirEntry& entry : entries) {
    if (const uint64_t seq = seq_of(entry.name); seq != 0) out.push_back({seq, entry.name});
  }
  return out;  // names sort as their numbers do
}

StatusOr<std::string> Folder::head() const {
  auto text = files_->read(kHeadFile, {.max_file_bytes = kMostHeadBytes});
  if (!text.ok() && text.status().reason() == "file_not_found") return std::string();
  return text;
}

Status Folder::sync() const {
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, files_->open_directory("."));
  // Opened to read, which is enough for a directory.
  return ::fsync(fd.get()) == 0 ? ok_status() : errno_status(errno, format("cannot sync \"{}\"", path_));
}

StatusOr<uint64_t> size_of(int fd) {
  struct stat st;
  if (::fstat(fd, &st) != 0) return errno_status(errno, "cannot stat a file of the audit log");
  return static_cast<uint64_t>(st.st_size);
}

StatusOr<size_t> read_at(int fd, uint64_t offset, std::span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0 && errno != EINTR) return errno_status(errno, "cannot read a file of the audit log");
    if (n > 0) done += static_cast<size_t>(n);
  }
  return done;
}

LineReader::LineReader(int fd, uint64_t offset, uint64_t end)
    : fd_(fd), end_(end), offset_(offset), buffer_(2 * kMostLineBytes, '\0') {}

// False when nothing could be added.
bool LineReader::fill() {
  if (at_end_) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
  filled_ -= begin_;
  begin_ = 0;
  const uint64_t from = offset_ + filled_;
  const size_t room = buffer_.size() - filled_;
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(room, from < end_ ? end_ - from : 0));
  const auto got = read_at(fd_, from, {buffer_.data() + filled_, wanted});
  if (!got.ok()) {
    status_ = got.status();
    return false;
  }
  at_end_ = *got < room;
  filled_ += *got;
  return *got != 0;
}

LineReader::Got LineReader::next(std::string_view& line) {
  size_t searched = 0;
  for (;;) {
    const std::string_view rest(buffer_.data() + begin_, filled_ - begin_);
    const size_t at = rest.find('\n', searched);
    const size_t size = at == rest.npos ? rest.size() : at + 1;
    if (size > kMostLineBytes) return Got::kTooLong;
    if (at != rest.npos) {
      line = rest.substr(0, at);
      begin_ += size;
      offset_ += size;
      return Got::kLine;
    }
    searched = rest.size();
    if (fill()) continue;
    if (!status_.ok()) return Got::kFailed;
    line = rest;
    return rest.empty() ? Got::kEnd : Got::kTorn;
  }
}

}  // namespace tau::observe
