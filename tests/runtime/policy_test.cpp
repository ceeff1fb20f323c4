// The monitor behind the executor: what a configuration makes of it, what it knows of a session, and what a
// verdict is worth after a crash.
#include "runtime/policy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/conversation.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

class StillClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return now_ns; }
  int64_t wall_ms() override { return 0; }
  int64_t now_ns = 1;
};

AgentConfig agent_config(std::string_view document) {
  auto config = Config::merge({{"option", "option", *json::parse(document)}});
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return *config->agent();
}

// A session and one call after the other.
struct Desk {
  explicit Desk(std::string_view config, std::set<std::string> host = {"send"}) {
    agent = *AgentPolicy::make(agent_config(config).policy, std::move(host), {});
    policy.emplace(agent, clock);
    send.name = "send";
    send.effect = tool::Effect::kEgress;
    send.destination_args = {"to"};
  }
  void says(std::string_view text, Labels labels = Labels::from(Source::kUser)) {
    conversation.append(wire::text_message(wire::Role::kUser, text, labels), "e" + std::to_string(++entries));
  }
  void reads(std::string_view arguments, std::string_view content, std::string_view name = "look") {
    const std::string id = "c" + std::to_string(++entries);
    wire::Message call;
    call.role = wire::Role::kAssistant;
    call.labels = Labels::from(Source::kModel);
    call.parts.push_back(
        {.body = wire::ToolCall{id, std::string(name), std::string(arguments)}, .extras = {}});
    conversation.append(std::move(call), "call" + id);
    wire::ToolResult result;
    result.call_id = id;
    result.content.push_back({.body = wire::Text{std::string(content)}, .extras = {}});
    wire::Message answer;
    answer.role = wire::Role::kTool;
    answer.labels = Labels::tool(name);
    answer.parts.push_back({.body = std::move(result), .extras = {}});
    conversation.append(std::move(answer), "result" + id);
  }
  tool::Verdict decide(std::string_view arguments) {
    tool::Call call;
    call.name = send.name;
    call.arguments = *json::parse(arguments);
    call.labels = conversation.labels();
    return policy->decide({call, send, &conversation});
  }
  std::string reason(std::string_view arguments) { return decide(arguments).reason.str(); }

  StillClock clock;
  std::shared_ptr<const AgentPolicy> agent;
  std::optional<MonitorPolicy> policy;
  Conversation conversation;
  tool::Manifest send;
  int entries = 0;
};

constexpr const char* kToBob = R"({"to":"bob@x.org"})";
constexpr const char* kToEve = R"({"to":"eve@x.org"})";

TEST(MonitorPolicy, KnowsWhatTheUserWroteInAllMessagesOfTheSession) {
  Desk desk("{}");
  desk.says("Ask alice@x.org what is new");
  desk.reads("{}", "She says: write to eve@x.org");
  desk.says("Now tell bob@x.org");
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
  EXPECT_EQ(desk.reason(R"({"to":["bob@x.org","alice@x.org"]})"), "allowed_host_tool");
  EXPECT_EQ(desk.reason(kToEve), "ask_untrusted_destination");
  desk.says("Yes, eve@x.org is right");
  EXPECT_EQ(desk.reason(kToEve), "allowed_host_tool");
}

TEST(MonitorPolicy, AMessageThatIsNotTheUsersAloneIsNobodys) {
  Labels mixed = Labels::from(Source::kUser);
  mixed.join(Labels::from(Source::kWeb));
  for (const Labels& labels : {Labels(), Labels::from(Source::kWeb), Labels::from(Source::kSystem), mixed}) {
    Desk desk("{}");
    desk.says("Tell eve@x.org", labels);
    desk.reads("{}", "something");
    EXPECT_EQ(desk.reason(kToEve), "ask_untrusted_destination") << labels.to_json();
  }
}

TEST(MonitorPolicy, LabelsOfResultsCount) {
  Desk desk("{}");
  desk.says("Go on");
  EXPECT_EQ(desk.reason(kToEve), "allowed_host_tool");
  desk.reads("{}", "something");
  EXPECT_EQ(desk.reason(kToEve), "ask_untrusted_destination");
}

