// Vectors of texts, through the same routes as messages: choice, limits, budgets, retries, deadlines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "provider/provider.h"

namespace tau::provider {

struct RouteSpec;
class Traffic;

struct EmbedJob {
  std::vector<std::string> texts;
  std::string input_type;             // "document", "query", …; empty: unset
  std::optional<int64_t> dimensions;  // unset: as many as the model has
  // Who asks, for limits and budgets; each may be empty.
  SharedString run_id;
  SharedString session_id;
  SharedString principal;
};

struct EmbedResult {
  std::vector<float> values;  // row by row, in the order of the texts
  size_t count = 0;
  size_t dimensions = 0;
  int64_t input_tokens = 0;  // as the provider counts
  int64_t cost_usd_micros = 0;
  int requests = 0;
};

// One job at a time. Owner thread of its loop only. Destroying it gives up what is under way.
class Embedder {
 public:
  using Done = UniqueFunction<void(StatusOr<EmbedResult>)>;
  virtual ~Embedder() = default;
  // `done` is called once, never from inside of start(); it may destroy the embedder. Errors are those of
  // model calls, and DATA_LOSS "invalid_response" for vectors that are too few, not finite or not all of one
  // length.
  virtual void start(EmbedJob job, Done done) = 0;
};

// UNIMPLEMENTED "no_embeddings" when no upstream of the spec speaks a dialect that has them: those that have
// none are left out.
StatusOr<std::unique_ptr<Embedder>> make_embedder(const RouteSpec& spec, net::HttpClient& http,
                                                  std::shared_ptr<Traffic> traffic, net::Loop& loop,
                                                  Random& random);

}  // namespace tau::provider
