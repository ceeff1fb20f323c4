// The log as its writers know it: what is on the disk, and what happens when things go wrong.
#include <sys/stat.h>

#include <thread>

#include "json/json.h"
#include "observe/fixture.h"
#include "support/private_mount.h"

namespace tau::observe {
namespace {

class LogTest : public LogFixture {};

TEST_F(LogTest, ARecordIsALineWithAllThatItWasGiven) {
  const auto log = open();
  clock_.set_wall_ms(1'700'000'000'123);
  const crypto::Digest digest = crypto::blake2b("arguments");
  ASSERT_TRUE(log->append(Record(Kind::kToolDecided)
                              .set(Text::kPrincipal, "alice")
                              .set(Text::kTool, "bash")
                              .set(Text::kDecision, "deny")
                              .set(Text::kReason, "denied_by_policy")
                              .set(Text::kIntegrity, "user,tool:read")
                              .set(Number::kPolicyEpoch, 3)
                              .set(Number::kArgumentBytes, 0)
                              .set(Hash::kArguments, digest))
                  .ok());
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  const json::Value first = *json::parse(all[0]);
  EXPECT_EQ(first["kind"].as_string(), "log.begun");
  EXPECT_EQ(first["prev"].as_string(), std::string(64, '0'));
  const json::Value value = *json::parse(all[1]);
  EXPECT_EQ(value["v"].as_int(), 1);
  EXPECT_EQ(value["seq"].as_int(), 2);
  EXPECT_EQ(value["time_ms"].as_int(), 1'700'000'000'123);
  EXPECT_EQ(value["kind"].as_string(), "tool.decided");
  EXPECT_EQ(value["principal"].as_string(), "alice");
  EXPECT_EQ(value["decision"].as_string(), "deny");
  EXPECT_EQ(value["reason"].as_string(), "denied_by_policy");
  EXPECT_EQ(value["integrity"].as_string(), "user,tool:read");
  EXPECT_EQ(value["policy_epoch"].as_int(), 3);
  EXPECT_EQ(value["argument_bytes"].as_int(-1), 0) << "0 is a number, not its absence";
  EXPECT_EQ(value["arguments_blake2b"].as_string(), crypto::hex(digest));
  EXPECT_EQ(value["prev"].as_string(), first["hash"].as_string());
  EXPECT_FALSE(value.contains("session"));
  EXPECT_EQ(value.size(), 14u);
}

TEST_F(LogTest, FilesAreForThisUserAlone) {
  const auto log = open();
  for (const char* name : {"", "/lock", "/head.json", "/audit-00000000000000000001.jsonl"}) {
    struct stat st;
    ASSERT_EQ(::stat((folder_ + name).c_str(), &st), 0) << name;
    EXPECT_EQ(st.st_mode & 0077u, 0u) << name;
  }
}

TEST_F(LogTest, ItGoesOnWhereItStopped) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open()->append(tool_record()).ok());
  const Verification found = check();
  EXPECT_TRUE(found.ok()) << found.reason;
  EXPECT_EQ(found.records, 4u);
  EXPECT_EQ(found.signed_seq, 4u) << "the end of a writer signs";
  EXPECT_EQ(found.key_id, key_.key_id());
}

TEST_F(LogTest, HeadsComeByCountAndByTime) {
  AuditOptions given = options();
  given.head_every_records = 3;
  const auto log = open(given);
  EXPECT_EQ(check().signed_seq, 1u);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_EQ(check().signed_seq, 1u);
  ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_EQ(check().signed_seq, 4u);
  ASSERT_TRUE(log->append(tool_record()).ok());
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(check().signed_seq, 4u);
  clock_.advance_ms(given.head_every_ms);
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(check().signed_seq, 5u);
  ASSERT_TRUE(log->append(tool_record()).ok());
  ASSERT_TRUE(log->sign().ok());
  EXPECT_EQ(check().signed_seq, 6u);
}

