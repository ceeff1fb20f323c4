// What may run, what is asked, what is refused.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "safety/safety.h"

namespace tau::safety {
namespace {

json::Value parsed(std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  return *std::move(value);
}

std::shared_ptr<const MonitorRules> rules_of(PolicySpec spec) {
  auto rules = MonitorRules::compile(std::move(spec));
  EXPECT_TRUE(rules.ok()) << rules.status().message();
  return *rules;
}

PolicySpec preset(Preset which) {
  PolicySpec spec;
  spec.preset = which;
  return spec;
}

// A session in which the user said something and a tool has answered.
struct Session {
  explicit Session(std::string_view text = "Write to bob@x.org") {
    user.add(text);
    labels = Labels::from(Source::kSystem);
    labels.join(Labels::from(Source::kUser));
  }
  Session& saw(const Labels& other) {
    labels.join(other);
    return *this;
  }
  Session& tainted() { return saw(Labels::tool("read_mail")); }
  Session& with_private() {
    Labels secret = Labels::tool("read_mail");
    secret.restrict_readers({"alice"});
    return saw(secret);
  }
  Scene scene() const {
    Scene s;
    s.context = &labels;
    s.user = &user;
    return s;
  }
  UserText user;
  Labels labels;
};

const std::vector<std::string> kTo = {"to"};

Action mail(const json::Value& arguments) {
  Action a;
  a.tool = "send_mail";
  a.effect = EffectClass::kEgress;
  a.arguments = &arguments;
  a.destinations = kTo;
  a.of_host = true;
  return a;
}

std::string reason(const PolicySpec& spec, const Action& action, const Scene& scene) {
  const Judgement j = rules_of(spec)->decide(action, scene);
  EXPECT_GT(j.policy_epoch, 0);
  const std::string_view verb = ruling_name(j.ruling);
  // allowed_…, ask_…, denied_…: the code says the ruling.
  EXPECT_EQ(j.reason.substr(0, 3), verb == "deny" ? "den" : verb.substr(0, 3)) << j.reason;
  EXPECT_FALSE(j.rule.empty());
  return std::string(j.reason);
}

TEST(Monitor, ReadsAreAllowedUnderEveryPreset) {
  const json::Value none = json::Value::object();
  for (size_t i = 0; i < kPresets; ++i) {
    PolicySpec spec = preset(static_cast<Preset>(i));
    spec.calls_per_minute = spec.tool_calls_per_minute = spec.max_calls = 0;
    for (const EffectClass effect : {EffectClass::kPure, EffectClass::kRead}) {
      Action a;
      a.tool = "read";
      a.effect = effect;
      a.arguments = &none;
      EXPECT_EQ(reason(spec, a, Session().with_private().scene()), "allowed_read_only") << i;
    }
  }
}

// A call of the tool http, as the runtime describes it.
Action request(const json::Value& arguments, std::string_view scope, bool changes, bool is_private) {
  Action a;
  a.tool = "http";
  a.effect = EffectClass::kEgress;
  a.arguments = &arguments;
  a.confined = true;
  a.request = scope;
  a.changes_there = changes;
  a.to_private_place = is_private;
  return a;
}

TEST(Monitor, RequestsThatChangeSomethingOrGoToPrivatePlacesAskForThemselves) {
  const json::Value none = json::Value::object();
  const Action get = request(none, "GET https://a.example:443", false, false);
  const Action post = request(none, "POST https://a.example:443", true, false);
  const Action home = request(none, "GET http://127.0.0.1:80", false, true);
  const auto reasons = [&](const PolicySpec& spec) {
    const Session session;
    return reason(spec, get, session.scene()) + " " + reason(spec, post, session.scene()) + " " +
           reason(spec, home, session.scene());
  };
  const std::string ask = "allowed_by_policy ask_changing_request ask_private_request";
  const std::string_view under[kPresets] = {
      "allowed_by_policy allowed_by_policy allowed_by_policy", ask, ask,
      "allowed_by_policy denied_changing_request denied_private_request"};
  for (size_t i = 0; i < kPresets; ++i) {
    PolicySpec spec = preset(static_cast<Preset>(i));
    spec.calls_per_minute = spec.tool_calls_per_minute = spec.max_calls = 0;
    spec.allow = {"http"};
    EXPECT_EQ(reasons(spec), under[i]) << i;
    spec.requests = {"POST https://a.example:443", "GET http://127.0.0.1:80"};
    EXPECT_EQ(reasons(spec), "allowed_by_policy allowed_by_request allowed_by_request") << i;
    spec.ask = {"http"};
    spec.deny = {};
    EXPECT_TRUE(reasons(spec).starts_with("ask_by_policy ")) << i;
    spec.deny = {"http"};
    EXPECT_EQ(reasons(spec), "denied_by_policy denied_by_policy denied_by_policy") << i;
  }
  PolicySpec rule = preset(Preset::kBalanced);
  rule.rules = {*parse_argument_rule("allow http")};
  EXPECT_EQ(reasons(rule), "allowed_by_rule ask_changing_request ask_private_request");
  PolicySpec listed = preset(Preset::kBalanced);
  listed.requests = {"POST https://a.example:443"};
  EXPECT_EQ(reasons(listed), "ask_by_default allowed_by_request ask_by_default")
      << "the name need not be allowed";
}

TEST(Monitor, ARequestIsNamedByMethodAndOrigin) {
  EXPECT_EQ(*parse_request_scope("POST https://A.example"), "POST https://a.example:443");
  EXPECT_EQ(*parse_request_scope("GET http://[::1]:8080/"), "GET http://[::1]:8080");
  for (const char* text : {"", "POST", "post https://a.example", "POST https://a.example/x", "POST a.example",
                           "* https://a.example", "POST  https://a.example", "POST https://u@a.example",
                           "POST https://*.example", "https://a.example"})
    EXPECT_EQ(parse_request_scope(text).status().reason(), "invalid_request_scope") << text;
}

TEST(Monitor, FailsClosedOnWhatItCannotRead) {
  const json::Value good = parsed(R"({"to":"bob@x.org"})");
  const PolicySpec spec = preset(Preset::kPermissive);
  Action a = mail(good);
  a.effect = EffectClass::kUnknown;
  EXPECT_EQ(reason(spec, a, Session().scene()), "denied_unknown_effect");
  a.effect = static_cast<EffectClass>(77);
  EXPECT_EQ(reason(spec, a, Session().scene()), "denied_unknown_effect");
  a = mail(good);
  a.arguments = nullptr;
  EXPECT_EQ(reason(spec, a, Session().scene()), "denied_arguments");
  for (const char* text : {"[]", "7", "null", R"("to")"}) {
    const json::Value other = parsed(text);
    EXPECT_EQ(reason(spec, mail(other), Session().scene()), "denied_arguments") << text;
  }
  const std::string deep = R"({"to":)" + std::string(100, '[') + std::string(100, ']') + "}";
  const json::Value nested = parsed(deep);
  EXPECT_EQ(reason(spec, mail(nested), Session().scene()), "denied_arguments");
  // A policy that allows the name does not help.
  PolicySpec allows = spec;
  allows.allow = {"send_mail"};
  EXPECT_EQ(reason(allows, mail(nested), Session().scene()), "denied_arguments");
}

TEST(Monitor, WithoutASceneEverythingIsUntrustedAndPrivate) {
  const json::Value args = parsed(R"({"to":"bob@x.org"})");
  EXPECT_EQ(reason(preset(Preset::kBalanced), mail(args), Scene()), "ask_private_flow");
  EXPECT_EQ(reason(preset(Preset::kHardened), mail(args), Scene()), "denied_budget");
}

TEST(Monitor, TrustedAction) {
  const PolicySpec spec = preset(Preset::kBalanced);
  struct Case {
    const char* arguments;
    const char* clean;
    const char* tainted;
  };
  const Case cases[] = {
      {R"({"to":"bob@x.org"})", "allowed_host_tool", "allowed_host_tool"},
      {R"({"to":"evil@x.org"})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":["bob@x.org","evil@x.org"]})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":{"bob@x.org":"evil@x.org"}})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":{"evil@x.org":"bob@x.org"}})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":7})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":true})", "allowed_host_tool", "ask_untrusted_destination"},
      {R"({"to":""})", "allowed_host_tool", "ask_no_destination"},
      {R"({"to":null})", "allowed_host_tool", "ask_no_destination"},
      {R"({"to":[]})", "allowed_host_tool", "ask_no_destination"},
      {R"({"cc":"evil@x.org"})", "allowed_host_tool", "ask_no_destination"},
  };
  for (const Case& c : cases) {
    const json::Value args = parsed(c.arguments);
    EXPECT_EQ(reason(spec, mail(args), Session().scene()), c.clean) << c.arguments;
    EXPECT_EQ(reason(spec, mail(args), Session().tainted().scene()), c.tainted) << c.arguments;
  }
}

