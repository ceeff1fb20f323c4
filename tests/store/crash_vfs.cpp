#include "crash_vfs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <utility>

namespace tau::store {
namespace {

constexpr size_t kSector = 512;

void apply(std::string* file, const CrashVfs::Write& write) {
  const size_t at = static_cast<size_t>(write.offset);
  if (write.truncate) {
    file->resize(at);
    return;
  }
  if (file->size() < at + write.bytes.size()) file->resize(at + write.bytes.size());
  file->replace(at, write.bytes.size(), write.bytes);
}

// Cuts a write at sector boundaries, as a disk may.
void tear(const CrashVfs::Write& write, std::vector<CrashVfs::Write>* out) {
  if (write.truncate) {
    out->push_back(write);
    return;
  }
  for (size_t done = 0; done < write.bytes.size();) {
    const size_t at = static_cast<size_t>(write.offset) + done;
    const size_t n = std::min(kSector - at % kSector, write.bytes.size() - done);
    out->push_back(
        {.truncate = false, .offset = static_cast<int64_t>(at), .bytes = write.bytes.substr(done, n)});
    done += n;
  }
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool chance(std::mt19937_64& random, double p) { return std::bernoulli_distribution(p)(random); }

}  // namespace

// The file object that SQLite sees; that of the real VFS lies behind it in the same memory.
struct CrashVfs::File {
  sqlite3_file base;
  CrashVfs* owner;
  FileState* state;  // null for temporary files
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct CrashVfs::Methods {
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static CrashVfs* of(sqlite3_vfs* vfs) { return static_cast<CrashVfs*>(vfs->pAppData); }

  static int close(sqlite3_file* f) {
    sqlite3_file* real = of(f)->real();
    return real->pMethods == nullptr ? SQLITE_OK : real->pMethods->xClose(real);
  }
  static int read(sqlite3_file* f, void* out, int n, sqlite3_int64 at) {
    if (const int rc = of(f)->owner->enter(Event::kRead, SQLITE_IOERR_READ); rc != SQLITE_OK) return rc;
    return of(f)->real()->pMethods->xRead(of(f)->real(), out, n, at);
  }
  static int write(sqlite3_file* f, const void* data, int n, sqlite3_int64 at) {
    File* file = of(f);
    const int failure = file->owner->enter(Event::kWrite, SQLITE_IOERR_WRITE);
    const int length = failure == SQLITE_OK ? n : n / 2;  // a failing write may have got half-way
    const std::string bytes(static_cast<const char*>(data), static_cast<size_t>(length));
    const int rc = file->real()->pMethods->xWrite(file->real(), data, length, at);
    if (rc == SQLITE_OK && length > 0)
      file->owner->note_write(file->state, {.truncate = false, .offset = at, .bytes = bytes});
    return failure != SQLITE_OK ? failure : rc;
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    File* file = of(f);
    if (const int rc = file->owner->enter(Event::kTruncate, SQLITE_IOERR_TRUNCATE); rc != SQLITE_OK)
      return rc;
    const int rc = file->real()->pMethods->xTruncate(file->real(), size);
    if (rc == SQLITE_OK)
      file->owner->note_write(file->state, {.truncate = true, .offset = size, .bytes = {}});
    return rc;
  }
  static int sync(sqlite3_file* f, int) { return of(f)->owner->sync(of(f)->state); }
  static int size(sqlite3_file* f, sqlite3_int64* out) {
    if (const int rc = of(f)->owner->enter(Event::kSize, SQLITE_IOERR_FSTAT); rc != SQLITE_OK) return rc;
    return of(f)->real()->pMethods->xFileSize(of(f)->real(), out);
  }
  static int lock(sqlite3_file* f, int level) { return of(f)->real()->pMethods->xLock(of(f)->real(), level); }
  static int unlock(sqlite3_file* f, int level) {
    return of(f)->real()->pMethods->xUnlock(of(f)->real(), level);
  }
  static int check_lock(sqlite3_file* f, int* out) {
    return of(f)->real()->pMethods->xCheckReservedLock(of(f)->real(), out);
  }
  static int control(sqlite3_file* f, int op, void* arg) {
    return of(f)->real()->pMethods->xFileControl(of(f)->real(), op, arg);
  }
  static int sector_size(sqlite3_file*) { return static_cast<int>(kSector); }
  static int characteristics(sqlite3_file*) { return 0; }  // promises nothing: no atomic or safe overwrites
  static int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    if (const int rc = of(f)->owner->enter(Event::kShm, SQLITE_IOERR_SHMMAP); rc != SQLITE_OK) return rc;
    return of(f)->real()->pMethods->xShmMap(of(f)->real(), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
    return of(f)->real()->pMethods->xShmLock(of(f)->real(), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* f) { of(f)->real()->pMethods->xShmBarrier(of(f)->real()); }
  static int shm_unmap(sqlite3_file* f, int remove) {
    return of(f)->real()->pMethods->xShmUnmap(of(f)->real(), remove);
  }

  static int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    return of(vfs)->open(path, file, flags, out_flags);
  }
  static int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    return of(vfs)->remove(path, sync_directory);
  }
  static int vfs_access(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
    return of(vfs)->base_->xAccess(of(vfs)->base_, path, flags, out);
  }
  static int vfs_full_path(sqlite3_vfs* vfs, const char* path, int n, char* out) {
    return of(vfs)->base_->xFullPathname(of(vfs)->base_, path, n, out);
  }

