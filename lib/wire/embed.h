// Embeddings: what providers are asked for the vectors of texts, and what they answer. Pure, both ways, as
// the codecs of messages are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire {

inline constexpr size_t kMostVectors = 1u << 16;     // of one answer
inline constexpr size_t kMostDimensions = 1u << 16;  // of one vector
inline constexpr size_t kMostFloats = 1u << 24;      // of one answer

struct EmbedRequest {
  std::string model;
  std::vector<std::string> texts;
  // What the vectors are for: "document", "query", "classification", "clustering", "similarity"; what else a
  // provider knows is passed as it is. Empty: unset.
  std::string input_type;
  std::optional<int64_t> dimensions;  // unset: as many as the model has
  std::string encoding;               // of the numbers: "float", "base64"; empty: unset
  bool alone = false;                 // one text, which is asked for without a list
  Extras extras;
  std::vector<Extras> rows;  // of each text, where the dialect has an object for it
};

struct Embeddings {
  std::string model;
  size_t count = 0;
  size_t dimensions = 0;      // of each
  std::vector<float> values;  // row by row
  Usage usage;                // input alone
  std::string encoding;       // "base64" when they came so
  bool alone = false;
  Extras extras;
  std::vector<Extras> rows;
};

class EmbedDialect {
 public:
  virtual ~EmbedDialect() = default;
  virtual std::string_view name() const = 0;  // "openai_embeddings", …
  virtual size_t most_texts() const = 0;      // in one request
  // INVALID_ARGUMENT "invalid_request".
  virtual StatusOr<EmbedRequest> decode_request(std::string_view body) const = 0;
  virtual std::string encode_request(const EmbedRequest& request) const = 0;
  // DATA_LOSS "invalid_response": what is no vectors of finite numbers, all of one length, or more than the
  // bounds above.
  virtual StatusOr<Embeddings> decode_response(std::string_view body) const = 0;
  virtual std::string encode_response(const Embeddings& response) const = 0;
};

// Immutable singletons; any thread. Null: no such name.
const EmbedDialect* find_embed_dialect(std::string_view name);
// The one that the providers of a dialect of messages speak; null: they have none.
const EmbedDialect* embed_dialect_beside(std::string_view dialect);

// Neutral JSON: {"model","texts","input_type"?,"dimensions"?,"encoding"?,"alone"?,"extras"?,"rows"?} and
// {"model","dimensions","vectors":[[…]],"usage",…}.
std::string to_json(const EmbedRequest& request);
std::string to_json(const Embeddings& response);
StatusOr<EmbedRequest> embed_request_from_json(std::string_view text);
StatusOr<Embeddings> embeddings_from_json(std::string_view text);

// Bodies of a dialect to neutral JSON and back. INVALID_ARGUMENT "unknown_dialect", too.
StatusOr<std::string> embed_to_neutral(std::string_view dialect, bool request, std::string_view body);
StatusOr<std::string> neutral_to_embed(std::string_view dialect, bool request, std::string_view neutral);

}  // namespace tau::wire
