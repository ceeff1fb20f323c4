// Who signs the audit log of a home and whose signatures count there; where its newest head is kept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/base.h"
#include "observe/observe.h"
#include "runtime/vault_source.h"
#include "store/store.h"

namespace tau::runtime {

// Marks of the database: the newest head, and every key that has signed one, with commas between.
inline constexpr std::string_view kAuditHeadMark = "audit.head";
inline constexpr std::string_view kAuditKeysMark = "audit.keys";

// The secret that heads are signed with: the seed of an Ed25519 key, made when it is first needed.
inline constexpr std::string_view kAuditKeyReference = "secret://audit/signing-key";

// The keys that count in a log of which this is the anchored head. While that is unsigned, others may be,
// too: a log begins unsigned where there is no vault yet.
StatusOr<observe::Ed25519Keys> keys_of_log(std::string_view keys_mark, std::string_view anchored_head);

// Keeps heads in the database.
class HeadMark final : public observe::HeadAnchor {
 public:
  explicit HeadMark(store::Store& store) : store_(store) {}
  StatusOr<std::string> load() override { return store_.load_mark(kAuditHeadMark); }
  Status store(std::string_view head) override { return store_.store_mark(kAuditHeadMark, head); }

 private:
  store::Store& store_;
};

// One thread at a time.
class AuditKeys {
 public:
  AuditKeys(store::Store& store, VaultSource& secrets) : store_(store), secrets_(secrets) {}
  // Fills in signer and keys. Without a vault nobody signs; a log that was signed then gets no new head.
  // `folder`: of the log, which is made.
  Status fill(const std::string& folder, observe::AuditOptions& options);

 private:
  Status find_seed(const std::string& folder);

  store::Store& store_;
  VaultSource& secrets_;
  std::optional<observe::Ed25519Key> key_;
  std::unique_ptr<observe::Signer> absent_;  // of a key that cannot be had
  std::optional<observe::Ed25519Keys> keys_;
};

}  // namespace tau::runtime
