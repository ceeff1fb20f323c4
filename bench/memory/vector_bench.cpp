// Vector search beside an exact scan of floats and beside hnswlib, on vectors in clusters, diffuse ones and
// those of made and of real texts: time and recall of the first ten of one thread, time to build, bytes a
// row.
//
// Times are of CPU. Real texts are those of TAU_SHARED_DATA/retrieval. A tenth of the sizes with --quick.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "hnsw.h"
#include "memory/vectors.h"
#include "support/report.h"
#include "vector_data.h"

namespace {

using tau::bench::Hnsw;
using tau::bench::thread_cpu_ns;
using tau::bench::VectorData;
using tau::memory::Doc;
using tau::memory::DocSet;
using tau::memory::VectorHit;
using tau::memory::VectorQuery;
using tau::memory::Vectors;

constexpr size_t kQueries = 200;
constexpr size_t kGraphRows = 100'000;  // a graph of more takes minutes

struct Figures {
  std::vector<double> us;
  double found = 0;
  double wanted = 0;
  double recall() const { return 100 * found / wanted; }
  double p99() const {
    std::vector<double> sorted = us;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() * 99 / 100];
  }
};

double ms_of(int64_t since) { return static_cast<double>(thread_cpu_ns() - since) / 1e6; }

// What is as near as the tenth belongs to the ten.
template <class Search>
Figures measured(const VectorData& data, const std::vector<double>& tenth, const Search& search) {
  Figures out;
  for (size_t i = 0; i < data.query_count(); ++i) {
    const int64_t before = thread_cpu_ns();
    const std::vector<uint32_t> found = search(i);
    out.us.push_back(static_cast<double>(thread_cpu_ns() - before) / 1e3);
    for (const uint32_t row : found)
      out.found +=
          tau::bench::float_dot(data.row(row), data.query(i), data.dimensions) >= tenth[i] - 1e-5 ? 1 : 0;
    out.wanted += 10;
  }
  return out;
}

std::vector<uint32_t> rows_of(const std::vector<VectorHit>& hits) {
  std::vector<uint32_t> out;
  for (const VectorHit& hit : hits) out.push_back(hit.doc);
  return out;
}

class Comparison {
 public:
  Comparison(tau::bench::Report* report, const VectorData& data)
      : report_(*report), data_(data), vectors_(data.dimensions), all_(static_cast<Doc>(data.count()), true) {
    name_ = data.name + "_" + std::to_string(data.count()) + "x" + std::to_string(data.dimensions);
  }
  void run() {
    exact();
    const int64_t before = thread_cpu_ns();
    for (size_t i = 0; i < data_.count(); ++i)
      if (!vectors_.add(static_cast<Doc>(i), data_.row(i)).ok()) std::abort();
    build_ms_ = ms_of(before);
    ours_ = measured(data_, tenth_, [&](size_t i) { return ours(i, 10); });
    add("p50", "us", ours_.us, exact_us_);
    add("p99", "us", {ours_.p99()});
    add("recall_at_10", "%", {ours_.recall()});
    const Figures rows = measured(data_, tenth_, [&](size_t i) {
      auto out = ours(i, Vectors::kDeepest + 1);  // beyond the deepest every row is scored
      out.resize(10);
      return out;
    });
    add("all_rows_p50", "us", rows.us, exact_us_);
    add("all_rows_recall_at_10", "%", {rows.recall()});
    add("build", "ms", {build_ms_});
    const double bytes = static_cast<double>(vectors_.memory_bytes()) / static_cast<double>(data_.count());
    add("memory", "B/row", {bytes}, {static_cast<double>(4 * data_.dimensions)});
    graph(bytes);
  }

 private:
  void add(const std::string& what, const char* unit, std::vector<double> values,
           std::vector<double> base = {}) {
    report_.add(name_ + "_" + what, unit, std::move(values), std::move(base));
  }
  void exact() {
    for (size_t i = 0; i < data_.query_count(); ++i) {
      const int64_t before = thread_cpu_ns();
      tenth_.push_back(static_cast<double>(tau::bench::exact_ten(data_, data_.query(i)).back().score));
      exact_us_.push_back(static_cast<double>(thread_cpu_ns() - before) / 1e3);
    }
  }
  // From floats on: turning a query is part of a search.
  std::vector<uint32_t> ours(size_t i, size_t k) const {
    return rows_of(vectors_.top(*VectorQuery::make(data_.query(i), data_.dimensions), k, all_));
  }
  // Our figures are the baseline.
  void graph(double our_bytes) {
    if (data_.count() > kGraphRows) return;
    const int64_t before = thread_cpu_ns();
    const auto hnsw = Hnsw::build(data_);
    if (hnsw == nullptr) {
      std::printf("%s: hnswlib is not installed (Debian: libhnswlib-dev)\n", name_.c_str());
      return;
    }
    add("hnsw_build", "ms", {ms_of(before)}, {build_ms_});
    add("hnsw_memory", "B/row", {hnsw->bytes_per_row()}, {our_bytes});
    for (const size_t ef : {64, 256}) {
      hnsw->set_ef(ef);
      const Figures theirs = measured(data_, tenth_, [&](size_t i) { return hnsw->ten(data_.query(i)); });
      const std::string prefix = "hnsw_ef" + std::to_string(ef);
      add(prefix + "_p50", "us", theirs.us, ours_.us);
      add(prefix + "_p99", "us", {theirs.p99()}, {ours_.p99()});
      add(prefix + "_recall_at_10", "%", {theirs.recall()}, {ours_.recall()});
    }
  }

  tau::bench::Report& report_;
  const VectorData& data_;
  Vectors vectors_;
  DocSet all_;
  std::string name_;
  std::vector<double> tenth_;
  std::vector<double> exact_us_;
  double build_ms_ = 0;
  Figures ours_;
};

void compare(tau::bench::Report* report, const VectorData& data) {
  if (data.count() == 0 || data.query_count() == 0) {
    std::printf("%s: no texts; TAU_SHARED_DATA names the folder of shared data\n", data.name.c_str());
    return;
  }
  Comparison(report, data).run();
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  const bool quick =
      std::any_of(argv, argv + argc, [](const char* word) { return std::strcmp(word, "--quick") == 0; });
  const size_t part = quick ? 10 : 1;
  for (const size_t count : {100'000 / part, 1'000'000 / part}) {
    compare(&report, tau::bench::clustered_vectors(count, 256, kQueries));
    compare(&report, tau::bench::diffuse_vectors(count, 256, kQueries));
    compare(&report, tau::bench::zipf_vectors(count, kQueries));
  }
  compare(&report, tau::bench::diffuse_vectors(100'000 / part, 384, kQueries));
  const char* shared = std::getenv("TAU_SHARED_DATA");
  const std::string folder = shared == nullptr ? "" : std::string(shared) + "/retrieval";
  compare(&report, tau::bench::text_vectors(folder, 100'000 / part, 256, kQueries));
  return report.finish();
}
