// The real driver under simulation: no seed may break an invariant, and a planted lie must be found.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "simulator/world.h"

namespace tau::sim {
namespace {

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

std::string describe(const Coverage& coverage) {
  std::string out;
  for (size_t f = 0; f < coverage.size(); ++f) {
    out += format("{:>20}", fmt::string_view(fault_name(static_cast<Fault>(f)).data(),
                                             fault_name(static_cast<Fault>(f)).size()));
    for (const int64_t n : coverage[f]) out += format(" {:>8}", n);
    out += '\n';
  }
  return out;
}

// Faults that the world brings, which may meet a run in any phase.
constexpr Fault kAnywhere[] = {Fault::kCrash,   Fault::kCommitFailure, Fault::kCancel,    Fault::kSteer,
                               Fault::kMessage, Fault::kClockJump,     Fault::kSlowReader};

// TAU_SIM_SEED replays one seed, TAU_SIM_SEEDS says how many to try.
TEST(SimulatorTest, NoSeedBreaksAnInvariant) {
  const int64_t only = from_environment("TAU_SIM_SEED", -1);
  const int64_t count = only >= 0 ? 1 : from_environment("TAU_SIM_SEEDS", 10'000);
  Coverage coverage{};
  int64_t steps = 0;
  int64_t crashes = 0;
  int failures = 0;
  const std::clock_t begin = std::clock();
  for (int64_t i = 0; i < count && failures < 5; ++i) {
    const auto seed = static_cast<uint64_t>(only >= 0 ? only : i);
    const Outcome outcome = simulate(seed, {}, coverage);
    steps += outcome.steps;
    crashes += outcome.crashes;
    for (const std::string& violation : outcome.violations) {
      ADD_FAILURE() << "seed " << seed << ": " << violation << "  (replay: TAU_SIM_SEED=" << seed << ")";
      ++failures;
    }
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("seeds %lld, steps %lld, crashes %lld, %.0f steps per CPU second\n",
              static_cast<long long>(count), static_cast<long long>(steps), static_cast<long long>(crashes),
              static_cast<double>(steps) / seconds);
  std::printf("%20s %8s %8s %8s %8s\n%s", "fault", "model", "tools", "approval", "commit",
              describe(coverage).c_str());
  if (count < 10'000) return;
  for (const Fault fault : kAnywhere)
    for (const int64_t hits : coverage[static_cast<size_t>(fault)])
      EXPECT_GE(hits, 100) << fault_name(fault) << " met a phase too rarely to say that it is tested";
}

TEST(SimulatorTest, AStoreThatAcknowledgesTooEarlyIsFound) {
  Coverage coverage{};
  int64_t found = 0;
  for (uint64_t seed = 0; seed < 300; ++seed)
    found += simulate(seed, {.acknowledge_early = true}, coverage).violations.empty() ? 0 : 1;
  EXPECT_GT(found, 0);
}

TEST(SimulatorTest, TheSameSeedGivesTheSameRun) {
  Coverage a{};
  Coverage b{};
  for (uint64_t seed = 0; seed < 50; ++seed)
    EXPECT_EQ(simulate(seed, {}, a).steps, simulate(seed, {}, b).steps);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace tau::sim
