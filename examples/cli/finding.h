// One thing that a command looked at: tau doctor, tau vault check.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace cli {

struct Finding {
  enum class Level : uint8_t { kOk, kWarning, kProblem };
  Level level = Level::kOk;
  std::string check;  // "home", "database", …
  std::string message;
  std::string fix = {};  // what to do; of all that is not ok
};

// Prints them, as JSON where the options say so. Fails when there is a problem.
int show_findings(const Options& options, const std::vector<Finding>& findings);

// What is to say of the audit log of the home that the options mean.
std::vector<Finding> check_audit(const Options& options);

// What is to say of the vault that the options mean. Without a way to open it, of its file only. `ask`: a
// passphrase may be asked for.
std::vector<Finding> check_vault(const Options& options, bool ask);

}  // namespace cli
