// Pins crypto: published vectors, and that pieces, round trips and refusals behave.
#include "crypto/crypto.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tau::crypto {
namespace {

// 256-bit outputs; the same function reproduces the self-test digest of RFC 7693 appendix E.
TEST(Blake2b, MatchesKnownDigests) {
  EXPECT_EQ(hex(blake2b("")), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(hex(blake2b("abc")), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  std::string bytes;
  for (int i = 0; i < 5 * 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(hex(blake2b(bytes)), "82628cbfc9689e234b0923a531f4578fe2e7138a03e2f81ed6cde97517336650");
}

// The input sequence of RFC 7693 appendix E (selftest_seq).
std::string rfc7693_sequence(size_t size, uint32_t seed) {
  uint32_t a = 0xDEAD4BADu * seed;
  uint32_t b = 1;
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    const uint32_t t = a + b;
    a = b;
    b = t;
    out.push_back(static_cast<char>(t >> 24));
  }
  return out;
}

TEST(Blake2b, MatchesTheUnkeyed256BitPartOfTheRfcSelfTest) {
  Blake2b all;
  for (uint32_t size : {0u, 3u, 128u, 129u, 255u, 1024u}) {
    const Digest digest = blake2b(rfc7693_sequence(size, size));
    all.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
  }
  EXPECT_EQ(hex(all.finish()), "4f115497d72f1ccb3d237329babe50880012733139e76a227f62b1ee64cd03e4");
}

RC_GTEST_PROP(Blake2b, PiecesHashLikeTheWholeAndTheHasherIsReusable,
              (const std::vector<std::string>& pieces)) {
  Blake2b hasher;
  for (int round = 0; round < 2; ++round) {
    std::string whole;
    for (const std::string& piece : pieces) {
      hasher.update(piece);
      whole += piece;
    }
    RC_ASSERT(hasher.finish() == blake2b(whole));
  }
}

// The values are those of the reference implementation.
TEST(Checksum, IsTheSameEverywhereAndTellsWhereAPieceEnds) {
  EXPECT_EQ(checksum64(""), 0x2d06800538d394c2u);
  EXPECT_NE(checksum64("", 1), checksum64(""));
  EXPECT_NE(checksum64("c", checksum64("ab")), checksum64("bc", checksum64("a")));
  EXPECT_NE(checksum64("", checksum64("a")), checksum64("a"));
}

TEST(Hex, EncodesAndRefuses) {
  EXPECT_EQ(hex(std::string_view("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*from_hex("00FF10"), std::string("\x00\xff\x10", 3));
  EXPECT_EQ(*from_hex(""), "");
  for (std::string_view bad : {"0", "0g", "00 ff", "0x00", "abc", "00ff\n"}) {
    EXPECT_EQ(from_hex(bad).status().reason(), "invalid_hex") << bad;
  }
}

// RFC 4648 section 10.
TEST(Base64, MatchesTheRfcVectors) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64_encode(plain), text);
    ASSERT_TRUE(base64_decode(text).ok()) << text;
    EXPECT_EQ(*base64_decode(text), plain);
  }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (std::string_view bad : {"Zg", "Zg=", "Zg==\n", " Zg==", "Zm9=v", "Zh==", "Zm9v====", "Z_9v", "="}) {
    EXPECT_EQ(base64_decode(bad).status().reason(), "invalid_base64") << bad;
  }
}

RC_GTEST_PROP(Encodings, RoundTrip, (const std::string& bytes)) {
  RC_ASSERT(*from_hex(hex(bytes)) == bytes);
  RC_ASSERT(*base64_decode(base64_encode(bytes)) == bytes);
}

// Values of zlib: the check value, and lengths around the sixteen bytes that are taken at once.
// Bit by bit, as the standard has it.
uint32_t slow_crc32(std::string_view bytes, uint32_t seed) {
  uint32_t crc = ~seed;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

TEST(Crc32, IsTheSameForEveryLengthAndSeed) {
  std::string bytes;
  uint32_t state = 1;
  for (size_t size = 0; size < 700; ++size) {
    for (const uint32_t seed : {0U, 0xffffffffU, state})
      ASSERT_EQ(crc32(bytes, seed), slow_crc32(bytes, seed)) << size;
    // Also where the bytes are not aligned.
    const std::string_view rest = std::string_view(bytes).substr(size > 0 ? 1 : 0);
    ASSERT_EQ(crc32(rest), slow_crc32(rest, 0)) << size;
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24);
  }
}

TEST(Crc32, IsThatOfZlib) {
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  std::string bytes;
  for (unsigned i = 0; i < 300; ++i) bytes += static_cast<char>(i * 7 % 256);
  const std::pair<size_t, uint32_t> known[] = {{1, 0xd202ef8du},  {15, 0xc356fbb9u}, {16, 0x54126ba2u},
                                               {17, 0xba8b4e1eu}, {31, 0xf4837cb8u}, {32, 0xe8433d3fu},
                                               {33, 0xc48663f5u}, {300, 0xe000b1fbu}};
  for (const auto& [size, crc] : known)
    EXPECT_EQ(crc32(std::string_view(bytes).substr(0, size)), crc) << size;
  for (size_t cut = 0; cut <= bytes.size(); cut += 13)
    EXPECT_EQ(crc32(std::string_view(bytes).substr(cut), crc32(std::string_view(bytes).substr(0, cut))),
              crc32(bytes));
}

}  // namespace
}  // namespace tau::crypto
