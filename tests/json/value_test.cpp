#include <gtest/gtest.h>

#include "json/json.h"

namespace tau::json {
namespace {

TEST(Value, GivesDefaultsForOtherKinds) {
  const Value v("text");
  EXPECT_EQ(v.as_int(5), 5);
  EXPECT_EQ(v.as_uint(6), 6u);
  EXPECT_EQ(v.as_double(2.5), 2.5);
  EXPECT_TRUE(v.as_bool(true));
  EXPECT_EQ(Value(1).as_string("none"), "none");
  EXPECT_TRUE(v.as_array().empty());
  EXPECT_TRUE(v.as_object().empty());
  EXPECT_TRUE(v["a"]["b"].is_null());
  EXPECT_EQ(v.size(), 0u);
}

TEST(Value, ConvertsIntegralDoublesInRangeOnly) {
  EXPECT_EQ(Value(3.0).as_int(), 3);
  EXPECT_EQ(Value(3.5).as_int(-1), -1);
  EXPECT_EQ(Value(0x1p63).as_int(-1), -1);
  EXPECT_EQ(Value(-0x1p63).as_int(), INT64_MIN);
  EXPECT_EQ(Value(0x1p63).as_uint(), uint64_t{1} << 63);
  EXPECT_EQ(Value(0x1p64).as_uint(9), 9u);
  EXPECT_EQ(Value(-1).as_uint(9), 9u);
  EXPECT_EQ(Value(std::nan("")).as_int(-1), -1);
}

TEST(Value, StoresUnsignedAsSignedWhenItFits) {
  EXPECT_EQ(Value(uint64_t{7}).kind(), Value::Kind::kInt);
  EXPECT_EQ(Value(uint64_t{7}), Value(7));
  EXPECT_EQ(Value(UINT64_MAX).kind(), Value::Kind::kUint);
  EXPECT_EQ(Value(7u).kind(), Value::Kind::kInt);
}

TEST(Value, SetReplacesInPlaceAndEraseRemoves) {
  Value v;
  v.set("a", 1).set("b", 2).set("a", "x");
  EXPECT_EQ(write(v), R"({"a":"x","b":2})");
  EXPECT_TRUE(v.erase("a"));
  EXPECT_FALSE(v.erase("a"));
  EXPECT_EQ(write(v), R"({"b":2})");
  EXPECT_FALSE(Value(3).erase("a"));
}

TEST(Value, ComparesByMeaning) {
  const auto equal = [](const char* a, const char* b) { return *parse(a) == *parse(b); };
  EXPECT_TRUE(equal("1", "1.0"));
  EXPECT_TRUE(equal(R"({"a":1,"b":[2,{"c":3}]})", R"({"b":[2.0,{"c":3}],"a":1})"));
  EXPECT_FALSE(equal("1", "true"));
  EXPECT_FALSE(equal("[1,2]", "[2,1]"));
  EXPECT_FALSE(equal("[1]", "[1,1]"));
  EXPECT_FALSE(equal(R"({"a":1})", R"({"b":1})"));
  EXPECT_FALSE(equal(R"({"a":null})", "{}"));
  EXPECT_FALSE(equal("[]", "{}"));
}

TEST(Value, ComparesLargeNumbersExactly) {
  EXPECT_FALSE(Value(int64_t{9007199254740993}) == Value(9007199254740992.0));
  EXPECT_FALSE(Value(UINT64_MAX) == Value(0x1p64));
  EXPECT_TRUE(Value(uint64_t{1} << 63) == Value(0x1p63));
  EXPECT_FALSE(Value(UINT64_MAX) == Value(-1));
}

TEST(Value, ComparesLargeObjectsInAnyOrder) {
  Value a;
  Value b;
  for (int i = 0; i < 3000; ++i) {
    a.mutable_object().emplace_back(std::to_string(i), Value(i));
    b.mutable_object().emplace_back(std::to_string(2999 - i), Value(2999 - i));
  }
  EXPECT_TRUE(a == b);
  b.mutable_object().back().second = Value("other");
  EXPECT_FALSE(a == b);
}

TEST(Value, TakesAPartOfItself) {
  Value v = *parse(R"({"a":{"b":[1,{"c":"deep"}]}})");
  v = Value(v["a"]["b"].as_array()[1]);
  EXPECT_EQ(write(v), R"({"c":"deep"})");
  v = *parse(R"([[["x"]]])");
  v = std::move(v.mutable_array()[0].mutable_array()[0]);
  EXPECT_EQ(write(v), R"(["x"])");
  const Value& part = v.as_array()[0];
  v = part;
  EXPECT_EQ(write(v), R"("x")");
}

TEST(Value, BuiltByHandToAnyDepthDoesNotExhaustTheStack) {
  constexpr int kDepth = 300000;
  Value array = 1;
  Value object = 1;
  for (int i = 0; i < kDepth; ++i) {
    Value outer = Value::array();
    outer.push_back(std::move(array));
    array = std::move(outer);
    Value named;
    named.set("k", std::move(object));
    object = std::move(named);
  }
  EXPECT_EQ(write(array).size(), size_t{2 * kDepth + 1});
  EXPECT_EQ(canonical(object).size(), size_t{6 * kDepth + 1});
  EXPECT_TRUE(array == array);
  EXPECT_FALSE(array == object);
}

}  // namespace
}  // namespace tau::json
