// The store on a real disk that fills, is freed again, or is read-only.
#include <gtest/gtest.h>

#include <fstream>

#include "store_fixture.h"
#include "support/private_mount.h"

namespace tau::store {
namespace {

constexpr uint64_t kDiskBytes = 2u << 20;

Status add_row(Store& store, int64_t seq, const std::string& body) {
  Batch batch;
  batch.rows = {row("run_ses_a", seq, body)};
  return append(store, std::move(batch)).status;
}

void fill(const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  const std::string block(4096, 'f');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {}
}

TEST(StoreFullDisk, IsNamedLosesNothingAcknowledgedAndIsOverWhenThereIsSpaceAgain) {
  const auto passed = test::on_small_disk(kDiskBytes, [](const std::string& dir) {
    FixedClock clock;
    const StoreOptions options = {.path = dir + "/tau.db"};
    auto store = open_store(options, clock);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    fill_session(**store, "ses_a", 1);
    fill(dir + "/filler");
    int64_t kept = 1;
    Status status;
    while ((status = add_row(**store, kept, std::string(5'000, 'b'))).ok()) ++kept;
    EXPECT_EQ(status.reason(), "disk_full") << status.to_string();
    EXPECT_EQ(status.code(), Code::kResourceExhausted);
    EXPECT_EQ((*store)->load_journal("run_ses_a", 0)->size(), static_cast<size_t>(kept)) << "reading goes on";
    *store = nullptr;
    std::filesystem::remove(dir + "/filler");
    store = open_store(options, clock);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    EXPECT_EQ((*store)->load_journal("run_ses_a", 0)->size(), static_cast<size_t>(kept));
    EXPECT_TRUE(add_row(**store, kept, "after").ok());
    EXPECT_TRUE((*store)->verify_chain("run_ses_a").ok());
    EXPECT_TRUE((*store)->acquire("session:ses_a").ok());
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

TEST(StoreFullDisk, CannotBeginOnAFullDiskAndCanWhenThereIsSpace) {
  const auto passed = test::on_small_disk(kDiskBytes, [](const std::string& dir) {
    FixedClock clock;
    const StoreOptions options = {.path = dir + "/tau.db"};
    fill(dir + "/filler");
    const Status status = open_store(options, clock).status();
    EXPECT_EQ(status.reason(), "disk_full") << status.to_string();
    std::filesystem::remove(dir + "/filler");
    auto store = open_store(options, clock);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    fill_session(**store, "ses_a", 1);
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

TEST(StoreFullDisk, AReadOnlyHomeCanBeReadAndNotWritten) {
  const auto passed = test::on_small_disk(kDiskBytes, [](const std::string& dir) {
    FixedClock clock;
    StoreOptions options = {.path = dir + "/tau.db"};
    fill_session(**open_store(options, clock), "ses_a", 2);
    test::make_read_only(dir);
    const Status status = open_store(options, clock).status();
    EXPECT_EQ(status.reason(), "store_not_permitted") << status.to_string();
    EXPECT_EQ(open_store({.path = dir + "/other.db"}, clock).status().reason(), "store_not_permitted");
    options.read_only = true;
    auto store = open_store(options, clock);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    EXPECT_EQ((*store)->load_journal("run_ses_a", 0)->size(), 2u);
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

}  // namespace
}  // namespace tau::store
