// The names of effects and decisions, and error results.
#include <array>

#include "tool/tool.h"

namespace tau::tool {
namespace {

constexpr std::array<std::string_view, 6> kEffectNames = {"pure",   "read", "write",
                                                          "egress", "exec", "irreversible"};

}  // namespace

std::string_view effect_name(Effect effect) { return kEffectNames[static_cast<size_t>(effect)]; }

StatusOr<Effect> parse_effect(std::string_view name) {
  for (size_t i = 0; i < kEffectNames.size(); ++i)
    if (kEffectNames[i] == name) return static_cast<Effect>(i);
  return invalid_argument(
      "invalid_effect",
      format("effect \"{}\" is none of pure, read, write, egress, exec, irreversible", name));
}

std::string_view decision_name(Decision decision) {
  switch (decision) {
    case Decision::kAllow: return "allow";
    case Decision::kAsk: return "ask";
    case Decision::kDeny: return "deny";
  }
  return "deny";
}

Result error_result(std::string_view reason, std::string_view message) {
  Result result;
  result.content = message;
  result.is_error = true;
  result.reason = reason;
  return result;
}

Result error_result(const Status& status) { return error_result(status.reason(), status.message()); }

}  // namespace tau::tool
