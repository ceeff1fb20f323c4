#include <gtest/gtest.h>

#include "json/json.h"

namespace tau::json {
namespace {

TEST(Reader, ReadsWhatItIsAskedForAndSkipsTheRest) {
  Reader r;
  ASSERT_TRUE(
      r.load(R"({"skip":{"a":[1,{"b":"}"}]},"id":"x\n1","n":-3,"d":0.5,"t":true,"z":null,"l":[1,2]})"));
  ASSERT_TRUE(r.enter_object());
  std::string_view key;
  std::string_view id;
  int64_t n = 0;
  double d = 0;
  bool t = false;
  bool z = false;
  int64_t sum = 0;
  while (r.next_key(key)) {
    if (key == "id") {
      EXPECT_TRUE(r.string(id));
    } else if (key == "n") {
      EXPECT_TRUE(r.integer(n));
    } else if (key == "d") {
      EXPECT_TRUE(r.number(d));
    } else if (key == "t") {
      EXPECT_TRUE(r.boolean(t));
    } else if (key == "z") {
      z = r.null();
    } else if (key == "l") {
      EXPECT_TRUE(r.enter_array());
      for (int64_t i = 0; r.next_element(); sum += i) EXPECT_TRUE(r.integer(i));
    } else {
      EXPECT_TRUE(r.skip());
    }
  }
  EXPECT_TRUE(r.status().ok()) << r.status().to_string();
  EXPECT_EQ(id, "x\n1");
  EXPECT_EQ(n, -3);
  EXPECT_EQ(d, 0.5);
  EXPECT_TRUE(t && z);
  EXPECT_EQ(sum, 3);
}

TEST(Reader, GivesRawTextOfAnyValue) {
  Reader r;
  ASSERT_TRUE(r.load(R"([ {"a" : "\u0041"} , "q\"" , 1.50 , [ ] ])"));
  ASSERT_TRUE(r.enter_array());
  std::vector<std::string> all;
  std::string_view raw;
  while (r.next_element() && r.raw(raw)) all.emplace_back(raw);
  EXPECT_TRUE(r.status().ok());
  EXPECT_EQ(all, (std::vector<std::string>{R"({"a" : "\u0041"})", R"("q\"")", "1.50", "[ ]"}));
}

TEST(Reader, KeepsStringsValidUntilTheNextLoad) {
  Reader r;
  ASSERT_TRUE(r.load(R"({"a\n":"b\t","c":"d\\"})"));
  std::string_view k1, v1, k2, v2, none;
  EXPECT_TRUE(r.enter_object() && r.next_key(k1) && r.string(v1) && r.next_key(k2) && r.string(v2));
  EXPECT_FALSE(r.next_key(none));
  EXPECT_EQ(k1, "a\n");
  EXPECT_EQ(v1, "b\t");
  EXPECT_EQ(k2, "c");
  EXPECT_EQ(v2, "d\\");
}

TEST(Reader, NullLeavesOtherValuesUnread) {
  Reader r;
  ASSERT_TRUE(r.load("[1]"));
  int64_t n = 0;
  EXPECT_TRUE(r.enter_array() && r.next_element());
  EXPECT_FALSE(r.null());
  EXPECT_TRUE(r.integer(n));
  EXPECT_EQ(n, 1);
}

TEST(Reader, TellsTheKindOfTheNextValue) {
  Reader r;
  ASSERT_TRUE(r.load(R"([null,true,1,1.5,1e2,"s",[],{}])"));
  EXPECT_EQ(r.kind(), Value::Kind::kArray);
  ASSERT_TRUE(r.enter_array());
  using K = Value::Kind;
  for (const K expected :
       {K::kNull, K::kBool, K::kInt, K::kDouble, K::kDouble, K::kString, K::kArray, K::kObject}) {
    ASSERT_TRUE(r.next_element());
    EXPECT_EQ(r.kind(), expected);
    EXPECT_TRUE(r.skip());
  }
}

TEST(Reader, ReadsIntegralDoublesAsIntegers) {
  Reader r;
  int64_t n = 0;
  EXPECT_TRUE(r.load("12.0") && r.integer(n));
  EXPECT_EQ(n, 12);
  EXPECT_TRUE(r.load("1.5"));
  EXPECT_FALSE(r.integer(n));
  EXPECT_EQ(r.status().reason(), "wrong_type");
  EXPECT_TRUE(r.load("18446744073709551615"));
  EXPECT_FALSE(r.integer(n));
  EXPECT_EQ(r.status().reason(), "number_out_of_range");
  double d = 0;
  EXPECT_TRUE(r.load("18446744073709551615") && r.number(d));
  EXPECT_EQ(d, 0x1p64);
}

TEST(Reader, StaysFailedUntilTheNextLoad) {
  Reader r;
  ASSERT_TRUE(r.load("[1,2]"));
  std::string_view s;
  EXPECT_TRUE(r.enter_array() && r.next_element());
  EXPECT_FALSE(r.string(s));
  EXPECT_EQ(r.status().reason(), "wrong_type");
  EXPECT_NE(r.status().message().find("at byte 1"), std::string_view::npos);
  EXPECT_FALSE(r.next_element() || r.skip() || r.enter_array() || r.null() || r.raw(s));
  EXPECT_EQ(r.status().reason(), "wrong_type");
  EXPECT_TRUE(r.load("true") && r.status().ok() && r.skip());
}

TEST(Reader, ChecksSkippedValues) {
  Reader r;
  for (const char* text :
       {"[1 2]", "[{\"a\" 1}]", "[nul]", "[01]", "[\"\\q\"]", "{\"a\":1,}", "[[]", "[] 1", "[1}"}) {
    EXPECT_TRUE(r.load(text)) << text;
    EXPECT_FALSE(r.skip()) << text;
    EXPECT_EQ(r.status().reason(), "invalid_json") << text;
  }
  const std::string deep(100000, '[');
  EXPECT_TRUE(r.load(deep));
  EXPECT_FALSE(r.skip());
  EXPECT_EQ(r.status().reason(), "too_deep");
  EXPECT_FALSE(r.load("\"\xff\""));
  EXPECT_EQ(r.status().reason(), "invalid_utf8");
}

TEST(Reader, RefusesCallsOutOfOrder) {
  Reader r;
  std::string_view s;
  const auto misused = [&r] { return r.status().reason() == "reader_misuse"; };
  EXPECT_FALSE(r.skip());
  EXPECT_TRUE(misused());
  ASSERT_TRUE(r.load(R"({"a":1})"));
  EXPECT_FALSE(r.next_key(s));
  EXPECT_TRUE(misused());
  ASSERT_TRUE(r.load(R"({"a":1})"));
  EXPECT_TRUE(r.enter_object());
  EXPECT_FALSE(r.next_element());
  EXPECT_TRUE(misused());
  ASSERT_TRUE(r.load(R"({"a":1})"));
  EXPECT_TRUE(r.enter_object() && r.next_key(s));
  EXPECT_FALSE(r.next_key(s));
  EXPECT_TRUE(misused());
  ASSERT_TRUE(r.load("1"));
  EXPECT_TRUE(r.skip());
  EXPECT_FALSE(r.skip());
  EXPECT_TRUE(misused());
}

TEST(Reader, BoundsDepthLikeParse) {
  Reader r;
  const std::string brackets(kMaxDepth + 1, '[');
  ASSERT_TRUE(r.load(brackets));
  for (int i = 0; i < kMaxDepth; ++i) ASSERT_TRUE(r.enter_array() && r.next_element());
  EXPECT_FALSE(r.enter_array());
  EXPECT_EQ(r.status().reason(), "too_deep");
}

}  // namespace
}  // namespace tau::json
