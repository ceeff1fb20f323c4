// The public face of access: who somebody is, and what they may do. The formats: docs/identity.md,
// docs/access.md.
#pragma once

#include "access/approvals.h"  // IWYU pragma: export
#include "access/authority.h"  // IWYU pragma: export
#include "access/binding.h"    // IWYU pragma: export
#include "access/card.h"       // IWYU pragma: export
#include "access/did.h"        // IWYU pragma: export
#include "access/document.h"   // IWYU pragma: export
#include "access/envelope.h"   // IWYU pragma: export
#include "access/identity.h"   // IWYU pragma: export
#include "access/jws.h"        // IWYU pragma: export
#include "access/key.h"        // IWYU pragma: export
#include "access/pairing.h"    // IWYU pragma: export
#include "access/policy.h"     // IWYU pragma: export
#include "access/proof.h"      // IWYU pragma: export
#include "access/replay.h"     // IWYU pragma: export
#include "access/roots.h"      // IWYU pragma: export