TEST_F(LogTest, TheChainGoesThroughAllFiles) {
  AuditOptions given = options();
  given.max_file_bytes = 1000;
  const auto log = open(given);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_GT(files().size(), 10u);
  for (const std::string& file : files()) EXPECT_LE(std::filesystem::file_size(file), 1000u);
  const Verification found = check();
  EXPECT_TRUE(found.ok()) << found.reason << " " << found.file;
  EXPECT_EQ(found.records, 51u);
  const auto again = open(given);
  ASSERT_TRUE(again->append(tool_record()).ok());
  EXPECT_TRUE(check().ok());
}

TEST_F(LogTest, AnOldFileIsClosedByAge) {
  AuditOptions given = options();
  given.max_file_age_ms = 1000;
  const auto log = open(given);
  clock_.advance_ms(999);
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(files().size(), 1u);
  clock_.advance_ms(1);
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(files().size(), 2u);
  EXPECT_TRUE(check().ok()) << "also with a file that has no record yet";
  clock_.advance_ms(10'000);
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(files().size(), 2u) << "one without records is not old";
  ASSERT_TRUE(open(given)->append(tool_record()).ok());
  EXPECT_TRUE(check().ok());
}

TEST_F(LogTest, RetentionCutsWholeFilesAndSaysSo) {
  AuditOptions given = options();
  given.max_file_bytes = 1000;
  given.keep_bytes = 3000;
  auto log = open(given);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  const size_t before = files().size();
  while (files().size() > 4) {
    const size_t then = files().size();
    ASSERT_TRUE(log->maintain().ok());
    ASSERT_LE(files().size(), then);
    const Verification found = check();
    ASSERT_TRUE(found.ok()) << found.reason << " " << found.file;
    ASSERT_GT(found.first_seq, 1u);
  }
  EXPECT_LT(files().size(), before);
  int cuts = 0;
  for (const std::string& line : lines()) cuts += line.find("\"log.cut\"") != line.npos;
  EXPECT_GT(cuts, 0);
  log = open(given);
  ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_TRUE(check().ok());
}

TEST_F(LogTest, RetentionByAgeKeepsWhatIsYoung) {
  AuditOptions given = options();
  given.max_file_age_ms = 1000;
  given.keep_ms = 5000;
  const auto log = open(given);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(log->append(tool_record()).ok());
    clock_.advance_ms(1000);
    ASSERT_TRUE(log->maintain().ok());
  }
  const Verification found = check();
  EXPECT_TRUE(found.ok()) << found.reason;
  const json::Value oldest = *json::parse(lines()[0]);
  EXPECT_GE(oldest["time_ms"].as_int(), clock_.wall_ms() - 6000);
  EXPECT_LE(oldest["time_ms"].as_int(), clock_.wall_ms() - 4000);
}

TEST_F(LogTest, RetentionRemovesNothingThatItCannotVouchFor) {
  AuditOptions given = options();
  given.max_file_bytes = 1000;
  const auto log = open(given);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  std::string bytes = read_whole(files()[0]);
  bytes[100] ^= 1;
  write_whole(files()[0], bytes);
  given.keep_bytes = 3000;
  const size_t before = files().size();
  const auto other = open(given);
  const Status status = other->maintain();
  EXPECT_EQ(status.reason(), "audit_log_damaged") << status.to_string();
  EXPECT_NE(std::string(status.message()).find("audit-00000000000000000001.jsonl, line 1"), std::string::npos)
      << status.message();
  EXPECT_EQ(files().size(), before);
  EXPECT_TRUE(other->append(tool_record()).ok()) << "old damage does not stop what is new";
}

