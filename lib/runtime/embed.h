// Embeddings for the C API: one blocking call, on a loop of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::runtime {

class Core;

struct Embedded {
  std::string vectors;  // float32, little-endian, row by row
  std::string report;   // {"model","count","dimensions","input_tokens","cost_usd_micros","requests"}
};

// `request`: as include/tau/embed.h describes it. Who asks needs the right to: PERMISSION_DENIED
// "access_denied". Waits.
StatusOr<Embedded> embed(Core& core, std::string_view request);
// The same for the vectors of memories: the configuration says whose model that is, and rules of access hold
// for the memories.
StatusOr<Embedded> embed_for_memories(Core& core, std::string_view request);

}  // namespace tau::runtime
