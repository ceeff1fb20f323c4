// A writer that fails or dies anywhere leaves a log that opens, verifies, and has all that was acknowledged.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>

#include "credential/os_calls.h"
#include "json/json.h"
#include "observe/fixture.h"
#include "os/os.h"
#include "support/doomed_child.h"

namespace tau::observe {
namespace {

using test::OsCalls;

// Keeps heads in a file of its own.
class FileAnchor final : public HeadAnchor {
 public:
  explicit FileAnchor(std::string path) : path_(std::move(path)) {}
  StatusOr<std::string> load() override {
    if (!os::path_exists(path_)) return std::string();
    return os::read_file(path_, 4096);
  }
  Status store(std::string_view head) override { return os::write_private_file(path_, head); }

 private:
  const std::string path_;
};

class CrashTest : public LogFixture {
 protected:
  struct Operation {
    std::string name;
    std::function<Status(AuditLog&)> run;
    bool appends = true;  // one record of the tool "new"
  };

  // A log, and all that it holds on to: each process makes its own, since keys do not get through fork().
  struct Writing {
    explicit Writing(const CrashTest& test) : anchor(test.dir_.file("anchor")) {
      options.directory = test.folder_;
      options.redact = keep_as_is;
      options.signer = &key;
      options.keys = &key;
      options.anchor = &anchor;
      options.clock = &clock;
      options.max_file_bytes = 1100;
      options.keep_bytes = 3000;
      options.head_every_records = 4;
      options.lock_patience_ms = 10'000;
    }
    std::unique_ptr<AuditLog> open() {
      auto log = AuditLog::open(options);
      EXPECT_TRUE(log.ok()) << log.status().to_string();
      return log.ok() ? *std::move(log) : nullptr;
    }
    test::FakeClock clock;
    HmacKey key = make_key();
    FileAnchor anchor;
    AuditOptions options;
  };

