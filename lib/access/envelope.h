// Signed envelopes: who sent a message to whom, and that it is the first time it arrives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "access/document.h"
#include "access/key.h"
#include "access/replay.h"
#include "access/roots.h"

namespace tau::access {

inline constexpr size_t kMaxEnvelopeBytes = 16 * 1024;

// Times are milliseconds since 1970.
struct Envelope {
  std::string id;        // of the message; the sender's affair
  std::string issuer;    // the actor that speaks
  std::string audience;  // the channel or agent that it speaks to
  std::string key_id;    // with what it signs
  int64_t issued_ms = 0;
  int64_t expires_ms = 0;
  std::string nonce;         // bytes
  std::string payload_hash;  // SHA-256
};

// The envelope of `payload`: JSON, signed. The nonce and the hash of `draft` are made here.
// FAILED_PRECONDITION "no_random"; INVALID_ARGUMENT "invalid_envelope" for names that are empty or longer
// than kMaxDidBytes, or times that are no span.
StatusOr<std::string> seal_envelope(Envelope draft, std::string_view payload, const SigningKey& key,
                                    Random* random);

// The key of that name, when it may speak for that issuer at that time.
using KeyLookup =
    std::function<StatusOr<PublicKey>(const std::string& issuer, const std::string& key_id, int64_t now_ms)>;

// The issuer is a DID, and the key one that its document has for assertions.
KeyLookup keys_of_dids(Resolve resolve);

// The trust roots say for whom the key speaks.
KeyLookup keys_of_roots(std::shared_ptr<const TrustRoots> roots);

struct EnvelopeOptions {
  std::string audience;                 // who we are
  int64_t skew_ms = 60'000;             // by how much the sender's clock may differ
  int64_t max_validity_ms = 3'600'000;  // bounds how long the replay store must hold an envelope
};

// Accepts an envelope of this payload once in its whole validity. INVALID_ARGUMENT "invalid_envelope" or
// "unsupported_version"; UNAUTHENTICATED "wrong_audience", "envelope_not_yet_valid", "envelope_expired",
// "envelope_validity_too_long", "payload_mismatch" or "invalid_signature"; what `lookup` and
// ReplayStore::admit say. Nothing is taken down before the signature holds.
StatusOr<Envelope> open_envelope(std::string_view text, std::string_view payload,
                                 const EnvelopeOptions& options, const KeyLookup& lookup, ReplayStore& replay,
                                 int64_t now_ms);

}  // namespace tau::access
