#include "access/envelope.h"

#include <utility>

#include "access/binding.h"
#include "access/fields.h"

namespace tau::access {
namespace {

constexpr int64_t kVersion = 1;
constexpr std::string_view kDomain = "tau envelope 1";
constexpr size_t kNonceBytes = 16;
constexpr size_t kMaxNonceBytes = 64;

Status invalid(std::string_view complaint) {
  return invalid_argument("invalid_envelope", format("the envelope {}", complaint));
}

json::Value to_value(const Envelope& envelope) {
  json::Value out = json::Value::object();
  out.set("audience", envelope.audience);
  out.set("expires_ms", envelope.expires_ms);
  out.set("id", envelope.id);
  out.set("issued_ms", envelope.issued_ms);
  out.set("issuer", envelope.issuer);
  out.set("key_id", envelope.key_id);
  out.set("nonce", crypto::base64url_encode(envelope.nonce));
  out.set("payload_hash", crypto::base64url_encode(envelope.payload_hash));
  out.set("schema_version", kVersion);
  return out;
}

std::string signed_bytes(const json::Value& unsigned_envelope) {
  return bind(kDomain, {json::canonical(unsigned_envelope)});
}

bool is_span(const Envelope& envelope) {
  return envelope.issued_ms >= 0 && envelope.expires_ms > envelope.issued_ms &&
         envelope.expires_ms <= kMostInteger;
}

StatusOr<Envelope> read(const json::Value& value, std::string& signature) {
  Fields fields(value, "the envelope", "invalid_envelope");
  const int64_t version = fields.integer("schema_version", 0, kMostInteger);
  if (fields.ok() && version != kVersion)
    return invalid_argument("unsupported_version",
                            format("the envelope is of version {}, not {}", version, kVersion));
  Envelope out;
  out.id = fields.text("id", kMaxDidBytes);
  out.issuer = fields.text("issuer", kMaxDidBytes);
  out.audience = fields.text("audience", kMaxDidBytes);
  out.key_id = fields.text("key_id", kMaxDidBytes);
  out.issued_ms = fields.time("issued_ms");
  out.expires_ms = fields.time("expires_ms");
  out.nonce = fields.bytes("nonce", kNonceBytes, kMaxNonceBytes);
  out.payload_hash = fields.bytes("payload_hash", sizeof(crypto::Digest), sizeof(crypto::Digest));
  signature = fields.bytes("signature", sizeof(crypto::Signature), sizeof(crypto::Signature));
  fields.require(out.expires_ms > out.issued_ms, "expires before it is issued");
  TAU_RETURN_IF_ERROR(fields.finish({"audience", "expires_ms", "id", "issued_ms", "issuer", "key_id", "nonce",
                                     "payload_hash", "schema_version", "signature"}));
  return out;
}

Status check_times(const Envelope& envelope, const EnvelopeOptions& options, int64_t now_ms) {
  if (envelope.expires_ms - envelope.issued_ms > options.max_validity_ms)
    return refuse("envelope_validity_too_long",
                  format("the envelope is valid for longer than {} ms", options.max_validity_ms));
  if (envelope.issued_ms > now_ms + options.skew_ms)
    return refuse("envelope_not_yet_valid", "the envelope is from the future");
  if (envelope.expires_ms + options.skew_ms <= now_ms)
    return refuse("envelope_expired", "the envelope has expired");
  return ok_status();
}

}  // namespace

StatusOr<std::string> seal_envelope(Envelope draft, std::string_view payload, const SigningKey& key,
                                    Random* random) {
  for (const std::string* name : {&draft.id, &draft.issuer, &draft.audience, &draft.key_id})
    if (name->empty() || name->size() > kMaxDidBytes || !is_valid_utf8(*name))
      return invalid(format("has a name that is not 1 to {} bytes of UTF-8", kMaxDidBytes));
  if (!is_span(draft)) return invalid("expires before it is issued");
  TAU_ASSIGN_OR_RETURN(const Secret nonce, random_secret(random, kNonceBytes));
  draft.nonce = nonce.reveal([](std::string_view bytes) { return std::string(bytes); });
  draft.payload_hash = bytes_of(crypto::sha256(payload));
  json::Value value = to_value(draft);
  value.set("signature", crypto::base64url_encode(key.sign(signed_bytes(value))));
  return json::canonical(value);
}

KeyLookup keys_of_dids(Resolve resolve) {
  return [resolve = std::move(resolve)](const std::string& issuer, const std::string& key_id,
                                        int64_t) -> StatusOr<PublicKey> {
    TAU_ASSIGN_OR_RETURN(const DidDocument document, resolve(issuer));
    if (document.id != issuer) return refuse("unknown_key", "the document is that of another DID");
    return document.key_for(Relationship::kAssertionMethod, key_id);
  };
}

KeyLookup keys_of_roots(std::shared_ptr<const TrustRoots> roots) {
  return [roots = std::move(roots)](const std::string& issuer, const std::string& key_id, int64_t now_ms) {
    return roots->key_for(issuer, key_id, now_ms);
  };
}

StatusOr<Envelope> open_envelope(std::string_view text, std::string_view payload,
                                 const EnvelopeOptions& options, const KeyLookup& lookup, ReplayStore& replay,
                                 int64_t now_ms) {
  if (text.size() > kMaxEnvelopeBytes) return invalid(format("has more than {} bytes", kMaxEnvelopeBytes));
  const auto value = json::parse(text);
  if (!value.ok()) return invalid(format("is not JSON: {}", value.status().message()));
  std::string signature;
  TAU_ASSIGN_OR_RETURN(Envelope envelope, read(*value, signature));
  if (envelope.audience != options.audience)
    return refuse("wrong_audience", format("the envelope is for {}", envelope.audience));
  TAU_RETURN_IF_ERROR(check_times(envelope, options, now_ms));
  if (bytes_of(crypto::sha256(payload)) != envelope.payload_hash)
    return refuse("payload_mismatch", "the envelope is that of another payload");
  TAU_ASSIGN_OR_RETURN(const PublicKey key, lookup(envelope.issuer, envelope.key_id, now_ms));
  if (!crypto::ed25519_verify(key, signed_bytes(to_value(envelope)), signature))
    return refuse("invalid_signature", format("the envelope is not signed with {}", envelope.key_id));
  TAU_RETURN_IF_ERROR(replay.admit(digest_of(kDomain, {envelope.audience, envelope.issuer, envelope.nonce}),
                                   envelope.issued_ms, envelope.expires_ms + options.skew_ms, now_ms));
  return envelope;
}

}  // namespace tau::access
