#include "access/proof.h"

#include <utility>

#include "access/binding.h"
#include "access/fields.h"
#include "access/jws.h"

namespace tau::access {
namespace {

constexpr std::string_view kType = "tau-proof+jws";
constexpr size_t kSaltBytes = 16;
constexpr size_t kTagBytes = 16;
constexpr size_t kMaxNonceBytes = 64;

json::Value to_value(const Challenge& challenge) {
  json::Value out = json::Value::object();
  out.set("aud", challenge.audience);
  out.set("exp", challenge.expires_s);
  out.set("iat", challenge.issued_s);
  out.set("nonce", challenge.nonce);
  out.set("purpose", challenge.purpose);
  return out;
}

Challenge read(Fields& fields) {
  Challenge out;
  out.audience = fields.text("aud", kMaxNameBytes);
  out.purpose = fields.text("purpose", kMaxNameBytes);
  out.nonce = crypto::base64url_encode(fields.bytes("nonce", kSaltBytes, kMaxNonceBytes));
  out.issued_s = fields.integer("iat", 0, kMostInteger / 1000);
  out.expires_s = fields.integer("exp", 0, kMostInteger / 1000);
  fields.require(out.expires_s > out.issued_s && out.expires_s - out.issued_s <= kMaxChallengeSeconds,
                 format("is not valid for 1 to {} seconds", kMaxChallengeSeconds));
  return out;
}

std::string random_bytes(Random& random, size_t size) {
  std::string out(size, '\0');
  random.fill(std::as_writable_bytes(std::span(out)));
  return out;
}

}  // namespace

std::string to_json(const Challenge& challenge) { return json::canonical(to_value(challenge)); }

StatusOr<Challenge> parse_challenge(std::string_view text) {
  const auto value = json::parse(text.substr(0, kMaxJwsBytes));
  if (!value.ok()) return invalid_argument("invalid_challenge", value.status().message());
  Fields fields(*value, "the challenge", "invalid_challenge");
  Challenge out = read(fields);
  TAU_RETURN_IF_ERROR(fields.finish({"aud", "exp", "iat", "nonce", "purpose"}));
  return out;
}

StatusOr<std::string> prove(const SigningKey& key, const KeyName& name, const Challenge& challenge,
                            std::string_view audience, std::string_view purpose) {
  if (challenge.audience != audience)
    return invalid_argument("wrong_audience", format("the challenge is of {}", challenge.audience));
  if (challenge.purpose != purpose)
    return invalid_argument("wrong_purpose", format("the challenge is for {}", challenge.purpose));
  json::Value header = json::Value::object();
  header.set("kid", name.key_id);
  header.set("typ", kType);
  json::Value claims = to_value(challenge);
  claims.set("iss", name.did);
  return sign_jws(key, header, json::canonical(claims));
}

ProofVerifier::ProofVerifier(Options options, Random& random, Secret mac_key)
    : options_(std::move(options)),
      random_(random),
      mac_key_(std::move(mac_key)),
      replay_(options_.replay_capacity) {}

StatusOr<std::unique_ptr<ProofVerifier>> ProofVerifier::create(Options options, Random* random) {
  if (options.audience.empty() || options.audience.size() > kMaxNameBytes || options.lifetime_s < 1 ||
      options.lifetime_s > kMaxChallengeSeconds)
    return invalid_argument(
        "invalid_options",
        format("a verifier needs an audience of 1 to {} bytes and challenges that last 1 to {} s",
               kMaxNameBytes, kMaxChallengeSeconds));
  TAU_ASSIGN_OR_RETURN(Secret mac_key, random_secret(random, sizeof(crypto::Digest)));
  return std::unique_ptr<ProofVerifier>(new ProofVerifier(std::move(options), *random, std::move(mac_key)));
}

std::string ProofVerifier::tag(const Challenge& challenge, std::string_view salt) const {
  const std::string covered =
      bind("tau challenge 1", {salt, challenge.audience, challenge.purpose, format("{}", challenge.issued_s),
                               format("{}", challenge.expires_s)});
  return std::string(bytes_of(crypto::hmac_sha256(mac_key_, covered)).substr(0, kTagBytes));
}

StatusOr<Challenge> ProofVerifier::challenge(std::string_view purpose, int64_t now_ms) {
  if (purpose.empty() || purpose.size() > kMaxNameBytes || !is_valid_utf8(purpose))
    return invalid_argument("invalid_purpose", format("a purpose has 1 to {} bytes", kMaxNameBytes));
  Challenge out;
  out.audience = options_.audience;
  out.purpose = purpose;
  out.issued_s = now_ms / 1000;
  out.expires_s = out.issued_s + options_.lifetime_s;
  const std::string salt = random_bytes(random_, kSaltBytes);
  out.nonce = crypto::base64url_encode(salt + tag(out, salt));
  return out;
}

Status ProofVerifier::check(const Challenge& challenge, std::string_view purpose, int64_t now_ms) const {
  if (challenge.audience != options_.audience)
    return refuse("wrong_audience", format("the proof is for {}", challenge.audience));
  if (challenge.purpose != purpose)
    return refuse("wrong_purpose", format("the proof is for the purpose {}", challenge.purpose));
  const std::string nonce = *crypto::base64url_decode(challenge.nonce);
  const std::string_view salt = std::string_view(nonce).substr(0, kSaltBytes);
  if (!constant_time_equal(std::string_view(nonce).substr(kSaltBytes), tag(challenge, salt)))
    return refuse("unknown_challenge", "the proof answers no challenge of this verifier");
  if (now_ms < challenge.issued_s * 1000)
    return refuse("proof_not_yet_valid", "the proof is from the future");
  if (now_ms >= challenge.expires_s * 1000) return refuse("proof_expired", "the challenge has expired");
  return ok_status();
}

StatusOr<Proof> ProofVerifier::verify(std::string_view proof, std::string_view purpose, std::string_view did,
                                      const Resolve& resolve, int64_t now_ms) {
  TAU_ASSIGN_OR_RETURN(const Jws jws, parse_jws(proof));
  if (jws.header["typ"].as_string() != kType)
    return invalid_argument("invalid_proof", format("the signature is not of the type {}", kType));
  const auto claims = json::parse(jws.payload);
  if (!claims.ok()) return invalid_argument("invalid_proof", claims.status().message());
  Fields fields(*claims, "the proof", "invalid_proof");
  const Challenge challenge = read(fields);
  Proof out{fields.text("iss", kMaxDidBytes), std::string(jws.header["kid"].as_string())};
  fields.require(!out.key_id.empty() && out.key_id.size() <= kMaxDidBytes, "has no \"kid\"");
  TAU_RETURN_IF_ERROR(fields.finish({"aud", "exp", "iat", "iss", "nonce", "purpose"}));
  TAU_RETURN_IF_ERROR(check(challenge, purpose, now_ms));
  if (!did.empty() && out.did != did) return refuse("wrong_did", format("the proof is of {}", out.did));
  TAU_ASSIGN_OR_RETURN(const DidDocument document, resolve(out.did));
  TAU_ASSIGN_OR_RETURN(const PublicKey key, document.key_for(Relationship::kAuthentication, out.key_id));
  if (document.id != out.did || !jws.verified_by(key))
    return refuse("invalid_signature", format("the proof is not signed with {}", out.key_id));
  TAU_RETURN_IF_ERROR(replay_.admit(digest_of("tau proof 1", {challenge.nonce}), challenge.issued_s * 1000,
                                    challenge.expires_s * 1000, now_ms));
  return out;
}

}  // namespace tau::access
