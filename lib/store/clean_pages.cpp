#include "store/clean_pages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace tau::store {
namespace {

constexpr size_t kLeastPage = 512;
constexpr size_t kMostPage = 16'384;  // a home has pages of 4,096 bytes
// A page of another kind begins with the number of a page: in a database of this many, that may look like a
// type.
constexpr uint64_t kMostPages = 1 << 24;

size_t two_bytes(std::span<const std::byte> page, size_t at) {
  return std::to_integer<size_t>(page[at]) << 8 | std::to_integer<size_t>(page[at + 1]);
}

// Pages that say what the others are for stand at fixed places; one further where SQLite keeps its locks.
bool is_map(uint64_t number, size_t page_bytes) {
  if (number < 2) return false;
  const uint64_t together = page_bytes / 5 + 1;
  const uint64_t map = (number - 2) / together * together + 2;
  return number == map || number == map + 1;
}

// What a file does, but for its writes.
struct Methods {
  sqlite3_io_methods methods;  // first: a file points here
  const sqlite3_io_methods* of_file = nullptr;
};

int write_clean(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  const auto* const before = reinterpret_cast<const Methods*>(file->pMethods)->of_file;
  const auto size = static_cast<size_t>(bytes);
  const bool whole =
      size >= kLeastPage && size <= kMostPage && (size & (size - 1)) == 0 && offset % bytes == 0;
  if (!whole) return before->xWrite(file, data, bytes, offset);
  std::array<std::byte, kMostPage> copy;
  std::memcpy(copy.data(), data, size);
  const std::span<std::byte> rest =
      unused_part(std::span(copy).first(size), static_cast<uint64_t>(offset) / size + 1);
  std::ranges::fill(rest, std::byte{0});
  return before->xWrite(file, rest.empty() ? data : copy.data(), bytes, offset);
}

// One for each kind of file there is. They stay, also while the program ends: threads of the library close
// files as late as that.
const sqlite3_io_methods* cleaning(const sqlite3_io_methods* of_file) {
  static std::mutex mutex;
  static auto& known = *new std::vector<std::unique_ptr<Methods>>;
  const std::lock_guard lock(mutex);
  for (const auto& each : known)
    if (each->of_file == of_file || &each->methods == of_file) return &each->methods;
  auto made = std::make_unique<Methods>(Methods{.methods = *of_file, .of_file = of_file});
  made->methods.xWrite = write_clean;
  known.push_back(std::move(made));
  return &known.back()->methods;
}

}  // namespace

std::span<std::byte> unused_part(std::span<std::byte> page, uint64_t number) {
  const size_t header = number == 1 ? 100 : 0;
  if (page.size() < kLeastPage || number >= kMostPages || is_map(number, page.size())) return {};
  const auto type = std::to_integer<int>(page[header]);
  const bool leaf = type == 10 || type == 13;
  if (!leaf && type != 2 && type != 5) return {};
  const size_t table = header + (leaf ? 8 : 12);
  const size_t cells = two_bytes(page, header + 3);
  size_t begin = two_bytes(page, header + 5);
  if (begin == 0) begin = size_t{1} << 16;
  const size_t end_of_table = table + 2 * cells;
  if (begin > page.size() || end_of_table > begin) return {};
  for (size_t i = 0; i < cells; ++i) {
    const size_t cell = two_bytes(page, table + 2 * i);
    if (cell < begin || cell >= page.size()) return {};
  }
  return page.subspan(end_of_table, begin - end_of_table);
}

Status clean_pages(sqlite3* db) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr)
    return ok_status();  // it has no file
  try {
    file->pMethods = cleaning(file->pMethods);
  } catch (const std::bad_alloc&) { return Status::out_of_memory(); }
  return ok_status();
}

}  // namespace tau::store
