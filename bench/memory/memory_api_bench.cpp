// Memory through the public C API alone: how fast it writes, durably, finds and opens, and what a memory
// costs in memory and on the disk. Beside writes stands what the disk and SQLite allow in the same minute.
// TAU_BENCH_MEMORIES: how many (100,000); a scope of a tenth as many, at most 10,000, lies in the same store.
// The disk of $TMPDIR (/var/tmp when unset) is what is measured.
#include <sys/wait.h>
#include <tau/tau.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "plain_sqlite.h"
#include "support/report.h"
#include "zipf_words.h"

namespace tau::bench {
namespace {

constexpr size_t kBatch = 1000;
constexpr int kWriters = 64;
constexpr int kRounds = 5;
constexpr char kLarge[] = R"({"workspace":"bench","channel":"large"})";
constexpr char kSmall[] = R"({"workspace":"bench","channel":"small"})";

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void check(const char* what, tau_status status, tau_error* const& err) {
  if (status != TAU_OK) fail(what, err != nullptr ? tau_error_message(err).data : tau_status_name(status));
}

double clock_s(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
double wall_s() { return clock_s(CLOCK_MONOTONIC); }
double process_cpu_s() { return clock_s(CLOCK_PROCESS_CPUTIME_ID); }

tau_str str(const std::string& text) { return {text.data(), text.size()}; }

// A runtime of a home, and the memories of two scopes in it.
class Host {
 public:
  explicit Host(const std::string& home) : log_(home + "/tau.db-wal") {
    tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
    options.home = str(home);
    tau_error* err = nullptr;
    check("tau_runtime_new", tau_runtime_new(&options, &runtime_, &err), err);
    check("tau_memory_open", tau_memory_open(runtime_, {kLarge, TAU_STRLEN}, &large_, &err), err);
    check("tau_memory_open", tau_memory_open(runtime_, {kSmall, TAU_STRLEN}, &small_, &err), err);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    tau_memory_unref(large_);
    tau_memory_unref(small_);
    tau_runtime_stop(runtime_, -1, nullptr);
    tau_runtime_unref(runtime_);
    if (std::filesystem::exists(log_)) fail("tau_runtime_unref", "the home is not closed");
  }

  tau_memory* large() const { return large_; }
  tau_memory* small() const { return small_; }

 private:
  tau_runtime* runtime_ = nullptr;
  tau_memory* large_ = nullptr;
  tau_memory* small_ = nullptr;
  const std::string log_;
};

void perform(tau_memory* memory, const std::string& request) {
  tau_buf out{};
  tau_error* err = nullptr;
  check("tau_memory_perform", tau_memory_perform(memory, str(request), nullptr, 0, &out, &err), err);
  tau_buf_free(&out);
}

void search(tau_memory* memory, const std::string& query) {
  tau_buf out{};
  tau_error* err = nullptr;
  const std::string request = R"({"k":10,"query":")" + query + "\"}";
  check("tau_memory_search", tau_memory_search(memory, str(request), nullptr, 0, &out, &err), err);
  tau_buf_free(&out);
}

std::string add_request(const std::vector<std::string>& texts) {
  std::string request = R"({"op":"add","memories":[)";
  for (const std::string& text : texts) {
    if (request.back() != '[') request += ',';
    request += R"({"text":")" + text + "\"}";
  }
  return request + "]}";
}

class Texts {
 public:
  explicit Texts(uint64_t seed) : random_(seed) {}
  std::vector<std::string> next(size_t count) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < count; ++i) texts.push_back(words().text(random_));
    return texts;
  }
  std::string query() { return words().query(random_, 5); }

 private:
  static const ZipfWords& words() {
    static const ZipfWords made;
    return made;
  }
  std::mt19937_64 random_;
};

void add_percentiles(Report& report, const std::string& name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  report.add(name + ", median", "us", {values[values.size() / 2]});
  report.add(name + ", 99 of 100", "us", {values[values.size() * 99 / 100]});
}

