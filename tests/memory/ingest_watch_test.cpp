// When paths of a watched folder are looked at: not while they change, never too late, and none is lost.
#include "memory/ingest_watch.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <vector>

namespace tau::memory {
namespace {

using Touch = WatchQueue::Touch;

constexpr WatchTiming kTiming{.quiet_ms = 100, .written_ms = 1'000, .most_ms = 5'000, .max_paths = 8};

std::vector<std::string> due(WatchQueue& queue, int64_t now_ms) {
  std::vector<std::string> paths;
  while (const auto each = queue.take(now_ms)) paths.push_back(each->path + (each->moved ? " moved" : ""));
  return paths;
}
using Paths = std::vector<std::string>;

TEST(WatchQueue, APathIsLeftAloneUntilItIsQuiet) {
  WatchQueue queue(kTiming);
  EXPECT_EQ(queue.wait_ms(0), -1);
  queue.touch("a", Touch::kChanged, 0);
  EXPECT_EQ(queue.wait_ms(0), 100);
  queue.touch("a", Touch::kChanged, 60);
  EXPECT_EQ(due(queue, 100), Paths());
  EXPECT_EQ(queue.wait_ms(100), 60);
  EXPECT_EQ(due(queue, 160), Paths{"a"});
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(queue.wait_ms(160), -1);
}

TEST(WatchQueue, AFileThatIsOpenWaitsForItsWriter) {
  WatchQueue queue(kTiming);
  queue.touch("a", Touch::kWriting, 0);
  EXPECT_EQ(due(queue, 500), Paths());
  queue.touch("a", Touch::kChanged, 500);  // closed
  EXPECT_EQ(due(queue, 600), Paths{"a"});
  queue.touch("b", Touch::kWriting, 600);
  EXPECT_EQ(due(queue, 1'600), Paths{"b"});
}

TEST(WatchQueue, WhatNeverGetsQuietIsLookedAtAllTheSame) {
  WatchQueue queue(kTiming);
  int64_t now_ms = 0;
  for (; now_ms < 5'000; now_ms += 50) {
    queue.touch("log", Touch::kWriting, now_ms);
    ASSERT_EQ(due(queue, now_ms), Paths()) << now_ms;
  }
  EXPECT_EQ(due(queue, now_ms), Paths{"log"});
}

TEST(WatchQueue, AFolderTakesAlongWhatIsDueBelowIt) {
  WatchQueue queue(kTiming);
  queue.touch("a", Touch::kChanged, 0);
  for (const char* each : {"a/x", "a-b", "ab", "a/y"}) queue.touch(each, Touch::kChanged, 0);
  queue.touch("a/z", Touch::kMoved, 0);
  queue.touch("a/late", Touch::kWriting, 0);
  EXPECT_EQ(due(queue, 100), (Paths{"a", "a-b", "a/z moved", "ab"}));
  EXPECT_EQ(due(queue, 1'000), Paths{"a/late"});
}

TEST(WatchQueue, TooManyPathsAreOneLookAtEverything) {
  WatchQueue queue(kTiming);
  for (int i = 0; i < 50; ++i) queue.touch("f" + std::to_string(i), Touch::kChanged, i);
  EXPECT_LE(queue.size(), 8U);
  const Paths paths = due(queue, 1'000);
  EXPECT_NE(std::find(paths.begin(), paths.end(), ""), paths.end());
  EXPECT_EQ(queue.size(), 0U);
}

TEST(WatchQueue, ALaterLookDoesNotPutASoonerOneOff) {
  WatchQueue queue(kTiming);
  queue.touch("", Touch::kChanged, 0);
  queue.look_at("", 10'000);
  EXPECT_EQ(queue.wait_ms(0), 100);
  queue.look_at("", 20);
  EXPECT_EQ(queue.wait_ms(0), 20);
}

// Whatever is touched when: within the bound it is looked at, itself or as part of what is above it.
RC_GTEST_PROP(WatchQueueProperty, NothingThatWasTouchedIsLost, ()) {
  WatchQueue queue(kTiming);
  std::map<std::string, int64_t> touched;  // and not looked at since
  int64_t now_ms = 0;
  const auto look = [&] {
    while (const auto each = queue.take(now_ms))
      std::erase_if(touched, [&](const auto& path) {
        return each->path.empty() || path.first == each->path || path.first.starts_with(each->path + "/");
      });
  };
  const int steps = *rc::gen::inRange(0, 200);
  for (int i = 0; i < steps; ++i) {
    const std::string path = *rc::gen::element<std::string>("a", "a/b", "a/b/c", "a/d", "b", "c", "d", "e",
                                                            "f", "g", "h", "ab", "");
    const auto how = *rc::gen::element(Touch::kChanged, Touch::kWriting, Touch::kMoved);
    queue.touch(path, how, now_ms);
    touched.emplace(path, now_ms);
    now_ms += *rc::gen::element<int64_t>(0, 1, 50, 100, 1'000);
    look();
    for (const auto& [name, since_ms] : touched) RC_ASSERT(now_ms - since_ms < kTiming.most_ms);
    RC_ASSERT(queue.size() <= kTiming.max_paths + 1);
  }
  now_ms += kTiming.most_ms;
  look();
  RC_ASSERT(touched.empty());
  RC_ASSERT(queue.wait_ms(now_ms) == -1);
}

}  // namespace
}  // namespace tau::memory
