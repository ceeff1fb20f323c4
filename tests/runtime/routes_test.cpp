// Routes, the keys bound to them, and what is detected when no model is configured.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

#include "runtime/config.h"
#include "runtime/config_local.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Environment environment(Variables variables = {}) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
}

// Built at run time: nothing here has the shape of a real key.
std::string made_key(char c) { return "key-" + std::string(12, c); }

Layer layer(std::string_view origin, std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  return {std::string(origin), "", value.ok() ? *std::move(value) : json::Value::object()};
}

Config merged(std::vector<Layer> layers) {
  auto config = Config::merge(std::move(layers));
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return config.ok() ? *std::move(config) : Config();
}

net::Url url(std::string_view text) {
  auto parsed = net::parse_url(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *std::move(parsed) : net::Url();
}

provider::Route route_of(const Config& config, std::string_view model, const Environment& env) {
  auto route = config.route(model, env);
  EXPECT_TRUE(route.ok()) << route.status().to_string();
  return route.ok() ? *std::move(route) : provider::Route();
}

std::string revealed(const StatusOr<Secret>& secret) {
  if (!secret.ok()) return std::string(secret.status().reason());
  return secret->reveal([](std::string_view bytes) { return std::string(bytes); });
}

TEST(Route, OfAKnownProviderComesFromTheTable) {
  const Environment env = environment({{"ANTHROPIC_API_KEY", made_key('a')}});
  const provider::Route route = route_of(Config(), "anthropic/some-model", env);
  EXPECT_EQ(route.provider, "anthropic");
  EXPECT_EQ(route.model, "some-model");
  EXPECT_EQ(route.base_url, "https://api.anthropic.com/v1");
  ASSERT_NE(route.dialect, nullptr);
  EXPECT_EQ(route.dialect->name(), "anthropic_messages");
  EXPECT_EQ(route.credential_id, "anthropic");
  EXPECT_EQ(revealed(Config().credential("anthropic", url(route.base_url + "/messages"), env)),
            made_key('a'));
}

TEST(Route, OfALocalProviderNeedsNoKey) {
  const provider::Route route = route_of(Config(), "ollama/qwen3:4b", environment());
  EXPECT_EQ(route.credential_id, "");
  EXPECT_EQ(route.model, "qwen3:4b");
  EXPECT_TRUE(route.quirks.text_tool_calls);
}

TEST(Route, ReservedNamesHaveNoDialect) {
  for (const char* model : {"scripted/anything", "offline/offline"}) {
    const provider::Route route = route_of(Config(), model, environment());
    EXPECT_EQ(route.dialect, nullptr);
    EXPECT_EQ(route.base_url, "");
    EXPECT_EQ(std::string(model), route.provider + "/" + route.model);
  }
}

TEST(Route, ReadsEveryProviderKey) {
  const Config config = merged({layer("user", R"({"providers":{"mine":{"base_url":"https://h:8443/v1/",
    "dialect":"anthropic_messages","key_env":"MY_KEY","key_header":"x-key","key_prefix":"Token ",
    "headers":{"x-team":"t"},"context_tokens":1000,"max_output_tokens":100,
    "price":{"input":1,"output":2,"cached_input":3,"cache_write":4},
    "deadlines":{"connect_ms":5,"first_byte_ms":6,"idle_ms":7,"progress_ms":8,"total_ms":9},
    "retry":{"max_attempts":10,"base_delay_ms":11,"max_delay_ms":12,"max_retry_after_ms":13},
    "quirks":{"usage_in_stream_option":false,"max_completion_tokens":true,"developer_role":true,
    "reasoning_back":true,"reasoning_details_back":true,"done_mark_optional":true,"text_tool_calls":true}}}})")});
  const provider::Route route = route_of(config, "mine/a/b", environment({{"MY_KEY", made_key('m')}}));
  EXPECT_EQ(route.model, "a/b");
  EXPECT_EQ(route.base_url, "https://h:8443/v1");
  EXPECT_EQ(route.dialect->name(), "anthropic_messages");
  EXPECT_EQ(route.credential_id, "mine");
  EXPECT_EQ(route.credential_header, "x-key");
  EXPECT_EQ(route.credential_prefix, "Token ");
  ASSERT_EQ(route.headers.size(), 1u);
  EXPECT_EQ(route.headers[0], (std::pair<std::string, std::string>("x-team", "t")));
  EXPECT_EQ(route.context_tokens, 1000);
  EXPECT_EQ(route.max_output_tokens, 100);
  const provider::Price& p = route.price;
  EXPECT_EQ((std::vector{p.input_usd_micros, p.output_usd_micros, p.cached_input_usd_micros,
                         p.cache_write_usd_micros}),
            (std::vector<int64_t>{1, 2, 3, 4}));
  const provider::Deadlines& d = route.deadlines;
  EXPECT_EQ((std::vector{d.connect_ms, d.first_byte_ms, d.idle_ms, d.progress_ms, d.total_ms}),
            (std::vector<int64_t>{5, 6, 7, 8, 9}));
  EXPECT_EQ(route.retry.max_attempts, 10);
  EXPECT_EQ(
      (std::vector{route.retry.base_delay_ms, route.retry.max_delay_ms, route.retry.max_retry_after_ms}),
      (std::vector<int64_t>{11, 12, 13}));
  const wire::Quirks& q = route.quirks;
  EXPECT_FALSE(q.usage_in_stream_option);
  EXPECT_TRUE(q.max_completion_tokens && q.developer_role && q.reasoning_back && q.reasoning_details_back &&
              q.done_mark_optional && q.text_tool_calls);
}

