// The real driver under simulation: no seed may break an invariant.
//
//   test_simulator --seed N     replays one seed and prints what happened
//   test_simulator --seeds N    tries the seeds from 0 on, up to the first that breaks an invariant
//
// Without either it runs as a test. One seed and one commit give one run.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "simulator/simulate.h"

namespace tau::sim {
namespace {

constexpr int64_t kSeeds = 10'000;
constexpr int64_t kHits = 100;

struct Totals {
  Coverage coverage{};
  int64_t seeds = 0;
  int64_t steps = 0;
  int64_t crashes = 0;
  std::vector<std::string> failures;
};

Totals campaign(int64_t seeds, size_t most_failures) {
  Totals totals;
  for (; totals.seeds < seeds && totals.failures.size() < most_failures; ++totals.seeds) {
    const Outcome outcome = simulate(static_cast<uint64_t>(totals.seeds), totals.coverage);
    totals.steps += outcome.steps;
    totals.crashes += outcome.crashes;
    for (const std::string& violation : outcome.violations)
      totals.failures.push_back("seed " + std::to_string(totals.seeds) + ": " + violation +
                                "  (replay: test_simulator --seed " + std::to_string(totals.seeds) + ")");
  }
  return totals;
}

void print(const Totals& totals, double seconds) {
  std::printf("seeds %lld, steps %lld, crashes %lld, %.0f steps per CPU second\n%s",
              static_cast<long long>(totals.seeds), static_cast<long long>(totals.steps),
              static_cast<long long>(totals.crashes), static_cast<double>(totals.steps) / seconds,
              describe(totals.coverage).c_str());
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

TEST(SimulatorTest, NoSeedBreaksAnInvariant) {
  const double begin = cpu_seconds();
  const Totals totals = campaign(kSeeds, 5);
  print(totals, cpu_seconds() - begin);
  for (const std::string& failure : totals.failures) ADD_FAILURE() << failure;
  if (!totals.failures.empty()) return;
  for (size_t f = 0; f < totals.coverage.size(); ++f) {
    for (size_t w = 0; w < totals.coverage[f].size(); ++w) {
      const std::string_view why = impossible(static_cast<Fault>(f), static_cast<When>(w));
      const std::string pair = std::string(fault_name(static_cast<Fault>(f))) + " while " +
                               std::string(when_name(static_cast<When>(w)));
      if (why.empty())
        EXPECT_GE(totals.coverage[f][w], kHits) << pair << ": too rare to say that it is tested";
      else
        EXPECT_EQ(totals.coverage[f][w], 0) << pair << ": happens, although " << why;
    }
  }
}

TEST(SimulatorTest, TheSameSeedGivesTheSameRun) {
  Coverage a{};
  Coverage b{};
  for (uint64_t seed = 0; seed < 30; ++seed)
    EXPECT_EQ(simulate(seed, a, true).trace, simulate(seed, b, true).trace);
  EXPECT_EQ(a, b);
}

int replay(uint64_t seed) {
  Coverage coverage{};
  const Outcome outcome = simulate(seed, coverage, true);
  std::printf("%s", outcome.trace.c_str());
  for (const std::string& violation : outcome.violations) std::printf("VIOLATION: %s\n", violation.c_str());
  return outcome.violations.empty() ? 0 : 1;
}

int search(int64_t seeds) {
  const double begin = cpu_seconds();
  const Totals totals = campaign(seeds, 1);
  print(totals, cpu_seconds() - begin);
  for (const std::string& failure : totals.failures) std::printf("VIOLATION: %s\n", failure.c_str());
  return totals.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace tau::sim

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--seed") == 0)
    return tau::sim::replay(std::strtoull(argv[2], nullptr, 10));
  if (argc == 3 && std::strcmp(argv[1], "--seeds") == 0) return tau::sim::search(std::atoll(argv[2]));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
