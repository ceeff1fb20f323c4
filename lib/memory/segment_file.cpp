#include "memory/segment_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "crypto/crypto.h"
#include "os/os.h"

namespace tau::memory {
namespace {

static_assert(std::endian::native == std::endian::little, "sidecars are read in place");

constexpr uint64_t kMagic = 0x3158454d55415400;  // a NUL, then "TAUMEX1": no text file begins like this
constexpr uint32_t kFormatVersion = 2;
// Checksums chain over blocks of a section: one is hashed while it is still in the cache.
constexpr size_t kBlockBytes = 256 * 1024;

struct SectionRecord {
  uint32_t id;
  uint32_t unused;
  uint64_t offset;
  uint64_t size;
  uint64_t checksum;
};

// The first bytes of a file, as they are on disk.
struct HeaderRecord {
  uint64_t magic;
  uint32_t format_version;
  uint32_t sections;
  uint64_t file_bytes;
  uint8_t spare[16];
  int64_t scope_key;
  int64_t space;
  uint32_t dimensions;
  uint32_t analysis_version;
  int64_t change;
  uint32_t documents;
  uint32_t unused;
  SectionRecord section[kMaxSections];
  uint64_t checksum;  // of all before it
};
static_assert(sizeof(HeaderRecord) == 80 + 32 * kMaxSections + 8);
constexpr size_t kHeaderBytes = 4096;
static_assert(sizeof(HeaderRecord) <= kHeaderBytes);

std::string_view as_text(const void* data, size_t size) { return {static_cast<const char*>(data), size}; }

uint64_t header_checksum(const HeaderRecord& header) {
  return crypto::checksum64(as_text(&header, offsetof(HeaderRecord, checksum)));
}

uint64_t section_checksum(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const auto block = bytes.subspan(at, std::min(kBlockBytes, bytes.size() - at));
    sum = crypto::checksum64(as_text(block.data(), block.size()), sum);
  }
  return sum;
}

struct Mapping {
  void* data = nullptr;
  size_t size = 0;
  Mapping(void* mapped, size_t bytes) : data(mapped), size(bytes) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(data, size); }
};

StatusOr<std::shared_ptr<const Mapping>> map_file(int fd, std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const struct stat st, os::require_regular(fd, path));
  if (st.st_size < static_cast<off_t>(kHeaderBytes))
    return SegmentView::damaged(format("\"{}\" has {} bytes, less than its header", path, st.st_size));
  const auto size = static_cast<size_t>(st.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return os::file_error(errno, "cannot map", path);
  return std::make_shared<const Mapping>(data, size);
}

std::span<const std::byte> bytes_of(const Mapping& mapping) {
  return {static_cast<const std::byte*>(mapping.data), mapping.size};
}

Status stale(std::string_view what) {
  return failed_precondition("index_stale", format("the index is of something else: {}", what));
}

// Of the first bytes of a file.
StatusOr<HeaderRecord> record_of(std::string_view bytes, std::string_view name) {
  HeaderRecord record;
  if (bytes.size() < sizeof record)
    return SegmentView::damaged(format("\"{}\" is shorter than its header", name));
  std::memcpy(&record, bytes.data(), sizeof record);
  if (record.magic != kMagic)
    return SegmentView::damaged(format("\"{}\" does not begin as an index does", name));
  if (record.format_version != kFormatVersion)
    return stale(
        format("\"{}\" has format {}, this library reads {}", name, record.format_version, kFormatVersion));
  if (record.checksum != header_checksum(record))
    return SegmentView::damaged(format("the header of \"{}\" does not have its checksum", name));
  if (record.sections > kMaxSections)
    return SegmentView::damaged(format("\"{}\" has {} sections", name, record.sections));
  return record;
}

SegmentHeader header_of(const HeaderRecord& record) {
  SegmentHeader header;
  header.key.scope_key = record.scope_key;
  header.key.space = record.space;
  header.key.dimensions = record.dimensions;
  header.key.analysis_version = record.analysis_version;
  header.change = record.change;
  header.documents = record.documents;
  return header;
}

}  // namespace

Status SegmentView::damaged(std::string_view what) {
  return data_loss("index_damaged", format("the index is damaged and must be made anew: {}", what));
}

StatusOr<SegmentView> SegmentView::open(std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, os::open_private_file(path, os::OpenMode::kRead));
  TAU_ASSIGN_OR_RETURN(std::shared_ptr<const Mapping> mapping, map_file(fd.get(), path));
  TAU_ASSIGN_OR_RETURN(SegmentView view, of(bytes_of(*mapping), path));
  view.owner_ = std::move(mapping);
  return view;
}

