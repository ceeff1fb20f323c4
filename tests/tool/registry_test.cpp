// The registry, and the names that hosts see.
#include <gtest/gtest.h>

#include "executor_fixture.h"

namespace tau::tool {
namespace {

class Named final : public Tool {
 public:
  explicit Named(std::string name, std::string parameters = "{}",
                 std::vector<std::string> destinations = {}) {
    manifest_.name = std::move(name);
    manifest_.parameters = std::move(parameters);
    manifest_.destination_args = std::move(destinations);
  }
  const Manifest& manifest() const override { return manifest_; }
  void start(const Call&, const Context&, Reply reply, const std::atomic<bool>&) override {
    reply.complete({});
  }

 private:
  Manifest manifest_;
};

TEST(Registry, ListsToolsByNameWhateverTheOrderOfAdding) {
  Registry registry;
  for (const char* name : {"b", "a_9-Z", "c"}) EXPECT_TRUE(registry.add(std::make_shared<Named>(name)).ok());
  std::vector<std::string> names;
  for (const auto& tool : registry.all()) names.push_back(tool->manifest().name);
  EXPECT_EQ(names, (std::vector<std::string>{"a_9-Z", "b", "c"}));
  EXPECT_NE(registry.find("b"), nullptr);
  EXPECT_NE(registry.schema("b"), nullptr);
  EXPECT_EQ(registry.find("bb"), nullptr);
  EXPECT_EQ(registry.schema("bb"), nullptr);
  EXPECT_EQ(registry.add(std::make_shared<Named>("b")).reason(), "duplicate_tool");
}

TEST(Registry, RefusesBadManifests) {
  Registry registry;
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a.b"), std::string("\xc3\xa4")})
    EXPECT_EQ(registry.add(std::make_shared<Named>(name)).reason(), "invalid_manifest") << name;
  for (const char* schema : {"", "[]", "{", R"({"type":"nonsense"})", R"({"a":1,"a":2})"})
    EXPECT_EQ(registry.add(std::make_shared<Named>("x", schema)).reason(), "invalid_manifest") << schema;
  EXPECT_TRUE(registry.all().empty());
}

TEST(Registry, DestinationsAreArgumentsAsFarAsTheSchemaTells) {
  const auto reason = [](const char* parameters, const char* destination) {
    return std::string(
        Registry()
            .add(std::make_shared<Named>("f", parameters, std::vector<std::string>{destination}))
            .reason());
  };
  constexpr const char* kOne =
      R"({"type":"object","properties":{"to":{"type":"object"},"a.b":{"type":"string"}}})";
  for (const char* good : {"to", "to.address", "a.b"}) EXPECT_EQ(reason(kOne, good), "") << good;
  for (const char* bad : {"two", "address", "a", "b"})
    EXPECT_EQ(reason(kOne, bad), "invalid_manifest") << bad;
  EXPECT_EQ(reason("{}", "anything"), "");
  EXPECT_EQ(reason(R"({"properties":{"to":{}},"allOf":[{"properties":{"cc":{}}}]})", "cc"), "");
}

TEST(Registry, TheBuiltinToolsAreWellFormed) {
  Registry registry;
  for (const auto& tool : builtin_tools()) {
    const Manifest& m = tool->manifest();
    EXPECT_TRUE(registry.add(tool).ok()) << m.name;
    EXPECT_EQ(json::parse(m.parameters)->find("additionalProperties")->as_bool(true), false) << m.name;
    EXPECT_EQ(m.parallel, m.effect == Effect::kRead) << m.name;
    EXPECT_EQ(m.idempotent, m.effect == Effect::kRead || m.name == "write") << m.name;
    EXPECT_FALSE(m.destination_args.empty()) << m.name;
  }
  EXPECT_EQ(registry.all().size(), 8u);
  EXPECT_EQ(registry.find("bash")->manifest().effect, Effect::kExec);
}

TEST(Effect, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Effect::kIrreversible); ++i) {
    const Effect effect = static_cast<Effect>(i);
    EXPECT_EQ(*parse_effect(effect_name(effect)), effect);
  }
  EXPECT_EQ(parse_effect("Read").status().reason(), "invalid_effect");
}

TEST(Reply, TakesOneResultAndMissesNone) {
  std::vector<std::string> seen;
  auto sink = [&](Result r) { seen.push_back(r.content + r.reason); };
  {
    const Reply reply(sink);
    const Reply copy = reply;
    EXPECT_FALSE(copy.completed());
    reply.complete(test::text_result("one"));
    copy.complete(test::text_result("two"));
    EXPECT_TRUE(copy.completed());
  }
  EXPECT_EQ(seen, std::vector<std::string>{"one"});
  { const Reply dropped(sink); }
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[1].find("reply_dropped"), std::string::npos);
}

}  // namespace
}  // namespace tau::tool
