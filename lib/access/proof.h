// Proof of possession: who holds the key of a DID answers a challenge.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "access/document.h"
#include "access/key.h"
#include "access/replay.h"

namespace tau::access {

inline constexpr int64_t kMaxChallengeSeconds = 600;
inline constexpr size_t kMaxNameBytes = 512;  // of audiences and purposes

// Times are seconds since 1970, as in JSON Web Tokens (RFC 7519).
struct Challenge {
  std::string audience;  // who asks
  std::string purpose;   // what for
  std::string nonce;     // base64url
  int64_t issued_s = 0;
  int64_t expires_s = 0;
};

// {"aud", "exp", "iat", "nonce", "purpose"}; the parser says INVALID_ARGUMENT "invalid_challenge".
std::string to_json(const Challenge& challenge);
StatusOr<Challenge> parse_challenge(std::string_view text);

// A DID and the name of the key in its document.
struct KeyName {
  std::string did;
  std::string key_id;
};

// The answer: a JWS whose payload is the challenge and the DID ("iss"). Who answers says whom it speaks to
// and why; INVALID_ARGUMENT "wrong_audience" or "wrong_purpose" when the challenge is for something else: it
// may have been passed on by who wants to be taken for us.
StatusOr<std::string> prove(const SigningKey& key, const KeyName& name, const Challenge& challenge,
                            std::string_view audience, std::string_view purpose);

struct Proof {
  std::string did;
  std::string key_id;
};

// Makes challenges and judges answers. A challenge carries an authentication code and takes no memory until
// it is answered; those of another verifier, or of one before a restart, are unknown. Any thread, if Random
// is.
class ProofVerifier {
 public:
  struct Options {
    std::string audience;
    int64_t lifetime_s = 120;
    size_t replay_capacity = 4096;
  };

  // `random` outlives the verifier. FAILED_PRECONDITION "no_random", INVALID_ARGUMENT "invalid_options".
  static StatusOr<std::unique_ptr<ProofVerifier>> create(Options options, Random* random);

  // INVALID_ARGUMENT "invalid_purpose" unless it has 1 to kMaxNameBytes bytes.
  StatusOr<Challenge> challenge(std::string_view purpose, int64_t now_ms);

  // Accepts an answer once. `did`: who is expected; empty: whoever it is. INVALID_ARGUMENT "invalid_jws",
  // "unsupported_algorithm" or "invalid_proof"; UNAUTHENTICATED "wrong_audience", "wrong_purpose",
  // "unknown_challenge", "proof_not_yet_valid", "proof_expired", "wrong_did", "unknown_key",
  // "unsupported_key_type" or "invalid_signature"; what `resolve` and ReplayStore::admit say.
  StatusOr<Proof> verify(std::string_view proof, std::string_view purpose, std::string_view did,
                         const Resolve& resolve, int64_t now_ms);

 private:
  ProofVerifier(Options options, Random& random, Secret mac_key);
  std::string tag(const Challenge& challenge, std::string_view salt) const;
  Status check(const Challenge& challenge, std::string_view purpose, int64_t now_ms) const;

  const Options options_;
  Random& random_;
  const Secret mac_key_;
  ReplayStore replay_;
};

}  // namespace tau::access
