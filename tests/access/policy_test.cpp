// Pins roles and permissions, also against an oracle that follows every path.
#include "access/policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace tau::access {
namespace {

const char* const kPolicy = R"({"schema_version":1,
"roles":{
 "reader":{"allow":[{"action":"tool:read","resource":"workspace/*"},{"action":"tool:ls","resource":"*"}]},
 "writer":{"inherits":["reader"],"allow":[{"action":"tool:write","resource":"workspace/*"}],
           "deny":[{"action":"tool:write","resource":"workspace/secrets/*"}]},
 "admin":{"inherits":["writer"],"allow":[{"action":"*","resource":"*"}]},
 "empty":{}},
"bindings":[
 {"principal":"local:operator","roles":["admin"]},
 {"principal":"slack:*","roles":["reader"]},
 {"principal":"slack:a.b","roles":["writer"],"scopes":["workspace/acme/*"]},
 {"principal":"nobody","roles":["empty"]}]})";

std::string judge(const Policy& policy, std::string_view principal, std::string_view action,
                  std::string_view resource) {
  const Decision decision = policy.check(principal, action, resource);
  EXPECT_EQ(decision.allowed, decision.reason == "allow_rule");
  return std::string(decision.reason) + (decision.role.empty() ? "" : " " + decision.role);
}

TEST(Policy, AllowsByRoleAndDeniesFirst) {
  const Policy policy = *Policy::parse(kPolicy);
  EXPECT_EQ(judge(policy, "slack:carol", "tool:read", "workspace/a"), "allow_rule reader");
  EXPECT_EQ(judge(policy, "slack:carol", "tool:write", "workspace/a"), "no_rule");
  EXPECT_EQ(judge(policy, "local:operator", "tool:bash", "anything"), "allow_rule admin");
  // A role that is inherited denies too, whatever allows.
  EXPECT_EQ(judge(policy, "local:operator", "tool:write", "workspace/secrets/x"), "deny_rule writer");
  EXPECT_EQ(judge(policy, "discord:carol", "tool:read", "workspace/a"), "unbound_principal");
  EXPECT_EQ(judge(policy, "nobody", "tool:read", "workspace/a"), "no_rule");
  EXPECT_EQ(judge(Policy(), "local:operator", "tool:read", "workspace/a"), "unbound_principal");
}

TEST(Policy, ScopesNarrowWhatABindingAllows) {
  const Policy policy = *Policy::parse(kPolicy);
  EXPECT_EQ(judge(policy, "slack:a.b", "tool:write", "workspace/acme/x"), "allow_rule writer");
  EXPECT_EQ(judge(policy, "slack:a.b", "tool:write", "workspace/other/x"), "no_rule");
  EXPECT_EQ(judge(policy, "slack:a.b", "tool:read", "workspace/other/x"), "allow_rule reader");  // by slack:*
  EXPECT_EQ(judge(policy, "slack:a.b", "tool:write", "workspace/secrets/x"), "deny_rule writer");
}

// Tau lower-cased names and turned everything else into hyphens: a.b was a-b.
TEST(Policy, KeepsNamesApart) {
  const Policy policy = *Policy::parse(kPolicy);
  for (const char* other : {"slack:a-b", "slack:A.B", "slack:a.b ", "slack:aXb"})
    EXPECT_EQ(judge(policy, other, "tool:write", "workspace/acme/x"), "no_rule") << other;
  EXPECT_EQ(judge(policy, "Local:operator", "tool:ls", "x"), "unbound_principal");
}

TEST(Policy, RefusesRequestsThatCouldMeanSomethingElse) {
  const Policy policy = *Policy::parse(kPolicy);
  for (const std::string& resource :
       std::vector<std::string>{"workspace/../etc", "workspace/./a", "..", ".", "../a", "workspace/..",
                                "workspace/a\nb", "workspace/\x7f", "", "workspace/\xff",
                                std::string("workspace/\0", 11), std::string(kMaxRequestBytes + 1, 'x')})
    EXPECT_EQ(judge(policy, "local:operator", "tool:read", resource), "invalid_request") << resource;
  for (const std::string& resource :
       std::vector<std::string>{"workspace/...", "workspace/.a", "workspace/a..b", "/", "a//b",
                                std::string(kMaxRequestBytes, 'x')})
    EXPECT_EQ(judge(policy, "local:operator", "tool:read", resource).substr(0, 10), "allow_rule") << resource;
  EXPECT_EQ(judge(policy, "", "tool:read", "a"), "invalid_request");
  EXPECT_EQ(judge(policy, "local:operator", "", "a"), "invalid_request");
}

