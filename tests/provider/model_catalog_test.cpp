// The catalog of models: what the library ships, and what it refuses.
#include <gtest/gtest.h>

#include "provider/provider.h"

namespace tau::provider {
namespace {

TEST(ModelCatalog, TheBuiltInOneIsSound) {
  const ModelCatalog& catalog = ModelCatalog::built_in();
  ASSERT_FALSE(catalog.models().empty());
  EXPECT_EQ(catalog.as_of().size(), 10u);
  for (const auto& [name, facts] : catalog.models()) {
    const auto reference = parse_model_reference(name);
    ASSERT_TRUE(reference.ok()) << name;
    EXPECT_NE(find_provider(reference->provider), nullptr) << name;
    EXPECT_TRUE(facts.price.known) << name;
    EXPECT_GT(facts.context_tokens, 0) << name;
    EXPECT_LE(facts.max_output_tokens, facts.context_tokens) << name;
    EXPECT_LE(facts.price.cached_input_usd_micros, facts.price.input_usd_micros) << name;
  }
}

std::string reason_of(std::string_view models) {
  const auto parsed = ModelCatalog::parse(R"({"schema_version":1,"models":)" + std::string(models) + "}");
  return parsed.ok() ? "" : std::string(parsed.status().reason());
}

TEST(ModelCatalog, WhatMakesNoSenseIsNamed) {
  EXPECT_EQ(reason_of(R"({"a/b":{"price":{"input":-1,"output":1}}})"), "invalid_price");
  EXPECT_EQ(reason_of(R"({"a/b":{"price":{"input":1.5,"output":1}}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":{"price":{"input":"1","output":1}}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":{"price":7}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":{"context_tokens":-1}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":{"context_tokens":18446744073709551615}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":{"tools":"yes"}})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"a/b":[]})"), "invalid_catalog");
  EXPECT_EQ(reason_of(R"({"nothing":{}})"), "invalid_model_reference");
  EXPECT_EQ(reason_of("[]"), "invalid_catalog");
  EXPECT_EQ(ModelCatalog::parse(R"({"schema_version":2,"models":{}})").status().reason(), "invalid_catalog");
  EXPECT_FALSE(ModelCatalog::parse("{").ok());
}

TEST(ModelCatalog, APriceIsKnownWhenBothSidesAre) {
  const auto catalog = ModelCatalog::parse(
      R"({"schema_version":1,"models":{"a/none":{},"a/half":{"price":{"input":1}},"a/free":{"price":{"input":0,"output":0}}},
          "more":"is kept out"})");
  ASSERT_TRUE(catalog.ok()) << catalog.status().to_string();
  EXPECT_FALSE(catalog->find("a/none")->price.known);
  EXPECT_FALSE(catalog->find("a/half")->price.known);
  EXPECT_TRUE(catalog->find("a/free")->price.known);
  EXPECT_EQ(catalog->find("a/other"), nullptr);
}

TEST(ModelCatalog, CompletesWhatARouteDoesNotSay) {
  Route route;
  route.context_tokens = 5;
  complete(route, {.context_tokens = 9,
                   .max_output_tokens = 3,
                   .price = {.input_usd_micros = 1, .known = true},
                   .abilities = {.tools = Ability::kNo}});
  EXPECT_EQ(route.context_tokens, 5);
  EXPECT_EQ(route.max_output_tokens, 3);
  EXPECT_TRUE(route.price.known);
  EXPECT_EQ(route.abilities.tools, Ability::kNo);
}

}  // namespace
}  // namespace tau::provider
