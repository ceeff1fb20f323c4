// Models of the host program, in both forms: answered by a function on a worker, or from the events of the
// run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/base.h"
#include "json/json.h"
#include "provider/provider.h"
#include "tool/tool.h"

namespace tau::runtime {

// What the program gives with a model. Empty functions: its calls are answered from the events.
struct HostModelHooks {
  // On a worker.
  std::function<void(std::shared_ptr<const provider::HostCall> call,
                     std::shared_ptr<provider::HostReply> reply)>
      invoke;
  // On a loop, at most once for each call whose `invoke` began: nobody wants its answer.
  std::function<void(const provider::HostCall& call)> cancel;
  // Dies with the model, of what has no `invoke`.
  std::shared_ptr<void> keep_alive;
};

// The models of one runtime by their names. Any thread.
class HostModels {
 public:
  // `document`: docs/schema/host_model.json. INVALID_ARGUMENT "invalid_model", "unknown_key", "wrong_type",
  // "invalid_model_reference", "unknown_dialect"; ALREADY_EXISTS "model_exists".
  Status add(std::string_view document, HostModelHooks hooks, tool::Workers& workers);
  // Agents that have it keep it. NOT_FOUND "no_such_model".
  Status remove(std::string_view model);
  // The model of that name, or the one that answers for all of the provider ("provider/*").
  std::optional<provider::Route> find(const provider::ModelReference& reference) const;
  // [{"model","answers","dialect"?,"stream"}].
  void describe(json::Writer& w) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, provider::Route, std::less<>> models_;
};

// What became of bytes of an answer: FAILED_PRECONDITION "model_call_over"; UNAVAILABLE "model_reply_full":
// nothing was taken, and it can be tried again; RESOURCE_EXHAUSTED "response_too_large".
Status fed_status(provider::HostReply::Fed fed);
// An error as tau_wire_decode_error gives it. INVALID_ARGUMENT "invalid_error".
Status read_model_error(std::string_view json, Status& error);

// Deadlines and retries as the keys of providers.NAME and a host's model have them.
void read_timing(const json::Value& values, provider::Route& route);

}  // namespace tau::runtime
