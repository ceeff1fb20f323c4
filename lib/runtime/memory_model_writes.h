// What a model wrote, on its way into the store: only what is new, and nothing that somebody forgot.
#pragma once

#include <string>
#include <vector>

#include "json/json.h"
#include "memory/memory.h"
#include "runtime/memory.h"
#include "runtime/model_question.h"

namespace tau::runtime {

struct ModelWrites {
  std::vector<store::MemoryRow> rows;  // that are new
  std::vector<std::string> existing;   // ids of those that are there already, and stay as they are
  std::vector<std::string> sources;    // ids of those that were marked as replaced
  int64_t relations = 0;
  struct Refused {
    std::string list;    // "memories", "relations"
    std::string id;      // or
    int64_t index = -1;  // in the list of the answer
    std::string reason;
  };
  std::vector<Refused> refused;
};

// Writes the edits of one answer to `op`, all of one scope, in one transaction: memories whose ids are `ids`,
// relations, and rows as replaced. Left out are memories that exist, those that were forgotten, those that
// prepare_row() refuses, and whatever leads to one of these or to one that is gone.
StatusOr<ModelWrites> write_of_model(Memory& memory, std::string_view op,
                                     const std::vector<store::MemoryEdit>& edits,
                                     const std::vector<std::string>& ids,
                                     const std::vector<memory::Rejected>& rejected, bool dry_run);

// "memories":[{"id","created",…}],"refused":[{"list","index"|"id","reason"}],"relations", into an object.
void write_model_writes(json::Writer& w, const ModelWrites& writes);

// What a call took and cost, summed over an op.
struct ModelUse {
  int64_t calls = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cost_usd_micros = 0;
  std::string model;  // that answered last
  void add(const ModelAnswer& answer);
  void write(json::Writer& w) const;  // members, into an object
};

// "timeout_ms" of a request: 1 to 3,600,000 ms; 60,000 where it is absent.
StatusOr<int64_t> read_model_timeout(const json::Value& request);
// "max_memories" of a request, of one answer: 1 to 32.
Status read_max_memories(const json::Value& request, memory::ExtractOptions& options);
// Text, or empty where it is absent.
StatusOr<std::string> read_model_name(const json::Value& request);
// What a store that is only read could not keep is not asked for.
Status check_writable(Memory& memory, bool dry_run);

}  // namespace tau::runtime
