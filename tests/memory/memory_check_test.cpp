// What is refused before it is written, and that the refusal names the field.
#include <gtest/gtest.h>

#include <limits>

#include "json/json.h"
#include "memory/memory_check.h"
#include "memory/types.h"

namespace tau::memory {
namespace {

store::MemoryRow fine() {
  store::MemoryRow row;
  row.scope.workspace = "w";
  row.id = "m1";
  row.importance = 0.5;
  row.text = "The door is green.";
  row.tags = {"colour", "door"};
  return row;
}

std::string field_of(const store::MemoryRow& row) {
  const Status status = check_memory(row);
  if (status.ok()) return "";
  EXPECT_EQ(status.reason(), "invalid_memory");
  EXPECT_TRUE(is_valid_utf8(status.message()));
  for (const char c : status.message()) EXPECT_GE(static_cast<unsigned char>(c), ' ');
  return std::string((*json::parse(status.details_json()))["field"].as_string());
}

template <class Change>
std::string field_after(Change change) {
  store::MemoryRow row = fine();
  change(row);
  return field_of(row);
}

TEST(MemoryCheck, NamesTheFieldThatIsWrong) {
  using Row = store::MemoryRow;
  EXPECT_EQ(field_of(fine()), "");
  EXPECT_EQ(field_after([](Row& r) { r.scope.workspace = ""; }), "workspace");
  EXPECT_EQ(field_after([](Row& r) { r.scope.channel = "a\nb"; }), "channel");
  EXPECT_EQ(field_after([](Row& r) { r.scope.actor = std::string(257, 'a'); }), "actor");
  EXPECT_EQ(field_after([](Row& r) { r.id = ""; }), "id");
  EXPECT_EQ(field_after([](Row& r) { r.id = " "; }), "id");
  EXPECT_EQ(field_after([](Row& r) { r.id = "\xc3"; }), "id");
  EXPECT_EQ(field_after([](Row& r) { r.id = std::string("a\x1b[0m"); }), "id");
  EXPECT_EQ(field_after([](Row& r) { r.type = kTypes; }), "type");
  EXPECT_EQ(field_after([](Row& r) { r.importance = 1.01; }), "importance");
  EXPECT_EQ(field_after([](Row& r) { r.importance = std::numeric_limits<double>::quiet_NaN(); }),
            "importance");
  EXPECT_EQ(field_after([](Row& r) { r.text = "\n "; }), "text");
  EXPECT_EQ(field_after([](Row& r) { r.text = std::string(kMaxMemoryTextBytes + 1, 'a'); }), "text");
  EXPECT_EQ(field_after([](Row& r) { r.text = std::string("a\0", 2); }), "text");
  EXPECT_EQ(field_after([](Row& r) { r.tags = {"b", "a"}; }), "tags");
  EXPECT_EQ(field_after([](Row& r) { r.tags = {"a", "a"}; }), "tags");
  EXPECT_EQ(field_after([](Row& r) { r.tags = {std::string(129, 'a')}; }), "tags");
  EXPECT_EQ(field_after([](Row& r) {
              for (int i = 10; i < 75; ++i) r.tags.push_back(format("z{}", i));
            }),
            "tags");
  EXPECT_EQ(field_after([](Row& r) { r.fact.subject = "door"; }), "fact");
  EXPECT_EQ(field_after([](Row& r) { r.fact.object = "green"; }), "fact");
  EXPECT_EQ(field_after([](Row& r) { r.fact = {"door", "colour", ""}; }), "");
  EXPECT_EQ(field_after([](Row& r) { r.valid_from_ms = r.valid_to_ms = 5; }), "valid_to");
  EXPECT_EQ(field_after([](Row& r) { r.attributes = "[1]"; }), "attributes");
  EXPECT_EQ(field_after([](Row& r) { r.attributes = "{"; }), "attributes");
  EXPECT_EQ(field_after([](Row& r) { r.attributes = "{}"; }), "");
  EXPECT_EQ(field_after([](Row& r) { r.source = "a\nb"; }), "source");
  EXPECT_EQ(field_after([](Row& r) { r.forgotten_ms = -1; }), "forgotten");
}

TEST(MemoryCheck, HoldsRelationsToOneWorkspaceAndTwoMemories) {
  store::MemoryRelate relate;
  relate.source = {{"w", "c", ""}, "a"};
  relate.target = {{"w", "", ""}, "a"};
  EXPECT_TRUE(check_memory_relation(relate).ok());
  relate.weight = -1;  // removes it
  EXPECT_TRUE(check_memory_relation(relate).ok());
  relate.weight = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(check_memory_relation(relate).ok());
  relate.weight = 1;
  relate.relation = kRelations;
  EXPECT_FALSE(check_memory_relation(relate).ok());
  relate.relation = 0;
  relate.target.scope.workspace = "v";
  EXPECT_FALSE(check_memory_relation(relate).ok());
  relate.target = relate.source;
  EXPECT_FALSE(check_memory_relation(relate).ok());
}

TEST(MemoryCheck, TidiesTags) {
  std::vector<std::string> tags = {" b", "a", "", "b ", "  "};
  tidy_tags(tags);
  EXPECT_EQ(tags, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace tau::memory
