// Durable turns per second with many runs at once, against raw SQLite writing the same rows in the same group
// sizes; durable memories per second; and the cost of an append to the store without a disk.
// The disk of $TMPDIR (/var/tmp when unset) is what is measured.
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "crypto/crypto.h"
#include "store/store.h"
#include "support/report.h"

namespace {

using namespace std::string_literals;
namespace store = tau::store;

constexpr int kRuns = 64;
constexpr int kTurnsPerRun = 300;
constexpr int kRowsPerTurn = 4;
constexpr int kRounds = 5;
const std::string kBody(300, 'b');
const std::string kEffects(64, 'a');

double now_s() { return static_cast<double>(tau::system_clock().monotonic_ns()) / 1e9; }

double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

store::Batch turn_of(const std::string& run, int64_t turn) {
  store::Batch batch;
  if (turn == 0) {
    batch.run.emplace();
    batch.run->id = run;
    batch.run->session_id = "ses_" + run;
  }
  batch.rows.resize(kRowsPerTurn);
  for (int i = 0; i < kRowsPerTurn; ++i) {
    store::JournalRow& row = batch.rows[static_cast<size_t>(i)];
    row.run_id = run;
    row.seq = turn * kRowsPerTurn + i;
    row.kind = "tool_done";
    row.body = kBody;
    row.effects_digest = kEffects;
    row.time_ms = 1'700'000'000'000;
    row.provenance.integrity = "user,tool:read";
    row.provenance.principal = "local";
  }
  store::UsageNote& note = batch.usage.emplace_back();
  note.session_id = "ses_" + run;
  note.principal = "local";
  note.model = "provider/model";
  note.time_ms = 1'700'000'000'000;
  note.counts = {.calls = 1, .input = 1000, .output = 100, .cost_usd_micros = 50};
  return batch;
}

// One run: its next turn goes out when the one before is durable, as in an agent.
struct Driver {
  store::Store* store = nullptr;
  std::string run;
  std::atomic<int64_t>* left = nullptr;
  int64_t turn = 0;
  std::atomic<bool> failed{false};

  void next() {
    store->append(turn_of(run, turn), [this](tau::Status status, store::Lsn) {
      if (!status.ok()) failed = true;
      if (status.ok() && ++turn < kTurnsPerRun) return next();
      if (left->fetch_sub(1) == 1) left->notify_one();
    });
  }
};

struct Measure {
  double turns_per_s = 0;
  double cpu_us_per_turn = 0;
  double turns_per_group = 0;
  double fsyncs_per_turn = 0;
};

// The figures of all rounds, one column each.
struct Columns {
  std::vector<double> turns_per_s;
  std::vector<double> cpu_us_per_turn;
  std::vector<double> turns_per_group;
  std::vector<double> fsyncs_per_turn;

  void add(const Measure& m) {
    turns_per_s.push_back(m.turns_per_s);
    cpu_us_per_turn.push_back(m.cpu_us_per_turn);
    turns_per_group.push_back(m.turns_per_group);
    fsyncs_per_turn.push_back(m.fsyncs_per_turn);
  }
};

bool measure_store(const std::string& path, Measure* out) {
  auto opened = store::open_store({.path = path}, tau::system_clock());
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.status().to_string().c_str());
    return false;
  }
  std::atomic<int64_t> left{kRuns};
  std::vector<Driver> drivers(kRuns);
  const double start = now_s();
  const double cpu = cpu_s();
  for (int i = 0; i < kRuns; ++i) {
    Driver& driver = drivers[static_cast<size_t>(i)];
    driver.store = opened->get();
    driver.run = "run_" + std::to_string(i);
    driver.left = &left;
    driver.next();
  }
  for (int64_t now = left; now > 0; now = left) left.wait(now);
  const double seconds = now_s() - start;
  const double turns = kRuns * kTurnsPerRun;
  const store::StoreStats stats = (*opened)->stats();
  *out = {.turns_per_s = turns / seconds,
          .cpu_us_per_turn = (cpu_s() - cpu) * 1e6 / turns,
          .turns_per_group = turns / static_cast<double>(stats.groups),
          .fsyncs_per_turn = static_cast<double>(stats.fsyncs) / turns};
  return std::ranges::none_of(drivers, [](const Driver& d) { return d.failed.load(); });
}

