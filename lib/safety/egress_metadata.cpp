// Addresses that are never reached, whatever was granted.
#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "safety/egress.h"

namespace tau::safety {
namespace {

using Bytes = const uint8_t*;

bool starts_with(Bytes bytes, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes);
}

bool is_metadata_v4(Bytes b) {
  return starts_with(b, {169, 254}) ||            // link-local: AWS, Azure, Google, Oracle, DigitalOcean, …
         starts_with(b, {100, 100, 100, 200}) ||  // Alibaba
         starts_with(b, {168, 63, 129, 16}) ||    // Azure's wire server
         starts_with(b, {192, 0, 0, 192});        // Oracle
}

bool is_metadata_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  const uint8_t bytes[] = {a, b, c, d};
  return is_metadata_v4(bytes);
}

// RFC 6052 section 2.2: an address lies behind prefixes of six lengths, around the reserved byte 8.
bool nat64_carries_metadata(Bytes b) {
  return is_metadata_v4(b + 12) || is_metadata_v4(b[6], b[7], b[9], b[10]) ||
         is_metadata_v4(b[7], b[9], b[10], b[11]) || is_metadata_v4(b + 9);
}

// The forms of IPv6 that carry an IPv4 address to which packets go in the end.
bool carries_metadata(Bytes b) {
  constexpr uint8_t kZeros[10] = {};
  if (std::memcmp(b, kZeros, 8) == 0) return is_metadata_v4(b + 12);  // mapped, compatible, translated
  if (starts_with(b, {0x00, 0x64, 0xff, 0x9b})) return nat64_carries_metadata(b);  // RFC 6052, RFC 8215
  if (starts_with(b, {0x20, 0x02})) return is_metadata_v4(b + 2);                  // 6to4
  if (starts_with(b, {0x20, 0x01, 0x00, 0x00})) {                                  // Teredo: inverted
    return is_metadata_v4(static_cast<uint8_t>(~b[12]), static_cast<uint8_t>(~b[13]),
                          static_cast<uint8_t>(~b[14]), static_cast<uint8_t>(~b[15]));
  }
  const bool isatap = (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
  return isatap && is_metadata_v4(b + 12);
}

}  // namespace

bool is_metadata_address(const net::Address& address) {
  const Bytes b = address.bytes;
  if (!address.is_v6) return is_metadata_v4(b);
  if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return true;  // fe80::/10
  if (carries_metadata(b)) return true;
  // AWS fd00:ec2::/32 (its Nitro services), Google fd20:ce::254
  static constexpr uint8_t kGoogle[16] = {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  return starts_with(b, {0xfd, 0x00, 0x0e, 0xc2}) || std::memcmp(b, kGoogle, 16) == 0;
}

}  // namespace tau::safety
