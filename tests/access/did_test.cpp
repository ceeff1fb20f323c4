// Pins DIDs: the published did:key vectors, and the boundaries of what is one.
#include "access/did.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

// https://github.com/w3c-ccg/did-method-key, test-vectors/ed25519-x25519.json: seeds 0 to 4.
struct DidKeyVector {
  unsigned seed;
  const char *did, *public_key, *agreement;
};
constexpr DidKeyVector kVectors[] = {
    {0, "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
     "4zvwRjXUKGfvwnParsHAS3HuSVzV5cA4McphgmoCtajS", "z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW"},
    {1, "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
     "6ASf5EcmmEHTgDJ4X4ZT5vT6iHVJBXPg5AN5YoTCpGWt", "z6LSrHyXiPBhUbvPUtyUCdf32sniiMGPTAesgHrtEa4FePtr"},
    {2, "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf",
     "8pM1DN3RiT8vbom5u1sNryaNT1nyL8CTTW3b5PwWXRBH", "z6LSkkqoZRC34AEpbkhZCqLDcHQVAxuLpQ7kC8XCXMVUfvjE"},
    {3, "did:key:z6MkvqoYXQfDDJRv8L4wKzxYeuKyVZBfi9Qo6Ro8MiLH3kDQ",
     "HPYVwAQmskwT1qEEeRzhoomyfyupJGASQQtCXSNG8XS2", "z6LSiUo6AEDat8Ze4nQzDo67SGuHLLwsUGkxndHGUjsywHow"},
    {4, "did:key:z6MkwW6aqMnjgrhJXFUko3NnZPGzVpkNzhYK7yEhnsibmLwL",
     "J3qYF7YJMKCqQke47UQwiHizgFUXapHxRxKmxbkar89x", "z6LSrGb3qm4xMCEBjvwkLb2WEcXfTM94Tu1RyGCbT5wbg8i9"},
};

TEST(DidKey, MatchesThePublishedVectors) {
  for (const DidKeyVector& v : kVectors) {
    const SigningKey key = key_number(v.seed);
    EXPECT_EQ(key.did(), v.did);
    EXPECT_EQ(crypto::base58_encode(bytes_of(key.public_key())), v.public_key);
    EXPECT_EQ(*did_key_public_key(v.did), key.public_key());
    EXPECT_EQ(encode_multikey(KeyType::kX25519, *crypto::x25519_from_ed25519(key.public_key())), v.agreement);
    const auto document =
        parse_did_document(json::write(*did_key_document(v.did, {.key_agreement = true})), v.did);
    ASSERT_TRUE(document.ok()) << document.status().to_string();
    const auto& agreement = document->relationships[static_cast<size_t>(Relationship::kKeyAgreement)];
    ASSERT_EQ(agreement.size(), 1u);
    EXPECT_EQ(document->methods[agreement[0]].id, std::string(v.did) + "#" + v.agreement);
    EXPECT_EQ(document->methods[agreement[0]].key_type, KeyType::kX25519);
  }
}

// The document that other implementations publish for this DID with the suites of 2020.
TEST(DidKey, WritesTheDocumentThatOthersWrite) {
  const std::string name = "z6MkjHnntGvtLjwfAMHWTAXXGJHhVL3DPtaT9BHmyTjWpjqs";
  const std::string did = "did:key:" + name;
  const std::string agreement = "z6LSryEyvxgv9paaRHFeJ3vbHvPhtETwh339P52eDT21xdb1";
  const std::string reference = "[\"" + did + "#" + name + "\"]";
  const auto expected = json::parse(
      R"({"@context":["https://www.w3.org/ns/did/v1","https://w3id.org/security/suites/ed25519-2020/v1",)"
      R"("https://w3id.org/security/suites/x25519-2020/v1"],"id":")" +
      did + R"(","verificationMethod":[{"id":")" + did + "#" + name +
      R"(","type":"Ed25519VerificationKey2020","controller":")" + did + R"(","publicKeyMultibase":")" + name +
      R"("}],"authentication":)" + reference + R"(,"assertionMethod":)" + reference +
      R"(,"capabilityDelegation":)" + reference + R"(,"capabilityInvocation":)" + reference +
      R"(,"keyAgreement":[{"id":")" + did + "#" + agreement +
      R"(","type":"X25519KeyAgreementKey2020","controller":")" + did + R"(","publicKeyMultibase":")" +
      agreement + R"("}]})");
  const auto document =
      did_key_document(did, {.format = KeyFormat::kEd25519VerificationKey2020, .key_agreement = true});
  EXPECT_EQ(json::canonical(*document), json::canonical(*expected));
}

TEST(DidKey, WritesDocumentsInEveryFormatThatItReads) {
  const SigningKey key = key_number(1);
  for (const KeyFormat format :
       {KeyFormat::kMultikey, KeyFormat::kEd25519VerificationKey2020, KeyFormat::kJsonWebKey2020}) {
    for (const bool agreement : {false, true}) {
      const auto text = did_key_document(key.did(), {.format = format, .key_agreement = agreement});
      ASSERT_TRUE(text.ok());
      const auto document = parse_did_document(json::write(*text), key.did());
      ASSERT_TRUE(document.ok()) << document.status().to_string();
      for (const Relationship relationship :
           {Relationship::kAuthentication, Relationship::kAssertionMethod,
            Relationship::kCapabilityInvocation, Relationship::kCapabilityDelegation})
        EXPECT_EQ(*document->key_for(relationship, key.key_id()), key.public_key());
      EXPECT_EQ(document->key_for(Relationship::kKeyAgreement, "").ok(), false);
    }
  }
}

