// Keys of the configuration about habits of providers and about prompt caches.
#include "runtime/config_keys.h"
#include "wire/wire.h"

namespace tau::runtime {
namespace {

Key flag(std::string_view path, std::string_view help) {
  return {.path = path, .type = KeyType::kBool, .help = help};
}

}  // namespace

void add_quirk_keys(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          flag("providers.*.quirks.usage_in_stream_option", "Send stream_options.include_usage."),
          flag("providers.*.quirks.max_completion_tokens", "Name the output limit max_completion_tokens."),
          flag("providers.*.quirks.developer_role", "Send system messages with the role developer."),
          flag("providers.*.quirks.reasoning_back", "Send reasoning_content of earlier turns back."),
          flag("providers.*.quirks.reasoning_required",
               "A turn with tool calls is sent with reasoning_content, a space where none came."),
          flag("providers.*.quirks.reasoning_short_name", "Reasoning is sent back as reasoning."),
          flag("providers.*.quirks.reasoning_details_back", "Send reasoning_details back."),
          flag("providers.*.quirks.done_mark_optional", "A finish_reason may end a stream without [DONE]."),
          flag("providers.*.quirks.text_tool_calls", "Decode tool calls that the model wrote as text."),
          flag("providers.*.quirks.no_temperature", "Do not send temperature."),
          flag("providers.*.quirks.no_top_p", "Do not send top_p."),
          flag("providers.*.quirks.no_stop", "Do not send stop sequences."),
          flag("providers.*.quirks.no_seed", "Do not send seed."),
          flag("providers.*.quirks.no_effort", "Do not send reasoning_effort."),
          flag("providers.*.quirks.no_parallel_tool_calls", "Do not send parallel_tool_calls."),
          flag("providers.*.quirks.no_tool_choice_required", "Send the tool choice auto for required."),
          flag("providers.*.quirks.no_tool_choice_named",
               "Send a named tool choice as required, with that tool alone."),
          flag("providers.*.quirks.no_strict", "Do not send strict with schemas."),
          flag("providers.*.quirks.no_json_schema", "Ask for a JSON object where a schema is wanted."),
          flag("providers.*.quirks.no_cache_key", "Do not send prompt_cache_key."),
          flag("providers.*.quirks.no_old_reasoning", "Send nothing of the reasoning of earlier turns."),
          flag("providers.*.quirks.no_previous_response", "Do not send previous_response_id."),
          flag("providers.*.quirks.adaptive_thinking",
               "Send the effort of thinking, not a budget of tokens (Claude)."),
          {.path = "providers.*.quirks.call_ids",
           .form = KeyForm::kChoice,
           .choices = wire::kCallIdForms,
           .help = "Which ids of tool calls are taken; others are replaced."},
          {.path = "providers.*.quirks.cache_min_tokens",
           .type = KeyType::kInteger,
           .max = int64_t{1} << 53,
           .help = "The shortest prefix that is cached; 0: no breakpoints are set."},
          {.path = "quirks.file",
           .help = "A table of quirks over the built-in one; a relative name is one in the home; unset: "
                   "quirks.json there, if it exists."},
          {.path = "params.prompt_cache",
           .form = KeyForm::kChoice,
           .scope = KeyScope::kProfile,
           .project = ProjectRule::kSet,
           .default_json = R"("auto")",
           .choices = "auto|off|1h",
           .help = "Where cache breakpoints are set: by rule, for five minutes; nowhere; by rule, for an "
                   "hour where the provider has that."},
      });
}

}  // namespace tau::runtime
