// An audit log in a directory of its own, with a clock that stands still and an anchor in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "observe/observe.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace tau::observe {

class MemoryAnchor final : public HeadAnchor {
 public:
  StatusOr<std::string> load() override { return head; }
  Status store(std::string_view text) override {
    if (!failure.ok()) return failure;
    head = std::string(text);
    return ok_status();
  }
  std::string head;
  Status failure;
};

inline HmacKey make_key(char filling = 'k') { return *HmacKey::make(Secret(std::string(32, filling))); }
inline std::string keep_as_is(std::string_view text) { return std::string(text); }

inline std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
inline void write_whole(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

class LogFixture : public ::testing::Test {
 protected:
  AuditOptions options() {
    AuditOptions out;
    out.directory = folder_;
    out.redact = keep_as_is;
    out.signer = &key_;
    out.keys = &key_;
    out.anchor = &anchor_;
    out.clock = &clock_;
    return out;
  }
  std::unique_ptr<AuditLog> open() { return open(options()); }
  std::unique_ptr<AuditLog> open(AuditOptions given) {
    auto log = AuditLog::open(std::move(given));
    EXPECT_TRUE(log.ok()) << log.status().to_string();
    return log.ok() ? *std::move(log) : nullptr;
  }
  std::string open_failure(AuditOptions given) {
    return std::string(AuditLog::open(std::move(given)).status().reason());
  }
  std::string open_failure() { return open_failure(options()); }

  Verification check(const std::string& folder, const std::string& anchored) const {
    auto result = verify({.directory = folder, .anchored_head = anchored, .keys = &key_});
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    if (result.ok()) return *result;
    Verification unreadable;
    unreadable.reason = "unreadable";
    return unreadable;
  }
  Verification check() const { return check(folder_, anchor_.head); }

  // The log's files in the order of their records.
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("audit-")) out.push_back(entry.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  // All lines of all files.
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const std::string& file : files()) {
      for (std::string& line : lines_of(read_whole(file))) out.push_back(std::move(line));
    }
    return out;
  }

  test::TempDir dir_;
  const std::string folder_ = dir_.file("audit");
  test::FakeClock clock_;
  HmacKey key_ = make_key();
  MemoryAnchor anchor_;
};

inline Record tool_record(std::string_view tool = "bash") {
  return Record(Kind::kToolFinished)
      .set(Text::kTool, tool)
      .set(Text::kOutcome, "ok")
      .set(Number::kDurationMs, 12);
}

}  // namespace tau::observe
