// Approvals across processes: two runtimes on one home, of which one waits and the other one decides.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "runtime/core.h"
#include "runtime/runtime.h"
#include "runtime/waiting_calls.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr const char* kPolicy = R"({"schema_version":1,
  "roles":{"runs":{"allow":[{"action":"tool:*","resource":"*"},{"action":"session:*","resource":"session/*"},
                            {"action":"approval:list","resource":"session/*"}]},
           "reviews":{"allow":[{"action":"approve:send","resource":"session/*"},
                               {"action":"approval:list","resource":"session/*"},
                               {"action":"principal:act_as","resource":"principal/*"}]}},
  "bindings":[{"principal":"alice","roles":["runs"]},{"principal":"bob","roles":["reviews"]}PLACE]})";

std::string policy_with(std::string_view more) {
  std::string text = kPolicy;
  return text.replace(text.find("PLACE"), 5, more);
}

class SendTool final : public tool::Tool {
 public:
  explicit SendTool(int& sent) : sent_(sent) {
    manifest_.name = "send";
    manifest_.effect = tool::Effect::kEgress;
    manifest_.destination_args = {"to"};
    manifest_.runs = tool::Manifest::Runs::kLoop;
    manifest_.parameters = R"({"type":"object","properties":{"to":{"type":"string"}}})";
  }
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call&, const tool::Context&, tool::Reply reply, const std::atomic<bool>&) override {
    ++sent_;
    tool::Result done;
    done.content = "sent";
    reply.complete(std::move(done));
  }

 private:
  tool::Manifest manifest_;
  int& sent_;
};

class Approvals : public testing::Test {
 protected:
  static std::shared_ptr<Runtime> open_runtime(const std::string& home, const std::string& config) {
    RuntimeOptions options;
    options.home = home;
    options.manual = true;
    options.config_json = config;
    auto runtime = Runtime::open(options);
    EXPECT_TRUE(runtime.ok()) << runtime.status().to_string();
    return runtime.ok() ? *runtime : nullptr;
  }
  // Whoever waits; `more` of its configuration begins with a comma.
  void begin(const std::string& more = "", std::string_view destination = "eve@x.org") {
    waits_ = open_runtime(
        dir_.path(),
        format(
            R"({{"model":"scripted/x","script":{{"turns":[{{"tool_calls":[{{"name":"send","arguments":{{"to":"{}"}}}}]}},)"
            R"({{"text":"done"}}]}}{}}})",
            destination, more));
    agent_ = *Agent::make(waits_, "");
    ASSERT_TRUE(agent_->add_tool(std::make_shared<SendTool>(sent_), /*always_ask=*/true).ok());
    session_ = *Session::open(agent_, format("ses_{}", ++runs_));  // a script is played once in a session
    RunOptions options;
    options.prompt = "go";
    options.queue = queue_ = *waits_->make_queue(0, nullptr);
    auto run = session_->start(std::move(options));
    ASSERT_TRUE(run.ok()) << run.status().to_string();
    run_ = *run;
  }
  // The other process; without `config` it is held to nothing.
  void open_other(const std::string& config = "{}") { other_ = open_runtime(dir_.path(), config); }