StatusOr<SegmentView> SegmentView::of(std::span<const std::byte> file, std::string_view name) {
  SegmentView view;
  view.file_ = file;
  TAU_RETURN_IF_ERROR(view.read_header(name));
  TAU_RETURN_IF_ERROR(view.verify_sections(name));
  return view;
}

StatusOr<SegmentHeader> SegmentView::peek(std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, os::open_private_file(path, os::OpenMode::kRead));
  TAU_ASSIGN_OR_RETURN(const std::string bytes,
                       os::read_range(fd.get(), 0, sizeof(HeaderRecord), sizeof(HeaderRecord), path));
  TAU_ASSIGN_OR_RETURN(const HeaderRecord record, record_of(bytes, path));
  return header_of(record);
}

Status SegmentView::read_header(std::string_view name) {
  TAU_ASSIGN_OR_RETURN(const HeaderRecord record, record_of(as_text(file_.data(), file_.size()), name));
  if (record.file_bytes != file_.size() || file_.size() < kHeaderBytes)
    return damaged(format("\"{}\" has {} bytes, its header says {}", name, file_.size(), record.file_bytes));
  header_ = header_of(record);
  for (uint32_t i = 0; i < record.sections; ++i) {
    const SectionRecord& s = record.section[i];
    if (s.offset < kHeaderBytes || s.offset > file_.size() || s.size > file_.size() - s.offset ||
        s.offset % kSectionAlignment != 0)
      return damaged(format("section {} of \"{}\" lies outside of it", s.id, name));
    sections_.push_back({s.id, s.offset, s.size, s.checksum});
  }
  return ok_status();
}

Status SegmentView::verify_sections(std::string_view name) const {
  for (const SegmentSection& s : sections_)
    if (section_checksum(file_.subspan(s.offset, s.size)) != s.checksum)
      return damaged(format("section {} of \"{}\" does not have its checksum", s.id, name));
  return ok_status();
}

Status SegmentView::matches(const SegmentKey& expected, int64_t newest_change) const {
  const SegmentKey& key = header_.key;
  if (key.scope_key != expected.scope_key)
    return stale(format("scope {} instead of {}", key.scope_key, expected.scope_key));
  if (key.space != expected.space || key.dimensions != expected.dimensions)
    return stale(format("vector space {} with {} dimensions instead of {} with {}", key.space, key.dimensions,
                        expected.space, expected.dimensions));
  if (key.analysis_version != expected.analysis_version)
    return stale(
        format("words were analysed by version {}, not {}", key.analysis_version, expected.analysis_version));
  if (header_.change < 0 || header_.change > newest_change)
    return stale(format("it is at change {}, the store at {}", header_.change, newest_change));
  return ok_status();
}

std::span<const std::byte> SegmentView::section(uint32_t id) const {
  for (const SegmentSection& s : sections_)
    if (s.id == id) return file_.subspan(s.offset, s.size);
  return {};
}

SegmentWriter::~SegmentWriter() {
  if (directory_.valid() && !temp_.name.empty()) unlinkat(directory_.get(), temp_.name.c_str(), 0);
}

StatusOr<SegmentWriter> SegmentWriter::create(std::string_view path) {
  SegmentWriter writer;
  writer.buffer_.resize(kBlockBytes);
  writer.offset_ = kHeaderBytes;
  writer.path_ = path;
  if (path.empty()) {
    writer.temp_.fd = os::Fd(memfd_create("tau-index", MFD_CLOEXEC));
    if (!writer.temp_.fd.valid())
      return os::file_error(errno, "cannot make a file in memory for", "an index");
  } else {
    const size_t slash = path.rfind('/');
    const std::string parent(slash == path.npos ? "." : path.substr(0, slash + 1));
    writer.directory_ = os::Fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!writer.directory_.valid()) return os::file_error(errno, "cannot open the directory of", path);
    TAU_ASSIGN_OR_RETURN(writer.temp_,
                         os::open_temp(writer.directory_.get(), 0600, os::TempKind::kNameless, path));
  }
  if (lseek(writer.temp_.fd.get(), static_cast<off_t>(kHeaderBytes), SEEK_SET) < 0)
    return os::file_error(errno, "cannot write", path);
  return writer;
}

void SegmentWriter::begin(uint32_t section) {
  end_section();
  if (sections_.size() == kMaxSections) fail(internal_error("too_many_sections", "an index has 64 at most"));
  if (!status_.ok()) return;
  sections_.push_back({section, offset_, 0, 0});
  in_section_ = true;
}

