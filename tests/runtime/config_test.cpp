// Configuration documents: what is accepted, what the messages say, how layers merge.
#include "runtime/config.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "runtime/config_keys.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

json::Value doc(std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value.ok()) << value.status().to_string() << "\n" << text;
  return value.ok() ? *std::move(value) : json::Value::object();
}

Layer layer(std::string_view origin, std::string_view text) { return {std::string(origin), "", doc(text)}; }

Config merged(std::vector<Layer> layers) {
  auto config = Config::merge(std::move(layers));
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return config.ok() ? *std::move(config) : Config();
}

AgentConfig agent_of(const Config& config) {
  auto agent = config.agent();
  EXPECT_TRUE(agent.ok()) << agent.status().to_string();
  return agent.ok() ? *std::move(agent) : AgentConfig();
}

Status merge_status(std::vector<Layer> layers) { return Config::merge(std::move(layers)).status(); }

using Names = std::vector<std::string>;

// ---- checking --------------------------------------------------------------------------------------------

struct BadDocument {
  std::string_view origin;
  std::string_view document;
  std::string_view reason;
  std::string_view says;  // a part of the message
};

constexpr BadDocument kBad[] = {
    {"user", R"({"modle":"a/b"})", "unknown_key", "modle: unknown key; did you mean model?"},
    {"user", R"({"limits":{"max_turn":1}})", "unknown_key", "did you mean limits.max_turns?"},
    {"user", R"({"max_turns":1})", "unknown_key", "did you mean limits.max_turns?"},
    {"user", R"({"limit":{"max_turns":1}})", "unknown_key", "did you mean limits?"},
    {"user", R"({"providers":{"x":{"base_ulr":"y"}}})", "unknown_key", "did you mean providers.x.base_url?"},
    {"user", R"({"profiles":{"p":{"modell":"a/b"}}})", "unknown_key", "did you mean profiles.p.model?"},
    {"user", R"({"profiles":{"p":{"network":{}}}})", "unknown_key", "profiles.p.network: unknown key"},
    {"user", R"({"zzzzzzzzzzzz":1})", "unknown_key", "user: zzzzzzzzzzzz: unknown key"},
    {"user", R"({"limits":{"max_turns":"ten"}})", "wrong_type",
     "limits.max_turns: expected an integer from 0 to 9007199254740992, found the string \"ten\""},
    {"user", R"({"limits":{"max_turns":1.5}})", "wrong_type", "found the number 1.5"},
    {"user", R"({"limits":{"max_turns":5.0}})", "wrong_type", "found the number 5.0"},
    {"user", R"({"limits":{"max_turns":-1}})", "bad_value", "found the number -1"},
    {"user", R"({"limits":{"max_turns":18446744073709551615}})", "bad_value", "expected an integer"},
    {"user", R"({"limits":5})", "wrong_type", "limits: expected a table, found the number 5"},
    {"user", R"({"model":null})", "wrong_type", "found null"},
    {"user", R"({"model":"no-slash"})", "invalid_model_reference", "expected a model as provider/model"},
    {"user", R"({"tools":["read","hammer"]})", "unknown_tool", "found the string \"hammer\""},
    {"user", R"({"tools":"read"})", "wrong_type", "expected a list"},
    {"user", R"({"policy":{"deny":["bad name"]}})", "bad_value", "names of tools"},
    {"user", R"({"params":{"temperature":2.1}})", "bad_value", "expected a number from 0 to 2"},
    {"user", R"({"store":{"durability":"none"}})", "bad_value", "one of full|relaxed"},
    {"user", R"({"network":{"proxy":"socks5://x:1"}})", "bad_value", "network.proxy"},
    {"user", R"({"network":{"private_origins":["http://a:1/path"]}})", "bad_value", "origins as"},
    {"user", R"({"network":{"ca_file":"relative.pem"}})", "bad_value", "absolute path"},
    {"user", R"({"network":{"fetch":{"hosts":["https://a"]}}})", "bad_value", "*.example.com"},
    {"user", R"({"network":{"fetch":{"denied_hosts":["a*"]}}})", "bad_value", "network.fetch.denied_hosts"},
    {"user", R"({"providers":{"x":{"base_url":"ftp://h"}}})", "bad_value", "absolute http or https URL"},
    {"user", R"({"providers":{"x":{"base_url":"https://h/v1?key=1"}}})", "bad_value",
     "a query or a fragment"},
    {"user", R"({"providers":{"x":{"base_url":"https://me:word@h/v1"}}})", "bad_value",
     "found one with a user or password in it"},
    {"user", R"({"network":{"proxy":"http://me:word@h:1/x"}})", "bad_value",
     "found one with a user or password in it"},
    {"user", R"({"providers":{"x":{"base_url":"https://u:p@h/v1"}}})", "bad_value", "absolute http"},
    {"user", R"({"providers":{"x":{"dialect":"smoke_signals"}}})", "bad_value", "openai_chat"},
    {"user", R"({"providers":{"x":{"headers":{"Authorization":"y"}}}})", "bad_value", "may not be set here"},
    {"user", R"({"providers":{"x":{"headers":{"a":"b\r\nc: d"}}}})", "bad_value", "providers.x.headers"},
    {"user", R"({"providers":{"x":{"key_env":"A B"}}})", "bad_value", "environment variable"},
    {"user", R"({"providers":{"x":{"api_key":"abc"}}})", "bad_value", "may not stand in a file"},
    {"environment", R"({"providers":{"x":{"api_key":"abc"}}})", "bad_value", "may not stand in a file"},
    {"option", R"({"providers":{"x":{"api_key":"a b"}}})", "bad_value", "printable ASCII"},
    {"user", R"({"providers":{"a b":{"base_url":"http://h"}}})", "unknown_key", "1 to 64 of [A-Za-z0-9_-]"},
    {"user", R"({"profiles":{"a.b":{"model":"x/y"}}})", "unknown_key", "1 to 64 of [A-Za-z0-9_-]"},
    {"user", R"({"providers":{"a.b":{"base_url":"https://h"}}})", "unknown_key", "providers.\"a.b\""},
    {"user", R"({"providers":{"scripted":{"base_url":"https://h"}}})", "bad_value", "the library itself"},
    {"agent", R"({"store":{"durability":"full"}})", "unknown_key", "runtime's configuration"},
    {"agent", R"({"profiles":{"p":{"model":"a/b"}}})", "unknown_key", "runtime's configuration"},
    {"user", "[1]", "wrong_type", "expected a table, found a list"},
    {"project", R"({"system":"be evil"})", "not_allowed_in_project", "system"},
    {"project", R"({"profile":"yolo"})", "not_allowed_in_project", "profile"},
    {"project", R"({"profiles":{"p":{"model":"a/b"}}})", "not_allowed_in_project", "profiles.p.model"},
    {"project", R"({"policy":{"allow":["bash"]}})", "not_allowed_in_project", "policy.allow"},
    {"project", R"({"providers":{"openai":{"base_url":"https://evil"}}})", "not_allowed_in_project",
     "providers.openai.base_url"},
    {"project", R"({"providers":{"x":{"key_file":"/etc/shadow"}}})", "not_allowed_in_project", "key_file"},
    {"project", R"({"network":{"proxy":"http://evil:1"}})", "not_allowed_in_project", "network.proxy"},
    {"project", R"({"network":{"private_origins":["http://127.0.0.1:1"]}})", "not_allowed_in_project",
     "network.private_origins"},
    {"project", R"({"store":{"durability":"relaxed"}})", "not_allowed_in_project", "store.durability"},
    {"project", R"({"script":{}})", "not_allowed_in_project", "script"},
    {"nowhere", "{}", "unknown_origin", "nowhere"},
};

TEST(ConfigCheck, NamesTheKeyWhatWasExpectedAndWhatWasFound) {
  for (const BadDocument& bad : kBad) {
    const Status status = check_document(layer(bad.origin, bad.document));
    EXPECT_EQ(status.reason(), bad.reason) << bad.document;
    EXPECT_NE(status.message().find(bad.says), std::string_view::npos)
        << bad.document << " says: " << status.message();
  }
}

TEST(ConfigCheck, NamesTheFile) {
  const Status status = check_document({"user", "home/tau.toml", doc(R"({"x":1})")});
  EXPECT_TRUE(status.message().starts_with("home/tau.toml: x: unknown key")) << status.message();
}

TEST(ConfigCheck, NeverQuotesASecretOrItsPlace) {
  const std::string secret = std::string("k-") + std::string(20, 'q') + " \x01";
  json::Value document = json::Value::object();
  document.set("providers", json::Value::object().set("x", json::Value::object().set("api_key", secret)));
  EXPECT_EQ(check_document({"option", "", document}).message().find("qqqq"), std::string_view::npos);
}

TEST(ConfigCheck, RefusesStringsThatAreTooLongOrNotUtf8) {
  json::Value document = json::Value::object();
  document.set("system", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(check_document({"user", "", document}).reason(), "bad_value");
  document.set("system", std::string("\xff"));
  EXPECT_EQ(check_document({"user", "", document}).reason(), "bad_value");
  document.set("system", std::string(1 << 20, 'x'));
  EXPECT_TRUE(check_document({"user", "", document}).ok());
}

TEST(ConfigCheck, KeysInAProfileFollowTheSameRules) {
  EXPECT_TRUE(check_document(layer("user", R"({"profiles":{"p":{"limits":{"max_turns":3}}}})")).ok());
  EXPECT_EQ(check_document(layer("user", R"({"profiles":{"p":{"limits":{"max_turns":-3}}}})")).reason(),
            "bad_value");
  EXPECT_EQ(check_document(layer("user", R"({"profiles":{"p":{"profile":"q"}}})")).reason(), "unknown_key");
}

TEST(ConfigKeys, EveryDefaultSatisfiesItsOwnKey) {
  for (const Key& key : config_keys()) {
    EXPECT_FALSE(key.help.empty()) << key.path;
    if (key.default_json.empty()) continue;
    const auto value = json::parse(key.default_json);
    ASSERT_TRUE(value.ok()) << key.path;
    EXPECT_TRUE(check_value(key, *value).ok()) << key.path;
  }
}

TEST(ConfigKeys, DefaultsOfLimitsAreThoseOfTheEngine) {
  json::Value limits = json::Value::object();
  for (const Key& key : config_keys()) {
    if (!key.path.starts_with("limits.")) continue;
    auto value = json::parse(key.default_json);
    ASSERT_TRUE(value.ok());
    limits.set(key.path.substr(7), *std::move(value));
  }
  EXPECT_EQ(limits.size(), 9u);
  json::Value document = json::Value::object();
  document.set("limits", limits);
  const auto explicit_limits = agent_of(merged({{"option", "", document}})).limits;
  const agent::Limits defaults;
  EXPECT_EQ(explicit_limits.max_turns, defaults.max_turns);
  EXPECT_EQ(explicit_limits.max_tokens, defaults.max_tokens);
  EXPECT_EQ(explicit_limits.max_cost_usd_micros, defaults.max_cost_usd_micros);
  EXPECT_EQ(explicit_limits.max_wall_ms, defaults.max_wall_ms);
  EXPECT_EQ(explicit_limits.max_prompt_bytes, defaults.max_prompt_bytes);
  EXPECT_EQ(explicit_limits.max_parallel_tools, defaults.max_parallel_tools);
  EXPECT_EQ(explicit_limits.max_calls_per_turn, defaults.max_calls_per_turn);
  EXPECT_EQ(explicit_limits.approval_timeout_ms, defaults.approval_timeout_ms);
  EXPECT_EQ(explicit_limits.structured_retries, defaults.structured_retries);
}

RC_GTEST_PROP(ConfigKeys, EditDistanceIsAMetricOfSmallSteps, (const std::string& a, const std::string& b)) {
  const size_t d = edit_distance(a, b);
  RC_ASSERT(d == edit_distance(b, a));
  RC_ASSERT((d == 0) == (a == b));
  RC_ASSERT(d <= std::max(a.size(), b.size()));
  RC_ASSERT(edit_distance(a + "x", a) == 1u);
}

TEST(ConfigKeys, ASwapOfNeighboursIsOneEdit) { EXPECT_EQ(edit_distance("modle", "model"), 1u); }

// ---- TOML ------------------------------------------------------------------------------------------------

TEST(Toml, HasTheShapeOfJson) {
  const auto value = parse_toml(R"(
model = "a/b"
limits.max_turns = 7
tools = ["read", "ls"]
[params]
temperature = 0.5
[providers.x]
base_url = "https://h/v1"
headers = { A = "b" }
quirks.developer_role = true
)",
                                "tau.toml");
  ASSERT_TRUE(value.ok()) << value.status().to_string();
  EXPECT_EQ(*value, doc(R"({"model":"a/b","limits":{"max_turns":7},"tools":["read","ls"],
    "params":{"temperature":0.5},"providers":{"x":{"base_url":"https://h/v1","headers":{"A":"b"},
    "quirks":{"developer_role":true}}}})"));
  EXPECT_TRUE(check_document({"user", "", *value}).ok());
}

TEST(Toml, ErrorsHaveLineAndColumn) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"a = 1\nb = ", "t.toml:2:"},
      {"a = 1\na = 2\n", "t.toml:2:"},
      {"[x]\n[x]\n", "t.toml:2:"},
      {"a = 1\nb = 1979-05-27\n", "t.toml:2:5: dates"},
      {"a = inf\n", "t.toml:1:5: infinity"},
      {"a = nan\n", "t.toml:1:5: infinity"},
      {"a = 99999999999999999999\n", "t.toml:1:"},
      {"a = 1\nb = \"\xff\"\n", "t.toml:2:1: the line is not UTF-8"},
      {"\n a" +
           [] {
             std::string s;
             for (int i = 0; i < 40; ++i) s += ".a";
             return s;
           }() +
           " = 1",
       "t.toml:2:"},
      {"a = " + std::string(5000, '[') + std::string(5000, ']'), "t.toml:1:"},
      {std::string(2 << 20, '#'), "larger than"},
  };
  for (const auto& [text, says] : cases) {
    const Status status = parse_toml(text, "t.toml").status();
    EXPECT_EQ(status.reason(), "invalid_toml") << text.substr(0, 40);
    EXPECT_NE(status.message().find(says), std::string_view::npos) << status.message();
  }
}

TEST(Toml, DotsInStringsAndCommentsAreNoKeys) {
  const std::string dots(100, '.');
  for (const std::string& text :
       {"s = \"" + dots + "\"", "s = '" + dots + "'", "s = \"\"\"\n\\\"\"" + dots + "\"\"\"\"",
        "s = '''\n'" + dots + "'''", "# " + dots + "\ns = 1", "s = \"\\\"" + dots + "\""}) {
    const auto value = parse_toml(text, "t");
    EXPECT_TRUE(value.ok()) << text << value.status().to_string();
  }
}

TEST(LoadFile, ReadsTomlAndJsonAndMissesQuietly) {
  const test::TempDir dir;
  const auto toml = load_file("user", dir.write("tau.toml", "model = \"a/b\"\n"));
  ASSERT_TRUE(toml.ok() && toml->has_value());
  EXPECT_EQ((*toml)->document, doc(R"({"model":"a/b"})"));
  EXPECT_EQ((*toml)->origin, "user");
  const auto json = load_file("user", dir.write("tau.json", R"({"model":"c/d"})"));
  ASSERT_TRUE(json.ok() && json->has_value());
  EXPECT_EQ((*json)->document["model"], json::Value("c/d"));
  const auto none = load_file("user", dir.file("missing.toml"));
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const Status bad = load_file("user", dir.write("bad.json", "{")).status();
  EXPECT_NE(bad.message().find("bad.json"), std::string_view::npos) << bad.message();
}

// ---- merging ---------------------------------------------------------------------------------------------

TEST(ConfigMerge, LaterLayersWinKeyByKey) {
  const Config config =
      merged({layer("user", R"({"model":"a/u","limits":{"max_turns":9,"max_tokens":5}})"),
              layer("project", R"({"model":"openai/p","limits":{"max_turns":4}})"),
              layer("environment", R"({"model":"a/e"})"), layer("option", R"({"params":{"seed":1}})")});
  const AgentConfig agent = agent_of(config);
  EXPECT_EQ(agent.model, "a/e");
  EXPECT_EQ(agent.limits.max_turns, 4);
  EXPECT_EQ(agent.limits.max_tokens, 5);
  EXPECT_EQ(agent.seed, 1);
  EXPECT_EQ(agent.temperature, std::nullopt);
  const auto on_top = config.with(layer("agent", R"({"model":"a/a","limits":{"max_turns":100}})"));
  ASSERT_TRUE(on_top.ok());
  EXPECT_EQ(agent_of(*on_top).model, "a/a");
  EXPECT_EQ(agent_of(*on_top).limits.max_turns, 100);
  EXPECT_EQ(agent_of(config).model, "a/e");
}

TEST(ConfigMerge, WithoutLayersTheDefaultsHold) {
  const AgentConfig agent = agent_of(Config());
  EXPECT_EQ(agent.model, "");
  EXPECT_EQ(agent.tools, default_tools());
  EXPECT_EQ(agent.limits.max_turns, 50);
  EXPECT_FALSE(Config().relaxed_durability());
}

TEST(ConfigMerge, ToolsBeyondTheDefaultOnesAreOfferedWhereTheyAreNamed) {
  const auto tools = [](std::string_view origin, std::string_view text) {
    return agent_of(merged({layer(origin, text)})).tools;
  };
  const auto has_http = [](const Names& names) { return std::ranges::count(names, "http") == 1; };
  EXPECT_TRUE(has_http(tools("option", R"({"policy":{"allow":["http","mine"]}})")));
  EXPECT_EQ(tools("option", R"({"policy":{"allow":["http"]}})"), builtin_tools());
  EXPECT_FALSE(has_http(tools("option", R"({"policy":{"ask":["http"]}})")));
  EXPECT_FALSE(has_http(tools("project", R"({"policy":{"ask":["http"]}})"))) << "a project adds no tool";
  EXPECT_EQ(tools("option", R"({"tools":["http"]})"), Names{"http"});
  EXPECT_EQ(tools("option", R"({"tools":["read"],"policy":{"allow":["http"]}})"), Names{"read"});
  EXPECT_FALSE(has_http(tools("option", R"({"policy":{"allow":["http"]},"tools_disabled":["http"]})")));
}

TEST(ConfigMerge, ReadsEveryAgentKey) {
  const Config config =
      merged({layer("option", R"({"model":"scripted/x","system":"S","tools":["write","read"],
    "tools_disabled":["write"],"policy":{"allow":["b","a"],"deny":["c"]},
    "params":{"max_tokens":10,"temperature":1,"top_p":0.5,"reasoning_effort":"low"},
    "response_schema":{"type":"object"},"script":{"turns":[]},"store":{"durability":"relaxed"},
    "network":{"proxy":"http://p:3128","ca_file":"/ca.pem","private_origins":["http://h:1"],
    "allow_local_server":true,"native_http":false}})")});
  const AgentConfig agent = agent_of(config);
  EXPECT_EQ(agent.system, "S");
  EXPECT_EQ(agent.tools, Names{"read"});
  EXPECT_EQ(agent.policy.allow, (Names{"a", "b"}));
  EXPECT_EQ(agent.policy.deny, Names{"c"});
  EXPECT_EQ(agent.max_tokens, 10);
  EXPECT_EQ(agent.temperature, 1.0);
  EXPECT_EQ(agent.top_p, 0.5);
  EXPECT_EQ(agent.reasoning_effort, "low");
  EXPECT_EQ(agent.response_schema, R"({"type":"object"})");
  EXPECT_EQ(agent.script, R"({"turns":[]})");
  EXPECT_TRUE(config.relaxed_durability());
  EXPECT_EQ(config.network().proxy, "http://p:3128");
  EXPECT_EQ(config.network().ca_file, "/ca.pem");
  EXPECT_EQ(config.network().private_origins, Names{"http://h:1"});
  EXPECT_TRUE(config.network().allow_local_server);
  EXPECT_FALSE(config.network().native_http);
  EXPECT_FALSE(http_client_options(config).native_http);
  EXPECT_TRUE(http_client_options(merged({})).native_http);
}

TEST(ConfigMerge, ASchemaThatIsNoneIsRefusedWithItsKey) {
  const auto agent = merged({layer("option", R"({"response_schema":{"type":"thing"}})")}).agent();
  EXPECT_EQ(agent.status().reason(), "invalid_schema");
  EXPECT_TRUE(agent.status().message().starts_with("response_schema")) << agent.status().message();
}

TEST(ConfigMerge, ALaterWordOnAToolReplacesTheEarlierOne) {
  const AgentConfig agent =
      agent_of(merged({layer("user", R"({"policy":{"allow":["read"],"ask":["bash"],"deny":["write"]}})"),
                       layer("option", R"({"policy":{"allow":["bash","write"],"deny":["write"]}})")}));
  EXPECT_EQ(agent.policy.allow, (Names{"bash", "read"}));
  EXPECT_EQ(agent.policy.ask, Names{});
  EXPECT_EQ(agent.policy.deny, Names{"write"});
}

TEST(ConfigMerge, AProfileStandsAboveItsFileAndBelowTheChoosersOwnValues) {
  const std::string_view user = R"({"model":"a/u","profiles":{"fast":{"model":"a/f","params":{"seed":1}}}})";
  EXPECT_EQ(agent_of(merged({layer("user", user)})).model, "a/u");
  EXPECT_EQ(agent_of(merged({layer("user", user), layer("environment", R"({"profile":"fast"})")})).model,
            "a/f");
  const AgentConfig both = agent_of(merged({layer("user", user), layer("project", R"({"model":"openai/p"})"),
                                            layer("option", R"({"profile":"fast","params":{"seed":2}})")}));
  EXPECT_EQ(both.model, "a/f");
  EXPECT_EQ(both.seed, 2);
  const std::string_view chosen = R"({"model":"a/u","profile":"fast","profiles":{"fast":{"model":"a/f"}}})";
  EXPECT_EQ(agent_of(merged({layer("user", chosen)})).model, "a/f");
  EXPECT_EQ(agent_of(merged({layer("user", chosen), layer("environment", R"({"model":"a/e"})")})).model,
            "a/e");
  EXPECT_EQ(agent_of(merged({layer("user", chosen), layer("option", R"({"profile":""})")})).model, "a/u");
}

TEST(ConfigMerge, AnUnknownProfileNamesTheKnownOnes) {
  const Status status = merge_status(
      {layer("user", R"({"profiles":{"slow":{},"fast":{}}})"), layer("option", R"({"profile":"quick"})")});
  EXPECT_EQ(status.reason(), "unknown_profile");
  EXPECT_NE(status.message().find("known: fast, slow"), std::string_view::npos) << status.message();
}

TEST(ConfigMerge, AProjectMayOnlyTighten) {
  const std::string_view user =
      R"({"limits":{"max_turns":10,"max_tokens":100},"tools":["read","bash"],"tools_disabled":["ls"],
          "policy":{"allow":["read"],"ask":["bash"],"deny":["write"]},
          "providers":{"mine":{"base_url":"https://h"}}})";
  const AgentConfig agent = agent_of(
      merged({layer("user", user),
              layer("project", R"({"limits":{"max_turns":10,"max_tokens":99,"max_wall_ms":5},"tools":["read"],
         "tools_disabled":["bash"],"policy":{"ask":["read","write"],"deny":["bash"]},"model":"mine/x"})")}));
  EXPECT_EQ(agent.limits.max_tokens, 99);
  EXPECT_EQ(agent.limits.max_wall_ms, 5);
  EXPECT_EQ(agent.tools, Names{"read"});
  EXPECT_EQ(agent.policy.allow, Names{});
  EXPECT_EQ(agent.policy.ask, Names{"read"});
  EXPECT_EQ(agent.policy.deny, (Names{"bash", "write"}));
  EXPECT_EQ(agent.model, "mine/x");
  const std::string_view raises[] = {
      R"({"limits":{"max_turns":11}})",
      R"({"limits":{"max_turns":0}})",
      R"({"limits":{"max_tokens":0}})",
      R"({"limits":{"max_parallel_tools":9}})",
      R"({"limits":{"structured_retries":2}})",
      R"({"tools":["read","write"]})",
      R"({"model":"unheard/of"})",
      R"({"model":"scripted/x"})",
  };
  for (const std::string_view raise : raises) {
    const Status status = merge_status({layer("user", user), layer("project", raise)});
    EXPECT_EQ(status.reason(), "not_allowed_in_project") << raise;
    EXPECT_TRUE(status.message().starts_with("project: ")) << status.message();
  }
  EXPECT_EQ(merge_status({layer("project", R"({"model":"mine/x"})"), layer("option", user)}).reason(),
            "not_allowed_in_project");
  EXPECT_EQ(agent_of(merged({layer("project", R"({"tools_disabled":["ls"]})")})).tools.size(), 6u);
}

// Keys of which no two touch: a layer may hold any of them.
constexpr std::string_view kLeaves[] = {"max_turns",        "max_tokens",         "max_wall_ms",
                                        "max_prompt_bytes", "max_calls_per_turn", "approval_timeout_ms"};

json::Value limits_document(const std::vector<std::pair<size_t, int64_t>>& values) {
  json::Value limits = json::Value::object();
  for (const auto& [leaf, value] : values) limits.set(kLeaves[leaf], value);
  json::Value document = json::Value::object();
  document.set("limits", limits);
  return document;
}

rc::Gen<std::vector<std::pair<size_t, int64_t>>> any_values() {
  return rc::gen::container<std::vector<std::pair<size_t, int64_t>>>(
      rc::gen::pair(rc::gen::inRange<size_t>(0, std::size(kLeaves)), rc::gen::inRange<int64_t>(0, 1000)));
}

RC_GTEST_PROP(ConfigMerge, IsAssociativeAndTheLastLayerWins, ()) {
  const json::Value a = limits_document(*any_values());
  const json::Value b = limits_document(*any_values());
  const json::Value c = limits_document(*any_values());
  const Config all = merged({{"user", "", a}, {"option", "", b}, {"option", "", c}});
  const Config left =
      merged({{"user", "", merged({{"user", "", a}, {"option", "", b}}).document()}, {"option", "", c}});
  const Config right =
      merged({{"user", "", a}, {"option", "", merged({{"option", "", b}, {"option", "", c}}).document()}});
  RC_ASSERT(all.document() == left.document());
  RC_ASSERT(all.document() == right.document());
  const auto stepwise = merged({{"user", "", a}, {"option", "", b}}).with({"option", "", c});
  RC_ASSERT(stepwise.ok() && stepwise->document() == all.document());
  for (const auto& [name, value] : c["limits"].as_object())
    RC_ASSERT(all.document()["limits"][name] == value);
}

RC_GTEST_PROP(ConfigMerge, LayersWithDisjointKeysCommute, ()) {
  const auto values = *any_values();
  const size_t cut = *rc::gen::inRange<size_t>(0, std::size(kLeaves) + 1);
  std::vector<std::pair<size_t, int64_t>> low, high;
  for (const auto& value : values) (value.first < cut ? low : high).push_back(value);
  const Layer a{"option", "", limits_document(low)}, b{"option", "", limits_document(high)};
  RC_ASSERT(merged({a, b}).document() == merged({b, a}).document());
}

// ---- describing ------------------------------------------------------------------------------------------

TEST(ConfigDescribe, ShowsEachValueWithItsOriginAndNoSecret) {
  const std::string secret = "k" + std::string(24, 'z');
  json::Value options =
      doc(R"({"profile":"p","providers":{"x":{"base_url":"https://h","headers":{"A":"hush"}}}})");
  options.find("providers")->find("x")->set("api_key", secret);
  const Config config =
      merged({{"user", "home/tau.toml", doc(R"({"model":"a/b","profiles":{"p":{"system":"s"}}})")},
              {"option", "", options}});
  const std::string text = config.describe();
  EXPECT_EQ(text.find(secret), std::string::npos);
  EXPECT_EQ(text.find("hush"), std::string::npos);
  EXPECT_EQ(json::write(config.document()).find(secret), std::string::npos);
  const json::Value shown = doc(text);
  EXPECT_EQ(shown["profile"], json::Value("p"));
  const json::Value& values = shown["values"];
  EXPECT_EQ(values["model"], doc(R"({"value":"a/b","origin":"user","source":"home/tau.toml"})"));
  EXPECT_EQ(values["system"], doc(R"({"value":"s","origin":"user","source":"home/tau.toml"})"));
  EXPECT_EQ(values["limits.max_turns"], doc(R"({"value":50,"origin":"default"})"));
  EXPECT_EQ(values["providers.x.api_key"], doc(R"({"value":"[REDACTED]","origin":"option"})"));
  EXPECT_EQ(values["providers.x.headers"]["value"], doc(R"({"A":"[REDACTED]"})"));
  EXPECT_EQ(shown["layers"].size(), 2u);
}

TEST(ConfigSchema, AcceptsWhatTheCheckAcceptsAndRefusesWrongKeysAndTypes) {
  const auto schema = json::Schema::compile(doc(config_schema_json()));
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  const std::string_view good = R"({"model":"a/b","profiles":{"p":{"limits":{"max_turns":3}}},
    "tools":["read"],"providers":{"x":{"base_url":"https://h/v1","dialect":"openai_chat",
    "headers":{"a":"b"},"price":{"input":3},"quirks":{"developer_role":true}}},
    "network":{"private_origins":["http://127.0.0.1:1"]},"store":{"durability":"full"}})";
  EXPECT_EQ(schema->explain(doc(good)), "");
  EXPECT_TRUE(check_document(layer("user", good)).ok());
  for (const BadDocument& bad : kBad) {
    const bool general =
        bad.origin == "user" && (bad.reason == "unknown_key" || bad.reason == "unknown_tool" ||
                                 bad.reason == "invalid_model_reference");
    if (general) { EXPECT_NE(schema->explain(doc(bad.document)), "") << bad.document; }
  }
  const auto agent = json::Schema::compile(doc(agent_schema_json()));
  ASSERT_TRUE(agent.ok()) << agent.status().to_string();
  EXPECT_EQ(agent->explain(doc(R"({"model":"a/b","params":{"seed":1}})")), "");
  EXPECT_NE(agent->explain(doc(R"({"store":{"durability":"full"}})")), "");
}

// TAU_UPDATE_SCHEMAS=1 rewrites the committed files.
TEST(ConfigSchema, TheCommittedFilesAreFresh) {
  const std::string folder = std::string(TAU_SOURCE_ROOT) + "/docs/schema/";
  const std::pair<std::string, std::string> files[] = {{folder + "config.json", config_schema_json()},
                                                       {folder + "agent.json", agent_schema_json()}};
  for (const auto& [path, wanted] : files) {
    if (std::getenv("TAU_UPDATE_SCHEMAS") != nullptr) std::ofstream(path) << wanted;
    const auto committed = load_file("user", path);
    ASSERT_TRUE(committed.ok() && committed->has_value()) << path;
    EXPECT_EQ(json::write_pretty((*committed)->document) + "\n", wanted) << path << " is stale";
  }
}

}  // namespace
}  // namespace tau::runtime
