// Text in compact form is what write() makes of what parse() reads.
#include "json/compact.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "generators.h"

namespace tau::json {
namespace {

// What write() and parse() say of a text; "refused" where parse() does so.
std::string by_tree(std::string_view text) {
  const StatusOr<Value> value = parse(text);
  return value.ok() ? write(*value) : "refused";
}

std::string by_compactor(std::string_view text) {
  Compactor compactor;
  return compactor.make(text) ? std::string(compactor.text()) : "refused";
}

// A document with some bytes changed, taken out or said twice.
std::string changed(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "\"\\,:{}[] 0-1.eE\n\x01\xC3";
  for (size_t edits = random() % 3; edits > 0 && !text.empty(); --edits) {
    const size_t at = random() % text.size();
    const std::string again = text.substr(random() % text.size(), random() % 12);
    switch (random() % 3) {
      case 0: text[at] = kBytes[random() % kBytes.size()]; break;
      case 1: text.erase(at, 1); break;
      default: text.insert(at, again); break;
    }
  }
  return text;
}

RC_GTEST_PROP(Compact, IsWhatATreeWouldBeWrittenAs, (uint32_t seed)) {
  const Value value = *testing::value();
  std::mt19937 random(seed);
  for (const std::string& text : {write(value), write_pretty(value)})
    for (int i = 0; i < 8; ++i) {
      const std::string document = changed(text, random);
      RC_ASSERT(by_compactor(document) == by_tree(document));
    }
}

TEST(Compact, KeepsWhatParseKeepsAndRefusesWhatItRefuses) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "-0",
                           "-0.0",
                           "0.10",
                           "1e2",
                           "01",
                           "-",
                           "18446744073709551615",
                           "18446744073709551616",
                           "1e309",
                           "[ 1 , 2 ]",
                           "[1,]",
                           "[1",
                           "{}",
                           "[]",
                           R"({"a":1,"a":2})",
                           R"({"a":1,"b":{"a":1,"c":[{"a":0}]}})",
                           R"({"a":1,"\u0061":2})",
                           R"({"a\n":1,"a\n":2})",
                           R"({"a\n":1,"a\u000a":2})",
                           R"("\/\u00e9\u0001\b\t\\\"")",
                           R"("\u001f")",
                           R"("\q")",
                           R"("\ud83d")",
                           R"("a)",
                           R"("a\)",
                           "\"\xff\"",
                           "truex",
                           "nul",
                           "[1]2"})
    EXPECT_EQ(by_compactor(text), by_tree(text)) << text;
}

TEST(Compact, FindsADuplicateAmongManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 300; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(by_compactor(text + "\"last\":0}"), text + "\"last\":0}");
  EXPECT_EQ(by_compactor(text + "\"k77\":0}"), "refused");
  EXPECT_EQ(by_compactor(text + " \"k77\":0}"), "refused");
}

TEST(Compact, BoundsDepthLikeParse) {
  for (const size_t depth : {size_t{kMaxDepth}, size_t{kMaxDepth} + 1}) {
    const std::string text = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_EQ(by_compactor(text), by_tree(text));
    EXPECT_EQ(by_compactor(" " + text), by_tree(text));
  }
}

TEST(Compact, ReadsMembersWithoutATree) {
  std::string scratch;
  const std::string text = R"({"a":{"b":[1,"}"],"c":"x\"y"},"n":12,"d":3.0,"e\n":null})";
  EXPECT_EQ(compact_member(text, "n"), "12");
  EXPECT_EQ(compact_member(text, "b"), "");
  EXPECT_EQ(compact_member("[1]", "n"), "");
  EXPECT_EQ(compact_member("{}", "n"), "");
  EXPECT_EQ(compact_text(compact_member(compact_member(text, "a"), "c"), scratch), "x\"y");
  EXPECT_EQ(compact_int(compact_member(text, "d")), 3);
  EXPECT_EQ(compact_int("\"3\""), 0);
  std::vector<std::string> keys;
  for (CompactMembers member(text); member.next();) keys.emplace_back(compact_key(member.key(), scratch));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "n", "d", "e\n"}));
}

}  // namespace
}  // namespace tau::json
