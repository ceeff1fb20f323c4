// Runs through the C++ wrapper: events, ops, outcome, shared queues, manual mode.
#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "support.h"

namespace tau_test {
namespace {

using tau::EventKind;
using tau::Status;

class CppRun : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Modes, CppRun, testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Manual" : "Threaded"; });

TEST_P(CppRun, StreamsAnAnswerAndLetsTheHostAnswerAToolCall) {
  const auto runtime = open(kAddScript, GetParam());
  const auto agent = runtime.agent().value();
  ASSERT_TRUE(agent.add_tool(add_tool()));
  const auto run = agent.session().value().run("What is 2 + 3?").value();
  std::string text;
  int accepted = 0, done = 0;
  auto events = run.events(kPatienceMs);
  for (const tau::Event& event : events) {
    EXPECT_EQ(event.run_id(), run.id());
    if (event.kind() == EventKind::kText) text += event.text();
    if (event.kind() == EventKind::kToolCall) {
      EXPECT_EQ(event.text(), "add");
      EXPECT_TRUE(contains(event.json(), R"("arguments":{"a":2,"b":3})")) << event.json();
      ASSERT_TRUE(run.tool_progress(event.call_id(), "half way"));
      ASSERT_TRUE(run.tool_result(event.call_id(), "5", "op-1"));
    }
    if (event.kind() == EventKind::kToolProgress) { EXPECT_EQ(event.text(), "half way"); }
    if (event.kind() == EventKind::kOpAccepted) accepted += contains(event.json(), "op-1");
    if (event.kind() == EventKind::kRunDone) ++done;
  }
  EXPECT_TRUE(events.ok());
  EXPECT_EQ(events.status(), Status::kDone);
  EXPECT_EQ(text, "It is 5.");
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(done, 1);
  const auto outcome = run.wait(kPatienceMs);
  EXPECT_TRUE(outcome);
  EXPECT_TRUE(outcome.ended());
  EXPECT_TRUE(contains(outcome.json(), R"("status":"done")")) << outcome.json();
}

TEST(CppEvents, AreOverAfterTheTerminalEvent) {
  const auto runtime = open(R"({"model":"scripted/t","script":{"turns":[{"text":"Hi"}]}})");
  const auto run = runtime.agent().value().session().value().run("Hello").value();
  auto events = run.events(kPatienceMs);
  for (const tau::Event& event : events)
    if (event.kind() == EventKind::kRunDone) break;
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_EQ(events.status(), Status::kDone);
  auto again = run.events(kPatienceMs);
  for (const tau::Event& event : again) ADD_FAILURE() << event.json();
  EXPECT_EQ(again.status(), Status::kDone);
}

TEST(CppEvents, AreOverInARunsOwnQueueWhateverItIsReadBy) {
  const auto runtime = open(R"({"model":"scripted/t","script":{"turns":[{"text":"Hi"}]}})");
  const auto run = runtime.agent().value().session().value().run("Hello").value();
  const auto queue = run.queue();
  auto events = queue.events();
  auto last = EventKind::kNone;
  for (const tau::Event& event : events) last = event.kind();
  EXPECT_EQ(last, EventKind::kRunDone);
  EXPECT_EQ(events.status(), Status::kDone);
  EXPECT_EQ(*queue.drain([](const tau::Event& event) { ADD_FAILURE() << event.json(); }), Status::kDone);
}

TEST(CppEvents, PauseWhenNothingComesAndGoOn) {
  const auto runtime = open(kHangScript);
  const auto run = runtime.agent().value().session().value().run("Hello").value();
  int after = 0;
  for (const tau::Event& event : run.events(kPatienceMs))
    if (event.kind() == EventKind::kText) break;
  auto events = run.events(0);
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_EQ(events.status(), Status::kAgain);
  EXPECT_TRUE(events.ok());
  EXPECT_FALSE(run.wait(0).ended());
  EXPECT_EQ(run.wait(0).error().status(), Status::kDeadlineExceeded);
  run.cancel();
  for (const tau::Event& event : run.events(kPatienceMs)) after += event.kind() == EventKind::kRunDone;
  EXPECT_EQ(after, 1);
  const auto outcome = run.wait(kPatienceMs);
  EXPECT_FALSE(outcome);
  EXPECT_EQ(outcome.error().status(), Status::kCancelled);
  EXPECT_TRUE(contains(outcome.json(), R"("cancelled")")) << outcome.json();
}

TEST(CppEvents, AWakeupEndsAWaitWithoutLimit) {
  const auto runtime = open("{}");
  const auto queue = runtime.queue().value();
  queue.wakeup();
  auto events = queue.events();
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_EQ(events.status(), Status::kAgain);
}

TEST(CppEvents, AQueueIsDoneWhenItsRuntimeIsStopped) {
  const auto runtime = open("{}");
  const auto queue = runtime.queue().value();
  ASSERT_TRUE(runtime.stop(kPatienceMs));
  auto events = queue.events(kPatienceMs);
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_EQ(events.status(), Status::kDone);
  EXPECT_EQ(queue.drain([](const tau::Event&) {}).value(), Status::kDone);
}

TEST(CppEvents, AFailureIsAStateOfTheRange) {
  const tau::Queue none;
  auto events = none.events(0);
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_FALSE(events.ok());
  EXPECT_EQ(events.status(), Status::kInvalidArgument);
  EXPECT_EQ(events.error().reason(), "null_argument");
}

struct Approval {
  bool allow;
  const char* content;
};

TEST(CppApproval, LetsACallRunOrNot) {
  for (const Approval approval : {Approval{true, "5"}, Approval{false, "not on a \"Sunday\""}}) {
    const auto runtime = open(kAddScript);
    const auto agent = runtime.agent().value();
    auto tool = add_tool();
    tool.ask = true;
    ASSERT_TRUE(agent.add_tool(tool, [](const tau::ToolCall&) { return "5"; }));
    const auto run = agent.session().value().run("What is 2 + 3?").value();
    std::string result;
    int asked = 0;
    for (const tau::Event& event : run.events(kPatienceMs)) {
      if (event.kind() == EventKind::kToolResult) result = event.text();
      if (event.kind() != EventKind::kApproval) continue;
      ++asked;
      EXPECT_TRUE(approval.allow ? run.approve(event.call_id())
                                 : run.deny(event.call_id(), approval.content));
    }
    EXPECT_EQ(asked, 1);
    EXPECT_TRUE(contains(result, approval.content)) << result;
    EXPECT_TRUE(run.wait(kPatienceMs));
  }
}

TEST(CppOps, SteerAndAskMore) {
  const auto runtime = open(
      R"({"model":"scripted/t","script":{"turns":[
         {"tool_calls":[{"name":"add","arguments":{"a":1,"b":1}}]},{"text":"One."},{"text":"Two."}]}})");
  const auto agent = runtime.agent().value();
  ASSERT_TRUE(agent.add_tool(add_tool()));
  const auto session = agent.session().value();
  const auto run = session.run("Hello").value();
  for (const tau::Event& event : run.events(kPatienceMs)) {
    if (event.kind() != EventKind::kToolCall) continue;
    EXPECT_TRUE(run.steer("Be \"brief\".\n\x01"));
    EXPECT_TRUE(run.message("And then?", {{"text/plain", "abc", 3, "notes.txt"}}));
    EXPECT_TRUE(run.tool_error(event.call_id(), "no_numbers", "ran out of numbers"));
  }
  EXPECT_TRUE(run.wait(kPatienceMs));
  const auto said = session.export_json().value();
  for (const char* part :
       {"Be \\\"brief\\\".\\n\\u0001", "And then?", "notes.txt", "ran out of numbers", "One.", "Two."})
    EXPECT_TRUE(contains(said, part)) << part << "\n" << said.view();
}