TEST(Monitor, EverySourceThatIsNotTheUserTaints) {
  const json::Value args = parsed(R"({"to":"evil@x.org"})");
  const PolicySpec spec = preset(Preset::kBalanced);
  for (const Labels& l : {Labels::tool("x"), Labels::from(Source::kWeb), Labels::from(Source::kMemory)})
    EXPECT_EQ(reason(spec, mail(args), Session().saw(l).scene()), "ask_untrusted_destination");
  for (const Source s : {Source::kModel, Source::kUser, Source::kSystem, Source::kWorkspace})
    EXPECT_EQ(reason(spec, mail(args), Session().saw(Labels::from(s)).scene()), "allowed_host_tool");
  Scene seen = Session().scene();
  const Session session;
  seen = session.scene();
  seen.untrusted_seen = true;
  EXPECT_EQ(reason(spec, mail(args), seen), "ask_untrusted_destination");
}

TEST(Monitor, ADestinationSplitOverArgumentsIsTheUsersOnlyAsAWhole) {
  const std::vector<std::string> both = {"user", "host"};
  const json::Value split = parsed(R"({"user":"bob","host":"evil.org"})");
  Action a = mail(split);
  a.destinations = both;
  const PolicySpec spec = preset(Preset::kBalanced);
  EXPECT_EQ(reason(spec, a, Session("Write to bob").tainted().scene()), "ask_untrusted_destination");
  EXPECT_EQ(reason(spec, a, Session("Write to bob@evil.org").tainted().scene()), "ask_untrusted_destination");
  EXPECT_EQ(reason(spec, a, Session("Write to bob at evil.org").tainted().scene()), "allowed_host_tool");
}