// What the disk and SQLite allow: one thread, one prepared insert, no checks, no chain, no queue.
Measure measure_raw(const std::string& path, int turns_per_group) {
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_exec(
      db,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
      "CREATE TABLE journal(lsn INTEGER PRIMARY KEY, run INTEGER, seq INTEGER, time_ms INTEGER, kind TEXT,"
      " integrity TEXT, readers TEXT, principal TEXT, policy_epoch INTEGER, scanned_epoch INTEGER,"
      " body_digest BLOB, effects_digest BLOB, chain BLOB, blob INTEGER, body TEXT);"
      "CREATE UNIQUE INDEX journal_by_run ON journal(run, seq)",
      nullptr, nullptr, nullptr);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(
      db,
      "INSERT INTO journal VALUES(NULL, ?1, ?2, 1700000000000, 'tool_done', 'user,tool:read', '*',"
      " 'local', 0, 0, ?3, ?3, ?3, NULL, ?4)",
      -1, &insert, nullptr);
  const std::string digest(32, 'd');
  int groups = 0;
  const double start = now_s();
  const double cpu = cpu_s();
  const int turns = kRuns * kTurnsPerRun;
  for (int done = 0; done < turns; ++groups) {
    sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    for (int i = 0; i < turns_per_group && done < turns; ++i, ++done) {
      for (int r = 0; r < kRowsPerTurn; ++r) {
        sqlite3_bind_int64(insert, 1, done % kRuns);
        sqlite3_bind_int64(insert, 2, done / kRuns * kRowsPerTurn + r);
        sqlite3_bind_blob(insert, 3, digest.data(), 32, SQLITE_STATIC);
        sqlite3_bind_text(insert, 4, kBody.data(), static_cast<int>(kBody.size()), SQLITE_STATIC);
        sqlite3_step(insert);
        sqlite3_reset(insert);
      }
    }
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  }
  const double seconds = now_s() - start;
  const double cpu_us = (cpu_s() - cpu) * 1e6 / turns;
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return {.turns_per_s = turns / seconds,
          .cpu_us_per_turn = cpu_us,
          .turns_per_group = static_cast<double>(turns) / groups,
          .fsyncs_per_turn = static_cast<double>(groups) / turns};
}

// Words as of a conversation: some often, many seldom.
std::string words_of(int64_t n) {
  std::string text;
  uint64_t x = static_cast<uint64_t>(n) * 0x9e3779b97f4a7c15u + 1;
  for (int i = 0; i < 20; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const uint64_t spread = (x & 3) == 0 ? 60'000 : (x & 3) == 1 ? 2'000 : 100;
    if (i > 0) text += ' ';
    text += "w" + std::to_string((x >> 8) % spread);
  }
  return text;
}

store::Batch memories_of(int64_t first, int64_t count) {
  store::Batch batch;
  for (int64_t n = first; n < first + count; ++n) {
    store::MemoryPut put;
    put.row.scope.workspace = "bench";
    put.row.id = "memory-" + std::to_string(n);
    put.row.text = words_of(n);
    put.row.importance = .5;
    put.row.thread = "thread-" + std::to_string(n / 50);
    put.row.time_ms = 1'700'000'000'000 + n;
    put.row.provenance.integrity = "user";
    put.row.provenance.principal = "local";
    put.space = 1;
    put.vector = std::string(260, static_cast<char>(n));
    batch.memories.push_back({.what = std::move(put)});
  }
  return batch;
}

// So many writers, each of which puts its next batch when the one before is durable.
struct MemoryWriters {
  store::Store* store = nullptr;
  int64_t together = 1;
  int64_t most = 0;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> left{0};
  std::atomic<bool> failed{false};

  void write() {
    const int64_t first = next.fetch_add(together);
    if (first >= most) {
      if (left.fetch_sub(1) == 1) left.notify_one();
      return;
    }
    store->append(memories_of(first, together), [this](const tau::Status& status, store::Lsn) {
      if (!status.ok()) failed = true;
      write();
    });
  }
};

