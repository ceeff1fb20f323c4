// Two requests ask for the same whatever way they are written, and never when they ask for something else.
#include <gtest/gtest.h>

#include "provider/request_match.h"

namespace tau::provider {
namespace {

wire::Request decode(std::string_view body, const wire::Dialect& dialect = wire::openai_chat()) {
  auto request = dialect.decode_request(body);
  EXPECT_TRUE(request.ok()) << request.status().to_string();
  return request.ok() ? *std::move(request) : wire::Request();
}

std::string digest(std::string_view body, const wire::Dialect& dialect = wire::openai_chat()) {
  return request_digest(decode(body, dialect));
}

constexpr const char* kPlain = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";

std::string with(std::string_view members) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + std::string(members) + "}";
}

TEST(RequestMatch, TheWayOfWritingMakesNoDifference) {
  EXPECT_EQ(digest(kPlain),
            digest(R"( { "messages" : [ {"content":"hi","role":"user"} ], "model" : "m" } )"));
  EXPECT_EQ(digest(kPlain), digest(with(R"("stream":true,"stream_options":{"include_usage":true})")));
  for (const char* same :
       {R"("user":"u")", R"("metadata":{"a":"b"})", R"("store":true)", R"("service_tier":"auto")",
        R"("prompt_cache_key":"k")", R"("n":1)", R"("presence_penalty":0)", R"("frequency_penalty":0.0)",
        R"("logprobs":false)", R"("response_format":{"type":"text"})", R"("stop":[])", R"("logit_bias":null)",
        R"("tool_choice":"auto")"})
    EXPECT_EQ(digest(kPlain), digest(with(same))) << same;
}

TEST(RequestMatch, WhatIsAskedMakesADifference) {
  std::vector<std::string> all = {digest(kPlain)};
  for (const char* other :
       {R"("temperature":1)", R"("temperature":0.5)", R"("top_p":1)", R"("seed":1)", R"("max_tokens":5)",
        R"("stop":["a"])", R"("n":2)", R"("logprobs":true)", R"("logit_bias":{"1":2})",
        R"("reasoning_effort":"low")", R"("response_format":{"type":"json_object"})",
        R"("tools":[{"type":"function","function":{"name":"f"}}])",
        R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required")",
        R"("tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false)"})
    all.push_back(digest(with(other)));
  all.push_back(digest(R"({"model":"m2","messages":[{"role":"user","content":"hi"}]})"));
  all.push_back(digest(R"({"model":"m","messages":[{"role":"system","content":"hi"}]})"));
  all.push_back(digest(R"({"model":"m","messages":[{"role":"user","content":"hi "}]})"));
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t k = 0; k < i; ++k) EXPECT_NE(all[i], all[k]) << i << " and " << k;
}

TEST(RequestMatch, SchemasAndArgumentsAreCanonical) {
  const auto tools = [](const char* schema) {
    return with(std::string(R"("tools":[{"type":"function","function":{"name":"f","parameters":)") + schema +
                "}}]");
  };
  EXPECT_EQ(digest(tools(R"({"type":"object","properties":{"a":{"minimum":1}}})")),
            digest(tools(R"({"properties":{"a":{"minimum":1.0}},"type":"object"})")));
  EXPECT_NE(digest(tools(R"({"type":"object","properties":{"a":{"minimum":1}}})")),
            digest(tools(R"({"type":"object","properties":{"a":{"minimum":2}}})")));
  EXPECT_EQ(digest(tools(R"({"type":"object","properties":{}})")),
            digest(with(R"("tools":[{"type":"function","function":{"name":"f"}}])")));
  EXPECT_EQ(
      digest(with(
          R"("tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}])")),
      digest(with(
          R"("tools":[{"type":"function","function":{"name":"b"}},{"type":"function","function":{"name":"a"}}])")));
}

std::string conversation(const char* first, const char* second, const char* arguments) {
  return std::string(
             R"({"model":"m","messages":[{"role":"user","content":"go"},{"role":"assistant","content":"","tool_calls":[)") +
         R"({"id":")" + first + R"(","type":"function","function":{"name":"f","arguments":")" + arguments +
         R"("}},{"id":")" + second + R"(","type":"function","function":{"name":"f","arguments":"{}"}}]},)" +
         R"({"role":"tool","tool_call_id":")" + second +
         R"(","content":"two"},{"role":"tool","tool_call_id":")" + first + R"(","content":"one"}]})";
}

