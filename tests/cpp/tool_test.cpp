// Tools that are C++ functions: both forms, completion later, exceptions, the end of what they captured.
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "support.h"

namespace tau_test {
namespace {

using tau::EventKind;
using tau::Status;

// What the tool's call ended with, as the model sees it.
std::string result_of(const tau::Agent& agent) {
  const auto run = agent.session().value().run("What is 2 + 3?").value();
  std::string result;
  for (const tau::Event& event : run.events(kPatienceMs)) {
    EXPECT_NE(event.kind(), EventKind::kToolCall);
    if (event.kind() == EventKind::kToolResult) result = event.json();
  }
  EXPECT_TRUE(run.wait(kPatienceMs));
  return result;
}

TEST(CppTool, WhatAFunctionReturnsIsTheResult) {
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  std::string seen;
  ASSERT_TRUE(agent.add_tool(add_tool(), [&](const tau::ToolCall& call) {
    seen = call.arguments();
    EXPECT_EQ(call.name(), "add");
    EXPECT_FALSE(call.call_id().empty() || call.run_id().empty() || call.session_id().empty());
    return std::string("5");
  }));
  EXPECT_TRUE(contains(result_of(agent), R"("content":"5")"));
  EXPECT_TRUE(contains(seen, R"("a":2)")) << seen;
}

TEST(CppTool, AReplyMayBeCompletedLaterOnAnotherThread) {
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  std::promise<tau::ToolReply> handed;
  ASSERT_TRUE(agent.add_tool(
      add_tool(), [&](const tau::ToolCall&, tau::ToolReply reply) { handed.set_value(std::move(reply)); }));
  std::thread later([&] {
    tau::ToolReply reply = handed.get_future().get();
    EXPECT_FALSE(reply.cancelled());
    EXPECT_TRUE(reply.complete("5"));
    const auto twice = reply.complete("6");
    EXPECT_EQ(twice.error().reason(), "null_argument");
  });
  EXPECT_TRUE(contains(result_of(agent), R"("content":"5")"));
  later.join();
}

TEST(CppTool, EveryWayNotToAnswerIsAnErrorResult) {
  const auto runtime = open(kAddScript);
  const auto failing = runtime.agent().value();
  ASSERT_TRUE(failing.add_tool(add_tool(), [](const tau::ToolCall&, tau::ToolReply reply) {
    EXPECT_TRUE(reply.fail("no_numbers", "ran out of numbers"));
  }));
  EXPECT_TRUE(contains(result_of(failing), R"("reason":"no_numbers")"));

  const auto dropping = runtime.agent().value();
  ASSERT_TRUE(dropping.add_tool(add_tool(), [](const tau::ToolCall&, tau::ToolReply) {}));
  EXPECT_TRUE(contains(result_of(dropping), R"("reason":"reply_dropped")"));

  const auto throwing = runtime.agent().value();
  ASSERT_TRUE(throwing.add_tool(
      add_tool(), [](const tau::ToolCall&) -> std::string { throw std::runtime_error("broken"); }));
  EXPECT_TRUE(contains(result_of(throwing), R"("reason":"reply_dropped")"));
}

TEST(CppTool, ACancelledCallIsSeenByTheTool) {
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  ASSERT_TRUE(agent.add_tool(add_tool(), [](const tau::ToolCall&, tau::ToolReply reply) {
    while (!reply.cancelled()) std::this_thread::yield();
  }));
  const auto run = agent.session().value().run("What is 2 + 3?").value();
  for (const tau::Event& event : run.events(kPatienceMs))
    if (event.kind() == EventKind::kToolStarted) run.cancel();
  EXPECT_EQ(run.wait(kPatienceMs).error().status(), Status::kCancelled);
  EXPECT_TRUE(runtime.stop(kPatienceMs));
}

// What a tool captures: tells when it has come to its end, which a second end would break (the promise
// aborts).
struct Captured {
  explicit Captured(std::promise<void>* told) : end(told) {}
  Captured(Captured&& other) noexcept : end(std::exchange(other.end, nullptr)) {}
  ~Captured() {
    if (end != nullptr) end->set_value();
  }
  std::promise<void>* end;
};

bool has_ended(std::future<void>& end, int32_t within_ms) {
  return end.wait_for(std::chrono::milliseconds(within_ms)) == std::future_status::ready;
}

TEST(CppTool, WhatItCapturedEndsOnceAfterTheLastOwner) {
  std::promise<void> told;
  auto end = told.get_future();
  {
    const auto runtime = open(kAddScript);
    const auto agent = runtime.agent().value();
    ASSERT_TRUE(agent.add_tool(add_tool(), [kept = Captured(&told)](const tau::ToolCall&) {
      return kept.end == nullptr ? "" : "5";
    }));
    EXPECT_TRUE(contains(result_of(agent), R"("content":"5")"));
    EXPECT_FALSE(has_ended(end, 0));
  }
  EXPECT_TRUE(has_ended(end, kPatienceMs));
}

TEST(CppTool, WhatARefusedToolCapturedEndsAtOnce) {
  std::promise<void> told;
  auto end = told.get_future();
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  auto tool = add_tool();
  tool.name = "bad name!";
  const auto refused =
      agent.add_tool(tool, [kept = Captured(&told)](const tau::ToolCall&) { return std::string(); });
  EXPECT_EQ(refused.error().reason(), "invalid_manifest");
  EXPECT_TRUE(has_ended(end, 0));
  ASSERT_TRUE(agent.add_tool(add_tool()));
  const auto twice = agent.add_tool(add_tool());
  EXPECT_EQ(twice.error().status(), Status::kAlreadyExists);
}

TEST(CppTool, ItsManifestReachesTheAgent) {
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  auto tool = add_tool();
  tool.effect = tau::Effect::kEgress;
  ASSERT_TRUE(agent.add_tool(tool));
  const auto described = agent.describe().value();
  for (const char* part : {R"("name":"add")", "Adds two numbers.", R"("effect":"egress")"})
    EXPECT_TRUE(contains(described, part)) << described.view();
}

TEST(CppTool, AFunctionNeedsAWorker) {
  const auto runtime = open(kAddScript, true);
  const auto agent = runtime.agent().value();
  const auto refused = agent.add_tool(add_tool(), [](const tau::ToolCall&) { return "5"; });
  EXPECT_EQ(refused.error().reason(), "needs_worker");
}

}  // namespace
}  // namespace tau_test