void SegmentWriter::write(const void* data, size_t size) {
  const auto* from = static_cast<const std::byte*>(data);
  while (size > 0 && status_.ok()) {
    const size_t part = std::min(size, kBlockBytes - buffered_);
    std::memcpy(buffer_.data() + buffered_, from, part);
    buffered_ += part;
    from += part;
    size -= part;
    if (buffered_ == kBlockBytes) flush();
  }
}

void SegmentWriter::align(size_t alignment) {
  static constexpr std::byte kZeros[kSectionAlignment] = {};
  write(kZeros, (alignment - section_bytes() % alignment) % alignment);
}

uint64_t SegmentWriter::section_bytes() const {
  return in_section_ ? offset_ + buffered_ - sections_.back().offset : 0;
}

void SegmentWriter::flush() {
  if (buffered_ == 0 || !status_.ok()) return;
  const std::string_view bytes = as_text(buffer_.data(), buffered_);
  sections_.back().checksum = crypto::checksum64(bytes, sections_.back().checksum);
  fail(os::write_all(temp_.fd.get(), bytes, path_));
  offset_ += buffered_;
  buffered_ = 0;
}

void SegmentWriter::end_section() {
  if (!in_section_ || !status_.ok()) return;
  const uint64_t size = section_bytes();
  flush();
  in_section_ = false;
  sections_.back().size = size;
  // Not part of the section: zeros to where the next one may begin.
  const size_t gap = (kSectionAlignment - offset_ % kSectionAlignment) % kSectionAlignment;
  const std::string zeros(gap, '\0');
  if (status_.ok()) fail(os::write_all(temp_.fd.get(), zeros, path_));
  offset_ += gap;
}

Status SegmentWriter::finish(const SegmentHeader& header) {
  end_section();
  TAU_RETURN_IF_ERROR(status_);
  auto record = std::make_unique<HeaderRecord>();  // zeros
  record->magic = kMagic;
  record->format_version = kFormatVersion;
  record->sections = static_cast<uint32_t>(sections_.size());
  record->file_bytes = offset_;
  record->scope_key = header.key.scope_key;
  record->space = header.key.space;
  record->dimensions = header.key.dimensions;
  record->analysis_version = header.key.analysis_version;
  record->change = header.change;
  record->documents = header.documents;
  for (size_t i = 0; i < sections_.size(); ++i)
    record->section[i] = {sections_[i].id, 0, sections_[i].offset, sections_[i].size, sections_[i].checksum};
  record->checksum = header_checksum(*record);
  header_ = header;
  const int fd = temp_.fd.get();
  if (lseek(fd, 0, SEEK_SET) < 0) return os::file_error(errno, "cannot write", path_);
  std::string block(kHeaderBytes, '\0');
  std::memcpy(block.data(), record.get(), sizeof *record);
  fail(os::write_all(fd, block, path_));
  return status_;
}

StatusOr<SegmentView> SegmentWriter::view() const {
  TAU_RETURN_IF_ERROR(status_);
  TAU_ASSIGN_OR_RETURN(std::shared_ptr<const Mapping> mapping, map_file(temp_.fd.get(), path_));
  SegmentView view;
  view.file_ = bytes_of(*mapping);
  view.owner_ = std::move(mapping);
  view.header_ = header_;
  view.sections_ = sections_;
  return view;
}

Status SegmentWriter::publish() {
  TAU_RETURN_IF_ERROR(status_);
  if (path_.empty()) return ok_status();
  if (fsync(temp_.fd.get()) != 0) return os::file_error(errno, "cannot sync", path_);
  const size_t slash = path_.rfind('/');
  const std::string name = slash == path_.npos ? path_ : path_.substr(slash + 1);
  // Held over the look and the change. Where a file system has no locks, two processes may miss each other.
  const bool locked = flock(directory_.get(), LOCK_EX) == 0;
  const Status status = replace(name);
  if (locked) flock(directory_.get(), LOCK_UN);
  return status;
}

Status SegmentWriter::replace(const std::string& name) {
  const auto there = SegmentView::peek(path_);
  if (there.ok() && there->key == header_.key && there->change > header_.change)
    return Status(
        Code::kAborted, "index_newer",
        format("\"{}\" is at change {} already, later than {}", path_, there->change, header_.change));
  TAU_RETURN_IF_ERROR(os::publish_temp(temp_, directory_.get(), name, true, path_));
  if (fsync(directory_.get()) != 0) return os::file_error(errno, "cannot sync the directory of", path_);
  return ok_status();
}

}  // namespace tau::memory
