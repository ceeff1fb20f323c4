// DIDs, the addresses of did:web, keys as text, and DID documents.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/access.h"

namespace tau::access {
namespace {

void require(bool law) {
  if (!law) std::abort();
}

void check_names(std::string_view text) {
  if (const auto parsed = parse_did_url(text); parsed.ok()) {
    std::string again = "did:" + parsed->method + ":" + parsed->id;
    require(again == parsed->did);
    if (!parsed->fragment.empty()) again += "#" + parsed->fragment;
    require(again == text);
  }
  for (const bool open : {false, true}) {
    const WebOptions options{.allow_addresses = open, .allow_single_label = open};
    if (const auto url = did_web_url(text, options); url.ok()) {
      require(*did_web_from_url(*url, options) == text && parse_did(text).ok());
      require(url->find_first_of("@?#\\ ") == url->npos && url->find("/../") == url->npos);
    }
    if (const auto did = did_web_from_url(text, options); did.ok())
      require(*did_web_url(*did, options) == text);
  }
  if (const auto key = decode_multikey(text); key.ok() && key->type != KeyType::kOther)
    require(encode_multikey(key->type, key->key) == text);
  if (const auto key = did_key_public_key(text); key.ok())
    require(resolve_did_key(std::string(text))->id == text);
}

// Whatever the document says, a key is given only under its own DID, and is one.
void check_document(std::string_view text) {
  const auto document = parse_did_document(text, "did:web:example.com");
  if (!document.ok()) {
    require(document.status().reason() == "invalid_did_document" ||
            document.status().reason() == "private_key_published");
    return;
  }
  require(document->id == "did:web:example.com" && document->methods.size() <= kMaxMethods);
  for (size_t i = 0; i < kRelationships; ++i) {
    for (const VerificationMethod& method : document->methods) {
      require(method.id.starts_with("did:web:example.com#"));
      const auto key = document->key_for(static_cast<Relationship>(i), method.id);
      if (key.ok()) require(crypto::is_ed25519_key(*key) && method.controller == document->id);
    }
  }
}

}  // namespace
}  // namespace tau::access

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tau::access::check_names(text);
  tau::access::check_document(text);
  return 0;
}
