// A run waits for what it recalls; who starts it does not.
#include <condition_variable>
#include <mutex>

#include "run_fixture.h"
#include "runtime/memory.h"
#include "runtime/memory_embedders.h"

namespace tau::runtime {
namespace {

// Makes vectors of documents at once, and of queries when it is let.
class Gate {
 public:
  std::shared_ptr<const memory::Embedder> embedder() {
    return *make_host_embedder(
        {.name = "gate", .dimensions = 2, .embed = [this](const auto& texts, auto purpose, float* out) {
           if (purpose == memory::Purpose::kQuery) wait();
           for (size_t i = 0; i < texts.size(); ++i) out[2 * i] = out[2 * i + 1] = 1;
           return true;
         }});
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool was_asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.wait(lock, [this] { return open_; });
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool asked_ = false;
};

class RecallRun : public ScriptedRun {
 protected:
  void open(std::string_view more = "") {
    open_home({R"({"text":"green tea"})", R"({"text":"more"})"},
              format(R"("tools":[],"memory":{{"recall":true{}}})", more));
    ASSERT_TRUE(runtime_->set_embedder(gate_.embedder()).ok());
    const auto memory = *Memory::open(runtime_, "{}");
    ASSERT_TRUE(memory->perform(R"({"op":"add","id":"tea","text":"Ada prefers green tea"})", {}).ok());
  }
  // Returns while the embedder has not answered.
  void start(std::string_view options_json = {}) {
    RunOptions options;
    options.prompt = "Which tea does Ada prefer?";
    options.options_json = options_json;
    options.queue = queue_ = *runtime_->make_queue(0, nullptr);
    auto run = session_->start(std::move(options));
    ASSERT_TRUE(run.ok()) << run.status().to_string();
    run_ = *run;
  }
  // Until a worker has asked for the vector.
  void reach_gate() {
    while (!gate_.was_asked()) ASSERT_TRUE(runtime_->process(0, 1).ok());
  }
  json::Value recalled() const {
    const std::string body = body_with(R"("event":"recalled")");
    return body.empty() ? json::Value() : (*json::parse(body))["recall"];
  }
  void TearDown() override {
    gate_.open();
    run_ = nullptr;
    ScriptedRun::TearDown();
  }

  Gate gate_;
  std::shared_ptr<EventQueue> queue_;
  std::shared_ptr<runtime::Run> run_;
};

TEST_F(RecallRun, AStartReturnsBeforeTheVectorIsThere) {
  open(R"(,"recall_wait_ms":60000)");
  start();
  reach_gate();
  EXPECT_TRUE(queue_->take(100).empty());
  gate_.open();
  finish(*run_, *queue_);
  EXPECT_EQ(recalled()["vectors"].as_string(), "used");
  EXPECT_EQ(recalled()["memories"].as_array()[0]["id"].as_string(), "tea");
  bool identical = false;
  const auto report = runtime_->replay(run_id_, &identical);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_TRUE(identical) << *report;
}

TEST_F(RecallRun, WordsCountWhereTheVectorIsLate) {
  open(R"(,"recall_wait_ms":1)");
  start();
  finish(*run_, *queue_);
  EXPECT_EQ(recalled()["vectors"].as_string(), "unavailable");
  EXPECT_EQ(recalled()["reason"].as_string(), "embedder_slow");
  EXPECT_EQ(recalled()["memories"].as_array()[0]["id"].as_string(), "tea");
  bool identical = false;
  ASSERT_TRUE(runtime_->replay(run_id_, &identical).ok());
  EXPECT_TRUE(identical);
}

TEST_F(RecallRun, WhoWaitsForNoVectorDoesNotAskForOne) {
  open(R"(,"recall_wait_ms":0)");
  start();
  finish(*run_, *queue_);
  EXPECT_FALSE(gate_.was_asked());
  EXPECT_EQ(recalled()["reason"].as_string(), "embedder_slow") << json::write(recalled());
}

TEST_F(RecallRun, ARunThatWaitsIsCancelledAtOnce) {
  open(R"(,"recall_wait_ms":60000)");
  start();
  reach_gate();
  run_->cancel();
  finish(*run_, *queue_);
  EXPECT_NE(bodies_.back().find("cancelled"), std::string::npos) << bodies_.back();
  EXPECT_NE(body_with("run_started"), "");
}

TEST_F(RecallRun, WhatTheHostSaysMeanwhileIsHeard) {
  open(R"(,"recall_wait_ms":60000)");
  start();
  reach_gate();
  ASSERT_TRUE(run_->submit(R"({"op":"message","text":"And which coffee?"})", {}).ok());
  ASSERT_TRUE(runtime_->process(0, 0).ok());
  gate_.open();
  finish(*run_, *queue_);
  EXPECT_NE(session_->export_json()->find("And which coffee?"), std::string::npos);
}

TEST_F(RecallRun, TheDeadlineOfARunEndsItsWaiting) {
  open(R"(,"recall_wait_ms":60000)");
  RunOptions options;
  options.prompt = "Which tea does Ada prefer?";
  options.deadline_ms = 1;
  options.queue = queue_ = *runtime_->make_queue(0, nullptr);
  run_ = *session_->start(std::move(options));
  finish(*run_, *queue_);
}

TEST_F(RecallRun, ARuntimeStopsWhileOneWaits) {
  open(R"(,"recall_wait_ms":60000)");
  start();
  reach_gate();
  session_ = nullptr;
  agent_ = nullptr;
  (void)runtime_->stop(0);
  gate_.open();
  (void)runtime_->stop(10'000);
  finish(*run_, *queue_);
}

TEST_F(RecallRun, WithoutWorkersTheLoopLooks) {
  RuntimeOptions options;
  options.home = dir_.path();
  options.manual = true;
  options.workers = 0;
  options.config_json =
      R"({"model":"scripted/x","tools":[],"memory":{"recall":true},"script":{"turns":[{"text":"x"}]}})";
  runtime_ = *Runtime::open(options);
  agent_ = *Agent::make(runtime_, "");
  session_ = *Session::open(agent_, "ses");
  const auto memory = *Memory::open(runtime_, "{}");
  ASSERT_TRUE(memory->perform(R"({"op":"add","id":"tea","text":"Ada prefers green tea"})", {}).ok());
  start();
  finish(*run_, *queue_);
  EXPECT_EQ(recalled()["vectors"].as_string(), "used");
}

}  // namespace
}  // namespace tau::runtime
