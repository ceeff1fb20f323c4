// Types and relations of memories: names, older names, defaults.
#include <gtest/gtest.h>

#include <cmath>

#include "memory/memory.h"

namespace tau::memory {
namespace {

TEST(MemoryTypes, HaveNamesThatReadBackAndDefaults) {
  for (int i = 0; i < kTypes; ++i) {
    const auto type = static_cast<Type>(i);
    const auto read = parse_type(type_name(type));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, type);
    EXPECT_GT(default_importance(type), 0);
    EXPECT_LE(default_importance(type), 1);
    EXPECT_GT(half_life_days(type), 0);
  }
  EXPECT_EQ(default_importance(Type::kIdentity), 1);
  EXPECT_TRUE(std::isinf(half_life_days(Type::kPreference)));
  EXPECT_EQ(parse_type("memo").status().reason(), "unknown_memory_type");
  EXPECT_EQ(parse_type("Fact").status().reason(), "unknown_memory_type");
}

TEST(MemoryRelations, HaveNamesAndOlderNames) {
  for (int i = 0; i < kRelations; ++i) {
    const auto relation = static_cast<Relation>(i);
    const auto read = parse_relation(relation_name(relation));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, relation);
  }
  EXPECT_EQ(*parse_relation("blocks"), Relation::kContradicts);
  EXPECT_EQ(*parse_relation("depends_on"), Relation::kCausedBy);
  EXPECT_EQ(*parse_relation("supports"), Relation::kRelatedTo);
  EXPECT_EQ(parse_relation("likes").status().reason(), "unknown_relation");
}

}  // namespace
}  // namespace tau::memory
