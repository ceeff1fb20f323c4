// Roles and permissions: who may do what to what. Nothing is allowed that no rule allows, and a rule that
// denies wins over all that allow.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxPolicyBytes = size_t{1} << 20;
inline constexpr size_t kMaxRoles = 256;
inline constexpr size_t kMaxRules = 4096;  // of all roles
inline constexpr size_t kMaxBindings = 4096;
inline constexpr size_t kMaxRolesNamed = 32;  // by one role or binding
inline constexpr size_t kMaxScopes = 32;      // of one binding
inline constexpr size_t kMaxPatternBytes = 256;
inline constexpr size_t kMaxRequestBytes = 2048;  // of each part

// Whether the pattern covers the text: '*' stands for any bytes, also none; all else for itself. Time is at
// most the product of both lengths.
bool matches(std::string_view pattern, std::string_view text);
// Whether it covers any text, or every text, that begins with `prefix`.
bool matches_some_below(std::string_view pattern, std::string_view prefix);
bool matches_all_below(std::string_view pattern, std::string_view prefix);

// What a request is about: the resource of that name, or all whose names begin with it.
enum class Extent : uint8_t { kOne, kBelow };

struct Decision {
  bool allowed = false;
  // "allow_rule", "deny_rule", "no_rule", "unbound_principal" or "invalid_request".
  std::string_view reason;
  // The rule that decided, for the first and the second: its role, its patterns, and the principal's pattern.
  std::string role, action, resource, principal;
};

// One line for a person.
std::string explain(const Decision& decision);

// Immutable: any thread.
class Policy {
 public:
  // Denies everything.
  Policy() = default;

  // INVALID_ARGUMENT "invalid_policy": the message names the role or the binding. Names of roles that are
  // nowhere defined and roles that inherit from themselves are refused. The format: docs/access.md.
  static StatusOr<Policy> parse(std::string_view text);

  // In time that is linear in the size of the policy. "invalid_request" when a part is empty, longer than
  // kMaxRequestBytes, not UTF-8 or with control characters, or when the resource has "." or ".." between
  // slashes: who asks has to say what it means. With Extent::kBelow a rule allows that covers all that begins
  // with `resource`, which may be empty, and one denies that covers any of it.
  Decision check(std::string_view principal, std::string_view action, std::string_view resource,
                 Extent extent = Extent::kOne) const;

  // Tells policies apart; what an approval was given under.
  const crypto::Digest& digest() const { return digest_; }

 private:
  struct Rule {
    std::string action, resource;
  };
  struct Role {
    std::string name;
    std::vector<size_t> inherits;
    std::vector<Rule> allow, deny;
  };
  struct Binding {
    std::string principal;
    std::vector<size_t> roles;
    std::vector<std::string> scopes;  // none: everywhere
  };
  // For each role: the binding by which it holds, or none.
  using Holds = std::vector<const Binding*>;

  StatusOr<size_t> find_role(const json::Value& name, std::string_view owner) const;
  Status read_role(const json::Value& value, Role& role);
  Status read_rules(const json::Value& list, std::string_view owner, std::vector<Rule>& to);
  Status read_binding(const json::Value& value);
  Status check_inheritance() const;
  void hold(const Binding& binding, Holds& holds) const;
  using Covers = bool (*)(std::string_view pattern, std::string_view resource);
  bool decide(const Holds& holds, std::vector<Rule> Role::*rules, std::string_view action,
              std::string_view resource, Covers covers, Decision& decision) const;

  std::vector<Role> roles_;
  std::map<std::string, size_t, std::less<>> by_name_;  // of roles_
  std::vector<Binding> bindings_;
  size_t rule_count_ = 0;
  crypto::Digest digest_ = {};
};

}  // namespace tau::access
