// The executor: each phase, and one result per call on every path.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <thread>

#include "executor_fixture.h"
#include "tool/finalize.h"

namespace tau::tool {
namespace {

// A tool that the test answers for.
class Puppet final : public Tool {
 public:
  explicit Puppet(Manifest::Runs runs) {
    manifest_.name = runs == Manifest::Runs::kLoop ? "loop" : "worker";
    manifest_.parameters =
        R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false})";
    manifest_.runs = runs;
    manifest_.timeout_ms = 1000;
    manifest_.max_result_bytes = 200;
  }
  const Manifest& manifest() const override { return manifest_; }
  void start(const Call& call, const Context&, Reply reply, const std::atomic<bool>& flag) override {
    ++starts;
    arguments = json::write(call.arguments);
    cancelled = &flag;
    if (answer) {
      reply.complete(*answer);
    } else {
      held = std::move(reply);
    }
  }
  void cancel(std::string_view call_id) override { cancels.emplace_back(call_id); }

  int starts = 0;
  std::string arguments;
  std::optional<Result> answer;
  std::optional<Reply> held;
  const std::atomic<bool>* cancelled = nullptr;
  std::vector<std::string> cancels;

 private:
  Manifest manifest_;
};

class ExecutorTest : public test::ExecutorFixture {
 protected:
  void SetUp() override {
    clock.real = false;
    ExecutorFixture::SetUp();
    ASSERT_TRUE(registry.add(loop_tool).ok());
    ASSERT_TRUE(registry.add(worker_tool).ok());
    make_executor();
  }
  // A call holds its tool, and these tools hold calls.
  void TearDown() override {
    loop_tool->held.reset();
    worker_tool->held.reset();
    ExecutorFixture::TearDown();
  }
  void advance_ms(int64_t ms) {
    clock.now_ns += ms * kNanosPerMilli;
    turn();
    turn();
  }
  std::string refusal(std::string name, std::string arguments) {
    return executor->prepare(call(std::move(name), std::move(arguments))).refusal;
  }

  std::shared_ptr<Puppet> loop_tool = std::make_shared<Puppet>(Manifest::Runs::kLoop);
  std::shared_ptr<Puppet> worker_tool = std::make_shared<Puppet>(Manifest::Runs::kWorker);
};

TEST_F(ExecutorTest, PrepareRefusesWhatCannotRunBeforePolicySeesIt) {
  EXPECT_EQ(refusal("none", R"({"n":1})"), "unknown_tool");
  for (const char* bad : {"{", "[]", "1", R"({"n":1,"n":2})", R"({"n":"x"})", R"({"n":1,"m":2})", "{}", "",
                          R"("[1]")", R"("text")", R"({"n":NaN})"})
    EXPECT_EQ(refusal("loop", bad), "invalid_arguments") << bad;
  workers.enabled = false;
  EXPECT_EQ(refusal("worker", R"({"n":1})"), "needs_worker");
  EXPECT_EQ(refusal("loop", R"({"n":1})"), "");
  EXPECT_EQ(policy.seen.size(), 1u);
  const Prepared wrong = executor->prepare(call("loop", R"({"n":"x"})"));
  EXPECT_NE(wrong.message.find("/n"), std::string::npos) << wrong.message;
  EXPECT_NE(wrong.message.find("integer"), std::string::npos) << wrong.message;
}

