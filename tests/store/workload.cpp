#include "workload.h"

#include <sqlite3.h>

#include <algorithm>

#include "store_fixture.h"

namespace tau::store {
namespace {

constexpr size_t kOpenRuns = 6;

// The body follows from the place, so that it can be checked without a list.
std::string body_of(const std::string& run, int64_t seq) {
  const std::string unit = run + ":" + std::to_string(seq) + ";";
  const size_t hash = std::hash<std::string>()(unit);
  const size_t size = hash % 23 == 0 ? 8200 + hash % 9000 : 40 + hash % 700;
  std::string body;
  while (body.size() < size) body += unit;
  return body;
}

std::string integrity_check(const std::string& path, const std::string& vfs) {
  sqlite3* db = nullptr;
  std::string result = "cannot open";
  sqlite3_stmt* query = nullptr;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, vfs.empty() ? nullptr : vfs.c_str()) ==
          SQLITE_OK &&
      sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &query, nullptr) == SQLITE_OK &&
      sqlite3_step(query) == SQLITE_ROW) {
    result = reinterpret_cast<const char*>(sqlite3_column_text(query, 0));
  }
  sqlite3_finalize(query);
  sqlite3_close(db);
  return result == "ok" ? "" : "integrity_check: " + result;
}

std::string check_run(Store& store, const std::string& run, const Workload::Promise& promise) {
  const auto acknowledged = promise.acknowledged.find(run);
  const int64_t must = acknowledged == promise.acknowledged.end() ? 0 : acknowledged->second;
  const auto journal = store.load_journal(run, 0);
  if (!journal.ok()) {
    const bool allowed = must == 0 && journal.status().reason() == "no_such_run";
    return allowed ? "" : run + ": " + journal.status().to_string();
  }
  const auto rows = static_cast<int64_t>(journal->size());
  if (rows < must)
    return run + ": " + std::to_string(must) + " rows acknowledged, " + std::to_string(rows) + " there";
  const std::vector<int64_t>& ends = promise.boundaries.at(run);
  if (rows != 0 && std::ranges::find(ends, rows) == ends.end()) {
    return run + ": part of a batch is there, " + std::to_string(rows) + " rows";
  }
  for (int64_t i = 0; i < rows; ++i) {
    const JournalRow& r = (*journal)[static_cast<size_t>(i)].row;
    if (r.seq != i || r.body != body_of(run, i))
      return run + ": row " + std::to_string(i) + " is not what was written";
  }
  const Status chain = store.verify_chain(run);
  return chain.ok() ? "" : chain.to_string();
}

}  // namespace

Batch Workload::next_batch(std::string* run, int64_t* rows) {
  Batch batch;
  const auto pick = [this](uint64_t n) { return random_() % n; };
  const bool start = open_runs_.size() < kOpenRuns && (open_runs_.empty() || pick(4) == 0);
  if (start) {
    open_runs_.push_back("run_" + std::to_string(runs_started_++));
    batch.run = run_record(open_runs_.back(), "ses_w");
  }
  const size_t chosen = start ? open_runs_.size() - 1 : pick(open_runs_.size());
  *run = open_runs_[chosen];
  int64_t& seq = submitted_[*run];
  *rows = static_cast<int64_t>(1 + pick(5));
  for (int64_t i = 0; i < *rows; ++i, ++seq) {
    batch.rows.push_back(row(*run, seq, body_of(*run, seq)));
    if (pick(3) == 0)
      batch.entries.push_back(entry(*run + "." + std::to_string(seq), "", "ses_w", *run, seq));
  }
  if (!start && pick(3) == 0) {
    batch.run = run_record(*run, "ses_w");
    batch.run->snapshot_json = std::string(pick(2000), 's');
    if (pick(3) == 0) {
      batch.run->state = RunState::kDone;
      open_runs_.erase(open_runs_.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
  }
  return batch;
}

void Workload::note(const std::string& run, int64_t rows, bool ok) {
  const std::lock_guard lock(mutex_);
  if (ok) {
    promise_.acknowledged[run] = rows;
  } else {
    broken_.push_back(run);
  }
}

void Workload::run(Store& store, int batches) {
  for (int i = 0; i < batches; ++i) {
    std::string run;
    int64_t rows = 0;
    Batch batch = next_batch(&run, &rows);
    const int64_t end = submitted_[run];
    {
      const std::lock_guard lock(mutex_);
      promise_.boundaries[run].push_back(end);
    }
    store.append(std::move(batch), [this, run, end](Status status, Lsn) { note(run, end, status.ok()); });
    if (random_() % 6 == 0) (void)store.flush();
  }
  (void)store.flush();
  const std::lock_guard lock(mutex_);
  for (const std::string& run : broken_) std::erase(open_runs_, run);
}

Workload::Promise Workload::promise() const {
  const std::lock_guard lock(mutex_);
  return promise_;
}

std::string Workload::check(const std::string& path, const Promise& promise, const std::string& vfs) {
  FixedClock clock;
  {
    auto store = open_store({.path = path, .vfs = vfs}, clock);
    if (!store.ok()) return "open: " + store.status().to_string();
    for (const auto& [run, ends] : promise.boundaries) {
      if (std::string wrong = check_run(**store, run, promise); !wrong.empty()) return wrong;
    }
  }
  return integrity_check(path, vfs);
}

}  // namespace tau::store
