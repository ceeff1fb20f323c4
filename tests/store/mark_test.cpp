// Marks: short texts that a database remembers.
#include <gtest/gtest.h>

#include "store_fixture.h"

namespace tau::store {
namespace {

class StoreMarks : public testing::Test {
 protected:
  std::unique_ptr<Store> open(bool read_only = false) {
    auto opened = open_store({.path = dir_.file("tau.db"), .read_only = read_only}, clock_);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  TempDir dir_;
  FixedClock clock_;
};

TEST_F(StoreMarks, TheLastTextIsKept) {
  {
    const auto store = open();
    EXPECT_EQ(*store->load_mark("audit.head"), "");
    ASSERT_TRUE(store->store_mark("audit.head", "one").ok());
    ASSERT_TRUE(store->store_mark("audit.keys", "other").ok());
    ASSERT_TRUE(store->store_mark("audit.head", "two\n").ok());
    EXPECT_EQ(*store->load_mark("audit.head"), "two\n");
    EXPECT_EQ(*read_mark(dir_.file("tau.db"), "audit.head"), "two\n") << "while it is in use";
  }
  EXPECT_EQ(*open()->load_mark("audit.head"), "two\n");
  EXPECT_EQ(*read_mark(dir_.file("tau.db"), "audit.keys"), "other");
  EXPECT_EQ(*read_mark(dir_.file("tau.db"), "none"), "");
}

TEST_F(StoreMarks, ABackupHasThem) {
  const auto store = open();
  ASSERT_TRUE(store->store_mark("audit.head", "one").ok());
  ASSERT_TRUE(store->backup(dir_.file("copy.db")).ok());
  ASSERT_TRUE(store->store_mark("audit.head", "two").ok());
  EXPECT_EQ(*read_mark(dir_.file("copy.db"), "audit.head"), "one");
}

TEST_F(StoreMarks, WhoMayNotWriteIsTold) {
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(open(/*read_only=*/true)->store_mark("audit.head", "one").reason(), "store_read_only");
  EXPECT_EQ(make_memory_store(clock_)->load_mark("audit.head").status().reason(), "no_database");
  EXPECT_EQ(make_memory_store(clock_)->store_mark("audit.head", "one").reason(), "no_database");
  EXPECT_EQ(read_mark(dir_.file("none.db"), "audit.head").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace tau::store