TEST_F(ExecutorTest, PolicyAndToolReadTheSameParse) {
  loop_tool->answer = test::text_result("ok");
  run("loop", R"("{\"n\": 5}")");
  EXPECT_EQ(policy.seen, std::vector<std::string>{R"(loop{"n":5})"});
  EXPECT_EQ(loop_tool->arguments, R"({"n":5})");
  EXPECT_EQ(audit.lines, (std::vector<std::string>{"c1 allow", "c1 ok"}));
  policy.verdict = {Decision::kDeny, "denied_by_policy", "no", 8};
  const Prepared denied = executor->prepare(call("loop", R"({"n":5})"));
  EXPECT_EQ(denied.refusal, "");
  EXPECT_EQ(denied.verdict.decision, Decision::kDeny);
  EXPECT_EQ(denied.verdict.policy_epoch, 8);
  EXPECT_EQ(audit.lines.back(), "c1 deny");
}

TEST_F(ExecutorTest, ARefusalIsADecisionToo) {
  (void)executor->prepare(call("none", "{}"));
  (void)executor->prepare(call("loop", "{"));
  EXPECT_EQ(audit.lines, (std::vector<std::string>{"c1 deny", "c1 deny"}));
}

TEST_F(ExecutorTest, ACallWaitsForWhoKeepsTheRecords) {
  audit.asks = true;
  loop_tool->answer = test::text_result("done");
  execute("loop", R"({"n":1})");
  turn();
  EXPECT_EQ(loop_tool->starts, 0);
  std::thread([this] { audit.waiting.at(0)(ok_status()); }).join();
  EXPECT_EQ(wait().content, "done");
  EXPECT_EQ(loop_tool->starts, 1);
}

TEST_F(ExecutorTest, ACallWithoutItsRecordIsNotExecuted) {
  audit.asks = true;
  execute("loop", R"({"n":1})");
  audit.waiting.at(0)(resource_exhausted("disk_full", "no space"));
  const Result result = wait();
  EXPECT_EQ(result.reason, "audit_unavailable");
  EXPECT_NE(result.content.find("disk_full"), std::string::npos);
  EXPECT_EQ(loop_tool->starts, 0);
  EXPECT_EQ(audit.lines.back(), "c1 error audit_unavailable");
}

TEST_F(ExecutorTest, ACallThatIsCancelledWhileItWaitsIsNeverExecuted) {
  audit.asks = true;
  execute("loop", R"({"n":1})");
  executor->cancel("r1", "c1");
  audit.waiting.at(0)(ok_status());
  EXPECT_EQ(wait().reason, "cancelled");
  turn();
  EXPECT_EQ(loop_tool->starts, 0);
  execute("loop", R"({"n":1})", "c2");
  executor.reset();
  audit.waiting.at(1)(ok_status());  // nobody is there any more
  turn();
  EXPECT_EQ(loop_tool->starts, 0);
}

TEST_F(ExecutorTest, DoneIsNeverCalledFromInsideExecute) {
  loop_tool->answer = test::text_result("at once");
  execute("loop", R"({"n":1})");
  EXPECT_EQ(loop_tool->starts, 1);
  EXPECT_TRUE(results.empty());
  turn();
  EXPECT_EQ(results.at("c1").content, "at once");
  workers.enabled = false;
  executor->execute(call("worker", "{}", "c2"), [this](Result r) { results["c2"] = std::move(r); });
  executor->execute(call("none", "{}", "c3"), [this](Result r) { results["c3"] = std::move(r); });
  EXPECT_EQ(results.size(), 1u);
  turn();
  EXPECT_EQ(results.at("c2").reason, "needs_worker");
  EXPECT_EQ(results.at("c3").reason, "unknown_tool");
}

TEST_F(ExecutorTest, WorkersRunBlockingToolsAndRepliesComeFromAnyThread) {
  worker_tool->answer = test::text_result("from afar");
  execute("worker", R"({"n":1})");
  EXPECT_EQ(worker_tool->starts, 0);
  std::thread([this] { workers.run_all(); }).join();
  EXPECT_TRUE(results.empty());
  turn();
  EXPECT_EQ(results.at("c1").content, "from afar");
}

TEST_F(ExecutorTest, ACallOnAWorkerKeepsWhatItWorksOn) {
  worker_tool->answer = test::text_result("late");
  execute("worker", R"({"n":1})");
  const std::weak_ptr<os::Workspace> left = workspace;
  executor.reset();
  workspace.reset();
  EXPECT_FALSE(left.expired());
  workers.run_all();
  EXPECT_TRUE(left.expired());
}

TEST_F(ExecutorTest, ATimeoutCancelsTheToolAndEndsTheCallOnce) {
  execute("loop", R"({"n":1})");
  advance_ms(999);
  EXPECT_TRUE(results.empty());
  advance_ms(1);
  EXPECT_EQ(results.at("c1").reason, "tool_timeout");
  EXPECT_TRUE(*loop_tool->cancelled);
  EXPECT_EQ(loop_tool->cancels, std::vector<std::string>{"c1"});
  loop_tool->held->complete(test::text_result("too late"));
  turn();
  EXPECT_EQ(results.at("c1").reason, "tool_timeout");
}

TEST_F(ExecutorTest, ACallCancelledBeforeItStartsNeverStarts) {
  execute("worker", R"({"n":1})");
  executor->cancel("r1", "c1");
  EXPECT_TRUE(results.empty());
  ASSERT_TRUE(loop->process(0).ok());
  EXPECT_EQ(results.at("c1").reason, "cancelled");
  turn();
  EXPECT_EQ(worker_tool->starts, 0);
}

TEST_F(ExecutorTest, ACancelledToolMayStopByItselfOrIsLeftBehind) {
  execute("loop", R"({"n":1})");
  executor->cancel("r1", "c1");
  executor->cancel("r1", "c1");
  executor->cancel("r2", "c1");
  executor->cancel("r1", "other");
  EXPECT_EQ(loop_tool->cancels.size(), 1u);
  loop_tool->held->complete(test::text_result("finished meanwhile"));
  turn();
  EXPECT_EQ(results.at("c1").reason, "cancelled");
  execute("loop", R"({"n":1})", "c2");
  executor->cancel("r1", "c2");
  advance_ms(1999);
  EXPECT_FALSE(results.contains("c2"));
  advance_ms(1);
  EXPECT_EQ(results.at("c2").reason, "cancelled");
}

TEST_F(ExecutorTest, AResultThatWasThereFirstWinsOverACancel) {
  loop_tool->answer = test::text_result("done");
  execute("loop", R"({"n":1})");
  turn();
  executor->cancel("r1", "c1");
  turn();
  EXPECT_EQ(results.at("c1").content, "done");
  EXPECT_TRUE(loop_tool->cancels.empty());
}

TEST_F(ExecutorTest, ADroppedReplyIsAnError) {
  execute("loop", R"({"n":1})");
  loop_tool->held.reset();
  turn();
  EXPECT_EQ(results.at("c1").reason, "reply_dropped");
}

TEST_F(ExecutorTest, OneIdRunsOnceAtATime) {
  execute("loop", R"({"n":1})");
  Result second;
  executor->execute(call("loop", "{}"), [&](Result r) { second = std::move(r); });
  turn();
  EXPECT_EQ(second.reason, "duplicate_call");
  EXPECT_EQ(loop_tool->starts, 1);
  loop_tool->held->complete(test::text_result("first"));
  turn();
  EXPECT_EQ(results.at("c1").content, "first");
}

TEST_F(ExecutorTest, DestroyingTheExecutorCancelsAndSilences) {
  execute("loop", R"({"n":1})");
  execute("worker", R"({"n":1})", "c2");
  executor.reset();
  EXPECT_TRUE(*loop_tool->cancelled);
  EXPECT_EQ(loop_tool->cancels, std::vector<std::string>{"c1"});
  loop_tool->held->complete(test::text_result("nobody listens"));
  turn();
  EXPECT_TRUE(results.empty());
  EXPECT_EQ(worker_tool->starts, 0);
}

TEST_F(ExecutorTest, FinalizeRepairsRedactsCutsAndLabels) {
  make_executor([](const Call&, Result& r) {
    for (size_t at; (at = r.content.find("SECRET")) != std::string::npos;) r.content.replace(at, 6, "[x]");
  });
  Result answer;
  answer.content = std::string(197, 'a') + "SECRET" + std::string(500, 'b') + "\xff";
  answer.labels = Labels::from(Source::kWorkspace);
  loop_tool->answer = answer;
  const Result result = run("loop", R"({"n":1})");
  EXPECT_LE(result.content.size(), 200u);
  EXPECT_EQ(result.content.find("SEC"), std::string::npos) << "a secret on the cut is seen whole";
  EXPECT_NE(result.content.find("more bytes]"), std::string::npos);
  EXPECT_EQ(result.labels.integrity(), "workspace,tool:loop");
  loop_tool->answer = test::text_result("ok \xc3\x28");
  EXPECT_EQ(run("loop", R"({"n":1})").content, "ok \xef\xbf\xbd(");
}

TEST_F(ExecutorTest, AHugeResultSaysHowMuchIsMissing) {
  loop_tool->answer = test::text_result(std::string(1'000'000, 'a'));
  const Result result = run("loop", R"({"n":1})");
  EXPECT_LE(result.content.size(), 200u);
  const size_t kept = result.content.find('\n');
  EXPECT_EQ(result.content.substr(kept), format("\n[truncated: {} more bytes]", 1'000'000 - kept));
}

RC_GTEST_PROP(CutText, FitsAndKeepsCharactersWhole, (const std::vector<int>& picks, unsigned char limit)) {
  std::string text;
  for (const int pick : picks)
    text += std::array{"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}[pick & 3];
  const size_t max = 40u + limit;
  const std::string cut = cut_text(text, max, 0);
  RC_ASSERT(cut.size() <= max);
  RC_ASSERT(is_valid_utf8(cut));
  RC_ASSERT((text.size() <= max) == (cut == text));
}

}  // namespace
}  // namespace tau::tool
