// One list of rules for both sides: what the file tools refuse in this process, and what the kernel refuses
// commands.
#include <filesystem>

#include "executor_fixture.h"

namespace tau::tool {
namespace {

namespace fs = std::filesystem;

class SandboxTest : public test::ExecutorFixture, public ::testing::WithParamInterface<os::Mechanism> {
 protected:
  void SetUp() override {
    ExecutorFixture::SetUp();
    for (const char* name :
         {".git/config", ".git/hooks/pre-commit", ".tau/tau.toml", "kept/one", "free", ".env", "private/key"})
      dir.write(name, std::string("old ") + name);
    outside.write("vault", "old vault");
    fs::create_directory_symlink(".git", dir.file("link"));
    rules.read_only = os::default_read_only();
    rules.read_only.emplace_back("kept");
    rules.hidden = {".env", "private/"};
    workspace = *os::Workspace::open(dir.path(), rules);
    use({.helper_path = TAU_TEST_EXEC,
         .build_helper_path = "",
         .use_bubblewrap = GetParam() == os::Mechanism::kBubblewrap,
         .use_landlock = GetParam() != os::Mechanism::kNone});
    for (const auto& tool : builtin_tools(true)) ASSERT_TRUE(registry.add(tool).ok());
    make_executor();
    if (launcher->confinement_status().best != GetParam())
      GTEST_SKIP() << os::mechanism_name(GetParam()) << " does not work here";
  }
  void use(const os::Launcher::Options& options) {
    launcher = *os::Launcher::create(options);
    Sandbox demanded;
    demanded.confinement.profile = os::Profile::kWorkspaceWrite;
    demanded.confinement.roots = {dir.path()};
    demanded.confinement.rules = rules;
    demanded.confinement.hidden = {outside.path()};
    demanded.confinement.accept_gaps = GetParam() == os::Mechanism::kLandlock;
    sandbox = std::make_shared<const Sandbox>(demanded);
  }
  Result bash(const std::string& command) {
    json::Value v;
    v.set("command", command);
    return run("bash", json::write(v));
  }
  Result write(const std::string& path) {
    json::Value v;
    v.set("path", path);
    v.set("content", "new");
    return run("write", json::write(v));
  }
  Result edit(const std::string& path) {
    json::Value v;
    v.set("path", path);
    v.set("old_text", "old");
    v.set("new_text", "new");
    return run("edit", json::write(v));
  }

  tau::test::TempDir outside;
  os::PathRules rules;
};

TEST_P(SandboxTest, WhatIsKeptCannotBeChangedByAnyTool) {
  const bool by_kernel = GetParam() == os::Mechanism::kBubblewrap;
  for (const std::string path : {".git/config", ".git/hooks/pre-commit", ".tau/tau.toml", "kept/one"}) {
    SCOPED_TRACE(path);
    const std::string before = dir.read(path);
    EXPECT_EQ(write(path).reason, "path_protected");
    EXPECT_EQ(edit(path).reason, "path_protected");
    if (by_kernel) {
      EXPECT_TRUE(bash("echo new > " + path).is_error);
      EXPECT_TRUE(bash("echo new > free2 && mv -f free2 " + path).is_error);
      EXPECT_TRUE(bash("rm -f " + path).is_error);
    }
    EXPECT_EQ(dir.read(path), before);
  }
  for (const char* path :
       {".git/hooks/post-merge", ".tau/other", "kept/two", ".git", ".GIT/Config", "link/config"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(write(path).reason, "path_protected");
  }
  EXPECT_FALSE(fs::exists(dir.file(".git/hooks/post-merge")));
  EXPECT_FALSE(write(".git/COMMIT_EDITMSG").is_error) << "a commit writes beside its configuration";
  if (GetParam() == os::Mechanism::kNone) return;
  EXPECT_FALSE(bash("echo new > free && echo > .git/index.lock").is_error);
}

TEST_P(SandboxTest, WhatIsHiddenCannotBeReadByAnyTool) {
  EXPECT_EQ(run("read", R"({"path":".env"})").reason, "path_hidden");
  EXPECT_EQ(run("read", R"({"path":"private/key"})").reason, "path_hidden");
  EXPECT_EQ(run("ls", R"({"path":"private"})").reason, "path_hidden");
  EXPECT_EQ(write(".env").reason, "path_protected");
  EXPECT_EQ(run("grep", R"({"pattern":"old"})").content.find("private"), std::string::npos);
  EXPECT_EQ(run("glob", R"({"pattern":"**"})").content.find("private/key"), std::string::npos);
  if (GetParam() != os::Mechanism::kBubblewrap) return;
  EXPECT_EQ(bash("cat .env private/* 2>&1").content.find("old"), std::string::npos);
  EXPECT_TRUE(bash("echo new > .env").is_error);
  EXPECT_TRUE(bash("echo new > private/key").is_error);
}

TEST_P(SandboxTest, VaultAndConfigurationOutsideAreOutOfReach) {
  if (GetParam() == os::Mechanism::kNone) return;
  EXPECT_EQ(bash("cat " + outside.file("vault") + " 2>&1").content.find("old vault"), std::string::npos);
  EXPECT_TRUE(bash("echo new > " + outside.file("vault")).is_error);
  EXPECT_EQ(write(outside.file("vault")).reason, "path_escapes_workspace");
  EXPECT_EQ(outside.read("vault"), "old vault");
}

TEST_P(SandboxTest, SaysWhatConfinedIt) {
  if (GetParam() == os::Mechanism::kNone) return;
  const json::Value details = *json::parse(bash("true").details_json);
  EXPECT_EQ(details["sandbox"].as_string(), os::mechanism_name(GetParam()));
  const bool gaps = GetParam() == os::Mechanism::kLandlock;
  EXPECT_EQ(details["not_sandboxed"].as_bool(), gaps);
  EXPECT_EQ(details["gaps"].as_array().empty(), !gaps);
}

TEST_P(SandboxTest, WithoutAMechanismNothingRuns) {
  if (GetParam() != os::Mechanism::kNone) return;
  const Result refused = bash("echo new > free");
  EXPECT_EQ(refused.reason, "sandbox_unavailable");
  EXPECT_NE(refused.content.find("no Landlock"), std::string::npos) << refused.content;
  EXPECT_EQ(dir.read("free"), "old free");
}

INSTANTIATE_TEST_SUITE_P(By, SandboxTest,
                         ::testing::Values(os::Mechanism::kNone, os::Mechanism::kLandlock,
                                           os::Mechanism::kBubblewrap),
                         [](const auto& instance) {
                           return std::string(os::mechanism_name(instance.param));
                         });

}  // namespace
}  // namespace tau::tool
