#include "access/policy.h"

#include <algorithm>
#include <bitset>
#include <utility>

#include "access/fields.h"

namespace tau::access {
namespace {

constexpr std::string_view kReason = "invalid_policy";
constexpr size_t kMaxRoleNameBytes = 128;

Status invalid(std::string_view complaint) { return invalid_argument(kReason, complaint); }

bool is_request_part(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestBytes && is_valid_utf8(text) &&
         std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

// Whether a part between slashes is "." or "..".
bool climbs(std::string_view resource) {
  for (size_t at = 0;;) {
    const size_t end = resource.find('/', at);
    const std::string_view part = resource.substr(at, end - at);
    if (part == "." || part == "..") return true;
    if (end == resource.npos) return false;
    at = end + 1;
  }
}

}  // namespace

// Each piece between stars is best found as early as it can be: what comes after has the most room then.
bool matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

// Follows every way through the pattern at once: one that is left can go on to its end.
bool matches_some_below(std::string_view pattern, std::string_view prefix) {
  if (pattern.size() > kMaxPatternBytes) return true;  // none of a policy
  using Places = std::bitset<kMaxPatternBytes + 1>;
  const auto pass_stars = [&](Places& places) {
    for (size_t p = 0; p < pattern.size(); ++p)
      if (places[p] && pattern[p] == '*') places.set(p + 1);
  };
  Places places;
  places.set(0);
  pass_stars(places);
  for (const char c : prefix) {
    Places next;
    for (size_t p = 0; p < pattern.size(); ++p) {
      if (!places[p]) continue;
      if (pattern[p] == '*') next.set(p);
      if (pattern[p] == c) next.set(p + 1);
    }
    pass_stars(next);
    if (next.none()) return false;
    places = next;
  }
  return true;
}

bool matches_all_below(std::string_view pattern, std::string_view prefix) {
  return pattern.ends_with('*') && matches(pattern, prefix);
}

std::string explain(const Decision& decision) {
  if (decision.reason == "allow_rule" || decision.reason == "deny_rule")
    return format("{}: the role \"{}\", which \"{}\" has, {} \"{}\" on \"{}\"",
                  decision.allowed ? "allowed" : "denied", decision.role, decision.principal,
                  decision.allowed ? "allows" : "denies", decision.action, decision.resource);
  if (decision.reason == "unbound_principal") return "denied: no binding gives the principal a role";
  if (decision.reason == "no_rule") return "denied: no rule of the principal's roles allows it";
  return "denied: the request is malformed";
}

StatusOr<size_t> Policy::find_role(const json::Value& name, std::string_view owner) const {
  const auto found = by_name_.find(name.as_string());
  if (found == by_name_.end()) return invalid(format("{} names a role that is not defined", owner));
  return found->second;
}

Status Policy::read_rules(const json::Value& list, std::string_view owner, std::vector<Rule>& to) {
  for (const json::Value& item : list.as_array()) {
    Fields fields(item, owner, kReason);
    Rule rule;
    rule.action = fields.text("action", kMaxPatternBytes);
    rule.resource = fields.text("resource", kMaxPatternBytes);
    fields.require(++rule_count_ <= kMaxRules, format("has the rule that is one more than {}", kMaxRules));
    TAU_RETURN_IF_ERROR(fields.finish({"action", "resource"}));
    to.push_back(std::move(rule));
  }
  return ok_status();
}

Status Policy::read_role(const json::Value& value, Role& role) {
  const std::string owner = format("the role \"{}\"", role.name);
  Fields fields(value, owner, kReason);
  if (fields.has("inherits"))
    for (const json::Value& name : fields.array("inherits", 0, kMaxRolesNamed).as_array()) {
      TAU_ASSIGN_OR_RETURN(const size_t index, find_role(name, owner));
      role.inherits.push_back(index);
    }
  if (fields.has("allow"))
    TAU_RETURN_IF_ERROR(read_rules(fields.array("allow", 0, kMaxRules), owner, role.allow));
  if (fields.has("deny"))
    TAU_RETURN_IF_ERROR(read_rules(fields.array("deny", 0, kMaxRules), owner, role.deny));
  return fields.finish({"allow", "deny", "inherits"});
}

Status Policy::read_binding(const json::Value& value) {
  Binding out;
  Fields fields(value, "a binding", kReason);
  out.principal = fields.text("principal", kMaxPatternBytes);
  const std::string owner = format("the binding of \"{}\"", out.principal);
  for (const json::Value& name : fields.array("roles", 1, kMaxRolesNamed).as_array()) {
    TAU_ASSIGN_OR_RETURN(const size_t index, find_role(name, owner));
    out.roles.push_back(index);
  }
  if (fields.has("scopes"))
    for (const json::Value& scope : fields.array("scopes", 1, kMaxScopes).as_array()) {
      fields.require(!scope.as_string().empty() && scope.as_string().size() <= kMaxPatternBytes,
                     "has a scope that is not a pattern");
      out.scopes.emplace_back(scope.as_string());
    }
  TAU_RETURN_IF_ERROR(fields.finish({"principal", "roles", "scopes"}));
  bindings_.push_back(std::move(out));
  return ok_status();
}

// Takes away roles that inherit from none that is left: what stays goes round in circles.
Status Policy::check_inheritance() const {
  std::vector<bool> settled(roles_.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < roles_.size(); ++i) {
      const auto& parents = roles_[i].inherits;
      if (settled[i] || !std::all_of(parents.begin(), parents.end(), [&](size_t p) { return settled[p]; }))
        continue;
      settled[i] = changed = true;
    }
  }
  const auto circular = std::find(settled.begin(), settled.end(), false);
  if (circular == settled.end()) return ok_status();
  return invalid(format("the role \"{}\" inherits from itself",
                        roles_[static_cast<size_t>(circular - settled.begin())].name));
}

StatusOr<Policy> Policy::parse(std::string_view text) {
  if (text.size() > kMaxPolicyBytes)
    return invalid(format("the policy has more than {} bytes", kMaxPolicyBytes));
  const auto value = json::parse(text);
  if (!value.ok()) return invalid(format("the policy is not JSON: {}", value.status().message()));
  Fields fields(*value, "the policy", kReason);
  fields.integer("schema_version", 1, 1);
  const json::Value& roles = fields.object("roles");
  const json::Value& bindings = fields.array("bindings", 0, kMaxBindings);
  fields.require(roles.size() <= kMaxRoles, format("has more than {} roles", kMaxRoles));
  TAU_RETURN_IF_ERROR(fields.finish({"bindings", "roles", "schema_version"}));
  Policy out;
  for (const auto& [name, ignored] : roles.as_object()) {
    if (name.empty() || name.size() > kMaxRoleNameBytes)
      return invalid(format("a role's name has 1 to {} bytes", kMaxRoleNameBytes));
    out.by_name_.emplace(name, out.roles_.size());
    out.roles_.push_back({name, {}, {}, {}});
  }
  for (Role& role : out.roles_) TAU_RETURN_IF_ERROR(out.read_role(roles[role.name], role));
  TAU_RETURN_IF_ERROR(out.check_inheritance());
  for (const json::Value& binding : bindings.as_array()) TAU_RETURN_IF_ERROR(out.read_binding(binding));
  out.digest_ = crypto::blake2b(json::canonical(*value));
  return out;
}

// Each role is entered once, whoever names it.
void Policy::hold(const Binding& binding, Holds& holds) const {
  std::vector<size_t> open = binding.roles;
  while (!open.empty()) {
    const size_t role = open.back();
    open.pop_back();
    if (holds[role] != nullptr) continue;
    holds[role] = &binding;
    open.insert(open.end(), roles_[role].inherits.begin(), roles_[role].inherits.end());
  }
}

bool Policy::decide(const Holds& holds, std::vector<Rule> Role::*rules, std::string_view action,
                    std::string_view resource, Covers covers, Decision& decision) const {
  for (size_t i = 0; i < roles_.size(); ++i) {
    if (holds[i] == nullptr) continue;
    for (const Rule& rule : roles_[i].*rules) {
      if (!matches(rule.action, action) || !covers(rule.resource, resource)) continue;
      decision.role = roles_[i].name;
      decision.action = rule.action;
      decision.resource = rule.resource;
      decision.principal = holds[i]->principal;
      return true;
    }
  }
  return false;
}

Decision Policy::check(std::string_view principal, std::string_view action, std::string_view resource,
                       Extent extent) const {
  Decision out;
  out.reason = "invalid_request";
  const bool below = extent == Extent::kBelow;
  const bool everything = below && resource.empty();
  if (!is_request_part(principal) || !is_request_part(action) || climbs(resource) ||
      (!everything && !is_request_part(resource)))
    return out;
  const Covers covers = below ? matches_all_below : matches;
  // A scope narrows what a binding allows, never what its roles deny.
  Holds denying(roles_.size(), nullptr), allowing(roles_.size(), nullptr);
  out.reason = "unbound_principal";
  for (const Binding& binding : bindings_) {
    if (!matches(binding.principal, principal)) continue;
    out.reason = "no_rule";
    hold(binding, denying);
    const bool in_scope = binding.scopes.empty() ||
                          std::any_of(binding.scopes.begin(), binding.scopes.end(),
                                      [&](const std::string& scope) { return covers(scope, resource); });
    if (in_scope) hold(binding, allowing);
  }
  if (decide(denying, &Role::deny, action, resource, below ? matches_some_below : matches, out)) {
    out.reason = "deny_rule";
  } else if (decide(allowing, &Role::allow, action, resource, covers, out)) {
    out.reason = "allow_rule";
    out.allowed = true;
  }
  return out;
}

}  // namespace tau::access
