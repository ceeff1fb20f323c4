#include "options.h"

#include <algorithm>

#include "failure.h"
#include "handles.h"
#include "json.h"
#include "text.h"

namespace cli {
namespace {

constexpr int kMicroDigits = 6;
constexpr int kMilliDigits = 3;

Failure bad_number(std::string_view flag, std::string_view text, std::string_view expected) {
  return usage_failure(std::string(flag) + " " + std::string(text) + ": expected " + std::string(expected));
}

Json list_of(const std::vector<std::string>& words) {
  Json list = Json::array();
  for (const std::string& word : words) list.push_back(Json::string(word));
  return list;
}

// VALUE is JSON where it reads as JSON, else text: --set limits.max_turns=3 --set model=openai/gpt-5-mini.
bool apply_setting(Json& document, std::string_view setting) {
  const size_t equals = setting.find('=');
  if (equals == setting.npos) return false;
  const std::string_view text = setting.substr(equals + 1);
  auto value = Json::parse(text);
  return document.set_path(setting.substr(0, equals), value ? *std::move(value) : Json::string(text));
}

// A flag that is a decimal number, scaled by 10^digits, at `path`. False when it is no such number.
bool apply_number(Json& document, std::string_view path, const std::string& text, int digits) {
  if (text.empty()) return true;
  const auto value = parse_decimal(text, digits);
  return value && document.set_path(path, Json::number(*value));
}

void apply_text(Json& document, std::string_view path, const std::string& text) {
  if (!text.empty()) document.set_path(path, Json::string(text));
}

void apply_list(Json& document, std::string_view path, const std::vector<std::string>& words) {
  if (!words.empty()) document.set_path(path, list_of(words));
}

std::vector<std::string> builtin_tools() {
  constexpr std::string_view kPrefix = "tool:";
  std::vector<std::string> names;
  Buffer info;
  if (tau_build_info(info.out(), nullptr) != TAU_OK) return names;
  const auto document = Json::parse(info.view());
  if (!document) return names;
  for (const Json& feature : (*document)["features"].items())
    if (feature.as_string().starts_with(kPrefix)) names.push_back(feature.as_string().substr(kPrefix.size()));
  return names;
}

}  // namespace

std::optional<Failure> check_tool_names(const Options& options) {
  const std::vector<std::string> known = builtin_tools();
  const std::vector<std::string_view> views(known.begin(), known.end());
  for (const auto* list : {&options.allow, &options.deny}) {
    for (const std::string& name : *list) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string flag = list == &options.allow ? "--allow " : "--deny ";
      const std::string_view meant = nearest(name, views);
      return input_failure(
          "unknown_tool", flag + name + ": there is no such tool",
          meant.empty() ? "tools are " + joined(views, ", ") : "did you mean " + std::string(meant) + "?");
    }
  }
  return std::nullopt;
}

Result<std::string> configuration_of(const Options& options) {
  Json document = Json::object();
  for (const std::string& setting : options.settings)
    if (!apply_setting(document, setting))
      return usage_failure("--set " + setting + ": expected KEY=VALUE with a key such as limits.max_turns");
  apply_text(document, "profile", options.profile);
  apply_text(document, "access.principal", options.principal);
  apply_text(document, "model", options.model);
  apply_text(document, "system", options.system);
  if (!options.tools.empty()) document.set("tools", list_of(split(options.tools, ',')));
  if (options.no_tools) document.set("tools", Json::array());
  apply_list(document, "policy.allow", options.allow);
  apply_list(document, "policy.deny", options.deny);
  if (!apply_number(document, "limits.max_turns", options.max_turns, 0))
    return bad_number("--max-turns", options.max_turns, "a whole number");
  if (!apply_number(document, "limits.max_tokens", options.max_tokens, 0))
    return bad_number("--max-tokens", options.max_tokens, "a whole number");
  if (!apply_number(document, "limits.max_cost_usd_micros", options.max_cost_usd, kMicroDigits))
    return bad_number("--max-cost-usd", options.max_cost_usd, "dollars such as 0.25");
  return document.members().empty() ? std::string() : document.dump();
}

Result<int64_t> deadline_of(const Options& options) {
  if (options.timeout_seconds.empty()) return int64_t{0};
  const auto ms = parse_decimal(options.timeout_seconds, kMilliDigits);
  if (!ms || *ms == 0) return bad_number("--timeout", options.timeout_seconds, "seconds such as 90 or 0.5");
  return *ms;
}

}  // namespace cli
