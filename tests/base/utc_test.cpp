// Times as text: what is read, what is refused, and that both ways agree.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/base.h"

namespace tau {
namespace {

TEST(Utc, ReadsWhatPeopleAndProgramsWrite) {
  EXPECT_EQ(parse_time_ms("1970-01-02"), 86'400'000);
  EXPECT_EQ(parse_time_ms("1970-01-01 00:01"), 60'000);
  EXPECT_EQ(parse_time_ms("1970-01-01T00:00:01"), 1'000);
  EXPECT_EQ(parse_time_ms("1970-01-01T00:00:01.25Z"), 1'250);
  EXPECT_EQ(parse_time_ms("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(parse_time_ms("1969-12-31T23:59:59.999Z"), -1);
}

TEST(Utc, RefusesWhatIsNoTime) {
  for (const char* bad :
       {"", "1970", "1970-13-01", "1970-02-30", "1970-01-01T", "1970-01-01T24:00", "1970-01-01T00:60",
        "1970-01-01T00:00:00+1", "1970-01-01x00:00", "next week", "1970-01-01T00:00:00Zoo"})
    EXPECT_FALSE(parse_time_ms(bad).has_value()) << bad;
}

RC_GTEST_PROP(Utc, WhatIsWrittenReadsBack, ()) {
  const int64_t ms = *rc::gen::inRange<int64_t>(-62'135'596'800'000, 253'402'300'799'999);
  RC_ASSERT(parse_time_ms(utc_text_ms(ms)) == ms);
}

}  // namespace
}  // namespace tau
