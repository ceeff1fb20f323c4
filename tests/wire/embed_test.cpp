// Codecs of embeddings: what is sent, what is read, and answers that are none.
#include "wire/embed.h"

#include <gtest/gtest.h>

namespace tau::wire {
namespace {

json::Value value(std::string_view text) { return *json::parse(text); }

void expect_same(std::string_view dialect, bool request, std::string_view body) {
  const auto neutral = embed_to_neutral(dialect, request, body);
  ASSERT_TRUE(neutral.ok()) << body << neutral.status().message();
  const auto again = neutral_to_embed(dialect, request, *neutral);
  ASSERT_TRUE(again.ok()) << *neutral;
  EXPECT_TRUE(value(*again) == value(body)) << *again;
}

TEST(Embed, DocumentsComeBackAsTheyWere) {
  for (const char* body :
       {R"({"model":"m","input":["a","b"],"dimensions":3,"encoding_format":"float","user":"u"})",
        R"({"model":"m","input":"a"})", R"({"model":"m","input":[[1,2],[3]]})",
        R"({"input":[],"model":"m"})"})
    expect_same("openai_embeddings", true, body);
  for (
      const char* body :
      {R"({"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.25]}],"usage":{"prompt_tokens":1,"total_tokens":1}})",
       R"({"data":[{"index":0,"embedding":"AAAAPwAAoL8="}],"model":"m"})"})
    expect_same("openai_embeddings", false, body);
  for (
      const char* body :
      {R"({"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":8}]})",
       R"({"requests":[{"content":{"parts":[{"text":"a"},{"text":"b"}],"role":"user"},"output_dimensionality":8}]})",
       R"({"model":"models/m","content":{"parts":[{"text":"a"}]},"title":"t"})"})
    expect_same("gemini_embeddings", true, body);
  for (const char* body :
       {R"({"embeddings":[{"values":[1,2]},{"values":[3,4]}]})", R"({"embedding":{"values":[1.5]}})"})
    expect_same("gemini_embeddings", false, body);
  for (
      const char* body :
      {R"({"model":"m","texts":["a"],"input_type":"search_query","embedding_types":["float"],"output_dimension":4})",
       R"({"model":"m","images":["data:,"],"input_type":"image","embedding_types":["int8"]})",
       R"({"model":"m","texts":[],"input_type":"classification"})"})
    expect_same("cohere_embeddings", true, body);
  for (
      const char* body :
      {R"({"id":"1","embeddings":{"float":[[1,2]],"int8":[[3,4]]},"texts":["a"],"meta":{"billed_units":{"input_tokens":1}}})",
       R"({"id":"1","embeddings":{"ubinary":[[3,4]]},"texts":["a"]})",
       R"({"embeddings":[[1,2]],"response_type":"embeddings_floats"})", R"({"embeddings":{"float":[]}})"})
    expect_same("cohere_embeddings", false, body);
  expect_same("ollama_embeddings", true, R"({"model":"m","input":"a","truncate":true})");
  expect_same("ollama_embeddings", false, R"({"model":"m","embeddings":[[0.5],[1]],"prompt_eval_count":2})");
}

TEST(Embed, ReadsWhatItNeeds) {
  const auto openai =
      find_embed_dialect("openai_embeddings")
          ->decode_response(
              R"({"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":5}})");
  ASSERT_TRUE(openai.ok());
  EXPECT_EQ(openai->values, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(openai->usage.input, 5);
  EXPECT_EQ(openai->count, 2U);
  EXPECT_EQ(openai->dimensions, 2U);
  const auto cohere = find_embed_dialect("cohere_embeddings")
                          ->decode_request(R"({"model":"m","texts":["a"],"input_type":"search_document"})");
  EXPECT_EQ(cohere->input_type, "document");
}

TEST(Embed, AnswersThatAreNone) {
  for (const char* body :
       {"", "[]", "{}", R"({"data":7})", R"({"data":[{}]})", R"({"data":[{"embedding":[]}]})",
        R"({"data":[{"embedding":["a"]}]})", R"({"data":[{"embedding":[null]}]})",
        R"({"data":[{"embedding":[1e300]}]})", R"({"data":[{"embedding":"AAA"}]})",
        R"({"data":[{"embedding":"AADAfw=="}]})", R"({"data":[{"embedding":"AACAfw=="}]})",
        R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", R"({"data":[{"embedding":[1],"index":9}]})",
        R"({"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]})"}) {
    const auto got = find_embed_dialect("openai_embeddings")->decode_response(body);
    ASSERT_FALSE(got.ok()) << body;
    EXPECT_EQ(got.status().reason(), "invalid_response") << body;
  }
  EXPECT_FALSE(find_embed_dialect("openai_embeddings")
                   ->decode_response(R"({"error":{"message":"no","code":"x"}})")
                   .ok());
  std::string wide = R"({"data":[{"embedding":[0)";
  for (size_t i = 0; i < kMostDimensions; ++i) wide += ",0";
  EXPECT_FALSE(find_embed_dialect("openai_embeddings")->decode_response(wide + "]}]}").ok());
}

TEST(Embed, Names) {
  EXPECT_EQ(find_embed_dialect("openai_chat"), nullptr);
  EXPECT_EQ(embed_dialect_beside("anthropic_messages"), nullptr);
  EXPECT_EQ(embed_dialect_beside("openai_responses")->name(), "openai_embeddings");
  EXPECT_EQ(embed_to_neutral("morse", true, "{}").status().reason(), "unknown_dialect");
}

}  // namespace
}  // namespace tau::wire
