#include "access/document.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "access/fields.h"

namespace tau::access {
namespace {

constexpr std::string_view kReason = "invalid_did_document";
constexpr std::array<std::string_view, kRelationships> kRelationshipNames = {
    "authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation"};
constexpr std::array<std::string_view, 5> kPrivateMembers = {
    "privateKeyJwk", "privateKeyMultibase", "privateKeyBase58", "privateKeyPem", "secretKeyMultibase"};

Status invalid(std::string_view complaint) {
  return invalid_argument(kReason, format("the DID document {}", complaint));
}

Status published() {
  return invalid_argument("private_key_published", "the DID document has a private key: the DID is lost");
}

struct Key {
  KeyType type = KeyType::kOther;
  PublicKey key = {};
};

// Key types that are not of OKP are nothing that libtau could use.
StatusOr<Key> read_jwk(const json::Value& jwk) {
  if (!jwk.is_object()) return invalid("has a publicKeyJwk that is not an object");
  if (jwk.contains("d") || jwk.contains("k")) return published();
  const std::string_view curve = jwk["crv"].as_string();
  if (!jwk["kty"].is_string()) return invalid("has a JWK without \"kty\"");
  if (jwk["kty"].as_string() != "OKP" || (curve != "Ed25519" && curve != "X25519")) return Key();
  const auto x = crypto::base64url_decode(jwk["x"].as_string());
  if (!x.ok() || x->size() != sizeof(PublicKey))
    return invalid("has a JWK whose \"x\" is not 32 bytes in base64url");
  Key out{curve == "Ed25519" ? KeyType::kEd25519 : KeyType::kX25519, {}};
  std::copy(x->begin(), x->end(), out.key.begin());
  if (out.type == KeyType::kEd25519 && !crypto::is_ed25519_key(out.key))
    return invalid("has a JWK that is no point that Ed25519 makes");
  const std::string_view use = jwk["use"].as_string("sig");
  const std::string_view algorithm = jwk["alg"].as_string("EdDSA");
  if (out.type == KeyType::kEd25519 && (use != "sig" || (algorithm != "EdDSA" && algorithm != "Ed25519")))
    return invalid("has an Ed25519 JWK that is not for signatures with EdDSA");
  return out;
}

StatusOr<Key> read_multibase(const json::Value& text, std::optional<KeyType> wanted) {
  auto decoded = decode_multikey(text.as_string());
  if (!decoded.ok()) return invalid(decoded.status().message());
  if (wanted && decoded->type != *wanted)
    return invalid("has a method whose key is of another kind than its type");
  return Key{decoded->type, decoded->key};
}

StatusOr<Key> read_key(const json::Value& method, std::string_view type) {
  for (const std::string_view member : kPrivateMembers)
    if (method.contains(member)) return published();
  const json::Value* const jwk = method.find("publicKeyJwk");
  const json::Value* const multibase = method.find("publicKeyMultibase");
  if (jwk != nullptr && multibase != nullptr) return invalid("has a method with two keys");
  if (type == "JsonWebKey2020" || type == "JsonWebKey")
    return jwk != nullptr ? read_jwk(*jwk) : StatusOr<Key>(invalid("has a method without its publicKeyJwk"));
  std::optional<KeyType> wanted;
  if (type == "Ed25519VerificationKey2020") {
    wanted = KeyType::kEd25519;
  } else if (type == "X25519KeyAgreementKey2020") {
    wanted = KeyType::kX25519;
  } else if (type != "Multikey") {
    return Key();
  }
  if (multibase == nullptr) return invalid("has a method without its publicKeyMultibase");
  return read_multibase(*multibase, wanted);
}

// "#name" stands for a name in the document.
std::string absolute(std::string_view reference, std::string_view did) {
  return reference.starts_with('#') ? std::string(did).append(reference) : std::string(reference);
}

// The index of the method in `document`, which has it only once.
StatusOr<size_t> add_method(const json::Value& value, DidDocument& document) {
  Fields fields(value, "a verification method", kReason);
  VerificationMethod method;
  method.id = absolute(fields.text("id", kMaxDidBytes), document.id);
  method.type = fields.text("type", 128);
  method.controller = fields.text("controller", kMaxDidBytes);
  fields.require(document.methods.size() < kMaxMethods, "is one too many");
  if (!fields.ok()) return fields.finish({});
  const auto name = parse_did_url(method.id);
  if (!name.ok() || name->fragment.empty() || name->did != document.id)
    return invalid("has a method whose id is not its own DID and a fragment");
  if (!parse_did(method.controller).ok()) return invalid("has a method whose controller is not a DID");
  for (const VerificationMethod& other : document.methods)
    if (other.id == method.id) return invalid("has two methods of one id");
  TAU_ASSIGN_OR_RETURN(const Key key, read_key(value, method.type));
  method.key_type = key.type;
  method.key = key.key;
  document.methods.push_back(std::move(method));
  return document.methods.size() - 1;
}

Status add_relationship(const json::Value& list, size_t relationship, DidDocument& document) {
  const std::string_view name = kRelationshipNames[relationship];
  if (!list.is_array() || list.size() > kMaxMethods)
    return invalid(format("has a \"{}\" that is not an array of at most {} items", name, kMaxMethods));
  std::vector<size_t>& to = document.relationships[relationship];
  for (const json::Value& item : list.as_array()) {
    if (!item.is_string()) {
      TAU_ASSIGN_OR_RETURN(const size_t index, add_method(item, document));
      to.push_back(index);
      continue;
    }
    const std::string id = absolute(item.as_string(), document.id);
    const auto parsed = parse_did_url(id);
    if (!parsed.ok() || parsed->fragment.empty())
      return invalid(format("has a malformed id in \"{}\"", name));
    if (parsed->did != document.id) continue;  // the key of another: never followed
    const auto found = std::find_if(document.methods.begin(), document.methods.end(),
                                    [&](const VerificationMethod& method) { return method.id == id; });
    if (found == document.methods.end())
      return invalid(format("has an id in \"{}\" that none of its methods has", name));
    to.push_back(static_cast<size_t>(found - document.methods.begin()));
  }
  return ok_status();
}

bool is_context(const json::Value& context) {
  const auto is_one = [](const json::Value& value) { return value.is_string() || value.is_object(); };
  const auto& items = context.as_array();
  return is_one(context) || (!items.empty() && std::all_of(items.begin(), items.end(), is_one));
}

StatusOr<DidDocument> read_document(const json::Value& value, std::string_view did) {
  if (!value.is_object()) return invalid("is not a JSON object");
  if (value["id"].as_string() != did) return invalid(format("is not that of {}", did));
  if (const json::Value* const context = value.find("@context"); context != nullptr && !is_context(*context))
    return invalid("has an \"@context\" that is none");
  DidDocument out;
  out.id = did;
  if (const json::Value* const methods = value.find("verificationMethod")) {
    if (!methods->is_array()) return invalid("has a \"verificationMethod\" that is not an array");
    for (const json::Value& method : methods->as_array()) {
      const auto added = add_method(method, out);
      if (!added.ok()) return added.status();
    }
  }
  for (size_t i = 0; i < kRelationships; ++i)
    if (const json::Value* const list = value.find(kRelationshipNames[i]))
      TAU_RETURN_IF_ERROR(add_relationship(*list, i, out));
  return out;
}

}  // namespace

StatusOr<PublicKey> DidDocument::key_for(Relationship relationship, std::string_view key_id) const {
  const auto& indexes = relationships[static_cast<size_t>(relationship)];
  const auto found =
      std::find_if(indexes.begin(), indexes.end(), [&](size_t index) { return methods[index].id == key_id; });
  if (found == indexes.end())
    return Status(Code::kUnauthenticated, "unknown_key",
                  format("{} has no such key in its \"{}\"", id,
                         kRelationshipNames[static_cast<size_t>(relationship)]));
  const VerificationMethod& method = methods[*found];
  if (method.key_type == KeyType::kEd25519 && method.controller == id) return method.key;
  return Status(Code::kUnauthenticated, "unsupported_key_type",
                format("{} is not an Ed25519 key that the DID controls itself", method.id));
}

StatusOr<DidDocument> parse_did_document(std::string_view text, std::string_view did) {
  TAU_ASSIGN_OR_RETURN(const DidUrl parsed, parse_did(did));
  if (text.size() > kMaxDocumentBytes) return invalid(format("has more than {} bytes", kMaxDocumentBytes));
  const auto value = json::parse(text);
  if (!value.ok()) return invalid(format("is not JSON: {}", value.status().message()));
  return read_document(*value, parsed.did);
}

StatusOr<DidDocument> resolve_did_key(const std::string& did) {
  TAU_ASSIGN_OR_RETURN(const json::Value document, did_key_document(did));
  return read_document(document, did);
}

StatusOr<DidDocument> resolve_did(std::string_view did, const ResolveOptions& options) {
  TAU_ASSIGN_OR_RETURN(const DidUrl parsed, parse_did(did));
  if (parsed.method == "key") return resolve_did_key(parsed.did);
  if (parsed.method != "web")
    return unimplemented(format("resolving DIDs of the method \"{}\"", parsed.method));
  TAU_ASSIGN_OR_RETURN(const std::string url, did_web_url(did, options.web));
  if (!options.fetch) return failed_precondition("no_fetch", "a did:web is resolved over the network only");
  TAU_ASSIGN_OR_RETURN(const std::string text, options.fetch(url));
  return parse_did_document(text, did);
}

}  // namespace tau::access
