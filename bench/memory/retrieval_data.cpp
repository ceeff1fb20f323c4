// Reading collections.
#include "retrieval_data.h"

#include <fstream>

#include "json/json.h"
#include "memory/query.h"

namespace tau::bench {
namespace {

template <class F>
Status each_line(const std::string& path, F&& f) {
  std::ifstream file(path);
  if (!file) return not_found("no_such_file", format("{} cannot be read", path));
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(line));
    f(value);
  }
  return ok_status();
}

// "1:56 pm on 8 May, 2023": the day is what counts.
int64_t time_of(std::string_view date, int64_t before) {
  const auto windows = memory::find_times(date, store::kNoTime, 1);
  return windows.empty() ? before : windows[0].since_ms;
}

std::string text_of(const json::Value& line) {
  std::string text(line["text"].as_string());
  const std::string_view title = line["title"].as_string();
  if (!title.empty() && !text.starts_with(title)) text = format("{}\n{}", title, text);
  if (const std::string_view speaker = line["speaker"].as_string(); !speaker.empty())
    text = format("{}: {}", speaker, text);
  if (const std::string_view caption = line["image_caption"].as_string(); !caption.empty())
    text += format(" [{}]", caption);
  return text;
}

}  // namespace

StatusOr<RetrievalSet> read_retrieval_set(const std::string& folder) {
  RetrievalSet set;
  std::map<std::string, std::string> threads;
  TAU_RETURN_IF_ERROR(each_line(folder + "/docs.jsonl", [&](const json::Value& line) {
    RetrievalDocument document;
    document.id = line["id"].as_string();
    document.scope = line["conv"].as_string();
    if (!document.scope.empty()) document.thread = format("{}/S{}", document.scope, line["session"].as_int());
    document.text = text_of(line);
    document.time_ms = time_of(line["date"].as_string(), 0);
    threads[document.id] = document.thread;
    set.documents.push_back(std::move(document));
  }));
  std::map<std::string, RetrievalQuery> queries;
  std::vector<std::string> order;
  TAU_RETURN_IF_ERROR(each_line(folder + "/queries.jsonl", [&](const json::Value& line) {
    RetrievalQuery query;
    query.id = line["id"].as_string();
    query.scope = line["conv"].as_string();
    query.text = line["text"].as_string();
    query.category = line["category_name"].as_string();
    order.push_back(query.id);
    queries[query.id] = std::move(query);
  }));
  TAU_RETURN_IF_ERROR(each_line(folder + "/qrels.jsonl", [&](const json::Value& line) {
    const auto query = queries.find(std::string(line["qid"].as_string()));
    if (query == queries.end() || line["rel"].as_int() <= 0) return;
    const std::string document(line["docid"].as_string());
    query->second.relevance[document] = line["rel"].as_int();
    query->second.threads[threads[document]] = true;
  }));
  for (const std::string& id : order)
    if (!queries[id].relevance.empty()) set.queries.push_back(queries[id]);
  return set;
}

}  // namespace tau::bench
