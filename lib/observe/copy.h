// Copy: a log as it is at one moment, for a backup.
#pragma once

#include <string>

#include "base/base.h"

namespace tau::observe {

// Whether there is a log in a folder: a file of records, or a head.
bool is_log(const std::string& directory);

// Copies a log, which may be written to meanwhile, into a folder that is not there. What the copy has
// verifies: records that come later are not in it. ABORTED "audit_log_changed" when files were removed as old
// meanwhile: try again.
Status copy_log(const std::string& from, const std::string& to);

}  // namespace tau::observe
