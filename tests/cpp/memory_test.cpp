// Memories from C++: requests that need no JSON, vectors that go along, embedders that are functions.
#include <atomic>
#include <memory>
#include <stdexcept>

#include "support.h"

namespace tau_test {
namespace {

using tau::EmbedPurpose;
using tau::Memory;
using Texts = std::vector<std::string_view>;

constexpr const char* kThree = R"([{"id":"tea","text":"Ada drinks tea in the morning","type":"preference"},
  {"id":"boat","text":"The boat leaves at noon"},{"id":"cat","text":"The cat is called Miro"}])";

std::string text_of(const tau::Result<tau::Text>& result) {
  return result ? result->str() : std::string(result.error().reason());
}

// Of a text that says "tea" one axis, of any other another.
void embed_tea(const Texts& texts, EmbedPurpose, float* out) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const bool tea = contains(texts[i], "tea");
    out[2 * i] = tea ? 1.0f : 0.0f;
    out[2 * i + 1] = tea ? 0.0f : 1.0f;
  }
}

TEST(CppMemory, RemembersAndFinds) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime).value();
  ASSERT_TRUE(memory.add(kThree));
  const auto found = memory.find("who drinks tea?", 3).value();
  EXPECT_LT(found.view().find("\"tea\""), found.view().find("\"boat\"")) << found.view();
  EXPECT_TRUE(contains(text_of(memory.get("cat")), "Miro"));
}

TEST(CppMemory, TextsNeedNoQuoting) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime).value();
  const std::string text = "a \"quoted\" back\\slash,\na line and a \x01 control";
  ASSERT_TRUE(memory.remember(text));
  EXPECT_TRUE(contains(text_of(memory.find("quoted \"back")), R"(a \"quoted\" back\\slash,\na line)"));
}

TEST(CppMemory, WhatIsForgottenComesBackAndWhatIsPurgedDoesNot) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime, R"({"channel":"a"})").value();
  ASSERT_TRUE(memory.add(kThree));
  ASSERT_TRUE(memory.forget("tea"));
  EXPECT_FALSE(contains(text_of(memory.find("tea")), "Ada"));
  ASSERT_TRUE(memory.restore("tea"));
  EXPECT_TRUE(contains(text_of(memory.find("tea")), "Ada"));
  EXPECT_TRUE(contains(text_of(memory.purge("tea")), "\"purged\":1"));
  EXPECT_EQ(text_of(memory.restore("tea")), "no_such_memory");
}

TEST(CppMemory, RelationsComeAndGo) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime).value();
  ASSERT_TRUE(memory.add(kThree));
  ASSERT_TRUE(memory.relate("tea", "boat", "caused_by"));
  EXPECT_TRUE(contains(text_of(memory.perform(R"({"op":"get","id":"tea","relations":true})")), "caused_by"));
  ASSERT_TRUE(memory.unrelate("tea", "boat", "caused_by"));
  EXPECT_EQ(text_of(memory.relate("tea", "none")), "no_such_memory");
  EXPECT_TRUE(memory.stats());
}

TEST(CppMemory, AFunctionMakesTheVectors) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime).value();
  const auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = kept;
  ASSERT_TRUE(tau::set_embedder(runtime, "tea-2", 2,
                                [held = kept](const Texts& texts, EmbedPurpose purpose, float* out) {
                                  embed_tea(texts, purpose, out);
                                }));
  const std::vector<float> rows = {1, 0, 0, 1, 0, 1};
  ASSERT_TRUE(memory.add(kThree, rows));
  const auto by_text = memory.search(R"({"query":"tea please","mode":"vector","k":1})");
  EXPECT_TRUE(contains(text_of(by_text), "\"vectors\":\"used\"")) << text_of(by_text);
  EXPECT_TRUE(contains(text_of(by_text), "Ada")) << text_of(by_text);
  const std::vector<float> cat = {0, 1};
  EXPECT_FALSE(contains(text_of(memory.search(R"({"mode":"vector","k":2})", cat)), "Ada"));
  const std::vector<float> wrong = {0, 1, 2};
  EXPECT_EQ(text_of(memory.find("tea", 1, wrong)), "invalid_vector");
  ASSERT_TRUE(tau::reset_embedder(runtime));
  static_cast<void>(watched);
}

TEST(CppMemory, AnEmbedderThatThrowsLeavesTheWords) {
  const auto runtime = open("{}");
  const auto memory = Memory::open(runtime).value();
  ASSERT_TRUE(tau::set_embedder(runtime, "none", 4, [](const Texts&, EmbedPurpose, float* out) {
    *out = 1;
    throw std::runtime_error("bad luck");
  }));
  ASSERT_TRUE(memory.add(kThree));
  const std::string found = text_of(memory.find("tea"));
  EXPECT_TRUE(contains(found, "Ada")) << found;
  EXPECT_TRUE(contains(found, "\"vectors\":\"unavailable\"")) << found;
}

TEST(CppMemory, BadRequestsAreValues) {
  const auto runtime = open("{}");
  const auto bad_scope = Memory::open(runtime, R"({"channel":""})");
  EXPECT_EQ(bad_scope.error().reason(), "invalid_scope");
  const auto memory = Memory::open(runtime).value();
  EXPECT_EQ(text_of(memory.perform(R"({"op":"dance"})")), "unknown_op");
  EXPECT_EQ(text_of(memory.add(R"([{"text":"x","type":"dream"}])")), "unknown_memory_type");
  const auto nameless = tau::set_embedder(runtime, "", 4, embed_tea);
  EXPECT_EQ(nameless.error().reason(), "invalid_embedder");
  const Memory empty;
  EXPECT_EQ(text_of(empty.stats()), "null_argument");
}

}  // namespace
}  // namespace tau_test
