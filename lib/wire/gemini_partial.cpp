// Arguments that come in pieces, each with the path of its place.
#include <charconv>
#include <optional>
#include <vector>

#include "wire/gemini_stream.h"

namespace tau::wire::gemini {
namespace {

constexpr size_t kMostSteps = 64;

// One step of a path: into a member, or an element.
struct Step {
  std::string_view member;
  std::optional<size_t> element;
};

// "[0]", "['a']" or ".a", taken from the front of `path`.
std::optional<Step> take_step(std::string_view& path) {
  Step step;
  if (path.front() == '.') {
    path.remove_prefix(1);
    step.member = path.substr(0, path.find_first_of(".["));
    path.remove_prefix(step.member.size());
    return step.member.empty() ? std::nullopt : std::optional(step);
  }
  const size_t end = path.find(']');
  if (path.front() != '[' || end == path.npos) return std::nullopt;
  std::string_view inner = path.substr(1, end - 1);
  path.remove_prefix(end + 1);
  if (inner.size() >= 2 && (inner.front() == '\'' || inner.front() == '"') && inner.back() == inner.front()) {
    step.member = inner.substr(1, inner.size() - 2);
    return step;
  }
  size_t number = 0;
  const auto [stop, error] = std::from_chars(inner.data(), inner.data() + inner.size(), number);
  if (error != std::errc() || stop != inner.data() + inner.size()) return std::nullopt;
  step.element = number;
  return step;
}

// The place below `at`, made where it is missing; elements only at the end of their array.
json::Value* step_into(json::Value& at, const Step& step) {
  if (!step.element) {
    if (!at.is_object()) at = json::Value::object();
    if (json::Value* known = at.find(step.member)) return known;
    at.set(step.member, nullptr);
    return at.find(step.member);
  }
  if (!at.is_array()) at = json::Value::array();
  if (*step.element > at.size()) return nullptr;
  if (*step.element == at.size()) at.push_back(nullptr);
  return &at.mutable_array()[*step.element];
}

}  // namespace

void add_partial_argument(json::Value& args, const json::Value& piece) {
  std::string_view path = piece["jsonPath"].as_string();
  if (!path.starts_with('$')) return;
  path.remove_prefix(1);
  json::Value* at = &args;
  size_t steps = 0;
  while (!path.empty() && at != nullptr) {
    const std::optional<Step> step = take_step(path);
    if (!step || ++steps > kMostSteps) return;
    at = step_into(*at, *step);
  }
  if (at == nullptr || at == &args) return;
  const json::Value& text = piece["stringValue"];
  if (text.is_string() && at->is_string())
    at->mutable_string() += text.as_string();
  else
    for (const std::string_view key : {"stringValue", "numberValue", "boolValue"})
      if (const json::Value* value = piece.find(key)) *at = *value;
}

}  // namespace tau::wire::gemini
