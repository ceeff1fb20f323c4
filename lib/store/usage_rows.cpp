// One row for each day, model, principal and route of a session, so that a call costs one small update in
// place.
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

UsageCounts bounded(const UsageCounts& c) {
  return {.calls = bounded(c.calls),
          .failures = bounded(c.failures),
          .unpriced = bounded(c.unpriced),
          .input = bounded(c.input),
          .cached_input = bounded(c.cached_input),
          .cache_write = bounded(c.cache_write),
          .output = bounded(c.output),
          .reasoning = bounded(c.reasoning),
          .cost_usd_micros = bounded(c.cost_usd_micros)};
}

UsageCounts sum_of(const UsageCounts& a, const UsageCounts& b) {
  return {.calls = a.calls + b.calls,
          .failures = a.failures + b.failures,
          .unpriced = a.unpriced + b.unpriced,
          .input = a.input + b.input,
          .cached_input = a.cached_input + b.cached_input,
          .cache_write = a.cache_write + b.cache_write,
          .output = a.output + b.output,
          .reasoning = a.reasoning + b.reasoning,
          .cost_usd_micros = a.cost_usd_micros + b.cost_usd_micros};
}

Statement& bind(Statement& statement, int64_t id, const UsageCounts& c) {
  return statement.bind(id, c.calls, c.failures, c.unpriced, c.input, c.cached_input, c.cache_write, c.output,
                        c.reasoning, c.cost_usd_micros);
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
    TAU_ASSIGN_OR_RETURN(const bool added, add_to(known->second, bounded(note.counts)));
    if (added) return ok_status();
  }
  return find_place(note, day);
}

StatusOr<bool> UsageRows::add_to(Place& place, const UsageCounts& counts) {
  const UsageCounts sum = sum_of(place.counts, counts);
  Statement& update = db_.prepare(
      "UPDATE usage_counts SET calls = ?2, failures = ?3, unpriced = ?4, input = ?5, cached_input = ?6,"
      " cache_write = ?7, output = ?8, reasoning = ?9, cost_usd_micros = ?10 WHERE id = ?1");
  TAU_RETURN_IF_ERROR(bind(update, place.id, sum).run());
  if (db_.changes() != 1) return false;
  place.counts = sum;
  return true;
}

// Adds to the row, which is made when there is none, and remembers it. Rows of removed sessions change with
// every removal: they are not remembered.
Status UsageRows::find_place(const UsageNote& note, int64_t day) {
  Statement& key = db_.prepare(
      "INSERT INTO usage(session, day, model, principal, route) VALUES(?1, ?2, ?3, ?4, ?5)"
      " ON CONFLICT(session, day, model, principal, route) DO UPDATE SET day = excluded.day RETURNING id");
  key.bind(note.session_id, day, note.model, note.principal, note.route);
  TAU_ASSIGN_OR_RETURN(const bool found, key.step());
  Place place{found ? key.integer(0) : 0, day, note.model, note.principal, note.route, {}};
  key.reset();
  Statement& put = db_.prepare(
      "INSERT INTO usage_counts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE SET"
      " calls = calls + ?2, failures = failures + ?3, unpriced = unpriced + ?4, input = input + ?5,"
      " cached_input = cached_input + ?6, cache_write = cache_write + ?7, output = output + ?8,"
      " reasoning = reasoning + ?9, cost_usd_micros = cost_usd_micros + ?10"
      " RETURNING calls, failures, unpriced, input, cached_input, cache_write, output, reasoning,"
      " cost_usd_micros");
  TAU_ASSIGN_OR_RETURN(const bool row, bind(put, place.id, bounded(note.counts)).step());
  if (row) place.counts = counts_from(put, 0);
  put.reset();
  if (note.session_id.empty()) return ok_status();
  if (places_.size() >= kMostPlaces) places_.clear();
  places_.insert_or_assign(Name(note.session_id), std::move(place));
  return ok_status();
}

Status keep_usage_of_removed(Connection& db, std::string_view session) {
  // The order matters.
  constexpr const char* kSteps[] = {
      "INSERT INTO usage(session, day, model, principal, route)"
      " SELECT '', day, model, principal, route FROM usage WHERE session = ?1"
      " ON CONFLICT(session, day, model, principal, route) DO NOTHING",
      "INSERT INTO usage_counts SELECT t.id, c.calls, c.failures, c.unpriced, c.input, c.cached_input,"
      " c.cache_write, c.output, c.reasoning, c.cost_usd_micros"
      " FROM usage s JOIN usage_counts c ON c.id = s.id JOIN usage t ON t.session = '' AND t.day = s.day"
      " AND t.model = s.model AND t.principal = s.principal AND t.route = s.route WHERE s.session = ?1"
      " ON CONFLICT(id) DO UPDATE SET calls = calls + excluded.calls,"
      " failures = failures + excluded.failures, unpriced = unpriced + excluded.unpriced,"
      " input = input + excluded.input, cached_input = cached_input + excluded.cached_input,"
      " cache_write = cache_write + excluded.cache_write, output = output + excluded.output,"
      " reasoning = reasoning + excluded.reasoning,"
      " cost_usd_micros = cost_usd_micros + excluded.cost_usd_micros",
      "DELETE FROM usage_counts WHERE id IN (SELECT id FROM usage WHERE session = ?1)",
      "DELETE FROM usage WHERE session = ?1"};
  if (session.empty()) return ok_status();
  for (const char* const step : kSteps) TAU_RETURN_IF_ERROR(db.prepare(step).bind(session).run());
  return ok_status();
}

namespace {

Status read_rows(Connection& db, const UsageAsk& ask, UsageReport* report) {
  Statement& query = db.prepare(
      "SELECT iif(?1, day, 0) AS d, iif(?2, model, '') AS m, iif(?3, session, '') AS s,"
      " iif(?4, principal, '') AS p, iif(?5, route, '') AS r, sum(calls), sum(failures), sum(unpriced),"
      " sum(input), sum(cached_input), sum(cache_write), sum(output), sum(reasoning), sum(cost_usd_micros)"
      " FROM usage JOIN usage_counts USING(id) WHERE day BETWEEN ?6 AND ?7 GROUP BY d, m, s, p, r"
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
      " sum(output), sum(reasoning), sum(cost_usd_micros) FROM usage JOIN usage_counts USING(id) WHERE day "
      "BETWEEN ?1 AND ?2");
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
