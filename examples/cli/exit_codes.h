// The exit codes of every command: the one table, shown by --help and described in docs/cli.md.
#pragma once

#include <array>
#include <string_view>

namespace cli {

enum Exit : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitInput = 3,
  kExitDenied = 4,
  kExitLimit = 5,
  kExitUnavailable = 6,
  kExitBusy = 7,
  kExitCancelled = 130,
};

struct ExitRow {
  int code;
  std::string_view meaning;
};

inline constexpr std::array<ExitRow, 9> kExitTable = {{
    {kExitOk, "done"},
    {kExitFailed, "the run or the command failed"},
    {kExitUsage, "wrong usage of the command line"},
    {kExitInput, "bad configuration or bad input"},
    {kExitDenied, "denied, or an approval was needed and nobody could give it"},
    {kExitLimit, "a limit was reached: turns, tokens, cost, time, memory"},
    {kExitUnavailable, "the model or its provider is unavailable, or refused the key"},
    {kExitBusy, "the session, or the home, is in use by another process"},
    {kExitCancelled, "cancelled"},
}};

}  // namespace cli
