// What the tests of access share: keys from small seeds, randomness that repeats, a world of did:key and
// did:web.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "access/access.h"

namespace tau::access {

// The key of the seed that is this number, most significant byte first, as in the did:key vectors of the W3C.
inline SigningKey key_number(unsigned number) {
  std::string seed(32, '\0');
  seed[31] = static_cast<char>(number & 0xff);
  seed[30] = static_cast<char>(number >> 8 & 0xff);
  return *SigningKey::from_seed(Secret(seed));
}

inline KeyName name_of(const SigningKey& key) { return {key.did(), key.key_id()}; }

// The same bytes in every run, and none twice.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state_ >> 56);
    }
  }

 private:
  uint64_t state_ = 1;
};

// Gives one byte for ever.
class StuckRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override { std::fill(out.begin(), out.end(), std::byte{7}); }
};

// A web of documents by address; counts what is fetched.
struct Web {
  std::map<std::string, std::string> documents;
  int fetched = 0;

  Resolve resolver() {
    return [this](const std::string& did) {
      return resolve_did(did, {.fetch = [this](const std::string& url) -> StatusOr<std::string> {
                                 ++fetched;
                                 const auto found = documents.find(url);
                                 if (found == documents.end()) return not_found("http_404", url);
                                 return found->second;
                               },
                               .web = {}});
    };
  }
};

// A document of a did:web with that key as "#key-1" in those relationships.
inline std::string web_document(const std::string& did, const SigningKey& key,
                                std::initializer_list<const char*> relationships) {
  json::Value method = json::Value::object();
  method.set("id", did + "#key-1");
  method.set("type", "Multikey");
  method.set("controller", did);
  method.set("publicKeyMultibase", key.multikey());
  json::Value document = json::Value::object();
  document.set("id", did);
  document.set("verificationMethod", json::Value(json::Value::Array{method}));
  for (const char* relationship : relationships)
    document.set(relationship, json::Value(json::Value::Array{json::Value(did + "#key-1")}));
  return json::write(document);
}

}  // namespace tau::access
