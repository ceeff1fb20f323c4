// Runs of a scripted model in a home of their own, driven to their end, and what they showed.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "runtime/core.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {

inline std::string call_of(std::string_view name, std::string_view arguments) {
  return format(R"({{"tool_calls":[{{"name":"{}","arguments":{}}}]}})", name, arguments);
}

class ScriptedRun : public testing::Test {
 protected:
  // Opens the home anew. `more`: further members of the configuration.
  void open_home(const std::vector<std::string>& turns, std::string_view more) {
    close();
    std::string script;
    for (const std::string& turn : turns) script += (script.empty() ? "" : ",") + turn;
    RuntimeOptions options;
    options.home = dir_.path();
    options.manual = true;
    options.config_json = format(R"({{"model":"scripted/x","script":{{"turns":[{}]}},{}}})", script, more);
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *runtime;
    agent_ = *Agent::make(runtime_, "");
    session_ = *Session::open(agent_, "ses");
  }
  void close() {
    session_ = nullptr;
    agent_ = nullptr;
    if (runtime_ != nullptr) { EXPECT_TRUE(runtime_->stop(10'000).ok()); }
    runtime_ = nullptr;
  }
  void TearDown() override { close(); }

  // Runs to its end; `on_event` may answer.
  using OnEvent = std::function<void(runtime::Run&, const agent::Event&)>;
  void ask(std::string_view prompt, const OnEvent& on_event = nullptr, bool resume = false) {
    RunOptions options;
    options.prompt = prompt;
    options.resume = resume;
    options.queue = *runtime_->make_queue(0, nullptr);
    const auto queue = options.queue;
    auto run = session_->start(std::move(options));
    ASSERT_TRUE(run.ok()) << run.status().to_string();
    finish(**run, *queue, on_event);
  }
  // Shows what comes until the run is over.
  void finish(runtime::Run& run, EventQueue& queue, const OnEvent& on_event = nullptr) {
    results_.clear();
    bodies_.clear();
    run_id_ = run.id();
    for (bool over = false; !over;) {
      ASSERT_TRUE(runtime_->process(0, 10).ok());
      for (Queued* queued : queue.take(100)) {
        const agent::Event& event = queued->event;
        over = over || event.kind == agent::EventKind::kRunDone;
        bodies_.emplace_back(queued->body());
        if (event.kind == agent::EventKind::kToolResult) results_.push_back(event.text);
        if (on_event) on_event(run, event);
      }
    }
    queue.abandon();
  }
  std::string body_with(std::string_view text) const {
    for (const std::string& body : bodies_)
      if (body.find(text) != body.npos) return body;
    return {};
  }

  test::TempDir dir_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Agent> agent_;
  std::shared_ptr<Session> session_;
  std::vector<std::string> results_;
  std::vector<std::string> bodies_;
  std::string run_id_;
};

}  // namespace tau::runtime
