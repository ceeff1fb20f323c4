#include "runtime/memory_ops.h"
namespace tau::runtime {
#define P(n) \
  StatusOr<std::string> n(Memory&, const json::Value&) { return unimplemented(#n); }
P(export_memories) P(import_memories)
}  // namespace tau::runtime
