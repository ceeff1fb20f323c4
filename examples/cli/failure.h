// Failures of the library in the words of the command line: exit code, one line, a hint.
#pragma once

#include "handles.h"
#include "json.h"
#include "result.h"

namespace cli {

// What a call of the library failed with. Consumes `error`.
Failure library_failure(tau_status status, tau_error* error);

// What a run ended with, from the outcome in its terminal event.
Failure outcome_failure(const Json& outcome);

Failure usage_failure(std::string message, std::string hint = {});
Failure input_failure(std::string reason, std::string message, std::string hint = {});

// Prints "tau: reason: message" and the hint on stderr; returns the exit code.
int report(const Failure& failure);

}  // namespace cli
