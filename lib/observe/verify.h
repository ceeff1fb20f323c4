// Verification of a log, against its head and against one that was kept elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "base/base.h"
#include "observe/signer.h"

namespace tau::observe {

struct VerifyOptions {
  std::string directory;
  // The text of a head that was kept elsewhere (HeadAnchor); empty: none. Without one, older files put back
  // together with their older head are not noticed.
  std::string anchored_head;
  // Null: no signature is checked, and "none" is as good as any.
  const HeadKeys* keys = nullptr;
};

struct Verification {
  // Empty when all is well. Else what is wrong with the first bad record, and where: docs/audit.md lists the
  // reasons. `line` counts from 1; 0: the file as a whole.
  std::string reason;
  std::string file;
  uint64_t line = 0;

  uint64_t first_seq = 0;  // of the records that are there
  uint64_t last_seq = 0;   // the last good one
  std::string last_hash;
  uint64_t records = 0;
  // Up to here a head vouches; what follows hangs on the chain alone, and its end could be missing.
  uint64_t signed_seq = 0;
  std::string key_id;

  bool ok() const { return reason.empty(); }
};

// Reads the whole log, in bounded memory. Fails only when that cannot be read; a damaged log is a result.
// May run while others write: it looks at what was there when it began. ABORTED "audit_log_changed" when
// files were removed as old meanwhile: try again.
StatusOr<Verification> verify(const VerifyOptions& options);

}  // namespace tau::observe
