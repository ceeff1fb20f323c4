// Pins DID documents: what is read, what is refused, and which key may do what.
#include "access/document.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

const char* const kDid = "did:web:example.com";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

std::string jwk_of(const SigningKey& key) {
  return R"({"kty":"OKP","crv":"Ed25519","x":")" + crypto::base64url_encode(bytes_of(key.public_key())) +
         R"("})";
}

// One method of each type that is known, and one that is not.
std::string full_document() {
  const SigningKey a = key_number(1), b = key_number(2), c = key_number(3), d = key_number(4);
  const std::string agreement =
      encode_multikey(KeyType::kX25519, *crypto::x25519_from_ed25519(a.public_key()));
  return R"({"@context":["https://www.w3.org/ns/did/v1",{"extra":1}],"id":"did:web:example.com","alsoKnownAs":[],
"verificationMethod":[
{"id":"did:web:example.com#a","type":"Multikey","controller":"did:web:example.com","publicKeyMultibase":")" +
         a.multikey() + R"("},
{"id":"#b","type":"Ed25519VerificationKey2020","controller":"did:web:example.com","publicKeyMultibase":")" +
         b.multikey() + R"("},
{"id":"#c","type":"JsonWebKey2020","controller":"did:web:example.com","publicKeyJwk":)" +
         jwk_of(c) + R"(},
{"id":"#x","type":"X25519KeyAgreementKey2020","controller":"did:web:example.com","publicKeyMultibase":")" +
         agreement + R"("},
{"id":"#rsa","type":"JsonWebKey","controller":"did:web:example.com","publicKeyJwk":{"kty":"RSA","n":"AQ","e":"AQAB"}},
{"id":"#unknown","type":"FutureKey2030","controller":"did:web:example.com","publicKeyFuture":"?"},
{"id":"#foreign","type":"Multikey","controller":"did:web:other.example","publicKeyMultibase":")" +
         d.multikey() + R"("}],
"authentication":["#rsa","#b","did:web:example.com#c","did:web:other.example#key","#foreign",
{"id":"#embedded","type":"Multikey","controller":"did:web:example.com","publicKeyMultibase":")" +
         key_number(5).multikey() + R"("}],
"assertionMethod":["#a","#unknown","#x"],"keyAgreement":["#x"]})";
}

std::string reason(const StatusOr<PublicKey>& key) { return std::string(key.status().reason()); }

TEST(DidDocument, GivesKeysByRelationship) {
  const auto parsed = parse_did_document(full_document(), kDid);
  ASSERT_TRUE(parsed.ok()) << parsed.status().to_string();
  const DidDocument& document = *parsed;
  EXPECT_EQ(document.methods.size(), 8u);
  EXPECT_EQ(*document.key_for(Relationship::kAuthentication, "did:web:example.com#b"),
            key_number(2).public_key());
  EXPECT_EQ(*document.key_for(Relationship::kAuthentication, "did:web:example.com#c"),
            key_number(3).public_key());
  EXPECT_EQ(*document.key_for(Relationship::kAuthentication, "did:web:example.com#embedded"),
            key_number(5).public_key());
  EXPECT_EQ(*document.key_for(Relationship::kAssertionMethod, "did:web:example.com#a"),
            key_number(1).public_key());
  // A key serves in the relationships that name it, and in no other.
  EXPECT_EQ(reason(document.key_for(Relationship::kAuthentication, "did:web:example.com#a")), "unknown_key");
  EXPECT_EQ(reason(document.key_for(Relationship::kAssertionMethod, "did:web:example.com#embedded")),
            "unknown_key");
  EXPECT_EQ(reason(document.key_for(Relationship::kCapabilityInvocation, "")), "unknown_key");
  EXPECT_EQ(reason(document.key_for(Relationship::kAuthentication, "did:web:other.example#key")),
            "unknown_key");
  EXPECT_EQ(reason(document.key_for(Relationship::kAuthentication, "#b")), "unknown_key");
  // Keys of other kinds and of other controllers are there and never used.
  for (const char* id : {"did:web:example.com#rsa", "did:web:example.com#foreign"})
    EXPECT_EQ(reason(document.key_for(Relationship::kAuthentication, id)), "unsupported_key_type") << id;
  for (const char* id : {"did:web:example.com#unknown", "did:web:example.com#x"})
    EXPECT_EQ(reason(document.key_for(Relationship::kAssertionMethod, id)), "unsupported_key_type") << id;
  EXPECT_EQ(reason(document.key_for(Relationship::kKeyAgreement, "did:web:example.com#x")),
            "unsupported_key_type");
  EXPECT_EQ(reason(document.key_for(Relationship::kAuthentication, "")), "unknown_key");
}

