// An executor with everything around it: a real loop driven by the test, workers that run when told to, a
// policy that allows, an audit that remembers.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/temp_dir.h"
#include "tool/tool.h"

namespace tau::tool::test {

inline Result text_result(std::string text) {
  Result result;
  result.content = std::move(text);
  return result;
}

// A clock that the test moves; real() follows the machine, for tests with processes.
class TestClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return real ? system_clock().monotonic_ns() : now_ns; }
  int64_t wall_ms() override { return 0; }
  bool real = true;
  int64_t now_ns = 1;
};

class ManualWorkers final : public Workers {
 public:
  bool available() const override { return enabled; }
  void submit(net::Task task) override { tasks.push_back(std::move(task)); }
  void run_all() {
    for (auto& task : std::exchange(tasks, {})) task();
  }
  bool enabled = true;
  std::vector<net::Task> tasks;
};

class FixedPolicy final : public PolicyHook {
 public:
  Verdict decide(const Facts& facts) override {
    seen.push_back(facts.call.name + json::write(facts.call.arguments));
    return verdict;
  }
  Verdict verdict = {Decision::kAllow, "allowed_by_test", "", 7};
  std::vector<std::string> seen;
};

class RecordingAudit final : public AuditSink {
 public:
  void on_decision(const Facts& facts, const Verdict& verdict) override {
    lines.push_back(facts.call.id + " " + std::string(decision_name(verdict.decision)));
  }
  void on_result(const Call& call, const Result& result) override {
    lines.push_back(call.id + (result.is_error ? " error " + result.reason : " ok"));
  }
  bool admit(const Call&, const Manifest&, Admission later) override {
    if (!asks) return true;
    waiting.push_back(std::move(later));
    return false;
  }
  void on_connection(const Call& call, Connection moment, const net::ProxyRecord& record) override {
    if (moment == Connection::kEnded) {
      ++ended_connections;
    } else {
      lines.push_back(format("{} {} {} {}", call.id,
                             record.decision == net::ProxyRecord::Decision::kRefused ? "refused" : "allowed",
                             record.host, record.verdict));
    }
  }
  bool asks = false;  // calls wait for it
  int ended_connections = 0;
  std::vector<Admission> waiting;
  std::vector<std::string> lines;
};

class ExecutorFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    loop = *net::EventLoop::create(clock);
    loop->process(0).value();
    workspace = *os::Workspace::open(dir.path());
  }
  void TearDown() override { executor.reset(); }

  Context context() {
    Context c;
    c.loop = loop.get();
    c.workspace = workspace;
    c.launcher = launcher;
    c.environment = environment;
    c.sandbox = sandbox;
    return c;
  }
  struct Hook final : FinalizeHook {
    std::function<void(const Call&, Result&)> act;
    void finalize(const Call& call, const Manifest&, Result& result) override {
      if (act) act(call, result);
    }
  };
  Executor& make_executor(std::function<void(const Call&, Result&)> act = nullptr) {
    hook.act = std::move(act);
    executor = std::make_unique<Executor>(registry, policy, &audit, &hook, workers, *loop, context());
    return *executor;
  }
  static Call call(std::string name, std::string arguments, std::string id = "c1") {
    Call c;
    c.id = std::move(id);
    c.name = std::move(name);
    c.raw_arguments = std::move(arguments);
    c.run_id = "r1";
    return c;
  }
  // Starts a call that must pass prepare; the result lands in results[id].
  void execute(std::string name, std::string arguments, std::string id = "c1") {
    Prepared prepared = executor->prepare(call(std::move(name), std::move(arguments), id));
    ASSERT_EQ(prepared.refusal, "") << prepared.message;
    executor->execute(std::move(prepared.call), [this, id](Result r) {
      EXPECT_FALSE(results.contains(id)) << "a second result for " << id;
      results[id] = std::move(r);
    });
  }
  void turn() {
    workers.run_all();
    EXPECT_TRUE(loop->process(0).ok());
  }
  // Drives the loop until the call has ended; a broken build fails here and does not hang.
  Result wait(const std::string& id = "c1") {
    for (int i = 0; i < 4000 && !results.contains(id); ++i) {
      workers.run_all();
      EXPECT_TRUE(loop->process(5).ok());
    }
    EXPECT_TRUE(results.contains(id)) << "no result for " << id;
    return results[id];
  }
  Result run(std::string name, std::string arguments) {
    results.clear();
    execute(std::move(name), std::move(arguments));
    return wait();
  }

  tau::test::TempDir dir;
  TestClock clock;
  std::unique_ptr<net::EventLoop> loop;
  std::shared_ptr<os::Workspace> workspace;
  std::shared_ptr<os::Launcher> launcher;
  std::vector<std::string> environment;
  std::shared_ptr<const Sandbox> sandbox;
  Registry registry;
  FixedPolicy policy;
  RecordingAudit audit;
  ManualWorkers workers;
  Hook hook;
  std::unique_ptr<Executor> executor;
  std::map<std::string, Result> results;
};

}  // namespace tau::tool::test
