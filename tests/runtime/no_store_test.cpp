// Runs without a store, and how readers of a queue are woken.
#include <gtest/gtest.h>

#include "runtime/runtime.h"

namespace tau::runtime {
namespace {

class NoStore : public testing::Test {
 protected:
  void open(std::string_view script) {
    RuntimeOptions options;
    options.manual = true;
    options.no_store = true;
    options.config_json = R"({"model":"scripted/x","script":)" + std::string(script) + "}";
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *runtime;
    auto agent = Agent::make(runtime_, "");
    ASSERT_TRUE(agent.ok()) << agent.status().to_string();
    agent_ = *agent;
  }
  std::shared_ptr<runtime::Run> ask(const std::shared_ptr<Session>& session,
                                    std::shared_ptr<EventQueue> queue = nullptr) {
    RunOptions options;
    options.prompt = "hello";
    options.queue = std::move(queue);
    auto run = session->start(std::move(options));
    EXPECT_TRUE(run.ok()) << run.status().to_string();
    return run.ok() ? *run : nullptr;
  }
  void finish(runtime::Run& run) {
    Code code = Code::kInternal;
    EXPECT_TRUE(run.wait(10'000, &code).ok());
    EXPECT_EQ(code, Code::kOk);
    run.queue()->abandon();  // as its handle does: events hold their queue
  }
  size_t sessions() { return (*json::parse(*runtime_->list_sessions(10, "")))["sessions"].size(); }

  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Agent> agent_;
};

TEST_F(NoStore, ASessionIsSeenWhileItsFirstRunGoesOn) {
  open(R"({"turns":[{"text":"a","hang":true}]})");
  const auto session = *Session::open(agent_, "named");
  const auto run = ask(session);
  ASSERT_TRUE(runtime_->process(0, 0).ok());
  EXPECT_EQ(sessions(), 1u);
  EXPECT_NE(session->describe()->find(R"("model":"scripted/x")"), std::string::npos);
  run->cancel();
  Code code = Code::kOk;
  EXPECT_TRUE(run->wait(10'000, &code).ok());
  EXPECT_EQ(code, Code::kCancelled);
  run->queue()->abandon();
}

TEST_F(NoStore, AnUnnamedSessionGoesWithItsLastHandleAndANamedOneStays) {
  open(R"({"turns":[{"text":"a"},{"text":"b"}]})");
  auto named = *Session::open(agent_, "named");
  auto unnamed = *Session::open(agent_, "");
  finish(*ask(named));
  finish(*ask(unnamed));
  const std::string id(unnamed->id());
  EXPECT_EQ(sessions(), 2u);
  ASSERT_TRUE(runtime_->process(0, 0).ok());  // the runs' last words
  unnamed = nullptr;
  EXPECT_EQ(sessions(), 1u);
  named = nullptr;
  named = *Session::open(agent_, "named");
  EXPECT_NE(named->export_json()->find(R"("text":"a")"), std::string::npos);
  EXPECT_EQ((*Session::open(agent_, id))->export_json()->find(R"("text":"a")"), std::string::npos);
}

TEST_F(NoStore, AReaderIsWokenOnceForAllThatATurnOfTheLoopBrings) {
  open(R"({"turns":[{"text":["a","b","c","d","e","f"]}]})");
  int woken = 0;
  const auto queue = *runtime_->make_queue(0, [&woken] { ++woken; });
  const auto session = *Session::open(agent_, "");
  const auto run = ask(session, queue);
  ASSERT_TRUE(runtime_->process(0, 0).ok());
  EXPECT_EQ(woken, 1);
  EXPECT_GT(queue->take(100).size(), 6u);
  finish(*run);
  EXPECT_LE(woken, 2);
}

}  // namespace
}  // namespace tau::runtime