// Rows a second in each tenth of all; beside the first ones a table with a full-text index of the same texts.
void write_batches(Report& report, const Host& host, const std::string& folder, size_t memories) {
  Texts texts(1);
  PlainSqlite plain(folder + "/plain-batches.db", true);
  const size_t small = std::min<size_t>(memories / 10, 10'000);
  for (size_t done = 0; done < small; done += kBatch)
    perform(host.small(), add_request(texts.next(std::min(kBatch, small - done))));
  std::vector<double> rates;
  std::vector<double> plain_rates;
  std::vector<double> cpu_us;
  for (size_t tenth = 0; tenth < 10; ++tenth) {
    double took = 0;
    double cpu = 0;
    double plain_took = 0;
    const size_t rows = memories / 10;
    for (size_t done = 0; done < rows; done += kBatch) {
      const std::vector<std::string> batch = texts.next(std::min(kBatch, rows - done));
      const std::string request = add_request(batch);
      const double start = wall_s();
      const double cpu_start = process_cpu_s();
      perform(host.large(), request);
      took += wall_s() - start;
      cpu += process_cpu_s() - cpu_start;
      if (tenth > 0) continue;
      const double plain_start = wall_s();
      plain.write(batch);
      plain_took += wall_s() - plain_start;
    }
    rates.push_back(static_cast<double>(rows) / took);
    cpu_us.push_back(cpu * 1e6 / static_cast<double>(rows));
    if (tenth == 0) plain_rates.push_back(static_cast<double>(rows) / plain_took);
  }
  report.add("write in batches of 1000, last tenth", "per_s", {rates.back()});
  report.add("write in batches of 1000", "per_s", std::move(rates), std::move(plain_rates));
  report.add("write in batches of 1000, all CPU", "us_cpu", std::move(cpu_us));
}

struct Rate {
  double per_s = 0;
  double cpu_us = 0;
};

// Each writer has the next memory written when its last one is durable.
Rate write_singles(const Host& host, int writers, size_t each) {
  std::vector<std::vector<std::string>> requests;
  for (int i = 0; i < writers; ++i) {
    Texts texts(static_cast<uint64_t>(wall_s() * 1e6) + static_cast<uint64_t>(i));
    std::vector<std::string>& own = requests.emplace_back();
    for (const std::string& text : texts.next(each)) own.push_back(R"({"op":"add","text":")" + text + "\"}");
  }
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (const std::vector<std::string>& own : requests)
    threads.emplace_back([&host, &own, &go] {
      go.wait(false);
      for (const std::string& request : own) perform(host.large(), request);
    });
  const double start = wall_s();
  const double cpu = process_cpu_s();
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  const double count = static_cast<double>(writers) * static_cast<double>(each);
  return {.per_s = count / (wall_s() - start), .cpu_us = (process_cpu_s() - cpu) * 1e6 / count};
}

// In turns with what the disk and SQLite allow, for the disk has other users.
void write_durably(Report& report, const Host& host, const std::string& folder, size_t each) {
  PlainSqlite plain(folder + "/plain.db", false);
  PlainSqlite indexed(folder + "/plain-indexed.db", true);
  Texts texts(2);
  std::vector<double> one, one_cpu, many, many_cpu, disk, rows, words;
  const auto rate_of = [&](PlainSqlite& db) {
    const std::vector<std::string> all = texts.next(each);
    const double start = wall_s();
    for (const std::string& text : all) db.write({text});
    return static_cast<double>(each) / (wall_s() - start);
  };
  for (int round = 0; round < kRounds; ++round) {
    disk.push_back(synced_writes_per_s(folder + "/synced", static_cast<int>(each)));
    rows.push_back(rate_of(plain));
    words.push_back(rate_of(indexed));
    const Rate single = write_singles(host, 1, each);
    one.push_back(single.per_s);
    one_cpu.push_back(single.cpu_us);
    const Rate together = write_singles(host, kWriters, each);
    many.push_back(together.per_s);
    many_cpu.push_back(together.cpu_us);
  }
  report.add("durable write, beside the disk's own", "per_s", one, std::move(disk));
  report.add("durable write, beside a row of SQLite", "per_s", one, std::move(rows));
  report.add("durable write, beside a row and its words", "per_s", std::move(one), std::move(words));
  report.add("durable write, all CPU", "us_cpu", std::move(one_cpu));
  report.add("durable writes of 64 writers", "per_s", std::move(many));
  report.add("durable writes of 64 writers, all CPU", "us_cpu", std::move(many_cpu));
}

void measure_search(Report& report, const std::string& name, tau_memory* memory, int queries) {
  Texts texts(7);
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = -10; i < queries; ++i) {  // the first ones warm up
    const std::string query = texts.query();
    const double start = wall_s();
    const std::int64_t cpu_start = thread_cpu_ns();
    search(memory, query);
    if (i < 0) continue;
    wall.push_back((wall_s() - start) * 1e6);
    cpu.push_back(static_cast<double>(thread_cpu_ns() - cpu_start) / 1e3);
  }
  add_percentiles(report, name, std::move(wall));
  add_percentiles(report, name + ", its CPU", std::move(cpu));
}

void search_while_written(Report& report, const Host& host, int queries) {
  std::atomic<bool> over{false};
  std::thread writer([&] {
    Texts texts(8);
    while (!over) perform(host.large(), add_request(texts.next(1)));
  });
  measure_search(report, "search while one writes", host.large(), queries);
  over = true;
  writer.join();
}