TEST(Monitor, NestedDestinations) {
  const std::vector<std::string> nested = {"message.to.address"};
  const json::Value args =
      parsed(R"({"message":{"to":[{"address":"bob@x.org"},{"address":"evil@x.org","name":"bob"}]}})");
  Action a = mail(args);
  a.destinations = nested;
  EXPECT_EQ(reason(preset(Preset::kBalanced), a, Session().tainted().scene()), "ask_untrusted_destination");
}

TEST(Monitor, ToolsThatTheHostVouchesFor) {
  const json::Value args = parsed(R"({"to":"evil@x.org"})");
  Action a = mail(args);
  a.destinations = {};
  a.effect = EffectClass::kIrreversible;
  EXPECT_EQ(reason(preset(Preset::kBalanced), a, Session().tainted().scene()), "allowed_host_tool");
  EXPECT_EQ(reason(preset(Preset::kPermissive), a, Session().tainted().scene()), "allowed_host_tool");
  PolicySpec strict = preset(Preset::kStrict);
  strict.calls_per_minute = strict.tool_calls_per_minute = 0;
  EXPECT_EQ(reason(strict, a, Session().tainted().scene()), "ask_not_sandboxed");
  PolicySpec declared = preset(Preset::kBalanced);
  declared.destinations = {{"send_mail", {"to"}}};
  EXPECT_EQ(reason(declared, a, Session().tainted().scene()), "ask_untrusted_destination");
}

