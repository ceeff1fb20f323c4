// The public face of credential: the vault that secrets live in, what opens it, and what it imports. The
// file's format and threat model: docs/vault.md.
#pragma once

#include "credential/anchor.h"  // IWYU pragma: export
#include "credential/image.h"   // IWYU pragma: export
#include "credential/import.h"  // IWYU pragma: export
#include "credential/name.h"    // IWYU pragma: export
#include "credential/unlock.h"  // IWYU pragma: export
#include "credential/vault.h"   // IWYU pragma: export
