// A confined command and its proxy: what it reaches, what it does not, and that each connection is told.
#include <gmock/gmock.h>

#include "executor_fixture.h"
#include "safety/safety.h"
#include "support/scripted_server.h"

namespace tau::tool {
namespace {

using ::testing::HasSubstr;
using HttpReply = tau::test::Reply;

class NoCredentials final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url&) override {
    return permission_denied("credential_origin_mismatch", "none");
  }
};

class CommandProxyTest : public test::ExecutorFixture {
 protected:
  void SetUp() override {
    ExecutorFixture::SetUp();
    launcher = *os::Launcher::create({.helper_path = TAU_TEST_EXEC, .build_helper_path = ""});
    if (launcher->confinement_status().best != os::Mechanism::kBubblewrap)
      GTEST_SKIP() << launcher->confinement_status().bubblewrap_defect;
    Sandbox demanded;
    demanded.confinement.profile = os::Profile::kWorkspaceWrite;
    demanded.confinement.network = os::NetworkAccess::kProxy;
    demanded.confinement.roots = {dir.path()};
    sandbox = std::make_shared<const Sandbox>(demanded);
    for (const auto& tool : builtin_tools(true)) ASSERT_TRUE(registry.add(tool).ok());
    egress =
        std::make_unique<safety::Egress>(*safety::Egress::compile({.granted_origins = {granted.url("")}}));
    web = net::make_http_client(*loop, *egress, credentials, {});
    proxy.told = [this](const Call& call, const net::ProxyRecord& record) {
      told.push_back(format("{} {}:{} {}", call.id, record.host, record.port, record.verdict));
    };
    make();
  }
  void TearDown() override {
    executor.reset();
    web.reset();
  }
  void make() {
    Context c = context();
    c.web = web.get();
    c.proxy = std::make_shared<const CommandProxy>(proxy);
    executor = std::make_unique<Executor>(registry, policy, &audit, nullptr, workers, *loop, c);
  }
  Result bash(const std::string& command) {
    json::Value v;
    v.set("command", command);
    return run("bash", json::write(v));
  }
  std::string curl(const std::string& words) {
    return bash("curl -sS -m 10 " + words + " 2>&1; echo \"code $?\"").content;
  }

  tau::test::ScriptedServer granted, other;
  NoCredentials credentials;
  std::unique_ptr<safety::Egress> egress;
  std::unique_ptr<net::HttpClient> web;
  CommandProxy proxy;
  std::vector<std::string> told;
};

TEST_F(CommandProxyTest, ReachesWhatIsGrantedByRequestAndByTunnel) {
  granted.enqueue(HttpReply().body("plain"));
  granted.enqueue(HttpReply().body("tunnelled"));
  EXPECT_EQ(curl(granted.url("/a")), "plaincode 0\n");
  EXPECT_EQ(curl("--proxytunnel " + granted.url("/b")), "tunnelledcode 0\n");
  const std::string line = format("c1 127.0.0.1:{} ok", granted.port());
  EXPECT_EQ(told, (std::vector<std::string>{line, line}));
  const json::Value details = *json::parse(results["c1"].details_json);
  EXPECT_FALSE(details["not_sandboxed"].as_bool(true));
  EXPECT_EQ(details["connections"].as_int(), 1);
  EXPECT_EQ(details["connections_refused"].as_int(), 0);
  const json::Value& row = details["network"].as_array().at(0);
  EXPECT_EQ(row["host"].as_string(), "127.0.0.1");
  EXPECT_EQ(row["port"].as_int(), granted.port());
  EXPECT_EQ(row["verdict"].as_string(), "ok");
  EXPECT_GT(row["sent_bytes"].as_int(), 30);
  EXPECT_GT(row["received_bytes"].as_int(), 30);
}

