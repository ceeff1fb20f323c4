#include <gtest/gtest.h>

#include "json/json.h"

namespace tau::json {
namespace {

Value must(std::string_view text) {
  auto v = parse(text);
  EXPECT_TRUE(v.ok()) << text << ": " << v.status().to_string();
  return v.ok() ? *v : Value();
}

std::string reason(std::string_view text) {
  auto v = parse(text);
  return v.ok() ? "ok" : std::string(v.status().reason());
}

std::string message(std::string_view text) { return std::string(parse(text).status().message()); }

std::string nested(int depth, char open, char close) {
  return std::string(static_cast<size_t>(depth), open) + std::string(static_cast<size_t>(depth), close);
}

TEST(Parse, ReadsEveryKind) {
  const Value v = must(R"( {"n":null,"t":true,"f":false,"i":-7,"d":0.5,"s":"x","a":[1,2],"o":{}} )");
  EXPECT_TRUE(v["n"].is_null());
  EXPECT_TRUE(v["t"].as_bool());
  EXPECT_TRUE(v["f"].is_bool());
  EXPECT_EQ(v["i"].as_int(), -7);
  EXPECT_EQ(v["d"].as_double(), 0.5);
  EXPECT_EQ(v["s"].as_string(), "x");
  EXPECT_EQ(v["a"].size(), 2u);
  EXPECT_TRUE(v["o"].is_object());
  EXPECT_EQ(v.as_object().front().first, "n");
}

TEST(Parse, KeepsIntegersExactUpToTheEndsOfTheirRange) {
  EXPECT_EQ(must("-9223372036854775808").as_int(), INT64_MIN);
  EXPECT_EQ(must("9223372036854775807").as_int(), INT64_MAX);
  EXPECT_EQ(must("9223372036854775808").kind(), Value::Kind::kUint);
  EXPECT_EQ(must("18446744073709551615").as_uint(), UINT64_MAX);
  EXPECT_EQ(must("-0").as_int(-1), 0);
}

TEST(Parse, RefusesNumbersOutOfRange) {
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "[123456789012345678901234567890]",
                           "1e309", "-1e400", "123456e99999999999999999999"})
    EXPECT_EQ(reason(text), "number_out_of_range") << text;
}

TEST(Parse, RoundsTinyDoublesToZero) {
  EXPECT_EQ(must("1e-400").as_double(1), 0.0);
  EXPECT_TRUE(std::signbit(must("-0.0001e-99999999999999999999").as_double(1)));
  EXPECT_EQ(must("5e-324").as_double(), 5e-324);
  EXPECT_EQ(must("0." + std::string(400, '0') + "1e401").as_double(), 1.0);
}

TEST(Parse, RefusesWhatIsNotJson) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "True",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x10",
                           "1 2",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[",
                           "]",
                           "{",
                           "}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{1:2}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "\"",
                           "\"a",
                           "'a'",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\n\"",
                           "\"a\"b",
                           "[1]]",
                           "{} x",
                           "//c\n1",
                           "[1}",
                           "{\"a\":1]",
                           "\xEF\xBB\xBF{}",
                           "tru\"e\"",
                           "1\f",
                           "\"a\"\x1a"})
    EXPECT_EQ(reason(text), "invalid_json") << text;
  EXPECT_EQ(reason(std::string_view("1\0", 2)), "invalid_json");
  EXPECT_EQ(reason(std::string_view("\0", 1)), "invalid_json");
}

TEST(Parse, RefusesIllFormedUnicode) {
  for (const char* text :
       {"\"\xff\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF5\x80\x80\x80\"", "\"\xE2\x82\"", "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "[\"\xff"})
    EXPECT_EQ(reason(text), "invalid_utf8") << text;
}

TEST(Parse, DecodesEscapes) {
  EXPECT_EQ(must(R"("\"\\\/\b\f\n\r\t")").as_string(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(must(R"("\u0041\u00e9\u20AC\ud83d\uDE00")").as_string(), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(must(R"("a\u0000b")").as_string(), std::string_view("a\0b", 3));
}

TEST(Parse, RefusesDuplicateKeysAtEveryLevel) {
  for (const char* text :
       {R"({"a":1,"a":2})", R"([{"x":{"b":1,"c":2,"b":3}}])", R"({"a":1,"\u0061":2})", R"({"":1,"":2})"})
    EXPECT_EQ(reason(text), "duplicate_key") << text;
  EXPECT_EQ(reason(R"({"a":{"a":1},"b":{"a":1}})"), "ok");
}

TEST(Parse, FindsADuplicateAmongManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 20000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(reason(text + "\"last\":0}"), "ok");
  EXPECT_EQ(reason(text + "\"k777\":0}"), "duplicate_key");
  EXPECT_NE(message(text + "\"k777\":0}").find("k777"), std::string::npos);
}

TEST(Parse, BoundsDepth) {
  EXPECT_EQ(reason(nested(kMaxDepth, '[', ']')), "ok");
  EXPECT_EQ(reason(nested(kMaxDepth + 1, '[', ']')), "too_deep");
  EXPECT_EQ(reason(std::string(1000000, '[')), "too_deep");
  std::string objects;
  for (int i = 0; i <= kMaxDepth; ++i) objects += "{\"a\":";
  EXPECT_EQ(reason(objects), "too_deep");
}

TEST(Parse, SaysWhere) {
  EXPECT_NE(message("[1, x]").find("at byte 4"), std::string::npos) << message("[1, x]");
  EXPECT_NE(message("{\"a\":\"\\q\"}").find("at byte 6"), std::string::npos);
  EXPECT_NE(message("[\"ok\", \"\xff\"]").find("at byte 8"), std::string::npos);
  EXPECT_NE(message("[1] 2").find("at byte 4"), std::string::npos);
  EXPECT_NE(message("[\"abc").find("at byte 1"), std::string::npos);
  EXPECT_NE(message("{\"a\":1,\"a\":2}").find("key \"a\""), std::string::npos);
  EXPECT_NE(message("{\"a\":1,\"a\":2}").find("at byte 7"), std::string::npos);
}

TEST(Parse, DoesNotReadPastItsView) {
  const std::string text = "[12]34\"";
  EXPECT_EQ(must(std::string_view(text).substr(0, 4)).size(), 1u);
  EXPECT_EQ(must(std::string_view(text).substr(1, 2)).as_int(), 12);
}

}  // namespace
}  // namespace tau::json
