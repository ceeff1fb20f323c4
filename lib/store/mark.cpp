#include "store/mark.h"

#include "store/read_only.h"

namespace tau::store {

StatusOr<std::string> load_mark(Connection& db, std::string_view name) {
  Statement& query = db.prepare("SELECT value FROM meta WHERE key = ?1");
  query.bind(name);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  std::string text = row ? query.text(0) : std::string();
  query.reset();
  return text;
}

Status put_mark(Connection& db, std::string_view name, std::string_view text) {
  return db.prepare("INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2")
      .bind(name, text)
      .run();
}

StatusOr<std::string> read_mark(const std::string& path, std::string_view name) {
  StoreOptions options;
  options.path = path;
  options.read_only = true;
  return read_quietly(options, [&](Connection& db) -> StatusOr<std::string> {
    TAU_RETURN_IF_ERROR(check_readable(db));
    return load_mark(db, name);
  });
}

}  // namespace tau::store