TEST_F(LogTest, ATornLineIsCutAndRecorded) {
  for (const std::string& torn : {std::string("{\"v\":1,\"se"), std::string(4, '\0'), std::string("x")}) {
    ASSERT_TRUE(open()->append(tool_record()).ok());
    const std::string file = files().back();
    const std::string whole = read_whole(file);
    write_whole(file, whole + torn);
    EXPECT_EQ(check().reason, "torn_line");
    const auto log = open();
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->stats().repaired_bytes, torn.size());
    const json::Value last = *json::parse(lines().back());
    EXPECT_EQ(last["kind"].as_string(), "log.repaired");
    EXPECT_EQ(last["count"].as_uint(), torn.size());
    ASSERT_TRUE(log->append(tool_record()).ok());
    EXPECT_TRUE(check().ok());
  }
}

TEST_F(LogTest, OtherDamageIsReportedAndLeftAsItIs) {
  {
    const auto log = open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  }
  const std::string file = files()[0];
  const std::string good = read_whole(file);
  const auto all = lines_of(good);
  const auto join = [](const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += part + "\n";
    return out;
  };
  std::string flipped = good;
  flipped[all[0].size() + 50] ^= 4;
  const std::pair<std::string, std::string> cases[] = {
      {"a flipped bit", flipped},
      {"a torn line after damage", flipped + "{\"v\":"},
      {"a dropped record", join({all[0], all[1], all[3], all[4], all[5]})},
      {"a missing end", join({all[0], all[1]})},
      {"half of a signed record", good.substr(0, good.size() - 10)},
      {"an empty file", ""},
  };
  for (const auto& [what, bytes] : cases) {
    SCOPED_TRACE(what);
    write_whole(file, bytes);
    EXPECT_EQ(open_failure(), "audit_log_damaged");
    EXPECT_EQ(read_whole(file), bytes);
  }
}

TEST_F(LogTest, LostFilesAndRollbacksAreNoticedByTheAnchor) {
  ASSERT_TRUE(open()->append(tool_record()).ok());
  std::filesystem::copy(folder_, dir_.file("older"), std::filesystem::copy_options::recursive);
  ASSERT_TRUE(open()->append(tool_record()).ok());
  std::filesystem::rename(folder_, dir_.file("newer"));
  std::filesystem::rename(dir_.file("older"), folder_);
  EXPECT_EQ(open_failure(), "audit_log_rolled_back");
  EXPECT_EQ(check().reason, "head_replayed");
  EXPECT_TRUE(check(folder_, "").ok()) << "without an anchor it is what it was";
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(open_failure(), "audit_log_missing");
  AuditOptions given = options();
  given.replace_lost = true;
  ASSERT_TRUE(open(given)->append(tool_record()).ok());
  const Verification found = check();
  EXPECT_TRUE(found.ok()) << found.reason;
  EXPECT_EQ(found.first_seq, 4u);
  EXPECT_EQ((*json::parse(lines()[0]))["reason"].as_string(), "anchored_log_missing");
  EXPECT_TRUE(check(folder_, read_whole(dir_.file("newer") + "/head.json")).ok())
      << "the chain goes on from the record that the old head names";
}

TEST_F(LogTest, AHeadOfAnotherKeyIsNotAccepted) {
  ASSERT_TRUE(open()->append(tool_record()).ok());
  AuditOptions given = options();
  HmacKey other = make_key('o');
  given.signer = &other;
  given.keys = &other;
  EXPECT_EQ(open_failure(given), "unknown_key");
  given.anchor = nullptr;
  EXPECT_EQ(open_failure(given), "unknown_key");
  given.signer = nullptr;
  given.keys = nullptr;
  ASSERT_TRUE(open(given)->append(tool_record()).ok()) << "who asks for no signature gets none";
  EXPECT_EQ(open_failure(), "unknown_key") << "a head that says none is not signed";
}

