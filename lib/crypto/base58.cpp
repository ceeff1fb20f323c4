// Base 58: the bytes as one big number, leading zero bytes as leading '1's.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "crypto/crypto.h"

namespace tau::crypto {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

constexpr std::array<int8_t, 256> kDigits = [] {
  std::array<int8_t, 256> table = {};
  table.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}();

// number = number * factor + digit; least significant first, in `base`.
void push_digit(std::vector<uint8_t>& number, unsigned base, unsigned factor, unsigned digit) {
  unsigned carry = digit;
  for (uint8_t& place : number) {
    carry += place * factor;
    place = static_cast<uint8_t>(carry % base);
    carry /= base;
  }
  for (; carry > 0; carry /= base) number.push_back(static_cast<uint8_t>(carry % base));
}

}  // namespace

std::string base58_encode(std::string_view bytes) {
  const size_t zeros = std::min(bytes.find_first_not_of('\0'), bytes.size());
  std::vector<uint8_t> digits;
  for (const char c : bytes.substr(zeros)) push_digit(digits, 58, 256, static_cast<unsigned char>(c));
  std::string out(zeros, kAlphabet[0]);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) out.push_back(kAlphabet[*digit]);
  return out;
}

StatusOr<std::string> base58_decode(std::string_view text) {
  if (text.size() > kMaxBase58Chars)
    return invalid_argument(
        "invalid_base58", format("{} characters; base 58 has at most {} here", text.size(), kMaxBase58Chars));
  const size_t zeros = std::min(text.find_first_not_of(kAlphabet[0]), text.size());
  std::vector<uint8_t> bytes;
  for (const char c : text.substr(zeros)) {
    const int digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < 0) return invalid_argument("invalid_base58", "expected base 58 with the alphabet of Bitcoin");
    push_digit(bytes, 256, 58, static_cast<unsigned>(digit));
  }
  std::string out(zeros, '\0');
  out.append(bytes.rbegin(), bytes.rend());
  return out;
}

}  // namespace tau::crypto
