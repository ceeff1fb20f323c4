// The command line: commands, their options and help.
#pragma once

#include <optional>

#include "options.h"

namespace cli {

// Fills `options`. An exit code instead when there is nothing to do: help was printed, or the usage is wrong.
std::optional<int> parse_arguments(int argc, char** argv, Options& options);

}  // namespace cli