TEST(Policy, SaysWhichRuleDecided) {
  const Policy policy = *Policy::parse(kPolicy);
  EXPECT_EQ(explain(policy.check("slack:carol", "tool:read", "workspace/a")),
            "allowed: the role \"reader\", which \"slack:*\" has, allows \"tool:read\" on \"workspace/*\"");
  EXPECT_EQ(explain(policy.check("local:operator", "tool:write", "workspace/secrets/a")),
            "denied: the role \"writer\", which \"local:operator\" has, denies \"tool:write\" on "
            "\"workspace/secrets/*\"");
  EXPECT_EQ(explain(policy.check("x", "a", "b")), "denied: no binding gives the principal a role");
  EXPECT_EQ(explain(policy.check("slack:x", "a", "b")), "denied: no rule of the principal's roles allows it");
  EXPECT_EQ(explain(policy.check("", "a", "b")), "denied: the request is malformed");
}

std::string refusal(const std::string& text) {
  const auto policy = Policy::parse(text);
  return policy.ok() ? ""
                     : std::string(policy.status().reason()) + ": " + std::string(policy.status().message());
}

TEST(Policy, IsReadStrictly) {
  const auto with_role = [](const std::string& role) {
    return R"({"schema_version":1,"roles":{"a":)" + role + R"(},"bindings":[]})";
  };
  const auto with_binding = [](const std::string& binding) {
    return R"({"schema_version":1,"roles":{"a":{}},"bindings":[)" + binding + "]}";
  };
  EXPECT_EQ(refusal(with_role("{}")), "");
  EXPECT_EQ(refusal(with_binding(R"({"principal":"x","roles":["a"]})")), "");
  for (
      const std::string& bad : std::vector<std::string>{
          "",
          "[]",
          "{}",
          R"({"schema_version":2,"roles":{},"bindings":[]})",
          R"({"schema_version":1,"roles":[],"bindings":[]})",
          R"({"schema_version":1,"roles":{},"bindings":{}})",
          R"({"schema_version":1,"roles":{},"bindings":[],"team_mode":false})",
          R"({"schema_version":1,"roles":{"a":{},"a":{}},"bindings":[]})",
          R"({"schema_version":1,"roles":{"":{}},"bindings":[]})",
          with_role("[]"),
          with_role(R"({"more":1})"),
          with_role(R"({"allow":{}})"),
          with_role(R"({"deny":[1]})"),
          with_role(R"({"allow":[{"action":"x"}]})"),
          with_role(R"({"allow":[{"action":"","resource":"x"}]})"),
          with_role(R"({"allow":[{"action":"x","resource":"x","effect":"deny"}]})"),
          with_role(R"({"inherits":["a"]})"),
          with_role(R"({"inherits":["b"]})"),
          with_role(R"({"inherits":[1]})"),
          R"({"schema_version":1,"roles":{"a":{"inherits":["b"]},"b":{"inherits":["c"]},"c":{"inherits":["a"]}},"bindings":[]})",
          with_binding("1"),
          with_binding(R"({"principal":"x"})"),
          with_binding(R"({"principal":"x","roles":[]})"),
          with_binding(R"({"principal":"","roles":["a"]})"),
          with_binding(R"({"principal":"x","roles":["b"]})"),
          with_binding(R"({"principal":"x","roles":["a"],"scopes":[]})"),
          with_binding(R"({"principal":"x","roles":["a"],"scopes":[""]})"),
          with_binding(R"({"principal":"x","roles":["a"],"more":1})"),
          with_role(R"({"allow":[{"action":"x","resource":")" + std::string(kMaxPatternBytes + 1, 'x') +
                    R"("}]})"),
          std::string(kMaxPolicyBytes + 1, ' ')})
    EXPECT_EQ(refusal(bad).substr(0, 14), "invalid_policy") << bad.substr(0, 200);
  EXPECT_EQ(refusal(with_binding(R"({"principal":"x","roles":["b"]})")),
            "invalid_policy: the binding of \"x\" names a role that is not defined");
}