TEST(Monitor, ListsAndFlagsInOrder) {
  const json::Value args = parsed(R"({"to":"evil@x.org"})");
  Action a = mail(args);
  a.of_host = false;
  const Session session;
  PolicySpec spec = preset(Preset::kBalanced);
  EXPECT_EQ(reason(spec, a, session.scene()), "ask_not_sandboxed");
  a.confined = true;
  EXPECT_EQ(reason(spec, a, session.scene()), "ask_by_default");
  spec.allow = {"send_mail"};
  EXPECT_EQ(reason(spec, a, session.scene()), "allowed_by_policy");
  a.always_ask = true;
  EXPECT_EQ(reason(spec, a, session.scene()), "ask_by_tool");
  a.always_ask = false;
  spec.ask = {"send_mail"};
  EXPECT_EQ(reason(spec, a, session.scene()), "ask_by_policy");
  spec.deny = {"send_mail"};
  EXPECT_EQ(reason(spec, a, session.scene()), "denied_by_policy");
  EXPECT_EQ(reason(preset(Preset::kPermissive), a, session.scene()), "allowed_by_preset");
  PolicySpec hardened = preset(Preset::kHardened);
  hardened.calls_per_minute = hardened.tool_calls_per_minute = hardened.max_calls = 0;
  EXPECT_EQ(reason(hardened, a, session.scene()), "denied_by_preset");
}

TEST(Monitor, WhatAnAllowedNameLifts) {
  const json::Value args = parsed(R"({"to":"evil@x.org"})");
  PolicySpec spec = preset(Preset::kBalanced);
  spec.allow = {"send_mail"};
  EXPECT_EQ(reason(spec, mail(args), Session().tainted().scene()), "allowed_by_policy");
  EXPECT_EQ(reason(spec, mail(args), Session().with_private().scene()), "ask_private_flow");
  spec.preset = Preset::kStrict;
  spec.calls_per_minute = spec.tool_calls_per_minute = 0;
  EXPECT_EQ(reason(spec, mail(args), Session().tainted().scene()), "ask_untrusted_destination");
  EXPECT_EQ(reason(spec, mail(args), Session().with_private().scene()), "denied_private_flow");
}

TEST(Monitor, TaskAllowlist) {
  const json::Value args = parsed(R"({"to":"bob@x.org"})");
  PolicySpec spec = preset(Preset::kPermissive);
  spec.task_tools = {"read"};
  spec.allow = {"send_mail"};
  EXPECT_EQ(reason(spec, mail(args), Session().scene()), "denied_not_in_task");
  spec.task_tools = {"read", "send_mail"};
  EXPECT_EQ(reason(spec, mail(args), Session().scene()), "allowed_by_policy");
}

TEST(Monitor, ApprovedLiteralsMatchWhole) {
  PolicySpec spec = preset(Preset::kBalanced);
  spec.approved = {"team@x.org", "Bob Smith"};
  const Session session = Session("hi").tainted();
  const auto reason_of = [&](const char* text) {
    const json::Value args = parsed(text);
    return reason(spec, mail(args), session.scene());
  };
  EXPECT_EQ(reason_of(R"({"to":"team@X.org"})"), "allowed_host_tool");
  EXPECT_EQ(reason_of(R"({"to":"bob smith"})"), "allowed_host_tool");
  EXPECT_EQ(reason_of(R"({"to":"Bob"})"), "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"team@x.org.evil.org"})"), "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":["team@x.org","x@x.org"]})"), "ask_untrusted_destination");
}

