// No text of a caller gets into the log, or into what the log says, but through the redactor. Driven by the
// schema: a field or kind that is added is tested from the day it is there.
#include <set>

#include "json/json.h"
#include "observe/chain.h"
#include "observe/fixture.h"

namespace tau::observe {
namespace {

constexpr size_t kTexts = static_cast<size_t>(Text::kCount);
constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);

std::string canary(size_t kind, size_t text) { return format("canary-{}-{}-yranac", kind, text); }

// Takes canaries out; counts the texts that it sees.
class Redactor {
 public:
  std::string operator()(std::string_view text) {
    ++*seen;
    std::string out(text);
    for (size_t at = out.find("canary-"); at != out.npos; at = out.find("canary-")) {
      const size_t end = out.find("-yranac", at);
      out.replace(at, end == out.npos ? out.npos : end + 7 - at, "[REDACTED]");
    }
    return out;
  }
  std::shared_ptr<std::atomic<int>> seen = std::make_shared<std::atomic<int>>(0);
};

class CanaryTest : public LogFixture {
 protected:
  AuditOptions redacting() {
    AuditOptions out = options();
    out.redact = redactor_;
    return out;
  }
  // Every kind with every text.
  Status write_all(AuditLog& log, const std::function<std::string(size_t kind, size_t text)>& make) {
    for (size_t kind = 0; kind < kKinds; ++kind) {
      std::vector<std::string> texts;
      Record record(static_cast<Kind>(kind));
      for (size_t text = 0; text < kTexts; ++text) texts.push_back(make(kind, text));
      for (size_t text = 0; text < kTexts; ++text) record.set(static_cast<Text>(text), texts[text]);
      for (size_t i = 0; i < static_cast<size_t>(Number::kCount); ++i)
        record.set(static_cast<Number>(i), INT64_MIN + static_cast<int64_t>(i));
      for (size_t i = 0; i < static_cast<size_t>(Hash::kCount); ++i)
        record.set(static_cast<Hash>(i), crypto::blake2b("x"));
      if (is_of_log(record.kind())) {  // made as the log makes its own
        Link link;
        seal(render(record, 0, redactor_), link, of_log_);
        continue;
      }
      TAU_RETURN_IF_ERROR(log.append(record));
    }
    return ok_status();
  }
  // All bytes below the folder, and the names.
  std::string everything() const {
    std::string out = anchor_.head + of_log_;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      out += entry.path().filename().string() + "\n" + read_whole(entry.path().string());
    return out;
  }

  std::vector<std::string> all_lines() const {
    auto out = lines();
    for (std::string& line : lines_of(of_log_)) out.push_back(std::move(line));
    return out;
  }

  Redactor redactor_;
  std::string of_log_;  // the lines that were not appended
};

TEST_F(CanaryTest, NoTextOfAnyKindGetsAroundTheRedactor) {
  const auto log = open(redacting());
  const int before = *redactor_.seen;
  ASSERT_TRUE(write_all(*log, canary).ok());
  EXPECT_EQ(*redactor_.seen - before, static_cast<int>(kKinds * kTexts));
  EXPECT_EQ(everything().find("canary"), std::string::npos);
  EXPECT_TRUE(check().ok());
}

TEST_F(CanaryTest, EveryStringInTheFileIsRedactedOrOfAFixedForm) {
  const auto log = open(redacting());
  ASSERT_TRUE(write_all(*log, canary).ok());
  std::set<std::string, std::less<>> texts;
  std::set<std::string, std::less<>> kinds;
  std::set<std::string, std::less<>> hashes = {"prev", "hash"};
  for (size_t i = 0; i < kTexts; ++i) texts.emplace(text_name(static_cast<Text>(i)));
  for (size_t i = 0; i < kKinds; ++i) kinds.emplace(kind_name(static_cast<Kind>(i)));
  for (size_t i = 0; i < static_cast<size_t>(Hash::kCount); ++i)
    hashes.emplace(hash_name(static_cast<Hash>(i)));
  EXPECT_EQ(texts.size(), kTexts);
  EXPECT_EQ(kinds.size(), kKinds);
  const auto all = all_lines();
  for (size_t i = 1; i < all.size(); ++i) {
    const json::Value record = *json::parse(all[i]);
    for (const auto& [name, value] : record.as_object()) {
      SCOPED_TRACE(name);
      if (value.is_integer()) continue;
      ASSERT_TRUE(value.is_string()) << "a value that nothing redacts";
      const std::string text(value.as_string());
      if (name == "kind") {
        EXPECT_TRUE(kinds.contains(text)) << text;
      } else if (hashes.contains(name)) {
        EXPECT_EQ(text.size(), 64u);
        EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), text.npos);
      } else {
        EXPECT_TRUE(texts.contains(name)) << "a text that has no row in the schema";
        EXPECT_EQ(text, "[REDACTED]");
      }
    }
    EXPECT_EQ(record.size(),
              6 + kTexts + static_cast<size_t>(Number::kCount) + static_cast<size_t>(Hash::kCount));
  }
}

