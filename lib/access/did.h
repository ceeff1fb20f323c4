// DIDs (W3C DID Core 1.0): syntax, did:key and did:web, and the address of a did:web document.
#pragma once

#include <string>
#include <string_view>

#include "access/key.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxDidBytes = 1024;

// A DID, or the URL of something in its document. Paths, queries and parameters are refused.
struct DidUrl {
  std::string did;       // "did:web:example.com"
  std::string method;    // "web"
  std::string id;        // "example.com"
  std::string fragment;  // empty: none
};

// INVALID_ARGUMENT "invalid_did". Method names are lower case; escapes have two upper-case hexadecimal
// digits.
StatusOr<DidUrl> parse_did_url(std::string_view text);
StatusOr<DidUrl> parse_did(std::string_view text);  // no fragment

// did:key of an Ed25519 key. INVALID_ARGUMENT "invalid_did", "invalid_multikey" or "unsupported_key_type".
StatusOr<PublicKey> did_key_public_key(std::string_view did);

// The types that a did:key document can be written with.
enum class KeyFormat : uint8_t { kMultikey, kEd25519VerificationKey2020, kJsonWebKey2020 };

struct DidKeyOptions {
  KeyFormat format = KeyFormat::kMultikey;
  bool key_agreement = false;  // adds the X25519 key that belongs to the key
};

// The document that did:key defines for it.
StatusOr<json::Value> did_key_document(std::string_view did, const DidKeyOptions& options = {});

// What a did:web may name besides domain names of two labels and more.
struct WebOptions {
  bool allow_addresses = false;     // IPv4 in dotted decimal; IPv6 has no form in a DID
  bool allow_single_label = false;  // "localhost"
};

// The address of the document, https alone. One DID for each address and one address for each DID: host names
// in lower case, no port 443, escapes only where a character needs one. INVALID_ARGUMENT "invalid_did_web".
StatusOr<std::string> did_web_url(std::string_view did, const WebOptions& options = {});
// The way back; the address ends in "/did.json".
StatusOr<std::string> did_web_from_url(std::string_view url, const WebOptions& options = {});

}  // namespace tau::access