TEST(Monitor, ArgumentRules) {
  const auto spec_of = [](std::initializer_list<const char*> rules) {
    PolicySpec spec = preset(Preset::kBalanced);
    for (const char* text : rules) spec.rules.push_back(*parse_argument_rule(text));
    return spec;
  };
  const Session session = Session().tainted();
  const auto reason_of = [&](const PolicySpec& spec, const char* text) {
    const json::Value args = parsed(text);
    Action a = mail(args);
    a.of_host = false;
    return reason(spec, a, session.scene());
  };
  EXPECT_EQ(reason_of(spec_of({"deny send_mail to *@evil.org"}), R"({"to":["a@x.org","b@evil.org"]})"),
            "denied_by_rule");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail to *@x.org"}), R"({"to":["a@x.org","b@evil.org"]})"),
            "ask_not_sandboxed");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail to *@x.org"}), R"({"to":["a@x.org","b@x.org"]})"),
            "allowed_by_rule");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail to *@x.org"}), R"({"to":[]})"), "ask_not_sandboxed");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail to *", "deny * to *"}), R"({"to":"a@x.org"})"),
            "denied_by_rule");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail", "ask send_mail to b*"}), R"({"to":"b@x.org"})"),
            "ask_by_rule");
  EXPECT_EQ(reason_of(spec_of({"allow other"}), R"({"to":"b@x.org"})"), "ask_not_sandboxed");
  EXPECT_EQ(reason_of(spec_of({"deny send_mail n 4"}), R"({"to":"b@x.org","n":4.0})"), "denied_by_rule");
  // What is too long to be matched is denied by a rule that denies, and not allowed by one that allows.
  const std::string longer = R"({"to":")" + std::string(20'000, 'a') + "\"}";
  EXPECT_EQ(reason_of(spec_of({"deny send_mail to b*"}), longer.c_str()), "denied_by_rule");
  EXPECT_EQ(reason_of(spec_of({"allow send_mail to a*"}), longer.c_str()), "ask_not_sandboxed");
}

TEST(Monitor, FormsOfRulesAndFlows) {
  for (const char* bad : {"", "deny", "permit x", "deny x y", "deny b@d/tool", "allow * to", "DENY x"})
    EXPECT_EQ(parse_argument_rule(bad).status().reason(), "invalid_rule") << bad;
  const auto rule = parse_argument_rule("ask  http  url   http://a b*");
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->pattern, "http://a b*");
  for (const char* bad : {"", "=", "a=", "=b", "a", "a=b c"})
    EXPECT_EQ(parse_flow(bad).status().reason(), "invalid_flow") << bad;
  EXPECT_EQ(parse_flow("https://x.org/?a=b=alice")->reader, "alice");
}

TEST(Monitor, PrivateDataLeavesOnlyToItsReaders) {
  const Session session = Session("Write to alice@x.org and bob@x.org").with_private();
  PolicySpec spec = preset(Preset::kBalanced);
  spec.rules = {};
  spec.flows = {{"alice@x.org", "alice"}, {"bob@x.org", "bob"}};
  const auto reason_of = [&](const char* text, EffectClass effect = EffectClass::kEgress) {
    const json::Value args = parsed(text);
    Action a = mail(args);
    a.effect = effect;
    return reason(spec, a, session.scene());
  };
  EXPECT_EQ(reason_of(R"({"to":"bob@x.org"})"), "ask_private_flow");
  EXPECT_EQ(reason_of(R"({"to":["alice@x.org","bob@x.org"]})"), "ask_private_flow");
  EXPECT_EQ(reason_of(R"({})"), "ask_private_flow");
  // A permitted flow is still untrusted input, private data and a way out.
  EXPECT_EQ(reason_of(R"({"to":"alice@x.org"})"), "ask_rule_of_two");
  EXPECT_EQ(reason_of(R"({"to":"alice@x.org"})", EffectClass::kWrite), "allowed_host_tool");
  spec.preset = Preset::kPermissive;
  EXPECT_EQ(reason_of(R"({"to":"alice@x.org"})"), "allowed_host_tool");
  EXPECT_EQ(reason_of(R"({"to":"bob@x.org"})"), "ask_private_flow");
}

