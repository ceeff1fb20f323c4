// Trust roots: a signed list of keys that may speak for whom, replaced only by what enough of its roots sign.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "access/key.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxRootsBytes = size_t{1} << 20;
inline constexpr size_t kMaxRoots = 32;
inline constexpr size_t kMaxTrustedKeys = 4096;
inline constexpr size_t kMaxIssuers = 64;

// One version of the list, as it was accepted. Immutable: any thread.
class TrustRoots {
 public:
  // The first list, or one that was accepted and kept. It must be signed by as many of its own roots as it
  // asks for: that says it is whole, not that it is ours; compare digest() with what is known to be.
  // INVALID_ARGUMENT "invalid_trust_roots" or "unsupported_version"; UNAUTHENTICATED "too_few_signatures";
  // FAILED_PRECONDITION "roots_rollback" when its version is below `least_version`, the last that was seen.
  static StatusOr<TrustRoots> open(std::string_view text, int64_t least_version);

  // The list that follows this one: its version is the next, enough roots of this list and of its own have
  // signed it, it has not expired, and what was revoked stays revoked. An expired list can still be followed.
  // Besides the above FAILED_PRECONDITION "roots_version_gap", "roots_expired" or "key_unrevoked".
  StatusOr<TrustRoots> rotate(std::string_view text, int64_t now_ms) const;

  // UNAUTHENTICATED "roots_expired", "untrusted_key", "expired_key" or "key_not_for_issuer". Revoked keys are
  // in no list.
  StatusOr<PublicKey> key_for(const std::string& issuer, const std::string& key_id, int64_t now_ms) const;

  int64_t version() const { return version_; }
  int64_t expires_ms() const { return expires_ms_; }
  bool is_revoked(std::string_view multikey) const { return revoked_.contains(std::string(multikey)); }
  const crypto::Digest& digest() const { return digest_; }  // of all but the signatures
  const std::string& text() const { return text_; }

 private:
  struct TrustedKey {
    PublicKey key = {};
    int64_t expires_ms = 0;
    std::set<std::string> issuers;
  };

  TrustRoots() = default;
  static StatusOr<TrustRoots> parse(std::string_view text);
  Status read_key(const json::Value& value);
  Status read_keys(const json::Value& value);
  Status read_signatures(const json::Value& list);
  // How many of these roots have signed that list.
  size_t signers(const TrustRoots& signed_list) const;

  int64_t version_ = 0;
  int64_t expires_ms_ = 0;
  size_t threshold_ = 0;
  std::map<std::string, PublicKey> roots_;         // by multikey
  std::map<std::string, TrustedKey> keys_;         // by id
  std::set<PublicKey> known_;                      // those of keys_
  std::set<std::string> revoked_;                  // multikeys
  std::map<std::string, std::string> signatures_;  // by multikey
  std::string signed_bytes_;
  crypto::Digest digest_ = {};
  std::string text_;
};

// The list with the signature of that key added, or put in the place of its former one. INVALID_ARGUMENT
// "invalid_trust_roots" when it is not a JSON object.
StatusOr<std::string> sign_trust_roots(std::string_view text, const SigningKey& key);

}  // namespace tau::access
