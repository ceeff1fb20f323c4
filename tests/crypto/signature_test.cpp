// Pins Ed25519 to its published vectors and to one strict reading of them, and base 58 to its algebra.
#include "crypto/signature.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"

namespace tau::crypto {
namespace {

template <class Bytes>
std::string_view view(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

PublicKey key_of(std::string_view hexadecimal) {
  PublicKey key = {};
  const std::string bytes = *from_hex(hexadecimal);
  std::copy_n(bytes.begin(), std::min(bytes.size(), key.size()), key.begin());
  return key;
}

// RFC 8032 section 7.1, tests 1 to 3.
TEST(Ed25519, MatchesTheRfcVectors) {
  struct Vector {
    const char *seed, *key, *message, *signature;
  };
  for (const Vector& v : {
           Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
                  "f9b46bd"
                  "25bf5f0595bbe24655141438e7a100b"},
           Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
                  "f11d8c3"
                  "87b2eaeb4302aeeb00d291612bb0c00"},
           Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
                  "4dc6594"
                  "a7c15e9716ed28dc027beceea1ec40a"},
       }) {
    const Secret seed(*from_hex(v.seed));
    const std::string message = *from_hex(v.message);
    EXPECT_EQ(hex(view(*ed25519_public_key(seed))), v.key);
    EXPECT_EQ(hex(view(*ed25519_sign(seed, message))), v.signature);
    EXPECT_TRUE(ed25519_verify(key_of(v.key), message, *from_hex(v.signature)));
    EXPECT_TRUE(is_ed25519_key(key_of(v.key)));
  }
}

RC_GTEST_PROP(Ed25519, EveryFlippedBitIsNoticed, (const std::string& message)) {
  const Secret seed(std::string(32, static_cast<char>(*rc::gen::inRange(0, 256))));
  const PublicKey key = *ed25519_public_key(seed);
  std::string signature(view(*ed25519_sign(seed, message)));
  RC_ASSERT(ed25519_verify(key, message, signature));
  const auto bit = *rc::gen::inRange<size_t>(0, signature.size() * 8);
  signature[bit / 8] = static_cast<char>(signature[bit / 8] ^ (1 << bit % 8));
  RC_ASSERT(!ed25519_verify(key, message, signature));
}

TEST(Ed25519, RefusesAnSThatIsNotReduced) {
  const Secret seed(std::string(32, '\1'));
  std::string signature(view(*ed25519_sign(seed, "m")));
  // The order of the group, least significant byte first: S + L verifies wherever S is not checked.
  const std::string order = *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    carry += static_cast<unsigned char>(signature[32 + i]) + static_cast<unsigned char>(order[i]);
    signature[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519_verify(*ed25519_public_key(seed), "m", signature));
}

// The points whose order divides 8, with their other encodings, and keys that are no point at all.
TEST(Ed25519, RefusesKeysThatNobodyCanHaveMade) {
  const std::string ff(60, 'f');
  for (const std::string& bad : std::vector<std::string>{
           "01" + std::string(62, '0'), std::string(64, '0'), std::string(62, '0') + "80",
           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "ec" + ff + "7f",
           "ed" + ff + "7f", "ee" + ff + "7f", "ec" + ff + "ff", "ed" + ff + "ff", "ee" + ff + "ff",
           "ff" + ff + "ff", "02" + std::string(62, '0'),  // not on the curve
       }) {
    const PublicKey key = key_of(bad);
    EXPECT_FALSE(is_ed25519_key(key)) << bad;
    EXPECT_EQ(x25519_from_ed25519(key).status().reason(), "invalid_key") << bad;
    // R = the key, S = 0: valid for every message where such keys are accepted.
    EXPECT_FALSE(ed25519_verify(key, "m", std::string(view(key)) + std::string(32, '\0'))) << bad;
  }
}

TEST(Ed25519, RefusesOtherSizes) {
  EXPECT_EQ(ed25519_public_key(Secret("short")).status().reason(), "invalid_length");
  EXPECT_EQ(ed25519_sign(Secret(std::string(64, 'x')), "").status().reason(), "invalid_length");
  EXPECT_FALSE(ed25519_verify(*ed25519_public_key(Secret(std::string(32, '\1'))), "", std::string(63, '\0')));
}

// Both keys are those of the first did:key vector of the W3C (test-vectors/ed25519-x25519.json).
TEST(Ed25519, GivesTheKeyForKeyAgreement) {
  const PublicKey key = *ed25519_public_key(Secret(std::string(32, '\0')));
  EXPECT_EQ(base58_encode(view(key)), "4zvwRjXUKGfvwnParsHAS3HuSVzV5cA4McphgmoCtajS");
  EXPECT_EQ(base58_encode(view(*x25519_from_ed25519(key))), "7By6kV2t2d188odEM4ExAve1UithKT6dLva4dwsDT3ak");
}

TEST(Base64Url, HasOneTextForEachValue) {
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64url_encode("f"), "Zg");
  EXPECT_EQ(base64url_encode("\x03\xec\xff\xe0\xc1"), "A-z_4ME");  // RFC 7515 appendix C
  EXPECT_EQ(*base64url_decode("Zm9vYg"), "foob");
  EXPECT_EQ(*base64url_decode(""), "");
  for (std::string_view bad : {"Zg==", "Zh", "Z", "Zm9v ", "+/+/", "Zm\n9v"})
    EXPECT_EQ(base64url_decode(bad).status().reason(), "invalid_base64") << bad;
}

// Whatever byte stands in the text, what is accepted is the one text of its value.
TEST(Base64Url, HasNoOtherDigits) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < 4; ++at) {
      std::string text = "AAAA";
      text[at] = static_cast<char>(byte);
      const auto bytes = base64url_decode(text);
      EXPECT_EQ(bytes.ok() ? base64url_encode(*bytes) : text, text);
      const auto padded = base64_decode(text);
      EXPECT_EQ(padded.ok() ? base64_encode(*padded) : text, text);
    }
  }
}

RC_GTEST_PROP(Base64Url, RoundTrips, (const std::string& bytes)) {
  RC_ASSERT(*base64url_decode(base64url_encode(bytes)) == bytes);
}

// draft-msporny-base58-03 section 5.
TEST(Base58, MatchesTheVectorsOfTheDraft) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"Hello World!", "2NEpo7TZRRrLZSi2U"},
      {"The quick brown fox jumps over the lazy dog.",
       "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
      {std::string("\0\0\x28\x7f\xb4\xcd", 6), "11233QC4"},
      {"", ""},
      {std::string(3, '\0'), "111"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base58_encode(bytes), text);
    EXPECT_EQ(*base58_decode(text), bytes);
  }
}

RC_GTEST_PROP(Base58, RoundTrips, (const std::string& bytes)) {
  RC_PRE(bytes.size() < 300);
  RC_ASSERT(*base58_decode(base58_encode(bytes)) == bytes);
}

TEST(Base58, RefusesWhatIsNotInItsAlphabet) {
  for (const std::string& bad : {std::string("0"), std::string("O"), std::string("I"), std::string("l"),
                                 std::string("1 1"), std::string("\xc3\xa4"), std::string(513, '1')})
    EXPECT_EQ(base58_decode(bad).status().reason(), "invalid_base58") << bad;
}

}  // namespace
}  // namespace tau::crypto