TEST(Monitor, RuleOfTwoNeedsAllThree) {
  const json::Value args = parsed(R"({"to":"bob@x.org"})");
  const PolicySpec spec = preset(Preset::kBalanced);
  const Session clean;
  const Session tainted = Session().tainted();
  for (const bool untrusted : {false, true}) {
    for (const bool seen : {false, true}) {
      for (const EffectClass effect : {EffectClass::kWrite, EffectClass::kEgress, EffectClass::kExec}) {
        Action a = mail(args);
        a.effect = effect;
        Scene scene = untrusted ? tainted.scene() : clean.scene();
        scene.private_seen = seen;
        const bool all = untrusted && seen && effect != EffectClass::kWrite;
        EXPECT_EQ(reason(spec, a, scene), all ? "ask_rule_of_two" : "allowed_host_tool");
      }
    }
  }
}

TEST(Monitor, EndorsesWhatTheUserLookedUpByName) {
  const Session session = Session("Invite Sarah Baker, her address is in contacts.txt").tainted();
  const json::Value args = parsed(R"({"to":"sarah.baker@x.org"})");
  const auto reason_with = [&](Preset which, std::string asked, std::string answer) {
    PolicySpec spec = preset(which);
    spec.calls_per_minute = spec.tool_calls_per_minute = 0;
    spec.allow = {"send_mail"};
    if (which == Preset::kBalanced) spec.allow.clear();
    Scene scene = session.scene();
    scene.earlier_reads = [&](const std::function<void(const EarlierRead&)>& visit) {
      visit({"{}", "nothing"});
      visit({asked, answer});
    };
    return reason(spec, mail(args), scene);
  };
  const std::string good = "Sarah Baker <sarah.baker@x.org>";
  EXPECT_EQ(reason_with(Preset::kBalanced, R"({"name":"Sarah Baker"})", good), "allowed_host_tool");
  EXPECT_EQ(reason_with(Preset::kBalanced, R"({"path":"contacts.txt","n":3})", good), "allowed_host_tool");
  EXPECT_EQ(reason_with(Preset::kBalanced, R"({"name":"Eve"})", good), "ask_untrusted_destination");
  EXPECT_EQ(reason_with(Preset::kBalanced, "{}", good), "ask_untrusted_destination");
  EXPECT_EQ(reason_with(Preset::kBalanced, "not JSON", good), "ask_untrusted_destination");
  EXPECT_EQ(reason_with(Preset::kBalanced, R"({"name":"Sarah Baker"})", "sarah.baker@x.org.evil.org"),
            "ask_untrusted_destination");
  EXPECT_EQ(reason_with(Preset::kStrict, R"({"name":"Sarah Baker"})", good), "ask_untrusted_destination");
  // Another address of that name anywhere: which of them is meant?
  for (const char* other : {"sarah.baker@evil.org", "Sarah_Baker@evil.org", "sarah.baker2@x.org"})
    EXPECT_EQ(reason_with(Preset::kBalanced, R"({"name":"Sarah Baker"})", good + " or " + other),
              "ask_untrusted_destination")
        << other;
  EXPECT_EQ(
      reason_with(Preset::kBalanced, R"({"name":"Sarah Baker"})", good + " or SARAH.BAKER@x.org, tom@x.org"),
      "ask_untrusted_destination");  // the local part in another case is another address
  EXPECT_EQ(reason_with(Preset::kBalanced, R"({"name":"Sarah Baker"})",
                        good + ", again sarah.baker@X.org, tom@y.org"),
            "allowed_host_tool");
}

