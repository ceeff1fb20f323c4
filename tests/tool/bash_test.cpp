// bash: output, limits and process trees, driven by the real loop.
#include <dirent.h>

#include <filesystem>
#include <fstream>

#include "executor_fixture.h"
#include "tool/builtin/output_buffer.h"

namespace tau::tool {
namespace {

class BashTest : public test::ExecutorFixture {
 protected:
  void SetUp() override {
    ExecutorFixture::SetUp();
    launcher = *os::Launcher::create({.helper_path = TAU_TEST_EXEC, .build_helper_path = ""});
    for (const auto& tool : builtin_tools()) ASSERT_TRUE(registry.add(tool).ok());
    environment = {"HOME=" + dir.path(), "AWS_KEY=leak"};
    make_executor();
  }
  static std::string arguments(const std::string& command) {
    json::Value v;
    v.set("command", command);
    return json::write(v);
  }
  Result bash(const std::string& command) { return run("bash", arguments(command)); }
  json::Value details(const Result& r) { return *json::parse(r.details_json); }

  // Runs the loop until the command has made this file.
  void wait_for_file(const std::string& name) {
    for (int i = 0; i < 4000 && !std::filesystem::exists(dir.file(name)); ++i) loop->process(5).value();
    ASSERT_TRUE(std::filesystem::exists(dir.file(name)));
  }
  // Processes that have this test's home in their environment.
  int alive() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream in(entry.path() / "environ", std::ios::binary);
      const std::string environ_text{std::istreambuf_iterator<char>(in), {}};
      count += environ_text.find("HOME=" + dir.path()) != std::string::npos ? 1 : 0;
    }
    return count;
  }
};

TEST_F(BashTest, ReturnsOutputAndExitCode) {
  const Result ok = bash("echo out; echo err >&2; echo end");
  EXPECT_EQ(ok.content, "out\nerr\nend\n");
  EXPECT_FALSE(ok.is_error);
  EXPECT_TRUE(details(ok)["not_sandboxed"].as_bool());
  EXPECT_EQ(ok.labels.integrity(), "tool:bash");
  const Result failed = bash("printf partial; exit 3");
  EXPECT_EQ(failed.content, "partial\nexit code 3");
  EXPECT_TRUE(failed.is_error);
  EXPECT_EQ(failed.reason, "nonzero_exit");
  EXPECT_EQ(details(failed)["exit_code"].as_int(), 3);
  EXPECT_EQ(bash("true").content, "[no output]");
  EXPECT_EQ(bash("kill -SEGV $$").content, "[killed by signal 11 (SEGV)]");
  EXPECT_EQ(bash("cat").content, "[no output]") << "there is no input to wait for";
}

TEST_F(BashTest, RunsInTheWorkspaceWithACleanEnvironment) {
  setenv("TAU_TEST_LEAK", "leaked", 1);
  std::filesystem::create_directory(dir.file("sub"));
  EXPECT_EQ(bash("pwd -P").content, dir.path() + "\n");
  EXPECT_EQ(run("bash", R"({"command":"pwd -P","cwd":"sub"})").content, dir.file("sub") + "\n");
  EXPECT_EQ(run("bash", R"({"command":"pwd","cwd":".."})").reason, "path_escapes_workspace");
  EXPECT_EQ(bash("exec env").content.find("TAU_TEST_LEAK"), std::string::npos);
  EXPECT_EQ(bash("/usr/bin/env | grep -vE '^(PWD|SHLVL|_|OLDPWD)=' | sort").content,
            "HOME=" + dir.path() + "\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nTERM=dumb\n");
  unsetenv("TAU_TEST_LEAK");
}

TEST_F(BashTest, LongOutputKeepsBeginningAndEnd) {
  const Result r = bash("echo BEGIN; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo END");
  EXPECT_LE(r.content.size(), 64u * 1024);
  EXPECT_TRUE(r.content.starts_with("BEGIN\nxxx"));
  EXPECT_TRUE(r.content.ends_with("xxx\nEND\n"));
  EXPECT_NE(r.content.find(" bytes cut …]"), std::string::npos);
  EXPECT_EQ(details(r)["output_bytes"].as_int(), 5'000'000 + 6 + 1 + 4);
}

