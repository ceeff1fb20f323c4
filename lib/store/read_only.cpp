#include "store/read_only.h"

#include <time.h>

#include "store/schema.h"

namespace tau::store {
namespace {

constexpr int kSettledMs = 20;  // more than a tick of the clock that file times are taken from
constexpr int kBackoffMs = 25;

std::string uri_of(const std::string& path, std::string_view parameters) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      uri += format("%{:02x}", static_cast<unsigned>(c));
    } else {
      uri += c;
    }
  }
  return uri + std::string(parameters);
}

bool file_exists(const StoreOptions& options, const std::string& path) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(options.vfs.empty() ? nullptr : options.vfs.c_str());
  int exists = 0;
  return vfs != nullptr && vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK &&
         exists != 0;
}

// A WAL that has its header and nothing else: who was about to write to it was killed. SQLite cannot read
// such a one without an index that it may write, and it holds nothing; the database alone is whole.
bool is_begun(const std::string& wal) {
  constexpr off_t kHeaderBytes = 32;
  struct stat file {};
  return ::stat(wal.c_str(), &file) == 0 && file.st_size == kHeaderBytes;
}

// Since the file was written last, by the clock of its times.
int64_t age_ms(const struct stat& file) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (now.tv_sec - file.st_mtim.tv_sec) * 1'000 + (now.tv_nsec - file.st_mtim.tv_nsec) / 1'000'000;
}

}  // namespace

// A write within the same tick as the one before it would leave the same time: the file is looked at when it
// has rested.
QuietLook::QuietLook(const StoreOptions& options) : options_(options) {
  while (::stat(options.path.c_str(), &before_) == 0) {
    const int64_t age = age_ms(before_);
    if (age < 0 || age >= kSettledMs) break;
    sqlite3_sleep(kSettledMs);
  }
  locked_ = file_exists(options, options.path + "-wal") && !is_begun(options.path + "-wal");
}

bool QuietLook::unchanged() const {
  if (locked_) return true;
  struct stat now {};
  if (::stat(options_.path.c_str(), &now) != 0) return before_.st_ino == 0;
  return now.st_ino == before_.st_ino && now.st_dev == before_.st_dev && now.st_size == before_.st_size &&
         now.st_mtim.tv_sec == before_.st_mtim.tv_sec && now.st_mtim.tv_nsec == before_.st_mtim.tv_nsec;
}

// The last writer may have taken its WAL away between our look at it and the first read, which then finds no
// file that it was told of.
bool QuietLook::is_final(const Status& failure) const {
  const bool lost_a_file = failure.reason() == "store_io_error" || failure.reason() == "no_such_database";
  return unchanged() && !(locked_ && lost_a_file);
}

StatusOr<std::unique_ptr<Connection>> QuietLook::open() const {
  // The index of a WAL can be shared read-only if it exists.
  const bool has_index = locked_ && file_exists(options_, options_.path + "-shm");
  const char* const how = !locked_ ? "?immutable=1" : has_index ? "?mode=ro&readonly_shm=1" : "?mode=ro";
  TAU_ASSIGN_OR_RETURN(
      auto db, Connection::open(uri_of(options_.path, how),
                                {.vfs = options_.vfs, .flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI}));
  TAU_RETURN_IF_ERROR(check_readable(*db));
  return db;
}

void QuietLook::wait() { sqlite3_sleep(kBackoffMs); }

Status never_quiet(const std::string& path) {
  return unavailable("store_busy", format("{} was written each time it was read", path));
}

}  // namespace tau::store