TEST_F(CommandProxyTest, WhatTheRulesRefuseIsRefusedAndToldToTheCommand) {
  const std::string port = std::to_string(other.port());
  struct Case {
    std::string url;
    const char* reason;
  };
  const Case cases[] = {
      {"http://127.0.0.1:" + port + "/", "egress_scheme"},
      {"http://localhost:" + port + "/", "egress_scheme"},
      {"http://169.254.169.254/latest/meta-data", "egress_metadata"},
      {"http://[::ffff:127.0.0.1]:" + port + "/", "egress_scheme"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(curl(c.url), HasSubstr(c.reason)) << c.url;
    EXPECT_THAT(told.back(), HasSubstr(c.reason)) << c.url;
    EXPECT_THAT(curl("--proxytunnel " + c.url), HasSubstr("code 56")) << c.url;
  }
  for (const char* url :
       {"https://127.0.0.1/", "https://169.254.169.254/", "https://metadata.google.internal/"})
    EXPECT_THAT(curl(url), HasSubstr("code 56")) << url;
  EXPECT_EQ(told.size(), 2 * std::size(cases) + 3);
  EXPECT_EQ(other.connections(), 0u);
}

TEST_F(CommandProxyTest, NothingLeadsPastTheProxy) {
  for (const std::string& words :
       {"--noproxy '*' " + granted.url("/"), "--noproxy '*' " + other.url("/"),
        std::string("--noproxy '*' http://169.254.169.254/"), "-x http://127.0.0.1:1 " + granted.url("/")})
    EXPECT_THAT(curl(words), HasSubstr("code 7")) << words;
  EXPECT_THAT(bash("getent ahosts example.com; echo \"code $?\"").content, HasSubstr("code 2"));
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(granted.connections() + other.connections(), 0u);
}

TEST_F(CommandProxyTest, NamesTheProxyAndNothingElse) {
  environment = {"http_proxy=http://evil.example", "no_proxy=*"};
  make();
  const std::string out = bash("env | grep -i proxy | sort").content;
  EXPECT_EQ(out,
            "ALL_PROXY=http://127.0.0.1:3128\nHTTPS_PROXY=http://127.0.0.1:3128\n"
            "HTTP_PROXY=http://127.0.0.1:3128\nall_proxy=http://127.0.0.1:3128\n"
            "http_proxy=http://127.0.0.1:3128\nhttps_proxy=http://127.0.0.1:3128\n");
}

TEST_F(CommandProxyTest, WhatIsNoRequestToAProxyIsToldSo) {
  EXPECT_THAT(curl("--noproxy '*' http://127.0.0.1:3128/"), HasSubstr("proxy_needs_connect: "));
}

TEST_F(CommandProxyTest, TheEndOfACommandOrItsCallEndsItsConnections) {
  granted.enqueue(HttpReply().head().never());
  const std::string url = granted.url("/");
  bash("curl -sNi -m 30 " + url + " > head & while ! test -s head; do sleep 0.01; done");
  ASSERT_TRUE(granted.wait_requests(1));
  ASSERT_TRUE(granted.wait_disconnects(1));
  EXPECT_EQ(told.size(), 1u);
  granted.enqueue(HttpReply().head().never());
  results.clear();
  json::Value v;
  v.set("command", "curl -sN " + url);
  execute("bash", json::write(v));
  for (int i = 0; i < 4000 && granted.requests().size() < 2; ++i) ASSERT_TRUE(loop->process(5).ok());
  executor->cancel("r1", "c1");
  EXPECT_EQ(wait().reason, "cancelled");
  ASSERT_TRUE(granted.wait_disconnects(2));
  EXPECT_EQ(told.size(), 2u);
}

TEST_F(CommandProxyTest, TheEndOfTheExecutorLeavesNothing) {
  granted.enqueue(HttpReply().head().never());
  json::Value v;
  v.set("command", "curl -sN " + granted.url("/"));
  execute("bash", json::write(v));
  for (int i = 0; i < 4000 && granted.requests().empty(); ++i) ASSERT_TRUE(loop->process(5).ok());
  executor.reset();
  web.reset();
  ASSERT_TRUE(granted.wait_disconnects(1));
}

TEST_F(CommandProxyTest, EachConnectionIsAuditedBeforeTheResultOfItsCall) {
  granted.enqueue(HttpReply().body("plain"));
  bash("curl -sS -m 10 " + granted.url("/a") + "; curl -sS -m 10 http://169.254.169.254/");
  EXPECT_EQ(audit.lines, (std::vector<std::string>{"c1 allow", "c1 allowed 127.0.0.1 ok",
                                                   "c1 refused 169.254.169.254 egress_metadata", "c1 ok"}));
  EXPECT_EQ(audit.ended_connections, 2);
}

TEST_F(CommandProxyTest, AFloodIsCountedAndNotToldOneByOne) {
  int64_t more = 0;
  proxy.told_no_more = [&](const Call&, int64_t connections) { more += connections; };
  make();
  const std::string out =
      bash(
          "for i in {1..400}; do exec 3<>/dev/tcp/127.0.0.1/3128; "
          "printf 'CONNECT 169.254.169.254:80 HTTP/1.1\\r\\n\\r\\n' >&3; read -r line <&3; exec 3>&-; done; "
          "echo $line")
          .content;
  EXPECT_THAT(out, HasSubstr("HTTP/1.1 "));
  EXPECT_EQ(told.size(), static_cast<size_t>(CommandProxy::kMostTold));
  EXPECT_EQ(more, 300);
  EXPECT_EQ(audit.ended_connections, 400) << "who keeps records is told of all";
  const json::Value details = *json::parse(results["c1"].details_json);
  EXPECT_EQ(details["connections"].as_int(), 400);
  EXPECT_EQ(details["network"].as_array().size(), static_cast<size_t>(CommandProxy::kMostTold));
}

TEST_F(CommandProxyTest, WithoutAProxyNothingRuns) {
  Context c = context();
  executor = std::make_unique<Executor>(registry, policy, &audit, nullptr, workers, *loop, c);
  EXPECT_EQ(bash("touch made").reason, "no_network");
}

}  // namespace
}  // namespace tau::tool
