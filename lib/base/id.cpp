#include "base/id.h"

#include <array>

namespace tau {

std::string make_id(std::string_view prefix, Clock& clock, Random& random) {
  static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::array<std::byte, 10> entropy;
  random.fill(entropy);

  std::string id;
  id.reserve(prefix.size() + 26);
  id += prefix;
  const auto time = static_cast<uint64_t>(clock.wall_ms());
  for (int shift = 45; shift >= 0; shift -= 5) id += kAlphabet[(time >> shift) & 31];
  uint32_t bits = 0;
  int count = 0;
  for (std::byte b : entropy) {
    bits = bits << 8 | static_cast<uint32_t>(b);
    for (count += 8; count >= 5; count -= 5) id += kAlphabet[(bits >> (count - 5)) & 31];
  }
  return id;
}

bool is_valid_id(std::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  for (char c : id) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '_' && c != '.' && c != ':' && c != '-') return false;
  }
  return true;
}

}  // namespace tau
