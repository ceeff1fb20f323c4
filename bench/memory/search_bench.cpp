// How long a search takes: words alone, and all of it, in a scope of 10,000, 100,000 and 1,000,000 memories
// of 12 to 48 words of a Zipf vocabulary of 60,000, with vectors of 256 dimensions. Queries are five words,
// of those beyond the fifty most frequent. TAU_BENCH_MEMORIES: the largest scope.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "memory/hash_embedder.h"
#include "memory/search.h"
#include "support/report.h"
#include "zipf_words.h"

namespace tau::bench {
namespace {

class Source final : public memory::SearchSource {
 public:
  explicit Source(const std::vector<std::string>& texts) : texts_(texts) {}
  StatusOr<std::vector<std::string>> texts(const std::vector<int64_t>& rows) override {
    std::vector<std::string> texts;
    for (const int64_t row : rows) texts.push_back(texts_[static_cast<size_t>(row - 1)]);
    return texts;
  }
  StatusOr<std::vector<int64_t>> rows_with_phrase(std::string_view, size_t) override {
    return std::vector<int64_t>();
  }
  StatusOr<std::vector<int64_t>> rows_with_prefix(std::string_view, size_t) override {
    return std::vector<int64_t>();
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>&) override {
    return std::vector<store::MemoryEdge>();
  }

 private:
  const std::vector<std::string>& texts_;
};

struct Scope {
  std::vector<std::string> texts;
  std::unique_ptr<memory::Shard> shard;
};

Scope make_scope(size_t size, const ZipfWords& words) {
  Scope scope;
  std::mt19937_64 random(size);
  memory::ShardOptions options;
  options.key.space = 1;
  options.key.dimensions = memory::HashEmbedder::kDimensions;
  scope.shard = *memory::Shard::open(options);
  std::vector<float> vector(memory::HashEmbedder::kDimensions);
  for (size_t i = 0; i < size; ++i) {
    store::MemoryRow row;
    row.row = row.change = row.position = static_cast<int64_t>(i + 1);
    row.importance = 0.5;
    row.time_ms = static_cast<int64_t>(i) * 60'000;
    row.thread = format("thread-{}", i / 20);
    row.text = words.text(random);
    if (!memory::HashEmbedder().embed({row.text}, memory::Purpose::kDocument, vector.data()).ok())
      std::abort();
    if (!scope.shard->apply(row, *memory::quantise(vector.data(), vector.size())).ok()) std::abort();
    scope.texts.push_back(std::move(row.text));
  }
  if (!scope.shard->save().ok()) std::abort();
  return scope;
}

void measure(Report& report, const std::string& name, const Scope& scope, const ZipfWords& words,
             const memory::SearchRequest& options, bool with_vectors) {
  constexpr int kQueries = 200;
  const std::array<const memory::Shard*, 1> shards = {scope.shard.get()};
  const memory::Searcher searcher;
  Source source(scope.texts);
  std::mt19937_64 random(7);
  std::vector<double> micros;
  for (int i = -10; i < kQueries; ++i) {  // the first ones warm up
    memory::SearchRequest request = options;
    request.text = words.query(random, 5);
    const auto start = thread_cpu_ns();
    std::optional<memory::QueryVector> vector;
    if (with_vectors) vector = *memory::embed_query(memory::HashEmbedder(), request.text, shards);
    const auto result = searcher.search(request, shards, vector ? &*vector : nullptr, &source);
    if (!result.ok()) std::abort();
    keep(*result);
    if (i >= 0) micros.push_back(static_cast<double>(thread_cpu_ns() - start) / 1000);
  }
  std::sort(micros.begin(), micros.end());
  report.add(name + " p50", "us", {micros[micros.size() / 2]});
  report.add(name + " p99", "us", {micros[micros.size() * 99 / 100]});
}

void measure_scope(Report& report, size_t size, const ZipfWords& words) {
  const Scope scope = make_scope(size, words);
  memory::SearchRequest options;
  measure(report, format("hybrid, all of it, {}", size), scope, words, options, true);
  measure(report, format("words alone, all of it, {}", size), scope, words, options, false);
  options.k = 20;
  options.context = options.feedback = false;
  options.graph_weight = 0;
  measure(report, format("BM25 top 20, {}", size), scope, words, options, false);
}

}  // namespace
}  // namespace tau::bench

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  const tau::bench::ZipfWords words;
  const char* const text = std::getenv("TAU_BENCH_MEMORIES");
  const size_t most = text == nullptr ? 1'000'000 : static_cast<size_t>(std::atoll(text));
  for (const size_t size : {size_t{10'000}, size_t{100'000}, size_t{1'000'000}})
    if (size <= most) tau::bench::measure_scope(report, size, words);
  return report.finish();
}