  void build(int records) const {
    Writing writing(*this);
    writing.options.keep_bytes = 0;
    const auto log = writing.open();
    for (int i = 0; i < records; ++i) ASSERT_TRUE(log->append(tool_record()).ok());
  }
  void save() const {
    std::filesystem::remove_all(dir_.file("saved"));
    std::filesystem::copy(folder_, dir_.file("saved"));
    std::filesystem::copy_file(dir_.file("anchor"), dir_.file("saved-anchor"),
                               std::filesystem::copy_options::overwrite_existing);
  }
  void restore() const {
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(dir_.file("saved"), folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::copy_file(dir_.file("saved-anchor"), dir_.file("anchor"),
                               std::filesystem::copy_options::overwrite_existing);
  }
  static std::vector<Operation> operations() {
    const auto append = [](AuditLog& log) { return log.append(tool_record("new")); };
    return {
        {"append", append},
        {"append and sign",
         [append](AuditLog& log) {
           const Status status = append(log);
           (void)log.sign();
           return status;
         }},
        {"append to a new file",
         [append](AuditLog& log) {
           for (int i = 0; i < 3; ++i) (void)log.append(tool_record());
           return append(log);
         }},
        {"cut", [](AuditLog& log) { return log.maintain(); }, false},
    };
  }
  // The log is whole and goes on; the new record is there when that was promised.
  void check(const Operation& operation, bool acknowledged, int at) const {
    SCOPED_TRACE(operation.name + " harmed at call " + std::to_string(at));
    Writing writing(*this);
    const auto log = writing.open();
    ASSERT_NE(log, nullptr);
    ASSERT_TRUE(log->append(tool_record("after")).ok());
    ASSERT_TRUE(log->sign().ok());
    const Verification found = LogFixture::check(folder_, *writing.anchor.load());
    ASSERT_TRUE(found.ok()) << found.reason << " " << found.file << ":" << found.line;
    int news = 0;
    for (const std::string& line : lines()) news += line.find("\"new\"") != line.npos;
    EXPECT_LE(news, 1);
    if (acknowledged && operation.appends) { EXPECT_EQ(news, 1); }
  }
};

TEST_F(CrashTest, EveryFailedCallLeavesALogThatGoesOn) {
  build(12);
  save();
  int points = 0;
  for (const Operation& operation : operations()) {
    for (const int error : {EIO, ENOSPC, 0}) {  // 0: a short write
      for (int at = 1;; ++at) {
        restore();
        int calls = 0;
        Status status;
        {
          Writing writing(*this);
          const auto log = writing.open();
          const OsCalls harm(error == 0 ? OsCalls::Harm::kShort : OsCalls::Harm::kFail, at, error);
          status = operation.run(*log);
          calls = harm.count();
        }
        if (calls < at) break;
        ++points;
        if (error == 0) { EXPECT_TRUE(status.ok()) << status.to_string(); }
        check(operation, status.ok(), at);
        if (HasFatalFailure() || HasFailure()) return;
      }
    }
  }
  std::printf("%d failed calls\n", points);
  EXPECT_GE(points, 100);
}

TEST_F(CrashTest, DeathBeforeOrWithinEveryCallLeavesALogThatGoesOn) {
  build(12);
  save();
  int points = 0;
  for (const Operation& operation : operations()) {
    for (const OsCalls::Harm harm : {OsCalls::Harm::kKill, OsCalls::Harm::kTear}) {
      for (int at = 1;; ++at) {
        restore();
        const auto outcome = test::outcome_in_child([&] {
          Writing writing(*this);
          const auto log = writing.open();
          const OsCalls plan(harm, at);
          return operation.run(*log).ok();
        });
        if (outcome) {
          ASSERT_TRUE(*outcome);
          check(operation, true, at);
          break;
        }
        ++points;
        check(operation, false, at);
        if (HasFatalFailure() || HasFailure()) return;
      }
    }
  }
  std::printf("%d deaths\n", points);
  EXPECT_GE(points, 60);
}

TEST_F(CrashTest, KillingAWriterAtRandomLosesNothingAcknowledged) {
  build(1);
  const char* const setting = std::getenv("TAU_AUDIT_KILLS");
  const int kills = setting != nullptr ? std::atoi(setting) : 50;
  std::minstd_rand random(7);
  int next = 0;
  uint64_t repairs = 0;
  for (int round = 0; round < kills; ++round) {
    const int wanted = static_cast<int>(random() % 6);
    const unsigned spin = random() % 200'000;
    const int last = test::killed_in_steps(next, wanted, spin, [&] {
      auto writing = std::make_shared<Writing>(*this);
      writing->options.sync = round % 2 == 0 ? Sync::kEveryCommit : Sync::kInterval;
      return [writing, log = writing->open()](int i) {
        const std::string run = "run_" + std::to_string(i);
        return log->append(tool_record().set(Text::kRun, run)).ok() && (i % 7 != 0 || log->maintain().ok());
      };
    });
    ASSERT_FALSE(HasFailure());

    Writing writing(*this);
    {
      const auto log = writing.open();
      ASSERT_NE(log, nullptr) << "after death " << round;
      repairs += log->stats().repaired_bytes != 0;
    }
    const Verification found = LogFixture::check(folder_, *writing.anchor.load());
    ASSERT_TRUE(found.ok()) << found.reason << " " << found.file << ":" << found.line;
    int newest = -1;
    int expected = -1;
    for (const std::string& line : lines()) {
      const json::Value record = *json::parse(line);
      const std::string_view run = record["run"].as_string();
      if (run.empty()) continue;
      newest = std::atoi(std::string(run.substr(4)).c_str());
      if (expected != -1) { ASSERT_EQ(newest, expected) << "none is missing in between"; }
      expected = newest + 1;
    }
    ASSERT_GE(newest, last) << "after death " << round;
    ASSERT_LE(newest, last + 1) << "nothing was written ahead";
    next = newest + 1;
  }
  std::printf("%d kills, %d records, %llu torn lines\n", kills, next,
              static_cast<unsigned long long>(repairs));
}

TEST_F(CrashTest, ProcessesTakeTurnsAndOutliveTheDeathOfOne) {
  build(1);
  constexpr int kProcesses = 4;
  constexpr int kEach = 40;
  std::vector<pid_t> children;
  for (int child = 0; child <= kProcesses; ++child) {
    const pid_t pid = fork();
    if (pid == 0) {
      Writing writing(*this);
      writing.options.keep_bytes = 0;
      writing.options.lock_patience_ms = 120'000;
      auto log = AuditLog::open(writing.options);
      for (int i = 0; log.ok() && (child == kProcesses || i < kEach); ++i) {
        const std::string run = format("run_{}_{}", child, i);
        if (!(*log)->append(tool_record().set(Text::kRun, run)).ok()) _exit(1);
      }
      _exit(log.ok() ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (unsigned spin = 20'000'000; spin > 0; --spin) asm volatile("");
  ::kill(children.back(), SIGKILL);
  for (const pid_t pid : children) {
    int status = -1;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(pid == children.back() ? WIFSIGNALED(status) : status == 0);
  }
  Writing writing(*this);
  writing.options.keep_bytes = 0;
  ASSERT_NE(writing.open(), nullptr);
  const Verification found = LogFixture::check(folder_, *writing.anchor.load());
  EXPECT_TRUE(found.ok()) << found.reason << " " << found.file << ":" << found.line;
  std::map<std::string, int> seen;
  for (const std::string& line : lines()) {
    const json::Value record = *json::parse(line);
    if (record.contains("run")) ++seen[std::string(record["run"].as_string())];
  }
  for (int child = 0; child < kProcesses; ++child) {
    for (int i = 0; i < kEach; ++i) EXPECT_EQ(seen[format("run_{}_{}", child, i)], 1);
  }
}

// kill -9 alone cannot test durability: the page cache survives it. So the order of the calls is pinned.
TEST_F(CrashTest, NothingIsAcknowledgedOrSignedBeforeItIsOnDisk) {
  build(2);
  for (const Sync sync : {Sync::kEveryCommit, Sync::kInterval}) {
    Writing writing(*this);
    writing.options.sync = sync;
    writing.options.max_file_bytes = 1 << 20;
    const auto log = writing.open();
    std::vector<std::string> calls;
    size_t acknowledged = 0;
    {
      const OsCalls plan;
      ASSERT_TRUE(log->append(tool_record()).ok());
      acknowledged = plan.log().size();
      ASSERT_TRUE(log->sign().ok());
      calls = plan.log();
    }
    const auto position = [&](std::string_view call, size_t from) {
      size_t at = from;
      while (at < calls.size() && !calls[at].starts_with(call)) ++at;
      return at;
    };
    const auto descriptor = [&](size_t at) { return calls[at].substr(calls[at].find(' ')); };
    const size_t record = position("write", 0);
    const size_t synced = position("fsync", record);
    const size_t head = position("write", record + 1);
    ASSERT_LT(head, calls.size());
    EXPECT_LT(synced, head) << "no head before the records are on disk";
    EXPECT_EQ(descriptor(record), descriptor(synced));
    EXPECT_EQ(synced < acknowledged, sync == Sync::kEveryCommit);
    EXPECT_LT(position("fsync", head), position("renameat2", head)) << "no name for what is not on disk";
  }
}

TEST_F(CrashTest, AFailedSyncIsNeverTakenBack) {
  build(2);
  Writing writing(*this);
  writing.options.head_every_records = 1000;
  writing.options.max_file_bytes = 1 << 20;
  const auto log = writing.open();
  ASSERT_TRUE(log->append(tool_record()).ok());
  int syncs_at = 0;
  {
    const OsCalls plan;
    ASSERT_TRUE(log->append(tool_record()).ok());
    for (size_t i = 0; i < plan.log().size() && syncs_at == 0; ++i) {
      if (plan.log()[i].starts_with("fsync")) syncs_at = static_cast<int>(i) + 1;
    }
  }
  {
    const OsCalls plan(OsCalls::Harm::kFail, syncs_at, EIO);
    EXPECT_EQ(log->append(tool_record()).reason(), "audit_sync_failed");
  }
  EXPECT_EQ(log->append(tool_record()).reason(), "audit_sync_failed") << "until it is opened again";
  EXPECT_EQ(log->sign().reason(), "audit_sync_failed");
  Writing again(*this);
  EXPECT_TRUE(again.open()->append(tool_record()).ok());
}

}  // namespace
}  // namespace tau::observe
