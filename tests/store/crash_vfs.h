// A SQLite VFS that remembers what a power failure would leave.
//
// It passes everything through to the file system and keeps, for each file, the bytes that were last synced
// and the writes since then. From that it makes crash images: all unsynced writes dropped, all kept, or a
// random part of them, torn at 512-byte sectors and reordered. It also injects I/O errors, full disks and
// failing syncs. Syncs are recorded and not passed on, so that campaigns are quick.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tau::store {

class CrashVfs {
 public:
  enum class Event : uint8_t { kOpen, kDelete, kRead, kWrite, kTruncate, kSync, kSize, kShm };
  enum class Loss : uint8_t {
    kAllUnsynced,  // the disk holds exactly what was synced
    kNothing,      // the page cache made it to the disk
    kRandom,       // any subset of the unsynced sectors, in any order
  };

  // What happens to one operation, counted over all kinds from 1.
  struct Fault {
    int64_t at = 0;            // 0: no fault
    int result = SQLITE_OK;    // e.g. SQLITE_FULL; SQLITE_OK: the I/O error of the operation
    bool sticky = false;       // all later operations of the kinds fail as well
    bool writes_only = false;  // counts and fails only writes, truncations and syncs
  };

  // One file as a crash would find it.
  struct Write {
    bool truncate = false;
    int64_t offset = 0;  // or the new size
    std::string bytes;
  };
  struct FileState {
    std::string durable;
    bool durable_exists = false;  // its directory entry was synced
    bool exists = false;
    std::vector<Write> pending;
  };
  using Image = std::map<std::string, FileState>;  // by path

  explicit CrashVfs(std::string name);  // registers itself with SQLite
  ~CrashVfs();                          // after the last file was closed
  CrashVfs(const CrashVfs&) = delete;
  CrashVfs& operator=(const CrashVfs&) = delete;

  const std::string& name() const { return name_; }
  Image capture();
  // Writes the files of an image into a directory, under their base names.
  static void materialize(const Image& image, Loss loss, std::mt19937_64& random,
                          const std::string& directory);

  // Called before each operation, on the thread that does it; may capture.
  void set_observer(std::function<void(Event)> observer) { observer_ = std::move(observer); }
  void set_fault(Fault fault);
  // Plants the bug of a store that does not sync: syncs succeed and make nothing durable.
  void ignore_syncs(bool ignore) { ignore_syncs_ = ignore; }

  int64_t operations() const { return operations_; }
  int64_t syncs() const { return syncs_; }

 private:
  struct File;
  struct Methods;
  friend struct Methods;

  int enter(Event event, int error);
  FileState* track(const std::string& path, bool exists_already);
  int open(const char* path, sqlite3_file* file, int flags, int* out_flags);
  int remove(const char* path, int sync_directory);
  void note_write(FileState* state, Write write);
  int sync(FileState* state);

  const std::string name_;
  sqlite3_vfs* const base_;
  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<FileState>> files_;  // under mutex_
  Fault fault_;                                              // under mutex_
  int64_t fault_count_ = 0;                                  // under mutex_
  std::function<void(Event)> observer_;
  std::atomic<bool> ignore_syncs_{false};
  std::atomic<int64_t> operations_{0};
  std::atomic<int64_t> syncs_{0};
};

}  // namespace tau::store
