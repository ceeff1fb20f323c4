// Which fault met a run in which phase, and which of these pairs can happen at all.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tau::sim {

enum class Fault : uint8_t {
  // the machine and the disk
  kCrash,
  kTakeover,  // another process takes the session over while this one lives on
  kCommitFailure,
  kDiskFull,
  kClockJump,
  // the host program
  kCancel,
  kSteer,
  kMessage,
  kSlowReader,
  kStaleAnswer,  // an approval or a result that nobody asked for
  kApprovalDenied,
  kApprovalUnanswered,
  // tools
  kToolError,
  kToolHang,
  kToolDropsReply,
  kToolAnswersTwice,
  kToolAnswersLate,  // after its time was over
  // the transport of a model call
  kConnectRefused,
  kTlsFailure,
  kRateLimitedWithDelay,
  kRateLimited,
  kServerError,
  kOverloaded,  // 529
  kStall,
  kSlowDrip,
  kCutInEvent,
  kCutInCharacter,
  kMalformedJson,
  kErrorInside,  // of a response with status 200
  kWrongToolId,
  kDuplicateDelta,
  kHugeLine,
  kCancelledBytes,  // bytes were under way when the call was cancelled
  kLateBytes,       // bytes behind the end of the answer
  kCount
};

enum class When : uint8_t {
  kAsking,      // a model call is open and nothing of its answer has come
  kStreaming,   // part of the answer has come
  kTools,       // none of the others
  kApproval,    // a call waits for the host's yes
  kCommitting,  // the run waits for the disk, whatever else goes on
  kStopping,    // the run was cancelled and waits for its tools
  kCount
};

std::string_view fault_name(Fault fault);
std::string_view when_name(When when);

using Coverage =
    std::array<std::array<int64_t, static_cast<size_t>(When::kCount)>, static_cast<size_t>(Fault::kCount)>;

// Why the fault can never meet a run in that phase; empty when it can, and then a campaign must show it.
std::string_view impossible(Fault fault, When when);

std::string describe(const Coverage& coverage);

}  // namespace tau::sim
