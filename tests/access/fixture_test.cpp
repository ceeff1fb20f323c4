// One file of identities that every language can be driven with: golden/identity.json holds what libtau makes
// of seeds that are small numbers; docs/identity.md says how to read it. TAU_UPDATE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNowSeconds = 1'700'000'000;
constexpr int64_t kNow = kNowSeconds * 1000;
const char* const kPayload = "{\"text\":\"hello\"}";

std::string path() {
  return std::string(std::getenv("TAU_GOLDEN") != nullptr ? std::getenv("TAU_GOLDEN") : ".") +
         "/identity.json";
}

json::Value object(std::initializer_list<std::pair<const char*, json::Value>> members) {
  json::Value out = json::Value::object();
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

// In its three parts: as a whole it looks like somebody's token.
json::Value parts_of(const std::string& jws) {
  const size_t first = jws.find('.'), last = jws.rfind('.');
  return json::Value::Array{jws.substr(0, first), jws.substr(first + 1, last - first - 1),
                            jws.substr(last + 1)};
}

json::Value keys() {
  json::Value out = json::Value::array();
  for (unsigned number = 0; number < 5; ++number) {
    const SigningKey key = key_number(number);
    out.push_back(object({{"seed_number", int64_t{number}},
                          {"public_key_hex", crypto::hex(bytes_of(key.public_key()))},
                          {"did", key.did()},
                          {"key_id", key.key_id()},
                          {"key_agreement", encode_multikey(KeyType::kX25519, *crypto::x25519_from_ed25519(
                                                                                  key.public_key()))}}));
  }
  return out;
}

json::Value documents() {
  json::Value out = json::Value::array();
  const std::string did = key_number(1).did();
  const std::pair<const char*, KeyFormat> formats[] = {
      {"Multikey", KeyFormat::kMultikey},
      {"Ed25519VerificationKey2020", KeyFormat::kEd25519VerificationKey2020},
      {"JsonWebKey2020", KeyFormat::kJsonWebKey2020}};
  for (const auto& [name, format] : formats)
    out.push_back(object({{"did", did},
                          {"format", name},
                          {"key_agreement", true},
                          {"document", *did_key_document(did, {.format = format, .key_agreement = true})}}));
  return out;
}

json::Value webs() {
  json::Value out = json::Value::array();
  for (const char* did :
       {"did:web:example.com", "did:web:example.com%3A8443", "did:web:example.com:user:alice",
        "did:web:example.com:%C3%A4", "did:web:127.0.0.1", "did:web:Example.com", "did:web:localhost",
        "did:web:example.com%3A443", "did:web:example.com:..", "did:web:example.com:%2E",
        "did:web:user%40example.com"}) {
    const auto url = did_web_url(did);
    out.push_back(object({{"did", did}, {"url", url.ok() ? json::Value(*url) : json::Value()}}));
  }
  return out;
}

json::Value proof() {
  const SigningKey key = key_number(1);
  const Challenge challenge{.audience = "agent.example",
                            .purpose = "pair",
                            .nonce = crypto::base64url_encode(std::string(32, '\x2a')),
                            .issued_s = kNowSeconds,
                            .expires_s = kNowSeconds + 120};
  return object({{"seed_number", 1},
                 {"challenge", *json::parse(to_json(challenge))},
                 {"jws", parts_of(*prove(key, name_of(key), challenge, "agent.example", "pair"))}});
}

json::Value envelope() {
  const SigningKey key = key_number(2);
  CountingRandom random;
  Envelope draft;
  draft.id = "evt-1";
  draft.issuer = key.did();
  draft.audience = "telegram:4711";
  draft.key_id = key.key_id();
  draft.issued_ms = kNow;
  draft.expires_ms = kNow + 300'000;
  return object({{"seed_number", 2},
                 {"payload", kPayload},
                 {"envelope", *json::parse(*seal_envelope(draft, kPayload, key, &random))}});
}

json::Value card() {
  const SigningKey key = key_number(3);
  const json::Value bare = *json::parse(
      R"({"name":"Fixture","description":"A card","version":"1.0.0","url":"https://agent.example/a2a",)"
      R"("capabilities":{"streaming":true},"skills":[{"id":"s","name":"\u00fc","tags":[]}],"weight":0.5})");
  return object(
      {{"seed_number", 3}, {"card", *sign_card(bare, key, name_of(key), kNowSeconds, kNowSeconds + 86'400)}});
}

json::Value trust_roots() {
  json::Value list = *json::parse(
      R"({"schema_version":1,"version":1,"threshold":2,"keys":[],"revoked":[],"signatures":[]})");
  list.set("issued_ms", kNow);
  list.set("expires_ms", kNow + 86'400'000);
  list.set("roots",
           json::Value::Array{key_number(1).multikey(), key_number(2).multikey(), key_number(3).multikey()});
  list.set("keys", json::Value::Array{object({{"id", "alice-1"},
                                              {"key", key_number(4).multikey()},
                                              {"issuers", json::Value::Array{"alice"}},
                                              {"expires_ms", kNow + 86'400'000}})});
  const std::string text =
      *sign_trust_roots(*sign_trust_roots(json::write(list), key_number(1)), key_number(3));
  return object({{"list", *json::parse(text)}, {"digest", crypto::hex(TrustRoots::open(text, 0)->digest())}});
}

json::Value fixture() {
  return object(
      {{"about",
        "Made by tests/access/fixture_test.cpp. The private key of seed number N is N as 32 bytes, most "
        "significant first, as in the did:key vectors of the W3C: these keys are everybody's."},
       {"now_ms", kNow},
       {"keys", keys()},
       {"did_key_documents", documents()},
       {"did_web", webs()},
       {"proof", proof()},
       {"envelope", envelope()},
       {"agent_card", card()},
       {"trust_roots", trust_roots()}});
}

TEST(IdentityFixture, IsWhatTheLibraryMakes) {
  const std::string wanted = json::write_pretty(fixture()) + "\n";
  if (std::getenv("TAU_UPDATE_GOLDEN") != nullptr) std::ofstream(path()) << wanted;
  std::ifstream file(path());
  const std::string found((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(found, wanted) << "golden/identity.json differs; TAU_UPDATE_GOLDEN=1 writes it";
}

// Everything in it verifies, and nothing does when it is changed.
TEST(IdentityFixture, Verifies) {
  const json::Value all = fixture();
  const json::Value& proof = all["proof"]["jws"];
  const std::string jws = std::string(proof.as_array()[0].as_string()) + "." +
                          std::string(proof.as_array()[1].as_string()) + "." +
                          std::string(proof.as_array()[2].as_string());
  EXPECT_TRUE(parse_jws(jws)->verified_by(key_number(1).public_key()));
  EXPECT_TRUE(
      verify_card(json::write(all["agent_card"]["card"]), key_number(3).did(), resolve_did_key, kNow).ok());
  ReplayStore replay(4);
  const EnvelopeOptions options{.audience = "telegram:4711"};
  const KeyLookup lookup = keys_of_dids(resolve_did_key);
  const std::string envelope = json::write(all["envelope"]["envelope"]);
  EXPECT_FALSE(open_envelope(envelope, "other", options, lookup, replay, kNow).ok());
  EXPECT_TRUE(open_envelope(envelope, kPayload, options, lookup, replay, kNow).ok());
  EXPECT_FALSE(open_envelope(envelope, kPayload, options, lookup, replay, kNow).ok());
}

}  // namespace
}  // namespace tau::access
