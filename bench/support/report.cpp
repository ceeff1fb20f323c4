// Timing loops and the two forms of the report: a table for people, JSON for tools/bench.
#include "support/report.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tau::bench {
namespace {

double ns_per_call(std::size_t iterations, const std::function<void()>& call) {
  const std::int64_t start = thread_cpu_ns();
  for (std::size_t i = 0; i < iterations; ++i) call();
  return static_cast<double>(thread_cpu_ns() - start) / static_cast<double>(iterations);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Names are ours and plain; a quote or control character in one is a mistake of the benchmark.
void write_samples(std::FILE* file, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) std::fprintf(file, "%s%.6g", i == 0 ? "" : ", ", values[i]);
}

}  // namespace

std::int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Report::Report(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json_path_ = argv[++i];
    } else if (std::strcmp(argv[i], "--quick") == 0) {
      quick_ = true;
    } else {
      std::fprintf(stderr, "usage: %s [--json FILE] [--quick]\n", argv[0]);
      std::exit(2);
    }
  }
}

void Report::compare(const std::string& name, Plan plan, const std::function<void()>& candidate,
                     const std::function<void()>& baseline) {
  const std::size_t iterations = std::max<std::size_t>(1, quick_ ? plan.iterations / 10 : plan.iterations);
  std::vector<double> ours;
  std::vector<double> theirs;
  candidate();  // caches and lazily bound symbols are warm before the first sample
  if (baseline) baseline();
  for (std::size_t i = 0; i < plan.samples; ++i) {
    ours.push_back(ns_per_call(iterations, candidate));
    if (baseline) theirs.push_back(ns_per_call(iterations, baseline));
  }
  add(name, "ns", std::move(ours), std::move(theirs));
}

void Report::measure(const std::string& name, Plan plan, const std::function<void()>& candidate) {
  compare(name, plan, candidate, nullptr);
}

void Report::add(const std::string& name, const std::string& unit, std::vector<double> values,
                 std::vector<double> baseline) {
  if (values.empty()) {
    std::fprintf(stderr, "%s: no samples\n", name.c_str());
    std::exit(1);
  }
  rows_.push_back({name, unit, std::move(values), std::move(baseline)});
}

int Report::finish() const {
  std::printf("%-40s %14s %14s %8s  unit\n", "benchmark", "value", "baseline", "ratio");
  for (const Row& row : rows_) {
    const double value = median(row.values);
    if (row.baseline.empty()) {
      std::printf("%-40s %14.1f %14s %8s  %s\n", row.name.c_str(), value, "-", "-", row.unit.c_str());
    } else {
      const double baseline = median(row.baseline);
      std::printf("%-40s %14.1f %14.1f %8.3f  %s\n", row.name.c_str(), value, baseline, value / baseline,
                  row.unit.c_str());
    }
  }
  if (json_path_.empty()) return 0;
  std::FILE* file = std::fopen(json_path_.c_str(), "w");
  if (file == nullptr) {
    std::fprintf(stderr, "%s: %s\n", json_path_.c_str(), std::strerror(errno));
    return 1;
  }
  const char* separator = "[";
  for (const Row& row : rows_) {
    const double value = median(row.values);
    std::fprintf(file, "%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, ", separator,
                 row.name.c_str(), row.unit.c_str(), value);
    if (row.baseline.empty()) {
      std::fputs("\"baseline\": null, \"ratio\": null, \"samples\": [", file);
    } else {
      const double baseline = median(row.baseline);
      std::fprintf(file, "\"baseline\": %.6g, \"ratio\": %.6g, \"samples\": [", baseline, value / baseline);
    }
    write_samples(file, row.values);
    std::fputs("]}", file);
    separator = ",";
  }
  std::fputs(rows_.empty() ? "[]\n" : "\n]\n", file);
  return std::fclose(file) == 0 ? 0 : 1;
}

}  // namespace tau::bench
