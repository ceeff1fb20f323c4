#include "simulator/coverage.h"

#include <cstdio>

namespace tau::sim {
namespace {

constexpr size_t kPhases = static_cast<size_t>(When::kCount);

// Reasons, short enough to stand in a table.
constexpr std::string_view kCan;
constexpr std::string_view kNoCall = "no model call is open in this phase";
constexpr std::string_view kBeforeAnswer = "it comes instead of an answer";
constexpr std::string_view kNoTool = "no tool runs while the model is asked";
constexpr std::string_view kNoApproval = "nothing waits for approval in this phase";

struct Row {
  Fault fault;
  std::string_view name;
  std::string_view why_not[kPhases];  // asking, streaming, tools, approval, committing, stopping
};

constexpr std::string_view kC = kCan;
constexpr Row kTable[] = {
    {Fault::kCrash, "crash", {kC, kC, kC, kC, kC, kC}},
    {Fault::kTakeover, "takeover", {kC, kC, kC, kC, kC, kC}},
    {Fault::kCommitFailure, "commit_failure", {kC, kC, kC, kC, kC, kC}},
    {Fault::kDiskFull, "disk_full", {kC, kC, kC, kC, kC, kC}},
    {Fault::kClockJump, "clock_jump", {kC, kC, kC, kC, kC, kC}},
    {Fault::kCancel, "cancel", {kC, kC, kC, kC, kC, kC}},
    {Fault::kSteer, "steer", {kC, kC, kC, kC, kC, kC}},
    {Fault::kMessage, "message", {kC, kC, kC, kC, kC, kC}},
    {Fault::kSlowReader, "slow_reader", {kC, kC, kC, kC, kC, kC}},
    {Fault::kStaleAnswer, "stale_answer", {kC, kC, kC, kC, kC, kC}},
    {Fault::kApprovalDenied, "approval_denied", {kNoApproval, kNoApproval, kNoApproval, kC, kC, kC}},
    {Fault::kApprovalUnanswered, "approval_unanswered", {kNoApproval, kNoApproval, kNoApproval, kC, kC, kC}},
    {Fault::kToolError, "tool_error", {kNoTool, kNoTool, kC, kC, kC, kC}},
    {Fault::kToolHang, "tool_hang", {kNoTool, kNoTool, kC, kC, kC, kC}},
    {Fault::kToolDropsReply, "reply_dropped", {kNoTool, kNoTool, kC, kC, kC, kC}},
    {Fault::kToolAnswersTwice, "answers_twice", {kNoTool, kNoTool, kC, kC, kC, kC}},
    {Fault::kToolAnswersLate, "answers_late", {kC, kC, kC, kC, kC, kC}},
    {Fault::kConnectRefused, "connect_refused", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kTlsFailure, "tls_failure", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kRateLimitedWithDelay, "429_retry_after", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kRateLimited, "429", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kServerError, "5xx", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kOverloaded, "529", {kC, kBeforeAnswer, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kStall, "stall", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kSlowDrip, "slow_drip", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kCutInEvent, "cut_in_event", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kCutInCharacter, "cut_in_character", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kMalformedJson, "malformed_json", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kErrorInside, "error_inside_200", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kWrongToolId, "wrong_tool_id", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kDuplicateDelta, "duplicate_delta", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kHugeLine, "huge_line", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kCancelledBytes, "cancelled_bytes", {kC, kC, kNoCall, kNoCall, kC, kNoCall}},
    {Fault::kLateBytes, "late_bytes", {kC, kC, kC, kC, kC, kC}},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kTable); ++i)
    if (static_cast<size_t>(kTable[i].fault) != i) return false;
  return std::size(kTable) == static_cast<size_t>(Fault::kCount);
}
static_assert(in_order(), "one row for each fault");

}  // namespace

std::string_view fault_name(Fault fault) { return kTable[static_cast<size_t>(fault)].name; }

std::string_view when_name(When when) {
  static constexpr std::string_view kNames[] = {"asking",   "streaming",  "tools",
                                                "approval", "committing", "stopping"};
  return kNames[static_cast<size_t>(when)];
}

std::string_view impossible(Fault fault, When when) {
  return kTable[static_cast<size_t>(fault)].why_not[static_cast<size_t>(when)];
}

std::string describe(const Coverage& coverage) {
  char cell[32];
  std::string out(20, ' ');
  for (size_t w = 0; w < kPhases; ++w) {
    (void)std::snprintf(cell, sizeof cell, " %10s", when_name(static_cast<When>(w)).data());
    out += cell;
  }
  for (size_t f = 0; f < coverage.size(); ++f) {
    (void)std::snprintf(cell, sizeof cell, "\n%20s", fault_name(static_cast<Fault>(f)).data());
    out += cell;
    for (size_t w = 0; w < kPhases; ++w) {
      const bool can = impossible(static_cast<Fault>(f), static_cast<When>(w)).empty();
      (void)std::snprintf(cell, sizeof cell, can || coverage[f][w] != 0 ? " %10lld" : "          -",
                          static_cast<long long>(coverage[f][w]));
      out += cell;
    }
  }
  return out + "\n";
}

}  // namespace tau::sim
