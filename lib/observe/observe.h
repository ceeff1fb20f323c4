// The public face of observe: the audit log, who verifies it, and what sums up logs.
#pragma once

#include "observe/audit_log.h"  // IWYU pragma: export
#include "observe/copy.h"       // IWYU pragma: export
#include "observe/record.h"     // IWYU pragma: export
#include "observe/signer.h"     // IWYU pragma: export
#include "observe/summary.h"    // IWYU pragma: export
#include "observe/tail.h"       // IWYU pragma: export
#include "observe/verify.h"     // IWYU pragma: export
