#include "base/id.h"

#include <array>

namespace tau {

SharedString make_id(std::string_view prefix, Clock& clock, Random& random) {
  static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::byte, 10> entropy;
  random.fill(entropy);

  std::array<char, 26> id;
  char* at = id.data();
  const auto time = static_cast<uint64_t>(clock.wall_ms());
  for (int shift = 45; shift >= 0; shift -= 5) *at++ = kAlphabet[(time >> shift) & 31];
  uint32_t bits = 0;
  int count = 0;
  for (std::byte b : entropy) {
    bits = bits << 8 | static_cast<uint32_t>(b);
    for (count += 8; count >= 5; count -= 5) *at++ = kAlphabet[(bits >> (count - 5)) & 31];
  }
  return SharedString::concat({prefix, {id.data(), id.size()}});
}

bool is_valid_id(std::string_view id) {
  static constexpr std::array<bool, 256> kAllowed = [] {
    std::array<bool, 256> allowed{};
    for (const char c :
         std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-"))
      allowed[static_cast<unsigned char>(c)] = true;
    return allowed;
  }();
  if (id.empty() || id.size() > 128) return false;
  for (const char c : id)
    if (!kAllowed[static_cast<unsigned char>(c)]) return false;
  return true;
}

}  // namespace tau
