// Anchors: what remembers how far a vault has come, so that an older copy of its file is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::credential {

// Calls come from the threads that use the vault, one at a time for each vault.
class EpochAnchor {
 public:
  virtual ~EpochAnchor() = default;
  // The highest epoch told for this store; 0: none.
  virtual StatusOr<uint64_t> last_seen(std::string_view store_id) = 0;
  // Remembers an epoch durably; a lower one than it remembers changes nothing.
  virtual Status advance(std::string_view store_id, uint64_t epoch) = 0;
};

// Keeps epochs in a private file. Whoever can put back this file together with the vault's is not noticed by
// it; an anchor of the host, elsewhere, closes that.
class FileAnchor final : public EpochAnchor {
 public:
  explicit FileAnchor(std::string path) : path_(std::move(path)) {}
  StatusOr<uint64_t> last_seen(std::string_view store_id) override;
  Status advance(std::string_view store_id, uint64_t epoch) override;

 private:
  const std::string path_;
};

}  // namespace tau::credential
