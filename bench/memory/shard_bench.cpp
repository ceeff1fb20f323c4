// The index of one scope: how fast it follows the store, is saved and opened, and how many bytes a memory
// takes in it: its tables, and what is resident of the sidecar once everything in it was read.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "memory/shard.h"
#include "memory/text_analysis.h"
#include "support/report.h"

namespace {

using namespace tau;          // NOLINT
using namespace tau::memory;  // NOLINT

constexpr size_t kDimensions = 256;
constexpr size_t kVocabulary = 60'000;
constexpr int64_t kMemoriesInThread = 40;

// Of the thread's processor: machines are shared.
double seconds() { return static_cast<double>(bench::thread_cpu_ns()) * 1e-9; }

void must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

// Texts of 12 to 48 words, whose frequencies fall as those of a language do.
class Corpus {
 public:
  Corpus() {
    std::vector<double> weights;
    for (size_t i = 0; i < kVocabulary; ++i) {
      std::string word;
      for (size_t n = i * 2654435761 % 4294967291; word.size() < 3 || n > 0; n /= 21)
        word += static_cast<char>("bcdfghklmnoprstuvwxyz"[n % 21]);
      words_.push_back(word);
      weights.push_back(1.0 / (static_cast<double>(i) + 2.7));
    }
    next_ = std::discrete_distribution<size_t>(weights.begin(), weights.end());
    for (size_t i = 0; i < 512; ++i) {
      std::vector<float> vector(kDimensions);
      for (float& x : vector) x = normal_(random_);
      auto bytes = quantise(vector.data(), vector.size());
      must(bytes.status());
      vectors_.push_back(*std::move(bytes));
    }
  }

  store::MemoryRow row(int64_t number) {
    store::MemoryRow r;
    r.row = number;
    r.change = number;
    const int words = 12 + static_cast<int>(random_() % 37);
    for (int i = 0; i < words; ++i) r.text.append(words_[next_(random_)]).push_back(' ');
    r.type = static_cast<uint8_t>(random_() % 8);
    r.importance = static_cast<double>(random_() % 10) / 10;
    r.thread = "conversation-" + std::to_string(number / kMemoriesInThread);
    r.source = "session:" + std::to_string(number / kMemoriesInThread);
    r.time_ms = 1'600'000'000'000 + number * 90'000 + static_cast<int64_t>(random_() % 1000);
    r.created_ms = r.time_ms + 1000;
    r.updated_ms = r.created_ms;
    if (number % 5 == 0) r.tags = {"topic-" + std::to_string(random_() % 200)};
    return r;
  }
  std::string_view vector() { return vectors_[random_() % vectors_.size()]; }

 private:
  std::mt19937_64 random_{1};
  std::vector<std::string> words_;
  std::discrete_distribution<size_t> next_;
  std::normal_distribution<float> normal_;
  std::vector<std::string> vectors_;
};

// Resident bytes of mappings of the file.
size_t resident(const std::string& path) {
  std::FILE* file = std::fopen("/proc/self/smaps", "r");
  size_t bytes = 0;
  char line[1024];
  bool of_file = false;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    size_t kib = 0;
    if (std::strchr(line, '-') != nullptr && std::strchr(line, '-') < std::strchr(line, ' '))
      of_file = std::strstr(line, path.c_str()) != nullptr;
    if (std::sscanf(line, "Rss: %zu kB", &kib) == 1 && of_file) bytes += kib * 1024;
  }
  if (file != nullptr) std::fclose(file);
  return bytes;
}

// Of files the time on the wall counts: waiting for a disk is part of it.
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Everything that any search may read.
int64_t read_all(const Shard& shard) {
  int64_t sum = 0;
  const Documents& d = shard.documents();
  for (Doc doc = 0; doc < d.size(); ++doc)
    sum += d.row(doc) + d.time_ms(doc) + d.position(doc) + d.created_ms(doc) + d.updated_ms(doc) +
           d.type(doc) + static_cast<int64_t>(d.importance(doc)) + d.next(doc) + d.previous(doc) +
           d.find(d.row(doc));
  return sum;
}

