// What a run recorded by an engine of another version leaves to go on from. Its rows are never re-fed: other
// inputs could follow from them now. They are read for what was durable.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/agent.h"
#include "store/store.h"

namespace tau::runtime {

struct OlderRun {
  struct Kept {
    int64_t seq = -1;  // the row that holds it; -1: made here, for a call whose outcome nobody knows
    wire::Message message;
    std::string signals = {};  // of a result that the model is shown
  };
  std::vector<Kept> messages;  // in order, those that the conversation does not have yet
  agent::Continued state;      // with `answer` when the open turn was an answer without tool calls
};

// `journal`: all rows of the run. `appended`: the seqs of its rows that the conversation holds.
StatusOr<OlderRun> read_older_run(const std::vector<store::JournalEntry>& journal,
                                  const std::vector<int64_t>& appended);

}  // namespace tau::runtime