RC_GTEST_PROP(DidKey, IsTheKeyAndBack, ()) {
  const auto bytes = *rc::gen::container<std::string>(32, rc::gen::arbitrary<char>());
  const SigningKey key = *SigningKey::from_seed(Secret(bytes));
  RC_ASSERT(*did_key_public_key(key.did()) == key.public_key());
  RC_ASSERT(*decode_ed25519(key.multikey()) == key.public_key());
}

std::string multikey(std::string_view codec, size_t size, char byte) {
  return "z" + crypto::base58_encode(std::string(codec) + std::string(size, byte));
}

TEST(Multikey, KnowsKindsOfKeysByTheirLengths) {
  using namespace std::string_view_literals;
  const struct {
    std::string_view codec;
    size_t size;
  } others[] = {{"\xe7\x01"sv, 33}, {"\xeb\x01"sv, 96}, {"\xea\x01"sv, 48}, {"\x80\x24"sv, 33},
                {"\x81\x24"sv, 49}, {"\x82\x24"sv, 67}, {"\x85\x24"sv, 270}};
  for (const auto& [codec, size] : others) {
    const auto decoded = decode_multikey(multikey(codec, size, 'x'));
    ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
    EXPECT_EQ(decoded->type, KeyType::kOther);
    EXPECT_EQ(decode_ed25519(multikey(codec, size, 'x')).status().reason(), "unsupported_key_type");
  }
  EXPECT_EQ(decode_multikey(multikey("\xec\x01"sv, 32, 'x'))->type, KeyType::kX25519);
  for (const std::string& bad : {
           std::string(),
           std::string("z"),
           std::string("Z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
           std::string("u7QE"),          // base64url
           std::string("z0OIl"),         // not base 58
           "z" + std::string(600, '1'),  // too long
           multikey("\xed\x01"sv, 31, 'x'),
           multikey("\xed\x01"sv, 33, 'x'),
           multikey("\xec\x01"sv, 0, 'x'),
           multikey("\xed\x01"sv, 32, '\0'),  // of small order
           multikey("\xed\x81"sv, 32, 'x'),   // a varint of another number
           multikey("\xed\x01\x00"sv, 31, 'x'),
           multikey("\x00"sv, 32, 'x'),  // identity
           multikey("\x80\x24"sv, 32, 'x'),
       })
    EXPECT_EQ(decode_multikey(bad).status().reason(), "invalid_multikey") << bad;
}

TEST(SigningKeys, HaveNoDefaultRandomness) {
  EXPECT_EQ(SigningKey::generate(nullptr).status().reason(), "no_random");
  StuckRandom stuck;
  EXPECT_EQ(SigningKey::generate(&stuck).status().reason(), "no_random");
  CountingRandom random;
  const auto a = SigningKey::generate(&random);
  const auto b = SigningKey::generate(&random);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->did(), b->did());
  EXPECT_EQ(SigningKey::from_seed(a->seed())->did(), a->did());
  EXPECT_EQ(SigningKey::from_seed(Secret("short")).status().reason(), "invalid_length");
}

TEST(Did, HasASyntaxWithBoundaries) {
  for (const char* good : {"did:a:b", "did:web:example.com", "did:web:example.com%3A8080:a", "did:x9:a:b:c",
                           "did:x::a", "did:example:A-._%2F"}) {
    const auto parsed = parse_did(good);
    ASSERT_TRUE(parsed.ok()) << good;
    EXPECT_EQ(parsed->did, good);
    EXPECT_EQ("did:" + parsed->method + ":" + parsed->id, good);
  }
  EXPECT_EQ(parse_did_url("did:a:b#c-1")->fragment, "c-1");
  const std::string longest = "did:a:" + std::string(kMaxDidBytes - 6, 'x');
  EXPECT_TRUE(parse_did(longest).ok());
  for (const std::string& bad : std::vector<std::string>{"",
                                                         "did",
                                                         "did:",
                                                         "did:a",
                                                         "did:a:",
                                                         "did::b",
                                                         "DID:a:b",
                                                         "did:A:b",
                                                         "did:a-b:c",
                                                         "did:a:b:",
                                                         "did:a:b c",
                                                         "did:a:b/c",
                                                         "did:a:b?c",
                                                         "did:a:b;c",
                                                         "did:a:%",
                                                         "did:a:%2",
                                                         "did:a:%2f",
                                                         "did:a:%GG",
                                                         "did:a:\xc3\xa4",
                                                         "did:a:b\n",
                                                         "did:a:b#",
                                                         "did:a:b#c#d",
                                                         "did:a:b#c d",
                                                         "did:a:b#%41",
                                                         " did:a:b",
                                                         longest + "x",
                                                         std::string("did:a:b\0", 8)})
    EXPECT_EQ(parse_did_url(bad).status().reason(), "invalid_did") << bad;
  EXPECT_EQ(parse_did("did:a:b#c").status().reason(), "invalid_did");
  EXPECT_EQ(did_key_public_key("did:web:example.com").status().reason(), "invalid_did");
  EXPECT_EQ(did_key_public_key("did:key:zzz").status().reason(), "invalid_multikey");
  EXPECT_EQ(did_key_document("did:key:z6LSrGb3qm4xMCEBjvwkLb2WEcXfTM94Tu1RyGCbT5wbg8i9").status().reason(),
            "unsupported_key_type");
}

}  // namespace
}  // namespace tau::access
