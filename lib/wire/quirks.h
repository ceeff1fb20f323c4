// The habits of a provider by name: the one list that documents, configurations and reports go by. Exported
// by wire.h's neighbours as they need it.
#pragma once

#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

// Calls visit(name, member) for each quirk; members are bool, int64_t or CallIds.
template <class Habits, class Visit>
void for_each_quirk(Habits& q, Visit&& visit) {
  visit("usage_in_stream_option", q.usage_in_stream_option);
  visit("max_completion_tokens", q.max_completion_tokens);
  visit("developer_role", q.developer_role);
  visit("reasoning_back", q.reasoning_back);
  visit("reasoning_required", q.reasoning_required);
  visit("reasoning_short_name", q.reasoning_short_name);
  visit("reasoning_details_back", q.reasoning_details_back);
  visit("done_mark_optional", q.done_mark_optional);
  visit("text_tool_calls", q.text_tool_calls);
  visit("no_temperature", q.no_temperature);
  visit("no_top_p", q.no_top_p);
  visit("no_stop", q.no_stop);
  visit("no_seed", q.no_seed);
  visit("no_effort", q.no_effort);
  visit("no_parallel_tool_calls", q.no_parallel_tool_calls);
  visit("no_tool_choice_required", q.no_tool_choice_required);
  visit("no_tool_choice_named", q.no_tool_choice_named);
  visit("no_strict", q.no_strict);
  visit("no_json_schema", q.no_json_schema);
  visit("no_cache_key", q.no_cache_key);
  visit("no_old_reasoning", q.no_old_reasoning);
  visit("no_previous_response", q.no_previous_response);
  visit("adaptive_thinking", q.adaptive_thinking);
  visit("call_ids", q.call_ids);
  visit("cache_min_tokens", q.cache_min_tokens);
}

inline constexpr std::string_view kCallIdForms = "any|alnum9|word40|word64";
std::string_view call_ids_name(CallIds form);

// Sets what a JSON object names: {"text_tool_calls":true,"call_ids":"alnum9","cache_min_tokens":1024}.
// INVALID_ARGUMENT "invalid_quirks" names the member that is unknown or of the wrong type.
Status set_quirks(const json::Value& values, Quirks& quirks);
// All of them, as an object.
void write_quirks(json::Writer& out, const Quirks& quirks);

}  // namespace tau::wire
