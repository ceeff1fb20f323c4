// What is asked of the full-text index of memories.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "memories_fixture.h"

namespace tau::store {
namespace {

class MemoryWordsContract : public EitherStore {
 protected:
  Memories& memories() { return *store_->memories(); }
  // So many that the words of all that was written before are in the index, and wait for it no longer.
  void bring_words_in() {
    for (int i = 0; i < 64; ++i)
      ASSERT_TRUE(put(*store_, memory("m" + std::to_string(i), "filler", scope_of("fillers"))).status.ok());
  }
};

TEST_P(MemoryWordsContract, TheFullTextIndexFindsWordsPhrasesAndPrefixesOfItsScopes) {
  ASSERT_TRUE(put(*store_, memory("a", "The quick brown foxes jumped over s1")).status.ok());
  ASSERT_TRUE(put(*store_, memory("b", "A brown and quick dog; dogmatic")).status.ok());
  MemoryRow tagged = memory("c", "Caf\xC3\xA9 au lait");
  tagged.tags = {"brown things"};
  ASSERT_TRUE(put(*store_, tagged).status.ok());
  ASSERT_TRUE(put(*store_, memory("d", "quick brown", scope_of("other"))).status.ok());
  const int64_t scope = only_scope(*store_);
  const auto found = [&](Memories::Match match) {
    const auto rows = memories().match({scope}, match, 10);
    EXPECT_TRUE(rows.ok()) << rows.status().to_string();
    auto out = rows.ok() ? ids(memories().load_rows(*rows)) : std::vector<std::string>();
    std::ranges::sort(out);
    return out;
  };
  using Ids = std::vector<std::string>;
  for (const bool waiting : {true, false}) {
    if (!waiting) bring_words_in();
    EXPECT_EQ(found({.all = {"quick", "brown"}, .any = {}}), (Ids{"a", "b"}));
    EXPECT_EQ(found({.all = {"quick brown"}, .any = {}}), (Ids{"a"}));
    EXPECT_EQ(found({.all = {"jump fox"}, .any = {}}), (Ids{}));
    EXPECT_EQ(found({.all = {"jumping"}, .any = {}}), (Ids{"a"}));
    EXPECT_EQ(found({.all = {"brown"}, .any = {"fox", "cafe"}}), (Ids{"a", "c"}));
    EXPECT_EQ(found({.all = {"dogm"}, .any = {}, .prefix = true}), (Ids{"b"}));
    EXPECT_EQ(found({.all = {"dogm"}, .any = {}}), (Ids{}));
    EXPECT_EQ(found({.all = {}, .any = {}}), (Ids{}));
    EXPECT_EQ(found({.all = {"s1"}, .any = {}}), (Ids{"a"}));  // a word, not the name of the scope
  }
  ASSERT_TRUE(forget(*store_, "a").status.ok());
  EXPECT_EQ(found({.all = {"quick"}, .any = {}}), (Ids{"b"}));
  ASSERT_TRUE(forget(*store_, "a", 0).status.ok());
  EXPECT_EQ(found({.all = {"quick"}, .any = {}}), (Ids{"a", "b"}));
  ASSERT_TRUE(put(*store_, memory("a", "slow")).status.ok());
  EXPECT_EQ(found({.all = {"quick"}, .any = {}}), (Ids{"b"}));
  EXPECT_EQ(memories().match({scope + 99}, {.all = {"quick"}, .any = {}}, 10)->size(), 0u);
  EXPECT_EQ(memories().match({}, {.all = {"quick"}, .any = {}}, 10)->size(), 0u);
}

TEST_P(MemoryWordsContract, NoTextIsSyntaxToTheFullTextIndex) {
  ASSERT_TRUE(put(*store_, memory("a", "needle NEAR AND OR NOT text")).status.ok());
  ASSERT_TRUE(put(*store_, memory("b", "needle", scope_of("hidden"))).status.ok());
  const int64_t scope = only_scope(*store_);
  const std::string texts[] = {"\"",
                               "\"\"",
                               "x\" OR scope : \"s2",
                               "NEAR(",
                               "needle OR",
                               "NOT needle",
                               "^needle",
                               "{text}:needle",
                               std::string("a\0\" OR needle", 13),
                               std::string("\0", 1),
                               "*",
                               "text : *",
                               "\xff\xfe\x80",
                               std::string(100'000, '('),
                               "needle\") OR (\"needle",
                               "+ - ; ' -- /* "};
  const auto harmless = [&](const std::string& text, bool prefix) {
    const auto all = memories().match({scope}, {.all = {text}, .any = {}, .prefix = prefix}, 10);
    ASSERT_TRUE(all.ok()) << text << ": " << all.status().to_string();
    const auto any =
        memories().match({scope}, {.all = {"needle"}, .any = {text, "zzz"}, .prefix = prefix}, 10);
    ASSERT_TRUE(any.ok()) << text << ": " << any.status().to_string();
    const auto rows = memories().load_rows(*all);
    for (const MemoryRow& row : *rows) EXPECT_EQ(row.id, "a");
  };
  for (const bool waiting : {true, false}) {
    if (!waiting) bring_words_in();
    for (const std::string& text : texts)
      for (const bool prefix : {false, true}) harmless(text, prefix);
  }
  const std::vector<std::string> many(5000, "needle");
  EXPECT_EQ(memories().match({scope}, {.all = many, .any = many}, 10)->size(), 1u);
}

// Words come into the index some writes after their memory; nobody who asks for them sees that.
TEST_P(MemoryWordsContract, WordsAreFoundAtOnceWhateverIsDoneToTheirMemories) {
  std::mt19937 random(3);
  std::map<std::string, std::string> live;  // text by id
  std::set<std::string> known;
  for (int step = 0; step < 400; ++step) {
    const std::string id = "m" + std::to_string(random() % 150);
    const std::string text = "word" + std::to_string(random() % 5) + " and others";
    const auto what = random() % 8;
    if (what < 5) {
      ASSERT_TRUE(put(*store_, memory(id, text)).status.ok());
      live[id] = text;
      known.insert(id);
    } else if (what == 5) {
      ASSERT_TRUE(forget(*store_, id).status.ok());
      live.erase(id);
    } else if (what == 6 && known.contains(id) && live.contains(id)) {
      ASSERT_TRUE(memories().purge({{scope_of("w"), id}}).ok());
      live.erase(id);
    }
    if (step % 7 != 0 || live.empty()) continue;
    const std::string word = "WORD" + std::to_string(random() % 5);
    std::set<std::string> expected;
    for (const auto& [name, said] : live)
      if (said.starts_with("word" + word.substr(4))) expected.insert(name);
    const bool prefix = random() % 2 == 0;
    const auto rows =
        memories().match({only_scope(*store_)}, {.all = {word}, .any = {}, .prefix = prefix}, 999);
    ASSERT_TRUE(rows.ok()) << rows.status().to_string();
    std::multiset<std::string> found;
    const auto loaded = memories().load_rows(*rows);
    for (const MemoryRow& row : *loaded) found.insert(row.id);
    ASSERT_EQ(found, std::multiset<std::string>(expected.begin(), expected.end())) << step;
    ASSERT_EQ(rows->size(), expected.size());
    const auto few = memories().match({only_scope(*store_)}, {.all = {word}, .any = {}}, 2);
    ASSERT_EQ(few->size(), std::min<size_t>(2, expected.size()));
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, MemoryWordsContract, testing::Bool(),
                         [](const auto& store) { return store.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace tau::store