TEST_F(CanaryTest, WhereATextIsCutNothingShows) {
  const auto log = open(redacting());
  // Across the end of what is kept, and across what is looked at.
  for (const size_t lead : {kMostTextBytes - 8, kMostInputBytes - 8, kMostInputBytes + 1}) {
    ASSERT_TRUE(write_all(*log, [lead](size_t kind, size_t text) {
                  return std::string(lead, 'x') + canary(kind, text);
                }).ok());
  }
  EXPECT_EQ(everything().find("canary"), std::string::npos);
  EXPECT_EQ(everything().find("cana"), std::string::npos) << "nor half of one";
  for (const std::string& line : all_lines()) EXPECT_LE(line.size(), kMostTextBytes * 6 * kTexts + 2000);
  EXPECT_TRUE(check().ok());
}

TEST_F(CanaryTest, TextsThatAreNoTextAreWrittenAsOne) {
  const auto log = open(redacting());
  const std::string ugly[] = {std::string("\0\n\r\x1f\x7f\"\\", 7),
                              "\xff\xfe\xc0\x80",
                              "\xed\xa0\x80",
                              "\",\"hash\":\"",
                              std::string(5000, '\n'),
                              std::string(300, '\x01')};
  for (const std::string& text : ugly)
    ASSERT_TRUE(write_all(*log, [&text](size_t, size_t) { return text; }).ok());
  const auto all = all_lines();
  EXPECT_EQ(all.size(), 1 + std::size(ugly) * kKinds) << "one line each";
  for (const std::string& line : all) EXPECT_TRUE(json::parse(line).ok()) << line;
  EXPECT_TRUE(check().ok());
}

TEST_F(CanaryTest, WhatGoesWrongTellsNoText) {
  AuditOptions given = redacting();
  given.most_queued_bytes = 100;
  const auto full = open(given);
  EXPECT_FALSE(full->append(tool_record(canary(0, 0)).set(Text::kRun, std::string(200, 'r'))).ok());
  std::string said =
      full->append(tool_record(canary(0, 0)).set(Text::kRun, std::string(200, 'r'))).to_string();
  const auto log = open(redacting());
  ASSERT_TRUE(log->append(tool_record(canary(0, 1))).ok());
  const std::string file = files().back();
  write_whole(file, read_whole(file).substr(0, 40));
  said += log->append(tool_record(canary(0, 2))).to_string();
  said += log->sign().to_string();
  said += log->stats().head_problem.to_string();
  said += open_failure(redacting());
  EXPECT_NE(said.find("audit_log_damaged"), std::string::npos) << said;
  EXPECT_EQ(said.find("canary"), std::string::npos) << said;
  EXPECT_EQ(everything().find("canary"), std::string::npos);
}

TEST_F(CanaryTest, ARedactorThatMakesATextLongerIsCut) {
  AuditOptions given = options();
  given.redact = [](std::string_view) { return std::string(100'000, 'r'); };
  const auto log = open(given);
  ASSERT_TRUE(write_all(*log, canary).ok());
  EXPECT_LT(lines().back().size(), kMostTextBytes * kTexts + 2000);
  EXPECT_TRUE(check().ok());
}

}  // namespace
}  // namespace tau::observe