TEST(CppOps, FailWithTheLibrarysReason) {
  const auto runtime = open(kHangScript);
  const auto run = runtime.agent().value().session().value().run("Hello").value();
  EXPECT_EQ(run.submit(R"({"op":"dance"})").error().status(), Status::kInvalidArgument);
  const auto unknown = run.submit(R"({"op":"dance"})");
  EXPECT_EQ(unknown.error().reason(), "unknown_op");
  EXPECT_TRUE(contains(unknown.error().message(), "dance")) << unknown.error().message();
  EXPECT_FALSE(unknown.error().retryable());
  EXPECT_EQ(unknown.error().retry_after_ms(), -1);
  const auto bad_text = run.message("\xff");
  EXPECT_EQ(bad_text.error().reason(), "invalid_utf8");
  run.cancel();
  EXPECT_FALSE(run.wait(kPatienceMs));
  const auto late = run.message("Hello?");
  EXPECT_EQ(late.error().status(), Status::kFailedPrecondition);
}

TEST(CppRunOptions, ReachTheRun) {
  const auto runtime = open(kHangScript);
  const auto session = runtime.agent().value().session().value();
  tau::RunOptions options;
  options.prompt = "Hello";
  options.deadline_ms = 1;
  options.quiet = true;
  const auto run = session.run(options).value();
  int events = 0;
  for (const tau::Event& event : run.events(kPatienceMs))
    events += event.kind() == EventKind::kRunDone ? 1 : 100;
  EXPECT_EQ(events, 1);
  EXPECT_EQ(run.wait(kPatienceMs).error().status(), Status::kDeadlineExceeded);
  EXPECT_TRUE(run.wait(0).ended());

  tau::RunOptions unknown;
  unknown.options = R"({"mesage":{}})";
  const auto refused = session.run(unknown);
  EXPECT_EQ(refused.error().reason(), "unknown_key");
  tau::RunOptions resumed;
  resumed.resume = true;
  const auto nothing = session.run(resumed);
  EXPECT_EQ(nothing.error().reason(), "no_open_run");
}