TEST(RequestMatch, IdsOfCallsCountByTheirOrderAlone) {
  constexpr const char* kArguments = R"({\"a\":1,\"b\":[true]})";
  const std::string one = digest(conversation("x", "y", kArguments));
  EXPECT_EQ(one, digest(conversation("call_9", "call_1", R"({ \"b\" : [true], \"a\" : 1.0 })")));
  EXPECT_NE(one, digest(conversation("x", "y", R"({\"a\":2,\"b\":[true]})")));
  EXPECT_NE(one, digest(conversation("x", "y", R"({\"a\":1)")));  // no JSON: as it stands
  // Who answers which call is what the ids say.
  const std::string crossed =
      R"({"model":"m","messages":[{"role":"user","content":"go"},{"role":"assistant","content":"","tool_calls":[)"
      R"({"id":"x","type":"function","function":{"name":"f","arguments":"{\"a\":1,\"b\":[true]}"}},)"
      R"({"id":"y","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"x","content":"two"},{"role":"tool","tool_call_id":"y","content":"one"}]})";
  EXPECT_NE(one, digest(crossed));
}

TEST(RequestMatch, LabelsProofsAndHintsForCachesAreLeftOut) {
  constexpr const char* kBody =
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"%s}]},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"%s"},{"type":"text","text":"ok"}]},)"
      R"({"role":"user","content":"more"}]})";
  const auto body = [&](const std::string& hint, const std::string& proof) {
    std::string text = kBody;
    text.replace(text.find("%s"), 2, hint);
    return text.replace(text.find("%s"), 2, proof);
  };
  const wire::Dialect& dialect = wire::anthropic_messages();
  const std::string one = digest(body("", "abc"), dialect);
  EXPECT_EQ(one, digest(body(R"(,"cache_control":{"type":"ephemeral"})", "abc"), dialect));
  EXPECT_EQ(one, digest(body("", "xyz"), dialect));
  wire::Request labelled = decode(body("", "abc"), dialect);
  labelled.messages[0].labels = Labels::from(Source::kModel);
  EXPECT_EQ(one, request_digest(labelled));
}

TEST(RequestMatch, MediaCountByTheirBytes) {
  wire::Request a = decode(kPlain);
  wire::Media image;
  image.mime = "image/png";
  image.data = std::string("\x00\xff\x01", 3);
  a.messages[0].parts.emplace_back().body = image;
  wire::Request b = a;
  EXPECT_EQ(request_digest(a), request_digest(b));
  b.messages[0].parts[1].as<wire::Media>()->data[0] = 1;
  EXPECT_NE(request_digest(a), request_digest(b));
}

TEST(RequestMatch, TheFirstDifferenceIsNamed) {
  const json::Value a = request_meaning(decode(kPlain));
  EXPECT_FALSE(first_difference(a, a).has_value());
  EXPECT_EQ(count_differences(a, a, 100), 0u);
  const json::Value b = request_meaning(
      decode(R"({"model":"m","messages":[{"role":"user","content":"ho"}],"temperature":0.5})"));
  const auto difference = first_difference(a, b);
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->path, "/messages/0/parts/0/text");
  EXPECT_EQ(difference->asked, R"("hi")");
  EXPECT_EQ(difference->recorded, R"("ho")");
  EXPECT_EQ(count_differences(a, b, 100), 2u);
  EXPECT_EQ(count_differences(a, b, 1), 1u);
  const json::Value c = request_meaning(decode(with(R"("temperature":0.5)")));
  EXPECT_EQ(first_difference(a, c)->asked, "absent");
  EXPECT_EQ(first_difference(c, a)->recorded, "absent");
}

TEST(RequestMatch, LongValuesAreCutAtACharacter) {
  wire::Request long_one = decode(kPlain);
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "ä";
  long_one.messages[0].parts[0].as<wire::Text>()->text = text;
  const auto difference = first_difference(request_meaning(long_one), request_meaning(decode(kPlain)));
  ASSERT_TRUE(difference.has_value());
  EXPECT_LE(difference->asked.size(), 164u);
  EXPECT_TRUE(is_valid_utf8(difference->asked));
}

}  // namespace
}  // namespace tau::provider