TEST(Policy, IsBounded) {
  std::string roles, rules;
  for (size_t i = 0; i <= kMaxRoles; ++i) roles += (i > 0 ? ",\"r" : "\"r") + std::to_string(i) + "\":{}";
  EXPECT_NE(refusal(R"({"schema_version":1,"bindings":[],"roles":{)" + roles + "}}"), "");
  for (size_t i = 0; i < kMaxRules / 2 + 1; ++i)
    rules += i > 0 ? R"(,{"action":"a","resource":"b"})" : R"({"action":"a","resource":"b"})";
  EXPECT_NE(refusal(R"({"schema_version":1,"bindings":[],"roles":{"a":{"allow":[)" + rules +
                    R"(]},"b":{"deny":[)" + rules + "]}}}"),
            "");
}

TEST(Policy, HasADigestOfItsMeaning) {
  EXPECT_EQ(Policy::parse(R"({"schema_version":1,"roles":{},"bindings":[]})")->digest(),
            Policy::parse(R"({ "bindings": [], "roles": {}, "schema_version": 1 })")->digest());
  EXPECT_NE(Policy::parse(kPolicy)->digest(),
            Policy::parse(R"({"schema_version":1,"roles":{},"bindings":[]})")->digest());
}

bool matches_slowly(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches_slowly(pattern.substr(1), text) ||
           (!text.empty() && matches_slowly(pattern, text.substr(1)));
  return !text.empty() && pattern[0] == text[0] && matches_slowly(pattern.substr(1), text.substr(1));
}

RC_GTEST_PROP(Matches, AgreesWithItsDefinition, ()) {
  const auto pattern =
      *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab*"))));
  const auto text =
      *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab"))));
  RC_ASSERT(matches(pattern, text) == matches_slowly(pattern, text));
}

TEST(Matches, TakesNoLongerThanItsBounds) {
  std::string pattern;
  while (pattern.size() + 2 <= kMaxPatternBytes) pattern += "*a";
  pattern.back() = 'b';
  EXPECT_FALSE(matches(pattern, std::string(kMaxRequestBytes, 'a')));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("**", ""));
  EXPECT_FALSE(matches("", "a"));
}

// The same answer as following every path from every binding by recursion.
struct Oracle {
  json::Value policy;

  bool has_rule(const json::Value& role, const char* kind, std::string_view action,
                std::string_view resource) const {
    for (const json::Value& rule : role[kind].as_array())
      if (matches_slowly(rule["action"].as_string(), action) &&
          matches_slowly(rule["resource"].as_string(), resource))
        return true;
    for (const json::Value& parent : role["inherits"].as_array())
      if (has_rule(policy["roles"][parent.as_string()], kind, action, resource)) return true;
    return false;
  }
  std::string judge(std::string_view principal, std::string_view action, std::string_view resource) const {
    bool bound = false, allowed = false;
    for (const json::Value& binding : policy["bindings"].as_array()) {
      if (!matches_slowly(binding["principal"].as_string(), principal)) continue;
      bound = true;
      bool in_scope = !binding.contains("scopes");
      for (const json::Value& scope : binding["scopes"].as_array())
        in_scope = in_scope || matches_slowly(scope.as_string(), resource);
      for (const json::Value& role : binding["roles"].as_array()) {
        if (has_rule(policy["roles"][role.as_string()], "deny", action, resource)) return "deny_rule";
        allowed =
            allowed || (in_scope && has_rule(policy["roles"][role.as_string()], "allow", action, resource));
      }
    }
    return !bound ? "unbound_principal" : allowed ? "allow_rule" : "no_rule";
  }
};

std::string any_pattern() { return *rc::gen::element<std::string>("a", "b", "*", "a*", "*b", "ab", "a*b"); }

