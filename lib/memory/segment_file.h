// The container of one shard's sidecar: a file of checksummed sections under a header that says of which
// scope it is an index, in which vector space and format, and up to which change. It is
// written beside and renamed, never changed in place, and read through a memory mapping.
//
// Whatever is wrong with a file, opening it says so: DATA_LOSS "index_damaged" for what is torn or flipped,
// FAILED_PRECONDITION "index_stale" for what is whole but of something else. Checksums find accidents; who
// reads a section still checks every count and offset in it, at open or at use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "os/os.h"

namespace tau::memory {

// Each part of a shard numbers its sections from its own base.
inline constexpr uint32_t kDocumentSections = 0x100;
inline constexpr uint32_t kPostingSections = 0x200;
inline constexpr uint32_t kVectorSections = 0x300;

// What a file must agree in with who opens it.
struct SegmentKey {
  int64_t scope_key = 0;  // no other database has the same
  int64_t space = 0;      // of its vectors; 0: it has none
  uint32_t dimensions = 0;
  uint32_t analysis_version = 0;
  bool operator==(const SegmentKey&) const = default;
};

// Where a section lies in its file.
struct SegmentSection {
  uint32_t id = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t checksum = 0;
};

struct SegmentHeader {
  SegmentKey key;
  int64_t change = 0;  // high-water mark: everything up to this change is in it
  uint32_t documents = 0;
};

// The sections of a file that was found whole. Copies share the mapping, which lives as long as one of them;
// spans live as long.
class SegmentView {
 public:
  SegmentView() = default;  // no sections
  // Maps the file and verifies all of it.
  static StatusOr<SegmentView> open(std::string_view path);
  // Of what the file says it is: nothing else of it is read. The same failures.
  static StatusOr<SegmentHeader> peek(std::string_view path);
  // Of bytes of a file that are in memory already, aligned to kSectionAlignment; they must outlive the view.
  static StatusOr<SegmentView> of(std::span<const std::byte> file, std::string_view name);

  // "index_stale" names the difference, where there is one to what is expected. `newest_change` is the
  // store's: a file that knows of later ones is of a past that was undone.
  Status matches(const SegmentKey& expected, int64_t newest_change) const;

  const SegmentHeader& header() const { return header_; }
  // Empty when there is no such section. Starts at a multiple of kSectionAlignment.
  std::span<const std::byte> section(uint32_t id) const;
  // All of it, of a view that holds something.
  uint64_t file_bytes() const { return file_.size(); }

  // DATA_LOSS "index_damaged": for readers of sections that find something impossible.
  static Status damaged(std::string_view what);

 private:
  friend class SegmentWriter;
  Status read_header(std::string_view name);
  Status verify_sections(std::string_view name) const;

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> file_;
  SegmentHeader header_;
  std::vector<SegmentSection> sections_;
};

inline constexpr size_t kSectionAlignment = 64;
inline constexpr size_t kMaxSections = 64;

// Writes one. A failure sticks: later calls do nothing, finish() tells it. What was not finished leaves
// nothing behind.
class SegmentWriter {
 public:
  // `path` empty: into anonymous memory of the process, which view() maps.
  static StatusOr<SegmentWriter> create(std::string_view path);
  ~SegmentWriter();
  SegmentWriter(SegmentWriter&&) noexcept = default;
  SegmentWriter& operator=(SegmentWriter&&) = delete;

  // The next section, each id once; it ends where the next one begins.
  void begin(uint32_t section);
  void write(const void* data, size_t size);
  template <class T>
  void write_all(const std::vector<T>& values) {
    write(values.data(), values.size() * sizeof(T));
  }
  // Zeros up to a multiple of `alignment` (at most kSectionAlignment) within the section.
  void align(size_t alignment);
  uint64_t section_bytes() const;  // that are written into the current section
  void fail(Status status) {       // of who writes sections, when it cannot go on
    if (status_.ok()) status_ = std::move(status);
  }

  // Writes the header; the file is complete, durable and under its final name only after publish(). That lets
  // a caller prepare under a lock for readers, and wait for the disk without one.
  Status finish(const SegmentHeader& header);
  // Maps what was finished, without verifying it once more.
  StatusOr<SegmentView> view() const;
  // Gives it its name, durably, in the place of the one that was there. Of memory nothing happens. ABORTED
  // "index_newer" where another process has put one of the same key there that knows of later changes: it
  // stays, so that what it has dropped does not come back.
  Status publish();

 private:
  SegmentWriter() = default;
  void end_section();
  Status replace(const std::string& name);
  void flush();  // the buffer, into the section's checksum and the file

  std::string path_;
  os::Fd directory_;
  os::TempFile temp_;
  Status status_;
  SegmentHeader header_;
  std::vector<SegmentSection> sections_;
  std::vector<std::byte> buffer_;
  size_t buffered_ = 0;
  uint64_t offset_ = 0;  // in the file, of the buffer's begin
  bool in_section_ = false;
};

}  // namespace tau::memory
