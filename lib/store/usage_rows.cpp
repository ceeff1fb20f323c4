// One row for each day, model, principal and route of a session, so that a call costs one update in place.
#include "store/usage_rows.h"

#include <algorithm>

namespace tau::store {
namespace {

constexpr size_t kMostPlaces = 8192;
constexpr int64_t kDayMs = 86'400'000;

int64_t bounded(int64_t n) { return std::clamp<int64_t>(n, 0, kMostOfACall); }

UsageCounts counts_from(const Statement& row, int first) {
  return {.calls = row.integer(first),
          .failures = row.integer(first + 1),
          .unpriced = row.integer(first + 2),
          .input = row.integer(first + 3),
          .cached_input = row.integer(first + 4),
          .cache_write = row.integer(first + 5),
          .output = row.integer(first + 6),
          .reasoning = row.integer(first + 7),
          .cost_usd_micros = row.integer(first + 8)};
}

// The first parameters of a statement that adds.
void bind_counts(Statement& statement, const UsageCounts& c) {
  statement.bind(bounded(c.calls), bounded(c.failures), bounded(c.unpriced), bounded(c.input),
                 bounded(c.cached_input), bounded(c.cache_write), bounded(c.output), bounded(c.reasoning),
                 bounded(c.cost_usd_micros));
}

}  // namespace

bool UsageRows::is_of(const Place& place, const UsageNote& note, int64_t day) {
  return place.day == day && place.model == note.model && place.principal == note.principal &&
         place.route == note.route;
}

// A row may be gone that this connection itself removed: then it is made again.
Status UsageRows::add(const UsageNote& note) {
  const int64_t day = note.time_ms / kDayMs;
  const auto known = places_.find(note.session_id);
  if (known != places_.end() && is_of(known->second, note, day)) {
    Statement& update = db_.prepare(
        "UPDATE usage SET calls = calls + ?1, failures = failures + ?2, unpriced = unpriced + ?3,"
        " input = input + ?4, cached_input = cached_input + ?5, cache_write = cache_write + ?6,"
        " output = output + ?7, reasoning = reasoning + ?8, cost_usd_micros = cost_usd_micros + ?9"
        " WHERE id = ?10 AND session = ?11");
    bind_counts(update, note.counts);
    update.bind_integer(10, known->second.id).bind_text(11, note.session_id);
    TAU_RETURN_IF_ERROR(update.run());
    if (db_.changes() == 1) return ok_status();
  }
  TAU_ASSIGN_OR_RETURN(const int64_t id, insert(note, day));
  if (places_.size() >= kMostPlaces) places_.clear();
  places_.insert_or_assign(Name(note.session_id), Place{id, day, note.model, note.principal, note.route});
  return ok_status();
}

StatusOr<int64_t> UsageRows::insert(const UsageNote& note, int64_t day) {
  Statement& put = db_.prepare(
      "INSERT INTO usage(calls, failures, unpriced, input, cached_input, cache_write, output, reasoning,"
      " cost_usd_micros, session, day, model, principal, route)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
      " ON CONFLICT(session, day, model, principal, route) DO UPDATE SET calls = calls + ?1,"
      " failures = failures + ?2, unpriced = unpriced + ?3, input = input + ?4,"
      " cached_input = cached_input + ?5, cache_write = cache_write + ?6, output = output + ?7,"
      " reasoning = reasoning + ?8, cost_usd_micros = cost_usd_micros + ?9 RETURNING id");
  bind_counts(put, note.counts);
  put.bind_text(10, note.session_id).bind_integer(11, day).bind_text(12, note.model);
  put.bind_text(13, note.principal).bind_text(14, note.route);
  TAU_ASSIGN_OR_RETURN(const bool row, put.step());
  const int64_t id = row ? put.integer(0) : 0;
  put.reset();
  return id;
}

Status keep_usage_of_removed(Connection& db, std::string_view session) {
  Statement& move = db.prepare(
      "INSERT INTO usage(session, day, model, principal, route, calls, failures, unpriced, input,"
      " cached_input, cache_write, output, reasoning, cost_usd_micros)"
      " SELECT '', day, model, principal, route, calls, failures, unpriced, input, cached_input, cache_write,"
      " output, reasoning, cost_usd_micros FROM usage WHERE session = ?1 AND session <> ''"
      " ON CONFLICT(session, day, model, principal, route) DO UPDATE SET calls = calls + excluded.calls,"
      " failures = failures + excluded.failures, unpriced = unpriced + excluded.unpriced,"
      " input = input + excluded.input, cached_input = cached_input + excluded.cached_input,"
      " cache_write = cache_write + excluded.cache_write, output = output + excluded.output,"
      " reasoning = reasoning + excluded.reasoning, cost_usd_micros = cost_usd_micros + "
      "excluded.cost_usd_micros");
  TAU_RETURN_IF_ERROR(move.bind(session).run());
  return db.prepare("DELETE FROM usage WHERE session = ?1 AND session <> ''").bind(session).run();
}

namespace {

Status read_rows(Connection& db, const UsageAsk& ask, UsageReport* report) {
  Statement& query = db.prepare(
      "SELECT iif(?1, day, 0) AS d, iif(?2, model, '') AS m, iif(?3, session, '') AS s,"
      " iif(?4, principal, '') AS p, iif(?5, route, '') AS r, sum(calls), sum(failures), sum(unpriced),"
      " sum(input), sum(cached_input), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd_micros)"
      " FROM usage WHERE day BETWEEN ?6 AND ?7 GROUP BY d, m, s, p, r"
      " ORDER BY d, sum(cost_usd_micros) DESC, sum(input) + sum(output) DESC, m, s, p, r LIMIT ?8");
  query.bind(int64_t{ask.by_day}, int64_t{ask.by_model}, int64_t{ask.by_session}, int64_t{ask.by_principal},
             int64_t{ask.by_route}, ask.since_day, ask.until_day, ask.limit + 1);
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    if (static_cast<int64_t>(report->rows.size()) == ask.limit) {
      report->more = true;
      break;
    }
    report->rows.push_back({.day = query.integer(0),
                            .model = query.text(1),
                            .session = query.text(2),
                            .principal = query.text(3),
                            .route = query.text(4),
                            .counts = counts_from(query, 5)});
  }
  query.reset();
  return ok_status();
}

Status read_total(Connection& db, const UsageAsk& ask, UsageReport* report) {
  Statement& query = db.prepare(
      "SELECT sum(calls), sum(failures), sum(unpriced), sum(input), sum(cached_input), sum(cache_write),"
      " sum(output), sum(reasoning), sum(cost_usd_micros) FROM usage WHERE day BETWEEN ?1 AND ?2");
  query.bind(ask.since_day, ask.until_day);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  if (row) report->total = counts_from(query, 0);
  query.reset();
  return ok_status();
}

}  // namespace

// In a transaction, so that the rows and the total are of one moment.
StatusOr<UsageReport> read_usage(Connection& db, const UsageAsk& ask) {
  UsageReport report;
  TAU_RETURN_IF_ERROR(db.exec("BEGIN"));
  Status status = read_rows(db, ask, &report);
  if (status.ok()) status = read_total(db, ask, &report);
  const Status ended = db.exec("COMMIT");
  TAU_RETURN_IF_ERROR(status);
  TAU_RETURN_IF_ERROR(ended);
  return report;
}

}  // namespace tau::store
