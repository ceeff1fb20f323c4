// Who may do what, from the policy of roles to the world: whatever a model asks for, by whichever way in, a
// principal without the right does nothing.
#include "runtime/access.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/core.h"
#include "runtime/policy.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr const char* kPolicy = R"({"schema_version":1,
  "roles":{
    "reader":{"allow":[{"action":"tool:read","resource":"workspace/*"},
                       {"action":"tool:ls","resource":"workspace/*"},
                       {"action":"tool:grep","resource":"workspace/*"},
                       {"action":"tool:http","resource":"https://api.example.com:443"},
                       {"action":"tool:send","resource":"to:*@example.com"},
                       {"action":"tool:look","resource":"tool/look"}],
              "deny":[{"action":"tool:*","resource":"workspace/secrets/*"}]},
    "writer":{"allow":[{"action":"tool:write","resource":"workspace/*"}]},
    "shell":{"allow":[{"action":"tool:bash","resource":"*"}]},
    "talker":{"allow":[{"action":"session:*","resource":"session/*"}]}},
  "bindings":[
    {"principal":"alice","roles":["reader","writer","talker"]},
    {"principal":"bob","roles":["writer"],"scopes":["workspace/bob/*"]},
    {"principal":"carol","roles":["shell"]},
    {"principal":"dave","roles":["shell","reader"]},
    {"principal":"mallory","roles":["talker"]}]})";

// One tool and one principal after the other.
class Calls : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(workspace_.path() + "/secrets");
    workspace_.write("secrets/key", "k");
    workspace_.write("open/a", "a");
    std::filesystem::create_symlink("../secrets", workspace_.path() + "/open/way");
    std::filesystem::create_symlink("../secrets/new", workspace_.path() + "/open/none");
    std::shared_ptr<const os::Workspace> workspace = *os::Workspace::open(workspace_.path());
    access_ = *AccessControl::make({.policy = "", .document = kPolicy}, "", workspace);
    rules_ = *AgentPolicy::make({}, {}, {});
  }

  std::string ask(const char* who, const char* name, const char* arguments, bool of_host = false,
                  tool::Effect effect = tool::Effect::kRead, std::vector<std::string> destinations = {}) {
    tool::Manifest manifest;
    manifest.name = name;
    manifest.effect = effect;
    manifest.destination_args = std::move(destinations);
    tool::Call call;
    call.name = name;
    call.principal = who;
    call.arguments = *json::parse(arguments);
    const Status status = access_->authorize_call({call, manifest}, rules_->rules(), of_host);
    return status.ok() ? "yes" : std::string(status.reason());
  }

  test::TempDir workspace_;
  std::shared_ptr<const AccessControl> access_;
  std::shared_ptr<const AgentPolicy> rules_;
};