TEST(Route, ACustomProviderSpeaksOpenAiUnlessToldOtherwise) {
  const Config config =
      merged({layer("user", R"({"providers":{"mine":{"base_url":"http://10.0.0.5:1/v1"}}})")});
  const provider::Route route = route_of(config, "mine/m", environment());
  EXPECT_EQ(route.dialect->name(), "openai_chat");
  EXPECT_EQ(route.credential_id, "");
}

TEST(Route, AnUnknownProviderNamesTheKnownOnes) {
  const Config config = merged({layer("user", R"({"providers":{"mine":{"base_url":"https://h"}}})")});
  const Status status = config.route("nobody/m", environment()).status();
  EXPECT_EQ(status.reason(), "invalid_model_reference");
  for (const char* name : {"nobody", "openai", "ollama", "mine", "offline"})
    EXPECT_NE(status.message().find(name), std::string_view::npos) << status.message();
  EXPECT_EQ(config.route("openai", environment()).status().reason(), "invalid_model_reference");
  const Config bare = merged({layer("user", R"({"providers":{"mine":{"context_tokens":5}}})")});
  EXPECT_EQ(bare.route("mine/m", environment()).status().reason(), "missing_base_url");
}

TEST(Route, AMissingKeyNamesVariableAndConfigurationKey) {
  for (const Environment& env : {environment(), environment({{"OPENAI_API_KEY", " \n"}}), Environment()}) {
    const Status status = Config().route("openai/gpt", env).status();
    EXPECT_EQ(status.code(), Code::kUnauthenticated);
    EXPECT_EQ(status.reason(), "missing_key");
    EXPECT_NE(status.message().find("OPENAI_API_KEY"), std::string_view::npos);
    EXPECT_NE(status.message().find("providers.openai.key_file"), std::string_view::npos);
  }
}

TEST(Credential, IsBoundToItsOrigin) {
  const Environment env = environment({{"OPENAI_API_KEY", made_key('o')}});
  const Config config;
  EXPECT_EQ(revealed(config.credential("openai", url("https://api.openai.com/v1/x"), env)), made_key('o'));
  for (const char* other : {"http://api.openai.com/v1", "https://api.openai.com:8443/v1",
                            "https://evil.example/v1", "https://api.openai.com.evil.example/v1"}) {
    const Status status = config.credential("openai", url(other), env).status();
    EXPECT_EQ(status.code(), Code::kPermissionDenied);
    EXPECT_EQ(status.reason(), "credential_origin_mismatch") << other;
  }
  EXPECT_EQ(config.credential("ollama", url("http://127.0.0.1:11434"), env).status().reason(),
            "unknown_credential");
}

TEST(Credential, AMovedBaseUrlDoesNotTakeTheKeyAlong) {
  const Environment env = environment({{"OPENAI_API_KEY", made_key('o')}, {"MINE", made_key('m')}});
  const char* moved = R"({"providers":{"openai":{"base_url":"https://proxy.example/v1"}}})";
  // The well-known variable belongs to the provider's own origin.
  const Config ambient = merged({layer("user", moved)});
  EXPECT_EQ(route_of(ambient, "openai/m", env).credential_id, "");
  EXPECT_EQ(revealed(ambient.credential("openai", url("https://proxy.example/v1"), env)),
            "credential_origin_mismatch");
  // A key that a lower layer named for the provider's own origin.
  const Config above =
      merged({layer("user", R"({"providers":{"openai":{"key_env":"MINE"}}})"), layer("option", moved)});
  EXPECT_EQ(above.route("openai/m", env).status().reason(), "credential_origin_mismatch");
  // A key named beside the URL, or above it.
  const Config beside = merged({layer(
      "option", R"({"providers":{"openai":{"base_url":"https://proxy.example/v1","key_env":"MINE"}}})")});
  EXPECT_EQ(route_of(beside, "openai/m", env).credential_id, "openai");
  EXPECT_EQ(revealed(beside.credential("openai", url("https://proxy.example/v1"), env)), made_key('m'));
  EXPECT_EQ(revealed(beside.credential("openai", url("https://api.openai.com/v1"), env)),
            "credential_origin_mismatch");
  const Config over =
      merged({layer("user", moved), layer("option", R"({"providers":{"openai":{"key_env":"MINE"}}})")});
  EXPECT_EQ(revealed(over.credential("openai", url("https://proxy.example/x"), env)), made_key('m'));
  // A key of a provider that had no URL yet belongs to the first one that follows.
  const Config later = merged({layer("user", R"({"providers":{"mine":{"key_env":"MINE"}}})"),
                               layer("option", R"({"providers":{"mine":{"base_url":"https://h"}}})")});
  EXPECT_EQ(revealed(later.credential("mine", url("https://h/v1"), env)), made_key('m'));
}

TEST(Credential, TheHighestLayerWinsAndTheKeyItselfBeforeFileAndVariable) {
  const Environment env = environment({{"MINE", made_key('m')}, {"OTHER", made_key('n')}});
  const std::string option =
      R"({"providers":{"mine":{"key_env":"OTHER","api_key":")" + made_key('x') + R"("}}})";
  const char* user = R"({"providers":{"mine":{"base_url":"https://h","key_env":"MINE"}}})";
  EXPECT_EQ(revealed(merged({layer("user", user)}).credential("mine", url("https://h"), env)), made_key('m'));
  const Config config = merged({layer("user", user), layer("option", option)});
  EXPECT_EQ(revealed(config.credential("mine", url("https://h"), env)), made_key('x'));
  const auto of_an_agent = config.with(layer("agent", R"({"providers":{"mine":{"key_env":"MINE"}}})"));
  EXPECT_FALSE(of_an_agent.ok());  // keys and where they go belong to the runtime
  const auto untouched = config.with(layer("agent", R"({"model":"mine/x"})"));
  ASSERT_TRUE(untouched.ok());
  EXPECT_EQ(revealed(untouched->credential("mine", url("https://h"), env)), made_key('x'));
}

TEST(Credential, AKeyFileMustBeClosedToOthers) {
  const test::TempDir dir;
  const std::string path = dir.write("key", made_key('f') + "\n");
  const Config config = merged(
      {layer("user", R"({"providers":{"mine":{"base_url":"https://h","key_file":")" + path + R"("}}})")});
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(revealed(config.credential("mine", url("https://h"), {})), made_key('f'));
  for (const mode_t mode : {0640u, 0604u, 0666u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const Status status = config.credential("mine", url("https://h"), {}).status();
    EXPECT_EQ(status.reason(), "file_not_private");
    EXPECT_NE(status.message().find(path), std::string_view::npos) << status.message();
    EXPECT_EQ(status.message().find("ffff"), std::string_view::npos);
  }
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(config.route("mine/m", {}).status().reason(), "file_not_found");
}

TEST(Credential, AKeyThatNoHeaderCanCarryIsRefusedUnseen) {
  const Environment env = environment({{"OPENAI_API_KEY", made_key('o') + "\r\nx: y"}});
  const Status status = Config().credential("openai", url("https://api.openai.com"), env).status();
  EXPECT_EQ(status.reason(), "bad_value");
  EXPECT_EQ(status.message().find("oooo"), std::string_view::npos);
}

TEST(EnvironmentTable, NamesEveryVariableThatIsReadAndNoOther) {
  std::vector<std::string> asked;
  const Environment spy = [&](std::string_view name) -> std::optional<std::string> {
    asked.emplace_back(name);
    return std::nullopt;
  };
  const Layer none = environment_layer(spy);
  EXPECT_EQ(none.document.size(), 0u);
  EXPECT_EQ(detect_model(Config(), spy, nullptr).model, "offline/offline");
  std::vector<std::string> listed;
  for (const Variable& variable : environment_variables()) listed.emplace_back(variable.name);
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  std::sort(listed.begin(), listed.end());
  EXPECT_EQ(asked, listed);
  const Layer both = environment_layer(environment({{"TAU_MODEL", "a/b"}, {"TAU_PROFILE", "p"}}));
  EXPECT_EQ(json::write(both.document), R"({"model":"a/b","profile":"p"})");
  EXPECT_EQ(environment_layer(environment({{"TAU_MODEL", ""}})).document.size(), 0u);
}

// ---- detection -------------------------------------------------------------------------------------------

TEST(Detect, GoesFromConfigurationToKeyToServerToOffline) {
  const auto server = [] { return std::optional<Detected>({"ollama/llama", "found"}); };
  const auto nothing = [] { return std::optional<Detected>(); };
  const Environment keys = environment({{"OPENAI_API_KEY", made_key('o')}, {"GROQ_API_KEY", made_key('g')}});
  EXPECT_EQ(detect_model(merged({layer("option", R"({"model":"a/b"})")}), keys, server).model, "a/b");
  const Detected by_key = detect_model(Config(), keys, server);
  EXPECT_TRUE(by_key.model.starts_with("openai/")) << by_key.model;
  EXPECT_EQ(by_key.reason, "OPENAI_API_KEY is set");
  EXPECT_EQ(detect_model(Config(), environment(), server).model, "ollama/llama");
  EXPECT_EQ(detect_model(Config(), environment(), nothing).model, "offline/offline");
  EXPECT_EQ(detect_model(Config(), environment({{"OPENAI_API_KEY", ""}}), nullptr).model, "offline/offline");
}

TEST(Detect, AKeyThatIsBoundElsewhereDoesNotCount) {
  const Config config = merged({layer("user", R"({"providers":{"openai":{"base_url":"https://h/v1"}}})")});
  EXPECT_EQ(detect_model(config, environment({{"OPENAI_API_KEY", made_key('o')}}), nullptr).model,
            "offline/offline");
}

constexpr std::string_view kProcTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0\n"
    "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0\n"
    "   2: 0100007F:1F40 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 100 0\n"
    "   3: 0100007F:04D2 00000000:0000 0A 00000000:00000000 00:00000000 00000000   666        0 4 1 0 100 "
    "0\n";
constexpr std::string_view kProcTcp6 =
    "   0: 00000000000000000000000000000000:2CAA 00000000000000000000000000000000:0000 0A 0:0 00:0 0 666 0 "
    "5\n"
    "   1: 00000000000000000000000001000000:1F41 00000000000000000000000000000000:0000 0A 0:0 00:0 0 1000 0 "
    "6\n"
    "   2: 0000000000000000FFFF00000100007F:1F42 00000000000000000000000000000000:0000 0A 0:0 00:0 0 1000 0 "
    "7\n";

TEST(Listeners, AreReadFromProcNetTcp) {
  const auto v4 = parse_listeners(kProcTcp);
  ASSERT_EQ(v4.size(), 3u);
  EXPECT_EQ(v4[0].address.to_string(), "127.0.0.1:11434");
  EXPECT_EQ(v4[0].uid, 1000u);
  EXPECT_EQ(v4[1].address.to_string(), "0.0.0.0:8080");
  const auto v6 = parse_listeners(kProcTcp6);
  ASSERT_EQ(v6.size(), 3u);
  EXPECT_EQ(v6[0].address.to_string(), "[::]:11434");
  EXPECT_EQ(v6[1].address.to_string(), "[::1]:8001");
  EXPECT_TRUE(v6[2].address.is_v6 && v6[2].address.is_loopback());
}

TEST(Listeners, GarbageIsNoListener) {
  for (const std::string_view text :
       {"", "\n\n", "0: 0100007F:2CAA", "0: 0100007F:XXXX 0 0A 0 0 0 0 0", "0: 0100007F:12345 0 0A 0 0 0 0 0",
        "0: 0100:2CAA 0 0A 0 0 0 0", "0: 0100007F:2CAA 0 0A 0 0 0 -1 0",
        "0: 0100007F:2CAA 0 0A 0 0 0 99999999999"})
    EXPECT_TRUE(parse_listeners(text).empty()) << text;
}

TEST(Listeners, OnlyOursAndRootsAreTrusted) {
  const auto v4 = parse_listeners(kProcTcp);
  EXPECT_EQ(judge_port(v4, 11434, 1000), Trust::kOurs);
  EXPECT_EQ(judge_port(v4, 11434, 1001), Trust::kForeign);
  EXPECT_EQ(judge_port(v4, 8080, 1001), Trust::kOurs);    // root's
  EXPECT_EQ(judge_port(v4, 8000, 1000), Trust::kNobody);  // a connection, no listener
  EXPECT_EQ(judge_port(v4, 1234, 1000), Trust::kForeign);
  auto all = v4;
  const auto v6 = parse_listeners(kProcTcp6);
  all.insert(all.end(), v6.begin(), v6.end());
  EXPECT_EQ(judge_port(all, 11434, 1000), Trust::kForeign);  // a stranger's wildcard stands beside ours
  EXPECT_EQ(judge_port(all, 8001, 1000), Trust::kNobody);    // ::1 does not take 127.0.0.1
  EXPECT_EQ(judge_port(all, 8002, 1000), Trust::kOurs);      // the mapped form does
}

TEST(LocalServers, AreTheKnownProvidersWithoutKeyOnThisMachine) {
  std::vector<uint16_t> ports;
  for (const LocalServer& server : known_local_servers()) ports.push_back(server.port);
  EXPECT_EQ(ports, (std::vector<uint16_t>{11434, 8080, 8000, 1234}));
}

TEST(LocalServers, TheFirstModelThatParsesIsTaken) {
  EXPECT_EQ(first_model("vllm", R"({"data":[{"id":"org/name"},{"id":"x"}]})"), "vllm/org/name");
  EXPECT_EQ(first_model("vllm", R"({"data":[{"id":""},{"id":7},{"id":"a b"},{"id":"x"}]})"), "vllm/x");
  for (const char* body : {"", "{}", "[]", "<html>", R"({"data":{}})", R"({"data":[]})", R"({"data":[1]})"})
    EXPECT_EQ(first_model("vllm", body), "") << body;
}

// A server on a port of the kernel's choice that answers its first request with `response`; one that never
// accepts when that is empty.
class OneShotServer {
 public:
  explicit OneShotServer(std::string response) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 4), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    if (!response.empty()) thread_ = std::thread([this, response = std::move(response)] { serve(response); });
  }
  ~OneShotServer() {
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  LocalServer as(std::string_view provider) const {
    return {std::string(provider), format("http://127.0.0.1:{}/v1", port_), port_};
  }

 private:
  void serve(const std::string& response) const {
    const int peer = accept(fd_, nullptr, nullptr);
    if (peer < 0) return;
    std::string request;
    char buffer[1024];
    while (request.find("\r\n\r\n") == request.npos) {
      const ssize_t n = read(peer, buffer, sizeof buffer);
      if (n <= 0) break;
      request.append(buffer, static_cast<size_t>(n));
    }
    if (request.starts_with("GET /v1/models ")) {
      EXPECT_EQ(write(peer, response.data(), response.size()), static_cast<ssize_t>(response.size()));
    }
    close(peer);
  }

  const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string http_answer(std::string_view status, std::string_view body) {
  return format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status, body.size(),
                body);
}

TEST(LocalServers, TheMostPreferredThatAnswersIsTaken) {
  const OneShotServer refusing(http_answer("404 Not Found", R"({"data":[{"id":"no"}]})"));
  const OneShotServer good(http_answer("200 OK", R"({"data":[{"id":"yes"}]})"));
  const OneShotServer also(http_answer("200 OK", R"({"data":[{"id":"late"}]})"));
  const std::vector<LocalServer> servers = {refusing.as("ollama"), good.as("vllm"), also.as("lmstudio")};
  const auto found = ask_servers(servers, system_clock(), 10'000);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->model, "vllm/yes");
  EXPECT_NE(found->reason.find(good.as("x").base_url), std::string::npos) << found->reason;
}

TEST(LocalServers, SilenceEndsWithTheTimeout) {
  const OneShotServer silent("");
  const std::vector<LocalServer> servers = {silent.as("ollama")};
  EXPECT_FALSE(ask_servers(servers, system_clock(), 50).has_value());
  EXPECT_FALSE(ask_servers({}, system_clock(), 50).has_value());
  EXPECT_FALSE(ask_servers(servers, system_clock(), 0).has_value());
}

}  // namespace
}  // namespace tau::runtime
