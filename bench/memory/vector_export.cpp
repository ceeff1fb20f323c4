// Writes vectors to a file, for peers of other languages, with what an exact scan finds and our own figures.
//
// Usage: vector_export clustered|diffuse|zipf|text ROWS DIMENSIONS QUERIES FILE
// The file: rows, dimensions, queries as uint64; rows, queries as float; the score of each query's tenth as
// float. On stdout a JSON object with our figures, and those of hnswlib where its headers were found.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "hnsw.h"
#include "memory/vectors.h"
#include "support/report.h"
#include "vector_data.h"

namespace {

using tau::bench::thread_cpu_ns;
using tau::bench::VectorData;
using tau::memory::Doc;
using tau::memory::DocSet;
using tau::memory::VectorQuery;
using tau::memory::Vectors;

VectorData data_of(const std::string& kind, size_t rows, size_t dimensions, size_t queries) {
  if (kind == "clustered") return tau::bench::clustered_vectors(rows, dimensions, queries);
  if (kind == "diffuse") return tau::bench::diffuse_vectors(rows, dimensions, queries);
  if (kind == "zipf" && dimensions == 256) return tau::bench::zipf_vectors(rows, queries);
  const char* shared = std::getenv("TAU_SHARED_DATA");
  if (kind != "text" || shared == nullptr) return {};
  return tau::bench::text_vectors(std::string(shared) + "/retrieval", rows, dimensions, queries);
}

bool write_file(const char* path, const VectorData& data, const std::vector<float>& tenth) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return false;
  const uint64_t sizes[] = {data.count(), data.dimensions, data.query_count()};
  std::fwrite(sizes, sizeof sizes, 1, file);
  for (const std::vector<float>* part : {&data.rows, &data.queries, &tenth})
    std::fwrite(part->data(), sizeof(float), part->size(), file);
  return std::fclose(file) == 0;
}

double at(std::vector<double> values, size_t percent) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

// Searches with each query, and prints what is to be said of it.
template <class Search>
void print_figures(const char* name, const VectorData& data, const std::vector<float>& tenth, double build_s,
                   double bytes_per_row, const Search& search) {
  std::vector<double> ms;
  size_t found = 0;
  for (size_t i = 0; i < data.query_count(); ++i) {
    const int64_t start = thread_cpu_ns();
    const std::vector<uint32_t> rows = search(data.query(i));
    ms.push_back(static_cast<double>(thread_cpu_ns() - start) / 1e6);
    for (const uint32_t row : rows)
      found +=
          tau::bench::float_dot(data.row(row), data.query(i), data.dimensions) >= tenth[i] - 1e-5F ? 1 : 0;
  }
  std::printf(
      "{\"name\": \"%s\", \"recall\": %.4f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"build_s\": %.3f, "
      "\"bytes_per_row\": %.1f}\n",
      name, static_cast<double>(found) / static_cast<double>(10 * data.query_count()), at(ms, 50), at(ms, 99),
      build_s, bytes_per_row);
  std::fflush(stdout);
}

void print_ours(const VectorData& data, const std::vector<float>& tenth) {
  const int64_t before = thread_cpu_ns();
  Vectors vectors(data.dimensions);
  for (size_t i = 0; i < data.count(); ++i)
    if (!vectors.add(static_cast<Doc>(i), data.row(i)).ok()) std::abort();
  const double build_s = static_cast<double>(thread_cpu_ns() - before) / 1e9;
  const DocSet all(static_cast<Doc>(data.count()), true);
  const double bytes = static_cast<double>(vectors.memory_bytes()) / static_cast<double>(data.count());
  print_figures("libtau", data, tenth, build_s, bytes, [&](const float* query) {
    std::vector<uint32_t> rows;
    for (const auto& hit : vectors.top(*VectorQuery::make(query, data.dimensions), 10, all))
      rows.push_back(hit.doc);
    return rows;
  });
}

void print_hnsw(const VectorData& data, const std::vector<float>& tenth) {
  const int64_t before = thread_cpu_ns();
  const auto hnsw = tau::bench::Hnsw::build(data);
  if (hnsw == nullptr) return;
  const double build_s = static_cast<double>(thread_cpu_ns() - before) / 1e9;
  for (const auto& [name, ef] : {std::pair{"hnswlib_ef64", 64}, std::pair{"hnswlib_ef256", 256}}) {
    hnsw->set_ef(static_cast<size_t>(ef));
    print_figures(name, data, tenth, build_s, hnsw->bytes_per_row(),
                  [&](const float* query) { return hnsw->ten(query); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i) { return static_cast<size_t>(std::strtoull(argv[i], nullptr, 10)); };
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s clustered|diffuse|zipf|text ROWS DIMENSIONS QUERIES FILE\n", argv[0]);
    return 2;
  }
  const VectorData data = data_of(argv[1], number(2), number(3), number(4));
  if (data.rows.empty() || data.queries.empty()) {
    std::fprintf(stderr, "vector_export: there are no such vectors; texts need TAU_SHARED_DATA\n");
    return 1;
  }
  std::vector<float> tenth;
  for (size_t i = 0; i < data.query_count(); ++i)
    tenth.push_back(tau::bench::exact_ten(data, data.query(i)).back().score);
  if (!write_file(argv[5], data, tenth)) {
    std::fprintf(stderr, "vector_export: cannot write %s\n", argv[5]);
    return 1;
  }
  print_ours(data, tenth);
  print_hnsw(data, tenth);
  return 0;
}