  void turn(int timeout_ms = 5) {
    ASSERT_TRUE(waits_->process(0, timeout_ms).ok());
    for (Queued* queued : queue_->take(100)) {
      const agent::Event& event = queued->event;
      if (event.kind == agent::EventKind::kApproval) asked_ = event.call_id;
      if (event.kind == agent::EventKind::kToolResult) result_ = event.reason;
      if (event.kind == agent::EventKind::kOpRejected) rejected_ = event.reason;
      if (event.kind == agent::EventKind::kOpAccepted) accepted_ = true;
      over_ = over_ || event.kind == agent::EventKind::kRunDone;
    }
  }
  void until_asked() {
    for (int i = 0; asked_.empty() && i < 2'000; ++i) turn();
    ASSERT_FALSE(asked_.empty());
  }
  void until_over() {
    for (int i = 0; !over_ && i < 4'000; ++i) turn();
    EXPECT_TRUE(over_);
  }
  std::string id_shown() {
    until_asked();
    for (int i = 0; i < 2'000; ++i) {
      turn();
      const json::Value rows = *json::parse(*other_->perform(R"({"op":"approvals"})"));
      if (!rows["approvals"].as_array().empty())
        return std::string(rows["approvals"].as_array()[0]["id"].as_string());
    }
    ADD_FAILURE() << "nothing waits";
    return {};
  }
  StatusOr<std::string> decide(std::string_view id, bool allow, std::string_view more = "") {
    return other_->perform(format(R"({{"op":"decide","id":"{}","allow":{}{}}})", id, allow, more));
  }
  json::Value row(std::string_view id) {
    const auto text = other_->perform(format(R"({{"op":"approval","id":"{}"}})", id));
    return text.ok() ? *json::parse(*text) : json::Value();
  }
  void answer(bool allow) {
    ASSERT_TRUE(
        run_->submit(format(R"({{"op":"approval","id":"op","call_id":"{}","allow":{}}})", asked_, allow), {})
            .ok());
  }
  void TearDown() override {
    run_ = nullptr;
    session_ = nullptr;
    agent_ = nullptr;
    if (queue_ != nullptr) queue_->abandon();
    for (auto* runtime : {&waits_, &other_})
      if (*runtime != nullptr) { EXPECT_TRUE((*runtime)->stop(10'000).ok()); }
  }

  test::TempDir dir_;
  std::shared_ptr<Runtime> waits_;
  std::shared_ptr<Runtime> other_;
  std::shared_ptr<Agent> agent_;
  std::shared_ptr<Session> session_;
  std::shared_ptr<EventQueue> queue_;
  std::shared_ptr<runtime::Run> run_;
  int runs_ = 0;
  int sent_ = 0;
  std::string asked_;
  std::string result_ = "none";
  std::string rejected_;
  bool accepted_ = false;
  bool over_ = false;
};

TEST_F(Approvals, OfAnotherProcessLetACallRunOnce) {
  begin();
  open_other();
  const std::string id = id_shown();
  const json::Value shown = row(id);
  EXPECT_EQ(shown["state"].as_string(), "waiting");
  EXPECT_EQ(shown["tool"].as_string(), "send");
  EXPECT_EQ(shown["arguments"]["to"].as_string(), "eve@x.org");
  EXPECT_EQ(shown["requester"].as_string(), "local");
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(decide(id, true, R"(,"note":"fine")").ok());
  until_over();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ(result_, "");
  EXPECT_TRUE(row(id)["applied"].as_bool());
  EXPECT_EQ(row(id)["decider"].as_string(), "local");
  EXPECT_EQ(decide(id, true).status().reason(), "approval_decided");
  const auto journal = waits_->core()->store().load_journal(run_->id(), 0);
  ASSERT_TRUE(journal.ok());
  bool journaled = false;
  for (const store::JournalEntry& entry : *journal)
    journaled = journaled || entry.row.body.find(R"("decider":"local")") != std::string::npos;
  EXPECT_TRUE(journaled);
}

TEST_F(Approvals, ADenialReachesTheModelWithItsNote) {
  begin();
  open_other();
  ASSERT_TRUE(decide(id_shown(), false, R"(,"note":"not today")").ok());
  until_over();
  EXPECT_EQ(sent_, 0);
  EXPECT_EQ(result_, "approval_denied");
  EXPECT_NE(session_->export_json()->find("not today"), std::string::npos);
}

TEST_F(Approvals, AnAnswerAtOnceIsNeverShown) {
  begin();
  open_other();
  until_asked();
  answer(true);
  until_over();
  EXPECT_EQ(sent_, 1);
  EXPECT_TRUE(accepted_);
  EXPECT_EQ(*other_->perform(R"({"op":"approvals","all":true})"), R"({"approvals":[]})");
}

TEST_F(Approvals, TheFirstDurableDecisionWins) {
  begin();
  open_other();
  const std::string id = id_shown();
  ASSERT_TRUE(decide(id, false).ok());  // before the host, which does not know yet
  answer(true);
  until_over();
  EXPECT_EQ(sent_, 0);
  EXPECT_EQ(result_, "approval_denied");
  EXPECT_EQ(rejected_, "no_such_approval");
}

TEST_F(Approvals, TheHostsAnswerCountsWhenItWasFirst) {
  begin();
  open_other();
  const std::string id = id_shown();
  answer(true);
  until_over();
  EXPECT_EQ(sent_, 1);
  EXPECT_TRUE(accepted_);
  EXPECT_EQ(decide(id, false).status().reason(), "approval_decided");
  EXPECT_EQ(row(id)["state"].as_string(), "approved");
}

TEST_F(Approvals, AStaleBindingIsForTheEngineToRefuse) {
  begin();
  open_other();
  const std::string id = id_shown();
  ASSERT_TRUE(
      run_->submit(
              format(R"({{"op":"approval","id":"op","call_id":"{}","allow":true,"binding":"x"}})", asked_),
              {})
          .ok());
  for (int i = 0; rejected_.empty() && i < 1'000; ++i) turn();
  EXPECT_EQ(rejected_, "approval_stale");
  EXPECT_EQ(row(id)["state"].as_string(), "waiting");
  ASSERT_TRUE(decide(id, true).ok());
  until_over();
  EXPECT_EQ(sent_, 1);
}

TEST_F(Approvals, EndWithTheirTime) {
  begin(R"(,"limits":{"approval_timeout_ms":600})");
  open_other();
  const std::string id = id_shown();
  until_over();
  EXPECT_EQ(result_, "approval_timeout");
  EXPECT_EQ(row(id)["state"].as_string(), "withdrawn");
  EXPECT_EQ(decide(id, true).status().reason(), "approval_withdrawn");
}

// The process that waits looked away while its time ended: what was decided in time counts.
TEST_F(Approvals, ThatWereGivenInTimeCountAfterIt) {
  begin(R"(,"limits":{"approval_timeout_ms":1500})");
  open_other();
  const std::string id = id_shown();
  ASSERT_TRUE(decide(id, true).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(1'700));
  until_over();
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ(result_, "");
}

TEST_F(Approvals, AfterTheirTimeAreRefusedAlsoBeforeTheRunKnows) {
  begin(R"(,"limits":{"approval_timeout_ms":800})");
  open_other();
  const std::string id = id_shown();
  std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
  EXPECT_EQ(row(id)["state"].as_string(), "expired");
  EXPECT_EQ(decide(id, true).status().reason(), "approval_expired");
  until_over();
  EXPECT_EQ(sent_, 0);
}

TEST_F(Approvals, AreWithdrawnWithTheirRun) {
  begin();
  open_other();
  const std::string id = id_shown();
  run_->cancel();
  until_over();
  EXPECT_EQ(row(id)["state"].as_string(), "withdrawn");
  EXPECT_EQ(decide(id, true).status().reason(), "approval_withdrawn");
}

TEST_F(Approvals, OfARuntimeThatIsGoneAreApprovedIntoNothing) {
  begin();
  open_other();
  const std::string id = id_shown();
  run_ = nullptr;
  session_ = nullptr;
  agent_ = nullptr;
  queue_->abandon();
  queue_ = nullptr;
  waits_ = nullptr;
  EXPECT_FALSE(decide(id, true).ok());
  EXPECT_EQ(sent_, 0);
}

TEST_F(Approvals, NeedTheLeaveOfBothPolicies) {
  begin(format(R"(,"access":{{"principal":"alice","document":{}}})", policy_with("")));
  open_other(R"({"access":{"principal":"mallory"}})");  // is held to nothing itself
  const std::string id = id_shown();
  ASSERT_TRUE(decide(id, true).ok());
  for (int i = 0; i < 2'000 && row(id)["state"].as_string() != "waiting"; ++i) turn();
  EXPECT_EQ(row(id)["state"].as_string(), "waiting") << "who waits does not let mallory decide";
  EXPECT_EQ(sent_, 0);
  other_ = open_runtime(dir_.path(),
                        format(R"({{"access":{{"principal":"alice","document":{}}}}})", policy_with("")));
  EXPECT_EQ(decide(id, true).status().reason(), "access_denied");
  EXPECT_EQ(decide(id, true, R"(,"principal":"bob")").status().reason(), "access_denied")
      << "nor by another name";
  other_ = open_runtime(dir_.path(),
                        format(R"({{"access":{{"principal":"bob","document":{}}}}})", policy_with("")));
  ASSERT_TRUE(decide(id, true).ok());
  until_over();
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ(row(id)["decider"].as_string(), "bob");
}

TEST_F(Approvals, OfOnesOwnRunNeedARightOfTheirOwn) {
  const std::string may = R"(,{"principal":"alice","roles":["reviews"]})";
  begin(format(R"(,"access":{{"principal":"alice","document":{}}})", policy_with(may)));
  open_other(format(R"({{"access":{{"principal":"alice","document":{}}}}})", policy_with(may)));
  const std::string id = id_shown();
  EXPECT_EQ(decide(id, true).status().reason(), "access_denied");
  EXPECT_EQ(sent_, 0);
}

TEST_F(Approvals, ShowNoSecret) {
  const std::string secret = "q7" + std::string("Zk-4mBw9-xT1v-Rr8s");
  RuntimeOptions unused;
  begin(R"(,"limits":{"max_turns":5})", "eve@x.org?" + secret);
  ASSERT_TRUE(waits_->screening()->add_secret("api", Secret(secret)).ok());
  open_other();
  const std::string id = id_shown();
  EXPECT_EQ(other_->perform(format(R"({{"op":"approval","id":"{}"}})", id))->find(secret), std::string::npos);
  answer(false);
  until_over();
}

TEST_F(Approvals, RequestsAreReadStrictly) {
  open_other();
  for (const char* request :
       {"", "[]", "{}", R"({"op":7})", R"({"op":"dance"})", R"({"op":"approvals","all":1})",
        R"({"op":"approvals","more":1})", R"({"op":"approval"})", R"({"op":"decide","id":"a"})",
        R"({"op":"decide","id":"a","allow":"yes"})", R"({"op":"decide","id":"a","allow":true,"wait_ms":-1})",
        R"({"op":"decide","id":"a","allow":true,"wait_ms":99999999})",
        R"({"op":"decide","id":"a","allow":true,"note":7})",
        R"({"op":"decide","id":"a","allow":true,"principal":"a b"})"})
    EXPECT_EQ(other_->perform(request).status().code(), Code::kInvalidArgument) << request;
  EXPECT_EQ(decide("apr_none", true).status().reason(), "approval_unknown");
}

// Host, another process and cancellation at any moment: one of them counts, and the row tells which.
TEST_F(Approvals, ThatRaceAreAppliedExactlyOnce) {
  std::mt19937 random(11);
  for (int i = 0; i < 12; ++i) {
    sent_ = 0;
    asked_ = "", result_ = "none", rejected_ = "", accepted_ = over_ = false;
    begin();
    open_other();
    const std::string id = id_shown();
    const bool theirs = random() % 2 == 0;
    StatusOr<std::string> decided = not_found("none", "");
    std::thread decider([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3'000));
      decided = decide(id, theirs);
    });
    for (size_t n = random() % 4; n > 0; --n) turn(1);
    answer(!theirs);
    until_over();
    decider.join();
    EXPECT_EQ(decided.ok(), !accepted_) << i;
    EXPECT_EQ(sent_, (decided.ok() ? theirs : !theirs) ? 1 : 0) << i;
    EXPECT_EQ(row(id)["state"].as_string(), sent_ == 1 ? "approved" : "denied") << i;
    EXPECT_EQ(rejected_, decided.ok() ? "no_such_approval" : "") << i;
    TearDown();
    queue_ = nullptr;
    waits_ = other_ = nullptr;
  }
}

}  // namespace
}  // namespace tau::runtime
