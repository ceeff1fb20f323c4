// Who signs the head of a log, who checks that, and where a copy of it is kept out of reach.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"

namespace tau::observe {

// One thread at a time.
class Signer {
 public:
  virtual ~Signer() = default;
  // "ed25519" or "hmac-sha256": what verifiers know.
  virtual std::string_view algorithm() const = 0;
  // Tells the keys of a log apart: [A-Za-z0-9_.:-], at most 128 characters. No secret.
  virtual std::string key_id() const = 0;
  // The signature as raw bytes.
  virtual StatusOr<std::string> sign(std::string_view bytes) = 0;
};

// The keys whose signatures count: the current one and, after a change of keys, those before it. Any thread.
class HeadKeys {
 public:
  virtual ~HeadKeys() = default;
  // UNAUTHENTICATED "unknown_key" or "bad_signature".
  virtual Status check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
                       std::string_view signature) const = 0;
};

// Several keys: those of a log whose key was changed. They live as long as this does.
class KeyRing final : public HeadKeys {
 public:
  explicit KeyRing(std::vector<const HeadKeys*> keys) : keys_(std::move(keys)) {}
  Status check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
               std::string_view signature) const override;

 private:
  std::vector<const HeadKeys*> keys_;
};

// HMAC-SHA-256. Who can check can also sign: for those who keep the key away from the log.
class HmacKey final : public Signer, public HeadKeys {
 public:
  // At least 16 bytes.
  static StatusOr<HmacKey> make(Secret key);

  std::string_view algorithm() const override { return "hmac-sha256"; }
  std::string key_id() const override { return key_id_; }
  StatusOr<std::string> sign(std::string_view bytes) override;
  Status check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
               std::string_view signature) const override;

 private:
  explicit HmacKey(Secret key);
  Secret key_;
  std::string key_id_;
};

// Keeps the latest signed head where the log's files are not: in the database, with another machine. Without
// one, whoever puts back older files and an older head together is not noticed. One thread at a time.
class HeadAnchor {
 public:
  virtual ~HeadAnchor() = default;
  // The text stored last; empty: none yet.
  virtual StatusOr<std::string> load() = 0;
  // Durable when it returns.
  virtual Status store(std::string_view head) = 0;
};

}  // namespace tau::observe
