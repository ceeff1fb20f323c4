// What one record of any kind and version adds to a summary.
#pragma once

#include "json/json.h"
#include "observe/summary.h"

namespace tau::observe {

// `record` is an object. Counts it in records, newer or unknown, and in the tables.
void add_record(const json::Value& record, SummaryReport& report);

}  // namespace tau::observe
