#include "op_form.h"

#include <algorithm>
#include <vector>

#include "failure.h"
#include "text.h"

namespace cli {
namespace {

using Kind = Json::Kind;

constexpr OpMember kRun[] = {
    {"op", Kind::kString},      {"id", Kind::kString},      {"prompt", Kind::kString},
    {"session", Kind::kString}, {"options", Kind::kObject}, {"resume", Kind::kBool},
};
constexpr OpMember kTool[] = {
    {"op", Kind::kString},          {"id", Kind::kString},          {"name", Kind::kString},
    {"description", Kind::kString}, {"parameters", Kind::kObject},  {"effect", Kind::kString},
    {"timeout_ms", Kind::kNumber},  {"ask", Kind::kBool},           {"parallel", Kind::kBool},
    {"idempotent", Kind::kBool},    {"destinations", Kind::kArray},
};

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "true or false";
    case Kind::kNumber: return "a whole number of at least 0";
    case Kind::kString: return "a string";
    case Kind::kArray: return "a list";
    case Kind::kObject: return "an object";
  }
  return "";
}

bool fits(const Json& value, Kind kind) {
  if (value.kind() != kind) return false;
  return kind != Kind::kNumber || value.as_int() > 0 || value.dump() == "0";
}

Failure unknown_member(const std::string& op, std::string_view key, std::span<const OpMember> known) {
  std::vector<std::string_view> names;
  for (const OpMember& member : known)
    if (member.name != "op") names.push_back(member.name);
  const std::string_view meant = nearest(key, names);
  const std::string help =
      meant.empty() ? "known are " + joined(names, ", ") : "did you mean \"" + std::string(meant) + "\"?";
  return input_failure("unknown_key",
                       "op " + op + " has an unknown key \"" + one_line(key, 64) + "\"; " + help);
}

}  // namespace

std::span<const OpMember> run_members() { return kRun; }
std::span<const OpMember> tool_members() { return kTool; }

std::optional<Failure> check_members(const Json& op, std::span<const OpMember> known) {
  const std::string& name = op["op"].as_string();
  if (const std::string twice = op.duplicate_key(); !twice.empty())
    return input_failure("duplicate_key", "op " + name + " has \"" + one_line(twice, 64) + "\" twice");
  for (const auto& [key, value] : op.members()) {
    const auto member = std::ranges::find(known, std::string_view(key), &OpMember::name);
    if (member == known.end()) return unknown_member(name, key, known);
    if (!fits(value, member->kind))
      return input_failure(
          "wrong_type", "op " + name + ": \"" + key + "\" should be " + std::string(name_of(member->kind)));
  }
  return std::nullopt;
}

}  // namespace cli
