#include "access/did.h"

#include <algorithm>
#include <cctype>

namespace tau::access {
namespace {

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

Status invalid(std::string_view text, std::string_view complaint) {
  return invalid_argument("invalid_did",
                          format("\"{}\" {}", truncate_utf8(repair_utf8(text), 200), complaint));
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_id_char(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

// idchars, colons and escapes; not empty, and no colon at the end.
bool is_method_id(std::string_view id) {
  if (id.empty() || id.back() == ':') return false;
  for (size_t i = 0; i < id.size(); ++i) {
    if (id[i] == '%') {
      if (i + 2 >= id.size() || kUpperHex.find(id[i + 1]) == kUpperHex.npos ||
          kUpperHex.find(id[i + 2]) == kUpperHex.npos)
        return false;
      i += 2;
    } else if (!is_id_char(id[i]) && id[i] != ':') {
      return false;
    }
  }
  return true;
}

// The characters of a fragment that names a key (RFC 3986), without escapes.
bool is_fragment(std::string_view text) {
  constexpr std::string_view kOthers = "~!$&'()*+,;=:@/?";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_id_char(c) || kOthers.find(c) != kOthers.npos;
  });
}

std::string_view type_name(KeyFormat format) {
  switch (format) {
    case KeyFormat::kMultikey: return "Multikey";
    case KeyFormat::kEd25519VerificationKey2020: return "Ed25519VerificationKey2020";
    default: return "JsonWebKey2020";
  }
}

json::Value method(const std::string& did, KeyType type, const PublicKey& key, KeyFormat format) {
  const std::string multikey = encode_multikey(type, key);
  const bool agreement = type == KeyType::kX25519;
  json::Value out = json::Value::object();
  out.set("id", did + "#" + multikey);
  out.set("type", agreement && format == KeyFormat::kEd25519VerificationKey2020 ? "X25519KeyAgreementKey2020"
                                                                                : type_name(format));
  out.set("controller", did);
  if (format == KeyFormat::kJsonWebKey2020) {
    json::Value jwk = json::Value::object();
    jwk.set("kty", "OKP");
    jwk.set("crv", agreement ? "X25519" : "Ed25519");
    jwk.set("x", crypto::base64url_encode(bytes_of(key)));
    out.set("publicKeyJwk", std::move(jwk));
  } else {
    out.set("publicKeyMultibase", multikey);
  }
  return out;
}

json::Value contexts(const DidKeyOptions& options) {
  json::Value out = json::Value::array();
  out.push_back("https://www.w3.org/ns/did/v1");
  if (options.format == KeyFormat::kMultikey) {
    out.push_back("https://w3id.org/security/multikey/v1");
  } else if (options.format == KeyFormat::kJsonWebKey2020) {
    out.push_back("https://w3id.org/security/suites/jws-2020/v1");
  } else {
    out.push_back("https://w3id.org/security/suites/ed25519-2020/v1");
    if (options.key_agreement) out.push_back("https://w3id.org/security/suites/x25519-2020/v1");
  }
  return out;
}

}  // namespace

StatusOr<DidUrl> parse_did_url(std::string_view text) {
  if (text.size() > kMaxDidBytes) return invalid(text, format("has more than {} bytes", kMaxDidBytes));
  DidUrl out;
  const size_t hash = text.find('#');
  out.did = text.substr(0, hash);
  if (hash != text.npos) {
    out.fragment = text.substr(hash + 1);
    if (!is_fragment(out.fragment)) return invalid(text, "has an empty or malformed fragment");
  }
  const std::string_view did = out.did;
  if (!did.starts_with("did:")) return invalid(text, "does not begin with \"did:\"");
  const size_t colon = did.find(':', 4);
  if (colon == did.npos) return invalid(text, "has no identifier behind its method");
  out.method = did.substr(4, colon - 4);
  if (out.method.empty() || !std::all_of(out.method.begin(), out.method.end(), is_lower_or_digit))
    return invalid(text, "has a method name that is not lower-case letters and digits");
  out.id = did.substr(colon + 1);
  if (!is_method_id(out.id)) return invalid(text, "has a malformed identifier");
  return out;
}

StatusOr<DidUrl> parse_did(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(DidUrl out, parse_did_url(text));
  if (!out.fragment.empty()) return invalid(text, "has a fragment");
  return out;
}

StatusOr<PublicKey> did_key_public_key(std::string_view did) {
  TAU_ASSIGN_OR_RETURN(const DidUrl parsed, parse_did(did));
  if (parsed.method != "key") return invalid(did, "is not a did:key");
  return decode_ed25519(parsed.id);
}

StatusOr<json::Value> did_key_document(std::string_view did, const DidKeyOptions& options) {
  TAU_ASSIGN_OR_RETURN(const PublicKey key, did_key_public_key(did));
  const std::string name(did);
  const std::string key_id = name + "#" + encode_multikey(KeyType::kEd25519, key);
  json::Value out = json::Value::object();
  out.set("@context", contexts(options));
  out.set("id", name);
  json::Value methods = json::Value::array();
  methods.push_back(method(name, KeyType::kEd25519, key, options.format));
  out.set("verificationMethod", std::move(methods));
  for (const char* relationship :
       {"authentication", "assertionMethod", "capabilityDelegation", "capabilityInvocation"}) {
    json::Value ids = json::Value::array();
    ids.push_back(key_id);
    out.set(relationship, std::move(ids));
  }
  if (options.key_agreement) {
    TAU_ASSIGN_OR_RETURN(const PublicKey agreement, crypto::x25519_from_ed25519(key));
    json::Value embedded = json::Value::array();
    embedded.push_back(method(name, KeyType::kX25519, agreement, options.format));
    out.set("keyAgreement", std::move(embedded));
  }
  return out;
}

}  // namespace tau::access
