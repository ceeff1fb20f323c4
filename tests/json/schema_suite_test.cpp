// The official JSON Schema test suite: all that is not optional must pass.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "json/json.h"

namespace tau::json {
namespace {

// The lines of an xz-compressed file; empty when it cannot be read.
std::vector<Value> load_lines(const std::string& path) {
  std::vector<Value> lines;
  FILE* pipe = popen(("xz -dc '" + path + "' 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return lines;
  std::string all;
  char chunk[65536];
  for (size_t n = 0; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;) all.append(chunk, n);
  pclose(pipe);
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view line = std::string_view(all).substr(at, end - at);
    auto value = parse(line);
    if (value.ok()) lines.push_back(*std::move(value));
    // The optional bignum cases hold integers that a strict parser refuses.
    EXPECT_TRUE(value.ok() || line.find("\"optional/bignum.json\"") != line.npos)
        << value.status().to_string();
    at = end + 1;
  }
  return lines;
}

struct Score {
  int passed = 0;
  int failed = 0;
  std::string failures;
};

void run_group(const Value& group, const Schema::Options& options, Score& score) {
  const auto schema = Schema::compile(group["schema"], options);
  const auto miss = [&](std::string_view what) {
    ++score.failed;
    score.failures += std::string(group["file"].as_string()) + ": " +
                      std::string(group["description"].as_string()) + ": " + std::string(what) + "\n";
  };
  for (const auto& test : group["tests"].as_array()) {
    if (!schema.ok()) {
      miss(schema.status().to_string());
      continue;
    }
    const auto violations = schema->validate(test["data"]);
    if (violations.empty() == test["valid"].as_bool()) {
      ++score.passed;
    } else {
      miss(test["description"].as_string());
    }
    // The short-circuit path must agree with the one that collects.
    EXPECT_EQ(schema->validate(test["data"], 1).empty(), violations.empty());
    EXPECT_EQ(schema->explain(test["data"]).empty(), violations.empty());
  }
}

class SchemaSuite : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("TAU_SHARED_DATA");
    folder_ = std::string(data != nullptr ? data : "") + "/json-schema/";
    for (auto& remote : load_lines(folder_ + "remotes.jsonl.xz"))
      options_.documents.emplace_back("http://localhost:1234/" + std::string(remote["path"].as_string()),
                                      remote["schema"]);
    if (options_.documents.empty()) GTEST_SKIP() << "the JSON Schema suite is not at " << folder_;
  }

  // Formats are asserted in the optional cases only.
  Score run(const std::string& name, bool optional) {
    Score score;
    options_.assert_format = optional;
    for (const auto& group : load_lines(folder_ + name + ".jsonl.xz"))
      if (group["optional"].as_bool() == optional) run_group(group, options_, score);
    std::printf("%s%s: %d passed, %d failed\n", name.c_str(), optional ? " (optional)" : "", score.passed,
                score.failed);
    RecordProperty(name, score.passed);
    return score;
  }

  std::string folder_;
  Schema::Options options_;
};

TEST_F(SchemaSuite, Draft2020) {
  const Score score = run("draft2020-12", false);
  EXPECT_GT(score.passed, 1000);
  EXPECT_EQ(score.failed, 0) << score.failures;
}

TEST_F(SchemaSuite, Draft7) {
  options_.draft7 = true;
  const Score score = run("draft7", false);
  EXPECT_GT(score.passed, 700);
  EXPECT_EQ(score.failed, 0) << score.failures;
}

// Of the optional parts these are out of scope: internationalised names (IDNA 2008, with it A-labels), IRIs,
// URI templates, draft 2019-09, and the regular expressions that need backtracking.
TEST_F(SchemaSuite, OptionalPartsFailOnlyWhereSupportEnds) {
  const Score score = run("draft2020-12", true);
  EXPECT_GT(score.passed, 800);
  for (size_t at = 0; at < score.failures.size();) {
    const size_t end = score.failures.find('\n', at);
    const std::string_view line = std::string_view(score.failures).substr(at, end - at);
    bool known = false;
    for (const std::string_view part : {"format/idn-", "format/iri", "format/uri-template", "cross-draft",
                                        "A-label", "backreference", "lookbehind"})
      known = known || line.find(part) != line.npos;
    EXPECT_TRUE(known) << line;
    at = end + 1;
  }
}

}  // namespace
}  // namespace tau::json
