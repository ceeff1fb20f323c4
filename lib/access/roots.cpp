#include "access/roots.h"

#include <algorithm>
#include <utility>

#include "access/binding.h"
#include "access/did.h"
#include "access/fields.h"

namespace tau::access {
namespace {

constexpr int64_t kFormat = 1;
constexpr std::string_view kReason = "invalid_trust_roots";
constexpr std::string_view kSignatures = "signatures";
constexpr size_t kMaxMultikeyBytes = 128;

Status invalid(std::string_view complaint) {
  return invalid_argument(kReason, format("the list of trust roots {}", complaint));
}

std::string signed_bytes(const json::Value& list) {
  json::Value bare = list;
  bare.erase(kSignatures);
  return bind("tau trust roots 1", {json::canonical(bare)});
}

}  // namespace

Status TrustRoots::read_key(const json::Value& value) {
  Fields fields(value, "a trusted key", kReason);
  const std::string id = fields.text("id", kMaxDidBytes);
  const std::string multikey = fields.text("key", kMaxMultikeyBytes);
  TrustedKey out;
  out.expires_ms = fields.time("expires_ms");
  for (const json::Value& issuer : fields.array("issuers", 1, kMaxIssuers).as_array()) {
    const std::string_view name = issuer.as_string();
    fields.require(!name.empty() && name.size() <= kMaxDidBytes, "has an issuer that is not a name");
    out.issuers.emplace(name);
  }
  TAU_RETURN_IF_ERROR(fields.finish({"expires_ms", "id", "issuers", "key"}));
  auto key = decode_ed25519(multikey);
  if (!key.ok()) return invalid(key.status().message());
  out.key = *key;
  if (revoked_.contains(multikey)) return invalid("trusts a key that it revokes");
  if (!known_.insert(out.key).second || !keys_.emplace(id, std::move(out)).second)
    return invalid("has a key or an id twice");
  return ok_status();
}

Status TrustRoots::read_keys(const json::Value& value) {
  Fields fields(value, "the list of trust roots", kReason);
  for (const json::Value& item : fields.array("revoked", 0, kMaxTrustedKeys).as_array()) {
    const auto key = decode_ed25519(item.as_string());
    fields.require(key.ok() && revoked_.emplace(item.as_string()).second, "revokes no key, or one twice");
  }
  for (const json::Value& item : fields.array("roots", 1, kMaxRoots).as_array()) {
    const auto key = decode_ed25519(item.as_string());
    fields.require(key.ok() && !revoked_.contains(std::string(item.as_string())) &&
                       roots_.emplace(item.as_string(), key.ok() ? *key : PublicKey{}).second,
                   "has a root that is no key, is revoked or is there twice");
  }
  threshold_ = static_cast<size_t>(fields.integer("threshold", 1, static_cast<int64_t>(kMaxRoots)));
  fields.require(threshold_ <= roots_.size(), "asks for more signatures than it has roots");
  if (!fields.ok()) return fields.finish({});
  for (const json::Value& item : fields.array("keys", 0, kMaxTrustedKeys).as_array())
    TAU_RETURN_IF_ERROR(read_key(item));
  return fields.ok() ? ok_status() : fields.finish({});
}

Status TrustRoots::read_signatures(const json::Value& list) {
  for (const json::Value& item : list.as_array()) {
    Fields fields(item, "a signature", kReason);
    const std::string key = fields.text("key", kMaxMultikeyBytes);
    const std::string signature =
        fields.bytes("signature", sizeof(crypto::Signature), sizeof(crypto::Signature));
    TAU_RETURN_IF_ERROR(fields.finish({"key", "signature"}));
    if (!signatures_.emplace(key, signature).second) return invalid("has two signatures of one key");
  }
  return ok_status();
}

StatusOr<TrustRoots> TrustRoots::parse(std::string_view text) {
  if (text.size() > kMaxRootsBytes) return invalid(format("has more than {} bytes", kMaxRootsBytes));
  const auto value = json::parse(text);
  if (!value.ok()) return invalid(format("is not JSON: {}", value.status().message()));
  Fields fields(*value, "the list of trust roots", kReason);
  const int64_t format_version = fields.integer("schema_version", 0, kMostInteger);
  if (fields.ok() && format_version != kFormat)
    return invalid_argument("unsupported_version", format("the list of trust roots is of format {}, not {}",
                                                          format_version, kFormat));
  TrustRoots out;
  out.version_ = fields.integer("version", 1, kMostInteger);
  const int64_t issued_ms = fields.time("issued_ms");
  out.expires_ms_ = fields.time("expires_ms");
  fields.require(out.expires_ms_ > issued_ms, "expires before it is issued");
  const json::Value& signatures = fields.array(kSignatures, 0, 2 * kMaxRoots);
  TAU_RETURN_IF_ERROR(fields.finish({"expires_ms", "issued_ms", "keys", "revoked", "roots", "schema_version",
                                     "signatures", "threshold", "version"}));
  TAU_RETURN_IF_ERROR(out.read_keys(*value));
  TAU_RETURN_IF_ERROR(out.read_signatures(signatures));
  out.signed_bytes_ = signed_bytes(*value);
  out.digest_ = crypto::blake2b(out.signed_bytes_);
  out.text_ = text;
  return out;
}

size_t TrustRoots::signers(const TrustRoots& signed_list) const {
  return static_cast<size_t>(
      std::count_if(signed_list.signatures_.begin(), signed_list.signatures_.end(), [&](const auto& entry) {
        const auto root = roots_.find(entry.first);
        return root != roots_.end() &&
               crypto::ed25519_verify(root->second, signed_list.signed_bytes_, entry.second);
      }));
}

StatusOr<TrustRoots> TrustRoots::open(std::string_view text, int64_t least_version) {
  TAU_ASSIGN_OR_RETURN(TrustRoots out, parse(text));
  if (out.version_ < least_version)
    return failed_precondition("roots_rollback", format("version {} of the trust roots was seen; this is {}",
                                                        least_version, out.version_));
  const size_t count = out.signers(out);
  if (count < out.threshold_)
    return refuse("too_few_signatures", format("{} of {} roots have signed", count, out.threshold_));
  return out;
}

StatusOr<TrustRoots> TrustRoots::rotate(std::string_view text, int64_t now_ms) const {
  TAU_ASSIGN_OR_RETURN(TrustRoots next, open(text, version_ + 1));
  if (next.version_ != version_ + 1)
    return failed_precondition("roots_version_gap", format("version {} of the trust roots follows {}, not {}",
                                                           version_ + 1, version_, next.version_));
  const size_t count = signers(next);
  if (count < threshold_)
    return refuse("too_few_signatures", format("{} of {} roots of before have signed", count, threshold_));
  if (now_ms >= next.expires_ms_)
    return failed_precondition("roots_expired", "the list of trust roots has expired");
  if (!std::includes(next.revoked_.begin(), next.revoked_.end(), revoked_.begin(), revoked_.end()))
    return failed_precondition("key_unrevoked", "a key that was revoked is revoked no longer");
  return next;
}

StatusOr<PublicKey> TrustRoots::key_for(const std::string& issuer, const std::string& key_id,
                                        int64_t now_ms) const {
  if (now_ms >= expires_ms_) return refuse("roots_expired", "the list of trust roots has expired");
  const auto found = keys_.find(key_id);
  if (found == keys_.end()) return refuse("untrusted_key", format("the key {} is not trusted", key_id));
  if (now_ms >= found->second.expires_ms)
    return refuse("expired_key", format("the key {} has expired", key_id));
  if (!found->second.issuers.contains(issuer))
    return refuse("key_not_for_issuer", format("the key {} does not speak for {}", key_id, issuer));
  return found->second.key;
}

StatusOr<std::string> sign_trust_roots(std::string_view text, const SigningKey& key) {
  auto list = json::parse(text.substr(0, kMaxRootsBytes));
  if (!list.ok() || !list->is_object()) return invalid("is not a JSON object");
  json::Value signature = json::Value::object();
  signature.set("key", key.multikey());
  signature.set("signature", crypto::base64url_encode(key.sign(signed_bytes(*list))));
  json::Value signatures = json::Value::array();
  for (const json::Value& other : (*list)[kSignatures].as_array())
    if (other["key"].as_string() != key.multikey()) signatures.push_back(other);
  signatures.push_back(std::move(signature));
  list->set(kSignatures, std::move(signatures));
  return json::canonical(*list);
}

}  // namespace tau::access
