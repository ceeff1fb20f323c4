// Audit logs as hosts see them: records that they give, and what a log says. Private to runtime.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "observe/observe.h"

namespace tau::runtime {

// A record as a host writes it: {"kind":"host.noted","action":"deployed","target":"v2"}. INVALID_ARGUMENT
// "unknown_key", "wrong_type", "unknown_kind", or "reserved_kind" for what the library records itself.
class AuditNote {
 public:
  static StatusOr<AuditNote> parse(std::string_view document);
  observe::Record record() const;  // views into this

 private:
  json::Value document_;
  observe::Kind kind_{};
};

// The folder of the log of a home, or of a log that is named itself.
std::string audit_place(std::string_view place);

Status no_audit_log(std::string_view place);

// What verification found, and what it was held against.
struct AuditFindings {
  observe::Verification found;
  std::string folder;
  std::string_view signature;           // "checked", "unpinned", "unchecked", "none"
  std::vector<std::string_view> heads;  // kept outside of the log: "database", "kept"
};
StatusOr<AuditFindings> examine_audit(std::string_view place, std::string_view kept_head,
                                      std::string_view public_key);

// "audit-00000000000000000001.jsonl:12: bad_hash".
std::string fault_text(const observe::Verification& found);

}  // namespace tau::runtime
