#include "noninterference.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tau::safety::test {
namespace {

// Built twice: quick among the unit tests, a million programs in the slow suite.
#ifndef TAU_PROGRAMS
#define TAU_PROGRAMS 100'000
#endif

void expect_telling(const Outcome& outcome) {
  EXPECT_GT(outcome.calls, 2 * outcome.programs);
  EXPECT_GT(outcome.allowed_in_doubt, outcome.calls / 100);
  EXPECT_GT(outcome.extracts, outcome.programs / 10);
  EXPECT_GT(outcome.handles, outcome.programs / 10);
}

TEST(NonInterference, NoTaintedByteReachesADestination) {
  const Outcome outcome = run_programs(TAU_PROGRAMS, 20'240'615);
  EXPECT_EQ(outcome.violations, 0) << outcome.first;
  expect_telling(outcome);
  RecordProperty("calls", static_cast<int>(outcome.calls));
}

// The test can fail: labels that lose a source when they join let bytes through.
TEST(NonInterference, AJoinThatForgetsASourceIsFound) {
  for (const Source lost : {Source::kWeb, Source::kMemory, Source::kTool}) {
    static Source forgotten;
    forgotten = lost;
    World world;
    world.join = [](Labels& into, const Labels& other) {
      if (!other.has(forgotten)) into.join(other);
    };
    EXPECT_GT(run_programs(5'000, 7, world).violations, 0);
  }
}

// Nor does it hide what would go wrong with held texts.
TEST(NonInterference, AQuarantineThatLeaksIsFound) {
  using Defect = World::Defect;
  for (const Defect defect :
       {Defect::kExtractForgets, Defect::kAnswerForgets, Defect::kPutForgets, Defect::kJudgesHandle}) {
    World world;
    world.defect = defect;
    EXPECT_GT(run_programs(5'000, 7, world).violations, 0) << static_cast<int>(defect);
  }
}

}  // namespace
}  // namespace tau::safety::test
