// Files on a disk that is full or read-only: typed failures, nothing lost, nothing left behind.
#include <gtest/gtest.h>

#include "os/workspace.h"
#include "support/private_mount.h"

namespace tau::os {
namespace {

constexpr uint64_t kDiskBytes = 256 * 1024;

TEST(FullDisk, AWriteFailsWhole) {
  const auto passed = test::on_small_disk(kDiskBytes, [](const std::string& dir) {
    const auto ws = *Workspace::open(dir);
    ASSERT_TRUE(ws->write("f", "old", {}).ok());
    const std::string large(kDiskBytes, 'x');
    for (const char* name : {"f", "new"}) {
      const Status status = ws->write(name, large, {}).status();
      EXPECT_EQ(status.reason(), "disk_full") << status.to_string();
      EXPECT_EQ(status.code(), Code::kResourceExhausted);
    }
    EXPECT_EQ(*ws->read("f", {}), "old");
    EXPECT_EQ(ws->list(".")->size(), 1u) << "a failed write leaves nothing";
    EXPECT_TRUE(ws->write("f", "smaller", {}).ok()) << "and takes no space";
    EXPECT_EQ(*ws->read("f", {}), "smaller");
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

TEST(FullDisk, AReadOnlyDiskIsNamed) {
  const auto passed = test::on_small_disk(kDiskBytes, [](const std::string& dir) {
    const auto ws = *Workspace::open(dir);
    ASSERT_TRUE(ws->write("f", "old", {}).ok());
    test::make_read_only(dir);
    for (const char* name : {"f", "new", "deep/new"}) {
      const Status status = ws->write(name, "x", {.create_parents = true}).status();
      EXPECT_EQ(status.reason(), "file_read_only") << status.to_string();
      EXPECT_EQ(status.code(), Code::kPermissionDenied);
    }
    EXPECT_EQ(ws->remove("f").reason(), "file_read_only");
    EXPECT_EQ(*ws->read("f", {}), "old");
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

}  // namespace
}  // namespace tau::os
