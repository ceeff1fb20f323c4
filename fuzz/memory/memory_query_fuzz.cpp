// What people type, and what is remembered: any bytes. The first line is the time that the query is relative
// to.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "law.h"
#include "memory/hash_embedder.h"
#include "memory/query.h"
#include "memory/query_times.h"

namespace {

using tau::fuzz::require;
using namespace tau::memory;

void check_query(std::string_view text, int64_t now_ms) {
  const Query query = parse_query(text, now_ms);
  require(query.plain.size() <= 4 * Query::kMaxBytes);
  require(query.terms.size() <= Query::kMaxTerms);
  for (size_t i = 1; i < query.terms.size(); ++i) require(query.terms[i - 1].term < query.terms[i].term);
  require(query.phrases.size() <= Query::kMaxParts && query.prefixes.size() <= Query::kMaxParts);
  require(query.excluded.size() <= Query::kMaxParts && query.windows.size() <= Query::kMaxParts);
  for (const TimeWindow& window : query.windows) require(window.since_ms <= window.until_ms);
}

void check_mentions(std::string_view text, int64_t now_ms) {
  size_t end = 0;
  for (const TimeMention& mention : find_time_mentions(text, now_ms, 1000)) {
    require(mention.begin >= end && mention.begin < mention.end && mention.end <= text.size());
    end = mention.end;
  }
}

void check_tokens(std::string_view text) {
  TokenReader reader(text);
  size_t tokens = 0;
  for (Token token; reader.next(&token); ++tokens) {
    require(!token.text.empty() && token.text.size() <= TokenReader::kMaxBytes + 8);
    require(token.begin < token.end && token.end <= text.size());
    require(tau::is_valid_utf8(token.text));
  }
  require(tokens <= 2 * text.size());
}

void check_vector(std::string_view text) {
  std::vector<float> vector(HashEmbedder::kDimensions);
  require(HashEmbedder().embed({text}, Purpose::kDocument, vector.data()).ok());
  double length = 0;
  for (const float value : vector) length += static_cast<double>(value) * static_cast<double>(value);
  require(length == 0 || (length > 0.999 && length < 1.001));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const int64_t now_ms =
      std::strtoll(std::string(tau::fuzz::take_line(text).substr(0, 20)).c_str(), nullptr, 10);
  check_query(text, now_ms);
  check_mentions(text, now_ms);
  check_tokens(text);
  check_vector(text);
  return 0;
}