TEST_F(LogTest, AKeyThatWasChangedStillCounts) {
  ASSERT_TRUE(open()->append(tool_record()).ok());
  HmacKey fresh = make_key('f');
  const KeyRing both({&key_, &fresh});
  AuditOptions given = options();
  given.signer = &fresh;
  given.keys = &both;
  const std::string old_head = anchor_.head;
  ASSERT_TRUE(open(given)->append(tool_record()).ok());
  EXPECT_EQ(open_failure(), "unknown_key");
  const auto found = [&](const HeadKeys* keys) {
    return *verify({.directory = folder_, .anchored_head = old_head, .keys = keys});
  };
  EXPECT_TRUE(found(&both).ok());
  EXPECT_EQ(found(&both).key_id, fresh.key_id());
  EXPECT_EQ(found(&fresh).reason, "unknown_key") << "of the head that was kept";
  std::string forged = read_whole(folder_ + "/head.json");
  forged[forged.size() - 10] = forged[forged.size() - 10] == '0' ? '1' : '0';
  write_whole(folder_ + "/head.json", forged);
  EXPECT_EQ(found(&both).reason, "bad_signature");
  EXPECT_EQ(KeyRing({}).check("hmac-sha256", "x", "y", "z").reason(), "unknown_key");
}

TEST_F(LogTest, RecordsOfTheLogItselfAreTakenFromNobody) {
  const auto log = open();
  for (const Kind kind : {Kind::kLogBegun, Kind::kLogRepaired, Kind::kLogCut, Kind::kLogLost}) {
    EXPECT_EQ(log->append(Record(kind)).reason(), "reserved_kind");
    EXPECT_EQ(log->submit(Record(kind)).reason(), "reserved_kind");
  }
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(LogTest, ManyThreadsShareCommits) {
  const auto log = open();
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(log->append(tool_record()).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const AuditStats stats = log->stats();
  EXPECT_EQ(stats.records, kThreads * kEach + 1u);
  EXPECT_LE(stats.commits, stats.records);
  EXPECT_TRUE(check().ok());
  EXPECT_EQ(check().records, kThreads * kEach + 1u);
}

TEST_F(LogTest, WritersOfOneLogTakeTurns) {
  AuditOptions given = options();
  given.max_file_bytes = 2000;
  given.keep_bytes = 6000;
  given.anchor = nullptr;
  given.lock_patience_ms = 60'000;
  std::vector<std::unique_ptr<AuditLog>> logs;
  for (int i = 0; i < 4; ++i) logs.push_back(open(given));
  std::vector<std::thread> threads;
  for (const auto& log : logs) {
    threads.emplace_back([&log] {
      for (int i = 0; i < 60; ++i) {
        const Status status = log->append(tool_record());
        EXPECT_TRUE(status.ok()) << status.to_string();
        if (i % 10 == 9) { EXPECT_TRUE(log->maintain().ok()); }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  logs.clear();
  const Verification found = check(folder_, "");
  EXPECT_TRUE(found.ok()) << found.reason << " " << found.file << " " << found.line;
  EXPECT_GE(found.last_seq, 241u);
}

TEST_F(LogTest, AWriterThatSleptThroughManyCutsGoesOn) {
  AuditOptions given = options();
  given.max_file_bytes = 500;
  given.keep_bytes = 1000;
  given.anchor = nullptr;
  const auto sleeper = open(given);
  {
    const auto busy = open(given);
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(busy->append(tool_record()).ok());
      ASSERT_TRUE(busy->maintain().ok());
    }
  }
  ASSERT_TRUE(sleeper->append(tool_record()).ok());
  EXPECT_TRUE(check(folder_, "").ok());
}

TEST_F(LogTest, TheQueueIsBoundedAndSaysWhatItRefused) {
  AuditOptions given = options();
  given.most_queued_bytes = 3000;
  const auto log = open(given);
  int taken = 0;
  while (log->submit(tool_record()).ok()) ++taken;
  EXPECT_GT(taken, 2);
  EXPECT_LT(taken, 10);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(log->submit(tool_record()).reason(), "audit_queue_full");
  EXPECT_EQ(log->append(tool_record()).reason(), "audit_queue_full");
  EXPECT_EQ(lines().size(), 1u) << "submit writes nothing";
  ASSERT_TRUE(log->flush().ok());
  const json::Value gap = *json::parse(lines()[1]);
  EXPECT_EQ(gap["kind"].as_string(), "log.lost");
  EXPECT_EQ(gap["count"].as_int(), 6);
  EXPECT_EQ(gap["reason"].as_string(), "audit_queue_full");
  EXPECT_EQ(lines().size(), 2u + static_cast<size_t>(taken));
  EXPECT_EQ(log->stats().lost, 6u);
  EXPECT_TRUE(log->append(tool_record()).ok());
}

TEST_F(LogTest, AnAnchorThatFailsStopsNoRecordAndShows) {
  AuditOptions given = options();
  given.head_every_records = 1;
  const auto log = open(given);
  anchor_.failure = unavailable("no_database", "gone");
  EXPECT_TRUE(log->append(tool_record()).ok());
  EXPECT_EQ(log->stats().head_problem.reason(), "no_database");
  EXPECT_EQ(log->maintain().reason(), "no_database");
  anchor_.failure = ok_status();
  EXPECT_TRUE(log->append(tool_record()).ok());
  EXPECT_TRUE(log->stats().head_problem.ok());
  EXPECT_TRUE(log->maintain().ok());
}

TEST_F(LogTest, AnIntervalSavesSyncs) {
  AuditOptions given = options();
  given.sync = Sync::kInterval;
  given.head_every_records = 1000;
  const auto log = open(given);
  const uint64_t before = log->stats().syncs;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  EXPECT_EQ(log->stats().syncs, before);
  clock_.advance_ms(given.sync_interval_ms);
  ASSERT_TRUE(log->maintain().ok());
  EXPECT_EQ(log->stats().syncs, before + 1);
}

TEST_F(LogTest, ALogNeedsARedactorAndASignerNeedsKeys) {
  AuditOptions given = options();
  given.redact = nullptr;
  EXPECT_EQ(open_failure(given), "no_redactor");
  given = options();
  given.keys = nullptr;
  EXPECT_EQ(open_failure(given), "no_head_keys");
}

TEST_F(LogTest, AFolderThatOthersMayEnterIsRefused) {
  std::filesystem::create_directory(folder_);
  std::filesystem::permissions(folder_, std::filesystem::perms::all);
  EXPECT_EQ(open_failure(), "directory_not_private");
}

TEST(LogOnAFullDisk, FailsClosedAndRecovers) {
  const auto passed = test::on_small_disk(256 * 1024, [](const std::string& directory) {
    test::FakeClock clock;
    HmacKey key = make_key();
    AuditOptions given;
    given.directory = directory + "/audit";
    given.redact = keep_as_is;
    given.signer = &key;
    given.keys = &key;
    given.clock = &clock;
    auto log = *AuditLog::open(given);
    write_whole(directory + "/ballast", std::string(200 * 1024, 'x'));
    Status status;
    int taken = 0;
    for (int i = 0; i < 2000 && status.ok(); ++i) {
      status = log->append(tool_record());
      if (status.ok()) ++taken;
    }
    EXPECT_EQ(status.reason(), "disk_full") << status.to_string();
    EXPECT_EQ(log->append(tool_record()).reason(), "disk_full");
    std::filesystem::remove(directory + "/ballast");
    EXPECT_TRUE(log->append(tool_record()).ok());
    EXPECT_EQ(log->stats().lost, 2u);
    EXPECT_TRUE(log->sign().ok());
    const auto found = verify({.directory = given.directory, .anchored_head = "", .keys = &key});
    ASSERT_TRUE(found.ok());
    EXPECT_TRUE(found->ok()) << found->reason << " " << found->line;
    EXPECT_EQ(found->records, static_cast<uint64_t>(taken) + 3) << "begun, lost, and the last";
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

}  // namespace
}  // namespace tau::observe
