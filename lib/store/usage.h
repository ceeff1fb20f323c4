// What calls of models took and cost, as it is kept and reported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/base.h"

namespace tau::store {

// Tokens and micro-dollars of calls. `input` counts all prompt tokens, cached ones included; `output` the
// reasoning, too.
struct UsageCounts {
  int64_t calls = 0;     // that ended: answered, failed or cut off
  int64_t failures = 0;  // of them
  int64_t unpriced = 0;  // of them: the price of the model was not known
  int64_t input = 0;
  int64_t cached_input = 0;
  int64_t cache_write = 0;
  int64_t output = 0;
  int64_t reasoning = 0;
  int64_t cost_usd_micros = 0;
};

// No call counts for more than this in one number: whatever servers say, sums stay exact over 10^8 calls.
inline constexpr int64_t kMostOfACall = int64_t{1} << 36;

// Of one call. It is committed with the journal row that tells of the same.
struct UsageNote {
  SharedString session_id;
  SharedString principal;
  SharedString model;  // "provider/model", of the one that answered
  SharedString route;  // empty: none
  int64_t time_ms = 0;
  UsageCounts counts;
};

struct UsageAsk {
  // What the sums are apart by.
  bool by_day = false;
  bool by_model = false;
  bool by_session = false;
  bool by_principal = false;
  bool by_route = false;
  int64_t since_day = INT64_MIN;  // days since 1970-01-01 (UTC), both included
  int64_t until_day = INT64_MAX;
  int64_t limit = 1000;  // of rows
};

struct UsageRow {
  // What is not asked apart is 0 or empty. Of what sessions used that were removed the session is empty.
  int64_t day = 0;
  std::string model;
  std::string session;
  std::string principal;
  std::string route;
  UsageCounts counts;
};

struct UsageReport {
  std::vector<UsageRow> rows;  // by day, then the dearest first
  UsageCounts total;           // also of the rows beyond the limit
  bool more = false;           // there are
};

}  // namespace tau::store
