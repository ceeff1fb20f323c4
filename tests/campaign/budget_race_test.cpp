// Four processes of one home spend one budget, and are killed at any moment, over and over: what was spent
// never passes what was lent, and that never the cap.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "provider/provider.h"
#include "runtime/loan_desk.h"
#include "support/temp_dir.h"

namespace tau {
namespace {

constexpr int kProcesses = 4;
constexpr int64_t kCap = 200'000;
// A process that dies keeps its block lent, and a block is a sixteenth of a cap: after so many rounds another
// day begins.
constexpr int kRoundsOfADay = 3;
constexpr int kMostRounds = 3'000;

// Shared by all processes. Each call notes its cost before it may count as made: as a provider would charge.
struct Bill {
  std::atomic<int64_t> spent[kMostRounds / kRoundsOfADay];  // by day
  std::atomic<int64_t> calls;
  std::atomic<int64_t> refused;
};

store::StoreOptions options(const test::TempDir& home) {
  return {.path = home.file("tau.db"), .durability = store::Durability::kRelaxed};
}

uint32_t random_below(uint32_t below) {
  uint32_t n = 0;
  system_random().fill(std::as_writable_bytes(std::span(&n, 1)));
  return n % below;
}

// Reserves, spends, settles, until it is killed or the cap is used up.
[[noreturn]] void spend(const test::TempDir& home, Bill& bill, int day) {
  auto store = store::open_store(options(home), system_clock());
  if (!store.ok()) ::_exit(3);
  auto loop = *net::EventLoop::create(system_clock());
  auto traffic = std::make_shared<provider::Traffic>(system_clock(), runtime::make_loan_desk(**store),
                                                     provider::BudgetSpec());
  const provider::BudgetCap caps[] = {{SharedString(format("day:{}", day)), kCap}};
  const auto use = [&](uint64_t id, int64_t bound) {
    const int64_t cost = 1 + random_below(static_cast<uint32_t>(bound));
    bill.spent[day] += cost;
    ++bill.calls;
    if (random_below(10) == 0) return traffic->forfeit_budget(id, loop->now_ns());
    traffic->settle_budget(id, cost, loop->now_ns());
  };
  for (int quiet = 0;;) {
    const int64_t bound = 1 + random_below(400);
    const auto answer =
        traffic->reserve(caps, bound, loop->now_ns(), *loop, [&, bound](uint64_t id, Status status) {
          if (status.ok()) return use(id, bound);
          ++bill.refused;
          ++quiet;
        });
    if (answer.kind == provider::Budget::Answer::Kind::kReserved) use(answer.id, bound);
    if (!loop->process(answer.kind == provider::Budget::Answer::Kind::kWaiting ? 1 : 0).ok()) ::_exit(4);
    if (random_below(64) == 0) traffic->give_back(loop->now_ns(), true);
    if (quiet > 3) break;
  }
  for (;;) ::pause();  // until it is killed
}

// What the ledger says when nobody lives who could change it.
int64_t lent(const test::TempDir& home, int day) {
  auto store = store::open_store(options(home), system_clock());
  if (!store.ok()) return -1;
  const auto records = (*store)->list_budgets("day:");
  if (!records.ok()) return -1;
  for (const auto& record : *records)
    if (record.scope.view() == format("day:{}", day)) return record.lent_usd_micros;
  return 0;
}

TEST(BudgetRace, FourProcessesThatAreKilledAreNeverOver) {
  const char* const rounds_text = std::getenv("TAU_BUDGET_ROUNDS");
  const int rounds = std::min(rounds_text == nullptr ? 20 : std::atoi(rounds_text), kMostRounds);
  const test::TempDir home;
  void* const shared = mmap(nullptr, sizeof(Bill), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Bill& bill = *new (shared) Bill{};
  int64_t before = 0;
  int64_t spent = 0;
  int64_t all_lent = 0;
  for (int round = 0; round < rounds; ++round) {
    const int day = round / kRoundsOfADay;
    if (round % kRoundsOfADay == 0) before = 0;
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) spend(home, bill, day);
      children.push_back(pid);
    }
    for (const pid_t pid : children) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random_below(25)));
      ::kill(pid, SIGKILL);
      int status = 0;
      ASSERT_EQ(::waitpid(pid, &status, 0), pid);
      ASSERT_TRUE(WIFSIGNALED(status)) << "a process ended by itself with " << WEXITSTATUS(status);
    }
    const int64_t now = lent(home, day);
    ASSERT_GE(now, bill.spent[day]) << "round " << round << ": more was spent than lent";
    ASSERT_LE(now, kCap) << "round " << round;
    ASSERT_GE(now, before) << "what the dead held came back";
    all_lent += now - before;
    before = now;
  }
  for (const auto& of_day : bill.spent) spent += of_day;
  EXPECT_GT(bill.calls, rounds);
  std::printf("budget race: %d rounds, %lld calls, %lld refused; spent %lld, lent %lld\n", rounds,
              static_cast<long long>(bill.calls), static_cast<long long>(bill.refused),
              static_cast<long long>(spent), static_cast<long long>(all_lent));
  munmap(shared, sizeof(Bill));
}

// To the end of the cap, which is not passed by one.
TEST(BudgetRace, TheLastMicroDollarIsLentOnce) {
  const test::TempDir home;
  void* const shared = mmap(nullptr, sizeof(Bill), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Bill& bill = *new (shared) Bill{};
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) spend(home, bill, 0);
    children.push_back(pid);
  }
  for (int i = 0; i < 6'000 && bill.refused < 4 * kProcesses; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  for (const pid_t pid : children) {
    ::kill(pid, SIGKILL);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  }
  EXPECT_GE(bill.refused, 4 * kProcesses) << "the cap was not reached";
  const int64_t now = lent(home, 0);
  EXPECT_GE(now, bill.spent[0]);
  EXPECT_LE(now, kCap);
  munmap(shared, sizeof(Bill));
}

}  // namespace
}  // namespace tau
