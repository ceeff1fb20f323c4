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

// Ed25519. The id of a key is its public key, as 64 hexadecimal digits: a head says what to check it with,
// and whoever kept the public key sees whether it is that one.
class Ed25519Key final : public Signer {
 public:
  static constexpr std::string_view kAlgorithm = "ed25519";
  // 32 bytes; crypto::ed25519_public_key().
  static StatusOr<Ed25519Key> make(Secret seed);

  std::string_view algorithm() const override { return kAlgorithm; }
  std::string key_id() const override { return key_id_; }
  StatusOr<std::string> sign(std::string_view bytes) override;

 private:
  Ed25519Key(Secret seed, std::string key_id) : seed_(std::move(seed)), key_id_(std::move(key_id)) {}
  Secret seed_;
  std::string key_id_;
};

// Public keys of that kind.
class Ed25519Keys final : public HeadKeys {
 public:
  // 64 hexadecimal digits each; any key with `any`, of which the head alone says that it is right.
  // `unsigned_too`: of a log that nobody has signed yet.
  struct Options {
    std::vector<std::string> public_keys = {};
    bool any = false;
    bool unsigned_too = false;
  };
  // INVALID_ARGUMENT "invalid_key".
  static StatusOr<Ed25519Keys> make(Options options);
  Status check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
               std::string_view signature) const override;

 private:
  explicit Ed25519Keys(Options options) : options_(std::move(options)) {}
  Options options_;
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