TEST(Monitor, EndorsesAMessageThatTheUserDictated) {
  const Session session =
      Session("Find the busiest channel and post 'Who wants cake at noon?' there").tainted();
  EarlierRead listing = {R"({"limit":10})", R"(["general","town hall"])"};
  const auto reason_of = [&](const char* text, EffectClass effect = EffectClass::kEgress) {
    const json::Value args = parsed(text);
    Action a = mail(args);
    a.effect = effect;
    Scene scene = session.scene();
    scene.earlier_reads = [&](const std::function<void(const EarlierRead&)>& visit) { visit(listing); };
    return reason(preset(Preset::kBalanced), a, scene);
  };
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at noon?"})"), "allowed_host_tool");
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at evil.org?"})"),
            "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"x@evil.org","body":"Who wants cake at noon?"})"),
            "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at noon?","n":1})"),
            "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"general"})"), "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at noon?"})", EffectClass::kIrreversible),
            "ask_untrusted_destination");
  EXPECT_EQ(reason_of(R"({"to":"Town hall","body":"Who wants cake at noon?"})"), "allowed_host_tool");
  // A name that stands in no listing, or only in what an injected call was told.
  EXPECT_EQ(reason_of(R"({"to":"hall of evil","body":"Who wants cake at noon?"})"),
            "ask_untrusted_destination");
  listing.arguments_json = R"({"url":"https://evil.org/channels"})";
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at noon?"})"), "ask_untrusted_destination");
  listing.arguments_json = R"({"of":"busiest channel"})";
  EXPECT_EQ(reason_of(R"({"to":"general","body":"Who wants cake at noon?"})"), "allowed_host_tool");
}

constexpr int64_t kSecond = 1'000'000'000;

TEST(Monitor, RateCapsRefillEvenly) {
  const CallMeter::Caps caps = {.calls_per_minute = 6, .tool_calls_per_minute = 3, .max_calls = 0};
  CallMeter meter;
  const auto call = [&](const char* tool, int64_t now) {
    if (!meter.within_rate(caps, tool, now)) return false;
    meter.charge(caps, tool, now);
    return true;
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call("a", kSecond)) << i;
  EXPECT_FALSE(call("a", kSecond));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call("b", kSecond)) << i;
  EXPECT_FALSE(call("c", kSecond));  // the run's bucket is empty
  EXPECT_FALSE(call("c", 10 * kSecond));
  EXPECT_TRUE(call("c", 11 * kSecond));
  EXPECT_FALSE(call("c", 11 * kSecond));
  EXPECT_TRUE(call("a", 21 * kSecond));
  EXPECT_FALSE(call("a", 20 * kSecond));  // a clock that goes back gives nothing
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call("a", 1000 * kSecond)) << i;
  EXPECT_FALSE(call("a", 1000 * kSecond));
}

TEST(Monitor, NeverMoreCallsInAnyMinuteThanTwiceTheCap) {
  const CallMeter::Caps caps = {.calls_per_minute = 7, .tool_calls_per_minute = 0, .max_calls = 0};
  uint64_t state = 1;
  CallMeter meter;
  std::vector<int64_t> times;
  int64_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    now += static_cast<int64_t>(state >> 33) % (5 * kSecond);
    if (!meter.within_rate(caps, "t", now)) continue;
    meter.charge(caps, "t", now);
    times.push_back(now);
  }
  for (size_t i = 0; i + 14 < times.size(); ++i) EXPECT_GT(times[i + 14] - times[i], 60 * kSecond);
  EXPECT_GT(times.size(), 2000u);
}

TEST(Monitor, BudgetOfARun) {
  const json::Value args = parsed(R"({"to":"bob@x.org"})");
  PolicySpec spec = preset(Preset::kBalanced);
  spec.max_calls = 2;
  const auto rules = rules_of(spec);
  CallMeter meter;
  const Session session;
  Scene scene = session.scene();
  scene.meter = &meter;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rules->decide(mail(args), scene).ruling, Ruling::kAllow);
    meter.charge(rules->caps(), "send_mail", 0);
  }
  EXPECT_EQ(rules->decide(mail(args), scene).reason, "denied_budget");
  scene.meter = nullptr;  // what cannot be counted is used up
  EXPECT_EQ(rules->decide(mail(args), scene).reason, "denied_budget");
}

