// Documents that a host passes on from other people: ops and run options. Both parsers see the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "runtime/core.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto op = tau::runtime::parse_op(text, {});
  std::vector<tau::wire::Media> blobs;
  const auto options = tau::runtime::parse_run_options(text, blobs);
  // A refusal names its reason; programs branch on it.
  if (!op.ok() && op.status().reason().empty()) std::abort();
  if (!options.ok() && options.status().reason().empty()) std::abort();
  // An op always has the member "op", which no run option is called: no text is both.
  if (op.ok() && options.ok()) std::abort();
  return 0;
}