TEST(DidDocument, NeedsNothingButItsId) {
  const auto document = parse_did_document(R"({"id":"did:web:example.com"})", kDid);
  ASSERT_TRUE(document.ok());
  EXPECT_TRUE(document->methods.empty());
  EXPECT_TRUE(
      parse_did_document(R"({"id":"did:web:example.com","@context":"https://www.w3.org/ns/did/v1"})", kDid)
          .ok());
}

TEST(DidDocument, RefusesWhatIsMalformed) {
  const std::string good = full_document();
  const std::string a = key_number(1).multikey();
  const std::string x = crypto::base64url_encode(bytes_of(key_number(3).public_key()));
  std::vector<std::string> bad = {
      "",
      "null",
      "[]",
      "{}",
      "{\"id\":1}",
      good + "x",
      good.substr(0, good.size() - 1),
      R"({"id":"did:web:example.com","id":"did:web:example.com"})",
      R"({"id":"did:web:example.com","@context":[]})",
      R"({"id":"did:web:example.com","@context":[1]})",
      R"({"id":"did:web:example.com","@context":null})",
      R"({"id":"did:web:example.com","verificationMethod":{}})",
      R"({"id":"did:web:example.com","verificationMethod":["#a"]})",
      R"({"id":"did:web:example.com","authentication":"#a"})",
      R"({"id":"did:web:example.com","authentication":["#a"]})",
      R"({"id":"did:web:example.com","authentication":[""]})",
      R"({"id":"did:web:example.com","authentication":[1]})",
      R"({"id":"did:web:example.com","authentication":["did:web:example.com"]})",
  };
  const std::pair<std::string, std::string> changes[] = {
      {R"("id":"did:web:example.com","also)", R"("id":"did:web:example.co","also)"},
      {R"("id":"did:web:example.com","also)", R"("id":"did:web:Example.com","also)"},
      {R"("id":"#b")", R"("id":"#a")"},
      {R"("id":"#b")", R"("id":"did:web:example.com")"},
      {R"("id":"#b")", R"("id":"did:web:other.example#b")"},
      {R"("id":"#b")", R"("id":"#")"},
      {R"("id":"#b")", R"("id":"#b b")"},
      {R"("id":"#b")", R"("id":"")"},
      {R"("id":"#b")", R"("id":7)"},
      {R"("type":"Multikey")", R"("type":1)"},
      {R"("controller":"did:web:example.com","publicKeyM)", R"("controller":"example.com","publicKeyM)"},
      {R"("controller":"did:web:example.com","publicKeyM)",
       R"("controller":"did:web:example.com#a","publicKeyM)"},
      {a, a + "1"},
      {a, "u" + a},
      {"\"" + a + "\"", "1"},
      {R"("publicKeyMultibase":")" + a, R"("publicKeyOther":")" + a},
      {R"("publicKeyMultibase":")" + a, R"("publicKeyJwk":{},"publicKeyMultibase":")" + a},
      // The type says Ed25519, the key does not; and the other way round.
      {R"("type":"Ed25519VerificationKey2020")", R"("type":"X25519KeyAgreementKey2020")"},
      {R"("type":"X25519KeyAgreementKey2020")", R"("type":"Ed25519VerificationKey2020")"},
      {R"("type":"JsonWebKey2020")", R"("type":"Multikey")"},
      {R"("type":"Multikey")", R"("type":"JsonWebKey2020")"},
      {jwk_of(key_number(3)), "[]"},
      {R"("kty":"OKP")", R"("kty":1)"},
      {R"("kty":"OKP",)", ""},
      {x, x + "="},
      {x, x.substr(0, 42)},
      {"\"x\":\"" + x, "\"y\":\"" + x},
      {x, crypto::base64url_encode(std::string(32, '\0'))},
      {R"("kty":"OKP")", R"("use":"enc","kty":"OKP")"},
      {R"("kty":"OKP")", R"("alg":"ES256","kty":"OKP")"},
      {R"("keyAgreement":["#x"])", R"("keyAgreement":["#missing"])"},
      {R"("id":"#embedded")", R"("id":"#a")"},
  };
  for (const auto& [from, to] : changes) bad.push_back(replaced(good, from, to));
  std::string many = R"({"id":"did:web:example.com","authentication":[)";
  for (size_t i = 0; i <= kMaxMethods; ++i)
    many += std::string(i > 0 ? "," : "") + R"("did:web:other.example#a")";
  bad.push_back(many + "]}");
  bad.push_back(R"({"id":"did:web:example.com","x":")" + std::string(kMaxDocumentBytes, 'x') + "\"}");
  for (const std::string& text : bad)
    EXPECT_EQ(parse_did_document(text, kDid).status().reason(), "invalid_did_document")
        << text.substr(0, 4000);
  EXPECT_EQ(parse_did_document(good, "did:web:example.com#a").status().reason(), "invalid_did");
}

TEST(DidDocument, BoundsItsMethods) {
  std::string text = R"({"id":"did:web:example.com","verificationMethod":[)";
  const auto method = [](size_t i) {
    return (i > 0 ? "," : "") + (R"({"id":"#k)" + std::to_string(i)) +
           R"(","type":"T","controller":"did:web:example.com"})";
  };
  for (size_t i = 0; i < kMaxMethods; ++i) text += method(i);
  EXPECT_TRUE(parse_did_document(text + "]}", kDid).ok());
  EXPECT_EQ(parse_did_document(text + method(kMaxMethods) + "]}", kDid).status().reason(),
            "invalid_did_document");
}

TEST(DidDocument, WithAPrivateKeyIsLost) {
  const std::string good = full_document();
  for (const std::string& text :
       {replaced(good, R"("kty":"OKP")", R"("d":"","kty":"OKP")"),
        replaced(good, R"("kty":"OKP")", R"("k":"","kty":"oct")"),
        replaced(good, R"("type":"Multikey")", R"("type":"Multikey","secretKeyMultibase":"z")"),
        replaced(good, R"("type":"FutureKey2030")", R"("type":"FutureKey2030","privateKeyJwk":{})")})
    EXPECT_EQ(parse_did_document(text, kDid).status().reason(), "private_key_published");
}

TEST(ResolveDid, FetchesTheOneAddress) {
  Web web;
  web.documents["https://example.com/.well-known/did.json"] = full_document();
  const Resolve resolve = web.resolver();
  EXPECT_TRUE(resolve(kDid).ok());
  EXPECT_EQ(web.fetched, 1);
  EXPECT_EQ(resolve("did:web:example.com:a").status().reason(), "http_404");
  web.documents["https://example.com/a/did.json"] = full_document();  // that of another
  EXPECT_EQ(resolve("did:web:example.com:a").status().reason(), "invalid_did_document");
  EXPECT_EQ(resolve("did:web:127.0.0.1").status().reason(), "invalid_did_web");
  EXPECT_EQ(web.fetched, 3);
  const SigningKey key = key_number(9);
  EXPECT_EQ(*resolve(key.did())->key_for(Relationship::kAuthentication, key.key_id()), key.public_key());
  EXPECT_EQ(web.fetched, 3);
  EXPECT_EQ(resolve("did:ion:x").status().code(), Code::kUnimplemented);
  EXPECT_EQ(resolve("did:key:z").status().reason(), "invalid_multikey");
  EXPECT_EQ(resolve("no did").status().reason(), "invalid_did");
  EXPECT_EQ(resolve_did(kDid, {}).status().reason(), "no_fetch");
  EXPECT_EQ(resolve_did_key(kDid).status().reason(), "invalid_did");
}

}  // namespace
}  // namespace tau::access