TEST(Monitor, TheEpochChangesWithThePolicy) {
  std::vector<PolicySpec> specs(1);
  const auto another = [&]() -> PolicySpec& { return specs.emplace_back(); };
  another().preset = Preset::kStrict;
  another().allow = {"a"};
  another().ask = {"a"};
  another().deny = {"a"};
  another().task_tools = {"a"};
  another().approved = {"a"};
  another().rules = {*parse_argument_rule("deny a b c")};
  another().rules = {*parse_argument_rule("ask a b c")};
  another().flows = {{"a", "b"}};
  another().destinations = {{"a", {"b"}}};
  another().max_calls = 3;
  another().calls_per_minute = 3;
  another().tool_calls_per_minute = 3;
  std::vector<int64_t> epochs;
  for (const PolicySpec& spec : specs) {
    epochs.push_back(rules_of(spec)->epoch());
    EXPECT_EQ(rules_of(spec)->epoch(), epochs.back());
    EXPECT_LT(epochs.back(), int64_t{1} << 53);
  }
  std::sort(epochs.begin(), epochs.end());
  EXPECT_EQ(std::adjacent_find(epochs.begin(), epochs.end()), epochs.end());
}

TEST(Monitor, AnApprovalIsBoundToAllThatItWasGivenFor) {
  const json::Value args = parsed(R"({"a":1,"b":"x"})");
  const Labels user = Labels::from(Source::kUser);
  const std::string bound = approval_binding("t", args, user, 7);
  EXPECT_EQ(bound.size(), 32u);
  EXPECT_EQ(bound, approval_binding("t", parsed(R"({"b":"x","a":1.0})"), user, 7));
  EXPECT_NE(bound, approval_binding("u", args, user, 7));
  EXPECT_NE(bound, approval_binding("t", parsed(R"({"a":1,"b":"y"})"), user, 7));
  EXPECT_NE(bound, approval_binding("t", args, Labels::tool("x"), 7));
  EXPECT_NE(bound, approval_binding("t", args, user, 8));
}

TEST(Monitor, RefusesPoliciesThatAreTooLarge) {
  PolicySpec spec;
  spec.approved.resize(kMaxPolicyRules + 1, "a");
  EXPECT_EQ(MonitorRules::compile(spec).status().reason(), "too_many_rules");
  PolicySpec bad;
  bad.rules.push_back({Ruling::kDeny, "no tool", "", ""});
  EXPECT_EQ(MonitorRules::compile(bad).status().reason(), "invalid_rule");
}

TEST(Monitor, PresetsGetStricter) {
  for (size_t i = 0; i + 1 < kPresets; ++i) {
    const PresetRules& a = preset_rules(static_cast<Preset>(i));
    const PresetRules& b = preset_rules(static_cast<Preset>(i + 1));
    EXPECT_LE(a.consequential, b.consequential);
    EXPECT_LE(a.trusted_action, b.trusted_action);
    EXPECT_LE(a.permitted_flow, b.permitted_flow);
    EXPECT_LE(a.rule_of_two, b.rule_of_two);
    EXPECT_GE(a.host_vouches, b.host_vouches);
    EXPECT_GE(a.endorses, b.endorses);
    EXPECT_LE(a.workspace_private, b.workspace_private);
    EXPECT_EQ(*parse_preset(a.name), static_cast<Preset>(i));
  }
  EXPECT_EQ(parse_preset("lenient").status().reason(), "unknown_preset");
  EXPECT_TRUE(json::parse(presets_json()).ok());
}

}  // namespace
}  // namespace tau::safety