// Bytes of this process: anonymous ones, and those of files of `home` that were touched.
struct Held {
  double anonymous = 0;
  double mapped = 0;
};
Held held(const std::string& home) {
  std::FILE* const file = std::fopen("/proc/self/smaps", "re");
  if (file == nullptr) fail("/proc/self/smaps", std::strerror(errno));
  char line[4096];
  Held held;
  bool of_home = false;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    double kib = 0;
    const char* const path = std::strchr(line, '/');
    if (std::strchr(line, '-') != nullptr && std::strchr(line, '-') < std::strchr(line, ' '))
      of_home = path != nullptr && std::strncmp(path, home.c_str(), home.size()) == 0;
    if (std::sscanf(line, "Anonymous: %lf kB", &kib) == 1) held.anonymous += kib * 1024;
    if (of_home && std::sscanf(line, "Rss: %lf kB", &kib) == 1) held.mapped += kib * 1024;
  }
  std::fclose(file);
  return held;
}

// What a new process is asked for: opens the home, and prints how long the first answer took, and what it
// holds after many searches of all of it.
int open_anew(const std::string& home) {
  const std::string warm = home + "-empty";
  { const Host host(warm); }  // code and tables that any home needs
  const Held before = held(home);
  const double start = wall_s();
  const Host host(home);
  const double opened = wall_s();
  Texts texts(9);
  search(host.large(), texts.query());
  const double answered = wall_s();
  for (int i = 0; i < 500; ++i) search(host.large(), texts.query());
  const Held after = held(home);
  std::printf("%.6g %.6g %.6g %.6g\n", (opened - start) * 1e3, (answered - start) * 1e3,
              after.anonymous - before.anonymous, after.mapped - before.mapped);
  return 0;
}

void measure_opening(Report& report, const std::string& home, double memories, int rounds) {
  std::vector<double> opened, answered, anonymous, mapped;
  for (int round = 0; round < rounds; ++round) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    std::FILE* const child = ::popen(("'" + self + "' --open '" + home + "'").c_str(), "re");
    double figures[4] = {};
    if (child == nullptr ||
        std::fscanf(child, "%lf %lf %lf %lf", &figures[0], &figures[1], &figures[2], &figures[3]) != 4 ||
        ::pclose(child) != 0)
      fail("a new process", "it did not say how long it took");
    opened.push_back(figures[0]);
    answered.push_back(figures[1]);
    anonymous.push_back(figures[2] / memories);
    mapped.push_back(figures[3] / memories);
  }
  report.add("open in a new process", "ms", std::move(opened));
  report.add("the same, to the first answer", "ms", std::move(answered));
  report.add("anonymous memory after 500 searches", "bytes_each", std::move(anonymous));
  report.add("touched pages of files after them", "bytes_each", std::move(mapped));
}

double bytes_in(const std::string& folder) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  return bytes;
}

void measure_purges(Report& report, const Host& host, int times) {
  std::vector<double> purges;
  std::vector<double> cpu;
  for (int i = 0; i < times; ++i) {
    const std::string id = "secret-" + std::to_string(i);
    perform(host.large(), R"({"op":"add","id":")" + id + R"(","text":"something that has to go"})");
    const double start = wall_s();
    const double cpu_start = process_cpu_s();
    perform(host.large(), R"({"op":"purge","ids":[")" + id + "\"]}");
    purges.push_back((wall_s() - start) * 1e3);
    cpu.push_back((process_cpu_s() - cpu_start) * 1e3);
  }
  report.add("purge of one memory", "ms", std::move(purges));
  report.add("purge of one memory, all CPU", "ms_cpu", std::move(cpu));
}

void measure(Report& report, const std::string& folder, size_t memories, bool quick) {
  const std::string home = folder + "/home";
  const int queries = quick ? 50 : 300;
  const auto count = static_cast<double>(memories + std::min<size_t>(memories / 10, 10'000));
  {
    const Host host(home);
    write_batches(report, host, folder, memories);
    measure_search(report, "search of " + std::to_string(memories), host.large(), queries);
    measure_search(report, "search of a small scope beside it", host.small(), queries);
  }
  report.add("on the disk", "bytes_each", {bytes_in(home) / count});
  measure_opening(report, home, count, quick ? 1 : 3);
  const Host host(home);
  search(host.large(), "warm");
  write_durably(report, host, folder, quick ? 20 : 200);
  search_while_written(report, host, queries);
  measure_purges(report, host, 3);
}

}  // namespace
}  // namespace tau::bench

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--open") == 0) return tau::bench::open_anew(argv[2]);
  tau::bench::Report report(argc, argv);
  bool quick = false;
  for (int i = 1; i < argc; ++i) quick = quick || std::strcmp(argv[i], "--quick") == 0;
  const char* const asked = std::getenv("TAU_BENCH_MEMORIES");
  const char* const base = std::getenv("TMPDIR");
  const size_t memories = asked != nullptr ? static_cast<size_t>(std::atoll(asked))
                          : quick          ? 10'000
                                           : 100'000;
  if (memories < 1000) tau::bench::fail("TAU_BENCH_MEMORIES", "at least 1000");
  std::string folder = std::string(base != nullptr ? base : "/var/tmp") + "/tau-bench-memory-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) tau::bench::fail(folder.c_str(), std::strerror(errno));
  tau::bench::measure(report, folder, memories, quick);
  std::filesystem::remove_all(folder);
  return report.finish();
}
