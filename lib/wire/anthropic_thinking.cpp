// Reasoning effort as Anthropic's thinking budget, and back.
#include <iterator>

#include "wire/anthropic.h"

namespace tau::wire::anthropic {
namespace {

// Thinking tokens per effort. The API's least budget is 1,024.
struct Budget {
  std::string_view effort;
  int64_t tokens;
};
constexpr Budget kBudgets[] = {{"minimal", 1'024}, {"low", 2'048}, {"medium", 8'192}, {"high", 24'576}};

}  // namespace

std::string effort_of(const json::Value& thinking, const json::Value& output_config) {
  if (const std::string_view effort = output_config["effort"].as_string(); !effort.empty())
    return std::string(effort);
  const std::string_view type = thinking["type"].as_string();
  if (type == "disabled") return "none";
  if (type == "adaptive") return "medium";
  if (type != "enabled") return {};
  return effort_of_budget(thinking["budget_tokens"].as_int());
}

std::string effort_of_budget(int64_t tokens) {
  for (const Budget& budget : kBudgets)
    if (tokens <= budget.tokens) return std::string(budget.effort);
  return "high";
}

int64_t thinking_budget(std::string_view effort) {
  for (const Budget& budget : kBudgets)
    if (budget.effort == effort) return budget.tokens;
  return effort.empty() || effort == "none" ? 0 : kBudgets[std::size(kBudgets) - 1].tokens;
}

}  // namespace tau::wire::anthropic
