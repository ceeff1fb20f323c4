// Text that was made to be expensive, as a memory, as a query and as a file: it ends soon, in little memory,
// and leaves a memory that works.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>

#include "runtime/core.h"
#include "runtime/memory.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr size_t kMegabyte = 1'000'000;

std::string repeated(std::string_view unit, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += unit;
  return out;
}

std::string unique_words(size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += format("w{:x} ", i * 2654435761U);
  return out;
}

struct Hostile {
  const char* name;
  std::string text;
};

const std::vector<Hostile>& texts() {
  static const std::vector<Hostile> all = {
      {"one word", repeated("river ", kMegabyte)},
      {"one long word", repeated("r", kMegabyte)},
      {"a million words", unique_words(kMegabyte)},
      {"punctuation", repeated("!?.,;:-_()[]{}'\"/\\*+~^%$#@&|<>=`", kMegabyte)},
      {"quotes", repeated("\"", kMegabyte)},
      {"phrases", repeated("\"a b\" ", kMegabyte)},
      {"prefixes", repeated("a* ", kMegabyte)},
      {"exclusions", repeated("-a ", kMegabyte)},
      {"dates", repeated("last week in May 2023 three days ago ", kMegabyte)},
      {"operators", repeated("a OR b AND NOT (c NEAR d) ", kMegabyte)},
      {"deep JSON", repeated("[", kMegabyte)},
      {"deep objects", repeated("{\"a\":", kMegabyte)},
      {"nothing", repeated(" \n\t", kMegabyte)},
      {"marks", repeated("a\xcc\x81\xcc\x82\xcc\x83", kMegabyte)},
      {"no blanks", repeated("\xe6\x9d\xb1", kMegabyte)},
      {"camels", repeated("aBcD_1.2-", kMegabyte)},
      {"zeros", std::string(kMegabyte, '\0')},
      {"ill-formed", repeated("\xff\xc0\x80\xed\xa0\x80", kMegabyte)},
      {"half a character", repeated("\xe6\x9d", kMegabyte)},
  };
  return all;
}

class MemoryHostile : public testing::Test {
 protected:
  void SetUp() override {
    RuntimeOptions options;
    options.home = dir_.file("home");
    options.manual = true;
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *std::move(runtime);
    memory_ = *Memory::open(runtime_, "{}");
    begun_ = std::chrono::steady_clock::now();
    ASSERT_TRUE(memory_->perform(R"({"op":"add","id":"tea","text":"Ada drinks green tea"})", {}).ok());
  }
  // What is quadratic here would take hours and gigabytes: bounds on accidents, not figures.
  void TearDown() override {
    EXPECT_LT(std::chrono::steady_clock::now() - begun_, std::chrono::minutes(2));
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    EXPECT_LT(use.ru_maxrss, 1'500'000) << "kilobytes";
    const auto found = memory_->search(R"({"query":"green tea"})", {});
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    EXPECT_NE(found->find("Ada drinks"), std::string::npos);
  }
  static std::string request_with(std::string_view op, std::string_view key, std::string_view text) {
    json::Value request = json::Value::object();
    if (!op.empty()) request.set("op", op);
    request.set(key, repair_utf8(text));
    return json::write(request);
  }

  test::TempDir dir_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Memory> memory_;
  std::chrono::steady_clock::time_point begun_;
};

TEST_F(MemoryHostile, AsAQuery) {
  ASSERT_TRUE(memory_->perform(request_with("add", "text", texts()[2].text.substr(0, 60'000)), {}).ok());
  for (const Hostile& each : texts())
    for (const char* const mode :
         {R"({"strict":true,)", R"({"mode":"text","explain":true,)", R"({"diversity":0.5,)"}) {
      const std::string request = mode + request_with("", "query", each.text).substr(1);
      const auto found = memory_->search(request, {});
      EXPECT_TRUE(found.ok()) << each.name << ": " << found.status().to_string();
    }
}

TEST_F(MemoryHostile, AsAMemory) {
  for (const Hostile& each : texts()) {
    // A whole megabyte is more than a memory holds; what it holds of it is taken.
    EXPECT_EQ(memory_->perform(request_with("add", "text", each.text), {}).status().reason(),
              "invalid_memory")
        << each.name;
    const std::string part = repair_utf8(truncate_utf8(repair_utf8(each.text), 60'000));
    const auto added = memory_->perform(request_with("add", "text", part), {});
    if (added.ok()) continue;
    EXPECT_EQ(added.status().reason(), "invalid_memory") << each.name << ": " << added.status().to_string();
  }
  for (const char* const query : {"river", "a", "w0", "\xe6\x9d\xb1\xe6\x9d\xb1"})
    EXPECT_TRUE(memory_->search(request_with("", "query", query), {}).ok()) << query;
}

TEST_F(MemoryHostile, InEveryOtherPlaceOfAMemory) {
  for (const Hostile& each : texts()) {
    const std::string text = repair_utf8(each.text);
    for (const char* const key :
         {"id", "thread", "source", "channel", "actor", "type", "time", "valid_from"}) {
      json::Value request = json::Value::object();
      request.set("op", "add").set("text", "x").set(key, text);
      EXPECT_EQ(memory_->perform(json::write(request), {}).status().code(), Code::kInvalidArgument)
          << key << ": " << each.name;
    }
    for (const char* const key : {"tags", "attributes", "relations", "fact"}) {
      json::Value request = json::Value::object();
      json::Value list = json::Value::array();
      list.push_back(text);
      json::Value object = json::Value::object();
      object.set("a", text);
      request.set("op", "add").set("text", "x").set(key, key[0] == 't' || key[0] == 'r' ? list : object);
      EXPECT_EQ(memory_->perform(json::write(request), {}).status().code(), Code::kInvalidArgument)
          << key << ": " << each.name;
    }
  }
}

TEST_F(MemoryHostile, AsARequest) {
  for (const Hostile& each : texts()) {
    EXPECT_FALSE(memory_->perform(each.text, {}).ok()) << each.name;
    EXPECT_FALSE(memory_->search(each.text, {}).ok()) << each.name;
    EXPECT_FALSE(memory_->perform(R"({"op":"add","text":"x","attributes":)" + each.text, {}).ok())
        << each.name;
    EXPECT_FALSE(Memory::open(runtime_, each.text).ok()) << each.name;
  }
}

TEST_F(MemoryHostile, AsAFile) {
  for (size_t i = 0; i < texts().size(); ++i)
    for (const char* const ending : {"txt", "md", "json", "jsonl", "csv", "html", "py"})
      dir_.write(format("files/{}.{}", i, ending),
                 std::string_view(texts()[i].text).substr(0, kMegabyte / 4));
  const auto ingested = memory_->perform(format(R"({{"op":"ingest","path":"{}"}})", dir_.file("files")), {});
  ASSERT_TRUE(ingested.ok()) << ingested.status().to_string();
  for (size_t i = 0; i < texts().size(); ++i)
    for (const char* const form : {"jsonl", "tau"}) {
      const std::string path = dir_.write("import", texts()[i].text + "\n" + texts()[i].text);
      const auto read =
          memory_->perform(format(R"({{"op":"import","path":"{}","format":"{}"}})", path, form), {});
      ASSERT_TRUE(read.ok()) << texts()[i].name << ": " << read.status().to_string();
      EXPECT_EQ((*json::parse(*read))["created"].as_int(), 0) << texts()[i].name;
    }
}

}  // namespace
}  // namespace tau::runtime