void measure(bench::Report& report, const std::string& folder, int64_t memories) {
  const std::string at = memories >= 1'000'000 ? std::to_string(memories / 1'000'000) + "M"
                                               : std::to_string(memories / 1000) + "k";
  ShardOptions options;
  options.path = folder + "/index-" + at;
  options.key.space = 1;
  options.key.dimensions = kDimensions;
  {
    Corpus corpus;
    auto shard = Shard::open(options);
    must(shard.status());
    double spent = 0;
    double saving = 0;
    for (int64_t first = 1; first <= memories; first += 1000) {
      std::vector<store::MemoryRow> rows;
      for (int64_t i = first; i < std::min(first + 1000, memories + 1); ++i) rows.push_back(corpus.row(i));
      const double start = seconds();
      for (const store::MemoryRow& row : rows) must((*shard)->apply(row, corpus.vector()));
      const double applied = seconds();
      spent += applied - start;
      // As in a catch-up: the delta may grow as large as the base.
      if ((*shard)->size() - (*shard)->documents().base_size() >
          std::max<Doc>(50'000, (*shard)->documents().base_size())) {
        must((*shard)->save());
        saving += seconds() - applied;
      }
    }
    report.add("shard_apply_" + at, "memories/s", {static_cast<double>(memories) / spent});
    report.add("shard_apply_and_merge_" + at, "memories/s",
               {static_cast<double>(memories) / (spent + saving)});
    const double start = wall_seconds();
    must((*shard)->save());
    report.add("shard_save_" + at, "ms", {(wall_seconds() - start) * 1e3});
  }
  std::vector<double> openings;
  for (int i = 0; i < 5; ++i) {
    const double start = wall_seconds();
    must(Shard::open(options).status());
    openings.push_back((wall_seconds() - start) * 1e3);
  }
  report.add("shard_open_" + at, "ms", openings);
  auto shard = Shard::open(options);
  must(shard.status());
  must((*shard)->rejected());
  bench::keep(read_all(**shard));
  const auto each = [&](size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(memories); };
  report.add("shard_bytes_" + at, "bytes/memory", {each(resident(options.path) + (*shard)->delta_bytes())});
  report.add("shard_file_" + at, "bytes/memory", {each(std::filesystem::file_size(options.path))});
  report.measure("shard_select_time_" + at, {.iterations = 1}, [&] {
    store::MemoryFilter filter;
    filter.since_ms = 1'600'000'000'000 + memories / 2 * 90'000;
    bench::keep((*shard)->select(filter).count());
  });
  report.measure("shard_select_type_" + at, {.iterations = 1}, [&] {
    store::MemoryFilter filter;
    filter.types = 5;
    bench::keep((*shard)->select(filter).count());
  });
  report.measure("shard_select_tag_" + at, {.iterations = 10}, [&] {
    store::MemoryFilter filter;
    filter.tags = {"topic-7"};
    bench::keep((*shard)->select(filter).count());
  });
  if (std::getenv("TAU_BENCH_SECTIONS") != nullptr) {
    const auto view = SegmentView::open(options.path);
    for (uint32_t id = 0x100; id < 0x400; ++id)
      if (!view->section(id).empty()) std::printf("section %x: %.2f\n", id, each(view->section(id).size()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Report report(argc, argv);
  const bool quick =
      std::any_of(argv, argv + argc, [](const char* a) { return std::strcmp(a, "--quick") == 0; });
  std::string folder = (std::filesystem::temp_directory_path() / "tau-shard-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  measure(report, folder, 100'000);
  if (!quick) measure(report, folder, 1'000'000);
  std::filesystem::remove_all(folder);
  return report.finish();
}