  static constexpr sqlite3_io_methods kIo = {
      .iVersion = 2,
      .xClose = close,
      .xRead = read,
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = size,
      .xLock = lock,
      .xUnlock = unlock,
      .xCheckReservedLock = check_lock,
      .xFileControl = control,
      .xSectorSize = sector_size,
      .xDeviceCharacteristics = characteristics,
      .xShmMap = shm_map,
      .xShmLock = shm_lock,
      .xShmBarrier = shm_barrier,
      .xShmUnmap = shm_unmap,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };
};

CrashVfs::CrashVfs(std::string name) : name_(std::move(name)), base_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *base_;
  vfs_.iVersion = 2;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = Methods::vfs_open;
  vfs_.xDelete = Methods::vfs_delete;
  vfs_.xAccess = Methods::vfs_access;
  vfs_.xFullPathname = Methods::vfs_full_path;
  sqlite3_vfs_register(&vfs_, 0);
}

CrashVfs::~CrashVfs() { sqlite3_vfs_unregister(&vfs_); }

void CrashVfs::set_fault(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  fault_count_ = 0;
}

// Counts an operation and says whether it is to fail, with `error` or what the fault demands.
int CrashVfs::enter(Event event, int error) {
  if (observer_) observer_(event);
  ++operations_;
  const std::lock_guard lock(mutex_);
  const bool writes = event == Event::kWrite || event == Event::kTruncate || event == Event::kSync;
  if (fault_.at == 0 || (fault_.writes_only && !writes)) return SQLITE_OK;
  ++fault_count_;
  if (fault_count_ != fault_.at && !(fault_.sticky && fault_count_ > fault_.at)) return SQLITE_OK;
  // A full disk hinders only what needs space.
  if (fault_.result == SQLITE_FULL) return event == Event::kWrite ? SQLITE_FULL : SQLITE_OK;
  return fault_.result != SQLITE_OK ? fault_.result : error;
}

CrashVfs::FileState* CrashVfs::track(const std::string& path, bool exists_already) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<FileState>& state = files_[path];
  if (state == nullptr) {
    state = std::make_unique<FileState>();
    state->durable_exists = exists_already;
    if (exists_already) state->durable = slurp(path);
  }
  state->exists = true;
  return state.get();
}

int CrashVfs::open(const char* path, sqlite3_file* file, int flags, int* out_flags) {
  File* self = new (file) File{.base = {}, .owner = this, .state = nullptr};
  std::memset(self->real(), 0, static_cast<size_t>(base_->szOsFile));
  if (const int rc = enter(Event::kOpen, SQLITE_CANTOPEN); rc != SQLITE_OK) return rc;
  const bool named = path != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0;
  const bool existed = named && std::filesystem::exists(path);
  const int rc = base_->xOpen(base_, path, self->real(), flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  if (named) self->state = track(path, existed);
  self->base.pMethods = &Methods::kIo;
  return SQLITE_OK;
}

int CrashVfs::remove(const char* path, int sync_directory) {
  if (const int rc = enter(Event::kDelete, SQLITE_IOERR_DELETE); rc != SQLITE_OK) return rc;
  const int rc = base_->xDelete(base_, path, 0);
  if (rc != SQLITE_OK) return rc;
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(path);
  if (it == files_.end()) return rc;
  FileState& state = *it->second;  // stays: an open handle may point at it
  state.exists = false;
  state.pending.push_back({.truncate = true, .offset = 0, .bytes = {}});
  if (sync_directory != 0 && !ignore_syncs_) {
    state.durable.clear();
    state.durable_exists = false;
    state.pending.clear();
  }
  return rc;
}

void CrashVfs::note_write(FileState* state, Write write) {
  if (state == nullptr) return;
  const std::lock_guard lock(mutex_);
  state->pending.push_back(std::move(write));
}

// A failed sync loses what it should have written: the kernel forgets that those pages are dirty, and no
// later sync brings them back.
int CrashVfs::sync(FileState* state) {
  ++syncs_;
  const int failure = enter(Event::kSync, SQLITE_IOERR_FSYNC);
  if (state == nullptr || (ignore_syncs_ && failure == SQLITE_OK)) return failure;
  const std::lock_guard lock(mutex_);
  if (failure == SQLITE_OK) {
    for (const Write& write : state->pending) apply(&state->durable, write);
    state->durable_exists = true;
  }
  state->pending.clear();
  return failure;
}

CrashVfs::Image CrashVfs::capture() {
  const std::lock_guard lock(mutex_);
  Image image;
  for (const auto& [path, state] : files_) image.emplace(path, *state);
  return image;
}

void CrashVfs::materialize(const Image& image, Loss loss, std::mt19937_64& random,
                           const std::string& directory) {
  for (const auto& [path, state] : image) {
    std::string bytes = state.durable;
    bool exists = state.durable_exists;
    if (loss == Loss::kNothing) {
      for (const Write& write : state.pending) apply(&bytes, write);
      exists = state.exists;
    } else if (loss == Loss::kRandom) {
      std::vector<Write> pieces;
      for (const Write& write : state.pending) tear(write, &pieces);
      if (chance(random, 0.5)) std::shuffle(pieces.begin(), pieces.end(), random);
      const double keep = std::uniform_real_distribution<double>(0, 1)(random);
      for (const Write& piece : pieces) {
        if (chance(random, keep)) apply(&bytes, piece);
      }
      if (state.exists != state.durable_exists) exists = chance(random, 0.5);
    }
    if (!exists) continue;
    const std::string name = std::filesystem::path(path).filename();
    std::ofstream(directory + "/" + name, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

}  // namespace tau::store
