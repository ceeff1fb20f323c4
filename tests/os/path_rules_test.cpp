// The list that file tools and confinement share: what it covers, in a workspace.
#include "os/path_rules.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "os/workspace.h"
#include "support/temp_dir.h"

namespace tau::os {
namespace {

TEST(PathRules, CoverAPathAndAllBeneathWhateverItsCase) {
  const std::vector<std::string> entries = {".git/config", ".tau/", ".env"};
  for (const char* path : {".git/config", ".GIT/config", ".tau", ".tau/a/b", ".TAU/x", ".env"})
    EXPECT_TRUE(covered(entries, path)) << path;
  for (const char* path :
       {"", ".", ".git", ".git/config2", ".git/configs/x", ".tau2", "a/.tau", "a/.env", ".environment"})
    EXPECT_FALSE(covered(entries, path)) << path;
  EXPECT_TRUE(leads_to(entries, ".git"));
  EXPECT_FALSE(leads_to(entries, ".tau"));
  EXPECT_FALSE(leads_to(entries, ".gi"));
  EXPECT_FALSE(covered({"", "/"}, "a"));
}

RC_GTEST_PROP(PathRulesProperty, WhatIsCoveredStaysCoveredDeeper,
              (const std::string& entry, const std::string& more)) {
  RC_PRE(entry.find_first_not_of('/') != entry.npos && entry.find('/') == entry.npos);
  RC_ASSERT(covered({entry}, entry));
  RC_ASSERT(covered({entry + "/"}, entry + "/" + more));
  RC_ASSERT(leads_to({entry + "/x"}, entry));
}

class RuledWorkspace : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {".git/config", "kept/file", "free", ".env", "private/deep/key"})
      dir_.write(name, name);
    namespace fs = std::filesystem;
    fs::create_symlink(".env", dir_.file("to_env"));
    fs::create_directory_symlink("kept", dir_.file("to_kept"));
    fs::create_directory_symlink("private/deep", dir_.file("to_deep"));
    ws_ = *Workspace::open(dir_.path(), {{".git/config", "kept", "absent/"}, {".env", "private/"}});
  }
  std::string write(const char* path) {
    const auto done = ws_->write(path, "x", {.create_parents = true});
    return std::string(done.status().reason());
  }

  test::TempDir dir_;
  std::unique_ptr<Workspace> ws_;
};

TEST_F(RuledWorkspace, ChangesNothingThatIsKept) {
  for (const char* path : {".git/config", "kept/file", "kept/new", "kept/a/b", "to_kept/file", "absent/file",
                           "absent", ".git", ".env", "to_env", "private/new", "to_deep/key", "./kept//file"})
    EXPECT_EQ(write(path), "path_protected") << path;
  EXPECT_EQ(ws_->remove("kept/file").reason(), "path_protected");
  EXPECT_EQ(ws_->make_directories("kept/sub").reason(), "path_protected");
  EXPECT_EQ(ws_->make_directories("absent").reason(), "path_protected");
  EXPECT_EQ(dir_.read("kept/file"), "kept/file");
  EXPECT_FALSE(std::filesystem::exists(dir_.file("absent")));
  EXPECT_EQ(write("free"), "");
  EXPECT_EQ(write(".git/index"), "");
  EXPECT_EQ(ws_->read("kept/file", {}).status().reason(), "") << "kept is not hidden";
}

TEST_F(RuledWorkspace, ReadsNothingThatIsHidden) {
  for (const char* path : {".env", "to_env", "private/deep/key", "to_deep/key"})
    EXPECT_EQ(ws_->read(path, {}).status().reason(), "path_hidden") << path;
  EXPECT_EQ(ws_->list("private").status().reason(), "path_hidden");
  EXPECT_EQ(ws_->list("to_deep").status().reason(), "path_hidden");
  std::string seen;
  const auto end = ws_->walk(".", {}, [&](const WalkEntry& entry) {
    seen += std::string(entry.path) + " ";
    return WalkAction::kContinue;
  });
  EXPECT_TRUE(end.ok());
  EXPECT_EQ(seen, ".git .git/config free kept kept/file ");
}

}  // namespace
}  // namespace tau::os