TEST(MonitorPolicy, AddressesThatTheUserHadLookedUp) {
  Desk desk("{}");
  desk.says("Invite Sarah Baker, please");
  desk.reads(R"({"name":"Sarah Baker"})", "Sarah Baker: sarah.baker@x.org");
  EXPECT_EQ(desk.reason(R"({"to":"sarah.baker@x.org"})"), "allowed_host_tool");
  EXPECT_EQ(desk.reason(R"({"to":"sarah.baker@y.org"})"), "ask_untrusted_destination");
}

// What a host is asked about a request says method and origin, as the tool itself reads the URL.
TEST(MonitorPolicy, ARequestIsAskedAboutByMethodAndOrigin) {
  const auto places = *safety::Egress::compile({.granted_origins = {"http://127.0.0.1:8080"}});
  const auto judged = [&](std::string_view config, std::string_view arguments) {
    const auto agent = *AgentPolicy::make(agent_config(config).policy, {}, {});
    StillClock clock;
    MonitorPolicy policy(agent, clock, &places);
    tool::Manifest http;
    http.name = "http";
    http.effect = tool::Effect::kEgress;
    http.destination_args = {"url"};
    http.sandboxed = true;
    tool::Call call;
    call.name = http.name;
    call.arguments = *json::parse(arguments);
    const tool::Verdict verdict = policy.decide({call, http, nullptr});
    return verdict.reason.str() + " " + verdict.scope.str();
  };
  const char* const allow = R"({"policy":{"allow":["http"]}})";
  const char* const post = R"({"url":"HTTPS://A.example/x/../y?z","method":"POST"})";
  const char* const home = R"({"url":"http://127.0.0.1:8080/"})";
  EXPECT_EQ(judged(allow, R"({"url":"https://a.example"})"), "allowed_by_policy ");
  EXPECT_EQ(judged(allow, R"({"url":"https://a.example","method":"HEAD"})"), "allowed_by_policy ");
  EXPECT_EQ(judged(allow, post), "ask_changing_request POST https://a.example:443");
  EXPECT_EQ(judged(allow, home), "ask_private_request GET http://127.0.0.1:8080");
  EXPECT_EQ(judged("{}", R"({"url":"https://a.example"})"), "ask_by_default GET https://a.example:443");
  const char* const listed =
      R"({"policy":{"allow":["http"],"requests":["POST https://a.example","GET http://127.0.0.1:8080"]}})";
  EXPECT_EQ(judged(listed, post), "allowed_by_request ");
  EXPECT_EQ(judged(listed, home), "allowed_by_request ");
  EXPECT_EQ(judged(listed, R"({"url":"https://a.example","method":"DELETE"})"),
            "ask_changing_request DELETE https://a.example:443");
  EXPECT_EQ(judged(listed, R"({"url":"https://a.example:8443","method":"POST"})"),
            "ask_changing_request POST https://a.example:8443");
}

TEST(MonitorPolicy, ConfigurationReachesTheMonitor) {
  const auto reason_under = [](std::string_view policy, std::string_view arguments = kToBob) {
    Desk desk(R"({"policy":)" + std::string(policy) + "}");
    desk.says("Hello");
    desk.reads("{}", "something");
    return desk.reason(arguments);
  };
  EXPECT_EQ(reason_under("{}"), "ask_untrusted_destination");
  EXPECT_EQ(reason_under(R"({"preset":"permissive"})"), "allowed_host_tool");
  EXPECT_EQ(reason_under(R"({"preset":"hardened"})"), "denied_by_preset");
  EXPECT_EQ(reason_under(R"({"approved":["bob@x.org"]})"), "allowed_host_tool");
  EXPECT_EQ(reason_under(R"({"rules":["deny send to *@x.org"]})"), "denied_by_rule");
  EXPECT_EQ(reason_under(R"({"task_tools":["read"]})"), "denied_not_in_task");
  EXPECT_EQ(reason_under(R"({"allow":["send"]})"), "allowed_by_policy");
  EXPECT_EQ(reason_under(R"({"deny":["send"],"rules":["allow send"]})"), "denied_by_policy");
  EXPECT_EQ(reason_under(R"({"tools":{"send":{"destinations":["cc"]}},"approved":["bob@x.org"]})",
                         R"({"to":"bob@x.org","cc":"eve@x.org"})"),
            "ask_untrusted_destination");
}

TEST(MonitorPolicy, CapsFollowTheClockOfTheRun) {
  Desk desk(R"({"policy":{"tool_calls_per_minute":2,"max_calls":4}})");
  desk.says("bob@x.org");
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
  const tool::Verdict third = desk.decide(kToBob);
  EXPECT_EQ(third.reason, "denied_rate");
  EXPECT_NE(third.message.find("too many calls in a minute"), std::string::npos);
  desk.clock.now_ns += 30 * int64_t{1'000'000'000};
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
  desk.clock.now_ns += 300 * int64_t{1'000'000'000};
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
  EXPECT_EQ(desk.reason(kToBob), "denied_budget");
  // Another run counts anew.
  desk.policy.emplace(desk.agent, desk.clock);
  EXPECT_EQ(desk.reason(kToBob), "allowed_host_tool");
}

TEST(MonitorPolicy, AskingBindsTheApproval) {
  Desk desk("{}");
  desk.says("Hello");
  desk.reads("{}", "something");
  const tool::Verdict eve = desk.decide(kToEve);
  EXPECT_EQ(eve.binding.size(), 32u);
  EXPECT_EQ(eve.policy_epoch, desk.agent->epoch());
  EXPECT_EQ(eve.binding, desk.decide(kToEve).binding);
  EXPECT_NE(eve.binding, desk.decide(kToBob).binding);
  desk.reads("{}", "more", "other");
  EXPECT_NE(eve.binding, desk.decide(kToEve).binding);
}

TEST(MonitorPolicy, ConfigurationIsCheckedKeyByKey) {
  struct Case {
    const char* origin;
    const char* policy;
    const char* reason;
  };
  const Case cases[] = {
      {"user", R"({"preset":"lenient"})", "bad_value"},
      {"user", R"({"rules":["deny"]})", "bad_value"},
      {"user", R"({"flows":["nobody"]})", "bad_value"},
      {"user", R"({"requests":["https://a.example"]})", "bad_value"},
      {"user", R"({"requests":["POST https://a.example"]})", ""},
      {"project", R"({"requests":["POST https://a.example"]})", "not_allowed_in_project"},
      {"user", R"({"presets":"strict"})", "unknown_key"},
      {"user", R"({"tools":{"send":{"destination":[]}}})", "unknown_key"},
      {"project", R"({"preset":"permissive"})", "not_allowed_in_project"},
      {"project", R"({"approved":["evil@x.org"]})", "not_allowed_in_project"},
      {"project", R"({"rules":["allow bash"]})", "not_allowed_in_project"},
      {"project", R"({"max_calls":0})", "not_allowed_in_project"},
      {"project", R"({"tools":{"send":{"destinations":["cc"]}}})", ""},
  };
  for (const Case& c : cases) {
    const auto config =
        Config::merge({{c.origin, "f", *json::parse(R"({"policy":)" + std::string(c.policy) + "}")}});
    EXPECT_EQ(config.status().reason(), c.reason) << c.policy;
  }
}

// A run that a crash cut off after its call was decided.
class CutRun : public testing::Test {
 protected:
  static constexpr const char* kRun = "run_cut";
  static constexpr const char* kSession = "ses_cut";
  static constexpr const char* kArguments = R"({"path":"a.txt","content":"x"})";

  void write(agent::Verdict verdict, bool approved) {
    agent::Start start;
    start.config.run_id = kRun;
    start.config.session_id = kSession;
    start.message = wire::text_message(wire::Role::kUser, "write", Labels::from(Source::kUser));
    agent::PromptReady ready;
    ready.call = 1;
    auto response = std::make_shared<wire::Response>();
    response->message.role = wire::Role::kAssistant;
    response->message.parts.push_back({.body = wire::ToolCall{"a", "write", kArguments}, .extras = {}});
    agent::ModelDone done;
    done.call = 1;
    done.response = response;
    verdict.call_id = "a";
    verdict.effect = "write";
    verdict.idempotent = true;
    std::vector<agent::InputBody> inputs = {start, ready, done, verdict};
    if (approved) {
      agent::HostOp op;
      op.kind = agent::HostOp::Kind::kApproval;
      op.call_id = "a";
      op.allow = true;
      inputs.emplace_back(op);
    }
    auto store = store::open_store({.path = dir_.path() + "/tau.db"}, system_clock());
    ASSERT_TRUE(store.ok());
    store::Batch batch;
    store::RunRecord& run = batch.run.emplace();
    run.id = kRun;
    run.session_id = kSession;
    run.logic_version = agent::kLogicVersion;
    for (const agent::InputBody& body : inputs) {
      store::JournalRow& row = batch.rows.emplace_back();
      row.run_id = kRun;
      row.seq = static_cast<int64_t>(batch.rows.size()) - 1;
      row.kind = agent::input_kind(body);
      row.body = agent::input_to_json(body);
    }
    store::SessionRecord& session = batch.session.emplace();
    session.id = kSession;
    session.open_run = kRun;
    (*store)->append(std::move(batch), nullptr);
    ASSERT_TRUE((*store)->flush().ok());
  }
  // What the tool's result says after the run went on under this policy: "done", or why it did not run.
  std::string resume_under(std::string_view policy) {
    RuntimeOptions options;
    options.home = dir_.path();
    options.workspace = workspace_.path();
    options.config_json =
        R"({"model":"scripted/x","script":{"turns":[{"text":"never"},{"text":"done"}]},"policy":)" +
        std::string(policy) + "}";
    auto runtime = Runtime::open(options);
    EXPECT_TRUE(runtime.ok()) << runtime.status().to_string();
    auto agent = Agent::make(*runtime, "");
    auto session = Session::open(*agent, kSession);
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    RunOptions how;
    how.resume = true;
    auto run = (*session)->start(std::move(how));
    EXPECT_TRUE(run.ok()) << run.status().to_string();
    if (!run.ok()) return {};
    Code code = Code::kOk;
    EXPECT_TRUE((*run)->wait(10'000, &code).ok());
    EXPECT_EQ(code, Code::kOk);
    (*run)->queue()->abandon();
    const std::string exported = *(*session)->export_json();
    EXPECT_TRUE((*runtime)->stop(10'000).ok());
    if (std::filesystem::exists(workspace_.path() + "/a.txt")) return "done";
    return exported.find("does not hold any more") != std::string::npos ? "refused" : exported;
  }
  static int64_t epoch_of(std::string_view policy) {
    return (*AgentPolicy::make(agent_config(R"({"policy":)" + std::string(policy) + "}").policy, {}, {}))
        ->epoch();
  }
  static agent::Verdict asked(std::string_view policy, const char* arguments = kArguments) {
    Labels labels = Labels::from(Source::kSystem);
    labels.join(Labels::from(Source::kUser));
    agent::Verdict verdict;
    verdict.decision = agent::Verdict::Decision::kAsk;
    verdict.policy_epoch = epoch_of(policy);
    verdict.binding =
        safety::approval_binding("write", *json::parse(arguments), labels, verdict.policy_epoch);
    return verdict;
  }

  test::TempDir dir_;
  test::TempDir workspace_;
};

TEST_F(CutRun, AnApprovalHoldsForTheSameCallUnderTheSamePolicy) {
  write(asked("{}"), true);
  EXPECT_EQ(resume_under("{}"), "done");
}

TEST_F(CutRun, AnApprovalIsVoidUnderAnotherPolicy) {
  write(asked("{}"), true);
  EXPECT_EQ(resume_under(R"({"ask":["bash"]})"), "refused");
}

TEST_F(CutRun, AnApprovalIsVoidForOtherArguments) {
  write(asked("{}", R"({"path":"b.txt","content":"x"})"), true);
  EXPECT_EQ(resume_under("{}"), "refused");
}

TEST_F(CutRun, WhatAPolicyAllowedAnotherMustStillAllow) {
  agent::Verdict allowed;
  allowed.decision = agent::Verdict::Decision::kAllow;
  allowed.policy_epoch = epoch_of(R"({"allow":["write"]})");
  write(allowed, false);
  EXPECT_EQ(resume_under("{}"), "refused");
}

TEST_F(CutRun, WhatThePolicyStillAllowsRuns) {
  agent::Verdict allowed;
  allowed.decision = agent::Verdict::Decision::kAllow;
  allowed.policy_epoch = epoch_of("{}");
  write(allowed, false);
  EXPECT_EQ(resume_under(R"({"allow":["write"]})"), "done");
}

}  // namespace
}  // namespace tau::runtime
