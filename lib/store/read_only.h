// Reading a database without writing anything at all: no lock file, no WAL, no index of one, where that is
// possible. Writers may come and go meanwhile.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>

#include "store/schema.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

// How a database is opened for that. With a WAL SQLite shares the index of its writers and what is read is
// one moment of it. Where no WAL is, nobody writes, and the file is read without a lock; a writer that comes
// then is not noticed by SQLite, but by unchanged().
class QuietLook {
 public:
  explicit QuietLook(const StoreOptions& options);
  StatusOr<std::unique_ptr<Connection>> open() const;
  // Whether all that was read through open() was there at one moment. Ask behind the last read.
  bool unchanged() const;
  // Whether another look would fail like this one.
  bool is_final(const Status& failure) const;
  static void wait();  // before the next one

 private:
  const StoreOptions& options_;
  bool locked_ = false;  // there is a WAL: what is read cannot change
  struct stat before_ {};
};

inline const Status& status_of(const Status& result) { return result; }
template <class T>
const Status& status_of(const StatusOr<T>& result) {
  return result.status();
}

inline constexpr int kQuietLooks = 30;
Status never_quiet(const std::string& path);

// Runs query(Connection&) on such a connection; again when a writer wrote to the file meanwhile, which may
// have made two pages disagree. `query` leaves nothing behind that a second try would meet. UNAVAILABLE
// "store_busy" when that happens all the time.
template <class Query>
auto read_quietly(const StoreOptions& options, Query query) -> decltype(query(std::declval<Connection&>())) {
  TAU_RETURN_IF_ERROR(check_files(options));
  for (int i = 0; i < kQuietLooks; ++i) {
    const QuietLook look(options);
    auto opened = look.open();
    if (opened.ok()) {
      const std::unique_ptr<Connection> db = *std::move(opened);
      auto result = query(*db);
      const Status& status = status_of(result);
      if (status.ok() ? look.unchanged() : look.is_final(status)) return result;
    } else if (look.is_final(opened.status())) {
      return std::move(opened).status();
    }
    QuietLook::wait();
  }
  return never_quiet(options.path);
}

}  // namespace tau::store
