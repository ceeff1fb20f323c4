#include "base/id.h"

#include <array>

namespace tau {

SharedString make_id(std::string_view prefix, Clock& clock, Random& random) {
  static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::byte, 10> entropy;
  random.fill(entropy);

  std::array<char, 26> id;
  char* at = id.data();
  const auto put = [&at](uint64_t bits, int characters) {
    for (int i = characters - 1; i >= 0; --i, bits >>= 5) at[i] = kAlphabet[bits & 31];
    at += characters;
  };
  put(static_cast<uint64_t>(clock.wall_ms()), 10);
  for (size_t half = 0; half < entropy.size(); half += 5) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; ++i) bits = bits << 8 | static_cast<uint64_t>(entropy[half + i]);
    put(bits, 8);
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
