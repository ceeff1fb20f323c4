// Processes of one home write, relate, forget, restore, purge and search memories all at once, and are killed
// at any moment: nothing that was acknowledged is lost, nothing that was forgotten comes back, nothing shows
// in another scope, and every index says what its rows say.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "memory_judge.h"
#include "memory_ledger.h"
#include "support/temp_dir.h"

namespace tau::campaign {
namespace {

constexpr int kProcesses = 2;
constexpr int kWriters = 6;  // of a process
constexpr int kReaders = 2;

uint64_t number_of(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<uint64_t>(std::atoll(text));
}

class MemoryCampaign : public testing::Test {
 protected:
  void SetUp() override {
    ledger_ = Ledger::map(dir_.file("ledger"), true);
    ASSERT_NE(ledger_, nullptr);
    ledger_->names = 96;
    ledger_->writers = kProcesses * kWriters;
  }

  void start(int process) {
    const std::string first = std::to_string(process * kWriters);
    const std::string seed = std::to_string(random_());
    const pid_t pid = ::fork();
    if (pid == 0) {
      const char* const host = std::getenv("TAU_MEMORY_HOST");
      ::execl(host, host, home_.c_str(), dir_.file("ledger").c_str(), first.c_str(),
              std::to_string(kWriters).c_str(), std::to_string(kReaders).c_str(), seed.c_str(), nullptr);
      ::_exit(9);
    }
    pids_[process] = pid;
  }

  // Whether it was killed before it ended by itself.
  bool end(int process, int signal) {
    if (signal != 0) ::kill(pids_[process], signal);
    int status = 0;
    EXPECT_EQ(::waitpid(pids_[process], &status, 0), pids_[process]);
    EXPECT_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL, SIGKILL);
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : 0, 0);
    return WIFSIGNALED(status);
  }

  // Everybody works; some are killed and begin again, at last all end, by themselves or not.
  void round(int kills, int most_ms, bool gently) {
    ledger_->stop = 0;
    for (int i = 0; i < kProcesses; ++i) start(i);
    for (int i = 0; i < kills && !ledger_->over(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(
          most_ms / 4 + static_cast<int>(random_() % static_cast<unsigned>(most_ms))));
      const int process = static_cast<int>(random_() % kProcesses);
      kills_ += end(process, SIGKILL);
      start(process);
    }
    if (gently) ledger_->stop = 1;
    for (int i = 0; i < kProcesses; ++i) kills_ += end(i, gently ? 0 : SIGKILL);
  }

  void judge() {
    for (const std::string& problem : judge_home(home_, *ledger_)) ADD_FAILURE() << problem;
    const uint32_t count = std::min<uint32_t>(ledger_->problems, Ledger::kMostProblems);
    for (uint32_t i = 0; i < count; ++i) ADD_FAILURE() << ledger_->problem_texts[i];
    EXPECT_EQ(ledger_->problems, 0u);
  }

  void report(int rounds) const {
    std::printf("memory campaign: %llu operations, %d kills, %d rounds;",
                static_cast<unsigned long long>(ledger_->operations()), kills_, rounds);
    for (int i = 0; i < kCounts; ++i)
      std::printf(" %s %llu", count_name(i), static_cast<unsigned long long>(ledger_->counts[i].load()));
    std::printf("\n");
  }

  const test::TempDir dir_;
  const std::string home_ = dir_.file("home");
  Ledger* ledger_ = nullptr;
  pid_t pids_[kProcesses] = {};
  int kills_ = 0;
  std::mt19937 random_{static_cast<unsigned>(number_of("TAU_MEMORY_SEED", std::random_device()()))};
};

TEST_F(MemoryCampaign, NothingIsLostComesBackOrCrosses) {
  const uint64_t rounds = number_of("TAU_MEMORY_ROUNDS", 3);
  ledger_->target = number_of("TAU_MEMORY_OPERATIONS", 0);
  const int most_ms = static_cast<int>(number_of("TAU_MEMORY_LIFE_MS", 400));
  uint64_t done = 0;
  for (; done < rounds && !HasFailure() && !ledger_->done(); ++done) {
    round(4, most_ms, done % 2 == 0);
    judge();
  }
  report(static_cast<int>(done));
  EXPECT_GT(ledger_->counts[kSearches], 0u);
  EXPECT_GT(ledger_->counts[kPurges], 0u);
}

}  // namespace
}  // namespace tau::campaign
