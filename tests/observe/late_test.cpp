// A log that is opened late, told receipts, copies, cursors, and the keys of Ed25519.
#include "json/json.h"
#include "observe/fixture.h"

namespace tau::observe {
namespace {

class LateLog : public LogFixture {
 protected:
  std::unique_ptr<AuditLog> prepare(AuditLog::Complete complete = nullptr) {
    auto log = AuditLog::prepare(options(), std::move(complete));
    EXPECT_TRUE(log.ok()) << log.status().to_string();
    return log.ok() ? *std::move(log) : nullptr;
  }
};

TEST_F(LateLog, NothingIsTouchedBeforeTheFirstWrite) {
  {
    const auto log = prepare();
    ASSERT_TRUE(log->submit(tool_record()).ok());
    EXPECT_FALSE(std::filesystem::exists(folder_));
    ASSERT_TRUE(log->flush().ok());
    EXPECT_EQ(lines().size(), 2u);
  }
  EXPECT_TRUE(check().ok());
  std::filesystem::remove_all(folder_);
  anchor_.head.clear();
  prepare().reset();
  EXPECT_FALSE(std::filesystem::exists(folder_)) << "nor by one that had nothing to write";
}

TEST_F(LateLog, WhatCannotBeOpenedIsTriedAgainAfterAWhile) {
  bool broken = true;
  int attempts = 0;
  const auto log = prepare([&](AuditOptions&) {
    ++attempts;
    return broken ? unavailable("not_now", "") : ok_status();
  });
  EXPECT_EQ(log->append(tool_record("a")).reason(), "not_now");
  EXPECT_EQ(log->append(tool_record("b")).reason(), "not_now");
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(log->stats().problem.reason(), "not_now");
  broken = false;
  clock_.advance_ns(AuditLog::kReopenMs * kNanosPerMilli);
  ASSERT_TRUE(log->append(tool_record("c")).ok());
  EXPECT_EQ((*json::parse(lines()[1]))["kind"].as_string(), "log.lost");
  EXPECT_EQ((*json::parse(lines()[1]))["count"].as_int(), 2);
  EXPECT_TRUE(log->stats().problem.ok());
}

TEST_F(LateLog, EachRecordsReceiptSaysWhatBecameOfIt) {
  bool broken = true;
  const auto log = prepare([&](AuditOptions&) { return broken ? unavailable("not_now", "") : ok_status(); });
  std::vector<std::string> told;
  const auto tell = [&told](const Status& status) {
    told.emplace_back(status.ok() ? "ok" : status.reason());
  };
  ASSERT_TRUE(log->submit(tool_record(), tell).ok());
  ASSERT_TRUE(log->submit(tool_record(), tell).ok());
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(log->flush().ok());
  EXPECT_EQ(told, (std::vector<std::string>{"not_now", "not_now"}));
  broken = false;
  clock_.advance_ns(AuditLog::kReopenMs * kNanosPerMilli);
  ASSERT_TRUE(log->submit(tool_record(), tell).ok());
  ASSERT_TRUE(log->flush().ok());
  EXPECT_EQ(told.back(), "ok");
}

TEST_F(LateLog, TheTimeOfARecordIsThatOfItsSubmission) {
  const auto log = prepare();
  clock_.set_wall_ms(1'000);
  ASSERT_TRUE(log->submit(tool_record()).ok());
  ASSERT_TRUE(log->submit(tool_record().at(500)).ok());
  clock_.set_wall_ms(9'000);
  ASSERT_TRUE(log->flush().ok());
  EXPECT_EQ((*json::parse(lines()[1]))["time_ms"].as_int(), 1'000);
  EXPECT_EQ((*json::parse(lines()[2]))["time_ms"].as_int(), 500);
}

TEST_F(LateLog, ATextIsKeptAsLongAsItsRecordAndATooLongOneOnlyByItsSize) {
  const auto log = prepare();
  {
    std::string name(40, 'n');
    const std::string large(kMostInputBytes + 1, 'x');
    ASSERT_TRUE(log->submit(tool_record(name).set(Text::kTarget, large)).ok());
    name.assign(40, '?');
  }
  ASSERT_TRUE(log->flush().ok());
  const json::Value record = *json::parse(lines()[1]);
  EXPECT_EQ(record["tool"].as_string(), std::string(40, 'n'));
  EXPECT_EQ(record["target"].as_string(), "[TOO LONG: 4097 BYTES]");
}

TEST_F(LateLog, ACopyOfALogThatIsWrittenToVerifies) {
  AuditOptions given = options();
  given.max_file_bytes = 700;
  const auto log = open(given);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_TRUE(is_log(folder_));
  EXPECT_FALSE(is_log(dir_.path()));
  const std::string copy = dir_.file("copy");
  ASSERT_TRUE(copy_log(folder_, copy).ok());
  ASSERT_TRUE(log->append(tool_record()).ok());
  const Verification found = check(copy, "");
  EXPECT_TRUE(found.ok()) << found.reason;
  EXPECT_EQ(found.records, 9u);
  EXPECT_FALSE(std::filesystem::exists(copy + "/lock"));
}

TEST_F(LateLog, ACursorFindsItsPlaceAgain) {
  AuditOptions given = options();
  given.max_file_bytes = 700;
  const auto log = open(given);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  std::vector<std::string> seen;
  std::string cursor = Tail::begin(folder_)->cursor();
  for (size_t got = 1; got != 0;) {
    auto tail = Tail::resume(folder_, cursor);
    ASSERT_TRUE(tail.ok()) << tail.status().to_string();
    const auto more = tail->poll(seen, 2);
    ASSERT_TRUE(more.ok());
    got = *more;
    EXPECT_LE(got, 2u);
    cursor = tail->cursor();
  }
  EXPECT_EQ(seen, lines());
  std::filesystem::remove(files().front());  // as old
  seen.clear();
  auto tail = Tail::resume(folder_, "1:0");
  ASSERT_TRUE(tail.ok()) << tail.status().to_string();
  ASSERT_TRUE(tail->poll(seen).ok());
  EXPECT_EQ(seen, lines()) << "goes on with the next file";
}

TEST(Ed25519Heads, OnlyKnownKeysCount) {
  auto key = Ed25519Key::make(Secret(std::string(32, 's')));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(Ed25519Key::make(Secret("short")).status().reason(), "invalid_length");
  const std::string id = key->key_id();
  EXPECT_EQ(id.size(), 64u);
  const std::string signature = *key->sign("text");
  const auto check = [&](Ed25519Keys::Options options, std::string_view algorithm, std::string_view text) {
    const auto keys = Ed25519Keys::make(std::move(options));
    EXPECT_TRUE(keys.ok());
    const Status status = keys->check(algorithm, id, text, signature);
    return status.ok() ? std::string("ok") : std::string(status.reason());
  };
  const std::string other = Ed25519Key::make(Secret(std::string(32, 'o')))->key_id();
  EXPECT_EQ(check({.public_keys = {other, id}}, "ed25519", "text"), "ok");
  EXPECT_EQ(check({.public_keys = {id}}, "ed25519", "other"), "bad_signature");
  EXPECT_EQ(check({.public_keys = {other}}, "ed25519", "text"), "unknown_key");
  EXPECT_EQ(check({.any = true}, "ed25519", "text"), "ok");
  EXPECT_EQ(check({.any = true}, "ed25519", "other"), "bad_signature");
  EXPECT_EQ(check({.public_keys = {id}}, "none", "text"), "unknown_key");
  EXPECT_EQ(check({.public_keys = {id}, .unsigned_too = true}, "none", "text"), "ok");
  EXPECT_EQ(check({.public_keys = {id}}, "hmac-sha256", "text"), "unknown_key");
  EXPECT_EQ(Ed25519Keys::make({.public_keys = {"00"}}).status().reason(), "invalid_key");
  EXPECT_EQ(Ed25519Keys::make({.public_keys = {std::string(64, '0')}}).status().reason(), "invalid_key");
}

}  // namespace
}  // namespace tau::observe