TEST_F(BashTest, OutputThatNeverEndsIsBoundedAndLeavesTheLoopToOthers) {
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    loop->set_timer(loop->now_ns() + 10 * kNanosPerMilli, tick);
  };
  tick();
  execute("bash", R"({"command":"yes","timeout_ms":300})");
  for (int i = 0; i < 1'000'000 && results.empty(); ++i) turn();
  const Result r = wait();
  EXPECT_EQ(r.reason, "tool_timeout");
  EXPECT_LE(r.content.size(), 64u * 1024);
  EXPECT_GT(ticks, 3);
}

TEST_F(BashTest, BinaryOutputBecomesValidText) {
  const Result r =
      bash(R"(printf 'a\377\000\300\200b'; head -c 100000 /dev/urandom; printf 'c\355\240\200')");
  EXPECT_TRUE(is_valid_utf8(r.content));
  EXPECT_TRUE(r.content.starts_with("a"));
  EXPECT_TRUE(json::parse(json::write(json::Value(r.content))).ok());
}

TEST_F(BashTest, ACommandThatClosesItsOutputsIsWaitedFor) {
  const Result r = bash("echo said; exec >&- 2>&-; sleep 0.2; touch ended; exit 4");
  EXPECT_EQ(r.content, "said\nexit code 4");
  EXPECT_TRUE(std::filesystem::exists(dir.file("ended")));
}

TEST_F(BashTest, ItsTimeoutKillsAndKeepsTheOutput) {
  const Result r = run("bash", R"({"command":"echo so far; trap '' TERM; sleep 1000","timeout_ms":200})");
  EXPECT_EQ(r.reason, "tool_timeout");
  EXPECT_EQ(r.content, "so far\n[killed: not done within 200 ms]");
  EXPECT_EQ(alive(), 0);
}

TEST_F(BashTest, CancelKillsTheWholeTree) {
  execute("bash",
          arguments("(setsid sleep 1000 &) ; setsid sh -c 'trap \"\" TERM; sleep 1000 & sleep 1000' & "
                    "sleep 1000 & touch ready; wait"));
  wait_for_file("ready");
  EXPECT_GE(alive(), 4);
  executor->cancel("r1", "c1");
  EXPECT_EQ(wait().reason, "cancelled");
  EXPECT_EQ(alive(), 0) << "all were dead before the result came";
}

TEST_F(BashTest, BackgroundProcessesDoNotHoldTheResultBack) {
  const Result r = bash("sleep 1000 & echo started");
  EXPECT_EQ(r.content, "started\n");
  EXPECT_FALSE(r.is_error);
  EXPECT_GE(details(r)["killed"].as_int(), 1);
  EXPECT_EQ(alive(), 0);
}

TEST_F(BashTest, CallsRunBesideEachOther) {
  execute("bash", arguments("touch a; while [ ! -e b ]; do sleep 0.01; done; echo first"), "c1");
  execute("bash", arguments("touch b; while [ ! -e a ]; do sleep 0.01; done; echo second"), "c2");
  EXPECT_EQ(wait("c1").content, "first\n");
  EXPECT_EQ(wait("c2").content, "second\n");
}

TEST_F(BashTest, DestroyingTheExecutorOrTheLoopKills) {
  execute("bash", arguments("touch ready; sleep 1000"));
  wait_for_file("ready");
  executor.reset();
  loop.reset();
  EXPECT_EQ(alive(), 0);
  EXPECT_TRUE(results.empty());
}

TEST(OutputBuffer, KeepsHeadAndTailWhateverTheChunks) {
  for (const size_t chunk : {1u, 7u, 100u, 5000u}) {
    OutputBuffer buffer(100);
    std::string all;
    for (int i = 0; i < 1000; ++i) all += std::to_string(i) + " ";
    for (size_t at = 0; at < all.size(); at += chunk) buffer.append(std::string_view(all).substr(at, chunk));
    EXPECT_EQ(buffer.total_bytes(), all.size());
    EXPECT_EQ(buffer.text(), all.substr(0, 50) + "\n[… " + std::to_string(all.size() - 100) +
                                 " bytes cut …]\n" + all.substr(all.size() - 50));
  }
  OutputBuffer exact(100);
  exact.append(std::string(100, 'x'));
  EXPECT_FALSE(exact.cut());
  EXPECT_EQ(exact.text(), std::string(100, 'x'));
}

}  // namespace
}  // namespace tau::tool
