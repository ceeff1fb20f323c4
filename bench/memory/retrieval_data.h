// A collection to judge search by: documents, queries and which documents answer them, as JSON lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/memories.h"

namespace tau::bench {

struct RetrievalDocument {
  std::string id;
  std::string scope;  // only queries of the same one look at it
  std::string thread;
  std::string text;
  int64_t time_ms = 0;
};

struct RetrievalQuery {
  std::string id;
  std::string scope;
  std::string text;
  std::string category;
  std::map<std::string, int64_t> relevance;  // by document
  std::map<std::string, bool> threads;       // those that hold an answer
};

struct RetrievalSet {
  std::vector<RetrievalDocument> documents;
  std::vector<RetrievalQuery> queries;  // those with an answer
};

// From docs.jsonl, queries.jsonl and qrels.jsonl of a folder.
StatusOr<RetrievalSet> read_retrieval_set(const std::string& folder);

}  // namespace tau::bench
