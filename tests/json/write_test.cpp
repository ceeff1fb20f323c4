#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "json/json.h"

namespace tau::json {
namespace {

std::string literal(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

std::string jcs(std::string_view text) { return canonical(parse(text).value()); }

TEST(Write, EscapesStringsMinimally) {
  EXPECT_EQ(literal("a\"b\\c/\b\f\n\r\t"), R"("a\"b\\c/\b\f\n\r\t")");
  EXPECT_EQ(literal(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(literal("\xE2\x82\xAC\n\xF0\x9F\x98\x80"), "\"\xE2\x82\xAC\\n\xF0\x9F\x98\x80\"");
}

TEST(Write, ReplacesIllFormedUtf8) {
  EXPECT_EQ(literal("a\xff\"b\n"), "\"a\xEF\xBF\xBD\\\"b\\n\"");
  EXPECT_EQ(literal("\xE2\x82"), "\"\xEF\xBF\xBD\"");
}

TEST(Write, KeepsTheKindOfDoubles) {
  EXPECT_EQ(write(Value(1.0)), "1.0");
  EXPECT_EQ(write(Value(-0.0)), "-0.0");
  EXPECT_EQ(write(Value(0.1)), "0.1");
  EXPECT_EQ(write(Value(1e300)), "1e+300");
  EXPECT_EQ(write(Value(std::nan(""))), "null");
  EXPECT_EQ(write(Value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(write(Value(UINT64_MAX)), "18446744073709551615");
}

TEST(Write, IndentsByTwoSpaces) {
  EXPECT_EQ(write_pretty(*parse(R"({"a":[1,{}],"b":[],"c":{"d":null}})")),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": [],\n  \"c\": {\n    \"d\": null\n  }\n}");
  EXPECT_EQ(write_pretty(Value(3)), "3");
}

TEST(Writer, PlacesCommas) {
  std::string out;
  Writer w(out);
  w.begin_object().field("s", "x").field("i", 3).field("b", true).field_raw("r", "[1]");
  w.key("a").begin_array().integer(1).null().begin_object().end_object().begin_array().end_array();
  w.number(0.5).boolean(false).value(Value("v")).end_array();
  w.key("o").begin_object().field("k", int64_t{-1}).end_object().end_object();
  EXPECT_EQ(out, R"({"s":"x","i":3,"b":true,"r":[1],"a":[1,null,{},[],0.5,false,"v"],"o":{"k":-1}})");
  EXPECT_TRUE(parse(out).ok());
}

// Lengths around those of the writer's own buffer, and every place in it where a string needs an escape.
TEST(Writer, WritesStringsOfEveryLength) {
  for (size_t n = 0; n < 600; ++n) {
    std::string text(n, 'x');
    if (n % 3 == 1) text[n / 2] = '\n';
    const std::string raw = write(Value(std::string(n, 'r')));
    std::string out = "before ";
    Writer w(out);
    w.begin_array().string("y").string(text).key(text).integer(-7).raw(raw).end_array();
    const std::string quoted = write(Value(text));
    EXPECT_EQ(out, format("before [\"y\",{},{}:-7,{}]", quoted, quoted, raw));
  }
}

TEST(Writer, EveryByteIsEscapedOrNotWhereverItStands) {
  for (int byte = 0; byte < 0x80; ++byte)
    for (size_t n = 1; n < 20; ++n)
      for (size_t at = 0; at < n; ++at) {
        std::string text(n, 'x');
        text[at] = static_cast<char>(byte);
        std::string out;
        Writer(out).string(text);
        ASSERT_EQ(parse(out)->as_string(), text) << byte;
        ASSERT_EQ(out, write(Value(text)));
      }
}

// Members without their braces are whole after each value: their writer may add text of its own between.
TEST(Writer, AValueThatIsCompleteIsInTheString) {
  std::string out = "{";
  Writer w(out);
  w.key("a").begin_array().integer(1).end_array();
  EXPECT_EQ(out, R"({"a":[1])");
  w.field("b", "c");
  out += "}";
  EXPECT_EQ(out, R"({"a":[1],"b":"c"})");
}

// RFC 8785 section 3.2.2 and 3.2.3.
TEST(Canonical, MatchesTheSampleOfTheRfc) {
  EXPECT_EQ(jcs(R"({"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(Canonical, SortsKeysByUtf16CodeUnits) {
  EXPECT_EQ(
      jcs(R"({"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
                    "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
                    "\u00f6": "Latin Small Letter O With Diaeresis"})"),
      "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
      "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
      "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
      "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
  EXPECT_EQ(jcs(R"({"ab":1,"a":2,"":3})"), R"({"":3,"a":2,"ab":1})");
}

// RFC 8785 appendix B.
TEST(Canonical, WritesNumbersAsEcmaScriptDoes) {
  const std::pair<uint64_t, const char*> samples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : samples) {
    double d = 0;
    std::memcpy(&d, &bits, sizeof d);
    EXPECT_EQ(canonical(Value(d)), text);
  }
}

TEST(Canonical, KeepsDifferentIntegersApart) {
  EXPECT_NE(jcs("9007199254740993"), jcs("9007199254740992"));
  EXPECT_EQ(jcs("1.0"), jcs("1"));
}

TEST(Canonical, WritesLargeDoublesAsDigitsThatParseRefuses) {
  const Value v = *parse("-922337203685477580151.0");
  EXPECT_EQ(canonical(v), "-922337203685477600000");
  EXPECT_EQ(parse(canonical(v)).status().reason(), "number_out_of_range");
  EXPECT_EQ(*parse(write(v)), v);
}

}  // namespace
}  // namespace tau::json
