// What a runtime does on request: the ops of tau_runtime_perform. Private to the module.
#pragma once

#include <string>

#include "base/base.h"
#include "json/json.h"

namespace tau::runtime {

class Core;

// Each answers with JSON, as include/tau/runtime.h describes it.
StatusOr<std::string> list_approvals(Core& core, const json::Value& request);
StatusOr<std::string> show_approval(Core& core, const json::Value& request);
StatusOr<std::string> resolve_did(Core& core, const json::Value& request);
StatusOr<std::string> decide_approval(Core& core, const json::Value& request);
StatusOr<std::string> report_traffic(Core& core, const json::Value& request);
StatusOr<std::string> report_usage(Core& core, const json::Value& request);
// model_requests.cpp
StatusOr<std::string> list_models(Core& core, const json::Value& request);
StatusOr<std::string> show_model(Core& core, const json::Value& request);
StatusOr<std::string> estimate_call(Core& core, const json::Value& request);
StatusOr<std::string> remove_model(Core& core, const json::Value& request);

}  // namespace tau::runtime