// Memories per second; 0: it failed.
double measure_memories(const std::string& path, int writers, int64_t together, int64_t count) {
  auto opened = store::open_store({.path = path}, tau::system_clock());
  if (!opened.ok() || !(*opened)->memories()->space("bench", 256).ok()) return 0;
  MemoryWriters work;
  work.store = opened->get();
  work.together = together;
  work.most = count;
  work.left = writers;
  const double start = now_s();
  for (int i = 0; i < writers; ++i) work.write();
  for (int64_t now = work.left; now > 0; now = work.left) work.left.wait(now);
  return work.failed ? 0 : static_cast<double>(count) / (now_s() - start);
}

bool report_memories(const std::string& directory, tau::bench::Report& report) {
  struct Row {
    const char* name;
    int writers;
    int64_t together;
    int64_t count;
  };
  constexpr Row kRows[] = {{"memory_write_one_writer", 1, 1, 2'000},
                           {"memory_write_64_writers", 64, 1, 20'000},
                           {"memory_write_batch_of_1000", 1, 1'000, 50'000}};
  for (const Row& row : kRows) {
    std::vector<double> figures;
    for (int round = 0; round < 3; ++round) {
      const std::string path = directory + "/" + row.name + std::to_string(round) + ".db";
      figures.push_back(measure_memories(path, row.writers, row.together, row.count));
      if (figures.back() == 0) return false;
    }
    report.add(row.name, "per_s", std::move(figures));
  }
  return true;
}

// CPU nanoseconds of one step, over `count` steps.
template <class Step>
double cpu_ns(int count, Step step) {
  const double start = cpu_s();
  for (int i = 0; i < count; ++i) step(i);
  return (cpu_s() - start) * 1e9 / count;
}

// An append of four rows: building and appending a batch less building it alone. Beside it the digests of the
// same bytes alone, which are the floor.
void measure_memory(tau::bench::Report& report) {
  constexpr int kBatches = 4000;
  std::vector<double> appends;
  std::vector<double> digests;
  unsigned sink = 0;
  for (int round = 0; round < 15; ++round) {
    auto memory = store::make_memory_store(tau::system_clock());
    const double both = cpu_ns(
        kBatches, [&](int i) { memory->append(turn_of("run_1", i), [](const tau::Status&, store::Lsn) {}); });
    const double built =
        cpu_ns(kBatches, [&](int i) { sink += static_cast<unsigned>(turn_of("run_1", i).rows.size()); });
    appends.push_back(both - built);
    const std::string link(135, 'l');
    digests.push_back(cpu_ns(kBatches, [&](int) {
      for (int i = 0; i < kRowsPerTurn; ++i)
        sink += tau::crypto::blake2b(kBody)[0] + tau::crypto::blake2b(link)[0];
    }));
  }
  tau::bench::keep(sink);
  report.add("memory_append_of_4_rows", "ns_cpu", std::move(appends), std::move(digests));
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  const char* base = ::getenv("TMPDIR");
  std::string directory = (base != nullptr ? base : "/var/tmp"s) + "/tau-bench-store-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    std::perror(directory.c_str());
    return 1;
  }
  Columns ours;
  Columns raw;
  bool good = true;
  for (int round = 0; round < kRounds && good; ++round) {  // in turns, so that both meet the same machine
    const std::string n = std::to_string(round);
    Measure a;
    good = measure_store(directory + "/store" + n + ".db", &a);
    ours.add(a);
    raw.add(
        measure_raw(directory + "/raw" + n + ".db", std::max(1, static_cast<int>(a.turns_per_group + 0.5))));
  }
  good = good && report_memories(directory, report);
  std::filesystem::remove_all(directory);
  if (!good) return 1;
  report.add("durable_turns", "per_s", ours.turns_per_s, raw.turns_per_s);
  report.add("durable_turn_cpu", "us_cpu", ours.cpu_us_per_turn, raw.cpu_us_per_turn);
  report.add("turns_per_group", "turns", ours.turns_per_group, raw.turns_per_group);
  report.add("fsyncs_per_turn", "fsyncs", ours.fsyncs_per_turn, raw.fsyncs_per_turn);
  measure_memory(report);
  return report.finish();
}
