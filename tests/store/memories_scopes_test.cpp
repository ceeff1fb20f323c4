// Scopes of memories: which there are, and what is looked for in all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "memories_fixture.h"

namespace tau::store {
namespace {

class MemoryScopesContract : public EitherStore {
 protected:
  Memories& memories() { return *store_->memories(); }
};

TEST_P(MemoryScopesContract, AnIdIsLookedForInAllScopesOfAWorkspaceAtOnce) {
  for (const char* const channel : {"two", "", "one"})
    ASSERT_TRUE(put(*store_, memory("a", "text", scope_of("w", channel))).status.ok());
  ASSERT_TRUE(put(*store_, memory("a", "text", scope_of("other"))).status.ok());
  ASSERT_TRUE(put(*store_, memory("b", "text", scope_of("w", "three"))).status.ok());
  ASSERT_TRUE(forget(*store_, "a", 5000, scope_of("w", "one")).status.ok());
  const auto channels = [&](bool forgotten) {
    std::string all;
    const auto rows = memories().named("w", "a", forgotten);
    EXPECT_TRUE(rows.ok());
    for (const MemoryRow& row : *rows) all += row.scope.channel.str() + ",";
    return all;
  };
  EXPECT_EQ(channels(false), ",two,");
  EXPECT_EQ(channels(true), ",one,two,");
  EXPECT_TRUE(memories().named("w", "c", true)->empty());
}

TEST_P(MemoryScopesContract, WorkspacesAndScopesAreListed) {
  for (const MemoryScope& scope :
       {scope_of("w", "b"), scope_of("w", "a", "z"), scope_of("w", "a"), scope_of("v")})
    ASSERT_TRUE(put(*store_, memory("a", "text", scope)).status.ok());
  EXPECT_EQ(*memories().workspaces(), (std::vector<std::string>{"v", "w"}));
  const auto scopes = memories().scopes(everything("w"));
  ASSERT_EQ(scopes->size(), 3u);
  EXPECT_EQ((*scopes)[0].scope, scope_of("w", "a"));
  EXPECT_EQ((*scopes)[1].scope, scope_of("w", "a", "z"));
  EXPECT_EQ((*scopes)[2].scope, scope_of("w", "b"));
  EXPECT_EQ(memories().scopes(everything("nobody"))->size(), 0u);
  EXPECT_EQ(visit(*store_, 12345).rows.size(), 0u);
}

TEST_P(MemoryScopesContract, ScopesOfChannelsAndActorsAreThoseOfAllThatTheyCover) {
  const std::vector<std::string> parts = {"", "a", "b", "A"};
  for (const std::string& channel : parts)
    for (const std::string& actor : parts) {
      if (channel == actor && !channel.empty()) continue;
      ASSERT_TRUE(put(*store_, memory("a", "text", scope_of("w", channel, actor))).status.ok());
    }
  const auto all = memories().scopes(everything());
  ASSERT_EQ(all->size(), 13u);
  const std::vector<std::vector<SharedString>> choices = {
      {}, {""}, {"a"}, {"b", "", "b"}, {"nobody", "A", "a"}};
  for (const auto& channels : choices) {
    for (const auto& actors : choices) {
      MemoryFilter filter = everything();
      filter.channels = channels;
      filter.actors = actors;
      std::vector<int64_t> expected;
      for (const MemoryScopeRecord& record : *all)
        if ((channels.empty() || std::ranges::count(channels, record.scope.channel) > 0) &&
            (actors.empty() || std::ranges::count(actors, record.scope.actor) > 0))
          expected.push_back(record.key);
      std::vector<int64_t> found;
      const auto covered = memories().scopes(filter);
      for (const MemoryScopeRecord& record : *covered) found.push_back(record.key);
      EXPECT_EQ(found, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, MemoryScopesContract, testing::Bool(),
                         [](const auto& store) { return store.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace tau::store