json::Value any_policy() {
  const auto count = *rc::gen::inRange(1, 5);
  json::Value roles = json::Value::object(), bindings = json::Value::array();
  const auto any_rules = [] {
    json::Value rules = json::Value::array();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      json::Value rule = json::Value::object();
      rule.set("action", any_pattern());
      rule.set("resource", any_pattern());
      rules.push_back(std::move(rule));
    }
    return rules;
  };
  const auto any_roles = [](int least, int below) {
    json::Value names = json::Value::array();
    for (int i = *rc::gen::inRange(least, 3); i > 0 && below > 0; --i)
      names.push_back("r" + std::to_string(*rc::gen::inRange(0, below)));
    return names;
  };
  for (int i = 0; i < count; ++i) {
    json::Value role = json::Value::object();
    role.set("inherits", any_roles(0, i));
    role.set("allow", any_rules());
    if (*rc::gen::inRange(0, 3) == 0) role.set("deny", any_rules());
    roles.set("r" + std::to_string(i), std::move(role));
  }
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    json::Value binding = json::Value::object();
    binding.set("principal", any_pattern());
    binding.set("roles", any_roles(1, count));
    if (*rc::gen::arbitrary<bool>()) binding.set("scopes", json::Value::Array{json::Value(any_pattern())});
    bindings.push_back(std::move(binding));
  }
  json::Value out = json::Value::object();
  out.set("schema_version", 1);
  out.set("roles", std::move(roles));
  out.set("bindings", std::move(bindings));
  return out;
}

RC_GTEST_PROP(Policy, AgreesWithTheOracle, ()) {
  const Oracle oracle{any_policy()};
  const auto policy = Policy::parse(json::write(oracle.policy));
  RC_ASSERT(policy.ok());
  for (const char* principal : {"a", "b", "ab", "c"})
    for (const char* action : {"a", "ab", "c"})
      for (const char* resource : {"a", "b", "ab"}) {
        const Decision decision = policy->check(principal, action, resource);
        RC_ASSERT(decision.reason == oracle.judge(principal, action, resource));
        RC_ASSERT(decision.allowed == (decision.reason == "allow_rule"));
        if (decision.role.empty()) continue;
        // What is named as the reason is one.
        RC_ASSERT(matches(decision.action, action) && matches(decision.resource, resource) &&
                  matches(decision.principal, principal));
      }
}

// What begins with a prefix, by trying endings.
TEST(Policy, PatternsBelowAPrefix) {
  const std::string_view alphabet = "ab/*";
  const auto texts = [&](size_t longest) {
    std::vector<std::string> all = {""};
    for (size_t begin = 0, round = 0; round < longest; ++round) {
      const size_t end = all.size();
      for (size_t i = begin; i < end; ++i)
        for (const char c : alphabet) all.push_back(all[i] + c);
      begin = end;
    }
    return all;
  };
  const auto endings = texts(3);
  for (const std::string& pattern : texts(4)) {
    for (const std::string& prefix : texts(2)) {
      bool some = false, all = true;
      for (const std::string& ending : endings) {
        const bool covered = matches(pattern, prefix + ending);
        some = some || covered;
        all = all && covered;
      }
      // Endings longer than those that were tried are needed by no pattern of four bytes.
      EXPECT_EQ(matches_some_below(pattern, prefix), some || matches(pattern, prefix + pattern))
          << pattern << " " << prefix;
      EXPECT_TRUE(all || !matches_all_below(pattern, prefix)) << pattern << " " << prefix;
    }
  }
}

TEST(Policy, EverythingBelowNeedsAnAllowanceOfAllAndADenialOfNone) {
  const auto policy = Policy::parse(R"({"schema_version":1,
    "roles":{"r":{"allow":[{"action":"read","resource":"w/*"},{"action":"all","resource":"*"}],
                  "deny":[{"action":"read","resource":"w/secret/*"}]}},
    "bindings":[{"principal":"a","roles":["r"]},{"principal":"b","roles":["r"],"scopes":["w/b/*"]}]})");
  ASSERT_TRUE(policy.ok());
  const auto may = [&](const char* who, const char* action, const char* prefix) {
    return std::string(policy->check(who, action, prefix, Extent::kBelow).reason);
  };
  EXPECT_EQ(may("a", "read", "w/open/"), "allow_rule");
  EXPECT_EQ(may("a", "read", "w/"), "deny_rule");
  EXPECT_EQ(may("a", "read", "w/secret/x/"), "deny_rule");
  EXPECT_EQ(may("a", "read", ""), "deny_rule");
  EXPECT_EQ(may("a", "read", "v/"), "no_rule");
  EXPECT_EQ(may("a", "all", ""), "allow_rule");
  EXPECT_EQ(may("b", "all", ""), "no_rule");
  EXPECT_EQ(may("b", "read", "w/b/c/"), "allow_rule");
  EXPECT_EQ(may("a", "read", "w/../x/"), "invalid_request");
}

}  // namespace
}  // namespace tau::access
