// One question to a model, answered whole: outside of any run, waited for, on a loop of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/base.h"
#include "wire/wire.h"

namespace tau::runtime {

class Core;

struct ModelQuestion {
  std::string model;    // "provider/model", "route/NAME"; empty: that of an agent of this runtime
  std::string request;  // neutral JSON; its model does not count
  SharedString principal;
  int64_t timeout_ms = 0;
  const std::atomic<bool>* stop = nullptr;  // set by who does not want the answer any more
};

struct ModelAnswer {
  std::string text;
  std::string model;  // "provider/model", of the one that answered
  wire::Usage usage;
  int64_t cost_usd_micros = 0;
};

// "provider/model" or "route/NAME" that a question to this model goes to; fails as such a question would.
StatusOr<std::string> model_of_question(Core& core, const std::string& model);

// Registered secrets are taken out of what is asked, and credentials out of what is answered. Limits and
// budgets hold, and what it used is counted, also when it fails. DEADLINE_EXCEEDED "model_timeout"; CANCELLED
// "runtime_stopped", "stopped"; FAILED_PRECONDITION "answer_cut" for one that ran into its limit of tokens.
StatusOr<ModelAnswer> ask_model(Core& core, const ModelQuestion& question);

}  // namespace tau::runtime