TEST(CppRunOptions, ABlobReachesTheConversation) {
  const auto runtime = open(R"({"model":"scripted/t","script":{"turns":[{"text":"A picture."}]}})");
  const auto session = runtime.agent().value().session().value();
  const std::string png = "\x89PNG\r\n\x1a\n";
  tau::RunOptions options;
  options.prompt = "What is this?";
  options.blobs = {{"image/png", png.data(), png.size(), "x.png"}};
  auto run = session.run(options);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_TRUE(run->wait(kPatienceMs));
  const auto said = session.export_json().value();
  for (const char* part : {"image/png", "x.png", "iVBORw0KGgo="})
    EXPECT_TRUE(contains(said, part)) << part << "\n" << said.view();
}

TEST(CppQueue, TenRunsShareOne) {
  constexpr int kRuns = 10;
  const auto runtime = open(kAddScript);
  const auto agent = runtime.agent().value();
  ASSERT_TRUE(agent.add_tool(add_tool()));
  const auto queue = runtime.queue().value();
  struct Talk {
    tau::Run run;
    std::string text;
    int ends = 0;
  };
  std::array<Talk, kRuns> talks;
  for (Talk& talk : talks) {
    tau::RunOptions options;
    options.prompt = "What is 2 + 3?";
    options.queue = &queue;
    options.userdata = &talk;
    talk.run = agent.session().value().run(options).value();
  }
  int ended = 0;
  for (const tau::Event& event : queue.events(kPatienceMs)) {
    auto& talk = *static_cast<Talk*>(event.userdata());
    EXPECT_EQ(event.run_id(), talk.run.id());
    if (event.kind() == EventKind::kText) talk.text += event.text();
    if (event.kind() == EventKind::kToolCall) { EXPECT_TRUE(talk.run.tool_result(event.call_id(), "5")); }
    if (event.kind() == EventKind::kRunDone && (++talk.ends, ++ended == kRuns)) break;
  }
  for (const Talk& talk : talks) {
    EXPECT_EQ(talk.text, "It is 5.");
    EXPECT_EQ(talk.ends, 1);
    EXPECT_TRUE(talk.run.wait(kPatienceMs));
  }
}

TEST(CppQueue, NotifyTellsWhenToDrain) {
  const auto runtime = open(R"({"model":"scripted/t","script":{"turns":[{"text":"Hi"}]}})");
  std::mutex mutex;
  std::condition_variable changed;
  bool told = false;
  const std::function<void()> notify = [&] {
    const std::lock_guard lock(mutex);
    told = true;
    changed.notify_one();
  };
  tau::QueueOptions queue_options;
  queue_options.notify = &notify;
  const auto queue = runtime.queue(queue_options).value();
  tau::RunOptions options;
  options.prompt = "Hello";
  options.queue = &queue;
  const auto run = runtime.agent().value().session().value().run(options).value();
  std::string text;
  bool done = false;
  while (!done) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [&] { return told; }));
    told = false;
    lock.unlock();
    const auto drained = queue.drain([&](const tau::Event& event) {
      EXPECT_FALSE(event.json().empty());
      if (event.kind() == EventKind::kText) text += event.text();
      done = done || event.kind() == EventKind::kRunDone;
    });
    ASSERT_TRUE(drained) << drained.error().message();
  }
  EXPECT_EQ(text, "Hi");
  EXPECT_TRUE(runtime.stop(kPatienceMs));
}

TEST(CppManualMode, TheHostsLoopDrivesARun) {
  const auto runtime = open(kAddScript, true);
  ASSERT_EQ(runtime.loops(), 1u);
  const auto agent = runtime.agent().value();
  ASSERT_TRUE(agent.add_tool(add_tool()));
  const auto run = agent.session().value().run("What is 2 + 3?").value();
  const auto queue = run.queue();
  std::string text;
  bool done = false;
  while (!done) {
    pollfd waiting[] = {{runtime.fd(), POLLIN, 0}, {queue.fd(), POLLIN, 0}};
    ASSERT_GT(poll(waiting, 2, kPatienceMs), 0);
    ASSERT_TRUE(runtime.process());
    const auto drained = queue.drain([&](const tau::Event& event) {
      if (event.kind() == EventKind::kText) text += event.text();
      if (event.kind() == EventKind::kToolCall) { EXPECT_TRUE(run.tool_result(event.call_id(), "5")); }
      done = done || event.kind() == EventKind::kRunDone;
    });
    ASSERT_TRUE(drained);
  }
  EXPECT_EQ(text, "It is 5.");
}

TEST(CppManualMode, IsAskedFor) {
  const auto runtime = open("{}");
  EXPECT_EQ(runtime.fd(), -1);
  EXPECT_EQ(runtime.process().error().status(), Status::kFailedPrecondition);
}

}  // namespace
}  // namespace tau_test
