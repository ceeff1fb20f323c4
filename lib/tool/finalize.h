// The last phase of a call: what a tool answered becomes what everybody sees.
#pragma once

#include "tool/tool.h"

namespace tau::tool {

// Repairs UTF-8, lets `hook`, if there is one, redact, cuts to the manifest's max_result_bytes with a line
// that says so, labels.
void finalize(const Call& call, const Manifest& manifest, FinalizeHook* hook, Result& result);

// `text` if it has at most `max_bytes`; else its beginning, whole characters only, and a line that says how
// much of `original_bytes` is missing; together at most `max_bytes`, when the line itself fits.
std::string cut_text(std::string_view text, size_t max_bytes, size_t original_bytes);

}  // namespace tau::tool
