#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "generators.h"
#include "json/json.h"

namespace tau::json {
namespace {

Schema must(std::string_view text) {
  auto schema = Schema::compile(parse(text).value());
  EXPECT_TRUE(schema.ok()) << text << ": " << schema.status().to_string();
  return schema.ok() ? std::move(*schema) : Schema::compile(Value(false)).value();
}

bool valid(std::string_view schema, std::string_view instance) {
  return must(schema).validate(parse(instance).value()).empty();
}

std::string explain(std::string_view schema, std::string_view instance) {
  return must(schema).explain(parse(instance).value());
}

std::string refusal(std::string_view text) {
  const auto schema = Schema::compile(parse(text).value());
  if (schema.ok()) return "";
  EXPECT_EQ(schema.status().reason(), "invalid_schema");
  return std::string(schema.status().message());
}

TEST(Schema, NamesPathKeywordAndProblem) {
  const Schema schema =
      must(R"({"properties":{"a/b":{"items":{"type":["integer","null"]}}},"required":["c"]})");
  const auto found = schema.validate(parse(R"({"a/b":[1,"x"]})").value());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].instance_path, "/a~1b/1");
  EXPECT_EQ(found[0].schema_path, "/properties/a~1b/items/type");
  EXPECT_EQ(found[0].message, "expected null or integer, got string");
  EXPECT_EQ(found[1].instance_path, "");
  EXPECT_EQ(found[1].schema_path, "/required");
  EXPECT_EQ(found[1].message, "missing property \"c\"");
}

TEST(Schema, ExplainsInOneLine) {
  EXPECT_EQ(explain(R"({"type":"object"})", "{}"), "");
  EXPECT_EQ(explain(R"({"properties":{"n":{"minimum":3},"s":{"maxLength":2}}})", R"({"n":1,"s":"abc"})"),
            "/n: must be at least 3; /s: may have at most 2, has 3");
  EXPECT_EQ(explain(R"({"additionalProperties":false})", R"({"x":1})"), "/x: is not allowed here");
  EXPECT_EQ(explain(R"({"enum":["a",1]})", "2"), "must be one of [\"a\",1]");
}

TEST(Schema, StopsAtTheLimit) {
  const Schema schema = must(R"({"items":{"type":"string"}})");
  const Value many = parse("[1,2,3,4,5,6,7,8,9,10,11,12]").value();
  EXPECT_EQ(schema.validate(many).size(), 8u);
  EXPECT_EQ(schema.validate(many, 3).size(), 3u);
}

