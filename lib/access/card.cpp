#include "access/card.h"

#include <utility>

#include "access/fields.h"
#include "access/jws.h"

namespace tau::access {
namespace {

constexpr std::string_view kSignatures = "signatures";
constexpr int64_t kSkewSeconds = 60;

Status invalid(std::string_view complaint) {
  return invalid_argument("invalid_card", format("the agent card {}", complaint));
}

Status check_card(const json::Value& card) {
  if (card["name"].as_string().empty()) return invalid("is not an object with a \"name\"");
  if (!has_safe_numbers(card)) return invalid("has a number beyond 2^53, which not every reader sees alike");
  const json::Value* const signatures = card.find(kSignatures);
  if (signatures == nullptr) return ok_status();
  if (!signatures->is_array() || signatures->size() > kMaxCardSignatures)
    return invalid(format("has \"signatures\" that are not an array of at most {}", kMaxCardSignatures));
  return ok_status();
}

std::string payload_of(const json::Value& card) {
  json::Value bare = card;
  bare.erase(kSignatures);
  return json::canonical(bare);
}

StatusOr<CardSignature> check_signature(const json::Value& signature, const std::string& payload,
                                        std::string_view did, const Resolve& resolve, int64_t now_ms) {
  TAU_ASSIGN_OR_RETURN(const Jws jws, parse_jws_parts(signature["protected"].as_string(), payload,
                                                      signature["signature"].as_string()));
  CardSignature out;
  Fields fields(jws.header, "the header of a signature", "invalid_jws");
  out.key_id = fields.text("kid", kMaxDidBytes);
  out.issued_s = fields.integer("iat", 0, kMostInteger / 1000);
  out.expires_s = fields.integer("exp", 0, kMostInteger / 1000);
  if (!fields.ok()) return fields.finish({});
  const auto name = parse_did_url(out.key_id);
  if (!name.ok() || name->fragment.empty())
    return refuse("unknown_key", "the agent card is signed with a key that no DID names");
  out.did = name->did;
  if (!did.empty() && out.did != did) return refuse("wrong_did", format("the card is signed by {}", out.did));
  if (now_ms < (out.issued_s - kSkewSeconds) * 1000)
    return refuse("card_not_yet_valid", "the agent card is from the future");
  if (now_ms >= out.expires_s * 1000)
    return refuse("card_expired", "the signature of the agent card has expired");
  TAU_ASSIGN_OR_RETURN(const DidDocument document, resolve(out.did));
  TAU_ASSIGN_OR_RETURN(const PublicKey key, document.key_for(Relationship::kAssertionMethod, out.key_id));
  if (document.id != out.did || !jws.verified_by(key))
    return refuse("invalid_signature", format("the agent card is not what {} signed", out.key_id));
  return out;
}

}  // namespace

StatusOr<json::Value> sign_card(json::Value card, const SigningKey& key, const KeyName& name,
                                int64_t issued_s, int64_t expires_s) {
  TAU_RETURN_IF_ERROR(check_card(card));
  if (card[kSignatures].size() >= kMaxCardSignatures) return invalid("has as many signatures as it can have");
  if (issued_s < 0 || expires_s <= issued_s || expires_s > kMostInteger / 1000)
    return invalid_argument("invalid_validity", "a signature expires after it is issued");
  json::Value header = json::Value::object();
  header.set("exp", expires_s);
  header.set("iat", issued_s);
  header.set("kid", name.key_id);
  header.set("typ", "JOSE");
  const std::string jws = sign_jws(key, header, payload_of(card));
  json::Value signature = json::Value::object();
  signature.set("protected", jws.substr(0, jws.find('.')));
  signature.set("signature", jws.substr(jws.rfind('.') + 1));
  json::Value signatures = card.contains(kSignatures) ? card[kSignatures] : json::Value::array();
  signatures.push_back(std::move(signature));
  card.set(kSignatures, std::move(signatures));
  return card;
}

StatusOr<CardSignature> verify_card(std::string_view text, std::string_view did, const Resolve& resolve,
                                    int64_t now_ms) {
  if (text.size() > kMaxCardBytes) return invalid(format("has more than {} bytes", kMaxCardBytes));
  const auto card = json::parse(text);
  if (!card.ok()) return invalid(format("is not JSON: {}", card.status().message()));
  TAU_RETURN_IF_ERROR(check_card(*card));
  const std::string payload = payload_of(*card);
  Status failure = refuse("card_unsigned", "the agent card has no signature");
  for (const json::Value& signature : (*card)[kSignatures].as_array()) {
    auto checked = check_signature(signature, payload, did, resolve, now_ms);
    if (checked.ok()) return checked;
    failure = std::move(checked).status();
  }
  return failure;
}

}  // namespace tau::access
