// How good search is on collections with known answers, with the options that everybody gets.
//
//   retrieval_quality [option=value …] FOLDER…
//
// Prints for each folder recall and nDCG of ten hits, and how often the first hit (of all, and of the best of
// each thread) stands in a thread with an answer; of all queries and of either half. Queries of the category
// "adversarial" have no answer and do not count. Options: weight (of vectors, 0 to 1), feedback, context,
// rank (1: reciprocal ranks).
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/hash_embedder.h"
#include "memory/search.h"
#include "retrieval_data.h"

namespace tau::bench {
namespace {

using memory::SearchRequest;

struct Scope {
  std::unique_ptr<memory::Shard> shard;
  std::vector<const RetrievalDocument*> documents;  // by row, from 1
};

class Source final : public memory::SearchSource {
 public:
  explicit Source(const Scope& scope) : scope_(scope) {}
  StatusOr<std::vector<std::string>> texts(const std::vector<int64_t>& rows) override {
    std::vector<std::string> texts;
    for (const int64_t row : rows) texts.push_back(scope_.documents[static_cast<size_t>(row - 1)]->text);
    return texts;
  }
  StatusOr<std::vector<int64_t>> rows_with_phrase(std::string_view phrase, size_t) override {
    std::vector<int64_t> rows;
    for (size_t i = 0; i < scope_.documents.size(); ++i)
      if (scope_.documents[i]->text.find(phrase) != std::string::npos)
        rows.push_back(static_cast<int64_t>(i + 1));
    return rows;
  }
  StatusOr<std::vector<int64_t>> rows_with_prefix(std::string_view, size_t) override {
    return std::vector<int64_t>();
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>&) override {
    return std::vector<store::MemoryEdge>();
  }

 private:
  const Scope& scope_;
};

struct Figures {
  double recall = 0;
  double ndcg = 0;
  double first_thread = 0;
  double first_group = 0;
  int queries = 0;

  void add(const Figures& other) {
    recall += other.recall;
    ndcg += other.ndcg;
    first_thread += other.first_thread;
    first_group += other.first_group;
    queries += other.queries;
  }
};

Status index(const RetrievalSet& set, const memory::Embedder& embedder,
             std::map<std::string, Scope>* scopes) {
  std::vector<float> vector(embedder.dimensions());
  for (const RetrievalDocument& document : set.documents) {
    Scope& scope = (*scopes)[document.scope];
    if (scope.shard == nullptr) {
      memory::ShardOptions options;
      options.key.space = 1;
      options.key.dimensions = static_cast<uint32_t>(embedder.dimensions());
      TAU_ASSIGN_OR_RETURN(scope.shard, memory::Shard::open(options));
    }
    scope.documents.push_back(&document);
    store::MemoryRow row;
    row.row = row.change = row.position = static_cast<int64_t>(scope.documents.size());
    row.importance = 0.5;
    row.text = document.text;
    row.thread = document.thread;
    row.time_ms = document.time_ms;
    TAU_RETURN_IF_ERROR(embedder.embed({row.text}, memory::Purpose::kDocument, vector.data()));
    TAU_ASSIGN_OR_RETURN(const std::string bytes, memory::quantise(vector.data(), vector.size()));
    TAU_RETURN_IF_ERROR(scope.shard->apply(row, bytes));
  }
  return ok_status();
}

Figures judge(const RetrievalQuery& query, const Scope& scope, const memory::SearchResult& result) {
  Figures figures;
  figures.queries = 1;
  std::vector<int64_t> gains;
  for (const auto& [id, relevance] : query.relevance) gains.push_back(relevance);
  std::sort(gains.rbegin(), gains.rend());
  double ideal = 0;
  for (size_t i = 0; i < std::min<size_t>(10, gains.size()); ++i)
    ideal += static_cast<double>(gains[i]) / std::log2(static_cast<double>(i) + 2);
  for (size_t i = 0; i < std::min<size_t>(10, result.hits.size()); ++i) {
    const auto found = query.relevance.find(scope.documents[static_cast<size_t>(result.hits[i].row - 1)]->id);
    if (found == query.relevance.end()) continue;
    figures.recall += 1.0 / static_cast<double>(query.relevance.size());
    figures.ndcg += static_cast<double>(found->second) / std::log2(static_cast<double>(i) + 2) / ideal;
  }
  return figures;
}

double first_in_thread(const RetrievalQuery& query, const Scope& scope, const memory::SearchResult& result) {
  if (result.hits.empty()) return 0;
  return query.threads.count(scope.documents[static_cast<size_t>(result.hits[0].row - 1)]->thread) > 0 ? 1
                                                                                                       : 0;
}

Status measure(const std::string& folder, const SearchRequest& options) {
  TAU_ASSIGN_OR_RETURN(const RetrievalSet set, read_retrieval_set(folder));
  const memory::HashEmbedder embedder;
  std::map<std::string, Scope> scopes;
  TAU_RETURN_IF_ERROR(index(set, embedder, &scopes));
  const memory::Searcher searcher;
  std::array<Figures, 3> all;
  std::map<std::string, size_t> halves;  // whole scopes, where there are several
  size_t count = 0;
  for (const RetrievalQuery& query : set.queries) {
    const Scope& scope = scopes[query.scope];
    if (query.category == "adversarial" || scope.shard == nullptr) continue;
    SearchRequest request = options;
    request.text = query.text;
    const std::array<const memory::Shard*, 1> shards = {scope.shard.get()};
    Source source(scope);
    TAU_ASSIGN_OR_RETURN(const auto vector, memory::embed_query(embedder, query.text, shards));
    const auto search = [&] {
      return searcher.search(request, shards, vector ? &*vector : nullptr, &source);
    };
    TAU_ASSIGN_OR_RETURN(const memory::SearchResult result, search());
    Figures figures = judge(query, scope, result);
    figures.first_thread = first_in_thread(query, scope, result);
    request.grouped = true;
    TAU_ASSIGN_OR_RETURN(const memory::SearchResult groups, search());
    figures.first_group = first_in_thread(query, scope, groups);
    const size_t half =
        scopes.size() > 1 ? halves.emplace(query.scope, halves.size()).first->second % 2 : count++ % 2;
    all[0].add(figures);
    all[1 + half].add(figures);
  }
  std::printf("%-24s", folder.substr(folder.rfind('/') + 1).c_str());
  for (const Figures& f : all)
    std::printf(" | %4d R@10 %.4f nDCG@10 %.4f thread %.4f group %.4f", f.queries, f.recall / f.queries,
                f.ndcg / f.queries, f.first_thread / f.queries, f.first_group / f.queries);
  std::printf("\n");
  return ok_status();
}

int main_of(int argc, char** argv) {
  SearchRequest options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equal = argument.find('=');
    if (equal == std::string::npos) {
      if (const Status status = measure(argument, options); !status.ok()) {
        std::fprintf(stderr, "%s\n", status.to_string().c_str());
        return 1;
      }
      continue;
    }
    const std::string name = argument.substr(0, equal);
    const double value = std::atof(argument.c_str() + equal + 1);
    if (name == "weight") options.vector_weight = value;
    if (name == "feedback") options.feedback = value != 0;
    if (name == "context") options.context = value != 0;
    if (name == "rank" && value != 0) options.fusion = memory::Fusion::kReciprocalRank;
  }
  return 0;
}

}  // namespace
}  // namespace tau::bench

int main(int argc, char** argv) { return tau::bench::main_of(argc, argv); }