TEST(Schema, ReportsTheDocumentOfARemoteSchema) {
  Schema::Options options;
  options.documents.emplace_back("http://x.test/s.json",
                                 parse(R"({"$defs":{"n":{"type":"number"}}})").value());
  const auto schema = Schema::compile(parse(R"({"$ref":"http://x.test/s.json#/$defs/n"})").value(), options);
  ASSERT_TRUE(schema.ok()) << schema.status().to_string();
  EXPECT_EQ(schema->validate(Value("s")).at(0).schema_path, "http://x.test/s.json#/$defs/n/type");
}

TEST(Schema, RefusesWhatItCannotCompile) {
  for (const char* text : {"3",
                           "null",
                           R"({"type":"strnig"})",
                           R"({"type":4})",
                           R"({"minimum":"1"})",
                           R"({"minLength":-1})",
                           R"({"minLength":1.5})",
                           R"({"multipleOf":0})",
                           R"({"required":"a"})",
                           R"({"required":[1]})",
                           R"({"properties":[]})",
                           R"({"allOf":{}})",
                           R"({"not":1})",
                           R"({"enum":1})",
                           R"({"uniqueItems":1})",
                           R"({"pattern":1})",
                           R"({"$ref":1})",
                           R"({"items":[{}]})",
                           R"({"dependentRequired":{"a":[1]}})",
                           R"({"dependentRequired":{"a":{}}})",
                           R"({"dependentSchemas":{"a":[]}})",
                           R"({"anyOf":[1]})"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(Schema, SaysWhatItCannotCompile) {
  EXPECT_NE(refusal(R"({"properties":{"a":{"type":"x"}}})").find("/properties/a/type"), std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"http://no.test/where"})").find("http://no.test/where"), std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"#/$defs/none"})").find("#/$defs/none"), std::string::npos);
  EXPECT_NE(refusal(R"({"$schema":"http://json-schema.org/draft-04/schema#"})").find("draft-04"),
            std::string::npos);
  EXPECT_NE(refusal(R"j({"pattern":"(?=x)"})j").find("(?=x)"), std::string::npos);
  EXPECT_NE(refusal(R"j({"pattern":"(a)\\1"})j").find("back references"), std::string::npos);
  EXPECT_NE(refusal(R"({"patternProperties":{"[":true}})").find("["), std::string::npos);
}

TEST(Schema, TakesTheDialectFromSchemaOrOptions) {
  const Value tuple = parse(R"({"items":[{"type":"string"}],"additionalItems":false})").value();
  EXPECT_FALSE(Schema::compile(tuple).ok());
  Schema::Options options;
  options.draft7 = true;
  const auto schema = Schema::compile(tuple, options);
  ASSERT_TRUE(schema.ok());
  EXPECT_TRUE(schema->validate(parse(R"(["a"])").value()).empty());
  EXPECT_FALSE(schema->validate(parse(R"(["a",1])").value()).empty());
  EXPECT_TRUE(valid(R"({"$schema":"http://json-schema.org/draft-07/schema#","items":[true,false]})", "[1]"));
}

TEST(Schema, ReadsPatternsAsEcma262) {
  const auto matches = [](const std::string& pattern, const std::string& text) {
    Value schema;
    schema.set("pattern", pattern);
    auto compiled = Schema::compile(schema);
    EXPECT_TRUE(compiled.ok()) << pattern << ": " << compiled.status().to_string();
    return compiled.ok() && compiled->validate(Value(text)).empty();
  };
  EXPECT_TRUE(matches("^\\cA$", "\x01"));
  EXPECT_TRUE(matches("^\\u00e9\\ud83d\\ude00\\u{1F600}\\x41$",
                      "\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
                      "A"));
  EXPECT_TRUE(matches("^\\s[\\s]$", "\xC2\xA0\xEF\xBB\xBF"));
  EXPECT_FALSE(matches("[\\S]", " \xE2\x80\xA8"));
  EXPECT_TRUE(matches("^\\S$", "\xC3\xA9"));
  EXPECT_FALSE(matches("^\\d$", "\xD9\xA0"));
  EXPECT_FALSE(matches("^\\w$", "\xC3\xA9"));
  EXPECT_FALSE(matches("^.$", "\xE2\x80\xA8"));
  EXPECT_TRUE(matches("^\\p{Letter}\\p{L}\\P{Nd}$", "\xC3\xA9xy"));
  EXPECT_TRUE(matches("^(?<year>\\d{4})\\/[[\\-\\]]$", "2020/]"));
  EXPECT_TRUE(matches("^[^]$", "\n"));
  EXPECT_FALSE(matches("[]", "anything"));
  EXPECT_TRUE(matches("^a{,2}$", "a{,2}"));
  EXPECT_FALSE(matches("^a$", "a\n"));
}

TEST(Schema, TestsMultiplesInDecimal) {
  EXPECT_TRUE(valid(R"({"multipleOf":0.01})", "19.99"));
  EXPECT_TRUE(valid(R"({"multipleOf":0.1})", "-4.3"));
  EXPECT_FALSE(valid(R"({"multipleOf":0.1})", "4.35"));
  EXPECT_FALSE(valid(R"({"multipleOf":1e-300})", "1.5e-300"));
  EXPECT_TRUE(valid(R"({"multipleOf":3})", "18446744073709551615"));
  EXPECT_FALSE(valid(R"({"multipleOf":2})", "-9223372036854775807"));
  EXPECT_FALSE(valid(R"({"multipleOf":7})", "1e308"));
}

TEST(Schema, ComparesNumbersExactly) {
  EXPECT_FALSE(valid(R"({"maximum":9007199254740992})", "9007199254740993"));
  EXPECT_FALSE(valid(R"({"exclusiveMinimum":18446744073709551615})", "18446744073709551615"));
  EXPECT_TRUE(valid(R"({"const":1})", "1.0"));
}

TEST(Schema, FindsEqualElementsAmongMany) {
  std::string array = "[0";
  for (int i = 1; i < 5000; ++i) array += "," + std::to_string(i);
  EXPECT_TRUE(valid(R"({"uniqueItems":true})", array + "]"));
  EXPECT_FALSE(valid(R"({"uniqueItems":true})", array + ",77.0]"));
  EXPECT_FALSE(valid(R"({"uniqueItems":true})", array + ",1152921504606846976,1152921504606846976.0]"));
  EXPECT_FALSE(valid(R"({"uniqueItems":true})", array + R"(,{"a":1,"b":2},{"b":2,"a":1}])"));
}

TEST(Schema, AssertsFormatsOnDemand) {
  const Value schema = parse(R"({"format":"ipv4"})").value();
  Schema::Options options;
  options.assert_format = true;
  EXPECT_TRUE(Schema::compile(schema)->validate(Value("nonsense")).empty());
  EXPECT_FALSE(Schema::compile(schema, options)->validate(Value("256.1.1.1")).empty());
  EXPECT_TRUE(Schema::compile(schema, options)->validate(Value("127.0.0.1")).empty());
}

// A violation, not an overflow of the stack.
TEST(Schema, EndsOnReferencesToItself) {
  for (const char* text :
       {R"({"$ref":"#"})", R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#"}}})",
        R"({"not":{"$ref":"#"}})", R"({"if":{"$ref":"#"},"then":true})",
        R"({"$dynamicAnchor":"a","$dynamicRef":"#a"})", R"({"anyOf":[{"$ref":"#"},true]})"})
    EXPECT_NE(explain(text, "1"), "") << text;
}

TEST(Schema, EndsOnExponentialSchemas) {
  std::string defs;
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + R"("})";
    defs += "\"d" + std::to_string(i) + "\":{\"allOf\":[" + next + "," + next + "]},";
  }
  const std::string text = R"({"$ref":"#/$defs/d0","$defs":{)" + defs + R"("d40":true}})";
  EXPECT_NE(explain(text, "1").find("too expensive"), std::string::npos);
  // Giving up must not turn into success under "not".
  EXPECT_NE(explain(R"({"not":{"$ref":"#/$defs/d0"},"$defs":{)" + defs + R"("d40":true}})", "1"), "");
}

TEST(Schema, FollowsDeepInstancesAndLargeOnes) {
  const std::string tree = R"({"type":"array","items":{"$ref":"#"}})";
  EXPECT_TRUE(valid(tree, std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']')));
  std::string wide = "[[]";
  for (int i = 0; i < 300000; ++i) wide += ",[]";
  EXPECT_TRUE(
      valid(R"({"items":{"allOf":[{"type":"array"},{"maxItems":1},{"minItems":0},{"not":{"type":"null"}}]}})",
            wide + "]"));
}

TEST(Schema, MayOutliveItsSources) {
  std::unique_ptr<Schema> schema;
  {
    Value source =
        parse(R"({"properties":{"a":{"enum":["x","y"]}},"patternProperties":{"^p":{"const":"c"}}})").value();
    schema = std::make_unique<Schema>(std::move(*Schema::compile(source)));
    source = Value();
  }
  EXPECT_EQ(schema->explain(parse(R"({"a":"z","p":1})").value()),
            "/a: must be one of [\"x\",\"y\"]; /p: must be \"c\"");
}

RC_GTEST_PROP(SchemaProperty, ConstEnumAndUniqueAgreeWithEquality, ()) {
  const Value a = *testing::value(2);
  const Value b = *rc::gen::oneOf(rc::gen::just(a), testing::value(2));
  Value constant;
  constant.set("const", a);
  RC_ASSERT(Schema::compile(constant)->validate(b).empty() == (a == b));
  Value choices;
  choices.set("enum", Value(Value::Array{Value("other"), a}));
  RC_ASSERT(Schema::compile(choices)->validate(b).empty() == (a == b || b == Value("other")));
}

RC_GTEST_PROP(SchemaProperty, ArbitrarySchemasNeverCrash, ()) {
  static const std::vector<std::string> kKeywords = {"type",
                                                     "enum",
                                                     "const",
                                                     "minimum",
                                                     "multipleOf",
                                                     "maxLength",
                                                     "pattern",
                                                     "items",
                                                     "prefixItems",
                                                     "contains",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "patternProperties",
                                                     "$ref",
                                                     "$id",
                                                     "$anchor",
                                                     "$dynamicRef",
                                                     "$defs",
                                                     "allOf",
                                                     "anyOf",
                                                     "not",
                                                     "if",
                                                     "then",
                                                     "unevaluatedProperties",
                                                     "unevaluatedItems",
                                                     "dependencies"};
  Value schema = Value::object();
  for (const auto& keyword : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kKeywords)))
    schema.set(keyword, *rc::gen::oneOf(testing::value(2), rc::gen::just(Value("#")),
                                        rc::gen::just(Value(true)), rc::gen::just(Value::object())));
  const auto compiled = Schema::compile(schema);
  if (compiled.ok()) {
    compiled->validate(*testing::value());
  } else {
    RC_ASSERT(compiled.status().reason() == "invalid_schema");
  }
}

}  // namespace
}  // namespace tau::json
