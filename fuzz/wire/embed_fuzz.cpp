// Embeddings on arbitrary bytes. The first line names the dialect: what is read of a request or an answer is
// written, and reads the same again.
#include "wire/embed.h"

#include "law.h"

namespace {

using tau::fuzz::require;

void check(std::string_view dialect, bool request, std::string_view body) {
  const auto neutral = tau::wire::embed_to_neutral(dialect, request, body);
  if (!neutral.ok()) return require(!neutral.status().reason().empty());
  const auto written = tau::wire::neutral_to_embed(dialect, request, *neutral);
  require(written.ok());
  const auto again = tau::wire::embed_to_neutral(dialect, request, *written);
  require(again.ok());
  require(*again == *neutral);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  const std::string_view dialect = tau::fuzz::take_line(body);
  check(dialect, true, body);
  check(dialect, false, body);
  return 0;
}