TEST_F(Calls, AreJudgedByWhereTheyLand) {
  EXPECT_EQ(ask("alice", "read", R"({"path":"open/a"})"), "yes");
  EXPECT_EQ(ask("alice", "read", R"({"path":"./open//a"})"), "yes");
  EXPECT_EQ(ask("alice", "ls", "{}"), "yes");
  // The same place by another name, and through links, also to what is not there yet.
  for (const char* path : {"secrets/key", "open/../secrets/key", "open/way/key", "open/way/deeper/none",
                           "open/none", "open/missing/../../secrets/key", "/etc/passwd", "../x"})
    EXPECT_EQ(ask("alice", "read", format(R"({{"path":"{}"}})", path).c_str()), "access_denied") << path;
  EXPECT_EQ(ask("alice", "read", format(R"({{"path":"{}/open/a"}})", workspace_.path()).c_str()), "yes");
  EXPECT_EQ(ask("alice", "edit", R"({"path":"open/a"})"), "access_denied");
}

TEST_F(Calls, ThatLookBelowADirectoryNeedAllOfIt) {
  EXPECT_EQ(ask("alice", "grep", R"({"path":"open","pattern":"x"})"), "yes");
  EXPECT_EQ(ask("alice", "grep", R"({"path":"open/a","pattern":"x"})"), "yes");
  EXPECT_EQ(ask("alice", "grep", R"({"pattern":"x"})"), "access_denied");
  EXPECT_EQ(ask("alice", "grep", R"({"path":"open/way","pattern":"x"})"), "access_denied");
}

TEST_F(Calls, OfCommandsNeedEverything) {
  const auto bash = [&](const char* who) {
    return ask(who, "bash", R"({"command":"cat secrets/key"})", false, tool::Effect::kExec, {"command"});
  };
  EXPECT_EQ(bash("carol"), "yes");
  EXPECT_EQ(bash("dave"), "access_denied");  // something is kept from it
  EXPECT_EQ(bash("alice"), "access_denied");
}

TEST_F(Calls, ScopesNarrow) {
  const auto write = [&](const char* path) {
    return ask("bob", "write", format(R"({{"path":"{}"}})", path).c_str(), false, tool::Effect::kWrite);
  };
  EXPECT_EQ(write("bob/new"), "yes");
  EXPECT_EQ(write("bobby"), "access_denied");
  EXPECT_EQ(write("open/a"), "access_denied");
}

TEST_F(Calls, OfTheToolHttpAreJudgedByOrigin) {
  const auto http = [&](const char* url) {
    return ask("alice", "http", format(R"({{"url":"{}"}})", url).c_str(), false, tool::Effect::kEgress,
               {"url"});
  };
  EXPECT_EQ(http("https://API.example.com/x?y"), "yes");
  EXPECT_EQ(http("https://api.example.com:444/"), "access_denied");
  EXPECT_EQ(http("https://api.example.com.evil.org/"), "access_denied");
  EXPECT_EQ(http("no url"), "access_denied");
}

TEST_F(Calls, OfTheHostsToolsAreJudgedByTheirDestinations) {
  const auto send = [&](const char* arguments) {
    return ask("alice", "send", arguments, true, tool::Effect::kEgress, {"to"});
  };
  EXPECT_EQ(send(R"({"to":"bob@example.com"})"), "yes");
  EXPECT_EQ(send(R"({"to":["bob@example.com","eve@evil.org"]})"), "access_denied");
  EXPECT_EQ(send(R"({"to":[{"address":"eve@evil.org"}]})"), "access_denied");
  EXPECT_EQ(send("{}"),
            "access_denied");  // where it lands is not said: only the tool as such could be allowed
  EXPECT_EQ(ask("alice", "look", R"({"q":"x"})", true), "yes");
  EXPECT_EQ(ask("bob", "look", R"({"q":"x"})", true), "access_denied");
  std::string many = R"({"to":["a@example.com")";
  for (int i = 0; i < 64; ++i) many += R"(,"a@example.com")";
  EXPECT_EQ(send((many + "]}").c_str()), "access_denied");
}

TEST_F(Calls, AreDeniedToWhoIsNowhereNamed) {
  for (const char* who : {"", "Alice", "alice2", "local"})
    EXPECT_EQ(ask(who, "read", R"({"path":"open/a"})"), "access_denied") << who;
}

TEST_F(Calls, TheEpochTellsPoliciesApart) {
  const auto other = *AccessControl::make(
      {.policy = "", .document = R"({"schema_version":1,"roles":{},"bindings":[]})"}, "", nullptr);
  EXPECT_NE(access_->epoch(7), other->epoch(7));
  EXPECT_NE(access_->epoch(7), access_->epoch(8));
  EXPECT_EQ(access_->epoch(7), access_->epoch(7));
  EXPECT_GT(access_->epoch(7), 0);
  EXPECT_LT(access_->epoch(7), int64_t{1} << 53);
}

// A runtime with a policy and a scripted model that asks for what it should not.
class Access : public testing::Test {
 protected:
  RuntimeOptions options(std::string more = {}) {
    RuntimeOptions out;
    out.home = home_.path();
    out.workspace = workspace_.path();
    out.config_json = R"({"model":"scripted/x","policy":{"preset":"permissive"},"script":{"turns":[)"
                      R"({"tool_calls":[{"name":"write","arguments":{"path":"out","content":"x"}},)"
                      R"({"name":"bash","arguments":{"command":"touch out"}},)"
                      R"({"name":"read","arguments":{"path":"secrets/key"}}]},{"text":"done"}]},)"
                      R"("access":{"document":)" +
                      std::string(kPolicy) + more + "}}";
    return out;
  }
  static std::shared_ptr<Agent> agent_of(const std::shared_ptr<Runtime>& runtime, const char* who) {
    return *Agent::make(runtime, format(R"({{"access":{{"principal":"{}"}}}})", who));
  }
  bool touched() const { return std::filesystem::exists(workspace_.path() + "/out"); }

  // The whole conversation as JSON, after one run.
  static std::string play(const std::shared_ptr<Session>& session, RunOptions how,
                          Status* failure = nullptr) {
    auto run = session->start(std::move(how));
    if (!run.ok()) {
      if (failure != nullptr) *failure = run.status();
      return {};
    }
    Code code = Code::kOk;
    EXPECT_TRUE((*run)->wait(10'000, &code).ok());
    EXPECT_EQ(code, Code::kOk);
    (*run)->queue()->abandon();
    return *session->export_json();
  }
  static RunOptions prompt(std::string options_json = {}) {
    RunOptions how;
    how.prompt = "go";
    how.options_json = std::move(options_json);
    return how;
  }

  test::TempDir home_;
  test::TempDir workspace_;
};

TEST_F(Access, AModelDoesNothingForWhoMayNothing) {
  workspace_.write("secrets/key", "the content");
  auto runtime = *Runtime::open(options());
  auto session = *Session::open(agent_of(runtime, "mallory"), "s1");
  const std::string told = play(session, prompt());
  EXPECT_FALSE(touched());
  EXPECT_EQ(told.find("the content"), told.npos);
  EXPECT_NE(told.find("\\\"mallory\\\" may not tool:write"), told.npos) << told;
  EXPECT_NE(told.find("no rule"), told.npos);
}

TEST_F(Access, AModelDoesWhatItsPrincipalMay) {
  workspace_.write("secrets/key", "the content");
  auto runtime = *Runtime::open(options());
  auto session = *Session::open(agent_of(runtime, "alice"), "s1");
  const std::string told = play(session, prompt());
  EXPECT_TRUE(touched());
  EXPECT_EQ(told.find("the content"), told.npos);
  EXPECT_NE(told.find("the role \\\"reader\\\""), told.npos) << told;
}

TEST_F(Access, ARunSpeaksForAnotherByARightOnly) {
  auto runtime = *Runtime::open(options());
  auto session = *Session::open(agent_of(runtime, "mallory"), "s1");
  Status failure;
  play(session, prompt(R"({"principal":"alice"})"), &failure);
  EXPECT_EQ(failure.reason(), "access_denied");
  EXPECT_NE(failure.message().find("principal:act_as"), failure.message().npos);
  EXPECT_FALSE(touched());
}

TEST_F(Access, SessionsAreWalledOff) {
  auto runtime = *Runtime::open(options());
  auto session = *Session::open(agent_of(runtime, "alice"), "s1");
  play(session, prompt());
  EXPECT_EQ(Session::open(agent_of(runtime, "bob"), "s1").status().reason(), "access_denied");
  EXPECT_EQ(Session::open(agent_of(runtime, "bob"), "").status().reason(), "access_denied");
  // The runtime itself acts for "local", who is nobody here.
  EXPECT_EQ(runtime->remove_session("s1").reason(), "access_denied");
  EXPECT_EQ(*runtime->list_sessions(10, ""), R"({"sessions":[]})");
  EXPECT_EQ(runtime->prune("{\"max_bytes\":1}").status().reason(), "access_denied");
  EXPECT_EQ(runtime->backup(home_.path() + "/copy").status().reason(), "access_denied");
  ASSERT_TRUE(session->fork("", "s2").ok());
  EXPECT_EQ(session->fork("", "s2").status().reason(), "session_exists");
}

TEST_F(Access, ReplayNeedsTheSessionOfItsRun) {
  std::string run_id;
  {
    auto runtime = *Runtime::open(options());
    auto session = *Session::open(agent_of(runtime, "alice"), "s1");
    auto run = *session->start(prompt());
    Code code = Code::kOk;
    ASSERT_TRUE(run->wait(10'000, &code).ok());
    run_id = run->id();
    run->queue()->abandon();
    bool identical = false;
    EXPECT_EQ(runtime->replay(run_id, &identical).status().reason(), "access_denied");
    EXPECT_TRUE(runtime->stop(10'000).ok());
  }
  auto runtime = *Runtime::open(options(R"(,"principal":"alice")"));
  bool identical = false;
  ASSERT_TRUE(runtime->replay(run_id, &identical).ok());
  EXPECT_TRUE(identical);
}

TEST_F(Access, AForkNeedsTheRightToBothSessions) {
  const std::string policy =
      R"({"schema_version":1,"roles":{"r":{"allow":[{"action":"session:*","resource":"session/mine-*"}]}},)"
      R"("bindings":[{"principal":"eve","roles":["r"]}]})";
  RuntimeOptions o = options();
  o.config_json = R"({"model":"offline/offline","access":{"document":)" + policy + "}}";
  auto runtime = *Runtime::open(o);
  auto session = *Session::open(agent_of(runtime, "eve"), "mine-1");
  play(session, prompt());
  EXPECT_EQ(session->fork("", "theirs-1").status().reason(), "access_denied");
  EXPECT_TRUE(session->fork("", "mine-2").ok());
}

// A crash hands a run to nobody else: it stays with who it was begun for.
TEST_F(Access, ACutRunGoesOnForItsOwnPrincipal) {
  {
    auto store = store::open_store({.path = home_.path() + "/tau.db"}, system_clock());
    store::Batch batch;
    store::RunRecord& run = batch.run.emplace();
    run.id = "run_cut";
    run.session_id = "s1";
    run.logic_version = agent::kLogicVersion;
    agent::Start start;
    start.config.run_id = "run_cut";
    start.config.session_id = "s1";
    start.config.principal = "alice";
    start.message = wire::text_message(wire::Role::kUser, "go", Labels::from(Source::kUser));
    store::JournalRow& row = batch.rows.emplace_back();
    row.run_id = "run_cut";
    row.kind = "start";
    row.body = agent::input_to_json(agent::InputBody(start));
    row.provenance.principal = "alice";
    store::SessionRecord& session = batch.session.emplace();
    session.id = "s1";
    session.open_run = "run_cut";
    (*store)->append(std::move(batch), nullptr);
    ASSERT_TRUE((*store)->flush().ok());
  }
  auto runtime = *Runtime::open(options());
  RunOptions resume;
  resume.resume = true;
  Status failure;
  auto theirs = *Session::open(agent_of(runtime, "mallory"), "s1");
  play(theirs, std::move(resume), &failure);
  EXPECT_EQ(failure.reason(), "access_denied");
  EXPECT_FALSE(touched());
  RunOptions own;
  own.resume = true;
  auto session = *Session::open(agent_of(runtime, "alice"), "s1");
  const std::string told = play(session, std::move(own));
  EXPECT_TRUE(touched()) << told;
}

// There is nothing that a yes could be given to: the run ends without waiting for one.
TEST_F(Access, ADenialAsksNobody) {
  RuntimeOptions o = options();
  o.config_json.replace(o.config_json.find("permissive"), 10, "strict");
  auto runtime = *Runtime::open(o);
  play(*Session::open(agent_of(runtime, "mallory"), "s1"), prompt());
  EXPECT_FALSE(touched());
}

TEST_F(Access, APolicyThatCannotBeReadAllowsNothing) {
  RuntimeOptions o;
  o.home = home_.path();
  const auto reason = [&](std::string_view access) {
    o.config_json = R"({"access":)" + std::string(access) + "}";
    return std::string(Runtime::open(o).status().reason());
  };
  EXPECT_EQ(reason(R"({"policy":"none.json"})"), "file_not_found");
  home_.write("bad.json", R"({"schema_version":1,"roles":{},"bindings":[{"principal":"x","roles":["y"]}]})");
  EXPECT_EQ(reason(R"({"policy":"bad.json"})"), "invalid_policy");
  EXPECT_EQ(reason(R"({"document":{}})"), "invalid_policy");
  EXPECT_EQ(reason(R"({"policy":"a","document":{"schema_version":1}})"), "two_policies");
  EXPECT_EQ(reason(R"({"principal":"no good"})"), "bad_value");
  home_.write("good.json", kPolicy);
  EXPECT_EQ(reason(R"({"policy":"good.json"})"), "");
  EXPECT_EQ(reason(format(R"({{"policy":"{}/good.json"}})", home_.path())), "");
}

TEST_F(Access, AProjectAndAnAgentLeaveThePolicyAlone) {
  for (const char* origin : {"project", "agent"}) {
    const auto config = Config::merge({{origin, "f", *json::parse(R"({"access":{"policy":""}})")}});
    EXPECT_EQ(config.status().reason(),
              origin == std::string_view("agent") ? "unknown_key" : "not_allowed_in_project");
  }
  const auto named = Config::merge({{"project", "f", *json::parse(R"({"access":{"principal":"root"}})")}});
  EXPECT_EQ(named.status().reason(), "not_allowed_in_project");
}

TEST_F(Access, ToolsDoNotWriteThePolicyThatIsInTheWorkspace) {
  workspace_.write("access.json", kPolicy);
  RuntimeOptions o = options();
  const size_t at = o.config_json.find("\"document\":");
  o.config_json =
      o.config_json.substr(0, at) + format("\"policy\":\"{}/access.json\"}}}}", workspace_.path());
  const std::string target = "\"path\":\"out\"";
  o.config_json.replace(o.config_json.find(target), target.size(), "\"path\":\"access.json\"");
  auto runtime = *Runtime::open(o);
  auto session = *Session::open(agent_of(runtime, "alice"), "s1");
  const std::string told = play(session, prompt());
  EXPECT_NE(told.find("kept from changes"), told.npos) << told;
  EXPECT_EQ(workspace_.read("access.json"), kPolicy);
}

}  // namespace
}  // namespace tau::runtime
