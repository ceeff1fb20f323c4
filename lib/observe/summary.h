// Sums up logs: this library's audit records, and the tool audit, prompt telemetry and lifecycle records of
// Tau in every version. Exact counts, in bounded memory, whatever the bytes are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/latency.h"

namespace tau::observe {

// What a summary keeps, at most. Names beyond these are counted together, under kOtherName.
inline constexpr size_t kMostRows = 256;  // of each table
inline constexpr size_t kMostNameBytes = 128;
inline constexpr size_t kMostBadLines = 100;
inline constexpr size_t kMostSummaryLineBytes = 1 << 20;
inline constexpr std::string_view kOtherName = "(other)";

// Calls of a tool.
struct ToolRow {
  uint64_t calls = 0;      // that ended
  uint64_t errors = 0;     // of them; throttled and cancelled ones are none
  uint64_t throttled = 0;  // of them
  uint64_t cancelled = 0;  // of them
  uint64_t allowed = 0;    // verdicts, whether or not a call followed
  uint64_t asked = 0;
  uint64_t denied = 0;
  Latency duration_ms;
};

// Requests to a provider; for prompt telemetry the prompts.
struct ProviderRow {
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t throttled = 0;
  uint64_t cancelled = 0;
  uint64_t input_tokens = 0;
  uint64_t output_tokens = 0;
  uint64_t total_tokens = 0;
  uint64_t cost_usd_micros = 0;
  Latency duration_ms;
};

struct SummaryReport {
  uint64_t lines = 0;  // that are not blank: the sum of the five below
  // Records: those of a known kind and version, and those that are passed over.
  uint64_t records = 0;
  uint64_t newer = 0;    // of a kind that is known, in a version that is not
  uint64_t unknown = 0;  // JSON objects of no kind that is known
  // Lines that are no JSON object, or too long.
  uint64_t malformed = 0;
  // Last lines of files that have no end and are no JSON object: their writer was at it, or died.
  uint64_t torn = 0;
  std::vector<uint64_t> bad_lines;  // their numbers, from 1, over all that was fed: the first kMostBadLines

  std::map<std::string, uint64_t, std::less<>> kinds;  // "tool.finished", "tau.tool_execution_end"
  std::map<std::string, ToolRow, std::less<>> tools;
  std::map<std::string, ProviderRow, std::less<>> providers;
  std::map<std::string, uint64_t, std::less<>> reasons;
  // Connections of commands; bytes are of those that were allowed.
  uint64_t connections_allowed = 0;
  uint64_t connections_denied = 0;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t lifecycle_compliant = 0;  // of Tau's lifecycle records
  uint64_t lifecycle_other = 0;
  // Of this library's records.
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  uint64_t lost = 0;  // records that their log could not write
};

// One thread. Sums stop at 2^64 - 1.
class Summary {
 public:
  // The bytes of one log or several, in any pieces.
  void feed(std::string_view bytes);
  // The end of a file: its last line need not end.
  void end_file();

  const SummaryReport& report() const { return report_; }
  // One object; docs/audit.md says what it holds.
  std::string to_json() const;

 private:
  void take(std::string_view piece, bool ended);
  void line(std::string_view text, bool ended);

  SummaryReport report_;
  std::string pending_;
  uint64_t line_number_ = 0;
  bool too_long_ = false;
  bool at_start_ = true;  // of a file, where a byte order mark may stand
};

// Feeds a whole file, streaming.
Status summarise_file(const std::string& path, Summary& summary);
// Feeds all files of an audit log, in their order.
Status summarise_log(const std::string& directory, Summary& summary);

}  // namespace tau::observe
