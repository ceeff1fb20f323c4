// Address: what an IP address is for, by the IANA special-purpose registries (RFC 6890 and its updates).
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace tau::net {
namespace {

struct Block {
  uint8_t bytes[16];
  uint8_t prefix_bits;
};

// Not globally reachable, or not a unicast host on the public Internet.
constexpr Block kSpecialV4[] = {
    {{0}, 8},              // this network
    {{10}, 8},             // RFC 1918
    {{100, 64}, 10},       // carrier-grade NAT
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local, cloud metadata services
    {{172, 16}, 12},       // RFC 1918
    {{192, 0, 0}, 24},     // IETF protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 88, 99}, 24},   // 6to4 relay anycast, deprecated
    {{192, 168}, 16},      // RFC 1918
    {{198, 18}, 15},       // benchmarking
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved, limited broadcast
};

constexpr Block kGlobalUnicastV6 = {{0x20}, 3};

// Inside 2000::/3, yet not public.
constexpr Block kSpecialV6[] = {
    {{0x20, 0x01, 0x00}, 23},        // IETF protocol assignments
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x3f, 0xff, 0x00}, 20},        // documentation
};

// IPv6 forms that carry an IPv4 address, which is where the packets end up.
struct Embedding {
  Block block;
  uint8_t offset;
  uint8_t mask;  // each byte of the address is XORed with it
};
constexpr Embedding kEmbeddings[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12, 0},              // v4-mapped
    {{{0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 96}, 12, 0},        // NAT64, RFC 6052
    {{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, 0, 0, 0, 0, 0, 0}, 96}, 12, 0},  // NAT64 of a site, RFC 8215
    {{{0x20, 0x02}, 16}, 2, 0},                                             // 6to4, RFC 3056
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 12, 0xff},                             // Teredo, RFC 4380
};
constexpr Block kV4Mapped = kEmbeddings[0].block;

bool in_block(const uint8_t* bytes, const Block& block) {
  const size_t whole = block.prefix_bits / 8u;
  if (std::memcmp(bytes, block.bytes, whole) != 0) return false;
  const unsigned rest = block.prefix_bits % 8u;
  const auto mask = static_cast<uint8_t>(0xff00u >> rest);
  return rest == 0 || ((bytes[whole] ^ block.bytes[whole]) & mask) == 0;
}

template <size_t N>
bool in_any(const uint8_t* bytes, const Block (&blocks)[N]) {
  return std::any_of(std::begin(blocks), std::end(blocks),
                     [&](const Block& b) { return in_block(bytes, b); });
}

bool carries_special_v4(const uint8_t* bytes, const Embedding& embedding) {
  uint8_t v4[4];
  for (size_t i = 0; i < 4; ++i) v4[i] = bytes[embedding.offset + i] ^ embedding.mask;
  return in_any(v4, kSpecialV4);
}

// ISATAP (RFC 5214): any prefix, then [02]00:5efe and an IPv4 address.
bool is_isatap(const uint8_t* bytes) {
  return (bytes[8] & 0xfdu) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

}  // namespace

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes, text, sizeof text);
  return is_v6 ? format("[{}]:{}", text, port) : format("{}:{}", text, port);
}

bool Address::is_loopback() const {
  if (!is_v6) return bytes[0] == 127;
  if (in_block(bytes, kV4Mapped)) return bytes[12] == 127;
  constexpr Block kLoopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
  return in_block(bytes, kLoopback);
}

bool Address::is_private() const {
  if (!is_v6) return in_any(bytes, kSpecialV4);
  for (const Embedding& embedding : kEmbeddings) {
    if (in_block(bytes, embedding.block)) return carries_special_v4(bytes, embedding);
  }
  if (is_isatap(bytes) && in_any(bytes + 12, kSpecialV4)) return true;
  return !in_block(bytes, kGlobalUnicastV6) || in_any(bytes, kSpecialV6);
}

StatusOr<Address> parse_address(std::string_view ip, uint16_t port) {
  Address address;
  address.port = port;
  address.is_v6 = ip.find(':') != std::string_view::npos;
  if (inet_pton(address.is_v6 ? AF_INET6 : AF_INET, std::string(ip).c_str(), address.bytes) != 1) {
    return invalid_argument("invalid_address", format("not an IP address: {}", ip.substr(0, 64)));
  }
  return address;
}

std::optional<Address> address_from_sockaddr(const sockaddr* address, size_t size) {
  Address out;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(out.bytes, &v4.sin_addr, 4);
    out.port = ntohs(v4.sin_port);
    return out;
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(out.bytes, &v6.sin6_addr, 16);
    out.port = ntohs(v6.sin6_port);
    out.is_v6 = true;
    return out;
  }
  return std::nullopt;
}

}  // namespace tau::net
