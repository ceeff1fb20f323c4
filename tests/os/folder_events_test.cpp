// Hints of what changes below a folder: each change of a watched folder gives one, whatever was renamed
// before.
#include "os/folder_events.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "support/temp_dir.h"

namespace tau::os {
namespace {

using What = FolderHint::What;

class FolderEventsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto events = make_folder_events(dir_.path());
    ASSERT_TRUE(events.ok()) << events.status().to_string();
    events_ = *std::move(events);
    ASSERT_TRUE(events_->watch("").ok());
  }
  // Hints come before wait() returns nothing.
  std::vector<FolderHint> hints() {
    std::vector<FolderHint> all;
    for (bool more = true; more;) {
      const auto some = events_->wait(0);
      EXPECT_TRUE(some.ok());
      more = some.ok() && !some->empty();
      if (more) all.insert(all.end(), some->begin(), some->end());
    }
    return all;
  }
  static bool has(const std::vector<FolderHint>& hints, std::string_view path, What what) {
    return std::any_of(hints.begin(), hints.end(),
                       [&](const FolderHint& each) { return each.path == path && each.what == what; });
  }
  void rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(::rename(dir_.file(from).c_str(), dir_.file(to).c_str()), 0);
  }
  void mkdir(const std::string& path) { ASSERT_EQ(::mkdir(dir_.file(path).c_str(), 0700), 0); }

  test::TempDir dir_;
  std::unique_ptr<FolderEvents> events_;
};

TEST_F(FolderEventsTest, AWriterIsToldFromOneThatClosed) {
  const int fd = open(dir_.file("a").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(write(fd, "x", 1), 1);
  const auto open_hints = hints();
  EXPECT_TRUE(has(open_hints, "a", What::kWriting));
  EXPECT_FALSE(has(open_hints, "a", What::kChanged));
  close(fd);
  EXPECT_TRUE(has(hints(), "a", What::kChanged));
  ASSERT_EQ(unlink(dir_.file("a").c_str()), 0);
  EXPECT_TRUE(has(hints(), "a", What::kChanged));
  EXPECT_TRUE(hints().empty());
}

TEST_F(FolderEventsTest, AFolderThatIsNotWatchedTellsNothingOfWhatIsInIt) {
  mkdir("sub");
  EXPECT_TRUE(has(hints(), "sub", What::kChanged));
  dir_.write("sub/a", "x");
  EXPECT_TRUE(hints().empty());
  ASSERT_TRUE(events_->watch("sub").ok());
  ASSERT_TRUE(events_->watch("sub").ok());
  dir_.write("sub/b", "x");
  EXPECT_TRUE(has(hints(), "sub/b", What::kChanged));
}

TEST_F(FolderEventsTest, ARenamedFolderTellsUnderItsNewNameAlone) {
  mkdir("old");
  mkdir("old/deep");
  for (const char* each : {"old", "old/deep"}) ASSERT_TRUE(events_->watch(each).ok());
  (void)hints();
  rename("old", "new");
  const auto moved = hints();
  EXPECT_TRUE(has(moved, "old", What::kChanged));
  EXPECT_TRUE(has(moved, "old", What::kMoved));
  EXPECT_TRUE(has(moved, "new", What::kChanged));
  for (const char* each : {"new", "new/deep"}) ASSERT_TRUE(events_->watch(each).ok());
  dir_.write("new/deep/a", "x");
  const auto written = hints();
  EXPECT_TRUE(has(written, "new/deep/a", What::kChanged));
  for (const FolderHint& each : written) EXPECT_FALSE(each.path.starts_with("old")) << each.path;
}

TEST_F(FolderEventsTest, AFolderThatIsWatchedUnderItsNewNameBeforeTheRenameWasReadKeepsIt) {
  mkdir("old");
  ASSERT_TRUE(events_->watch("old").ok());
  (void)hints();
  rename("old", "new");
  ASSERT_TRUE(events_->watch("new").ok());  // the same watch of the kernel
  (void)hints();
  dir_.write("new/a", "x");
  EXPECT_TRUE(has(hints(), "new/a", What::kChanged));
}

TEST_F(FolderEventsTest, WhatMovesOutOrInIsNoMoveWithin) {
  test::TempDir other;
  dir_.write("a", "x");
  other.write("b", "x");
  (void)hints();
  ASSERT_EQ(::rename(dir_.file("a").c_str(), other.file("a").c_str()), 0);
  ASSERT_EQ(::rename(other.file("b").c_str(), dir_.file("b").c_str()), 0);
  const auto moved = hints();
  EXPECT_TRUE(has(moved, "a", What::kChanged));
  EXPECT_TRUE(has(moved, "b", What::kChanged));
  for (const FolderHint& each : moved) EXPECT_NE(each.what, What::kMoved) << each.path;
}

TEST_F(FolderEventsTest, TheEndOfTheFolderIsToldAsAChangeOfEverything) {
  mkdir("sub");
  auto events = make_folder_events(dir_.file("sub"));
  ASSERT_TRUE(events.ok());
  ASSERT_TRUE((*events)->watch("").ok());
  ASSERT_EQ(rmdir(dir_.file("sub").c_str()), 0);
  const auto gone = (*events)->wait(0);
  ASSERT_TRUE(gone.ok());
  EXPECT_TRUE(has(*gone, "", What::kChanged));
  EXPECT_EQ((*events)->watch("").code(), Code::kNotFound);
  mkdir("sub");
  EXPECT_TRUE((*events)->watch("").ok());
  dir_.write("sub/a", "x");
  const auto back = (*events)->wait(0);
  EXPECT_TRUE(back.ok() && has(*back, "a", What::kChanged));
}

TEST_F(FolderEventsTest, ALinkIsNotWatched) {
  test::TempDir other;
  ASSERT_EQ(symlink(other.path().c_str(), dir_.file("link").c_str()), 0);
  EXPECT_FALSE(events_->watch("link").ok());
}

TEST_F(FolderEventsTest, AWakeEndsAWait) {
  std::thread waker([&] { events_->wake(); });
  const auto hints = events_->wait(-1);
  waker.join();
  ASSERT_TRUE(hints.ok());
  EXPECT_TRUE(hints->empty());
}

}  // namespace
}  // namespace tau::os
